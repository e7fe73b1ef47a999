"""Examples of the verbs whose help is short; each is parsed by the tests."""

from __future__ import annotations

import argparse
from typing import Any, Final

EXAMPLES: Final = {
    "policy init": ('qt001-cp policy init --database "$AUTHOR" --out policy.toml',
                    "qt001-cp policy init --database \"$AUTHOR\" --application cms --protect 'public.clearance_*'"),
    "policy schema": ("qt001-cp policy schema guard --append-only public.audit_log --database \"$AUTHOR\" --out moved",),
    "preflight": ('qt001-cp preflight bundle/object.json --database "$OPERATOR"',
                  'qt001-cp preflight bundle/object.json --restore --database "$OPERATOR" --format json'),
    "status": ('qt001-cp status --database "$OPERATOR"',),
    "manifest generate": ('qt001-cp manifest generate --policy policy.toml --database "$AUTHOR" --out bundle --propose',),
    "manifest diff": ("qt001-cp manifest diff rehearsal/object.json bundle/object.json",),
    "manifest show": ("qt001-cp manifest show bundle/object.json",
                      "qt001-cp manifest show bundle/object.json --format html > manifest.html"),
    "manifest seal": ('qt001-cp manifest seal bundle/object.json --database "$OPERATOR"',),
    "manifest withdraw": ("qt001-cp manifest withdraw bundle/object.json --reason 'made again' --database \"$OPERATOR\"",),
    "change new": ("qt001-cp change new add_unit",),
    "change prepare": ('qt001-cp change prepare add_unit --source "$ADMIN"',
                       "qt001-cp change prepare add_unit --dump directus.dump --roles roles.sql",
                       'qt001-cp change prepare add_unit --database "$COPY"',
                       'qt001-cp change prepare add_view --policy policy.toml --database "$COPY" --format json'),
    "change propose": ('qt001-cp change propose changes/add_unit --database "$AUTHOR"',),
    "manifest verify": ('qt001-cp manifest verify bundle/object.json --database "$AUDITOR"',),
    "analyse": ('qt001-cp analyse --policy policy.toml --database "$AUTHOR"',
                "qt001-cp analyse --database \"$AUTHOR\" --only 'public.qt001_write(pg_catalog.jsonb)' --format sarif > analysis.sarif"),
    "evidence import": ('qt001-cp evidence import restore_drill.json --database "$AUTHOR"',
                        'qt001-cp evidence import rehearsal/nogo.json --rehearsal --database "$OPERATOR"'),
    "evidence list": ('qt001-cp evidence list --database "$AUDITOR"',),
    "bind": ('qt001-cp bind 9d7d937a52e31629cfb5eb0d592197fa63b2708fff00000000000000000000aa restore_drill --database "$AUTHOR"',),
}  # fmt: skip  # one command a line


def add_examples(verbs: Any, before: str = "") -> None:
    """Put the examples at the end of each verb's help. ``verbs``: what ``add_subparsers`` gave."""
    for name, parser in verbs.choices.items():
        below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        for action in below:
            add_examples(action, f"{before}{name} ")
        lines = EXAMPLES.get(f"{before}{name}")
        if lines and not below:
            parser.formatter_class = argparse.RawDescriptionHelpFormatter
            parser.epilog = (
                (parser.epilog + "\n\n" if parser.epilog else "") + "examples:\n" + "\n".join(f"  {x}" for x in lines)
            )
