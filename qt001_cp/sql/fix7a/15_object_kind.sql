-- The tables of kinds and privileges, for what the server renders and asks by itself. Their rows
-- are made from model/kinds.py.
CREATE TABLE qt001_cp.object_kind (
    kind text PRIMARY KEY,
    alter_noun text,
    grant_noun text,
    address text NOT NULL,
    relation boolean NOT NULL,
    container boolean NOT NULL,
    privileges text[] NOT NULL,
    why text NOT NULL,
    since int NOT NULL,
    grows boolean NOT NULL
);
COMMENT ON COLUMN qt001_cp.object_kind.grows IS
    'A new one reaches nothing but what the catalogs show: after the cutover it is told.';
INSERT INTO qt001_cp.object_kind
    (kind, alter_noun, grant_noun, address, relation, container, privileges, why, since, grows)
VALUES
{object_kind_rows};
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qt001_cp.object_kind
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.object_kind ENABLE ALWAYS TRIGGER append_only;

CREATE TABLE qt001_cp.privilege (
    privilege text PRIMARY KEY,
    since int NOT NULL,
    of_columns boolean NOT NULL,
    writes boolean NOT NULL
);
COMMENT ON TABLE qt001_cp.privilege IS
    'since: the major version that brought it. of_columns: it can be granted on columns. '
    'writes: it changes rows, or what runs when they change.';
INSERT INTO qt001_cp.privilege (privilege, since, of_columns, writes) VALUES
{privilege_rows};
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qt001_cp.privilege
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.privilege ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION qt001_cp.privilege_of(kind text) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $privilege_of$
-- The privileges that this server knows on objects of a kind.
SELECT known.privilege
FROM qt001_cp.object_kind CROSS JOIN LATERAL unnest(object_kind.privileges) listed(privilege)
JOIN qt001_cp.privilege known ON known.privilege = listed.privilege
WHERE object_kind.kind = privilege_of.kind
  AND known.since <= current_setting('server_version_num')::int / 10000
$privilege_of$;
