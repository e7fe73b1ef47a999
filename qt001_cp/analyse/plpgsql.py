"""A parser of PL/pgSQL that finds every embedded piece of SQL, in the order and by the rules of pl_gram.y.

It knows the statements of the language, not SQL: each piece goes to the engine with its place. What it does not
understand is an error with a place; it never skips silently.
"""

from __future__ import annotations

from typing import Final

from qt001_cp.analyse.found import EXPRESSION, STATEMENT, Finder, Routine, TypeUse
from qt001_cp.analyse.lexer import BAD, END, PARAM, STRING, WORD, Token
from qt001_cp.analyse.stream import PlpgsqlError, either
from qt001_cp.analyse.words import words

_RESERVED: Final = words(
    """
    all begin by case declare else end execute for foreach from if in into loop not null or strict then to using when
    while
    """
)
_OPTIONS: Final = {
    "option": ("dump",),
    "print_strict_params": ("on", "off"),
    "variable_conflict": ("error", "use_variable", "use_column"),
}
_KEPT: Final = frozenset({"text", "varchar", "character varying", "regclass", "name"})
"""Types whose variables hold a text as it was put in, or end in an error; name cuts it."""
_LEVELS: Final = ("debug", "log", "info", "notice", "warning", "exception")


def parse(body: str, parameters: frozenset[str] = frozenset(), name: str = "") -> Routine:
    """Everything that the body holds. ``executes`` and ``inert`` are offsets into the body."""
    parser = _Parser(body, parameters, name)
    try:
        parser.routine()
    except PlpgsqlError as error:
        parser.found.errors.append((error.line, error.message))
    except RecursionError:
        parser.found.errors.append((1, "the blocks are nested too deeply"))
    parser.finish()
    return parser.found


class _Parser(Finder):
    def routine(self) -> None:
        while self.op("#"):
            option = self.name()
            if option not in _OPTIONS:
                raise self.wrong(either(tuple(_OPTIONS)), self.tokens[self.at - 1])
            self.need_word(*_OPTIONS[option])
        self.block()
        self.op(";")
        if self.now.kind != END:
            raise self.wrong("the end of the body", self.now)

    def label(self) -> str | None:
        if not self.now.is_op("<<"):
            return None
        self.take()
        name = self.name()
        self.need_op(">>")
        self.found.names.add(name)
        return name

    def block(self, label: str | None = None) -> None:
        label = label or self.label()
        self.scopes.append(set())
        self.labels.append(label or "")
        while self.word("declare"):
            while not self.now.is_word("begin", "declare"):
                self.declaration()
        self.need_word("begin")
        before = self.inside()
        self.statements("end", "exception")
        if not self.now.is_word("exception"):
            self.merged.add(self.branch[-1])
        self.branch = before
        if self.word("exception"):
            while self.word("when"):
                self.until("then")
                self.take()
                self.way("when", "end")
        self.need_word("end")
        if self.now.is_name:
            self.take()
        self.scopes.pop()
        self.labels.pop()

    def declaration(self) -> None:
        if self.label() is not None:
            return
        name = self.name()
        if self.now.is_word("alias") and self.peek().is_word("for"):
            self.at += 2
            target = self.take().value
            self.need_op(";")
            self.declare(name)
            self.poison(name, target)
            return
        self.word("no")
        if self.word("scroll") or self.now.is_word("cursor"):
            self.cursor(name)
            return
        self.word("constant")
        kept = self.type(":=", "=", "default", "not", "collate", ";")
        if self.word("collate"):
            self.until("not", ":=", "=", "default", ";")
        if self.word("not"):
            self.need_word("null")
        if self.op(":=", "=") or self.word("default"):
            start, end = self.until(";")
            self.emit(EXPRESSION, start, end)
            self.declare(name)
            self.variable(name).values.append(self.text(start, end))
        self.need_op(";")
        self.declare(name)
        self.variable(name).cut |= kept == "name"
        if kept == "":
            self.variable(name).anything = True

    def cursor(self, name: str) -> None:
        self.need_word("cursor")
        self.scopes.append(set())
        if self.op("("):
            while True:
                argument = self.name()
                self.type(",", ")")
                self.declare(argument)
                self.poison(argument)
                if not self.op(","):
                    break
            self.need_op(")")
        self.need_word("is", "for")
        self.statement_text()
        self.scopes.pop()
        self.declare(name)
        self.variable(name).anything = True
        self.cursors.add(name)

    def type(self, *stops: str) -> str:
        """Gives its name where a variable of it keeps a text as it is put in, or cut; "" for any other type."""
        start, end = self.until(*stops)
        if end <= start:
            raise self.wrong("a type", self.now)
        tokens = self.tokens[start:end]
        for index, token in enumerate(tokens):
            if token.is_op("%") and index + 1 < len(tokens) and tokens[index + 1].is_word("type", "rowtype"):
                self.percent(tokens[:index], tokens[index + 1])
                return ""
        self.found.types.append(TypeUse(self.text(start, end), (), False, tokens[0].line))
        parts = [token.value if token.kind == WORD or token.is_op(".") else "?" for token in tokens]
        spelled = " ".join(parts[2:] if parts[:2] == ["pg_catalog", "."] else parts)
        return spelled if spelled in _KEPT else ""

    def percent(self, tokens: list[Token], what: Token) -> None:
        names = tuple(token.value for token in tokens if token.is_name)
        rowtype = what.value == "rowtype"
        if len(names) * 2 - 1 != len(tokens):
            raise PlpgsqlError("the name before % is not a name", what.line)
        if not rowtype:
            if len(names) == 1 and any(names[0] in scope for scope in self.scopes):
                return
            labelled = len(names) == 2 and names[0] in self.labels
            if labelled and any(names[1] in scope for scope in self.scopes):
                return
        self.found.types.append(TypeUse("", names, rowtype, what.line))

    # statements

    def statements(self, *stops: str) -> None:
        while not (self.now.is_word(*stops) and not self.assigned()):
            if self.now.kind == END:
                raise self.wrong(either(stops), self.now)
            self.statement()

    def assigned(self) -> int:
        """The index of the assignment operator if an assignment starts here, else 0."""
        at = self.at
        first = self.tokens[at]
        if not (first.is_name or first.kind == PARAM) or (first.kind == WORD and first.value in _RESERVED):
            return 0
        at += 1
        while True:
            token = self.tokens[at]
            if token.is_op("."):
                at += 2 if self.tokens[min(at + 1, len(self.tokens) - 1)].is_name else 1
            elif token.is_op("["):
                depth = 0
                while token.kind not in (END, BAD):
                    depth += token.is_op("[") - token.is_op("]")
                    at += 1
                    if depth == 0:
                        break
                    token = self.tokens[at]
                if token.kind in (END, BAD):
                    return 0
            else:
                return at if token.is_op(":=", "=") else 0

    def way(self, *stops: str) -> None:
        """Statements that need not be run, or not once."""
        before = self.inside()
        self.statements(*stops)
        self.branch = before

    def statement(self) -> None:
        label = self.label()
        token = self.now
        if self.assigned():
            self.assignment()
            return
        handler = _HANDLERS.get(token.value) if token.kind == WORD else None
        if token.is_word("declare", "begin"):
            self.block(label)
            self.need_op(";")
        elif token.is_word("get") and self.peek().is_word("current", "stacked", "diagnostics"):
            self.diagnostics()
        elif token.is_word("commit", "rollback", "null", "close"):
            self.until_end()
        elif handler is not None:
            self.take()
            handler(self)
        elif token.kind == WORD:
            self.statement_text()
        else:
            raise self.wrong("a statement", token)

    def until_end(self) -> None:
        self.until(";")
        self.take()

    def assignment(self) -> None:
        operator = self.assigned()
        names = []
        start = self.at
        while self.at < operator:
            token = self.take()
            if token.is_op("["):
                inner = self.at
                self.until("]")
                for part in self.slices(inner, self.at):
                    self.emit(EXPRESSION, *part)
            elif token.is_name or token.kind == PARAM:
                names.append(token.value)
        simple = operator == start + 1
        self.at = operator + 1
        first, end = self.until(";")
        self.emit(EXPRESSION, first, end)
        self.take()
        if simple:
            self.variable(names[0]).values.append(self.text(first, end))
        else:
            self.poison(*names)

    def perform(self) -> None:
        start, end = self.until(";")
        self.emit(EXPRESSION, start, end)
        self.take()

    def execute(self) -> None:
        self.dynamic(";")
        self.take()

    def if_(self) -> None:
        self.expression("then")
        self.take()
        self.way("elsif", "elseif", "else", "end")
        while self.word("elsif", "elseif"):
            self.expression("then")
            self.take()
            self.way("elsif", "elseif", "else", "end")
        if self.word("else"):
            self.way("end")
        self.need_word("end")
        self.need_word("if")
        self.need_op(";")

    def case(self) -> None:
        if not self.now.is_word("when"):
            self.expression("when")
        while self.word("when"):
            self.expression("then")
            self.take()
            self.way("when", "else", "end")
        if self.word("else"):
            self.way("end")
        self.need_word("end")
        self.need_word("case")
        self.need_op(";")

    def loop(self) -> None:
        self.way("end")
        self.need_word("end")
        self.need_word("loop")
        if self.now.is_name:
            self.take()
        self.need_op(";")

    def while_(self) -> None:
        self.expression("loop")
        self.take()
        self.loop()

    def for_(self) -> None:
        self.scopes.append(set())
        start = self.at
        self.targets()
        if self.at == start + 1:
            self.scopes[-1].add(self.tokens[start].value)
            self.found.names.add(self.tokens[start].value)
        self.need_word("in")
        if self.word("execute"):
            self.dynamic("loop")
        elif (
            self.now.is_name
            and self.now.value in self.cursors
            and (self.peek().is_word("loop") or self.peek().is_op("("))
        ):
            self.take()
            self.arguments()
        else:
            self.for_range_or_query()
        self.need_word("loop")
        self.loop()
        self.scopes.pop()

    def for_range_or_query(self) -> None:
        start, end = self.until("loop", "..")
        if not self.now.is_op(".."):
            self.add(STATEMENT, self.text(start, end), start)
            return
        self.emit(EXPRESSION, start + self.tokens[start].is_word("reverse"), end)
        self.take()
        self.expression("by", "loop")
        if self.word("by"):
            self.expression("loop")

    def arguments(self) -> None:
        """The arguments of a cursor, if there are any."""
        if self.op("("):
            self.expressions(")")
            self.take()

    def foreach(self) -> None:
        self.targets()
        if self.word("slice"):
            self.take()
        self.need_word("in")
        self.need_word("array")
        self.expression("loop")
        self.take()
        self.loop()

    def exit(self) -> None:
        if self.now.is_name and not self.now.is_word("when"):
            self.take()
        if self.word("when"):
            self.expression(";")
        self.need_op(";")

    def return_(self) -> None:
        if self.word("query"):
            if self.word("execute"):
                self.dynamic(";")
                self.take()
            else:
                self.statement_text()
            return
        self.word("next")
        if not self.now.is_op(";"):
            self.expression(";")
        self.take()

    def raise_(self) -> None:
        if self.now.is_word(*_LEVELS):
            self.take()
        if self.now.kind == STRING:
            self.found.inert.add(self.take().start)
            while self.op(","):
                self.expression(",", "using", ";")
        elif self.word("sqlstate") or (self.now.is_name and not self.now.is_word("using")):
            self.take()
        if self.word("using"):
            while True:
                self.name()
                if not self.op("=", ":="):
                    raise self.wrong("=", self.now)
                start, end = self.until(",", ";")
                self.emit(EXPRESSION, start, end)
                if end == start + 1 and self.tokens[start].kind == STRING:
                    self.found.inert.add(self.tokens[start].start)
                if not self.op(","):
                    break
        self.need_op(";")

    def assert_(self) -> None:
        self.expressions(";")
        self.take()

    def diagnostics(self) -> None:
        self.take()
        self.word("current", "stacked")
        self.need_word("diagnostics")
        while True:
            start, end = self.until(":=", "=")
            self.poison(*(token.value for token in self.tokens[start:end] if token.is_name))
            self.take()
            self.name()
            if not self.op(","):
                break
        self.need_op(";")

    def open(self) -> None:
        cursor = self.take().value
        self.opened.add(cursor)
        self.variable(cursor).anything = True
        while self.now.is_word("no", "scroll"):
            self.take()
        if self.word("for"):
            if self.word("execute"):
                self.dynamic(";")
                self.take()
            else:
                self.statement_text()
            return
        self.arguments()
        self.need_op(";")

    def fetch(self) -> None:
        start = self.at
        depth, direction = 0, 0
        index = start
        while not (depth == 0 and (self.tokens[index].is_op(";") or self.tokens[index].is_word("into"))):
            depth += self.tokens[index].is_op("(", "[") - self.tokens[index].is_op(")", "]")
            if self.tokens[index].kind == END:
                raise self.wrong(";", self.tokens[index])
            if depth == 0 and self.tokens[index].is_word("from", "in") and not direction:
                direction = index
            index += 1
        if direction:
            while self.now.is_word("absolute", "relative", "forward", "backward"):
                self.take()
            if not self.now.is_word("next", "prior", "first", "last", "all", "from", "in"):
                self.emit(EXPRESSION, self.at, direction)
            self.at = direction + 1
        elif index - start == 2:
            self.take()
        self.name_or_param()
        if self.word("into"):
            self.targets()
        self.need_op(";")

    def name_or_param(self) -> None:
        token = self.take()
        if not (token.is_name or token.kind == PARAM):
            raise self.wrong("a cursor", token)
        self.fetched.append((token.line, token.value))


_HANDLERS: Final = {
    "perform": _Parser.perform,
    "execute": _Parser.execute,
    "if": _Parser.if_,
    "case": _Parser.case,
    "loop": _Parser.loop,
    "while": _Parser.while_,
    "for": _Parser.for_,
    "foreach": _Parser.foreach,
    "exit": _Parser.exit,
    "continue": _Parser.exit,
    "return": _Parser.return_,
    "raise": _Parser.raise_,
    "assert": _Parser.assert_,
    "open": _Parser.open,
    "fetch": _Parser.fetch,
    "move": _Parser.fetch,
}
