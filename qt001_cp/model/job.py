"""A job of a scheduler in the database: what runs later, as whom."""

from __future__ import annotations

from dataclasses import dataclass

from qt001_cp.model.names import Role


@dataclass(frozen=True, order=True)
class Job:
    """``number`` and ``name`` as pg_cron has them (the name may be empty), ``command`` the SQL that it runs as ``role``."""

    number: int
    name: str
    role: Role
    command: str

    def __str__(self) -> str:
        return f"job {self.number}{f' ({self.name})' if self.name else ''} of pg_cron"
