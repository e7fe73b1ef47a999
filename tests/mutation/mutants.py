"""All mutants of an SQL text: one condition less each, found by its tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.mutation.layout import Layout

_CLAUSES = ("where", "on", "having", "if", "elsif")


@dataclass(frozen=True, order=True)
class Mutant:
    """``text[start:end]`` becomes ``instead``. ``what``: what is removed, on one line."""

    start: int
    end: int
    instead: str
    what: str

    def of(self, text: str) -> str:
        return text[: self.start] + self.instead + text[self.end :]


def mutants(text: str, *, wording: bool = False) -> list[Mutant]:
    """Every conjunct made true, disjunct made false, branch of CASE and arm of UNION left out, NOT taken away.

    What is removed in several places is numbered from the second on.
    ``wording``: the outermost select lists are the words of a finding, and decide nothing: nothing is removed there.
    """
    layout = Layout(text)
    words = _outer_lists(layout) if wording else []
    found = {*_operands(layout), *_clauses(layout), *_nots(layout), *_arms(layout)}
    kept = sorted(m for m in found if not any(a <= m.start and m.end <= b for a, b in words))
    times: Counter[str] = Counter()
    named = []
    for m in kept:
        times[m.what] += 1
        named.append(m if times[m.what] == 1 else replace(m, what=f"{m.what} ({times[m.what]})"))
    return named


def _one(layout: Layout, first: int, end: int, instead: str, kind: str) -> Iterator[Mutant]:
    start, stop = layout.cut(first, end)
    removed = " ".join(layout.text[start:stop].split())
    if removed.lower() not in ("true", "false"):
        yield Mutant(start, stop, instead, f"{kind}: {removed}")


def _operands(layout: Layout) -> Iterator[Mutant]:
    between: set[int] = set()
    for i in range(len(layout.tokens)):
        if layout.word(i, "between"):
            between.add(
                next(
                    j
                    for j in range(i, layout.right(i))
                    if layout.word(j, "and") and layout.inside[j] == layout.inside[i]
                )
            )
    for i in range(len(layout.tokens)):
        if layout.word(i, "and", "or") and i not in between:
            first, end = layout.left(i), layout.right(i)
            here = [j for j in range(first, end) if layout.inside[j] == layout.inside[i] and j not in between]
            for a, b in _split(layout, first, end, here, "or"):
                parts = list(_split(layout, a, b, [j for j in here if a <= j < b], "and"))
                if len(parts) > 1:
                    for c, d in parts:
                        yield from _one(layout, c, d, "true", "conjunct")
                if (a, b) != (first, end):
                    yield from _one(layout, a, b, "false", "disjunct")


def _split(layout: Layout, first: int, end: int, here: list[int], word: str) -> Iterator[tuple[int, int]]:
    for j in here:
        if layout.word(j, word):
            yield first, j
            first = j + 1
    yield first, end


def _clauses(layout: Layout) -> Iterator[Mutant]:
    """Whole conditions: of WHERE, ON, HAVING and IF, and each WHEN of a CASE that is no comparison with one value."""
    for i in range(len(layout.tokens)):
        end = layout.right(i + 1) if i + 1 < len(layout.tokens) else i
        if layout.word(i, *_CLAUSES) and not layout.word(i - 1, "end", "distinct") and end > i + 1:
            if layout.word(i, "if", "elsif"):
                yield from _one(layout, i + 1, end, "false", "branch")
            level = [j for j in range(i + 1, end) if layout.inside[j] == layout.inside[i]]
            if layout.word(i, "if", "elsif") or not any(layout.word(j, "and", "or") for j in level):
                yield from _one(layout, i + 1, end, "true", "condition")
        case = layout.inside[i]
        if layout.word(i, "when") and case >= 0 and layout.word(case, "case") and layout.word(case + 1, "when"):
            yield from _one(layout, i + 1, end, "false", "branch")


def _nots(layout: Layout) -> Iterator[Mutant]:
    for i in range(len(layout.tokens)):
        if layout.word(i, "not") and not layout.word(i - 1, "is"):
            start, stop = layout.cut(i, i + 1)
            shown = " ".join(layout.text[start : layout.cut(i, max(layout.right(i + 1), i + 2))[1]].split())
            yield Mutant(start, stop, "", f"NOT of: {shown}")


def _arms(layout: Layout) -> Iterator[Mutant]:
    for i in range(len(layout.tokens)):
        if not layout.word(i, "union"):
            continue
        level = [j for j in range(len(layout.tokens)) if layout.inside[j] == layout.inside[i]]
        first = next((j for j in reversed(level) if j < i and layout.word(j, "select", "values")), None)
        after = i + (2 if layout.word(i + 1, "all") else 1)
        for a, b in [(first, i), (after, next((j for j in level if j > i and _closes(layout, j)), None))]:
            if a is not None:
                stop = b if b is not None else layout.pair.get(layout.inside[i], len(layout.tokens) - 1)
                start, end = layout.cut(a, stop)
                arm = layout.text[start:end]
                yield Mutant(start, end, f"SELECT * FROM ({arm}\n) gone WHERE false", f"arm: {' '.join(arm.split())}")


def _closes(layout: Layout, i: int) -> bool:
    """What ends an arm: the next one, the end of the statement, or the order of the whole."""
    return layout.word(i, "union") or layout.tokens[i].is_op(";") or (layout.word(i, "order") and _whole(layout, i))


def _whole(layout: Layout, i: int) -> bool:
    return layout.inside[i] == -1


def _outer_lists(layout: Layout) -> list[tuple[int, int]]:
    """The select lists that stand in no bracket."""
    found = []
    for i in range(len(layout.tokens)):
        if layout.word(i, "select") and layout.inside[i] == -1:
            end = i + 1
            while end < len(layout.tokens) - 1 and not layout.tokens[end].is_op(";") and not layout.word(end, "union"):
                if layout.word(end, "from", "where") and not layout._compares(end):
                    break
                end = layout.pair[end] + 1 if layout.pair.get(end, -1) > end else end + 1
            found.append(layout.cut(i, end))
    return found
