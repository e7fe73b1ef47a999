"""One routine or view in, everything that it does out. Pure: the same text and names give the same answer."""

from __future__ import annotations

from collections.abc import Callable

from qt001_cp.analyse import engine, header, lexer, lexical, plpgsql, rules
from qt001_cp.analyse.collect import Collector
from qt001_cp.analyse.engine import EngineError, Node
from qt001_cp.analyse.found import DYNAMIC, STATEMENT, TypeUse, Variable
from qt001_cp.analyse.header import Header
from qt001_cp.analyse.resolve import Index, Resolver
from qt001_cp.analyse.result import Names, RoutineAnalysis, RoutineSource
from qt001_cp.analyse.sql_ast import Walker
from qt001_cp.analyse.template import MARK, Evaluator, Template, filled, is_constant, is_known

_VIEWS = ("view", "materialized view")
_DEPTH = 4
_NAMEDATALEN = 64
_ON = ("on", "true", "yes", "1")
_last: tuple[Names, Index] | None = None


def analyse(source: RoutineSource, names: Names) -> RoutineAnalysis:
    """What ``source`` reads, writes, calls and uses in a database that holds ``names``."""
    job = _Job(Resolver(_index(names), source.search_path))
    job.out.transition = names.transitions.get(source.identity, frozenset())
    if source.kind in _VIEWS:
        job.sql(source.definition, 1)
        lexical.check(source.definition, 1, job.index, job.out)
    else:
        job.guarded(1, lambda: job.routine(source))
    job.out.mark_caller_types(job.opened, names.own_casts, (source.kind, source.identity))
    return RoutineAnalysis(source.kind, source.identity, source.language, job.out.edges(), job.out.unknowns())


def _index(names: Names) -> Index:
    """The index of the names of the last call: a whole estate is analysed with the same ones."""
    global _last
    if _last is None or _last[0] is not names:
        _last = (names, Index(names))
    return _last[1]


def _converts(body: str, head: Header) -> bool:
    """Whether PL/pgSQL may make a value of a type that the caller chooses, or of one: a result is of such a type, or the body
    names a parameter of one, be it to declare a variable of its type. Nothing else in a body can have it."""
    named = any(
        token.kind == lexer.BAD or (token.value in head.opened_names and (token.is_name or token.kind == lexer.PARAM))
        for token in lexer.tokenize(body)
    )
    return named or head.result_opened


class _Job:
    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.index = resolver.index
        self.out = Collector()
        self.depth = 0
        self.variables: dict[str, Variable] = {}
        self.conforming = False
        """The routine pins standard_conforming_strings to what the lexer assumes."""
        self.converts = False
        """What the body selects becomes a value of another type: that of the result."""
        self.opened: tuple[str, ...] = ()
        """Parameters whose type the caller chooses, in words."""

    def routine(self, source: RoutineSource) -> None:
        head = header.read(source.definition)
        if head.problem is not None:
            self.problem(source.definition, 1, head.problem)
        elif head.statement is not None:
            self.signature(source.definition, head.statement)
            self.opened = head.opened
        language = source.language.lower()
        if language not in ("sql", "plpgsql"):
            self.out.unknown(rules.LANGUAGE, 1, source.language)
            return
        if head.sql_body is not None:
            walker = self.walker(source.definition, 1)
            self.guarded(1, lambda: _sql_body(walker, head.sql_body))
            body = header.find_parsed_body(source.definition)
            lexical.check(body.text, body.line, self.index, self.out)
        elif head.body is None:
            if head.problem is None:
                self.out.unknown(rules.PARSE_ERROR, 1, "the definition has no body")
        elif language == "sql":
            self.converts = not head.returns_any
            self.out.local |= head.parameters
            self.out.scalars |= head.parameters
            self.body(head.body.text, head.body.line)
        else:
            if _converts(head.body.text, head):
                self.out.by_type("what PL/pgSQL converts by itself", head.body.line)
            self.procedural(head.body.text, head.body.line, head)

    # places to parse

    def walker(self, text: str, line: int, *, fixed: bool = False, quiet: bool = False) -> Walker:
        return Walker(text, line, self.out, self.resolver, self.run_constant, self.block, fixed=fixed, quiet=quiet)

    def signature(self, definition: str, statement: Node) -> None:
        """Types, defaults and support function of the CREATE FUNCTION itself."""
        walker = self.walker(definition, 1)
        for parameter in statement.get("parameters", []):
            walker.visit(parameter)
        if "returnType" in statement:
            walker.type_name(statement["returnType"])
        for option in statement.get("options", []):
            name, value = option["DefElem"].get("defname"), option["DefElem"].get("arg", {})
            if name == "transform":
                walker.visit(value)
            elif name == "set":
                self.setting(walker, value.get("VariableSetStmt", {}))
            elif name == "support":
                walker.named_object("regproc", ".".join(engine.strings(value.get("List", {}).get("items"))), "uses")

    def setting(self, walker: Walker, node: Node) -> None:
        """SET of the routine itself. Its search_path is what names are looked up in; see RoutineSource."""
        if node.get("name") == "standard_conforming_strings" and engine.constant(node.get("args", [{}])[0]) in _ON:
            self.conforming = True
        elif node.get("name") != "search_path":
            walker.set_variable(node)

    def strings(self, text: str, line: int) -> None:
        """Where the caller's standard_conforming_strings moves the end of a string, and code begins or ends there."""
        if not self.conforming:
            for place in lexer.ambiguous_strings(text):
                self.out.unknown(
                    rules.SETTING, line + place - 1, "a string that ends where standard_conforming_strings says"
                )

    def problem(self, text: str, line: int, error: EngineError) -> None:
        self.out.unknown(rules.PARSE_ERROR, line + text.count("\n", 0, error.offset), error.message)

    def guarded(self, line: int, work: Callable[[], None]) -> None:
        try:
            work()
        except RecursionError:
            self.out.unknown(rules.PARSE_ERROR, line, "nested too deeply")

    def body(self, text: str, line: int) -> None:
        """A string body in SQL."""
        self.strings(text, line)
        self.sql(text, line)
        lexical.check(text, line, self.index, self.out)

    def sql(self, text: str, line: int) -> None:
        try:
            parsed = engine.parse(text)
        except EngineError as error:
            self.problem(text, line, error)
            return
        walker = self.walker(text, line)
        self.guarded(line, lambda: walker.statements(parsed))
        if self.converts:
            self.guarded(line, lambda: walker.result(parsed))

    def expression(self, text: str, line: int) -> None:
        prefix = "SELECT "
        try:
            parsed = engine.parse(prefix + text)
        except EngineError as error:
            self.out.unknown(rules.PARSE_ERROR, line, error.message)
            return
        walker = self.walker(prefix + text, line)
        self.guarded(line, lambda: walker.statements(parsed))

    def procedural(self, body: str, line: int, head: Header | None = None) -> None:
        found = plpgsql.parse(body, head.parameters if head else frozenset(), head.name if head else "")
        self.out.local |= found.names
        self.strings(body, line)
        before, branch = self.variables, self.out.branch
        self.variables = found.variables
        for use in found.types:
            self.declared_type(use, line + use.line - 1)
        for fragment in found.fragments:
            place = line + fragment.line - 1
            self.out.branch = (*branch, *fragment.branch)
            if fragment.kind == STATEMENT:
                self.sql(fragment.text, place)
            else:
                self.expression(fragment.text, place)
            if fragment.kind == DYNAMIC:
                self.dynamic(fragment.text, place)
        self.out.branch = branch
        for fetch_line, cursor in found.foreign:
            self.out.unknown(rules.DYNAMIC_OPAQUE, line + fetch_line - 1, f"FETCH from the cursor {cursor}")
        for error_line, message in found.errors:
            self.out.unknown(rules.PARSE_ERROR, line + error_line - 1, message)
        self.variables = before
        lexical.missed_executes(body, line, found.executes, self.out)
        lexical.check(body, line, self.index, self.out, found.inert | found.executes)

    def declared_type(self, use: TypeUse, line: int) -> None:
        if not use.names:
            try:
                parsed = engine.parse(f"SELECT NULL::{use.text}")
            except EngineError as error:
                self.out.unknown(rules.PARSE_ERROR, line, f"type {use.text}: {error.message}")
                return
            self.walker("", line, fixed=True).statements(parsed)
            return
        walker = self.walker("", line, fixed=True)
        if use.rowtype:
            walker.row_type(use.names)
        else:
            walker.column_type(use.names)

    # dynamic SQL

    def dynamic(self, expression: str, line: int) -> None:
        try:
            node = engine.parse(f"SELECT {expression}")[0]["stmt"]["SelectStmt"]
        except (EngineError, LookupError):
            return
        targets = node.get("targetList", [])
        if len(targets) != 1 or "fromClause" in node or "larg" in node:
            self.out.unknown(rules.DYNAMIC_OPAQUE, line, _shown(expression))
            return
        if not self.run(targets[0]["ResTarget"].get("val", {}), line):
            self.out.unknown(rules.DYNAMIC_OPAQUE, line, _shown(expression))

    def run_constant(self, node: Node, line: int) -> None:
        self.run(node, line)

    def run(self, node: Node, line: int) -> bool:
        """Follow what an expression says as SQL; False if some of it is not known."""
        templates = Evaluator(_Variables(self.variables, self.plain).values, self.plain).values(node)
        exact = all(is_known(template) for template in templates)
        for template in templates:
            self.follow(filled(template), line, quiet=not exact)
        return exact

    def follow(self, text: str, line: int, *, quiet: bool) -> None:
        if self.depth >= _DEPTH:
            self.out.unknown(rules.DYNAMIC_OPAQUE, line, "dynamic SQL inside dynamic SQL, too deep")
            return
        try:
            parsed = engine.parse(text)
        except EngineError as error:
            if not quiet:
                self.out.unknown(rules.PARSE_ERROR, line, f"dynamic SQL: {error.message}")
            return
        self.strings(text, line)
        self.depth += 1
        walker = self.walker(text, line, fixed=True, quiet=quiet)
        self.guarded(line, lambda: walker.statements(parsed))
        self.depth -= 1

    def block(self, language: str, body: str, line: int) -> None:
        """A DO block."""
        if language.lower() != "plpgsql":
            self.out.unknown(rules.LANGUAGE, line, language)
        elif MARK in body or self.depth >= _DEPTH:
            self.out.unknown(rules.DYNAMIC_OPAQUE, line, "DO with a body that is not constant")
        else:
            self.depth += 1
            self.procedural(body, line)
            self.depth -= 1

    def plain(self, names: tuple[str, ...]) -> bool:
        """Whether the name of a function, or of the operator ``||``, can mean nothing but the one of pg_catalog."""
        if names == ("||",):
            return not self.resolver.operator(None, "||")
        if len(names) > 1:
            return names[:-1] == ("pg_catalog",)
        return not self.resolver.routine(None, names[-1]).hits


class _Variables:
    """The values of PL/pgSQL variables that only ever hold what is written down in the body."""

    def __init__(self, variables: dict[str, Variable], plain: Callable[[tuple[str, ...]], bool]) -> None:
        self.variables = variables
        self.evaluator = Evaluator(self.values, plain)
        self.open: set[str] = set()
        self.done: dict[str, list[Template] | None] = {}

    def values(self, name: str) -> list[Template] | None:
        if name in self.open:
            return None
        if name not in self.done:
            self.done[name] = self._values(name)
        return self.done[name]

    def _values(self, name: str) -> list[Template] | None:
        variable = self.variables.get(name)
        if variable is None or variable.anything or not variable.values:
            return None
        self.open.add(name)
        found: list[Template] = []
        for text in variable.values:
            try:
                select = engine.parse(f"SELECT {text}")[0]["stmt"]["SelectStmt"]
            except (EngineError, LookupError):
                found = []
                break
            targets = select.get("targetList", [])
            if len(targets) != 1 or "fromClause" in select or "larg" in select:
                found = []
                break
            found += self.evaluator.values(targets[0]["ResTarget"].get("val", {}))
        self.open.discard(name)
        if variable.cut and any(len(filled(each).encode()) >= _NAMEDATALEN or not is_constant(each) for each in found):
            return None
        return found or None


def _sql_body(walker: Walker, node: Node | None) -> None:
    """BEGIN ATOMIC … END, or RETURN expression."""
    body = node or {}
    if "List" not in body:
        walker.statement(body)
        return
    for item in body["List"].get("items", []):
        for each in item.get("List", {}).get("items", []) if "List" in item else [item]:
            walker.statement(each)


def _shown(expression: str) -> str:
    text = " ".join(expression.split())
    return text if len(text) <= 120 else text[:117] + "..."
