"""Pages by Jinja2: autoescape for HTML, one line and no markup for names in Markdown.

Source: Jinja2 documentation, "Autoescaping" and "Undefined Types" (StrictUndefined).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


def page(template: str, facts: Mapping[str, Any]) -> bytes:
    """One page as UTF-8. HTML is escaped by its name's ending."""
    html = template.removesuffix(".j2").endswith(".html")
    environment = Environment(
        loader=PackageLoader("qt001_cp.review"), autoescape=html, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["md"] = plain
    return environment.get_template(template).render(facts).encode()


def plain(text: object) -> str:
    """A name in Markdown: no markup, no new line."""
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))
    return _MARKUP.sub(r"\\\1", shown)
