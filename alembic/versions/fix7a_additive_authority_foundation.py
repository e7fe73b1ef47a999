"""FIX7a: additive authority foundation

Creates the ledger, the functions and the views in schema qt001_cp, and captures owners, ACLs and sources of the estate.
Seals nothing, repoints nothing, grants the application role nothing.

Needs -x policy=FILE.

Revision ID: fix7a
Revises:
"""

from pathlib import Path

from alembic import op

import qt001_cp.ops  # noqa: F401
from qt001_cp.ops import arguments

revision = "fix7a"
down_revision = None
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent / "sql" / "fix7a"
SUMS = "fc85c840484e82cfcb833df6da6e6b49445bcfea1ed7e63d085186572c72fe1a"


def upgrade() -> None:
    op.script_settings(**arguments.timeouts())
    op.run_pinned_sql(FOLDER, SUMS, "00_*.sql", as_owner=False)
    op.run_pinned_sql(FOLDER, SUMS, "[1-9]*.sql")
    op.run_as_owner("configure", arguments.policy(revision).body())


def downgrade() -> None:
    op.script_settings(**arguments.timeouts())
    op.guard("require_duty", "qt001_cp_operator")
    op.run_pinned_sql(FOLDER, SUMS, "zz_drop.sql")
