-- FIX7b around its statements: what is checked before them, and what after them.

CREATE FUNCTION qt001_cp.cutover_begin(manifest text, record_pending boolean,
                                       keep_sessions boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $cutover_begin$
-- Every precondition of FIX7b holds, or QT1xx. record_pending: this run makes the no-go record.
DECLARE
    findings jsonb;
BEGIN
    -- First who asks: as another role everything would be refused for what that one lacks.
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.set_role_findings() finding;
    PERFORM qt001_cp.raise_first('FIX7b', findings);
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.take_stage_lock();
    PERFORM qt001_cp.wait_for_application(manifest);
    PERFORM qt001_cp.take_snapshot(manifest, 'forward');
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.fix7b_findings(manifest, true, record_pending, keep_sessions) finding;
    PERFORM qt001_cp.raise_first('FIX7b', findings);
    PERFORM qt001_cp.note_step('cutover_begin');
    RAISE NOTICE 'FIX7b: all preconditions hold for manifest %', manifest;
END
$cutover_begin$;

CREATE FUNCTION qt001_cp.cutover_end(manifest text, record_pending boolean,
                                     keep_sessions boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $cutover_end$
-- Level B, operator: the postconditions. The event is written last; nothing of this stays when
-- anything is refused.
DECLARE
    findings jsonb;
    summary jsonb;
    content jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_snapshot('FIX7b (afterwards)', manifest, 'forward');
    content := qt001_cp.content_now(manifest);
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.content_findings(manifest, content) finding;
    PERFORM qt001_cp.raise_first('FIX7b (afterwards)', findings);
    -- Whoever connected meanwhile may have DDL that commits after us and was allowed before us.
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT writer.* FROM qt001_cp.open_writer_findings(manifest) writer
        UNION ALL SELECT session.* FROM qt001_cp.open_session_findings(manifest) session
                  WHERE NOT keep_sessions) finding;
    PERFORM qt001_cp.raise_first('FIX7b (afterwards)', findings);
    IF NOT qt001_cp.as_expected(manifest) THEN
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
            SELECT change.* FROM qt001_cp.concurrent_change_findings() change
            UNION ALL SELECT 'QT110', object.object, object.expected, object.found, object.mend
                      FROM qt001_cp.coverage_findings(manifest, 'after') object
            UNION ALL SELECT excess.* FROM qt001_cp.excess_privilege_findings(manifest) excess
            UNION ALL SELECT changed.* FROM qt001_cp.changed_findings(manifest) changed) finding;
        PERFORM qt001_cp.raise_first('FIX7b (afterwards)', findings);
    END IF;
    summary := (SELECT snapshot.summary FROM qt001_cp.run_snapshot snapshot
                WHERE snapshot.xid = pg_current_xact_id());
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.record_event('cutover', manifest, jsonb_build_object(
        'objects', summary -> 'objects', 'rehearsal', qt001_cp.is_rehearsal(),
        'record_pending', record_pending,
        'content', jsonb_build_object('sealed', qt001_cp.content_sealed(manifest),
                                      'cutover', content),
        'sessions', CASE WHEN keep_sessions THEN 'keep' ELSE 'none' END,
        'operator', qt001_cp.operator_standing()));
    PERFORM qt001_cp.note_run_step('cutover_end');
    RAISE NOTICE 'FIX7b: % objects are in their after-state; '
                 'the application role has nothing beyond the manifest',
        summary ->> 'objects';
    RAISE NOTICE 'Changed: %', summary ->> 'line';
END
$cutover_end$;
