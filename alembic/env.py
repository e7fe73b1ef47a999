"""Alembic's environment: joins the -x arguments, the connection and our operations. The work is in qt001_cp.ops."""

from qt001_cp.ops.environment import run

run()
