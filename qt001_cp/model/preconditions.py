"""The preconditions of FIX7b and of its way back: one table for preflight, the head of the script and the review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Precondition:
    """``number`` as the contract and ``qt001_cp.fix7b_findings`` count; ``codes``: the SQLSTATEs it refuses with."""

    number: int
    codes: tuple[str, ...]
    title: str


_PLACE: Final = Precondition(0, ("QT120", "QT121", "QT122", "QT123"), "the right server, database and stage")
POWER: Final = Precondition(
    7, ("QT107",), "the session is the operator's and may run every statement, the roles are kept apart"
)
_RESTORE_SCRIPT: Final = Precondition(3, ("QT103",), "the restore script of this manifest is registered")
BLOCKED: Final = Precondition(6, ("QT106",), "apply and readiness are blocked")
GOES_ON: Final = Precondition(9, ("QT114",), "what is transferred goes on working")
LOCKS: Final = Precondition(10, ("QT109",), "the locks fit")

FORWARD: Final = (
    _PLACE,
    Precondition(1, ("QT101",), "the manifest is sealed, neither withdrawn nor superseded"),
    Precondition(2, ("QT102",), "the live estate is exactly the manifest, and frozen rows are those that were sealed"),
    _RESTORE_SCRIPT,
    Precondition(4, ("QT104",), "search paths of SECURITY DEFINER routines are pinned"),
    Precondition(5, ("QT105",), "the no-go rehearsal of this manifest is recorded and complete"),
    BLOCKED,
    POWER,
    Precondition(8, ("QT108",), "nothing that stays with the application reaches a protected object"),
    GOES_ON,
    LOCKS,
)
RESTORE: Final = (
    _PLACE,
    Precondition(1, ("QT101",), "the manifest is the one that was cut over"),
    Precondition(2, ("QT113",), "nothing that is to be put back has drifted"),
    _RESTORE_SCRIPT,
    POWER,
    LOCKS,
)
AFTERWARDS: Final = (
    (("QT103",), "every statement ran that the manifest implies, and no other"),
    (("QT110",), "every object is in the state where it should be"),
    (("QT111",), "the application role holds nothing beyond the manifest"),
    (("QT112",), "the objects whose owner or ACL changed are exactly the manifest's"),
)
