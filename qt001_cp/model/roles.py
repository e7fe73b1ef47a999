"""The roles of the control plane (contract, section 3). Only the application role is a setting."""

from __future__ import annotations

from typing import Final

from qt001_cp.model.names import Role

SCHEMA: Final = "qt001_cp"
OWNER: Final = Role("qt001_cp_owner")
AUTHOR: Final = Role("qt001_cp_author")
OPERATOR: Final = Role("qt001_cp_operator")
VERIFIER: Final = Role("qt001_cp_verifier")
AUDITOR: Final = Role("qt001_cp_auditor")

DUTIES: Final = (AUTHOR, OPERATOR, VERIFIER, AUDITOR)
"""No login may hold two of these."""
