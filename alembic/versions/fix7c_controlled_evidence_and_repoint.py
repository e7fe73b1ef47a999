"""FIX7c: controlled evidence and authoritative repoint

Deploys evidence, sign-off, gates and verifier; imports the static analysis; seals readiness, capability and dependency
manifest; gives the routines of the apply path sources that ask for acceptance first; retires the legacy authority.

Needs -x manifest=FILE; the other documents from the same folder, or -x documents=FOLDER.

Revision ID: fix7c
Revises: fix7b
"""

from alembic import op

import qt001_cp.ops  # noqa: F401
from qt001_cp.emit.script import statement_steps
from qt001_cp.ops import arguments

revision = "fix7c"
down_revision = "fix7b"
branch_labels = None
depends_on = None

UP, DOWN = "upgrade fix7c", "downgrade fix7c"


def upgrade() -> None:
    manifest = arguments.manifest(revision)
    documents = arguments.documents(revision)
    op.require_rehearsal("FIX7c")
    op.script_settings(**arguments.timeouts())
    op.begin_script(UP, revision, pair=manifest.pair)
    op.run_stage_sql(UP, "fix7c", "[1-9]*.sql", pair=manifest.pair)
    op.guard("deploy_begin", manifest.digest())
    op.run_as_ledger("deploy_documents", manifest.digest(), *documents, pair=manifest.pair)
    op.replace_sources(UP, manifest, "after")
    op.apply_manifest(manifest, "retire")
    op.guard("deploy_end", manifest.digest())
    op.guard("watch_begin")
    steps = ["deploy_begin", "deploy_documents", *statement_steps(manifest, "retire"), "deploy_end", "watch_begin"]
    op.end_script(UP, revision, steps)


def downgrade() -> None:
    manifest = arguments.manifest(revision)
    op.require_rehearsal("FIX7c")
    op.script_settings(**arguments.timeouts())
    op.begin_script(DOWN, down_revision, pair=manifest.pair)
    op.guard("undeploy_begin", manifest.digest())
    op.guard("watch_end")
    op.apply_manifest(manifest, "revive")
    op.replace_sources(DOWN, manifest, "before")
    op.guard("undeploy_end", manifest.digest())
    op.run_stage_sql(DOWN, "fix7c", "zz_drop.sql", pair=manifest.pair)
    op.end_script(
        DOWN, down_revision, ["undeploy_begin", "watch_end", *statement_steps(manifest, "revive"), "undeploy_end"]
    )
