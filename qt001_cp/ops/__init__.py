"""Custom Alembic operations. ``import qt001_cp.ops`` registers them; use them as ``op.transfer_ownership(...)`` etc.

They print with ``--sql`` exactly what they run online, and they never read the catalog.
"""

from qt001_cp.ops import change, directives, drift, release  # noqa: F401 - registers the operations, and the comparator of their drift
