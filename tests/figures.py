"""The house's figures, measured: ``scripts/figures [--write] [--gate NAME] [--privilege NAME]``.

SQL is what stands under qt001_cp/sql. ``--write`` puts the table into CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
_TABLE = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
_FUNCTION = re.compile(r"^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) ([\w.]+).*?AS (\$\w*\$).*?\2", re.M | re.DOTALL)
_COMMENT = re.compile(r"--.*$|'(?:[^']|'')*'", re.MULTILINE)
_REFERENCE = re.compile(r"(?<![\w.$])([a-z_][a-z0-9_]*)\.(?=[a-z_*])")
_SCHEMAS = {"pg_catalog", "information_schema", "public", "pg_temp", "qt001_cp", "qt001_cp_watch"}
_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.match_case)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*patterns: str) -> list[Path]:
    """What git knows of, by patterns."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "0 of 0"


def complexity(function: Function) -> int:
    """One and each decision: branches, parts of a condition, comprehensions and their filters. Functions inside count alone."""
    found, todo = 1, list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, Function | ast.ClassDef):
            continue
        found += isinstance(node, _BRANCHES)
        found += len(node.values) - 1 if isinstance(node, ast.BoolOp) else 0
        found += 1 + len(node.ifs) if isinstance(node, ast.comprehension) else 0
        todo += ast.iter_child_nodes(node)
    return found


def functions() -> Iterator[tuple[Path, Function]]:
    for path in files("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, Function):
                yield path, node


def sql_figures() -> Iterator[tuple[str, str]]:
    texts = {path: path.read_text("utf-8") for path in files("qt001_cp/sql/*.sql")}
    lines = [line for text in texts.values() for line in text.splitlines()]
    for limit in (100, 120):
        yield f"SQL lines longer than {limit} columns", share(sum(len(line) > limit for line in lines), len(lines))
    plain = " ".join(_COMMENT.sub("", text) for text in texts.values())
    aliases = [name for name in _REFERENCE.findall(plain) if name not in _SCHEMAS]
    yield "SQL references by an alias of one letter", share(sum(len(a) == 1 for a in aliases), len(aliases))
    sizes = {m[1]: m[0].count("\n") + 1 for text in texts.values() for m in _FUNCTION.finditer(text)}
    longest = max(sizes, key=lambda name: sizes[name])
    yield "longest SQL function", f"{sizes[longest]} lines, {longest}"
    yield "SQL functions longer than 80 lines", share(sum(size > 80 for size in sizes.values()), len(sizes))


def python_figures() -> Iterator[tuple[str, str]]:
    package = [(path, f) for path, f in functions() if path.is_relative_to(ROOT / "qt001_cp")]
    sizes = [((f.end_lineno or f.lineno) - f.lineno + 1, f"{path.relative_to(ROOT)}: {f.name}") for path, f in package]
    size, name = max(sizes)
    yield "longest Python function of the package", f"{size} lines, {name}"
    hard = sorted(((complexity(f), f.name) for _, f in package), reverse=True)
    yield (
        "Python functions of the package above complexity 12, conditions and comprehensions counted",
        f"{share(sum(c > 12 for c, _ in hard), len(hard))}; most: {hard[0][0]}, {hard[0][1]}",
    )
    skips = sum(path.read_text("utf-8").count("# fmt: " + "skip") for path in files("*.py"))
    yield "tables that the formatter leaves alone", str(skips)


def commit_figures() -> Iterator[tuple[str, str]]:
    said = subprocess.run(
        ["git", "log", "--no-merges", "--format=%s"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    subjects = said.stdout.splitlines()
    for what, some in (("all commits", subjects), ("the last 50", subjects[:50])):
        yield f"commit subjects longer than 72 characters, {what}", share(sum(len(s) > 72 for s in some), len(some))


def mentions(word: str) -> str:
    """How many files one has to look at who changes it."""
    found = [path for path in files() if _has(path, word)]
    code = [path for path in found if path.is_relative_to(ROOT / "qt001_cp")]
    return f"{len(found)} files, {len(code)} of them in the package"


def _has(path: Path, word: str) -> bool:
    try:
        return re.search(rf"\b{re.escape(word)}\b", path.read_text("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/figures", description=__doc__)
    parser.add_argument("--gate", default="ledger_intact")
    parser.add_argument("--privilege", default="MAINTAIN")
    parser.add_argument("--write", action="store_true", help="into CONTRIBUTING.md")
    arguments = parser.parse_args(argv)
    figures = [
        *sql_figures(),
        *python_figures(),
        *commit_figures(),
        (f"files that name the gate {arguments.gate}", mentions(arguments.gate)),
        (f"files that name the privilege {arguments.privilege}", mentions(arguments.privilege)),
    ]
    table = "| figure | today |\n| --- | --- |\n" + "".join(f"| {what} | {value} |\n" for what, value in figures)
    if arguments.write:
        PAGE.write_text(_TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")
    else:
        print("\n".join(f"{value:>50}  {what}" for what, value in figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
