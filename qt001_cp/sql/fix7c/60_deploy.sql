-- What FIX7c's script calls around its statements.

CREATE FUNCTION qt001_cp.deploy_begin(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $deploy_begin$
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.take_stage_lock();
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT target.* FROM qt001_cp.target_findings(manifest, 'fix7b') target
        UNION ALL
        SELECT seal.* FROM qt001_cp.seal_findings(manifest) seal
        UNION ALL
        -- The one that was cut over, or the successor that was deployed since and whose changes
        -- were kept.
        SELECT 'QT101', 'manifest ' || manifest, 'the one that was cut over',
               coalesce('cut over: ' || force.digest, 'no cutover'), 'Use the manifest of FIX7b.'
        FROM qt001_cp.in_force('qt001.manifest.object/1') force(digest)
        WHERE force.digest IS DISTINCT FROM manifest
        UNION ALL
        SELECT operator.* FROM qt001_cp.operator_findings() operator
        UNION
        SELECT member.* FROM qt001_cp.application_member_findings(false) member
        UNION ALL
        SELECT control_schema.* FROM qt001_cp.control_schema_findings('QT108') control_schema
        UNION ALL
        SELECT power.* FROM qt001_cp.operator_power_findings(manifest, 'retire') power) finding;
    PERFORM qt001_cp.raise_first('FIX7c', findings);
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT difference.* FROM qt001_cp.drift_findings(manifest, 'after') difference
        UNION ALL
        SELECT lock.* FROM qt001_cp.lock_findings(manifest, true) lock) finding;
    PERFORM qt001_cp.raise_first('FIX7c', findings);
    PERFORM qt001_cp.prepare_statements(manifest, 'retire');
    PERFORM qt001_cp.note_step('deploy_begin');
END
$deploy_begin$;

CREATE FUNCTION qt001_cp.record_part(body bytea, schema text, manifest text, subject_key text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $record_part$
-- FIX7c's own: records a document that belongs to the object manifest. Returns its digest.
-- subject_key: where a document of that schema says to which one it belongs.
DECLARE
    made text := qt001_cp.record_document(body);
    doc jsonb := qt001_cp.document_json(made);
BEGIN
    IF doc ->> 'schema' <> schema OR doc ->> subject_key <> manifest THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('FIX7c refused: document %s: expected %s of object manifest %s, '
                             'found %s of %s', made, schema, manifest, doc ->> 'schema',
                             coalesce(doc ->> subject_key, 'none')),
            HINT = 'qt001-cp manifest generate writes the documents that belong together.';
    END IF;
    RETURN made;
END
$record_part$;

CREATE FUNCTION qt001_cp.deploy_documents(
    manifest text, analysis bytea, readiness bytea, capability bytea, dependency bytea) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $deploy_documents$
-- FIX7c's own: imports the static analysis and seals the three manifests that belong to the object
-- manifest.
DECLARE
    made text;
    part record;
BEGIN
    made := qt001_cp.record_part(analysis, 'qt001.evidence.static-analysis/1', manifest, 'subject');
    PERFORM qt001_cp.record_event('evidence_imported', made, jsonb_build_object(
        'schema', 'qt001.evidence.static-analysis/1',
        'class', qt001_cp.document_json(made) ->> 'class'));
    FOR part IN
        SELECT listed.* FROM (VALUES
            ('qt001.manifest.readiness/1', readiness), ('qt001.manifest.capability/1', capability),
            ('qt001.manifest.dependency/1', dependency)) listed(kind, body)
    LOOP
        made := qt001_cp.record_part(part.body, part.kind, manifest, 'object_manifest');
        PERFORM qt001_cp.record_event('sealed', made, jsonb_build_object('kind', part.kind));
    END LOOP;
    PERFORM qt001_cp.note_run_step('deploy_documents');
END
$deploy_documents$;

CREATE FUNCTION qt001_cp.deployment_detail(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
{wording}
AS $deployment_detail$
-- What is there when FIX7c is deployed: sources of the apply path, rows of the source tables, row
-- security.
SELECT jsonb_build_object(
    'definitions', (
        SELECT coalesce(jsonb_agg(jsonb_build_array(
                   object.identity, qt001_cp.routine_sha256(routine.oid),
                   qt001_cp.routine_words(routine.oid))), '[]')
        FROM pg_proc routine
        CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, routine.oid, 0) object
        WHERE routine.prokind IN ('f', 'p') AND object.identity IN (
            SELECT part.value ->> 'identity'
            FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') part)),
    'rows', qt001_cp.source_rows(manifest),
    'row_security', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'identity', object.identity, 'rls', relation.relrowsecurity,
                   'forced', relation.relforcerowsecurity)), '[]')
        FROM qt001_cp.manifest_object(manifest) object
        JOIN pg_namespace space ON space.nspname = object.schema
        JOIN pg_class relation ON relation.relnamespace = space.oid
            AND relation.relname = object.name AND relation.relrowsecurity
        WHERE object.kind = 'table' AND object.disposition = 'transfer'))
$deployment_detail$;

CREATE FUNCTION qt001_cp.deployed_document(manifest text) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $deployed_document$
-- For each object of the manifest that is worded by opening relations: the digest of the catalog
-- rows that define it, and of its definition (29_unchanged).
WITH live AS MATERIALIZED (
    SELECT object.classid, object.objid
    FROM qt001_cp.live_object(
        (qt001_cp.document_json(manifest) ->> 'application')::name, true, false) object
    JOIN qt001_cp.manifest_object(manifest) listed
    ON listed.kind = object.kind AND listed.identity = object.identity
), asked AS MATERIALIZED (
    SELECT array_agg(live.classid ORDER BY live.classid, live.objid) AS classids,
           array_agg(live.objid ORDER BY live.classid, live.objid) AS objids
    FROM live
), pair AS (
    SELECT found.rows, known.definition
    FROM asked CROSS JOIN LATERAL qt001_cp.definition_rows(asked.objids) found
    JOIN qt001_cp.live_definition(asked.classids, asked.objids) known
    ON known.classid = found.classid AND known.objid = found.objid
)
SELECT convert_to(qt001_cp.jcs(jsonb_build_object(
    'schema', 'qt001.deployed/1', 'object_manifest', manifest, 'definitions', (
        SELECT coalesce(jsonb_agg(jsonb_build_array(pair.rows, pair.definition)
                                  ORDER BY pair.rows), '[]') FROM pair))), 'UTF8')
$deployed_document$;

CREATE FUNCTION qt001_cp.sealed_documents() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $sealed_documents$
-- The documents that this script has sealed: what the deployment puts in force with the object
-- manifest. Nobody else writes an event before it ends.
SELECT coalesce(jsonb_object_agg(last.kind, last.digest), '{}') FROM (
    SELECT DISTINCT ON (event.detail ->> 'kind')
           event.detail ->> 'kind' AS kind, event.subject AS digest
    FROM qt001_cp.event
    WHERE event.verb = 'sealed' AND event.detail ->> 'kind' IN (
        'qt001.manifest.readiness/1', 'qt001.manifest.capability/1', 'qt001.manifest.dependency/1')
    ORDER BY event.detail ->> 'kind', event.seq DESC) last
$sealed_documents$;

CREATE FUNCTION qt001_cp.deploy_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $deploy_end$
-- Level B, operator. Registers the apply path, records what is deployed, and refuses unless
-- everything that does not wait for people is in order and the writer is blocked.
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    INSERT INTO qt001_cp.entry_point (identity, guard, purpose)
    SELECT part.value ->> 'identity', 'qt001_cp.require_acceptance',
           'apply path: ' || (part.value ->> 'part')
    FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') part;
    PERFORM qt001_cp.record_event('deployed', manifest,
        qt001_cp.deployment_detail(manifest) || jsonb_build_object(
            'document', kept, 'documents', qt001_cp.sealed_documents()))
    FROM qt001_cp.record_document(qt001_cp.deployed_document(manifest)) kept;
    SELECT coalesce(jsonb_agg(to_jsonb(finding)), '[]') INTO findings
    FROM qt001_cp.gate_findings() finding;
    IF findings = '[]' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT306',
            MESSAGE = 'FIX7c refused: apply path: expected a blocked writer, found all gates open',
            HINT = 'Evidence and sign-off come after the deployment; see qt001-cp status.';
    END IF;
    -- People and the scheduled verifier come later. The no-go record may still be on its way in the
    -- rehearsal that makes it; the ledger role is lent to this session, until the script has run.
    SELECT jsonb_agg(finding.value) INTO findings FROM jsonb_array_elements(findings) finding
    WHERE finding.value ->> 'gate' NOT IN (
              SELECT listed.gate FROM qt001_cp.gate() listed WHERE listed.waits_for IS NOT NULL)
      AND (finding.value ->> 'sqlstate' <> 'QT105' OR NOT qt001_cp.is_rehearsal())
      AND NOT (finding.value ->> 'gate' = 'roles_apart' AND EXISTS (
              SELECT 1 FROM qt001_cp.ledger_member_findings() lent
              WHERE lent.object = 'role ' || session_user
                AND lent.object = finding.value ->> 'object'
                AND lent.expected = finding.value ->> 'expected'));
    PERFORM qt001_cp.raise_first('FIX7c (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.note_run_step('deploy_end');
    RAISE NOTICE '%', CASE WHEN qt001_cp.has_apply_path(manifest)
        THEN 'FIX7c: the apply path asks qt001_cp.v_fix7_acceptance; '
             'writer, apply and permit are blocked'
        ELSE 'FIX7c: verifier, scanner and sign-off are deployed; the policy has no apply path' END;
END
$deploy_end$;

CREATE FUNCTION qt001_cp.undeploy_begin(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $undeploy_begin$
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.take_stage_lock();
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT place.* FROM qt001_cp.place_findings(manifest, 'fix7c') place
        UNION ALL
        SELECT 'QT101', 'manifest ' || manifest, 'the one that is deployed',
               coalesce('deployed: ' || qt001_cp.deployed_manifest(), 'no deployment'),
               'Use the manifest of FIX7c.'
        WHERE qt001_cp.deployed_manifest() IS DISTINCT FROM manifest
        UNION ALL
        SELECT operator.* FROM qt001_cp.operator_findings() operator
        UNION ALL
        SELECT power.* FROM qt001_cp.operator_power_findings(manifest, 'revive') power
        UNION ALL
        SELECT difference.* FROM (
            SELECT state.*
            FROM qt001_cp.transferred_findings(manifest, 'deployed', 'QT113', false) state
            UNION
            -- What the statements replace has to be what FIX7c put there; no other definition
            -- keeps anybody from going back.
            SELECT source.*
            FROM qt001_cp.document_json(manifest) head
            CROSS JOIN LATERAL jsonb_array_elements(head -> 'repoint') part
            JOIN qt001_cp.transferred_findings(manifest, 'deployed', 'QT113', true) source
            ON source.object IN ('function ' || (part.value ->> 'identity'),
                                 'procedure ' || (part.value ->> 'identity'))) difference
        UNION ALL
        SELECT lock.* FROM qt001_cp.lock_findings(manifest, true) lock) finding;
    PERFORM qt001_cp.raise_first('FIX7c downgrade', findings);
    PERFORM qt001_cp.prepare_statements(manifest, 'revive');
    PERFORM qt001_cp.note_step('undeploy_begin');
END
$undeploy_begin$;

CREATE FUNCTION qt001_cp.old_source_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
{wording}
AS $old_source_findings$
-- The routines that FIX7c had replaced are what they were, to the letter; on another major version,
-- which may print them in another way, each word of its body.
SELECT 'QT110', 'routine ' || (part.value ->> 'identity'), parts.expected, parts.found,
       'Run only the printed script, alone in its transaction.'
FROM qt001_cp.document_json(manifest) head
CROSS JOIN LATERAL jsonb_array_elements(head -> 'repoint') part
LEFT JOIN LATERAL (
    SELECT routine.prosrc, qt001_cp.routine_words(routine.oid) AS whole FROM pg_proc routine
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, routine.oid, 0) named
    WHERE routine.proowner = 'qt001_cp_owner'::regrole AND routine.prokind IN ('f', 'p')
      AND named.identity = part.value ->> 'identity') live ON true
CROSS JOIN LATERAL qt001_cp.line_difference('source', part.value ->> 'before', live.whole) parts
WHERE live.whole IS NULL
   OR CASE WHEN qt001_cp.first_major(manifest) = current_setting('server_version_num')::int / 10000
           THEN live.whole <> part.value ->> 'before'
           ELSE strpos(part.value ->> 'before', live.prosrc) = 0 END
$old_source_findings$;

CREATE FUNCTION qt001_cp.undeploy_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $undeploy_end$
-- Level B, operator: the postconditions of the downgrade. Its event is written last.
DECLARE
    findings jsonb;
    taken_back text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT difference.*
        FROM qt001_cp.transferred_findings(manifest, 'after', 'QT110', false) difference
        UNION ALL
        SELECT source.* FROM qt001_cp.old_source_findings(manifest) source) finding;
    PERFORM qt001_cp.raise_first('FIX7c downgrade (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    taken_back := qt001_cp.record_event('undeployed', manifest, jsonb_build_object(
        'operator', qt001_cp.operator_standing()));
    PERFORM qt001_cp.note_run_step('undeploy_end');
    RAISE NOTICE 'FIX7c is taken back; the ledger has it as event %', taken_back;
END
$undeploy_end$;
