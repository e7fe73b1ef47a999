"""SQL that reaches the server, or the printed file, exactly as it is written.

``op.execute(str)`` would parse ``:name`` as a bind parameter and double ``%``; this does neither.
"""

from __future__ import annotations

from typing import Any

from alembic.operations import Operations
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.ddl import ExecutableDDLElement

from qt001_cp.errors import ManifestError


class VerbatimSQL(ExecutableDDLElement):
    """One piece of SQL, compiled to itself."""

    inherit_cache = False

    def __init__(self, text: str) -> None:
        self.text = text


@compiles(VerbatimSQL)
def _compile(element: VerbatimSQL, _compiler: Any, **_kw: Any) -> str:
    return element.text


def emit(operations: Operations, text: str) -> None:
    """Run or print ``text``. Raises :class:`ManifestError` for a tab: offline output would not be the same."""
    if "\t" in text:
        raise ManifestError('SQL with a tab differs between --sql and online; write it as U&"\\0009" or a space')
    stripped = text.strip()
    operations.execute(VerbatimSQL(stripped.removesuffix(";")), execution_options={"no_parameters": True})
