"""Precondition 3: the printed statements are the manifest's to the letter, and their restore script is registered."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from qt001_cp.emit.statements import statement
from qt001_cp.model.names import ObjectRef, Role
from qt001_cp.model.roles import OWNER
from qt001_cp.model.steps import ChangeOwner
from qt001_cp.rehearsal.scene import OPERATOR
from tests.conftest import Stage
from tests.cutover.support import printed, refused, refused_in_psql, reseal

_ONE = (
    statement(ObjectRef("table", "public.qt001_source", "public", "qt001_source"), ChangeOwner(Role("directus"), OWNER))
    + "\n"
)
_END = re.compile(r"\nEND\n(\$qt001_[0-9a-f]{16}\$);\n")
_BETWEEN = re.compile(r"\n(\$run_[0-9a-f]{16}\$);\nEXECUTE \1\n")


def test_restore_script_is_not_registered(at_fix7a_sealed: Stage, tmp_path: Path) -> None:
    with at_fix7a_sealed.connect() as connection:
        connection.execute("ALTER TABLE public.articles ADD COLUMN subtitle text")
    reseal(at_fix7a_sealed, tmp_path, register=False)
    refused(at_fix7a_sealed, "QT103", at_fix7a_sealed.digest, "not registered", rehearsal="first")


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert text.count(old) == 1
        return text.replace(old, new)

    return edit


EDITS: dict[str, Callable[[str], str]] = {
    "one changed": _replaced(_ONE, _ONE.replace("qt001_cp_owner", "directus")),
    "one removed": _replaced(_ONE, ""),
    "one added": _replaced(_ONE, _ONE + 'GRANT SELECT ON TABLE "public"."qt001_source" TO "directus";\n'),
    "one commented out": _replaced(_ONE, "-- " + _ONE),
    "one twice": _replaced(_ONE, _ONE + _ONE),
    "another case of a letter": _replaced(_ONE, _ONE.replace("ALTER TABLE", "ALTER table")),
    "one behind the end of the block, in the same query": lambda text: _END.sub(
        r"\nEND\n\1\\; GRANT SELECT ON TABLE public.qt001_source TO directus;\n", text, count=1
    ),
    "one before the block, in the same query": lambda text: re.sub(
        r"\nDO (\$qt001_[0-9a-f]{16}\$)\n", r"\nGRANT SELECT ON TABLE public.tags TO intern\\; DO \1\n", text, count=1
    ),
    "a declaration before its BEGIN": lambda text: re.sub(
        r"\nDO (\$qt001_[0-9a-f]{16}\$)\nBEGIN", r"\nDO \1\nDECLARE a int;\nBEGIN", text, count=1
    ),
    "one behind the last string of a block": lambda text: _END.sub(
        r"\nGRANT SELECT ON TABLE public.qt001_source TO directus;\nEND\n\1;\n", text, count=1
    ),
    "one between two strings": lambda text: _BETWEEN.sub(
        r"\n\1;\nGRANT SELECT ON TABLE public.qt001_source TO directus;\nEXECUTE \1\n", text, count=1
    ),
    "a string that takes a parameter": lambda text: _BETWEEN.sub(r"\n\1 USING 1;\nEXECUTE \1\n", text, count=1),
    "a string that ends elsewhere": lambda text: _BETWEEN.sub(r"\n\1 || '';\nEXECUTE \1\n", text, count=1),
    "the numbers of the block": lambda text: re.sub(
        r"current_query\(\), 1, (\d+)\)", lambda m: f"current_query(), 1, {int(m[1]) - 1})", text, count=1
    ),
    "the whole block": lambda text: re.sub(
        r"\nDO (\$qt001_[0-9a-f]{16}\$)\n.*?\n\1;\n\nDO (\$call_[0-9a-f]{16}\$) BEGIN PERFORM qt001_cp.require_last_statement\('([^']+)', 'forward', \d+\)",
        r"\nDO \2 BEGIN PERFORM qt001_cp.require_last_statement('\3', 'forward', 0)",
        text,
        count=1,
        flags=re.DOTALL,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", EDITS)
def test_printed_text_was_edited(at_recorded: Stage, way: str) -> None:
    text = printed(at_recorded)
    edited = EDITS[way](text)
    assert edited != text
    refused_in_psql(at_recorded, edited, "QT103")


def test_how_many_statements_one_string_holds_makes_no_difference(at_recorded: Stage) -> None:
    text = printed(at_recorded)
    edited = _BETWEEN.sub("\n", text)
    assert edited.count("EXECUTE $run_") < text.count("EXECUTE $run_")
    refused_in_psql(at_recorded, edited.replace("COMMIT;", "SELECT 1 / 0;"), "22012")


@pytest.mark.parametrize(
    "phase",
    [
        "privileges, before the owners",
        "owners",
        "privileges of relations",
        "owners of relations and composite types",
        "privileges, after the owners",
    ],
)
def test_one_block_is_missing(at_recorded: Stage, phase: str) -> None:
    """Its count still stands in the last call; the after-state of its objects is not reached."""
    text = printed(at_recorded)
    block = re.search(rf"-- {phase}: statements .*?\nEND\n\$qt001_[0-9a-f]{{16}}\$;\n", text, re.DOTALL)
    assert block is not None
    refused_in_psql(at_recorded, text.replace(block[0], ""), "QT110")


def test_the_run_says_how_far_it_is_and_what_it_changed(at_recorded: Stage) -> None:
    said = at_recorded.scene.server.psql(
        printed(at_recorded), dbname=at_recorded.scene.database, user=OPERATOR, check=False
    )
    notices = [line.partition("NOTICE:  ")[2] for line in said.stderr.splitlines() if "NOTICE:  " in line]
    steps = [re.fullmatch(r"statements (\d+) to (\d+) of (\d+)", n) for n in notices]
    parts = [tuple(map(int, m.groups())) for m in steps if m]
    assert said.returncode == 0, said.stderr
    blocks = re.findall(r"^-- .+: statements (\d+) to (\d+) of ", printed(at_recorded), re.MULTILINE)
    assert len(parts) >= 4
    assert [p[:2] for p in parts] == [tuple(map(int, b)) for b in blocks]
    assert [p[0] for p in parts] == [1, *(p[1] + 1 for p in parts[:-1])]
    assert {p[2] for p in parts} == {parts[-1][1]}
    with at_recorded.connect() as connection:
        owned = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = 'qt001_cp_owner'::regrole AND relkind IN ('r', 'p') AND relnamespace <> 'qt001_cp'::regnamespace"
        ).fetchone()
    assert owned is not None
    changed = re.fullmatch(
        r"Changed: 115 objects \((.*)\), the owner of \d+, \d+ steps of GRANT and REVOKE", notices[-1]
    )
    assert changed is not None, notices
    assert f"{owned[0]} table" in changed[1].split(", ")


def test_other_manifest_in_the_text(at_recorded: Stage) -> None:
    refused_in_psql(at_recorded, printed(at_recorded).replace(at_recorded.digest, "0" * 64), "QT101")


def test_progress_says_no_number_that_it_does_not_know(at_fix7b_done: Stage) -> None:
    said = at_fix7b_done.upgrade("fix7c")
    assert "statements 1 to " in said
    assert "?" not in said
