"""The smallest estate that FIX7 can run on: ten protected objects, and as many tables beside them as are asked for.

``apply_path(guarded)``: the four routines, with the guard first or without it; nothing else differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SMALLEST: Final = 10
SERVICE: Final = "qt001_service"
POLICY: Final = "policy.toml"
_PAYLOAD: Final = (
    "pg_catalog.jsonb_build_object('code', 'S' || {n}, 'title', 'Water level', 'lines', '[1, 2, 3]'::jsonb)"
)
CALL: Final = f"SELECT public.qt001_gateway({_PAYLOAD});"
CALLS: Final = {"writer, asks once": f"SELECT public.qt001_write({_PAYLOAD});", "gateway, asks four times": CALL}
"""What is measured: the writer alone, and the whole apply path, each part of which asks by itself."""

_BODIES: Final = {
    "gateway": (
        "payload jsonb",
        "jsonb",
        "    RETURN public.qt001_apply(public.qt001_permit(payload), payload);\n",
    ),
    "permit": (
        "payload jsonb",
        "uuid",
        "    INSERT INTO public.qt001_permit (id, digest, state)\n"
        "    VALUES (gen_random_uuid(), encode(sha256(convert_to(payload::text, 'UTF8')), 'hex'), 'permitted') RETURNING id INTO made;\n"
        "    RETURN made;\n",
    ),
    "apply": (
        "permit uuid, payload jsonb",
        "jsonb",
        "    SELECT p.digest INTO slip FROM public.qt001_permit p WHERE p.id = permit AND p.state = 'permitted' FOR UPDATE;\n"
        "    IF slip IS DISTINCT FROM encode(sha256(convert_to(payload::text, 'UTF8')), 'hex') THEN\n"
        "        RAISE EXCEPTION 'permit % does not permit this', permit USING ERRCODE = 'insufficient_privilege';\n"
        "    END IF;\n"
        "    PERFORM public.qt001_write(payload);\n"
        "    UPDATE public.qt001_permit p SET state = 'applied' WHERE p.id = permit;\n"
        "    RETURN jsonb_build_object('permit', permit, 'outcome', 'written');\n",
    ),
    "write": (
        "payload jsonb",
        "text",
        "    INSERT INTO public.qt001_source AS s (code, title, body, revision)\n"
        "    VALUES (payload ->> 'code', payload ->> 'title', payload -> 'lines', 1)\n"
        "    ON CONFLICT (code) DO UPDATE SET title = excluded.title, body = excluded.body, revision = s.revision + 1\n"
        "    RETURNING s.code INTO written;\n"
        "    RETURN written;\n",
    ),
}
_DECLARED: Final = {
    "gateway": "",
    "permit": "    made uuid;\n",
    "apply": "    slip text;\n",
    "write": "    written text;\n",
}
_NAMES: Final = {
    "gateway": "qt001_gateway(pg_catalog.jsonb)",
    "permit": "qt001_permit(pg_catalog.jsonb)",
    "apply": "qt001_apply(pg_catalog.uuid,pg_catalog.jsonb)",
    "write": "qt001_write(pg_catalog.jsonb)",
}
_TABLES: Final = """
SET ROLE directus;
CREATE TABLE public.qt001_switch (name text PRIMARY KEY, state text NOT NULL);
INSERT INTO public.qt001_switch VALUES ('apply', 'blocked'), ('readiness', 'blocked');
CREATE TABLE public.qt001_source (code text PRIMARY KEY, title text NOT NULL, body jsonb, revision integer NOT NULL);
INSERT INTO public.qt001_source SELECT 'S' || n, 'Water level', '[]', 1 FROM generate_series(1, 100) n;
CREATE TABLE public.qt001_permit (id uuid PRIMARY KEY, digest text NOT NULL, state text NOT NULL);
CREATE VIEW public.qt001_readiness AS SELECT true AS ready;
"""


def apply_path(part: str, *, guarded: bool) -> str:
    """CREATE OR REPLACE of one routine of the apply path."""
    arguments, returns, body = _BODIES[part]
    declared = f"DECLARE\n{_DECLARED[part]}" if _DECLARED[part] else ""
    guard = f"    PERFORM qt001_cp.require_acceptance('{part}');\n" if guarded else ""
    return (
        f"CREATE OR REPLACE FUNCTION public.qt001_{part}({arguments}) RETURNS {returns}\nLANGUAGE plpgsql SECURITY DEFINER\n"
        f"SET search_path = pg_catalog, pg_temp\nAS $$\n{declared}BEGIN\n{guard}{body}END\n$$;\n"
    )


def script(objects: int) -> str:
    """The estate in SQL, run by a superuser; ``objects``: how many will be protected, the database and its schema included."""
    tables = "".join(
        f"CREATE TABLE public.qt001_more_{n} (id integer PRIMARY KEY);\n" for n in range(objects - SMALLEST)
    )
    routines = "".join(apply_path(part, guarded=False) for part in _BODIES)
    rights = "".join(f"REVOKE EXECUTE ON FUNCTION public.{name} FROM PUBLIC;\n" for name in _NAMES.values())
    return (
        f"{_TABLES}SET check_function_bodies = off;\n{routines}{rights}{tables}"
        f"GRANT EXECUTE ON FUNCTION public.qt001_gateway(jsonb), public.qt001_write(jsonb) TO {SERVICE};\nRESET ROLE;\n"
    )


def write_policy(folder: Path) -> Path:
    """The policy, and the new sources that it names; returns its path."""
    (folder / "repoint").mkdir(parents=True, exist_ok=True)
    rules = "".join(
        f'[[rule]]\nkind = "{kind}"\n{more}disposition = "transfer"\nreason = "all of it is protected"\n'
        for kind, more in (
            ("database", 'keep = [ { grantee = "public", privileges = ["CONNECT"] } ]\n'),
            ("schema", 'name = "public"\nkeep = [ { grantee = "public", privileges = ["USAGE"] } ]\n'),
            ("table", 'schema = "public"\n'),
            ("view", 'schema = "public"\n'),
            ("function", 'schema = "public"\n'),
        )
    )
    repoint = ""
    for part, name in _NAMES.items():
        (folder / "repoint" / f"{part}.sql").write_text(apply_path(part, guarded=True), "utf-8")
        repoint += f'[[repoint]]\nidentity = "public.{name}"\nsource = "repoint/{part}.sql"\n'
    blocked = "".join(
        f'[[blocked]]\nwhat = "{what}"\ntable = "public.qt001_switch"\nkey_column = "name"\nkey = "{what}"\n'
        'state_column = "state"\nblocked = "blocked"\n'
        for what in ("apply", "readiness")
    )
    path = folder / POLICY
    path.write_text(
        'schema = "qt001.policy/1"\nname = "guard benchmark"\n[roles]\napplication = "directus"\n'
        f"{rules}[apply_path]\n"
        f'gateway = "public.{_NAMES["gateway"]}"\npermit = "public.{_NAMES["permit"]}"\napply = "public.{_NAMES["apply"]}"\n'
        f'writer = "public.{_NAMES["write"]}"\nreadiness = "public.qt001_readiness"\n'
        f'source_tables = ["public.qt001_source", "public.qt001_permit"]\ntriggers = []\n{repoint}{blocked}'
        '[[legacy]]\nkind = "view"\nidentity = "public.qt001_readiness"\nreason = "hard-coded verdict"\n'
        '[[capability]]\nname = "drill"\nreason = "benchmark"\nproducers = ["qt001-test-authority"]\nmax_age_seconds = 86400\n'
        "[verifier]\nmax_age_seconds = 86400\n[sign_off]\nmax_validity_seconds = 86400\n",
        "utf-8",
    )
    return path
