"""Tables that grow: whose partitions are made, detached and dropped without a change (contract, section 10 "Growth")."""

from __future__ import annotations

from dataclasses import dataclass

from qt001_cp.model.canonical import Json
from qt001_cp.model.names import ObjectRef, glob


@dataclass(frozen=True, order=True, slots=True)
class Growth:
    """Partitions of ``table`` whose name in ``schema`` fits the pattern ``name`` come and go. ``table``: an identity, as PostgreSQL gives it."""

    table: str
    schema: str
    name: str

    def covers(self, ref: ObjectRef) -> bool:
        """Whether a table of this name may come and go."""
        return ref.kind == "table" and ref.schema == self.schema and glob(self.name).fullmatch(ref.name) is not None

    def to_json(self) -> Json:
        """As the manifest has it: the reason stays in the policy."""
        return {"table": self.table, "schema": self.schema, "name": self.name}
