"""What a PL/pgSQL body holds, and the part of the parser that collects it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from qt001_cp.analyse.lexer import END, PARAM
from qt001_cp.analyse.stream import Stream

STATEMENT: Final = "statement"
EXPRESSION: Final = "expression"
DYNAMIC: Final = "dynamic"


@dataclass(frozen=True)
class Fragment:
    """A piece of SQL. An expression's ``text`` is what stands after the SELECT that PostgreSQL puts before it."""

    kind: str
    text: str
    line: int
    branch: tuple[int, ...] = ()
    """Where it stands: one number for each IF, loop, CASE, handler or block with handlers around it."""


@dataclass(frozen=True)
class TypeUse:
    """A declared type: ``names`` for the forms with %TYPE and %ROWTYPE, else ``text`` for the engine."""

    text: str
    names: tuple[str, ...]
    rowtype: bool
    line: int


@dataclass
class Variable:
    """What is ever put into a variable: the texts of expressions, or ``anything`` when that cannot be listed."""

    values: list[str] = field(default_factory=list)
    anything: bool = False
    cut: bool = False
    """Of type name: what is put into it is cut at 63 bytes."""


@dataclass
class Routine:
    fragments: list[Fragment] = field(default_factory=list)
    types: list[TypeUse] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    executes: set[int] = field(default_factory=set)
    inert: set[int] = field(default_factory=set)
    errors: list[tuple[int, str]] = field(default_factory=list)
    foreign: list[tuple[int, str]] = field(default_factory=list)
    """Line and name of each cursor that is fetched from, and need not be one that the body has opened."""


class Finder(Stream):
    """Collects pieces of SQL; keeps what is in scope, and what is put into which variable."""

    def __init__(self, body: str, parameters: frozenset[str], name: str) -> None:
        super().__init__(body)
        self.found = Routine()
        self.scopes: list[set[str]] = [set(parameters)]
        self.labels: list[str] = [name]
        self.cursors: set[str] = set()
        self.opened: set[str] = set()
        self.filled: set[str] = set(parameters)
        """Variables that somebody may have put a value into otherwise than by := or OPEN."""
        self.fetched: list[tuple[int, str]] = []
        self.branch: tuple[int, ...] = ()
        self.branches = 0
        self.merged: set[int] = set()
        self.found.names |= parameters | {"found", "sqlstate", "sqlerrm", "new", "old"}
        for parameter in parameters:
            self.variable(parameter).anything = True

    def text(self, start: int, end: int) -> str:
        return self.body[self.tokens[start].start : self.tokens[end - 1].end] if end > start else ""

    def emit(self, kind: str, start: int, end: int) -> None:
        if end <= start:
            raise self.wrong("an expression", self.tokens[start])
        self.add(kind, self.text(start, end), start)

    def add(self, kind: str, text: str, start: int) -> None:
        self.found.fragments.append(Fragment(kind, text, self.tokens[start].line, self.branch))

    def inside(self) -> tuple[int, ...]:
        """Enter a branch; gives back the one to return to."""
        before = self.branch
        self.branches += 1
        self.branch = (*before, self.branches)
        return before

    def finish(self) -> None:
        """What is known only at the end: which blocks are no branches, and which cursors are the body's own."""
        self.found.fragments = [
            replace(each, branch=tuple(number for number in each.branch if number not in self.merged))
            for each in self.found.fragments
        ]
        own = (self.cursors | self.opened) - self.filled
        self.found.foreign = [
            (line, name) for line, name in self.fetched if name not in own or self.variable(name).values
        ]

    def expression(self, *stops: str) -> None:
        self.emit(EXPRESSION, *self.until(*stops))

    def expressions(self, *stops: str) -> None:
        """A list of expressions; named arguments (of cursors) lose their names."""
        while True:
            if self.now.is_name and self.peek().is_op(":=", "=>"):
                self.at += 2
            self.expression(",", *stops)
            if not self.op(","):
                return

    def variable(self, name: str) -> Variable:
        return self.found.variables.setdefault(name, Variable())

    def poison(self, *names: str) -> None:
        self.filled.update(names)
        for name in names:
            self.variable(name).anything = True

    def declare(self, name: str) -> None:
        self.scopes[-1].add(name)
        self.found.names.add(name)
        self.variable(name)

    def slices(self, start: int, end: int) -> list[tuple[int, int]]:
        """The bounds of a subscript ``[a]`` or ``[a:b]``."""
        depth = 0
        for index in range(start, end):
            depth += self.tokens[index].is_op("(", "[") - self.tokens[index].is_op(")", "]")
            if depth == 0 and self.tokens[index].is_op(":"):
                return [part for part in ((start, index), (index + 1, end)) if part[1] > part[0]]
        return [(start, end)]

    def statement_text(self) -> None:
        """An SQL statement up to its semicolon; INTO and its targets are blanked out, places stay."""
        start, depth, begins = self.at, 0, 0
        cuts: list[tuple[int, int]] = []
        creates = self.now.is_word("create", "import")
        if self.now.is_word("call"):
            self.call_targets()
        while True:
            token = self.take()
            if token.kind == END:
                raise self.wrong(";", token)
            depth += token.is_op("(") - token.is_op(")")
            if token.is_op(";") and depth <= 0 and begins == 0:
                break
            if creates and token.is_word("begin", "case") and (begins or self.now.is_word("atomic")):
                begins += 1
            elif begins and token.is_word("end"):
                begins -= 1
            before = self.tokens[self.at - 2] if self.at - 2 >= start else token
            if token.is_word("into") and not creates and not before.is_word("insert", "merge"):
                first = self.at - 1
                self.targets()
                cuts.append((self.tokens[first].start, self.tokens[self.at - 1].end))
        end = self.at - 1
        if end <= start:
            raise self.wrong("a statement", self.tokens[start])
        base, text = self.tokens[start].start, self.text(start, end)
        for cut_start, cut_end in cuts:
            gap = "".join(char if char == "\n" else " " for char in self.body[cut_start:cut_end])
            text = text[: cut_start - base] + gap + text[cut_end - base :]
        self.add(STATEMENT, text, start)

    def call_targets(self) -> None:
        """CALL may put values into any plain variable among its arguments."""
        index = self.at
        while not self.tokens[index].is_op(";") and self.tokens[index].kind != END:
            if self.tokens[index].is_name:
                self.poison(self.tokens[index].value)
            index += 1

    def targets(self) -> None:
        self.word("strict")
        while True:
            token = self.take()
            if not (token.is_name or token.kind == PARAM):
                raise self.wrong("a variable", token)
            self.poison(token.value)
            while self.now.is_op("."):
                self.at += 1
                self.poison(self.name())
            if not self.op(","):
                return

    def dynamic(self, *stops: str) -> None:
        """After the word EXECUTE: the expression, then INTO and USING in either order, up to ``stops``."""
        self.found.executes.add(self.tokens[self.at - 1].start)
        self.emit(DYNAMIC, *self.until("into", "using", *stops))
        while not (self.now.is_word(*stops) or self.now.is_op(*stops)):
            if self.word("into"):
                self.targets()
            else:
                self.need_word("using")
                self.expressions("into", *stops)
