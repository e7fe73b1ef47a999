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
    ('qt001_cp.start_run(pg_catalog.text,pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'operator: begins a script'),
    ('qt001_cp.note_step(pg_catalog.text)', 'qt001_cp.require_duty', 'operator: a step of a script has run'),
    ('qt001_cp.lock_stage()', 'qt001_cp.require_duty', 'operator: one stage at a time'),
    ('qt001_cp.take_snapshot(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'operator: the catalogs as a stage found them'),
    ('qt001_cp.prepare_statements(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty', 'operator: the statements of FIX7c, rendered once'),
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
-- The function that a PL/pgSQL body calls before anything else can run, and whose error nothing in it can catch. NULL
-- where that is not plain to see: a quote, a label or an initial value before BEGIN, an argument that is no literal,
-- anything between the call and its semicolon (PERFORM f() WHERE false calls nothing), an exception handler, a block
-- comment (they nest, no pattern can follow them).
SELECT CASE WHEN source !~ '/\*' AND source !~* '\mexception\M(\s|--[^\n\r]*[\n\r])*\mwhen\M' AND m.part[1] !~* '(["''$<>=]|\mdefault\M)' THEN
           substring(m.part[2] FROM '^\s*PERFORM\s+([a-z0-9_]+\.[a-z0-9_]+)\s*\(\s*(?:''[^''\\]*''\s*)?\)\s*;') END
FROM regexp_match(regexp_replace(source, '--[^\n\r]*', '', 'g'), '(?i)^(.*?)\mbegin\M(.*)$') m(part)
$first_call$;

CREATE FUNCTION qt001_cp.entry_point_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $entry_point_findings$
-- Outside of qt001_cp a routine is no writer where the analysis of exactly this definition says so: nothing unknown in it,
-- nothing written by it or by what it calls, but through a guard. What nobody has analysed counts as a writer.
WITH RECURSIVE routine AS MATERIALIZED (
    SELECT p.oid, i.identity, p.prosecdef, p.prosrc, p.provolatile, n.nspname, p.proowner, p.proacl, l.lanname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
    WHERE p.proowner = 'qt001_cp_owner'::regrole
), apply_path AS (
    SELECT r.value ->> 'identity' AS identity FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') r
), analysed AS MATERIALIZED (
    SELECT r.value ->> 'identity' AS identity, r.value ->> 'definition' AS definition, r.value -> 'edges' AS edges,
           r.value -> 'unknown' <> '[]' OR r.value -> 'edges' @> '[{"verb": "writes"}]' AS writes
    FROM qt001_cp.analysis_routine(manifest) r(value)
), writer(identity) AS (
    SELECT a.identity FROM analysed a WHERE a.writes
    UNION
    SELECT a.identity FROM writer w JOIN analysed a ON a.edges @> jsonb_build_array(jsonb_build_object('identity', w.identity))
    WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point e WHERE e.identity = w.identity AND e.guard IS NOT NULL)
)
SELECT 'QT301', 'routine ' || r.identity, 'registered as a Level-B entry point', 'SECURITY DEFINER, executable by others, not registered',
       'Register it with the guard that it calls first, or REVOKE EXECUTE on it.'
FROM routine r
WHERE r.prosecdef AND NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point e WHERE e.identity = r.identity)
  AND (r.nspname = 'qt001_cp' OR r.identity IN (SELECT w.identity FROM writer w) OR NOT EXISTS (
           SELECT 1 FROM analysed a WHERE a.identity = r.identity AND a.definition = qt001_cp.routine_sha256(r.oid)))
  AND EXISTS (SELECT 1 FROM aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) a WHERE a.grantee <> r.proowner)
UNION ALL
SELECT 'QT301', 'routine ' || a.identity, 'registered as a Level-B entry point', 'on the apply path, not registered', 'Deploy FIX7c again.'
FROM apply_path a WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point e WHERE e.identity = a.identity)
UNION ALL
SELECT 'QT301', 'entry point ' || e.identity, 'a routine of qt001_cp_owner that calls ' || e.guard || ' first',
       CASE WHEN r.oid IS NULL THEN 'no such routine' ELSE 'first call: ' || coalesce(qt001_cp.first_call(r.prosrc), 'another, or not plain to see') END,
       'Put the guard first, or take the routine out of the registry.'
FROM qt001_cp.entry_point e LEFT JOIN routine r ON r.identity = e.identity
WHERE e.guard IS NOT NULL AND (r.oid IS NULL OR r.lanname <> 'plpgsql' OR qt001_cp.first_call(r.prosrc) IS DISTINCT FROM e.guard)
UNION ALL
SELECT 'QT301', 'entry point ' || e.identity, 'a STABLE routine of qt001_cp', coalesce('volatility ' || r.provolatile::text, 'no such routine'),
       'Give it a guard and register it as Level B.'
FROM qt001_cp.entry_point e LEFT JOIN routine r ON r.identity = e.identity
WHERE e.guard IS NULL AND (r.oid IS NULL OR r.provolatile = 'v' OR r.nspname <> 'qt001_cp')
UNION ALL
-- A second routine of that name could be the one that is called.
SELECT 'QT301', 'guard ' || g.guard, 'one routine of that name, in schema qt001_cp', g.routines || ' of that name', 'DROP the others.'
FROM (SELECT e.guard, count(DISTINCT p.oid) AS routines
      FROM qt001_cp.entry_point e LEFT JOIN pg_proc p ON p.pronamespace = 'qt001_cp'::regnamespace AND 'qt001_cp.' || p.proname = e.guard
      WHERE e.guard IS NOT NULL GROUP BY e.guard) g
WHERE g.routines <> 1
UNION ALL
SELECT o.* FROM qt001_cp.control_schema_findings('QT301') o
$entry_point_findings$;
