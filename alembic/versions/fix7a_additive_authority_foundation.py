"""FIX7a: additive authority foundation

Creates the ledger, the functions and the views in schema qt001_cp, and captures owners, ACLs and sources of the estate.
Seals nothing, repoints nothing, grants the application role nothing.

Needs -x policy=FILE. The downgrade takes the ledger away: it needs -x ledger=FILE, an export of it up to its last event.

Revision ID: fix7a
Revises:
"""

from alembic import op

import qt001_cp.ops  # noqa: F401
from qt001_cp.ops import arguments
from qt001_cp.sql.build import build

revision = "fix7a"
down_revision = None
branch_labels = None
depends_on = None

UP, DOWN = "upgrade fix7a", "downgrade fix7a"


def upgrade() -> None:
    policy = arguments.policy(revision)
    op.script_settings(**arguments.timeouts())
    op.run_stage_sql(UP, "fix7a", "00_*.sql", first=True, pair=policy.pair)
    op.run_stage_sql(UP, "fix7a", "[1-9]*.sql", pair=policy.pair)
    op.run_as_ledger("configure", policy.body(), build("fix7c"), pair=policy.pair)
    op.end_script(UP, revision, ["configure"], pair=policy.pair)


def downgrade() -> None:
    ledger = arguments.exported()
    op.script_settings(**arguments.timeouts())
    op.begin_script(DOWN, None, pair=ledger.pair)
    op.run_as_ledger("require_export", ledger.head, pair=ledger.pair)
    op.run_stage_sql(DOWN, "fix7a", "zz_drop.sql", pair=ledger.pair)
    op.end_script(DOWN, None, ["require_export"], pair=ledger.pair)
