"""docs/gates-mutation.md: the conditions of the gates, how many were taken out, and what noticed it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from tests.mutation.equivalent import ELSEWHERE, EQUIVALENT
from tests.mutation.trial import Court

RESULTS = Path(__file__).with_name("results.json")
NOTICED = Path(__file__).with_name("noticed.json")
"""Which case noticed a mutant the last time, by routine and checksum: it is tried first, nothing else rests on it."""
PAGE = Path(__file__).parents[2] / "docs" / "gates-mutation.md"
_HEAD = """# Mutation of the gates

A condition that no test misses when it is gone is no condition. Out of the SQL behind every gate, as it is deployed, one condition at a
time is removed automatically (`tests/mutation/mutants.py`): a conjunct becomes true, a disjunct false, a branch of CASE or IF is never
taken, an arm of UNION gives no row, a NOT goes. Each mutant replaces the original in a database in which all gates are open, and the
cases are tried on it: all open (`tests/acceptance/test_sufficiency.py`), what closes a gate (`closers.py`, `conditions_*.py`), and what
must leave it open (`stays_open.py`). It is caught when a gate then answers otherwise, names something else, or the SQL fails. The words
of a finding decide nothing and are left alone.

A mutant that no case notices is listed below with the reason why it decides nothing in a gate, or the test is missing: then
`tests/mutation` fails. A routine whose conditions have changed has not been judged since, and nothing is said of it. A run takes a
sample of the routines that have been judged; all routines, and this page:
`QT001_TEST_MUTANTS=all QT001_WRITE_PAGES=1 scripts/test tests/mutation`, or only those of some by their names.

"""


def counts(court: Court) -> dict[str, int]:
    """How many mutants each routine has."""
    return dict(sorted(Counter(t.routine for t in court.trials).items()))


def write(court: Court, whole: Court) -> None:
    """Keep the figures of a run beside those of routines that it left out, and make the page of all that ``whole`` has."""
    lines = unjudged(whole)
    for name, total in counts(court).items():
        mine = [t for t in court.trials if t.routine == name]
        lines[name] = {
            **_of(whole, name, total),
            "equivalent": sum(t.alive for t in mine),
            "no SQL": sum(t.stillborn for t in mine),
        }
    keep(lines)
    seen = {**json.loads(NOTICED.read_text("utf-8")), **{name: {} for name in counts(court)}}
    for trial in court.trials:
        if trial.seen and not trial.stillborn:
            seen[trial.routine][f"{trial.sum:08x}"] = trial.seen
    kept = {name: dict(sorted(seen[name].items())) for name in sorted(set(seen) & set(lines)) if seen[name]}
    NOTICED.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def noticed() -> dict[int, str]:
    """The case that noticed each mutant, by its checksum."""
    kept = json.loads(NOTICED.read_text("utf-8"))
    return {int(mutant, 16): case for of_one in kept.values() for mutant, case in of_one.items()}


def unjudged(whole: Court) -> dict[str, dict[str, object]]:
    """What was kept of each routine of today; one with other mutants than those that were kept has not been judged since."""
    kept = json.loads(RESULTS.read_text("utf-8"))
    lines = {}
    for name, total in counts(whole).items():
        today = _of(whole, name, total)
        known = kept.get(name, {})
        same = "conditions" in known and known["conditions"] == today["conditions"]
        lines[name] = {**known, **today} if same else {**today, "judged": False}
    return lines


def judged(whole: Court) -> frozenset[str]:
    """The routines whose mutants of today have been judged, all of them."""
    return frozenset(name for name, line in unjudged(whole).items() if line.get("judged", True))


def keep(lines: dict[str, dict[str, object]]) -> None:
    RESULTS.write_text(json.dumps(lines, indent=1) + "\n", "utf-8")
    PAGE.write_text(_page(lines), "utf-8")


def _of(whole: Court, name: str, total: int) -> dict[str, object]:
    """``conditions``: a checksum of what is removed from this routine, mutant by mutant."""
    removed = "\n".join(t.key for t in whole.trials if t.routine == name)
    return {"gates": _gates(whole, name), "mutants": total, "conditions": f"{crc32(removed.encode()):08x}"}


def _gates(court: Court, name: str) -> list[str]:
    return sorted({gate for t in court.trials if t.routine == name for gate in t.gates}, key=court.world.gates.index)


def _page(lines: dict[str, dict[str, object]]) -> str:
    parts = [
        _HEAD,
        _totals(lines.values()),
        "\n\n| routine or view | feeds | mutants | caught | equivalent |\n| --- | --- | --- | --- | --- |\n",
    ]
    for name, line in lines.items():
        gates = line["gates"]
        assert isinstance(gates, list)
        fed = f"`{'`, `'.join(gates)}`" if len(gates) <= 3 else f"{len(gates)} gates"
        judged = (
            f"{_caught(line)} | {line['equivalent'] or ''}"
            if line.get("judged", True)
            else "not judged since it changed |"
        )
        parts.append(f"| `{name}` | {fed} | {line['mutants']} | {judged} |\n")
    parts.append("\n## Equivalent\n\n| routine | removed | why no gate can tell |\n| --- | --- | --- |\n")
    for name, listed in sorted(EQUIVALENT.items()):
        parts += [f"| `{name}` | {_cell(what)} | {reason} |\n" for what, reason in sorted(listed.items())]
    parts.append(
        "\n## Tried elsewhere\n\nWhat reads the catalogs for all stages has its own tests, kind by kind and route by route.\n\n"
    )
    parts.append("| routine | tests |\n| --- | --- |\n")
    parts += [f"| `{name}` | {', '.join(f'`{t}`' for t in tests)} |\n" for name, tests in sorted(ELSEWHERE.items())]
    return "".join(parts)


def _caught(line: dict[str, object]) -> int:
    return int(str(line["mutants"])) - int(str(line["equivalent"])) - int(str(line["no SQL"]))


def _totals(lines: Iterable[dict[str, object]]) -> str:
    every = list(lines)
    kept = [line for line in every if line.get("judged", True)]
    left = sum(int(str(line["mutants"])) for line in every) - sum(int(str(line["mutants"])) for line in kept)
    total = sum(int(str(line["mutants"])) for line in kept)
    caught = sum(_caught(line) for line in kept)
    same = sum(int(str(line["equivalent"])) for line in kept)
    dead = sum(int(str(line["no SQL"])) for line in kept)
    said = f"**{total} mutants: {caught} caught, {same} equivalent, {dead} that PostgreSQL refuses as SQL.**"
    return said + (f" Of routines that have changed since, {left} more, which nobody has judged." if left else "")


def _cell(what: str) -> str:
    shown = what if len(what) <= 110 else what[:109] + "…"
    return f"`{shown.replace('|', '¦').replace('`', 'ˋ')}`"
