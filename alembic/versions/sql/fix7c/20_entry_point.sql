-- The registry: every Level-B entry point with the Level-A guard that it calls first. Its completeness is a gate.
-- A Level-A routine that needs the owner's rights to read stands here too, without a guard: it is STABLE and reads.
CREATE TABLE qt001_cp.entry_point (
    identity text PRIMARY KEY,
    guard text,
    purpose text NOT NULL
);
INSERT INTO qt001_cp.entry_point (identity, guard, purpose) VALUES
    ('qt001_cp.propose_manifest(pg_catalog.bytea)', 'qt001_cp.require_duty', 'author: registers a candidate manifest'),
    ('qt001_cp.seal_manifest(pg_catalog.text)', 'qt001_cp.require_duty', 'operator: seals a manifest'),
    ('qt001_cp.register_restore(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'operator: registers a restore script'),
    ('qt001_cp.record_rehearsal(pg_catalog.bytea)', 'qt001_cp.require_duty', 'operator: records a no-go rehearsal'),
    ('qt001_cp.remember_owner_acl()', 'qt001_cp.require_duty', 'operator: snapshot of a cutover'),
    ('qt001_cp.remember_statements(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'operator: the statements of a cutover, rendered once'),
    ('qt001_cp.remember_catalog(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'operator: the catalogs as a stage found them'),
    ('qt001_cp.keep_checked(pg_catalog.text)', 'qt001_cp.require_duty', 'operator: the preconditions of FIX7b, checked before it'),
    ('qt001_cp.cutover_end(pg_catalog.text,boolean,boolean)', 'qt001_cp.require_duty', 'operator: postconditions of FIX7b'),
    ('qt001_cp.restore_end(pg_catalog.text)', 'qt001_cp.require_duty', 'operator: postconditions of the restore'),
    ('qt001_cp.deploy_end(pg_catalog.text)', 'qt001_cp.require_duty', 'operator: postconditions of FIX7c'),
    ('qt001_cp.undeploy_end(pg_catalog.text)', 'qt001_cp.require_duty', 'operator: postconditions of its downgrade'),
    ('qt001_cp.import_evidence(pg_catalog.bytea)', 'qt001_cp.require_duty', 'author: imports evidence'),
    ('qt001_cp.bind_evidence(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'author: binds evidence to a requirement'),
    ('qt001_cp.sign_off(pg_catalog.text,pg_catalog.text,integer)', 'qt001_cp.require_duty', 'auditor: signs a subject'),
    ('qt001_cp.refuse_sign_off(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'auditor: refuses a subject'),
    ('qt001_cp.verify()', 'qt001_cp.require_duty', 'verifier: the scheduled verification'),
    ('qt001_cp.scan()', 'qt001_cp.require_duty', 'verifier: the scheduled scan, its pair'),
    ('qt001_cp.source_rows(pg_catalog.text)', NULL, 'Level A: counts rows of the source tables');

CREATE FUNCTION qt001_cp.first_call(source text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $first_call$
-- The function that a PL/pgSQL body calls before anything else can run: the first statement is PERFORM of it, and no
-- declaration has an initial value. NULL where that is not so.
SELECT CASE WHEN b.head !~* '(:=|\mdefault\M|=)' THEN
           substring(b.body FROM '^\s*PERFORM\s+([a-z0-9_]+\.[a-z0-9_]+)\s*\(') END
FROM (SELECT regexp_replace(regexp_replace(source, '/\*.*?\*/', '', 'g'), '--[^\n]*', '', 'g') AS text) s
CROSS JOIN LATERAL (SELECT split_part(s.text, 'BEGIN', 1) AS head, substr(s.text, strpos(s.text, 'BEGIN') + 5) AS body) b
WHERE strpos(s.text, 'BEGIN') > 0
$first_call$;

CREATE FUNCTION qt001_cp.entry_point_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $entry_point_findings$
WITH routine AS MATERIALIZED (
    SELECT p.oid, i.identity, p.prosecdef, p.prosrc, p.provolatile, n.nspname, p.proowner, p.proacl, l.lanname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
    WHERE p.proowner = 'qt001_cp_owner'::regrole
), apply_path AS (
    SELECT r.value ->> 'identity' AS identity FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') r
), writer AS (
    SELECT DISTINCT r.value ->> 'identity' AS identity
    FROM qt001_cp.analysis_routine(manifest) r(value), jsonb_array_elements(r.value -> 'edges') e(value)
    WHERE e.value ->> 'verb' = 'writes'
)
SELECT 'QT301', 'routine ' || r.identity, 'registered as a Level-B entry point', 'SECURITY DEFINER, executable by others, not registered',
       'Register it with the guard that it calls first, or REVOKE EXECUTE on it.'
FROM routine r
WHERE r.prosecdef AND NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point e WHERE e.identity = r.identity)
  AND (r.nspname = 'qt001_cp' OR r.identity IN (SELECT w.identity FROM writer w))
  AND EXISTS (SELECT 1 FROM aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a WHERE a.grantee <> r.proowner)
UNION ALL
SELECT 'QT301', 'routine ' || a.identity, 'registered as a Level-B entry point', 'on the apply path, not registered', 'Deploy FIX7c again.'
FROM apply_path a WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point e WHERE e.identity = a.identity)
UNION ALL
SELECT 'QT301', 'entry point ' || e.identity, 'a routine of qt001_cp_owner that calls ' || e.guard || ' first',
       CASE WHEN r.oid IS NULL THEN 'no such routine' ELSE 'first call: ' || coalesce(qt001_cp.first_call(r.prosrc), 'something else') END,
       'Put the guard first, or take the routine out of the registry.'
FROM qt001_cp.entry_point e LEFT JOIN routine r ON r.identity = e.identity
WHERE e.guard IS NOT NULL AND (r.oid IS NULL OR r.lanname <> 'plpgsql' OR qt001_cp.first_call(r.prosrc) IS DISTINCT FROM e.guard)
UNION ALL
SELECT 'QT301', 'entry point ' || e.identity, 'a STABLE routine of qt001_cp', coalesce('volatility ' || r.provolatile::text, 'no such routine'),
       'Give it a guard and register it as Level B.'
FROM qt001_cp.entry_point e LEFT JOIN routine r ON r.identity = e.identity
WHERE e.guard IS NULL AND (r.oid IS NULL OR r.provolatile = 'v' OR r.nspname <> 'qt001_cp')
UNION ALL
SELECT 'QT301', i.type || ' ' || i.identity, 'owned by qt001_cp_owner', 'in schema qt001_cp, owned by ' || pg_get_userbyid(p.proowner),
       format('DROP ROUTINE %s; -- it could be taken for one of ours', i.identity)
FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
WHERE p.pronamespace = 'qt001_cp'::regnamespace AND p.proowner <> 'qt001_cp_owner'::regrole
UNION ALL
SELECT 'QT301', i.type || ' ' || i.identity, 'owned by qt001_cp_owner', 'in schema qt001_cp, owned by ' || pg_get_userbyid(c.relowner),
       'Find out whose it is, then DROP it.'
FROM pg_class c CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND c.relowner <> 'qt001_cp_owner'::regrole AND c.relname <> 'alembic_version'
UNION ALL
SELECT 'QT301', 'schema qt001_cp', 'CREATE for its owner alone', 'CREATE for ' || coalesce(pg_get_userbyid(nullif(a.grantee, 0))::text, 'PUBLIC'),
       'REVOKE CREATE ON SCHEMA qt001_cp FROM …;'
FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
WHERE n.nspname = 'qt001_cp' AND a.privilege_type = 'CREATE' AND a.grantee <> 'qt001_cp_owner'::regrole
$entry_point_findings$;
