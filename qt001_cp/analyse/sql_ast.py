"""Walks the engine's tree of one SQL text and says what it reads, writes, calls and uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qt001_cp.analyse import engine, rules
from qt001_cp.analyse.engine import Node
from qt001_cp.analyse.expressions import Expressions
from qt001_cp.analyse.references import dotted
from qt001_cp.analyse.words import words
from qt001_cp.model.settings import may_be_set

_HARMLESS: Final = words(
    """
    TransactionStmt NotifyStmt ListenStmt UnlistenStmt VariableShowStmt ClosePortalStmt DeallocateStmt
    """
)
_AROUND_A_QUERY: Final = frozenset({"ExplainStmt", "PrepareStmt"})


class Walker(Expressions):
    """Statements; what they hold is walked by the base classes."""

    def statements(self, parsed: list[Node]) -> None:
        for raw in parsed:
            self._at(raw.get("stmt_location", 0))
            self.statement(raw.get("stmt", {}))

    def result(self, parsed: list[Node]) -> None:
        """What the last SELECT gives is converted to the declared result."""
        targets = parsed[-1].get("stmt", {}).get("SelectStmt", {}).get("targetList", []) if parsed else []
        if not all(self.settled(each["ResTarget"].get("val", {})) for each in targets):
            self.out.by_type("a cast to the result", self.here)

    # statements

    def statement(self, node: Node) -> None:
        for kind, body in node.items():
            handler = _STATEMENTS.get(kind)
            if handler is not None:
                handler(self, body)
            elif kind in _AROUND_A_QUERY:
                self.statement(body.get("query", {}))
            elif kind == "ReturnStmt":
                self.visit(body)
            elif kind not in _HARMLESS:
                self.utility(kind, body)

    def utility(self, kind: str, body: Node) -> None:
        targets = [body[key] for key in ("relation", "view") if isinstance(body.get(key), dict)]
        if targets and all("relname" in target and self._is_created(target) for target in targets):
            self.rest(body, "relation", "view")
            return
        self.unknown(rules.UTILITY, kind.removesuffix("Stmt"))
        for target in targets:
            self.relation("writes", target)
        self.relation_verb = "writes"
        self.rest(body, "relation", "view")
        self.relation_verb = "reads"

    def query(self, node: Node) -> None:
        verb, self.relation_verb = self.relation_verb, "reads"
        self.scopes.append(set())
        self._with(node)
        self._set_operands(node)
        if "intoClause" in node:
            self.create_as(node["intoClause"].get("rel", {}), {})
        self._locking(node)
        self.rest(node, "withClause", "larg", "rarg", "intoClause", "lockingClause")
        self.scopes.pop()
        self.relation_verb = verb

    def _set_operands(self, node: Node) -> None:
        operands: list[Node] = []
        while "larg" in node:
            operands.append(node["rarg"])
            inner = node["larg"]
            if any(key in inner for key in ("withClause", "lockingClause", "sortClause", "limitCount", "limitOffset")):
                operands.append(inner)
                break
            if "larg" not in inner:
                operands.append(inner)
            node = inner
        for operand in reversed(operands):
            self.query(operand)

    def _with(self, node: Node) -> None:
        clause = node.get("withClause")
        if clause is None:
            return
        tables = [each["CommonTableExpr"] for each in clause.get("ctes", [])]
        if clause.get("recursive"):
            self.scopes[-1].update(table["ctename"] for table in tables)
        for table in tables:
            self.out.local.add(table["ctename"])
            self.statement(table.get("ctequery", {}))
            self.rest(table, "ctequery")
            self.scopes[-1].add(table["ctename"])

    def _locking(self, node: Node) -> None:
        for each in node.get("lockingClause", []):
            wanted = {table["RangeVar"]["relname"] for table in each["LockingClause"].get("lockedRels", [])}
            for item in node.get("fromClause", []):
                self._lock(item, wanted or None)

    def _lock(self, item: Node, wanted: set[str] | None) -> None:
        if "RangeVar" in item:
            table = item["RangeVar"]
            name = table.get("alias", {}).get("aliasname", table["relname"])
            if (wanted is None or name in wanted) and not self._is_cte(table):
                self.relation("writes", table)
        elif "JoinExpr" in item:
            join = item["JoinExpr"]
            for side in ("larg", "rarg"):
                self._lock(join.get(side, {}), wanted)
        elif "RangeSubselect" in item:
            select = item["RangeSubselect"]
            if wanted is None or select.get("alias", {}).get("aliasname") in wanted:
                for inner in select.get("subquery", {}).get("SelectStmt", {}).get("fromClause", []):
                    self._lock(inner, None)

    def change(self, node: Node) -> None:
        """INSERT, UPDATE, DELETE, MERGE. Their target is a relation, even where a CTE has its name."""
        self.scopes.append(set())
        self.out.by_type("a cast to the type of a column", self.here)
        self._with(node)
        self.relation("writes", node.get("relation", {}))
        self.rest(node, "withClause", "relation")
        self.scopes.pop()

    def truncate(self, node: Node) -> None:
        for each in node.get("relations", []):
            self.relation("writes", each["RangeVar"])

    def copy(self, node: Node) -> None:
        if "relation" in node:
            self.relation("writes" if node.get("is_from") else "reads", node["relation"])
        if node.get("is_program") or node.get("filename"):
            self.unknown(rules.HIDDEN_SINK, "COPY PROGRAM" if node.get("is_program") else "COPY with a file")
        if "query" in node:
            self.statement(node["query"])
        self.rest(node, "relation", "query")

    def lock(self, node: Node) -> None:
        for each in node.get("relations", []):
            self.relation("uses", each["RangeVar"])

    def refresh(self, node: Node) -> None:
        self.relation("writes", node.get("relation", {}))

    def create_table(self, node: Node) -> None:
        target = node.get("relation", {})
        self.relation_verb = "uses"
        self.rest(node, "relation")
        self.relation_verb = "reads"
        self.create(target, node)

    def create_table_as(self, node: Node) -> None:
        self.statement(node.get("query", {}))
        self.create_as(node.get("into", {}).get("rel", {}), node)

    def create_as(self, target: Node, statement: Node) -> None:
        self.place(target)
        self.create(target, statement)

    def create(self, target: Node, statement: Node) -> None:
        self.out.create(target.get("relname", ""))
        if statement.get("if_not_exists"):
            self.unknown(rules.UTILITY, f"CREATE TABLE IF NOT EXISTS {dotted(_relation_name(target))}")
        elif target.get("relpersistence") != "t" and target.get("schemaname") != "pg_temp":
            self.unknown(rules.UTILITY, f"CREATE TABLE {dotted(_relation_name(target))}")

    def drop(self, node: Node) -> None:
        names = [engine.strings(each.get("List", {}).get("items")) for each in node.get("objects", [])]
        relations = node.get("removeType") in (
            "OBJECT_TABLE",
            "OBJECT_VIEW",
            "OBJECT_MATVIEW",
            "OBJECT_SEQUENCE",
            "OBJECT_FOREIGN_TABLE",
        )
        if relations and all(
            name and self.out.has_created(name[-1]) and name[:-1] in ((), ("pg_temp",)) for name in names
        ):
            return
        self.unknown(rules.UTILITY, "Drop " + ", ".join(dotted(name) for name in names if name))
        for name in names if relations else []:
            for hit in self.resolver.relation(name[-2] if len(name) > 1 else None, name[-1]).hits:
                self._edge("writes", hit)

    def vacuum(self, node: Node) -> None:
        for each in node.get("rels", []):
            self.relation("uses", each.get("VacuumRelation", {}).get("relation", {}))

    def do(self, node: Node) -> None:
        options = {each["DefElem"]["defname"]: each["DefElem"].get("arg", {}) for each in node.get("args", [])}
        language = options.get("language", {}).get("String", {}).get("sval", "plpgsql")
        self.run_block(language, options.get("as", {}).get("String", {}).get("sval", ""), self.here)

    def call(self, node: Node) -> None:
        self.function(node.get("funccall", {}), procedure=True)

    def set_variable(self, node: Node) -> None:
        name = node.get("name", "").lower()
        if name == "search_path" or node.get("kind") == "VAR_RESET_ALL":
            self.unknown(rules.SEARCH_PATH, f"SET {name}" if name else "RESET ALL")
        elif not may_be_set(name, _only_word(node)):
            self.unknown(rules.SETTING, f"SET {name}")
        self.rest(node)

    def declare_cursor(self, node: Node) -> None:
        self.out.cursors.add(node.get("portalname", ""))
        self.statement(node.get("query", {}))

    def fetch(self, node: Node) -> None:
        """A cursor of the caller's runs the caller's query, with the rights of the routine."""
        if node.get("portalname", "") not in self.out.cursors:
            self.unknown(rules.DYNAMIC_OPAQUE, f"FETCH from the cursor {node.get('portalname', '')}")

    def set_constraints(self, node: Node) -> None:
        """IMMEDIATE runs the triggers that the caller's transaction has put off, with the rights of the routine."""
        if not node.get("deferred"):
            self.unknown(rules.UTILITY, "SET CONSTRAINTS IMMEDIATE")

    def execute_prepared(self, node: Node) -> None:
        self.unknown(rules.DYNAMIC_OPAQUE, f"EXECUTE of the prepared statement {node.get('name', '')}")
        self.rest(node)

    def discard(self, _node: Node) -> None:
        self.unknown(rules.SEARCH_PATH, "DISCARD")


def _only_word(node: Node) -> str | None:
    """The value of a SET of one constant; None for DEFAULT, RESET, FROM CURRENT and lists."""
    values = [each.get("A_Const", {}) for each in node.get("args", [])]
    if node.get("kind") != "VAR_SET_VALUE" or len(values) != 1:
        return None
    return (
        str(values[0]["sval"].get("sval", "")) if "sval" in values[0] else str(values[0].get("ival", {}).get("ival", 0))
    )


def _relation_name(node: Node) -> tuple[str, ...]:
    return tuple(node[key] for key in ("schemaname", "relname") if node.get(key))


_NODES: Final[dict[str, Callable[[Walker, Any], None]]] = {
    "SelectStmt": Walker.query, "InsertStmt": Walker.change, "UpdateStmt": Walker.change,
    "DeleteStmt": Walker.change, "MergeStmt": Walker.change, "RangeVar": Walker.range_var,
    "alias": Walker.alias, "join_using_alias": Walker.alias, "typeName": Walker.type_name,
    "TypeName": Walker.type_name, "argType": Walker.type_name, "returnType": Walker.type_name,
    "TypeCast": Walker.cast, "FuncCall": Walker.function_node,
    "A_Expr": Walker.expression, "SubLink": Walker.sublink, "SortBy": Walker.sort, "ColumnRef": Walker.column,
    "CaseExpr": Walker.case, "JoinExpr": Walker.join, "RangeFunction": Walker.range_function,
    "A_Indirection": Walker.indirection, "RangeTableSample": Walker.sample,
    "JsonObjectConstructor": Walker.json, "JsonArrayConstructor": Walker.json, "JsonObjectAgg": Walker.json,
    "JsonArrayAgg": Walker.json, "JsonScalarExpr": Walker.json, "JsonArrayQueryConstructor": Walker.json,
}  # fmt: skip  # one family of nodes a line

_STATEMENTS: Final[dict[str, Callable[[Walker, Any], None]]] = {
    "SelectStmt": Walker.query,
    "InsertStmt": Walker.change,
    "UpdateStmt": Walker.change,
    "DeleteStmt": Walker.change,
    "MergeStmt": Walker.change,
    "TruncateStmt": Walker.truncate,
    "CopyStmt": Walker.copy,
    "LockStmt": Walker.lock,
    "RefreshMatViewStmt": Walker.refresh,
    "CreateStmt": Walker.create_table,
    "CreateTableAsStmt": Walker.create_table_as,
    "DropStmt": Walker.drop,
    "VacuumStmt": Walker.vacuum,
    "DoStmt": Walker.do,
    "CallStmt": Walker.call,
    "VariableSetStmt": Walker.set_variable,
    "ExecuteStmt": Walker.execute_prepared,
    "DiscardStmt": Walker.discard,
    "DeclareCursorStmt": Walker.declare_cursor,
    "FetchStmt": Walker.fetch,
    "ConstraintsSetStmt": Walker.set_constraints,
}

Walker.nodes = _NODES
