-- The live database against the sealed object manifest, in the state that the deployed stage calls for.

CREATE FUNCTION qt001_cp.expected_state() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $expected_state$
SELECT CASE qt001_cp.stage() WHEN 'fix7a' THEN 'before' WHEN 'fix7b' THEN 'after' ELSE 'deployed' END
$expected_state$;

CREATE FUNCTION qt001_cp.drift()
RETURNS TABLE (object text, expected text, found text, aspect text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $drift$
-- aspect: inventory, definition or acl (the owner and every ACL), as coverage_aspects() has it.
SELECT c.object, c.expected, c.found, c.aspect
FROM qt001_cp.sealed('qt001.manifest.object/1') s(manifest)
CROSS JOIN LATERAL qt001_cp.coverage_aspects(s.manifest, qt001_cp.expected_state()) c
WHERE s.manifest IS NOT NULL
$drift$;

CREATE FUNCTION qt001_cp.drifted_state()
RETURNS TABLE (object jsonb, live jsonb, sealed jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $drifted_state$
-- Every object of the manifest whose owner or ACL is another: what it is, its state now, and the sealed one, all as in
-- the manifest. It is what "alembic check" makes its operations of.
WITH sealed_now AS MATERIALIZED (
    SELECT s.manifest, qt001_cp.expected_state() AS moment, (qt001_cp.document_json(s.manifest) ->> 'application')::name AS app
    FROM qt001_cp.sealed('qt001.manifest.object/1') s(manifest) WHERE s.manifest IS NOT NULL
), wanted AS MATERIALIZED (
    SELECT o.*, CASE WHEN n.moment = 'before' OR o.disposition <> 'transfer' THEN o.before
                     WHEN n.moment = 'deployed' THEN coalesce(o.retired, o.after)
                     ELSE o.after END AS state
    FROM sealed_now n CROSS JOIN LATERAL qt001_cp.manifest_object(n.manifest) o
), now AS MATERIALIZED (
    SELECT l.kind, l.identity, l.owner, l.acl, l.columns
    FROM sealed_now n CROSS JOIN LATERAL qt001_cp.live_object(n.app, true, false) l
)
SELECT jsonb_build_object('kind', w.kind, 'identity', w.identity, 'schema', w.schema, 'name', w.name, 'args', w.args,
                          'method', w.method, 'detail', w.detail, 'follows', w.follows),
       jsonb_build_object('owner', l.owner, 'acl', l.acl, 'columns', l.columns), w.state
FROM wanted w JOIN now l ON l.kind = w.kind AND l.identity = w.identity
WHERE w.state ->> 'owner' <> l.owner
   OR qt001_cp.acl_set(w.state -> 'acl') <> qt001_cp.acl_set(l.acl)
   OR qt001_cp.column_acl_set(w.state -> 'columns') <> qt001_cp.column_acl_set(l.columns)
ORDER BY w.number
$drifted_state$;
