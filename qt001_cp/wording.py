"""How PostgreSQL writes definitions, names and constants depends on settings; here is what they have to be."""

from __future__ import annotations

from typing import Final

WORDING: Final = (
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("datestyle", "'ISO, YMD'"),
    ("intervalstyle", "'postgres'"),
    ("timezone", "'UTC'"),
    ("bytea_output", "'hex'"),
    ("extra_float_digits", "1"),
    ("lc_monetary", "'C'"),
    ("xmlbinary", "'base64'"),
)
"""Setting and value, the value as SET takes it."""


def wording(prefix: str = "SET ", end: str = "") -> str:
    """The settings, one a line: clauses of CREATE FUNCTION, or with other words around each, statements."""
    return "\n".join(f"{prefix}{name} = {value}{end}" for name, value in WORDING)
