-- The live database against the sealed object manifest, in the state that the deployed stage calls
-- for.

CREATE FUNCTION qt001_cp.expected_state() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $expected_state$
SELECT CASE qt001_cp.stage() WHEN 'fix7a' THEN 'before'
                             WHEN 'fix7b' THEN 'after'
                             ELSE 'deployed' END
$expected_state$;

CREATE FUNCTION qt001_cp.drift()
RETURNS TABLE (object text, expected text, found text, aspect text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $drift$
-- aspect: inventory, definition or acl (the owner and every ACL), as coverage_aspects() has it.
SELECT difference.object, difference.expected, difference.found, difference.aspect
FROM qt001_cp.sealed('qt001.manifest.object/1') manifest
CROSS JOIN LATERAL qt001_cp.coverage_aspects(manifest, qt001_cp.expected_state()) difference
WHERE manifest IS NOT NULL
$drift$;

CREATE FUNCTION qt001_cp.drifted_state()
RETURNS TABLE (object jsonb, live jsonb, sealed jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $drifted_state$
-- Every object of the manifest whose owner or ACL is another: what it is, its state now, and the
-- sealed one, all as in the manifest. It is what "alembic check" makes its operations of.
WITH manifest AS MATERIALIZED (
    SELECT digest, (qt001_cp.document_json(digest) ->> 'application')::name AS application
    FROM qt001_cp.sealed('qt001.manifest.object/1') digest WHERE digest IS NOT NULL
), wanted AS MATERIALIZED (
    SELECT expected.* FROM manifest
    CROSS JOIN LATERAL qt001_cp.expected_object(manifest.digest, qt001_cp.expected_state()) expected
), entry AS MATERIALIZED (
    SELECT object.*
    FROM manifest CROSS JOIN LATERAL qt001_cp.manifest_object(manifest.digest) object
), live AS MATERIALIZED (
    SELECT object.kind, object.identity, object.owner, object.acl, object.columns
    FROM manifest CROSS JOIN LATERAL qt001_cp.live_object(manifest.application, true, false) object
)
SELECT jsonb_build_object(
           'kind', entry.kind, 'identity', entry.identity, 'schema', entry.schema,
           'name', entry.name, 'args', entry.args, 'method', entry.method, 'detail', entry.detail,
           'follows', entry.follows),
       jsonb_build_object('owner', live.owner, 'acl', live.acl, 'columns', live.columns),
       jsonb_build_object('owner', wanted.owner, 'acl', wanted.acl, 'columns', wanted.columns)
FROM wanted JOIN live ON live.kind = wanted.kind AND live.identity = wanted.identity
JOIN entry ON entry.number = wanted.number
WHERE wanted.owner <> live.owner
   OR qt001_cp.acl_set(wanted.acl) <> qt001_cp.acl_set(live.acl)
   OR qt001_cp.column_acl_set(wanted.columns) <> qt001_cp.column_acl_set(live.columns)
ORDER BY wanted.number
$drifted_state$;
