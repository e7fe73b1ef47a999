-- Evidence: what it has to hold, how it comes in, and how it is bound. Whether a document is enough
-- is for the gates to compute; what is refused here is what they could not read.

CREATE FUNCTION qt001_cp.analysis_document_findings(doc jsonb)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $analysis_document_findings$
-- What the gates could not read of a static analysis, by its place; they would end in an error of
-- PostgreSQL's, and with them every call of the guard.
WITH routine AS MATERIALIZED (
    SELECT entry.value, entry.number - 1 AS number
    FROM jsonb_array_elements(qt001_cp.listed(doc -> 'routines'))
         WITH ORDINALITY entry(value, number)
), part(place, value, wanted) AS (
    SELECT 'routines', doc -> 'routines', 'array'
    UNION ALL
    SELECT format('routines[%s]%s', routine.number, coalesce('.' || field.name, '')),
           CASE WHEN field.name IS NULL THEN routine.value ELSE routine.value -> field.name END,
           field.wanted
    FROM routine
    CROSS JOIN (VALUES (NULL, 'object'), ('kind', 'string'), ('identity', 'string'),
                       ('edges', 'array'), ('unknown', 'array')) field(name, wanted)
    UNION ALL
    SELECT format('routines[%s].%s[%s]%s', routine.number, list.name, entry.number - 1,
                  coalesce('.' || field.name, '')),
           CASE WHEN field.name IS NULL THEN entry.value ELSE entry.value -> field.name END,
           field.wanted
    FROM routine
    CROSS JOIN (VALUES ('edges'), ('unknown')) list(name)
    CROSS JOIN LATERAL jsonb_array_elements(qt001_cp.listed(routine.value -> list.name))
         WITH ORDINALITY entry(value, number)
    JOIN (VALUES ('edges', NULL, 'object'), ('edges', 'kind', 'string'),
                 ('edges', 'identity', 'string'), ('edges', 'verb', 'string'),
                 ('unknown', NULL, 'object'), ('unknown', 'rule', 'string'),
                 ('unknown', 'detail', 'string')) field(list, name, wanted)
    ON field.list = list.name
)
SELECT 'QT302', part.place, 'of JSON type ' || part.wanted,
       coalesce(jsonb_typeof(part.value), 'nothing'),
       'Take the static-analysis.json that qt001-cp analyse wrote.'
FROM part WHERE jsonb_typeof(part.value) IS DISTINCT FROM part.wanted
$analysis_document_findings$;

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
    PERFORM qt001_cp.require_document_room(body, true);
    made := qt001_cp.record_document(body);
    doc := qt001_cp.document_json(made);
    IF doc ->> 'schema' NOT IN ('qt001.evidence.static-analysis/1',
                                'qt001.evidence.capability/1')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('%s is not a kind of evidence', doc ->> 'schema'),
            HINT = 'Evidence is qt001.evidence.static-analysis/1 or qt001.evidence.capability/1.';
    END IF;
    SELECT string_agg(field.name, ', ') INTO missing
    FROM (VALUES ('class', doc ->> 'class'), ('producer.name', doc #>> '{producer,name}'),
                 ('producer.version', doc #>> '{producer,version}'), ('subject', doc ->> 'subject'),
                 ('produced_at', doc ->> 'produced_at'), ('raw', doc ->> 'raw')) field(name, value)
    WHERE coalesce(btrim(field.value), '') = '';
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = 'the evidence lacks ' || missing,
            HINT = 'Evidence names its class, producer, tool version, subject digest and time, '
                   'and carries its raw output.';
    END IF;
    IF doc ->> 'class' NOT IN ('real', 'simulated', 'test') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('evidence of class %L is unknown', doc ->> 'class'),
            HINT = 'Classes are real, simulated and test.';
    END IF;
    IF qt001_cp.utc_timestamp(doc ->> 'produced_at') IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('produced_at of the evidence: expected a time in UTC such as '
                             '2026-01-31T12:00:00Z, found %L', doc ->> 'produced_at'),
            HINT = 'Write the time at which the tool ran.';
    END IF;
    IF doc ->> 'schema' = 'qt001.evidence.static-analysis/1' THEN
        PERFORM qt001_cp.raise_first('evidence', (
            SELECT jsonb_agg(to_jsonb(finding))
            FROM qt001_cp.analysis_document_findings(doc) finding));
    END IF;
    PERFORM qt001_cp.record_event('evidence_imported', made, jsonb_build_object(
        'schema', doc ->> 'schema', 'class', doc ->> 'class'));
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
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.event
                   WHERE event.verb = 'evidence_imported' AND event.subject = evidence) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('no evidence %s was imported', evidence),
            HINT = 'qt001-cp evidence import FILE';
    END IF;
    IF NOT EXISTS (
        SELECT 1
        FROM jsonb_array_elements(qt001_cp.document_json(
                 qt001_cp.in_force('qt001.manifest.capability/1')) -> 'capabilities') capability
        WHERE capability ->> 'name' = requirement)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('%L is not a capability of the sealed capability manifest',
                             requirement),
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
SELECT event.subject FROM qt001_cp.event
WHERE event.verb = 'evidence_imported'
  AND event.detail ->> 'schema' = 'qt001.evidence.static-analysis/1'
  AND qt001_cp.document_json(event.subject) ->> 'subject' = manifest
ORDER BY event.seq DESC LIMIT 1
$analysis$;

CREATE FUNCTION qt001_cp.analysis_routine(manifest text) RETURNS SETOF jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $analysis_routine$
SELECT routine
FROM jsonb_array_elements(qt001_cp.document_json(qt001_cp.analysis(manifest)) -> 'routines') routine
$analysis_routine$;

CREATE FUNCTION qt001_cp.analysis_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $analysis_findings$
-- Present, real, for exactly today's sources of every transferred routine, and without blocking
-- findings.
WITH evidence AS MATERIALIZED (
    SELECT qt001_cp.document_json(qt001_cp.analysis(manifest)) AS doc
), analysed AS MATERIALIZED (
    SELECT found ->> 'kind' AS kind, found ->> 'identity' AS identity,
           found ->> 'definition' AS definition, found ->> 'body_sha256' AS body_sha256,
           found -> 'unknown' AS unknown
    FROM qt001_cp.analysis_routine(manifest) found
), routine AS MATERIALIZED (
    SELECT object.kind, object.identity, live.prosrc,
           qt001_cp.routine_definition(live.oid) AS definition
    FROM qt001_cp.manifest_object(manifest) object
    JOIN pg_namespace space ON space.nspname = object.schema
    JOIN pg_proc live ON live.pronamespace = space.oid AND live.proname = object.name
    JOIN LATERAL pg_identify_object('pg_proc'::regclass, live.oid, 0) named
    ON named.identity = object.identity
    WHERE object.disposition = 'transfer' AND object.kind IN ('function', 'procedure')
)
SELECT 'QT301', 'static analysis of manifest ' || manifest, 'imported as real evidence', 'none',
       'qt001-cp analyse, then qt001-cp evidence import'
FROM evidence WHERE evidence.doc IS NULL OR evidence.doc ->> 'class' <> 'real'
UNION ALL
SELECT 'QT301', routine.kind || ' ' || routine.identity, 'analysed as it is today',
       CASE WHEN analysed.identity IS NULL THEN 'not analysed'
            ELSE 'analysed in another version' END,
       'Analyse again and import the result.'
FROM routine
LEFT JOIN analysed ON analysed.kind = routine.kind AND analysed.identity = routine.identity
WHERE CASE WHEN analysed.body_sha256 IS NOT NULL
           THEN analysed.body_sha256
                IS DISTINCT FROM qt001_cp.sha256_hex(convert_to(routine.prosrc, 'UTF8'))
           ELSE analysed.definition IS DISTINCT FROM routine.definition END
UNION ALL
SELECT 'QT301', analysed.kind || ' ' || analysed.identity, 'no blocking finding of the analysis',
       (blocking ->> 'rule') || ': ' || (blocking ->> 'detail'),
       'Rewrite the statement so that it can be analysed.'
FROM analysed
JOIN routine ON routine.kind = analysed.kind AND routine.identity = analysed.identity
CROSS JOIN LATERAL jsonb_array_elements(analysed.unknown) blocking
$analysis_findings$;

CREATE VIEW qt001_cp.v_expression AS
-- Expressions that the catalogs keep parsed, with the object that they belong to and their place in
-- it. A function of the server's own that is called in one stands nowhere else: pg_depend leaves
-- out what is pinned. So it is with the function of a trigger, those that an aggregate is made of,
-- and that of an operator; they are written here as a call. Each column has its type in each part:
-- otherwise the server reads all of it before it asks for one object.
SELECT 'pg_catalog.pg_class'::regclass::oid AS classid, adrelid AS objid,
       'a default or generated column'::text AS place, adbin::text AS tree
FROM pg_catalog.pg_attrdef
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass::oid, conrelid, 'constraint ' || conname, conbin::text
FROM pg_catalog.pg_constraint WHERE conrelid <> 0
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass::oid, contypid, 'constraint ' || conname, conbin::text
FROM pg_catalog.pg_constraint WHERE conrelid = 0
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass::oid, polrelid, 'policy ' || polname,
       pg_catalog.concat(polqual::text, polwithcheck::text)
FROM pg_catalog.pg_policy
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass::oid, ev_class, 'rule ' || rulename,
       pg_catalog.concat(ev_qual::text, ev_action::text)
FROM pg_catalog.pg_rewrite
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass::oid, tgrelid, 'trigger ' || tgname,
       pg_catalog.concat(':funcid ', tgfoid, ' ', tgqual::text)
FROM pg_catalog.pg_trigger
-- Before 15 the trigger of a partition, made from its parent's, counts as internal.
WHERE NOT tgisinternal OR tgparentid <> 0 AND coalesce((
    SELECT held.contype FROM pg_catalog.pg_constraint held
    WHERE held.oid = tgconstraint), 't') = 't'
UNION ALL
SELECT 'pg_catalog.pg_proc'::regclass::oid, aggfnoid::oid, 'the aggregate'::text, (
    SELECT pg_catalog.string_agg(':funcid ' || made_of.part::oid, ' ')
    FROM pg_catalog.unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
                                 aggmtransfn, aggminvtransfn, aggmfinalfn]) made_of(part))
FROM pg_catalog.pg_aggregate WHERE aggfnoid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_operator'::regclass::oid, oid, 'the operator'::text,
       ':funcid ' || oprcode::oid
FROM pg_catalog.pg_operator WHERE oid >= 16384
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass::oid, indrelid, 'an index'::text,
       pg_catalog.concat(indexprs::text, indpred::text)
FROM pg_catalog.pg_index
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass::oid, partrelid, 'the partition key'::text, partexprs::text
FROM pg_catalog.pg_partitioned_table
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass::oid, oid, 'its default'::text, typdefaultbin::text
FROM pg_catalog.pg_type
UNION ALL
SELECT 'pg_catalog.pg_proc'::regclass::oid, oid, 'an argument''s default or the body'::text,
       pg_catalog.concat(proargdefaults::text, prosqlbody::text)
FROM pg_catalog.pg_proc;

CREATE FUNCTION qt001_cp.reached_by_apply_path(manifest text)
RETURNS TABLE (kind text, identity text, classid oid, objid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $reached_by_apply_path$
-- Everything that the repointed routines reach today: what the catalogs know, and what the analysis
-- found in bodies.
WITH RECURSIVE near AS MATERIALIZED (
    SELECT array_agg(row_of.class ORDER BY row_of.class, row_of.id) AS classes,
           array_agg(row_of.id ORDER BY row_of.class, row_of.id) AS ids
    FROM qt001_cp.near_object(manifest, (
        SELECT coalesce(jsonb_agg(found), '[]')
        FROM qt001_cp.analysis_routine(manifest) analysed
        CROSS JOIN LATERAL jsonb_array_elements(analysed -> 'edges') found)) row_of
), live AS MATERIALIZED (
    SELECT owned.classid, owned.objid, named.type AS kind, named.identity
    FROM near CROSS JOIN LATERAL qt001_cp.owned_object(near.ids) owned
    CROSS JOIN LATERAL pg_identify_object(owned.classid, owned.objid, 0) named
), edge AS MATERIALIZED (
    SELECT noted.from_class, noted.from_id, noted.to_class, noted.to_id
    FROM near CROSS JOIN LATERAL qt001_cp.near_edge(near.classes, near.ids) noted
    UNION
    SELECT source.classid, source.objid, target.classid, target.objid
    FROM qt001_cp.analysis_routine(manifest) analysed
    JOIN live source
    ON source.kind = analysed ->> 'kind' AND source.identity = analysed ->> 'identity'
    CROSS JOIN LATERAL jsonb_array_elements(analysed -> 'edges') found
    JOIN live target
    ON target.kind = found ->> 'kind' AND target.identity = found ->> 'identity'
), reached(classid, objid) AS (
    SELECT live.classid, live.objid
    FROM live JOIN jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') part
    ON part ->> 'identity' = live.identity
    UNION
    SELECT edge.to_class, edge.to_id
    FROM reached JOIN edge ON edge.from_class = reached.classid AND edge.from_id = reached.objid
)
SELECT object.type, object.identity, reached.classid, reached.objid
FROM reached CROSS JOIN LATERAL pg_identify_object(reached.classid, reached.objid, 0) object
WHERE object.schema IS DISTINCT FROM 'qt001_cp' AND object.identity IS NOT NULL
$reached_by_apply_path$;

CREATE TYPE qt001_cp.reached_row AS (kind text, identity text, classid oid, objid oid);

CREATE FUNCTION qt001_cp.reached_rows(manifest text) RETURNS qt001_cp.reached_row[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $reached_rows$
-- The same side by side: the walk is dear, and more than one gate asks about it.
SELECT ARRAY(
    SELECT (object.kind, object.identity, object.classid, object.objid)::qt001_cp.reached_row
    FROM qt001_cp.reached_by_apply_path(manifest) object)
$reached_rows$;

CREATE FUNCTION qt001_cp.dependency_findings(
    manifest text, walked qt001_cp.reached_row[] DEFAULT NULL)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $dependency_findings$
-- long: all of it asks of one walk of the apply path, which is dear (walked; NULL: done here).
-- Everything that the apply path reaches today, directly or through others, stands in the sealed
-- dependency manifest.
WITH dependency AS MATERIALIZED (
    SELECT sealed.digest, qt001_cp.document_json(sealed.digest) AS doc
    FROM (SELECT qt001_cp.in_force('qt001.manifest.dependency/1') AS digest) sealed
), reached AS MATERIALIZED (
    SELECT object.* FROM unnest(coalesce(walked, qt001_cp.reached_rows(manifest))) object
)
SELECT 'QT301', 'dependency manifest', 'sealed, of object manifest ' || manifest,
       CASE WHEN dependency.digest IS NULL THEN 'not sealed'
            ELSE 'of ' || (dependency.doc ->> 'object_manifest') END,
       'Take FIX7c back and deploy it with its documents.'
FROM dependency
WHERE dependency.digest IS NULL OR dependency.doc ->> 'object_manifest' <> manifest
UNION ALL
SELECT 'QT301', 'dependency manifest', 'no unknown dependency', missing::text,
       'Rewrite the statement so that it can be analysed, then generate again.'
FROM dependency CROSS JOIN LATERAL jsonb_array_elements(dependency.doc -> 'unknown') missing
UNION ALL
SELECT 'QT301', reached.kind || ' ' || reached.identity, 'in the dependency manifest',
       'reached by the apply path, not in it',
       'See what reaches it; then analyse, generate and seal again.'
FROM reached CROSS JOIN dependency
WHERE dependency.doc IS NOT NULL
  AND NOT (dependency.doc -> 'objects')
          @> jsonb_build_array(jsonb_build_array(reached.kind, reached.identity))
  -- A partition that came since reaches nothing that its table does not.
  AND NOT (reached.kind = 'table' AND reached.identity IN (
      SELECT part.identity FROM qt001_cp.grown(manifest) part WHERE part.fault IS NULL))
UNION ALL
-- A routine on the apply path that calls something nobody could resolve.
SELECT 'QT301', analysed ->> 'identity', 'every dependency known',
       (missing ->> 'rule') || ': ' || (missing ->> 'detail'),
       'Rewrite the statement so that it can be analysed.'
FROM qt001_cp.analysis_routine(manifest) analysed
JOIN reached
ON reached.kind = analysed ->> 'kind' AND reached.identity = analysed ->> 'identity'
CROSS JOIN LATERAL jsonb_array_elements(analysed -> 'unknown') missing
UNION ALL
-- A body that nobody has looked into: another role's, or an extension's. What the catalogs know of
-- one (BEGIN ATOMIC) is in the walk; what is written in C has no text here.
SELECT 'QT301', reached.kind || ' ' || reached.identity, 'a body that the analysis covers',
       'on the apply path, not analysed',
       'Transfer it by a rule of the policy, or take the call out of the new sources.'
FROM reached
JOIN pg_proc routine
ON routine.oid >= 16384 AND routine.prosqlbody IS NULL AND routine.prokind IN ('f', 'p')
JOIN pg_language language
ON language.oid = routine.prolang AND language.lanname NOT IN ('internal', 'c')
JOIN LATERAL pg_identify_object('pg_proc'::regclass, routine.oid, 0) object
ON object.type = reached.kind AND object.identity = reached.identity
WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.analysis_routine(manifest) analysed
                  WHERE analysed ->> 'identity' = reached.identity)
UNION ALL
-- What nobody can see through: a call in an expression that the catalogs keep, a function behind a
-- trigger, an aggregate or an operator, another server. Each function is looked up on its own, by
-- the index.
SELECT 'QT301', reached.kind || ' ' || reached.identity, 'every dependency known',
       format('unlisted-function: %s in %s', unlisted.signature, expression.place),
       'Take the call out of it.'
FROM reached
CROSS JOIN LATERAL (
    SELECT known.place, known.tree FROM qt001_cp.v_expression known
    WHERE known.classid = reached.classid AND known.objid = reached.objid OFFSET 0) expression
CROSS JOIN LATERAL (
    SELECT DISTINCT matched.part[1]::oid AS oid
    FROM regexp_matches(expression.tree, ':(?:func|opfunc|aggfn|winfn)o?id ([0-9]+)', 'g')
         matched(part)) called
CROSS JOIN LATERAL (
    SELECT named.signature FROM qt001_cp.v_unlisted_function named
    WHERE named.function = called.oid LIMIT 1) unlisted
UNION ALL
SELECT 'QT301', reached.kind || ' ' || reached.identity, 'every dependency known',
       'what another server does, of which nothing is known here',
       'Take the foreign table out of the apply path.'
FROM reached JOIN pg_foreign_table away ON away.ftrelid = reached.objid
$dependency_findings$;

CREATE FUNCTION qt001_cp.same_apply_path(earlier text, manifest text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $same_apply_path$
-- Whether the deployed manifest has the apply path of an earlier one: the same sources, and all
-- that they reach, by the dependency manifest, as it was. Another major version words it in its own
-- way.
SELECT qt001_cp.document_json(earlier) -> 'repoint'
           = qt001_cp.document_json(same_apply_path.manifest) -> 'repoint'
   AND NOT EXISTS (
    SELECT 1
    FROM jsonb_array_elements(qt001_cp.document_json(
             qt001_cp.in_force('qt001.manifest.dependency/1')) -> 'objects') node
    JOIN qt001_cp.manifest_row today
    ON today.manifest = same_apply_path.manifest AND today.object ->> 'kind' = node.value ->> 0
       AND today.object ->> 'identity' = node.value ->> 1
    LEFT JOIN qt001_cp.manifest_row before
    ON before.manifest = same_apply_path.earlier AND before.object ->> 'kind' = node.value ->> 0
       AND before.object ->> 'identity' = node.value ->> 1
    CROSS JOIN LATERAL (
        SELECT CASE WHEN qt001_cp.document_json(earlier) -> 'server_major'
                         = qt001_cp.document_json(same_apply_path.manifest) -> 'server_major'
                    THEN '{}' ELSE '{definition,storage}' END::text[] AS keys) worded
    WHERE before.object - worded.keys IS DISTINCT FROM today.object - worded.keys)
$same_apply_path$;

CREATE FUNCTION qt001_cp.speaks_of(about text, manifest text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $speaks_of$
-- Whether evidence about one object manifest speaks of the deployed one: it is that, or a
-- predecessor of it, and no change since has touched the apply path or what that reaches.
SELECT CASE WHEN about = manifest THEN true ELSE EXISTS (
    SELECT 1 FROM qt001_cp.ancestry(manifest) earlier
    WHERE earlier.digest = about AND qt001_cp.same_apply_path(about, manifest)) END
$speaks_of$;

CREATE FUNCTION qt001_cp.offered_evidence(manifest text)
RETURNS TABLE (name text, digest text, epoch bigint, fault text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $offered_evidence$
-- What was bound to each capability of the deployed manifest, the epoch of the last time,
-- and why it is no real evidence for it. The test authority counts only in a database that the
-- bootstrap marked for it.
WITH capability AS MATERIALIZED (
    SELECT listed ->> 'name' AS name, listed -> 'producers' AS producers,
           (listed ->> 'max_age_seconds')::bigint AS max_age
    FROM jsonb_array_elements(qt001_cp.document_json(
             qt001_cp.in_force('qt001.manifest.capability/1')) -> 'capabilities') listed
), offered AS MATERIALIZED (
    -- The last time that it was.
    SELECT DISTINCT ON (bound.detail ->> 'requirement', bound.subject)
           bound.detail ->> 'requirement' AS name, bound.subject AS digest, bound.actor,
           bound.epoch, bound.detail #>> '{by,duty}' AS duty,
           qt001_cp.document_json(bound.subject) AS doc
    FROM qt001_cp.event bound WHERE bound.verb = 'bound'
    ORDER BY bound.detail ->> 'requirement', bound.subject, bound.seq DESC
), test(allowed) AS (
    SELECT coalesce(bool_or(mark.rehearsal AND mark.test_authority
                            AND mark.database = current_database()), false)
    FROM qt001_cp.bootstrap mark
)
SELECT offered.name, offered.digest, offered.epoch,
       CASE WHEN offered.doc ->> 'schema' IS DISTINCT FROM 'qt001.evidence.capability/1'
                THEN 'not capability evidence'
            WHEN offered.doc ->> 'class' = 'simulated' THEN 'simulated'
            WHEN offered.doc ->> 'class' = 'test'
                 AND NOT (test.allowed
                          AND offered.doc #>> '{producer,name}' = 'qt001-test-authority')
                THEN 'of class test, without a test authority in this database'
            WHEN offered.doc ->> 'class' = 'real'
                 AND offered.doc #>> '{producer,name}' = 'qt001-test-authority'
                THEN 'of the test authority, called real'
            WHEN offered.doc ->> 'class' = 'real'
                 AND coalesce(offered.doc ->> 'environment', 'rehearsal') = 'rehearsal'
                THEN 'from a rehearsal'
            WHEN coalesce(offered.doc ->> 'class', '') NOT IN ('real', 'test')
                THEN 'of class ' || coalesce(offered.doc ->> 'class', 'none')
            WHEN NOT capability.producers
                     @> jsonb_build_array(offered.doc #>> '{producer,name}')
                THEN 'by an unknown producer '
                     || coalesce(offered.doc #>> '{producer,name}', 'without a name')
            WHEN qt001_cp.speaks_of(offered.doc ->> 'subject', manifest) IS NOT TRUE
                THEN 'about another subject'
            WHEN offered.doc ->> 'capability' IS DISTINCT FROM capability.name
                THEN 'about another capability'
            WHEN btrim(coalesce(offered.doc ->> 'raw', '')) = '' THEN 'without raw output'
            WHEN (qt001_cp.utc_timestamp(offered.doc ->> 'produced_at')
                  BETWEEN clock_timestamp() - make_interval(secs => capability.max_age)
                      AND clock_timestamp()) IS NOT TRUE
                THEN 'produced at ' || coalesce(offered.doc ->> 'produced_at', 'no time')
            WHEN offered.duty IS DISTINCT FROM 'author'
                THEN 'bound by ' || offered.actor
            WHEN NOT EXISTS (
                SELECT 1 FROM qt001_cp.event imported
                WHERE imported.verb = 'evidence_imported' AND imported.subject = offered.digest
                  AND imported.detail #>> '{by,duty}' = 'author')
                THEN 'not imported by an author'
            END
FROM offered JOIN capability ON capability.name = offered.name CROSS JOIN test
$offered_evidence$;

CREATE FUNCTION qt001_cp.capability_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $capability_findings$
-- Each capability of the deployed manifest has real evidence: bound to it in this epoch, about this
-- object manifest, by an accepted producer, young enough, with its raw output, from an environment
-- that is no rehearsal, imported and bound by an author.
WITH capability AS MATERIALIZED (
    SELECT listed ->> 'name' AS name, listed -> 'producers' AS producers
    FROM jsonb_array_elements(qt001_cp.document_json(
             qt001_cp.in_force('qt001.manifest.capability/1')) -> 'capabilities') listed
), evidence AS MATERIALIZED (
    SELECT offered.*, today.epoch AS today
    FROM qt001_cp.epoch() today(epoch)
    CROSS JOIN LATERAL qt001_cp.offered_evidence(manifest) offered
)
SELECT 'QT301', 'capability manifest', 'sealed', 'not sealed',
       'Take FIX7c back and deploy it with its documents.'
WHERE qt001_cp.in_force('qt001.manifest.capability/1') IS NULL
UNION ALL
SELECT 'QT301', 'capability ' || capability.name,
       'real evidence by one of ' || capability.producers::text || ', bound to it',
       coalesce((SELECT string_agg(
                     left(evidence.digest, 12) || coalesce(' is ' || evidence.fault, format(
                         ' was bound in epoch %s; this is epoch %s, since the last cutover, '
                         'deployment or way back', evidence.epoch, evidence.today)), '; ')
                 FROM evidence WHERE evidence.name = capability.name), 'none'),
       coalesce((SELECT format('qt001-cp bind %s %s (as the author, who still stands by it)',
                               evidence.digest, capability.name)
                 FROM evidence WHERE evidence.name = capability.name AND evidence.fault IS NULL
                 ORDER BY evidence.epoch DESC LIMIT 1),
                'qt001-cp evidence import FILE, then qt001-cp bind')
FROM capability
WHERE NOT EXISTS (SELECT 1 FROM evidence
                  WHERE evidence.name = capability.name AND evidence.fault IS NULL
                    AND evidence.epoch = evidence.today)
$capability_findings$;
