"""FIX7b: authority and ACL cutover

Transfers the objects of one sealed manifest to the owner role, takes the application role's and PUBLIC's privileges on
them, and grants SELECT on the curated views. All preconditions and postconditions run in SQL, in the same transaction.

Needs -x manifest=FILE. -x rehearsal=first: this run makes the no-go record (only in a rehearsal).

Revision ID: fix7b
Revises: fix7a
"""

from alembic import op

import qt001_cp.ops  # noqa: F401
from qt001_cp.emit.head import script_head
from qt001_cp.emit.script import statement_steps
from qt001_cp.ops import arguments

revision = "fix7b"
down_revision = "fix7a"
branch_labels = None
depends_on = None

UP, DOWN = "upgrade fix7b", "downgrade fix7b"


def upgrade() -> None:
    manifest = arguments.manifest(revision)
    how = (arguments.first_rehearsal(), arguments.keep_sessions())
    op.require_rehearsal("FIX7b")
    op.script_settings(head=script_head(manifest, "forward"), **arguments.timeouts())
    op.begin_script(UP, revision, pair=manifest.pair)
    op.guard("cutover_begin", manifest.digest(), *how)
    op.apply_manifest(manifest, "forward")
    op.guard("cutover_end", manifest.digest(), *how)
    op.end_script(UP, revision, ["cutover_begin", *statement_steps(manifest, "forward"), "cutover_end"])


def downgrade() -> None:
    manifest = arguments.manifest(revision)
    op.require_rehearsal("FIX7b")
    op.script_settings(head=script_head(manifest, "restore"), **arguments.timeouts())
    op.begin_script(DOWN, down_revision, pair=manifest.pair)
    op.guard("restore_begin", manifest.digest())
    op.apply_manifest(manifest, "restore")
    op.guard("restore_end", manifest.digest())
    op.end_script(DOWN, down_revision, ["restore_begin", *statement_steps(manifest, "restore"), "restore_end"])
