"""A tree of objects as text and as one HTML file without script; every name in it is anybody's, so it is escaped."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from qt001_cp.plan.tree import Node


def print_tree(root: Node) -> None:
    Console(width=None if sys.stdout.isatty() else 160).print(_branch(root))


def print_html(title: str, facts: Sequence[str], root: Node) -> None:
    environment = Environment(
        loader=PackageLoader("qt001_cp.cli", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    print(environment.get_template("tree.html.j2").render(title=title, facts=facts, tree=root))


def _branch(node: Node) -> Tree:
    tree = Tree(_line(node))
    for child in node.children:
        tree.children.append(_branch(child))
    return tree


def _line(node: Node) -> Text:
    """As plain text: names hold no markup, and a control character shows as what it is."""
    line = Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in node.label))
    if not node.leaf:
        return line.append(f"  {node.count}", style="dim")
    for mark in node.marks:
        line.append(f"  {mark.upper() if mark == 'unclassified' else mark}", style="bold")
    if node.note:
        line.append("  " + "".join(c if c.isprintable() else repr(c)[1:-1] for c in node.note), style="dim")
    return line
