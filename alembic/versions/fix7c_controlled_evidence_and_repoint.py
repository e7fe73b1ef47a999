"""FIX7c: controlled evidence and authoritative repoint

Deploys evidence, sign-off, gates and verifier; imports the static analysis; seals readiness, capability and dependency
manifest; gives the routines of the apply path sources that ask for acceptance first; retires the legacy authority.

Needs -x manifest=FILE; the other documents from the same folder, or -x documents=FOLDER.

Revision ID: fix7c
Revises: fix7b
"""

from pathlib import Path

from alembic import op

import qt001_cp.ops  # noqa: F401
from qt001_cp.ops import arguments

revision = "fix7c"
down_revision = "fix7b"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent / "sql" / "fix7c"
SUMS = "85729f776076af987b2446b7ef17306e7f25bb3f5836e423f12e96767f8507db"
DOCUMENTS = ("static-analysis.json", "readiness.json", "capability.json", "dependency.json")


def upgrade() -> None:
    manifest = arguments.manifest(revision)
    documents = [arguments.document(name, revision) for name in DOCUMENTS]
    op.require_rehearsal("FIX7c")
    op.script_settings(**arguments.timeouts())
    op.guard("require_duty", "qt001_cp_operator")
    op.run_pinned_sql(FOLDER, SUMS, "[1-9]*.sql")
    op.guard("deploy_begin", manifest.digest())
    op.run_as_owner("deploy_documents", manifest.digest(), *documents)
    op.replace_sources(manifest, "after")
    op.apply_manifest(manifest, "retire")
    op.guard("deploy_end", manifest.digest())
    op.guard("watch_begin")


def downgrade() -> None:
    manifest = arguments.manifest(revision)
    op.require_rehearsal("FIX7c")
    op.script_settings(**arguments.timeouts())
    op.guard("undeploy_begin", manifest.digest())
    op.guard("watch_end")
    op.apply_manifest(manifest, "revive")
    op.replace_sources(manifest, "before")
    op.guard("undeploy_end", manifest.digest())
    op.run_pinned_sql(FOLDER, SUMS, "zz_drop.sql")
