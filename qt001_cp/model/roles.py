"""The roles of the control plane (contract, section 3). The application role is a setting, and so is the pair that owns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qt001_cp.errors import ManifestError
from qt001_cp.model.names import Role

SCHEMA: Final = "qt001_cp"
LEDGER_TABLES: Final = ("document", "event", "manifest_row")
"""What the ledger never forgets stands here: a way back leaves these rows, and nothing else."""
OWNER: Final = Role("qt001_cp_owner")
LEDGER: Final = Role("qt001_cp_ledger")
AUTHOR: Final = Role("qt001_cp_author")
OPERATOR: Final = Role("qt001_cp_operator")
VERIFIER: Final = Role("qt001_cp_verifier")
AUDITOR: Final = Role("qt001_cp_auditor")

DUTIES: Final = (AUTHOR, OPERATOR, VERIFIER, AUDITOR)
"""No login may hold two of these. They give EXECUTE, in every database of the cluster alike."""
_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
# PostgreSQL documentation, appendix C: what is no name of a role without quotes (reserved, or only for functions and types).
_RESERVED: Final = frozenset(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column"
    " concurrently constraint create cross current_catalog current_date current_role current_schema current_time"
    " current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full"
    " grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime"
    " localtimestamp natural none not notnull null offset on only or order outer overlaps placing primary public references"
    " returning right select session_user similar some symmetric system_user table tablesample then to trailing true union unique"
    " user using variadic verbose when where window with".split()
)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two roles of one database that nobody logs in as: ``owner`` owns what was transferred, ``ledger`` schema qt001_cp.

    Nobody is a member of ``ledger``, but while the administrator lends it for FIX7a, FIX7c and their way back. Our SQL is written with
    the default names; :meth:`named` puts these in their place. That is why they are names without quotes.
    Raises :class:`ManifestError` for names that cannot be a pair.
    """

    owner: Role = OWNER
    ledger: Role = LEDGER

    def __post_init__(self) -> None:
        for key, role, default in (("owner", self.owner, OWNER), ("ledger", self.ledger, LEDGER)):
            _require_plain(key, role, default)
        if self.owner == self.ledger:
            raise ManifestError(f"owner and ledger: expected two roles, found {self.owner.name} twice",
                                hint="what decides must not belong to the role that owns what was transferred")  # fmt: skip

    @property
    def is_default(self) -> bool:
        return self == DEFAULT

    def named(self, text: str) -> str:
        """``text`` of ours, which has the default names, with these."""
        return text if self.is_default else _DEFAULT_NAMES.sub(lambda found: self._names[found[0]], text)

    @property
    def _names(self) -> Mapping[str, str]:
        return {OWNER.name: self.owner.name, LEDGER.name: self.ledger.name}

    def to_json(self) -> dict[str, str]:
        return {"owner": self.owner.name, "ledger": self.ledger.name}

    @classmethod
    def from_json(cls, data: Mapping[str, str] | None) -> Pair:
        """The pair that a document names, the default where it names none."""
        return DEFAULT if data is None else cls(Role(data["owner"]), Role(data["ledger"]))

    @property
    def psql(self) -> str:
        """What the administrator adds to the psql that runs bootstrap.sql or teardown.sql; ends with a blank."""
        return "" if self.is_default else f"-v owner={self.owner.name} -v ledger={self.ledger.name} "


def _require_plain(key: str, role: Role, default: Role) -> None:
    name = role.name
    if not _PLAIN.fullmatch(name) or name in _RESERVED or name.startswith("pg_"):
        raise ManifestError(
            f"{key}: expected a role whose name needs no quotes ([a-z][a-z0-9_]*, no reserved word, not pg_…), found {name!r}",
            hint=f"for example shop_cp_{key}",
        )
    if role != default and role in (OWNER, LEDGER, *DUTIES):
        raise ManifestError(
            f"{key}: expected a role of its own, found {name}, which is another role of the control plane",
            hint=f"{default.name}, or a name of your own such as shop_cp_{key}",
        )


_DEFAULT_NAMES: Final = re.compile(rf"\b(?:{OWNER.name}|{LEDGER.name})\b")
DEFAULT: Final = Pair()
