"""The roles of the control plane (contract, section 3). Only the application role is a setting."""

from __future__ import annotations

from typing import Final

from qt001_cp.model.names import Role

SCHEMA: Final = "qt001_cp"
LEDGER_TABLES: Final = ("document", "event", "manifest_row")
"""What the ledger never forgets stands here: a way back leaves these rows, and nothing else."""
OWNER: Final = Role("qt001_cp_owner")
LEDGER: Final = Role("qt001_cp_ledger")
"""Owns schema qt001_cp. Nobody is a member, but while the administrator lends it for FIX7a, FIX7c and their way back."""
AUTHOR: Final = Role("qt001_cp_author")
OPERATOR: Final = Role("qt001_cp_operator")
VERIFIER: Final = Role("qt001_cp_verifier")
AUDITOR: Final = Role("qt001_cp_auditor")

DUTIES: Final = (AUTHOR, OPERATOR, VERIFIER, AUDITOR)
"""No login may hold two of these."""
