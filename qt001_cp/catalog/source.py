"""The one catalog query, the body of ``qt001_cp.live_object``, as text: it also runs where FIX7a is not deployed."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

from qt001_cp.errors import ManifestError
from qt001_cp.sql.render import fill

_FILE: Final = "20_live_object.sql"


@cache
def settings() -> str:
    """What the function pins for itself, for the transaction that runs its body."""
    head, _, _ = _source().partition("AS $live_object$")
    return "; ".join(f"SET LOCAL {found}" for found in re.findall(r"^SET (.*)$", head, re.MULTILINE))


@cache
def query() -> str:
    """The body as a table ``live_object``. $1 to $4: application, everything, definitions, numbers."""
    source = _source()
    header = re.search(r"RETURNS TABLE \((.*?)\)\nLANGUAGE", source, re.DOTALL)
    body = re.search(r"\$live_object\$\n(.*)\n\$live_object\$", source, re.DOTALL)
    if header is None or body is None:
        raise ManifestError(f"{_FILE} has lost its body")
    columns = ", ".join(part.split()[0] for part in header.group(1).split(","))
    return f"({body.group(1)}) live_object ({columns})"


@cache
def _source() -> str:
    return fill(resources.files("qt001_cp.sql").joinpath("fix7a", _FILE).read_text("utf-8"), _FILE)
