"""FIX7b: authority and ACL cutover

Transfers the objects of one sealed manifest to qt001_cp_owner, takes the application role's and PUBLIC's privileges on
them, and grants SELECT on the curated views. All preconditions and postconditions run in SQL, in the same transaction.

Needs -x manifest=FILE. -x rehearsal=first: this run makes the no-go record (only in a rehearsal).

Revision ID: fix7b
Revises: fix7a
"""

from pathlib import Path

from alembic import op

import qt001_cp.ops  # noqa: F401
from qt001_cp.emit.head import script_head
from qt001_cp.ops import arguments

revision = "fix7b"
down_revision = "fix7a"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent / "sql" / "fix7b"
SUMS = "966702c7d408b264493294a09278f58bc0ffbf9d9a0795d8aaf90b9b080e5df2"


def upgrade() -> None:
    manifest = arguments.manifest(revision)
    how = (arguments.first_rehearsal(), arguments.keep_sessions())
    op.require_rehearsal("FIX7b")
    op.script_settings(head=script_head(manifest, "forward"), **arguments.timeouts())
    op.guard("cutover_begin", manifest.digest(), *how)
    op.apply_manifest(manifest, "forward")
    op.run_pinned_sql(FOLDER, SUMS, "[1-9]*.sql")
    op.guard("cutover_end", manifest.digest(), *how)


def downgrade() -> None:
    manifest = arguments.manifest(revision)
    op.require_rehearsal("FIX7b")
    op.script_settings(head=script_head(manifest, "restore"), **arguments.timeouts())
    op.guard("restore_begin", manifest.digest())
    op.apply_manifest(manifest, "restore")
    op.guard("restore_end", manifest.digest())
    op.run_pinned_sql(FOLDER, SUMS, "zz_drop.sql")
