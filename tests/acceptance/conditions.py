"""Every condition of the gates' SQL: a state in which just that condition closes the gate, or leaves it open."""

from __future__ import annotations

from tests.acceptance.closers import Closer
from tests.acceptance.conditions_containment import CONTAINED_STAYS, CONTAINMENT
from tests.acceptance.conditions_documents import DOCUMENTS
from tests.acceptance.conditions_estate import ESTATE, ESTATE_STAYS, ROWS
from tests.acceptance.conditions_ledger import LEDGER
from tests.acceptance.conditions_outside import OUTSIDE, OUTSIDE_STAYS
from tests.acceptance.conditions_partitions import PARTITION_STAYS, PARTITIONS
from tests.acceptance.conditions_roles import ROLES, ROLES_STAYS
from tests.acceptance.conditions_routines import ROUTINES
from tests.acceptance.conditions_subject import SUBJECT, SUBJECT_STAYS
from tests.acceptance.conditions_succession import SUCCESSION, SUCCESSION_STAYS
from tests.acceptance.fired import BESIDE, WAYS
from tests.acceptance.growth import REACHED
from tests.acceptance.moves import do
from tests.acceptance.stays_open import STAYS as OTHER_STAYS
from tests.acceptance.stays_open import Stays

__all__ = ["CONDITIONS", "STAYS", "Stays"]
_GROWTH = tuple(Closer(c.gate, c.name, c.move, c.named, resign=False) for c in REACHED)
_CONTAINED = "application_role_contained"
_FIRED = tuple(
    Closer(_CONTAINED, f"fired by {name}", do(way.made), way.routine, resign=False) for name, way in WAYS.items()
)
_NOT_FIRED = tuple(Stays(_CONTAINED, f"what is fired by a table {name}", do(made)) for name, made in BESIDE.items())
CONDITIONS: tuple[Closer, ...] = (
    *DOCUMENTS,
    *LEDGER,
    *SUBJECT,
    *ROLES,
    *CONTAINMENT,
    *OUTSIDE,
    *ESTATE,
    *ROWS,
    *ROUTINES,
    *_GROWTH,
    *_FIRED,
    *PARTITIONS,
    *SUCCESSION,
)
STAYS: tuple[Stays, ...] = (
    *OTHER_STAYS,
    *CONTAINED_STAYS,
    *OUTSIDE_STAYS,
    *ESTATE_STAYS,
    *SUBJECT_STAYS,
    *ROLES_STAYS,
    *_NOT_FIRED,
    *PARTITION_STAYS,
    *SUCCESSION_STAYS,
)
