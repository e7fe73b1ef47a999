"""Pages by Jinja2: autoescape for HTML, one line and no markup for names in Markdown.

Source: Jinja2 documentation, "Autoescaping" and "Undefined Types" (StrictUndefined).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qt001_cp.model.shown import markdown, visible


def page(template: str, facts: Mapping[str, Any], package: str = "qt001_cp.review") -> bytes:
    """One page of ``package`` as UTF-8; the stylesheet is the review's. HTML is escaped by its name's ending.

    In HTML every value is printed with its control characters, new lines and bidi marks in sight.
    """
    html = template.removesuffix(".j2").endswith(".html")
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("qt001_cp.review")]),
        autoescape=html,  # noqa: S701 - by the name's ending; what is not HTML is Markdown and text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_in_sight if html else None,
    )
    environment.filters["md"] = markdown
    return environment.get_template(template).render(facts).encode()


def _in_sight(value: Any) -> Any:
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)
