-- What hides a protected object from the application itself: one of its own with the same name, in
-- a schema that its search_path names earlier.

CREATE FUNCTION qt001_cp.default_search_path(role name) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $default_search_path$
-- The schemas that a new session of a role looks into, in their order: what is set for the role in
-- this database, for the role, for the database, or the server's default.
SELECT ARRAY(
    SELECT CASE path.schema WHEN '$user' THEN role::text ELSE path.schema END
    FROM unnest(qt001_cp.path_schemas(coalesce((
        SELECT substr(setting.value, length('search_path=') + 1)
        FROM pg_db_role_setting held CROSS JOIN LATERAL unnest(held.setconfig) setting(value)
        WHERE starts_with(setting.value, 'search_path=')
          AND held.setdatabase IN (0, (SELECT database.oid FROM pg_database database
                                       WHERE database.datname = current_database()))
          AND held.setrole IN (0, (SELECT known.oid FROM pg_roles known
                                   WHERE known.rolname = default_search_path.role))
        ORDER BY held.setrole <> 0 DESC, held.setdatabase <> 0 DESC LIMIT 1), (
        SELECT '"$user", public'))))
        WITH ORDINALITY path(schema, position)
    ORDER BY path.position)
$default_search_path$;

CREATE FUNCTION qt001_cp.hidden_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $hidden_findings$
-- An unqualified name of the application ends at its own object, and the protected one is neither
-- read nor written: a log stays empty. Relations, types, and routines of any arguments.
WITH app AS MATERIALIZED (
    SELECT given.name, qt001_cp.default_search_path(given.name) AS path
    FROM (SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name) given
), application AS MATERIALIZED (
    SELECT qt001_cp.application_role_oids(app.name) AS oid FROM app
), protected AS MATERIALIZED (
    SELECT object.kind, object.identity, object.schema, object.name::name AS name,
           CASE WHEN object.kind = 'type' THEN 'type'
                WHEN object.kind IN ('function', 'procedure', 'aggregate') THEN 'routine'
                ELSE 'relation' END AS space,
           array_position(app.path, object.schema) AS position
    FROM app CROSS JOIN qt001_cp.manifest_object(manifest) object
    WHERE object.disposition = 'transfer' AND object.schema = ANY (app.path)
      AND object.kind IN ('table', 'view', 'materialized view', 'foreign table', 'sequence', 'type',
                          'function', 'procedure', 'aggregate')
)
SELECT 'QT108', named.type || ' ' || named.identity,
       format('nothing of %s that hides %s %s from its own search_path', app.name, protected.kind,
              protected.identity),
       format('it is found first: search_path %s', array_to_string(app.path, ', ')),
       format('Drop or rename it; or: ALTER ROLE %I SET search_path = …, with %I before %I;',
              app.name, protected.schema, hiding.nspname)
FROM app CROSS JOIN protected
CROSS JOIN LATERAL (
    -- Of that name, by the index.
    SELECT 'pg_class'::regclass AS classid, relation.oid, relation.relnamespace AS space_oid,
           relation.relowner AS owner
    FROM pg_class relation
    WHERE protected.space = 'relation' AND relation.relname = protected.name
      AND relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_type'::regclass, type.oid, type.typnamespace, type.typowner FROM pg_type type
    WHERE protected.space = 'type' AND type.typname = protected.name AND type.typrelid = 0
    UNION ALL
    SELECT 'pg_proc'::regclass, routine.oid, routine.pronamespace, routine.proowner
    FROM pg_proc routine
    WHERE protected.space = 'routine' AND routine.proname = protected.name) nearer
JOIN pg_namespace hiding ON hiding.oid = nearer.space_oid
CROSS JOIN LATERAL pg_identify_object(nearer.classid, nearer.oid, 0) named
WHERE array_position(app.path, hiding.nspname::text) < protected.position
  AND nearer.owner IN (SELECT application.oid FROM application)
$hidden_findings$;
