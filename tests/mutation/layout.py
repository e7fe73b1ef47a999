"""The brackets of an SQL text: which token stands in which pair of parentheses or CASE … END."""

from __future__ import annotations

from dataclasses import dataclass, field

from qt001_cp.analyse.lexer import Token, tokenize

_STARTS = frozenset(
    """
    where on having when if elsif select then else return by limit from distinct loop begin perform
    query
    """.split()
)
_ENDS = frozenset(
    """
    group order limit union intersect except having where join left right cross inner full then window
    returning loop for as from end else when using
    """.split()
)


@dataclass
class Layout:
    """``inside[i]``: the token that opens the bracket around token ``i``, or -1; ``pair``: opening ↔ closing token."""

    text: str
    tokens: list[Token] = field(init=False)
    inside: list[int] = field(init=False)
    pair: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = tokenize(self.text)
        self.inside, self.pair = [], {}
        stack: list[int] = []
        for i, token in enumerate(self.tokens):
            closes_case = token.is_word("end") and stack and self.tokens[stack[-1]].is_word("case")
            if token.is_op(")", "]") or closes_case:
                opened = stack.pop()
                self.pair[opened], self.pair[i] = i, opened
            self.inside.append(stack[-1] if stack else -1)
            if token.is_op("(", "[") or token.is_word("case"):
                stack.append(i)

    def word(self, i: int, *words: str) -> bool:
        return 0 <= i < len(self.tokens) and self.tokens[i].is_word(*words)

    def left(self, i: int) -> int:
        """The first token of the expression that token ``i`` is in the middle of."""
        at = i
        while at > 0:
            before = at - 1
            token = self.tokens[before]
            if before in self.pair and self.pair[before] < before:
                at = self.pair[before]
                continue
            if before in self.pair or token.is_op(",", ";", ":=") or self._starts(before):
                return at
            at = before
        return at

    def right(self, i: int) -> int:
        """The token after the expression that begins at token ``i``."""
        at = i
        while at < len(self.tokens) - 1:
            token = self.tokens[at]
            if at in self.pair and self.pair[at] > at:
                at = self.pair[at] + 1
                continue
            if at in self.pair or token.is_op(",", ";") or self._ends(at):
                return at
            at += 1
        return at

    def cut(self, first: int, end: int) -> tuple[int, int]:
        """Where the tokens ``first`` to before ``end`` stand in the text."""
        return self.tokens[first].start, self.tokens[end - 1].end

    def _compares(self, i: int) -> bool:
        """DISTINCT or FROM of IS [NOT] DISTINCT FROM."""
        at = i - 1 if self.word(i, "from") else i
        return self.word(at, "distinct") and (
            self.word(at - 1, "is") or (self.word(at - 1, "not") and self.word(at - 2, "is"))
        )

    def _starts(self, i: int) -> bool:
        return self.word(i, *_STARTS) and not self._compares(i)

    def _ends(self, i: int) -> bool:
        if self.word(i, "left", "right") and self.tokens[i + 1].is_op("("):
            return False
        return self.word(i, *_ENDS) and not self._compares(i)
