"""Attributes and memberships of the application role at the moment of the cutover."""

from __future__ import annotations

from typing import Any

from tests.routes.route import Route, late

_READS = "SELECT count(*) > 0 FROM public.qt001_setting"
_BRIDGE = "DROP ROLE test_bridge;\n"


def _attribute(name: str, shown: str, proof: str, **more: Any) -> Route:
    return Route(
        name,
        shown,
        f"ALTER ROLE directus {name};\n",
        late("role directus", "QT108"),
        proof=proof,
        inside=True,
        undo=f"ALTER ROLE directus NO{name};\n",
        **more,
    )


def _member(
    role: str, shown: str, proof: str = "SELECT true", attack: str = "", since: int = 0, until: int = 1_000_000
) -> Route:
    return Route(
        f"member of {role}",
        shown,
        f"GRANT {role} TO directus;\n",
        late("role directus", "QT108"),
        attack=attack,
        proof=proof,
        inside=True,
        undo=f"REVOKE {role} FROM directus;\n",
        since=since,
        until=until,
    )


def _grantee(privilege: str, role: str, shown: str, attack: str, setup: str = "", since: int = 0) -> Route:
    return Route(
        f"{privilege} of a role that it is a member of",
        shown,
        f"{setup}GRANT {role} TO directus;\n",
        late(f"membership of directus in {role}", "QT108"),
        attack=attack,
        inside=True,
        undo=f"REVOKE {role} FROM directus;\n",
        since=since,
    )


ROUTES = (
    _attribute("SUPERUSER", "no ACL holds", _READS),
    _attribute("BYPASSRLS", "row security holds no more", "SELECT bool_or(confidential) FROM public.qt001_case",
               later="GRANT SELECT ON public.qt001_case TO directus;\n"),
    _attribute("REPLICATION", "it may take all data off the server: it makes a slot that keeps the log for it",
               "SELECT (pg_create_physical_replication_slot('test_slot', true, true)).slot_name = 'test_slot'"),
    _attribute("CREATEROLE", "it makes itself a member of the new owner", _READS,
               attack="GRANT qt001_cp_owner TO directus;\nSET ROLE qt001_cp_owner;\n", until=160000,
               note="since 16 only with ADMIN OPTION on the role"),
    Route(
        "CREATEROLE over a login that got a duty",
        "who made a role may set its password and its settings: it becomes the operator",
        "ALTER ROLE directus CREATEROLE;\nSET ROLE directus;\nCREATE ROLE test_made LOGIN;\nRESET ROLE;\nGRANT qt001_cp_operator TO test_made;\n",
        late("role directus", "QT108"),
        attack="ALTER ROLE test_made PASSWORD 'known';\n",
        proof="SELECT true",
        inside=True,
        undo="DROP ROLE test_made;\nALTER ROLE directus NOCREATEROLE;\n",
    ),
    _member("qt001_cp_owner", "it is the new owner", _READS),
    Route(
        "member of the owner through another role, without INHERIT",
        "SET ROLE makes it the new owner",
        "CREATE ROLE test_bridge NOINHERIT;\nGRANT qt001_cp_owner TO test_bridge;\nGRANT test_bridge TO directus;\n",
        late("role directus", "QT108"),
        attack="SET ROLE qt001_cp_owner;\n",
        proof=_READS,
        inside=True,
        undo=_BRIDGE,
    ),
    Route(
        "a membership with ADMIN OPTION alone",
        "it grants itself the rest",
        "GRANT qt001_cp_owner TO directus WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;\n",
        late("role directus", "QT108"),
        attack="GRANT qt001_cp_owner TO directus WITH INHERIT TRUE, SET TRUE;\n",
        proof=_READS,
        inside=True,
        undo="REVOKE qt001_cp_owner FROM directus CASCADE;\n",
        since=160000,
    ),
    _member("pg_read_all_data", "it reads every table", _READS),
    _member("pg_write_all_data", "it writes into every table", attack="DELETE FROM public.qt001_queue;\nINSERT INTO public.qt001_switch VALUES ('x', 'open');\n"),
    _member("pg_read_server_files", "it reads what the server may read", attack="CREATE TEMP TABLE t (x text);\nCOPY t FROM '/dev/null';\n"),
    _member("pg_write_server_files", "it writes what the server may write", attack="COPY (SELECT 1) TO '/dev/null';\n"),
    _member("pg_execute_server_program", "it runs programs as the server", attack="COPY (SELECT 1) TO PROGRAM 'cat > /dev/null';\n"),
    _member("pg_signal_backend", "it ends the sessions of the author", "SELECT bool_or(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE usename = 'qt001_author'"),
    _member("pg_monitor", "it reads the statements of others", "SELECT bool_or(query LIKE '%watched%') FROM pg_stat_activity WHERE usename = 'qt001_author'"),
    _member("pg_checkpoint", "it makes the server write, at will", attack="CHECKPOINT;\n", since=150000),
    _member("pg_create_subscription", "it lets another server write into the database", since=160000,
            attack="CREATE SUBSCRIPTION articles_own CONNECTION 'host=elsewhere password=none dbname=x' PUBLICATION p WITH (connect = false);\n"),
    _member("pg_maintain", "it locks protected tables, rebuilds and refreshes them", since=170000,
            attack="LOCK TABLE public.qt001_setting IN ACCESS EXCLUSIVE MODE;\nREINDEX TABLE public.qt001_setting;\n"),
    Route(
        "session_replication_role for the application's role",
        "no trigger fires in its sessions, in what it may call neither",
        "ALTER ROLE directus SET session_replication_role = replica;\n",
        late("setting session_replication_role for directus", "QT108"),
        proof="SELECT current_setting('session_replication_role') = 'replica'",
        inside=True,
        undo="ALTER ROLE directus RESET session_replication_role;\n",
    ),
    _grantee("MAINTAIN", "qt001_service", "it locks and rebuilds the table with that role's grant",
             "LOCK TABLE public.qt001_queue IN ACCESS EXCLUSIVE MODE;\nREINDEX TABLE public.qt001_queue;\n",
             "GRANT MAINTAIN ON public.qt001_queue TO qt001_service;\n", since=170000),
    _grantee("UPDATE", "qt001_service", "it writes with that role's grant",
             "UPDATE public.qt001_setting SET value = '{}';\n"),
    _grantee("TRUNCATE", "qt001_service", "it empties the table with that role's grant",
             "TRUNCATE public.qt001_queue;\n"),
    _grantee("TRIGGER", "qt001_service", "its trigger runs in the owner's next INSERT",
             "CREATE FUNCTION public.articles_own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n"
             "CREATE TRIGGER own BEFORE INSERT ON public.qt001_queue FOR EACH ROW EXECUTE FUNCTION public.articles_own();\n"),
    _grantee("REFERENCES", "reporting", "its foreign key keeps the owner from deleting rows",
             "CREATE TABLE public.articles_refs (key text REFERENCES public.qt001_setting);\nINSERT INTO public.articles_refs VALUES ('retention');\n"),
    _grantee("column UPDATE", "qt001_service", "it writes the column with that role's grant",
             "UPDATE public.qt001_reviewer SET display_name = 'forged';\n"),
)  # fmt: skip  # one route a line
