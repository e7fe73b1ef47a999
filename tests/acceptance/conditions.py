"""Every condition of the gates' SQL: a state in which just that condition closes the gate, or leaves it open."""

from __future__ import annotations

from tests.acceptance.closers import Closer
from tests.acceptance.conditions_documents import DOCUMENTS
from tests.acceptance.conditions_ledger import LEDGER
from tests.acceptance.conditions_roles import ROLES
from tests.acceptance.conditions_routines import ROUTINES
from tests.acceptance.growth import REACHED
from tests.acceptance.stays_open import STAYS, Stays

__all__ = ["CONDITIONS", "STAYS", "Stays"]
_GROWTH = tuple(Closer(c.gate, c.name, c.move, c.named, resign=False) for c in REACHED)
CONDITIONS: tuple[Closer, ...] = (*DOCUMENTS, *LEDGER, *ROLES, *ROUTINES, *_GROWTH)
