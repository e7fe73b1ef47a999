"""PostgreSQL's refusals as errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from qt001_cp.errors import DatabaseProblem, Refused

_MEMBERSHIP = "this login lacks the membership of its duty, or has it without INHERIT (docs/operator.md)"


@contextmanager
def refusals() -> Iterator[None]:
    """Turn errors of class QT and 42501 into :class:`Refused`, others of psycopg into :class:`DatabaseProblem`."""
    try:
        yield
    except psycopg.Error as exc:
        state, diag = exc.sqlstate, exc.diag
        if state is not None and (state.startswith("QT") or state == "42501"):
            hint = diag.message_hint or (_MEMBERSHIP if state == "42501" else None)
            raise Refused(diag.message_primary or str(exc), sqlstate=state, hint=hint) from exc
        hint = diag.message_hint or ("check the connection: psql 'DSN' -c 'SELECT 1'" if state is None else None)
        raise DatabaseProblem(f"[{state}] {exc}" if state else str(exc).strip(), hint=hint) from exc
