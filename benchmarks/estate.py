"""A large estate: the reference estate, and beside it as many schemas like it as it takes to reach a number of objects.

The same number gives the same estate. About 70 % of the schemas are transferred (``qt001_area_*``), the rest is
retained (``shop_area_*``). Nothing transferred depends on anything retained, nor the other way round.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg

from qt001_cp import estate
from qt001_cp.catalog.inventory import read_inventory
from qt001_cp.model.names import Role

APPLICATION = "directus"
POLICY = "policy.toml"
_GROUP = 20
"""Objects in one group: see :func:`_group`."""
_LARGEST_SCHEMA = 20
"""Groups in one schema."""

_RULES = """
[[rule]]
kind = "schema"
name = "qt001_area_*"
disposition = "transfer"
reason = "QT001's own schemas"

[[rule]]
schema = "qt001_area_*"
disposition = "transfer"
reason = "data, views, routines and types of QT001"

[[rule]]
kind = "schema"
name = "shop_area_*"
disposition = "retain"
reason = "the shop"

[[rule]]
schema = "shop_area_*"
disposition = "retain"
reason = "the shop"
"""

_TABLES = """
CREATE TYPE {s}.state_{g} AS ENUM ('draft', 'permitted', 'applied', 'withdrawn');
CREATE SEQUENCE {s}.number_{g} START 1000 CACHE 10;
CREATE TABLE {s}.source_{g} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    title text NOT NULL CONSTRAINT source_{g}_title CHECK (length(title) > 0),
    state {s}.state_{g} NOT NULL DEFAULT 'draft',
    body jsonb NOT NULL DEFAULT '{{}}',
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX source_{g}_open ON {s}.source_{g} (updated_at) WHERE state <> 'applied';
CREATE TABLE {s}.line_{g} (
    source bigint NOT NULL REFERENCES {s}.source_{g} (id) ON DELETE CASCADE,
    line integer NOT NULL,
    description text NOT NULL,
    quantity numeric(12,3) NOT NULL DEFAULT 1 CHECK (quantity > 0),
    price numeric(12,2) NOT NULL,
    PRIMARY KEY (source, line)
);
CREATE TABLE {s}.permit_{g} (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source bigint NOT NULL REFERENCES {s}.source_{g} (id),
    payload jsonb NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX permit_{g}_source ON {s}.permit_{g} (source, requested_at DESC);
CREATE TABLE {s}.log_{g} (
    id bigserial PRIMARY KEY,
    source bigint REFERENCES {s}.source_{g} (id),
    message text NOT NULL,
    at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX log_{g}_source ON {s}.log_{g} (source);
CREATE TABLE {s}.reviewer_{g} (
    id serial PRIMARY KEY,
    login varchar(60) NOT NULL UNIQUE,
    display_name text NOT NULL,
    active boolean NOT NULL DEFAULT true
);
CREATE TABLE {s}.setting_{g} (
    key varchar(100) PRIMARY KEY,
    amount integer NOT NULL DEFAULT 0 CHECK (amount >= 0)
);
CREATE VIEW {s}.register_{g} WITH (security_barrier = true) AS
    SELECT s.code, s.title, s.state, s.updated_at FROM {s}.source_{g} s WHERE s.state IN ('permitted', 'applied');
CREATE VIEW {s}.total_{g} AS
    SELECT s.id, s.code, sum(l.quantity * l.price) AS total, count(*) AS lines
    FROM {s}.source_{g} s JOIN {s}.line_{g} l ON l.source = s.id GROUP BY s.id, s.code;
CREATE VIEW {s}.overdue_{g} AS
    SELECT p.id, p.requested_by, r.total FROM {s}.permit_{g} p JOIN {s}.total_{g} r ON r.id = p.source
    WHERE p.requested_at < CURRENT_TIMESTAMP - interval '30 days';
"""
_ROUTINES = """
CREATE FUNCTION {s}.touch_{g}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.title IS DISTINCT FROM OLD.title OR NEW.body IS DISTINCT FROM OLD.body THEN
        NEW.updated_at := CURRENT_TIMESTAMP;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER touch BEFORE UPDATE ON {s}.source_{g} FOR EACH ROW EXECUTE FUNCTION {s}.touch_{g}();
CREATE FUNCTION {s}.normalise_{g}(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
AS $$SELECT lower(btrim(value))$$;
CREATE FUNCTION {s}.open_{g}(since timestamptz) RETURNS bigint LANGUAGE sql STABLE
AS $$SELECT count(*) FROM {s}.source_{g} s WHERE s.state <> 'applied' AND s.updated_at >= since$$;
CREATE FUNCTION {s}.write_{g}(payload jsonb) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source_id bigint;
BEGIN
    INSERT INTO {s}.source_{g} AS s (code, title, body)
    VALUES (payload ->> 'code', payload ->> 'title', coalesce(payload -> 'body', '{{}}'))
    ON CONFLICT (code) DO UPDATE SET title = excluded.title, body = excluded.body
    RETURNING s.id INTO source_id;
    DELETE FROM {s}.line_{g} l WHERE l.source = source_id;
    INSERT INTO {s}.log_{g} (source, message) VALUES (source_id, 'written');
    RETURN source_id;
END
$$;
"""
_SOMETIMES = (
    """
CREATE DOMAIN {s}.code_{g} AS text CONSTRAINT code_{g}_shape CHECK (VALUE ~ '^[A-Z]{{2}}-[0-9]+$');
CREATE MATERIALIZED VIEW {s}.statistics_{g} AS SELECT s.state, count(*) AS sources FROM {s}.source_{g} s GROUP BY s.state;
""",
    """
CREATE TYPE {s}.actor_{g} AS (login text, at timestamptz, reason text);
CREATE PROCEDURE {s}.close_{g}(days integer) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE {s}.source_{g} s SET state = 'withdrawn' WHERE s.updated_at < CURRENT_TIMESTAMP - make_interval(days => days);
END
$$;
""",
)
_GRANTS = """
GRANT SELECT ON {s}.source_{g}, {s}.total_{g} TO reporting{option};
GRANT SELECT, INSERT, UPDATE ON {s}.setting_{g} TO qt001_service;
GRANT SELECT (id, display_name) ON {s}.reviewer_{g} TO reporting;
GRANT USAGE, SELECT ON SEQUENCE {s}.number_{g} TO qt001_service;
REVOKE EXECUTE ON FUNCTION {s}.write_{g}(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {s}.write_{g}(jsonb) TO qt001_service;
"""
_GRANTS_TO_PUBLIC = """
GRANT SELECT ON {s}.register_{g}, {s}.setting_{g} TO PUBLIC;
GRANT SELECT (active) ON {s}.reviewer_{g} TO PUBLIC;
REVOKE USAGE ON TYPE {s}.state_{g} FROM PUBLIC;
GRANT USAGE ON TYPE {s}.state_{g} TO qt001_service;
"""
_PASSED_ON = """
SET ROLE reporting;
GRANT SELECT ON {s}.source_{g} TO intern;
SET ROLE directus;
"""


def fill(connection: psycopg.Connection, objects: int) -> int:
    """Add schemas to the reference estate until it has about ``objects`` objects; returns how many it has.

    ``connection``: a superuser's, autocommit. One round trip and one transaction a schema.
    """
    before = len(read_inventory(connection, Role(APPLICATION)).objects)
    for text in scripts(objects - before):
        connection.execute(text.encode())
    return len(read_inventory(connection, Role(APPLICATION)).objects)


def scripts(objects: int) -> Iterator[str]:
    """The SQL of each schema, about ``objects`` objects together."""
    groups = max(0, objects // _GROUP)
    size = max(1, min(_LARGEST_SCHEMA, groups // 10))
    for number, start in enumerate(range(0, groups, size)):
        kind = "qt001_area" if number % 10 in (0, 2, 3, 5, 6, 8, 9) else "shop_area"
        yield _schema(f"{kind}_{number:04d}", range(start, min(start + size, groups)), number)


def write_policy(folder: Path) -> Path:
    """The reference policy with the rules of the added schemas, and its sources beside it; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    reference = estate.policy_path()
    shutil.copytree(reference.parent / "repoint", folder / "repoint", dirs_exist_ok=True)
    path = folder / POLICY
    path.write_text(reference.read_text("utf-8") + _RULES, "utf-8")
    return path


def _schema(name: str, groups: range, number: int) -> str:
    parts = [
        "SET LOCAL check_function_bodies = off; SET LOCAL client_min_messages = warning; SET ROLE directus;",
        f"CREATE SCHEMA {name}; GRANT USAGE ON SCHEMA {name} TO reporting, qt001_service, intern;",
        *(_group(name, g) for g in groups),
    ]
    if number % 3 == 0:
        parts.append(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA {name} GRANT EXECUTE ON FUNCTIONS TO PUBLIC;"
        )
    return "\n".join([*parts, "RESET ROLE;"])


def _group(s: str, g: int) -> str:
    """Twenty objects: 6 tables, 4 sequences, 3 views, 4 functions, an enum, and two that change from group to group."""
    often = _TABLES + _ROUTINES + _SOMETIMES[g % 2] + _GRANTS
    text = often + (_GRANTS_TO_PUBLIC if g % 4 == 0 else "") + (_PASSED_ON if g % 5 == 0 else "")
    return text.format(s=s, g=g, option=" WITH GRANT OPTION" if g % 5 == 0 else "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Fill a database that holds the reference estate, and write its policy."
    )
    parser.add_argument("--database", required=True, help="a libpq connection string of a superuser")
    parser.add_argument("--objects", type=int, required=True)
    parser.add_argument("--policy-folder", type=Path, required=True)
    given = parser.parse_args()
    with psycopg.connect(given.database, autocommit=True) as connection:
        print(f"{fill(connection, given.objects)} objects; policy: {write_policy(given.policy_folder)}")


if __name__ == "__main__":
    main()
