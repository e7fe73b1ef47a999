-- What FIX7c's script calls around its statements.

CREATE FUNCTION qt001_cp.deploy_begin(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $deploy_begin$
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.take_stage_lock();
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM (
        SELECT p.* FROM qt001_cp.target_findings(manifest, 'fix7c') p
        UNION ALL SELECT s.* FROM qt001_cp.seal_findings(manifest) s
        UNION ALL SELECT 'QT101', 'manifest ' || manifest, 'the one that was cut over', coalesce(e.subject, 'no cutover'), 'Use the manifest of FIX7b.'
                  FROM (SELECT) one LEFT JOIN LATERAL (SELECT c.subject FROM qt001_cp.event c WHERE c.verb = 'cutover' ORDER BY c.seq DESC LIMIT 1) e ON true
                  WHERE e.subject IS DISTINCT FROM manifest
        UNION ALL SELECT o.* FROM qt001_cp.operator_findings() o
        UNION SELECT a.* FROM qt001_cp.application_member_findings(false) a
        UNION ALL SELECT x.* FROM qt001_cp.control_schema_findings('QT108') x
        UNION ALL SELECT p.* FROM qt001_cp.operator_power_findings(manifest, 'retire') p) f;
    PERFORM qt001_cp.raise_first('FIX7c', findings);
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM (
        SELECT c.* FROM qt001_cp.coverage_findings(manifest, 'after') c
        UNION ALL SELECT l.* FROM qt001_cp.lock_findings(manifest, true) l) f;
    PERFORM qt001_cp.raise_first('FIX7c', findings);
    PERFORM qt001_cp.prepare_statements(manifest, 'retire');
    PERFORM qt001_cp.note_step('deploy_begin');
END
$deploy_begin$;

CREATE FUNCTION qt001_cp.deploy_documents(manifest text, analysis bytea, readiness bytea, capability bytea, dependency bytea) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $deploy_documents$
-- FIX7c's own: imports the static analysis and seals the three manifests that belong to the object manifest.
DECLARE
    made text;
    part record;
BEGIN
    made := qt001_cp.record_document(analysis);
    IF qt001_cp.document_json(made) ->> 'schema' <> 'qt001.evidence.static-analysis/1' OR qt001_cp.document_json(made) ->> 'subject' <> manifest THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('the static analysis is not about manifest %s', manifest),
            HINT = 'qt001-cp manifest generate writes the documents that belong together.';
    END IF;
    PERFORM qt001_cp.record_event('evidence_imported', made, jsonb_build_object(
        'schema', 'qt001.evidence.static-analysis/1', 'class', qt001_cp.document_json(made) ->> 'class'));
    FOR part IN SELECT * FROM (VALUES ('qt001.manifest.readiness/1', readiness), ('qt001.manifest.capability/1', capability),
                                      ('qt001.manifest.dependency/1', dependency)) p(kind, body) LOOP
        made := qt001_cp.record_document(part.body);
        IF qt001_cp.document_json(made) ->> 'schema' <> part.kind OR qt001_cp.document_json(made) ->> 'object_manifest' <> manifest THEN
            RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('%s is not of object manifest %s', part.kind, manifest),
                HINT = 'qt001-cp manifest generate writes the documents that belong together.';
        END IF;
        PERFORM qt001_cp.record_event('sealed', made, jsonb_build_object('kind', part.kind));
    END LOOP;
    PERFORM qt001_cp.note_run_step('deploy_documents');
END
$deploy_documents$;

CREATE FUNCTION qt001_cp.deploy_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $deploy_end$
-- Registers the apply path, records what is deployed, and refuses unless everything that does not wait for people is
-- in order and the writer is blocked.
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    INSERT INTO qt001_cp.entry_point (identity, guard, purpose)
    SELECT r ->> 'identity', 'qt001_cp.require_acceptance', 'apply path: ' || (r ->> 'part')
    FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') r;
    PERFORM qt001_cp.record_event('deployed', manifest, jsonb_build_object(
        'definitions', (SELECT jsonb_agg(jsonb_build_array(i.identity, qt001_cp.routine_sha256(p.oid)))
                        FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
                        WHERE p.prokind IN ('f', 'p') AND i.identity IN (
                            SELECT r ->> 'identity' FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') r)),
        'rows', qt001_cp.source_rows(manifest),
        'row_security', (SELECT coalesce(jsonb_agg(jsonb_build_object('identity', o.identity, 'rls', c.relrowsecurity, 'forced', c.relforcerowsecurity)), '[]')
                         FROM qt001_cp.manifest_object(manifest) o JOIN pg_namespace n ON n.nspname = o.schema
                         JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.name AND c.relrowsecurity
                         WHERE o.kind = 'table' AND o.disposition = 'transfer')));
    SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]') INTO findings FROM qt001_cp.gate_findings() f;
    IF findings = '[]' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT306', MESSAGE = 'FIX7c refused: expected the writer to be blocked, found acceptance open',
            HINT = 'Evidence and sign-off come after the deployment; see qt001-cp status.';
    END IF;
    -- People and the scheduled verifier come later. The no-go record may still be on its way in the rehearsal that makes it.
    SELECT jsonb_agg(f.value) INTO findings FROM jsonb_array_elements(findings) f
    WHERE f.value ->> 'gate' NOT IN ('scheduled_verifier_recent', 'sign_off_present', 'capability_evidence_real')
      AND (f.value ->> 'sqlstate' <> 'QT105' OR NOT qt001_cp.is_rehearsal());
    PERFORM qt001_cp.raise_first('FIX7c (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.note_run_step('deploy_end');
    RAISE NOTICE 'FIX7c: the apply path asks qt001_cp.v_fix7_acceptance; writer, apply and permit are blocked';
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
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM (
        SELECT p.* FROM qt001_cp.target_findings(manifest, 'fix7c') p
        UNION ALL SELECT 'QT101', 'manifest ' || manifest, 'the one that is deployed', coalesce(qt001_cp.deployed_manifest(), 'none'), 'Use the manifest of FIX7c.'
                  WHERE qt001_cp.deployed_manifest() IS DISTINCT FROM manifest
        UNION ALL SELECT o.* FROM qt001_cp.operator_findings() o
        UNION ALL SELECT p.* FROM qt001_cp.operator_power_findings(manifest, 'revive') p
        UNION ALL SELECT t.* FROM qt001_cp.transferred_findings(manifest, 'deployed', 'QT113') t
        UNION ALL SELECT l.* FROM qt001_cp.lock_findings(manifest, true) l) f;
    PERFORM qt001_cp.raise_first('FIX7c downgrade', findings);
    PERFORM qt001_cp.prepare_statements(manifest, 'revive');
    PERFORM qt001_cp.note_step('undeploy_begin');
END
$undeploy_begin$;

CREATE FUNCTION qt001_cp.undeploy_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $undeploy_end$
DECLARE
    findings jsonb;
    head record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.transferred_findings(manifest, 'after', 'QT110') f;
    PERFORM qt001_cp.raise_first('FIX7c downgrade (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.note_run_step('undeploy_end');
    SELECT e.seq, e.digest, e.at, e.actor INTO head FROM qt001_cp.event e ORDER BY e.seq DESC LIMIT 1;
    RAISE NOTICE 'FIX7c is taken back. The events of its stage go with it; the last was number % by % at %, digest %',
        head.seq, head.actor, head.at, head.digest;
END
$undeploy_end$;
