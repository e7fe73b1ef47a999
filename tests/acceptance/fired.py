"""Gate 7: routines that run with another role's rights for the application, and of which nobody asks for EXECUTE: what a write fires,
and the parts of an aggregate."""

from __future__ import annotations

from dataclasses import dataclass

_BODY = "LANGUAGE plpgsql {} SET search_path = pg_catalog, pg_temp AS $$ BEGIN DELETE FROM public.qt001_setting; RETURN {}; END $$"


def _trigger(name: str = "zz_audit", how: str = "SECURITY DEFINER", result: str = "NULL") -> str:
    made = f"CREATE FUNCTION public.{name}() RETURNS trigger {_BODY.format(how, result)};\n"
    return f"{made}REVOKE EXECUTE ON FUNCTION public.{name}() FROM PUBLIC;\n"


def _table(more: str = "") -> str:
    return f"CREATE TABLE public.zz_note (id int PRIMARY KEY{more});\n"


def _fires(relation: str, name: str = "zz_audit", when: str = "AFTER INSERT OR DELETE", each: str = "ROW") -> str:
    return f"CREATE TRIGGER zz_fires {when} ON {relation} FOR EACH {each} EXECUTE FUNCTION public.{name}();\n"


_OF_APPLICATION = "CREATE TABLE public.zz_own (id int PRIMARY KEY);\nALTER TABLE public.zz_own OWNER TO directus;\n"
_DELETES = "INSERT INTO public.zz_own VALUES (1)", "DELETE FROM public.zz_own"
_WRITES = ("INSERT INTO public.zz_note VALUES (1)",)
# What an action fires runs as the table's owner where it is a BEFORE trigger; an AFTER trigger does since 18 alone.
_CASCADE = " REFERENCES public.zz_own ON DELETE CASCADE"


@dataclass(frozen=True)
class Way:
    """``made`` by a superuser, then ``attack`` as the application; ``between``: what the superuser does in between."""

    made: str
    attack: tuple[str, ...] = _WRITES
    between: str = ""
    routine: str = "function public.zz_audit()"


WAYS = {
    "a table that it may insert into": Way(
        _trigger() + _table() + "GRANT INSERT ON public.zz_note TO directus;\n" + _fires("public.zz_note")
    ),
    "a column that it may insert": Way(
        _trigger() + _table() + "GRANT INSERT (id) ON public.zz_note TO directus;\n" + _fires("public.zz_note")
    ),
    "a table that everybody may insert into": Way(
        _trigger() + _table() + "GRANT INSERT ON public.zz_note TO PUBLIC;\n" + _fires("public.zz_note")
    ),
    "a table that it may only truncate": Way(
        _trigger()
        + _table()
        + "GRANT TRUNCATE ON public.zz_note TO directus;\n"
        + _fires("public.zz_note", when="AFTER TRUNCATE", each="STATEMENT"),
        ("TRUNCATE public.zz_note",),
    ),
    "a table of its own": Way(
        _trigger() + _OF_APPLICATION + _fires("public.zz_own"), ("INSERT INTO public.zz_own VALUES (1)",)
    ),
    "a partition": Way(
        _trigger()
        + "CREATE TABLE public.zz_all (id int) PARTITION BY LIST (id);\nGRANT INSERT ON public.zz_all TO directus;\n"
        "CREATE TABLE public.zz_note PARTITION OF public.zz_all DEFAULT;\n" + _fires("public.zz_note"),
        ("INSERT INTO public.zz_all VALUES (1)",),
    ),
    "a table under another's view": Way(
        _trigger()
        + _table()
        + "CREATE VIEW public.zz_shown AS SELECT id FROM public.zz_note;\nGRANT INSERT ON public.zz_shown TO directus;\n"
        + _fires("public.zz_note"),
        ("INSERT INTO public.zz_shown VALUES (1)",),
    ),
    "instead of a view": Way(
        _trigger()
        + "CREATE VIEW public.zz_shown AS SELECT 1 AS id;\nGRANT INSERT ON public.zz_shown TO directus;\n"
        + _fires("public.zz_shown", when="INSTEAD OF INSERT"),
        ("INSERT INTO public.zz_shown VALUES (1)",),
    ),
    "a table that a rule writes": Way(
        _trigger() + _table() + "CREATE TABLE public.zz_box (id int);\nGRANT INSERT ON public.zz_box TO directus;\n"
        "CREATE RULE zz_also AS ON INSERT TO public.zz_box DO ALSO INSERT INTO public.zz_note VALUES (new.id);\n"
        + _fires("public.zz_note"),
        ("INSERT INTO public.zz_box VALUES (1)",),
    ),
    "a foreign key's action": Way(
        _trigger() + _OF_APPLICATION + _table(_CASCADE) + _fires("public.zz_note", when="BEFORE DELETE"),
        _DELETES,
        "INSERT INTO public.zz_note VALUES (1)",
    ),
    "a foreign key's action, as the table's owner": Way(
        _trigger(how="") + _OF_APPLICATION + _table(_CASCADE) + _fires("public.zz_note", when="BEFORE DELETE"),
        _DELETES,
        "INSERT INTO public.zz_note VALUES (1)",
    ),
    "the second foreign key's action, as the table's owner": Way(
        _trigger(how="")
        + _OF_APPLICATION
        + f"CREATE TABLE public.zz_middle (id int PRIMARY KEY{_CASCADE});\n"
        + _table(" REFERENCES public.zz_middle ON UPDATE SET NULL ON DELETE CASCADE")
        + _fires("public.zz_note", when="BEFORE DELETE"),
        _DELETES,
        "INSERT INTO public.zz_middle VALUES (1)|INSERT INTO public.zz_note VALUES (1)",
    ),
    "the action's partition, as the table's owner": Way(
        _trigger(how="")
        + _OF_APPLICATION
        + f"CREATE TABLE public.zz_all (id int{_CASCADE}) PARTITION BY LIST (id);\n"
        "CREATE TABLE public.zz_note PARTITION OF public.zz_all DEFAULT;\n" + _fires("public.zz_note", when="BEFORE DELETE"),
        _DELETES,
        "INSERT INTO public.zz_all VALUES (1)",
    ),
    "what an action checks, as the table's owner": Way(
        "CREATE FUNCTION public.zz_audit(int) RETURNS boolean " + _BODY.format("", "true") + ";\n"
        "REVOKE EXECUTE ON FUNCTION public.zz_audit(int) FROM PUBLIC;\n"
        + _OF_APPLICATION
        + "CREATE TABLE public.zz_note (id int REFERENCES public.zz_own ON DELETE SET NULL, CHECK (id > 0 OR public.zz_audit(id)));\n",
        _DELETES,
        "INSERT INTO public.zz_note VALUES (1)",
        "function public.zz_audit(integer)",
    ),
    "a part of an aggregate": Way(
        "CREATE FUNCTION public.zz_audit(int, int) RETURNS int " + _BODY.format("SECURITY DEFINER", "1") + ";\n"
        "REVOKE EXECUTE ON FUNCTION public.zz_audit(int, int) FROM PUBLIC;\n"
        "CREATE AGGREGATE public.zz_sum (int) (sfunc = public.zz_audit, stype = int, initcond = '0');\n",
        ("SELECT public.zz_sum(1)",),
        routine="function public.zz_audit(integer,integer)",
    ),
    "a part of an operator class": Way(
        "CREATE TYPE public.zz_pair AS (a int);\n"
        "CREATE FUNCTION public.zz_audit(public.zz_pair, public.zz_pair) RETURNS int " + _BODY.format("SECURITY DEFINER", "0") + ";\n"
        "REVOKE EXECUTE ON FUNCTION public.zz_audit(public.zz_pair, public.zz_pair) FROM PUBLIC;\n"
        "CREATE FUNCTION public.zz_less(public.zz_pair, public.zz_pair) RETURNS boolean LANGUAGE sql AS 'SELECT false';\n"
        "CREATE OPERATOR public.<<< (LEFTARG = public.zz_pair, RIGHTARG = public.zz_pair, FUNCTION = public.zz_less);\n"
        "CREATE OPERATOR public.=== (LEFTARG = public.zz_pair, RIGHTARG = public.zz_pair, FUNCTION = public.zz_less);\n"
        "CREATE OPERATOR CLASS public.zz_order DEFAULT FOR TYPE public.zz_pair USING btree AS"
        " OPERATOR 1 public.<<<, OPERATOR 3 public.===, FUNCTION 1 public.zz_audit(public.zz_pair, public.zz_pair);\n",
        ("SELECT x FROM (VALUES (row(1)::public.zz_pair), (row(2)::public.zz_pair)) v(x) ORDER BY x",),
        routine="function public.zz_audit(public.zz_pair,public.zz_pair)",
    ),
}  # fmt: skip

BESIDE = {
    "who may only read it": _trigger()
    + _table()
    + "GRANT SELECT ON public.zz_note TO directus;\n"
    + _fires("public.zz_note"),
    "where the action is another's": _trigger(how="")
    + "CREATE TABLE public.zz_own (id int PRIMARY KEY);\n"
    + _table(_CASCADE)
    + _fires("public.zz_note"),
    "whose owner holds nothing protected": "CREATE ROLE zz_quiet;\n"
    + _trigger()
    + _OF_APPLICATION
    + _fires("public.zz_own")
    + "ALTER FUNCTION public.zz_audit() OWNER TO zz_quiet;\n",
    "which runs with the application's own rights": _trigger(how="") + _OF_APPLICATION + _fires("public.zz_own"),
    "an aggregate that it may not call": "CREATE FUNCTION public.zz_audit(int, int) RETURNS int "
    + _BODY.format("SECURITY DEFINER", "1")
    + ";\nREVOKE EXECUTE ON FUNCTION public.zz_audit(int, int) FROM PUBLIC;\n"
    "CREATE AGGREGATE public.zz_sum (int) (sfunc = public.zz_audit, stype = int, initcond = '0');\n"
    "REVOKE EXECUTE ON FUNCTION public.zz_sum(int) FROM PUBLIC;\n",
}
