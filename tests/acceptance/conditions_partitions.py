"""Tables that grow: what a partition under their names may be, condition by condition, and what makes it more than one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, both, do, in_document, in_row
from tests.acceptance.stays_open import Stays

TABLE = "qt001_data.measurement"
NEW = f"{TABLE}_2030"
OLD = f"{TABLE}_2026"
"""One that was there at the cutover."""
BY_HAND = f"CREATE TABLE {NEW} PARTITION OF {TABLE} FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')"
_ATTACHED = f"ALTER TABLE {TABLE} ATTACH PARTITION {NEW} FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')"
_DETACHED = f"ALTER TABLE {TABLE} DETACH PARTITION {NEW}"


@dataclass(frozen=True)
class More:
    """What makes a partition more than one; ``fault``: as the gate says it."""

    name: str
    fault: str
    statements: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


TRIGGER = "CREATE FUNCTION public.beside() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
_DAY_CLASS = (
    "CREATE OPERATOR CLASS public.day_ops FOR TYPE date USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,"
    " FUNCTION 1 date_cmp(date, date)"
)
_CAST_IT = f"CREATE FUNCTION public.cast_it({NEW}) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text'"
MORE = (
    More("a trigger", "trigger more is its own", (TRIGGER, f"CREATE TRIGGER more BEFORE INSERT ON {NEW} FOR EACH ROW EXECUTE FUNCTION public.beside()")),
    More("a trigger of its table's that is disabled", "is not enabled as its table", (f"ALTER TABLE {NEW} DISABLE TRIGGER USER",)),
    More("triggers of the server's that are disabled", "is not enabled as its table", (
        f"ALTER TABLE {NEW} DISABLE TRIGGER ALL", f"ALTER TABLE {NEW} ENABLE TRIGGER USER")),
    More("a rule", "it has a rule", (f"CREATE RULE more AS ON INSERT TO {NEW} DO ALSO NOTHING",)),
    More("a policy", "row security of its own", (f"CREATE POLICY more ON {NEW} USING (true)",)),
    More("row security", "row security of its own", (f"ALTER TABLE {NEW} ENABLE ROW LEVEL SECURITY",)),
    More("row security that is forced", "row security of its own", (f"ALTER TABLE {NEW} FORCE ROW LEVEL SECURITY",)),
    More("a check", "constraint more is not its table's", (f"ALTER TABLE {NEW} ADD CONSTRAINT more CHECK (taken_on IS NOT NULL)",)),
    More("a foreign key of its own", "constraint more is not its table's", (
        "CREATE TABLE public.days (day date PRIMARY KEY)", f"ALTER TABLE {NEW} ADD CONSTRAINT more FOREIGN KEY (taken_on) REFERENCES public.days")),
    More("an exclusion constraint", "constraint more is not its table's", (f"ALTER TABLE {NEW} ADD CONSTRAINT more EXCLUDE (taken_on WITH =)",)),
    More("a constraint trigger", "trigger more is its own", (
        TRIGGER, f"CREATE CONSTRAINT TRIGGER more AFTER INSERT ON {NEW} FOR EACH ROW EXECUTE FUNCTION public.beside()")),
    More("a unique constraint", "constraint more is not its table's", (f"ALTER TABLE {NEW} ADD CONSTRAINT more UNIQUE (taken_on)",)),
    More("a unique index", "index more is its own", (f"CREATE UNIQUE INDEX more ON {NEW} (taken_on)",)),
    More("an index on an expression", "index more is its own", (f"CREATE INDEX more ON {NEW} ((taken_on - 1))",)),
    More("an index with a predicate", "index more is its own", (f"CREATE INDEX more ON {NEW} (taken_on) WHERE taken_on IS NOT NULL",)),
    More("an index by somebody's operator class", "index more is its own", (_DAY_CLASS, f"CREATE INDEX more ON {NEW} (taken_on public.day_ops)")),
    More("an index by somebody's collation", "index more is its own", (
        f"ALTER TABLE {TABLE} ADD COLUMN note text", "CREATE COLLATION public.mine FROM \"C\"", f"CREATE INDEX more ON {NEW} (note COLLATE public.mine)")),
    More("an index by an extension's method", "index more is its own", ("CREATE EXTENSION bloom", f"CREATE INDEX more ON {NEW} USING bloom (ordinal)")),
    More("a default", "column taken_on is not as in its table", (f"ALTER TABLE {NEW} ALTER taken_on SET DEFAULT '2030-02-02'",)),
    More("UNLOGGED", "it is UNLOGGED", (f"DROP TABLE {NEW}", BY_HAND.replace("CREATE TABLE", "CREATE UNLOGGED TABLE"))),
    More("replica identity", "a replica identity of its own", (f"ALTER TABLE {NEW} REPLICA IDENTITY FULL",)),
    More("a table access method", "a table access method of its own", (
        "CREATE ACCESS METHOD mine TYPE TABLE HANDLER heap_tableam_handler", f"DROP TABLE {NEW}", f"{BY_HAND} USING mine")),
    More("a table below it", "it is no plain table", (f"DROP TABLE {NEW}", BY_HAND + " PARTITION BY RANGE (taken_on)")),
    More("a foreign key to it alone", "constraint later_fkey is not its table's", (
        f"ALTER TABLE {NEW} ADD CONSTRAINT more UNIQUE (taken_on)", f"CREATE TABLE {TABLE}_later (day date CONSTRAINT later_fkey REFERENCES {NEW} (taken_on))",
        f"ALTER TABLE {TABLE}_later OWNER TO qt001_cp_owner", f"ALTER TABLE {NEW} DROP CONSTRAINT IF EXISTS nothing")),
    More("a cast of its rows", "there is a cast of its rows", (_CAST_IT, f"CREATE CAST ({NEW} AS text) WITH FUNCTION public.cast_it({NEW})")),
    More("a cast to its rows", "there is a cast of its rows", (f"CREATE CAST (jsonb AS {NEW}) WITH INOUT",)),
    More("a cast of lists of its rows", "there is a cast of its rows", (f"CREATE CAST ({NEW}[] AS jsonb) WITH INOUT",)),
    More("a publication", "a publication names it", (f"CREATE PUBLICATION more FOR TABLE {NEW}",)),
    More("a privilege", "others have privileges on it", (f"GRANT SELECT ON {NEW} TO reporting",)),
    More("a privilege on a column", "others have privileges on it", (f"GRANT SELECT (taken_on) ON {NEW} TO PUBLIC",)),
)  # fmt: skip  # one a line
WAS_ONE = (
    MORE[0],
    More("a type that it is of", "it is of a type", (f"DROP TABLE {NEW}", "CREATE TYPE public.line AS (a int)", f"CREATE TABLE {NEW} OF public.line")),
    More("no log", "it is UNLOGGED", (f"ALTER TABLE {NEW} SET UNLOGGED",)),
    More("a replica identity", "a replica identity of its own", (f"ALTER TABLE {NEW} REPLICA IDENTITY FULL",)),
    More("a child", "it has a child", (f"CREATE TABLE public.child () INHERITS ({NEW})",)),
    More("another table above it", "it is a child of another table", ("CREATE TABLE public.above ()", f"ALTER TABLE {NEW} INHERIT public.above")),
    More("a foreign key to it", "constraint later_fkey is not its table's", (
        f"ALTER TABLE {NEW} ADD CONSTRAINT more UNIQUE (taken_on)", f"CREATE TABLE public.later (day date CONSTRAINT later_fkey REFERENCES {NEW} (taken_on))")),
)  # fmt: skip  # one a line
"""Of a table that was detached."""
OWNERS = f"ALTER TABLE {NEW} OWNER TO qt001_cp_owner"
_THERE = partial(Closer, "inventory_exact", resign=False)
_STAYS = partial(Stays, "inventory_exact")


def _made(*statements: str, then: tuple[str, ...] = ()) -> Move:
    return do(BY_HAND, *statements, OWNERS, *then)


PARTITIONS = (
    *(_THERE(f"a partition that came with {more.name}", _made(*more.statements), more.fault) for more in MORE),
    *(_THERE(f"a partition that was detached, with {more.name}", _made(_DETACHED, *more.statements), more.fault) for more in WAS_ONE),
    _THERE("a partition of the cutover with a trigger", do(TRIGGER, f"CREATE TRIGGER more BEFORE INSERT ON {OLD} FOR EACH ROW EXECUTE FUNCTION public.beside()"), f"table {OLD}"),
    _THERE("a table of another role that somebody has attached", do(f"CREATE TABLE public.planted (LIKE {TABLE})", "ALTER TABLE public.planted OWNER TO reporting",
        f"ALTER TABLE {TABLE} ATTACH PARTITION public.planted FOR VALUES FROM ('2040-01-01') TO ('2041-01-01')"), "owned by reporting"),
    _THERE("one that somebody has attached under the name", both(_made(then=(f"ALTER TABLE {NEW} OWNER TO reporting",))), "owned by reporting"),
    _THERE("a table of the owner's under the name in another schema", _made(then=(f"ALTER TABLE {NEW} SET SCHEMA public",)), "table public.measurement_2030"),
    _THERE("a partition of another name", _made(then=(f"ALTER TABLE {NEW} RENAME TO other_2030",)), "table qt001_data.other_2030"),
    _THERE("a partition of a table that grows no more", both(_made(), in_document("manifest.object", "jsonb_set(head, '{growth}', '[]')")), f"table {NEW}"),
    _THERE("a table that does not grow is gone", do("DROP TABLE public.qt001_apply_log CASCADE"), "found no such object"),
    _THERE("a partition of somebody else's table under the name", do(
        f"CREATE TABLE public.other_parts (LIKE {TABLE}) PARTITION BY RANGE (taken_on)", "ALTER TABLE public.other_parts OWNER TO reporting",
        f"CREATE TABLE {NEW} PARTITION OF public.other_parts FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')", OWNERS), "it is a child of another table"),
    _THERE("a table beside the partitions is gone", do("DROP TABLE qt001_data.unit CASCADE"), "table qt001_data.unit"),
    _THERE("a view with a name like a partition's is gone", do("DROP VIEW qt001_data.measurement_latest CASCADE"), "view qt001_data.measurement_latest"),
    _THERE("a table elsewhere with a name like a partition's is gone", both(
        in_row(("table", "public.qt001_switch"), """jsonb_set(object, '{name}', '"measurement_switch"')"""), do("DROP TABLE public.qt001_switch CASCADE")),
        "table public.qt001_switch"),
    Closer("owners_and_acls_exact", "one of the cutover was detached and is somebody else's", do(f"ALTER TABLE {TABLE} DETACH PARTITION {OLD}",
           f"ALTER TABLE {OLD} OWNER TO reporting"), f"table {OLD}", resign=False),
    Closer("dependency_manifest_closed", "a partition of what the apply path writes came with a rule", _made(
        f"CREATE RULE more AS ON INSERT TO {NEW} DO ALSO NOTHING"), f"table {NEW}", resign=False),
    Closer("owners_and_acls_exact", "one of the cutover has more privileges", do(f"GRANT SELECT ON {OLD} TO intern"), f"table {OLD}", resign=False),
)  # fmt: skip  # one a line
PARTITION_STAYS = (
    _STAYS("one of the cutover to which the manifest leaves a privilege", both(
        in_row(("table", OLD), """jsonb_set(object, '{after,acl}', (object #> '{after,acl}') || '[["qt001_cp_owner", "intern", "SELECT", false]]')"""),
        do(f"GRANT SELECT ON {OLD} TO intern"))),
    _STAYS("one whose owner's own privileges are written down", _made(then=(f"GRANT SELECT ON {NEW} TO qt001_cp_owner",))),
    _STAYS("the application's table under the name, with a rule of its own", do(f"CREATE TABLE {NEW} (LIKE {TABLE})",
        f"CREATE RULE more AS ON INSERT TO {NEW} DO ALSO NOTHING", f"ALTER TABLE {NEW} OWNER TO directus")),
    _STAYS("another role's partition of a table that is retained", do(
        "CREATE TABLE public.planted (LIKE public.page_views)", "ALTER TABLE public.planted OWNER TO reporting",
        "ALTER TABLE public.page_views ATTACH PARTITION public.planted FOR VALUES FROM ('2040-01-01') TO ('2041-01-01')")),
    _STAYS("another role's partitioned table with its partition", do(
        "CREATE TABLE public.theirs (a int) PARTITION BY LIST (a)", "CREATE TABLE public.theirs_all PARTITION OF public.theirs DEFAULT",
        "ALTER TABLE public.theirs OWNER TO reporting", "ALTER TABLE public.theirs_all OWNER TO reporting")),
    _STAYS("another role's partitioned table with the name of one that grows", do(
        "CREATE SCHEMA apart", "CREATE TABLE apart.measurement (a int) PARTITION BY LIST (a)", "CREATE TABLE apart.one PARTITION OF apart.measurement DEFAULT",
        "ALTER TABLE apart.measurement OWNER TO reporting", "ALTER TABLE apart.one OWNER TO reporting")),
    _STAYS("another role's child of a table without partitions, which its definition has", do(
        "CREATE TABLE public.kid () INHERITS (public.qt001_setting)", "ALTER TABLE public.kid OWNER TO reporting")),
    _STAYS("a partition came", _made()),
    _STAYS("one of the cutover is gone", do(f"DROP TABLE {OLD}")),
    _STAYS("one of the cutover was detached", do(f"ALTER TABLE {TABLE} DETACH PARTITION {OLD}")),
    Stays("definitions_exact", "one of the cutover was detached, and is what it was", do(f"ALTER TABLE {TABLE} DETACH PARTITION {OLD}")),
    Stays("owners_and_acls_exact", "one of the cutover is gone with its privileges", do(f"DROP TABLE {OLD}")),
    _STAYS("one with an index without a meaning", _made(f"CREATE INDEX more ON {NEW} (taken_on)")),
    _STAYS("one with a column that was dropped", do(
        f"CREATE TABLE {NEW} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED, late int)", f"ALTER TABLE {NEW} DROP COLUMN late", OWNERS, _ATTACHED)),
    _STAYS("one that was detached, with constraints, a default and an index of its own", _made(
        _DETACHED, f"ALTER TABLE {NEW} ADD CONSTRAINT more CHECK (taken_on IS NOT NULL)", f"ALTER TABLE {NEW} ALTER taken_on SET DEFAULT '2030-02-02'",
        f"CREATE UNIQUE INDEX again ON {NEW} (taken_on)", f"ALTER TABLE {NEW} ADD COLUMN upper date",
        f"ALTER TABLE {NEW} ADD CONSTRAINT own UNIQUE (taken_on)", f"ALTER TABLE {NEW} ADD CONSTRAINT itself FOREIGN KEY (upper) REFERENCES {NEW} (taken_on)")),
    _STAYS("a table access method that it has from its table", do(
        "CREATE ACCESS METHOD mine TYPE TABLE HANDLER heap_tableam_handler", f"ALTER TABLE {TABLE} SET ACCESS METHOD mine", BY_HAND, OWNERS)),
    Stays("dependency_manifest_closed", "a partition of what the apply path writes came", _made()),
    _STAYS("the application's table under the name", do(f"CREATE TABLE {NEW} (LIKE {TABLE})", f"ALTER TABLE {NEW} OWNER TO directus")),
    _STAYS("a partition of the manifest that is another role's, as the manifest says", both(
        in_row(("table", OLD), """jsonb_set(object, '{after,owner}', '"reporting"')"""), do(f"ALTER TABLE {OLD} OWNER TO reporting"))),
)  # fmt: skip  # one a line
