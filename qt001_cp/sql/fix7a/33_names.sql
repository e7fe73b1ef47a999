-- Roles, schemas and the database by name and number, as they were when a manifest was sealed: what
-- has another name since is told as that, before anything that follows from it.

CREATE FUNCTION qt001_cp.manifest_role(manifest text, before_too boolean) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_role$
-- The application, and whoever owns, grants or holds something afterwards, or also before.
WITH state(state) AS MATERIALIZED (
    SELECT coalesce(entry.after, entry.before) FROM qt001_cp.manifest_object(manifest) entry
    UNION ALL
    SELECT entry.before FROM qt001_cp.manifest_object(manifest) entry WHERE before_too
)
SELECT qt001_cp.document_json(manifest) ->> 'application'
UNION
SELECT state.state ->> 'owner' FROM state WHERE state.state ->> 'owner' IS NOT NULL
UNION
SELECT granted.role
FROM (SELECT state.state -> 'acl' AS acl FROM state
      UNION SELECT item -> 'acl' FROM state
      CROSS JOIN LATERAL jsonb_array_elements(state.state -> 'columns') item) worded
CROSS JOIN LATERAL jsonb_array_elements(worded.acl) entry
CROSS JOIN LATERAL (VALUES (entry ->> 0), (entry ->> 1)) granted(role)
WHERE granted.role IS NOT NULL
$manifest_role$;

CREATE FUNCTION qt001_cp.gone_role_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $gone_role_findings$
-- A grantor that was dropped by force is still in an ACL, by its number: no statement can name it.
SELECT 'QT102', 'role ' || named.role, 'a role of the cluster', 'no such role',
       'REVOKE what it granted or holds, as the owner or a superuser (see the ACL of: '
       || (SELECT string_agg(entry.kind || ' ' || entry.identity, ', ')
           FROM (SELECT object.kind, object.identity FROM qt001_cp.manifest_object(manifest) object
                 WHERE object.before ->> 'owner' = named.role
                    OR strpos((object.before -> 'acl')::text || (object.before -> 'columns')::text,
                              to_json(named.role)::text) > 0
                 ORDER BY object.number LIMIT 3) entry)
       || '); then generate and seal a new manifest.'
FROM qt001_cp.manifest_role(manifest, true) named(role)
WHERE named.role <> 'qt001_cp_owner'
  AND NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = named.role)
$gone_role_findings$;

CREATE FUNCTION qt001_cp.manifest_names(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_names$
-- [kind, name, number] of what a manifest names, and which cluster gave the numbers.
WITH object AS MATERIALIZED (
    SELECT entry.schema, entry.kind, entry.name
    FROM qt001_cp.manifest_object(manifest) entry
), role(name) AS (
    SELECT named.role FROM qt001_cp.manifest_role(manifest, false) named(role)
    UNION VALUES ('qt001_cp_owner'), ('qt001_cp_ledger')
    UNION SELECT listed.role FROM qt001_cp.duty() listed
), schema(name) AS (
    SELECT object.schema FROM object
    UNION SELECT object.name FROM object WHERE object.kind = 'schema'
), named(kind, name, id) AS (
    SELECT 'role', role.name, pg_roles.oid FROM role JOIN pg_roles ON rolname = role.name
    UNION ALL
    SELECT 'schema', schema.name, pg_namespace.oid FROM schema
    JOIN pg_namespace ON nspname = schema.name
    UNION ALL
    SELECT 'database', datname, oid FROM pg_database WHERE datname = current_database()
)
SELECT jsonb_build_object(
    'cluster', qt001_cp.system_identifier(),
    'names', (SELECT jsonb_agg(jsonb_build_array(named.kind, named.name, named.id::text)
                               ORDER BY named.kind, named.name COLLATE "C") FROM named))
$manifest_names$;

CREATE FUNCTION qt001_cp.name_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $name_findings$
-- What has another name than it had when the manifest was sealed: by its number where this is the
-- same cluster, else as a name that nobody has.
WITH sealed AS MATERIALIZED (
    SELECT event.detail -> 'names' -> 'names' AS names,
           event.detail -> 'names' ->> 'cluster' = qt001_cp.system_identifier() AS here
    FROM qt001_cp.event WHERE event.verb = 'sealed' AND event.subject = name_findings.manifest
    ORDER BY event.seq DESC LIMIT 1
), wanted AS (
    SELECT named ->> 0 AS kind, named ->> 1 AS name,
           CASE WHEN sealed.here THEN (named ->> 2)::oid END AS id
    FROM sealed CROSS JOIN LATERAL jsonb_array_elements(sealed.names) named
), pair AS (
    SELECT wanted.*, role.rolname::text AS now, same.oid IS NOT NULL AS there
    FROM wanted LEFT JOIN pg_roles role ON role.oid = wanted.id
    LEFT JOIN pg_roles same ON same.rolname = wanted.name
    WHERE wanted.kind = 'role'
    UNION ALL
    SELECT wanted.*, space.nspname, same.oid IS NOT NULL
    FROM wanted LEFT JOIN pg_namespace space ON space.oid = wanted.id
    LEFT JOIN pg_namespace same ON same.nspname = wanted.name
    WHERE wanted.kind = 'schema'
    UNION ALL
    -- A copy of a database has the name of the first one, which goes on under another.
    SELECT wanted.*, current_database(), current_database() = wanted.name
    FROM wanted WHERE wanted.kind = 'database'
)
SELECT 'QT301', pair.kind || ' ' || pair.name,
       'the ' || pair.kind || ' of this name',
       CASE WHEN pair.now <> pair.name THEN format('%s %I, which is it by another name', pair.kind,
                                                   pair.now)
            ELSE format('no %s of this name', pair.kind) END,
       CASE WHEN pair.now <> pair.name
            THEN format('ALTER %s %I RENAME TO %I;%s', upper(pair.kind), pair.now, pair.name,
                        CASE pair.kind WHEN 'database' THEN ' -- connected to another one' END)
            WHEN pair.kind = 'role'
            THEN format('CREATE ROLE %I; -- or rename the one that took its place', pair.name)
            ELSE 'Find out who renamed or dropped it, and give it its name.' END
FROM pair
WHERE NOT pair.there OR pair.kind <> 'database' AND pair.now <> pair.name
$name_findings$;
