-- Evidence: what it has to hold, how it comes in, and how it is bound. A document is judged by the gates, not here;
-- what is refused here is what could not be judged.

CREATE FUNCTION qt001_cp.moment(said text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $moment$
-- A moment in UTC as documents write it, or NULL. The input of timestamptz would take 'now' and 'today' too, which never grow
-- old, and a time without a zone, which means what the session's zone makes of it.
BEGIN
    IF said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$' THEN
        RETURN said::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$moment$;

CREATE FUNCTION qt001_cp.import_evidence(body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $import_evidence$
-- Level B, author. Returns the digest of the evidence.
DECLARE
    made text;
    doc jsonb;
    missing text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_author');
    made := qt001_cp.record_document(body);
    doc := qt001_cp.document_json(made);
    IF doc ->> 'schema' NOT IN ('qt001.evidence.static-analysis/1', 'qt001.evidence.capability/1') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('%s is no kind of evidence', doc ->> 'schema'),
            HINT = 'Evidence is qt001.evidence.static-analysis/1 or qt001.evidence.capability/1.';
    END IF;
    SELECT string_agg(f.name, ', ') INTO missing
    FROM (VALUES ('class', doc ->> 'class'), ('producer.name', doc #>> '{producer,name}'), ('producer.version', doc #>> '{producer,version}'),
                 ('subject', doc ->> 'subject'), ('produced_at', doc ->> 'produced_at'), ('raw', doc ->> 'raw')) f(name, value)
    WHERE coalesce(btrim(f.value), '') = '';
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = 'the evidence lacks ' || missing,
            HINT = 'Evidence names its class, producer, tool version, subject digest and time, and carries its raw output.';
    END IF;
    IF doc ->> 'class' NOT IN ('real', 'simulated', 'test') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('evidence of class %L is unknown', doc ->> 'class'),
            HINT = 'Classes are real, simulated and test.';
    END IF;
    IF qt001_cp.moment(doc ->> 'produced_at') IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('produced_at of the evidence: expected a moment in UTC such as 2026-01-31T12:00:00Z, found %L', doc ->> 'produced_at'),
            HINT = 'Write the time at which the tool ran.';
    END IF;
    PERFORM qt001_cp.record_event('evidence_imported', made, jsonb_build_object('schema', doc ->> 'schema', 'class', doc ->> 'class'));
    RETURN made;
END
$import_evidence$;

CREATE FUNCTION qt001_cp.bind_evidence(evidence text, requirement text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $bind_evidence$
-- Level B, author: this evidence is offered for this requirement (the name of a capability).
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_author');
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.event e WHERE e.verb = 'evidence_imported' AND e.subject = evidence) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('no evidence %s was imported', evidence),
            HINT = 'qt001-cp evidence import FILE';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM jsonb_array_elements(qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.capability/1')) -> 'capabilities') c
                   WHERE c ->> 'name' = requirement) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('%L is no capability of the sealed capability manifest', requirement),
            HINT = 'See qt001-cp evidence list.';
    END IF;
    RETURN qt001_cp.record_event('bound', evidence, jsonb_build_object('requirement', requirement));
END
$bind_evidence$;

CREATE FUNCTION qt001_cp.analysis(manifest text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $analysis$
-- The digest of the static-analysis evidence that was imported last for this object manifest.
SELECT e.subject FROM qt001_cp.event e
WHERE e.verb = 'evidence_imported' AND e.detail ->> 'schema' = 'qt001.evidence.static-analysis/1'
  AND qt001_cp.document_json(e.subject) ->> 'subject' = manifest
ORDER BY e.seq DESC LIMIT 1
$analysis$;

CREATE FUNCTION qt001_cp.analysis_routine(manifest text) RETURNS SETOF jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $analysis_routine$
SELECT r FROM jsonb_array_elements(qt001_cp.document_json(qt001_cp.analysis(manifest)) -> 'routines') r
$analysis_routine$;

CREATE FUNCTION qt001_cp.analysis_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $analysis_findings$
-- Present, real, for exactly today's sources of every transferred routine, and without blocking findings.
WITH evidence AS MATERIALIZED (SELECT qt001_cp.document_json(qt001_cp.analysis(manifest)) AS doc
), analysed AS MATERIALIZED (
    SELECT r ->> 'kind' AS kind, r ->> 'identity' AS identity, r ->> 'definition' AS definition, r ->> 'body_sha256' AS body_sha256,
           r -> 'unknown' AS unknown
    FROM qt001_cp.analysis_routine(manifest) r
), routine AS MATERIALIZED (
    SELECT o.kind, o.identity, p.prosrc, qt001_cp.routine_sha256(p.oid) AS definition
    FROM qt001_cp.manifest_object(manifest) o
    JOIN pg_namespace n ON n.nspname = o.schema JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = o.name
    JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i ON i.identity = o.identity
    WHERE o.disposition = 'transfer' AND o.kind IN ('function', 'procedure')
)
SELECT 'QT301', 'static analysis of manifest ' || manifest, 'imported as real evidence', 'none', 'qt001-cp analyse, then qt001-cp evidence import'
FROM evidence e WHERE e.doc IS NULL OR e.doc ->> 'class' <> 'real'
UNION ALL
SELECT 'QT301', r.kind || ' ' || r.identity, 'analysed as it is today',
       CASE WHEN a.identity IS NULL THEN 'not analysed' ELSE 'analysed in another version' END, 'Analyse again and import the result.'
FROM routine r LEFT JOIN analysed a ON a.kind = r.kind AND a.identity = r.identity
WHERE CASE WHEN a.body_sha256 IS NOT NULL THEN a.body_sha256 IS DISTINCT FROM qt001_cp.sha256_hex(convert_to(r.prosrc, 'UTF8'))
           ELSE a.definition IS DISTINCT FROM r.definition END
UNION ALL
SELECT 'QT301', a.kind || ' ' || a.identity, 'no blocking finding of the analysis', (u ->> 'rule') || ': ' || (u ->> 'detail'),
       'Rewrite the statement so that it can be analysed.'
FROM analysed a JOIN routine r ON r.kind = a.kind AND r.identity = a.identity, jsonb_array_elements(a.unknown) u
$analysis_findings$;

CREATE VIEW qt001_cp.v_expression AS
-- Expressions that the catalogs keep parsed, with the object that they belong to and their place in it. A function of the
-- server's own that is called in one stands nowhere else: pg_depend leaves out what is pinned. So it is with the function of
-- a trigger, those that an aggregate is made of, and that of an operator; they are written here as a call.
SELECT 'pg_catalog.pg_class'::regclass::oid AS classid, d.adrelid AS objid, 'a default or generated column'::text AS place, d.adbin::text AS tree
FROM pg_catalog.pg_attrdef d
UNION ALL
SELECT CASE WHEN k.conrelid <> 0 THEN 'pg_catalog.pg_class'::regclass ELSE 'pg_catalog.pg_type'::regclass END, CASE WHEN k.conrelid <> 0 THEN k.conrelid ELSE k.contypid END,
       'constraint ' || k.conname, k.conbin::text FROM pg_catalog.pg_constraint k
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, y.polrelid, 'policy ' || y.polname, pg_catalog.concat(y.polqual::text, y.polwithcheck::text) FROM pg_catalog.pg_policy y
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, r.ev_class, 'rule ' || r.rulename, pg_catalog.concat(r.ev_qual::text, r.ev_action::text) FROM pg_catalog.pg_rewrite r
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, t.tgrelid, 'trigger ' || t.tgname, pg_catalog.concat(':funcid ', t.tgfoid, ' ', t.tgqual::text)
FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'pg_catalog.pg_proc'::regclass, a.aggfnoid, 'the aggregate', (
    SELECT pg_catalog.string_agg(':funcid ' || f.part::oid, ' ')
    FROM pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn,
                                 a.aggmfinalfn]) f(part))
FROM pg_catalog.pg_aggregate a WHERE a.aggfnoid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'the operator', ':funcid ' || o.oprcode::oid FROM pg_catalog.pg_operator o
WHERE o.oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, x.indrelid, 'an index', pg_catalog.concat(x.indexprs::text, x.indpred::text) FROM pg_catalog.pg_index x
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, p.partrelid, 'the partition key', p.partexprs::text FROM pg_catalog.pg_partitioned_table p
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'its default', t.typdefaultbin::text FROM pg_catalog.pg_type t
UNION ALL
SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 'an argument''s default or the body', pg_catalog.concat(p.proargdefaults::text, p.prosqlbody::text) FROM pg_catalog.pg_proc p;

CREATE FUNCTION qt001_cp.reached_by_apply_path(manifest text) RETURNS TABLE (kind text, identity text, classid oid, objid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $reached_by_apply_path$
-- Everything that the repointed routines reach today: what the catalogs know, and what the analysis found in bodies.
WITH RECURSIVE live AS MATERIALIZED (
    SELECT l.* FROM qt001_cp.live_identity((qt001_cp.document_json(manifest) ->> 'application')::name) l
), edge AS MATERIALIZED (
    SELECT e.from_class, e.from_id, e.to_class, e.to_id FROM qt001_cp.catalog_edge() e
    UNION
    SELECT f.classid, f.objid, t.classid, t.objid
    FROM qt001_cp.analysis_routine(manifest) r
    JOIN live f ON f.kind = r ->> 'kind' AND f.identity = r ->> 'identity'
    CROSS JOIN LATERAL jsonb_array_elements(r -> 'edges') x
    JOIN live t ON t.kind = x ->> 'kind' AND t.identity = x ->> 'identity'
), walk(classid, objid) AS (
    SELECT l.classid, l.objid FROM live l
    JOIN jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') r ON r ->> 'identity' = l.identity
    UNION
    SELECT e.to_class, e.to_id FROM walk w JOIN edge e ON e.from_class = w.classid AND e.from_id = w.objid
)
SELECT i.type, i.identity, w.classid, w.objid FROM walk w CROSS JOIN LATERAL pg_identify_object(w.classid, w.objid, 0) i
WHERE i.schema IS DISTINCT FROM 'qt001_cp' AND i.identity IS NOT NULL
$reached_by_apply_path$;

CREATE FUNCTION qt001_cp.dependency_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $dependency_findings$
-- Everything that the apply path reaches today, directly or through others, stands in the sealed dependency manifest.
WITH sealed AS MATERIALIZED (
    SELECT qt001_cp.sealed('qt001.manifest.dependency/1') AS digest
), doc AS MATERIALIZED (SELECT qt001_cp.document_json(s.digest) AS j FROM sealed s
), reached AS MATERIALIZED (SELECT r.* FROM qt001_cp.reached_by_apply_path(manifest) r)
SELECT 'QT301', 'dependency manifest', 'sealed, of object manifest ' || manifest,
       CASE WHEN s.digest IS NULL THEN 'not sealed' ELSE 'of ' || (d.j ->> 'object_manifest') END, 'Deploy FIX7c with its documents.'
FROM sealed s, doc d WHERE s.digest IS NULL OR d.j ->> 'object_manifest' <> manifest
UNION ALL
SELECT 'QT301', 'dependency manifest', 'no unknown dependency', u::text, 'Rewrite the statement so that it can be analysed, then generate again.'
FROM doc d, jsonb_array_elements(d.j -> 'unknown') u
UNION ALL
SELECT 'QT301', r.kind || ' ' || r.identity, 'in the dependency manifest', 'reached by the apply path, not in it',
       'See what reaches it; then analyse, generate and seal again.'
FROM reached r, doc d WHERE d.j IS NOT NULL AND NOT (d.j -> 'objects') @> jsonb_build_array(jsonb_build_array(r.kind, r.identity))
UNION ALL
-- A routine on the apply path that calls something nobody could resolve.
SELECT 'QT301', a ->> 'identity', 'every dependency known', (u ->> 'rule') || ': ' || (u ->> 'detail'), 'Rewrite the statement so that it can be analysed.'
FROM qt001_cp.analysis_routine(manifest) a JOIN reached r ON r.kind = a ->> 'kind' AND r.identity = a ->> 'identity',
     jsonb_array_elements(a -> 'unknown') u
UNION ALL
-- A body that nobody has looked into: another role's, or an extension's. What the catalogs know of one (BEGIN ATOMIC) is in the
-- walk; what is written in C has no text here.
SELECT 'QT301', r.kind || ' ' || r.identity, 'a body that the analysis covers', 'on the apply path, not analysed',
       'Transfer it by a rule of the policy, or take the call out of the new sources.'
FROM reached r JOIN pg_proc p ON p.oid >= 16384 AND p.prosqlbody IS NULL AND p.prokind IN ('f', 'p')
JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i ON i.type = r.kind AND i.identity = r.identity
WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.analysis_routine(manifest) a WHERE a ->> 'identity' = r.identity)
UNION ALL
-- What nobody can see through: a call in an expression that the catalogs keep, a function behind a trigger, an aggregate or
-- an operator, another server.
SELECT 'QT301', r.kind || ' ' || r.identity, 'every dependency known', format('unlisted-function: %s in %s', u.signature, e.place),
       'Take the call out of it.'
FROM reached r JOIN qt001_cp.v_expression e ON e.classid = r.classid AND e.objid = r.objid
CROSS JOIN LATERAL (SELECT DISTINCT m.part[1]::oid AS oid FROM regexp_matches(e.tree, ':(?:func|opfunc|aggfn|winfn)o?id ([0-9]+)', 'g') m(part)) c
CROSS JOIN LATERAL (SELECT v.signature FROM qt001_cp.v_unlisted_function v WHERE v.function = c.oid LIMIT 1) u -- one by one, by the index
UNION ALL
SELECT 'QT301', r.kind || ' ' || r.identity, 'every dependency known', 'what another server does, of which nothing is known here',
       'Take the foreign table out of the apply path.'
FROM reached r JOIN pg_foreign_table t ON t.ftrelid = r.objid
$dependency_findings$;

CREATE FUNCTION qt001_cp.capability_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $capability_findings$
-- Every capability of the sealed manifest has real evidence: bound to it, about this object manifest, by an accepted
-- producer, young enough, with its raw output, from an environment that is no rehearsal, imported and bound by an author.
-- The test authority counts only in a database that the bootstrap marked for it.
WITH capability AS MATERIALIZED (
    SELECT c ->> 'name' AS name, c -> 'producers' AS producers, (c ->> 'max_age_seconds')::bigint AS max_age
    FROM jsonb_array_elements(qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.capability/1')) -> 'capabilities') c
), offered AS MATERIALIZED (
    SELECT b.detail ->> 'requirement' AS name, qt001_cp.document_json(b.subject) AS doc, b.subject AS digest, b.actor
    FROM qt001_cp.event b WHERE b.verb = 'bound'
), test(allowed) AS (
    SELECT coalesce(bool_or(b.rehearsal AND b.test_authority AND b.database = current_database()), false) FROM qt001_cp.bootstrap b
), judged AS (
    SELECT o.name, o.digest,
           CASE WHEN o.doc ->> 'schema' IS DISTINCT FROM 'qt001.evidence.capability/1' THEN 'not capability evidence'
                WHEN o.doc ->> 'class' = 'simulated' THEN 'simulated'
                WHEN o.doc ->> 'class' = 'test' AND NOT (t.allowed AND o.doc #>> '{producer,name}' = 'qt001-test-authority')
                    THEN 'of class test, without a test authority in this database'
                WHEN o.doc ->> 'class' = 'real' AND o.doc #>> '{producer,name}' = 'qt001-test-authority' THEN 'of the test authority, called real'
                WHEN o.doc ->> 'class' = 'real' AND coalesce(o.doc ->> 'environment', 'rehearsal') = 'rehearsal' THEN 'from a rehearsal'
                WHEN coalesce(o.doc ->> 'class', '') NOT IN ('real', 'test') THEN 'of class ' || coalesce(o.doc ->> 'class', 'none')
                WHEN NOT c.producers @> jsonb_build_array(o.doc #>> '{producer,name}') THEN 'by an unknown producer ' || coalesce(o.doc #>> '{producer,name}', 'without a name')
                WHEN o.doc ->> 'subject' IS DISTINCT FROM manifest THEN 'about another subject'
                WHEN o.doc ->> 'capability' IS DISTINCT FROM c.name THEN 'about another capability'
                WHEN btrim(coalesce(o.doc ->> 'raw', '')) = '' THEN 'without raw output'
                WHEN (qt001_cp.moment(o.doc ->> 'produced_at') BETWEEN clock_timestamp() - make_interval(secs => c.max_age) AND clock_timestamp()) IS NOT TRUE
                    THEN 'produced at ' || coalesce(o.doc ->> 'produced_at', 'no time')
                WHEN NOT 'qt001_cp_author' IN (SELECT qt001_cp.member_of(o.actor)) THEN 'bound by ' || o.actor
                WHEN NOT EXISTS (SELECT 1 FROM qt001_cp.event i WHERE i.verb = 'evidence_imported' AND i.subject = o.digest
                                                                  AND 'qt001_cp_author' IN (SELECT qt001_cp.member_of(i.actor)))
                    THEN 'not imported by an author'
                END AS wrong
    FROM offered o JOIN capability c ON c.name = o.name CROSS JOIN test t
)
SELECT 'QT301', 'capability manifest', 'sealed', 'not sealed', 'Deploy FIX7c with its documents.'
WHERE qt001_cp.sealed('qt001.manifest.capability/1') IS NULL
UNION ALL
SELECT 'QT301', 'capability ' || c.name, 'real evidence by one of ' || c.producers::text || ', bound to it',
       coalesce((SELECT string_agg(left(j.digest, 12) || ' is ' || j.wrong, '; ') FROM judged j WHERE j.name = c.name), 'none'),
       'qt001-cp evidence import FILE, then qt001-cp bind'
FROM capability c WHERE NOT EXISTS (SELECT 1 FROM judged j WHERE j.name = c.name AND j.wrong IS NULL)
$capability_findings$;
