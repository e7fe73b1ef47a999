"""Every command in a fenced block of the README and of docs is run by a test as it is written, or stands in the table below with
the reason why it runs elsewhere; each reason is looked at."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qt001_cp.cli.main import _parser, main
from qt001_cp.workflow.revisions import project_folder
from tests import matrix
from tests.guides.guide import Block, checkout, fenced, pages, unlike
from tests.guides.test_guides import HANDS

COMMANDS = ("sh", "console", "bash", "sql")
FIRST_WORD = re.compile(r"(?:\w+=\S+ )*(?:scripts/|\.ci/|python |pip |qt001-cp |alembic |psql |pytest )")
BINARIES = Path("/usr/lib/postgresql/15/bin")
_CI = (project_folder() / ".ci" / "run").read_text("utf-8")


def _text_of(path: str) -> str:
    return (project_folder() / path).read_text("utf-8")


def _commands(block: Block) -> list[str]:
    return [line.split("  #")[0].strip() for line in block.body.splitlines() if line.strip()]


def _by_ci(block: Block) -> bool:
    """Each is a step of CI, or takes its turn there: the first as it stands, the others with arguments of CI's own."""
    return all(
        re.search(rf"(?:^step|\) within) {re.escape(c.split(' 1')[0])}\b", _CI, re.MULTILINE) for c in _commands(block)
    )


def _by(path: str, words: str) -> Callable[[Block], bool]:
    """A test reads the block and runs its lines."""
    return lambda _: words in _text_of(path)


def _parses(program: Callable[[], Any]) -> Callable[[Block], bool]:
    """What takes hours is at least a call that its program takes: it gets as far as its first server."""

    def taken(block: Block) -> bool:
        (command,) = _commands(block)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", shlex.split(command)[2:])
            patch.setattr("benchmarks.run.bench_server", _no_server)
            patch.setattr("benchmarks.guard.bench_server", _no_server)
            with pytest.raises(_FirstServerError):
                program()
        return True

    return taken


class _FirstServerError(Exception):
    pass


def _no_server(*_: object, **__: object) -> None:
    raise _FirstServerError


def _performance() -> Any:
    from benchmarks.run import main

    return main()


def _guard_cost() -> Any:
    from benchmarks.guard import main

    return main()


def _walked(block: Block) -> bool:
    return (block.page, block.heading.partition(".")[0]) in HANDS


_ONE_VERSION = [
    "QT001_TEST_POSTGRES=15 scripts/test tests/estate",
    "QT001_TEST_POSTGRES=15 scripts/rehearse",
    f"QT001_POSTGRES_BIN_15={BINARIES} QT001_TEST_POSTGRES=15 scripts/test tests/estate",
]
# Where the blocks of a page run, by page and heading (None: every heading): (the reason, how it is looked at).
HOMES: dict[tuple[str, str | None], tuple[str, Callable[[Block], bool]]] = {
    ("operator", "Without superuser"): (
        "a walk of its own, where nobody is superuser", _by("tests/guides/test_without_superuser.py", '== "Without superuser"')),
    ("operator", None): ("the three guides, hand in hand", _walked),
    ("author", None): ("the three guides, hand in hand", _walked),
    ("auditor", None): ("the three guides, hand in hand", _walked),
    ("cluster", None): ("on a second database, with another pair", _by("tests/cluster/test_page.py", 'blocks("cluster")')),
    ("people", None): ("with an opened database", _by("tests/acceptance/test_people.py", '"docs" / "people.md"')),
    ("first-pack", None): ("by an installed wheel", _by("tests/packaging/test_first_pack.py", 'guide = blocks("first-pack")')),
    ("log", None): ("on the estate of that page", _by("tests/guides/test_log.py", 'blocks("log")')),
    ("log-wagtail", None): ("on a real Wagtail", _by("tests/zoo/page.py", 'blocks(f"log-{running.application}")')),
    ("log-unleash", None): ("on a real Unleash", _by("tests/zoo/page.py", 'blocks(f"log-{running.application}")')),
    ("log-dagster", None): ("on a real Dagster", _by("tests/zoo/page.py", 'blocks(f"log-{running.application}")')),
    ("log-mlflow", None): ("on a real MLflow", _by("tests/zoo/page.py", 'blocks(f"log-{running.application}")')),
    ("operations", None): ("by an installed wheel", _by("tests/packaging/test_wheel.py", '"docs" / "operations.md"')),
    ("pooler", None): ("behind PgBouncer", _by("tests/operator/test_pooler.py", 'blocks("pooler")')),
    ("changes", None): ("with a copy on a second server, at FIX7c", _by("tests/succession/test_page.py", 'p.stem == "changes"')),
    ("releases", None): ("a release made and brought, at FIX7c", _by("tests/release/test_page.py", 'p.stem == "releases"')),
    ("clone", ""): ("on another estate", _by("tests/clone/test_whole_way.py", '"".join(blocks("clone")[""]).splitlines()')),
    ("README", "Two commands"): ("CI runs both; the second runs this test", _by_ci),
    ("versions", "Following the server"): (
        "from 15 to 18", _by("tests/versions/test_server_move.py", 'blocks("versions")["Following the server"]')),
    ("versions", "Running on all of them"): ("each of 14 to 17 has its turn in CI, after the tests on 18", _by_ci),
    ("versions", "Running on one version"): ("here, and by scripts/matrix", lambda block: _commands(block) == _ONE_VERSION),
    ("performance", ""): ("it takes hours; by hand", _parses(_performance)),
    ("guard-cost", ""): ("it takes an hour; by hand", _parses(_guard_cost)),
    ("architecture", "The way of one object"): ("an excerpt of what is printed: test_guides compares it", lambda block: block.language == "sql"),
}  # fmt: skip  # one place a line


def _blocks_with_commands() -> list[Block]:
    every = [b for page in pages() for b in fenced(page)]
    return [b for b in every if b.language in COMMANDS or (b.language == "" and FIRST_WORD.match(b.body))]


def test_every_block_with_commands_runs_somewhere() -> None:
    found = _blocks_with_commands()
    assert {b.page for b in found} >= {"README", "operator", "author", "auditor", "first-pack", "clone", "versions"}
    homeless, wrong, used = [], [], set()
    for block in found:
        key = next((k for k in ((block.page, block.heading), (block.page, None)) if k in HOMES), None)
        if key is None:
            homeless.append(block)
            continue
        used.add(key)
        if not HOMES[key][1](block):
            wrong.append((block, HOMES[key][0]))
    assert homeless == [], "no test runs it: run it, or give it a home in HOMES with the reason"
    assert wrong == [], "the reason does not hold"
    assert HOMES.keys() - used == set(), "nothing like it stands in the docs any more"


# What was printed, and where it is compared with what is printed today.
SHOWN = {
    ("README", "What it prints"): "tests/guides/test_guides.py",
    ("operator", "8. FIX7b"): "tests/guides/test_guides.py",
    ("policy", ""): "tests/guides/test_every_command.py",
    ("architecture", "Layers"): "the layers, which lint-imports checks",
}


def test_every_output_is_compared() -> None:
    shown = [b for page in pages() for b in fenced(page) if b.language == "" and not FIRST_WORD.match(b.body)]
    assert {(b.page, b.heading) for b in shown} == SHOWN.keys()
    for (page, heading), home in SHOWN.items():
        assert not home.endswith(".py") or f'unlike("{page}", "{heading}"' in _text_of(home)


def test_the_error_that_the_policy_page_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.toml").write_text('schema = "qt001.policy/1"\nname = "x"\n[rolez]\napplication = "a"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["inventory", "--policy", "policy.toml", "--database", "host=/nowhere"]) == 2
    assert unlike("policy", "", "", capsys.readouterr().err) == []


@pytest.mark.slow
def test_one_version_as_written(tmp_path: Path) -> None:
    """With the distribution's binaries where they are; the other two lines are what scripts/matrix does."""
    if not BINARIES.is_dir():
        pytest.skip(f"no PostgreSQL 15 in {BINARIES}; scripts/matrix runs the same tests with other binaries")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "QT001", "PYTEST"))}
    done = subprocess.run(
        ["bash", "-c", _ONE_VERSION[2]],
        cwd=checkout(tmp_path),
        env={**keep, "QT001_TEST_WORKERS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"PostgreSQL: .*15", done.stdout), done.stdout
    assert re.search(r"\d+ passed", done.stdout), done.stdout


def test_the_matrix_runs_the_other_lines_of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The estate's tests and a rehearsal, each with QT001_TEST_POSTGRES."""
    ran: list[tuple[str | None, str]] = []

    def run(command: list[str], *, env: dict[str, str], **_: Any) -> Any:
        ran.append((env.get("QT001_TEST_POSTGRES"), " ".join(command[1:])))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(matrix, "open_server", lambda major: _Opened(major))
    monkeypatch.setattr(subprocess, "run", run)
    matrix.main(["15"])
    assert [v for v, _ in ran] == ["15", "15"]
    assert " -m matrix " in f"{ran[0][1]} "
    assert ran[1][1].startswith("-m qt001_cp rehearse")
    from tests.conftest import MATRIX

    assert "estate" in MATRIX
    assert "exec qt001-cp rehearse" in _text_of("scripts/rehearse")


class _Opened:
    def __init__(self, major: int) -> None:
        self.version = major * 10000

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        return None


_SPAN = re.compile(r"`([^`\n]+)`")


def _spans() -> list[tuple[str, str]]:
    return [
        (page.stem, span)
        for page in pages()
        for span in _SPAN.findall(re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE))
    ]


def _known_verbs() -> set[str]:
    parser = _parser()
    (verbs,) = [a for a in parser._actions if hasattr(a, "choices") and isinstance(a.choices, dict)]
    return set(verbs.choices or {})


def test_every_command_in_a_sentence_names_what_there_is() -> None:
    """Scripts that exist, verbs of ours, options of that verb."""
    looked_at, wrong = 0, []
    for page, span in _spans():
        for script in re.findall(
            r"(?<![\w./])(?:scripts|\.ci|docs|tests|qt001_cp|benchmarks|alembic)/[\w./@*-]+", span
        ):
            looked_at += 1
            if "…" not in span and not list(project_folder().glob(script.rstrip("."))):
                wrong.append((page, script))
        if (option := re.match(r"qt001-cp (--[a-z]+)", span)) and option[1] not in _parser().format_help():
            wrong.append((page, span))
        match = re.match(r"(?:\w+=\S+ )*qt001-cp ([a-z][a-z-]*)((?: [a-z]+)?)(.*)", span)
        if match:
            looked_at += 1
            verb, rest = match.group(1), match.group(3)
            if verb not in _known_verbs() or any(
                o not in _help(verb, match.group(2).strip()) for o in re.findall(r"--[a-z-]+", rest)
            ):
                wrong.append((page, span))
    assert looked_at > 60
    assert wrong == []


def _help(verb: str, part: str) -> str:
    parser = _parser()
    for word in (verb, part):
        below = [a.choices for a in parser._actions if isinstance(a.choices, dict) and a.dest != "format"]
        if below and word in below[0]:
            parser = below[0][word]
    return parser.format_help()
