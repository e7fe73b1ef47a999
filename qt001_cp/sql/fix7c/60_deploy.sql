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
        SELECT target.* FROM qt001_cp.target_findings(manifest, 'fix7c') target
        UNION ALL
        SELECT seal.* FROM qt001_cp.seal_findings(manifest) seal
        UNION ALL
        SELECT 'QT101', 'manifest ' || manifest, 'the one that was cut over',
               coalesce('cut over: ' || cutover.subject, 'no cutover'), 'Use the manifest of FIX7b.'
        FROM (SELECT) one LEFT JOIN LATERAL (
            SELECT event.subject FROM qt001_cp.event
            WHERE event.verb = 'cutover' ORDER BY event.seq DESC LIMIT 1) cutover ON true
        WHERE cutover.subject IS DISTINCT FROM manifest
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
        SELECT difference.* FROM qt001_cp.coverage_findings(manifest, 'after') difference
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
SET quote_all_identifiers = off
AS $deployment_detail$
-- What is there when FIX7c is deployed: sources of the apply path, rows of the source tables, row
-- security.
SELECT jsonb_build_object(
    'definitions', (
        SELECT jsonb_agg(jsonb_build_array(object.identity, qt001_cp.routine_sha256(routine.oid)))
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
    PERFORM qt001_cp.record_event('deployed', manifest, qt001_cp.deployment_detail(manifest));
    SELECT coalesce(jsonb_agg(to_jsonb(finding)), '[]') INTO findings
    FROM qt001_cp.gate_findings() finding;
    IF findings = '[]' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT306',
            MESSAGE = 'FIX7c refused: apply path: expected a blocked writer, found all gates open',
            HINT = 'Evidence and sign-off come after the deployment; see qt001-cp status.';
    END IF;
    -- People and the scheduled verifier come later. The no-go record may still be on its way in the
    -- rehearsal that makes it.
    SELECT jsonb_agg(finding.value) INTO findings FROM jsonb_array_elements(findings) finding
    WHERE finding.value ->> 'gate' NOT IN (
              SELECT listed.gate FROM qt001_cp.gate() listed WHERE listed.waits_for IS NOT NULL)
      AND (finding.value ->> 'sqlstate' <> 'QT105' OR NOT qt001_cp.is_rehearsal());
    PERFORM qt001_cp.raise_first('FIX7c (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.note_run_step('deploy_end');
    RAISE NOTICE 'FIX7c: the apply path asks qt001_cp.v_fix7_acceptance; '
                 'writer, apply and permit are blocked';
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
        SELECT target.* FROM qt001_cp.target_findings(manifest, 'fix7c') target
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
        SELECT difference.*
        FROM qt001_cp.transferred_findings(manifest, 'deployed', 'QT113') difference
        UNION ALL
        SELECT lock.* FROM qt001_cp.lock_findings(manifest, true) lock) finding;
    PERFORM qt001_cp.raise_first('FIX7c downgrade', findings);
    PERFORM qt001_cp.prepare_statements(manifest, 'revive');
    PERFORM qt001_cp.note_step('undeploy_begin');
END
$undeploy_begin$;

CREATE FUNCTION qt001_cp.undeploy_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $undeploy_end$
-- Level B, operator.
DECLARE
    findings jsonb;
    head record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT jsonb_agg(to_jsonb(difference)) INTO findings
    FROM qt001_cp.transferred_findings(manifest, 'after', 'QT110') difference;
    PERFORM qt001_cp.raise_first('FIX7c downgrade (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.note_run_step('undeploy_end');
    SELECT event.seq, event.digest, event.at, event.actor INTO head FROM qt001_cp.event
    ORDER BY event.seq DESC LIMIT 1;
    RAISE NOTICE 'FIX7c is taken back. The events of its stage go with it; '
                 'the last was number % by % at %, digest %',
        head.seq, head.actor, head.at, head.digest;
END
$undeploy_end$;
