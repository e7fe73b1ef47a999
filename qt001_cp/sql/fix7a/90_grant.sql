-- Who may do what in qt001_cp. Nothing for PUBLIC, nothing for the application role; what reads is
-- for all four duties; what writes (SECURITY DEFINER) is for exactly one.
GRANT SELECT ON qt001_cp.document, qt001_cp.event, qt001_cp.manifest_row, qt001_cp.object_kind,
    qt001_cp.privilege,
    qt001_cp.run_snapshot, qt001_cp.run_object, qt001_cp.run_statement, qt001_cp.v_event,
    qt001_cp.v_manifest, qt001_cp.v_part
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
DO $grant$
DECLARE
    routine record;
BEGIN
    FOR routine IN
        SELECT oid::pg_catalog.regprocedure AS name, prosecdef
        FROM pg_catalog.pg_proc WHERE pronamespace = 'qt001_cp'::pg_catalog.regnamespace
        -- The bootstrap's own are for the owner role's functions alone.
        AND proname <> ALL ('{bootstrap_functions}')
    LOOP
        EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine.name);
        IF NOT routine.prosecdef THEN
            EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO qt001_cp_author, '
                                      'qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor',
                                      routine.name);
        END IF;
    END LOOP;
END
$grant$;
GRANT EXECUTE ON FUNCTION qt001_cp.propose_manifest(bytea) TO qt001_cp_author;
GRANT EXECUTE ON FUNCTION qt001_cp.system_identifier(), qt001_cp.timeline()
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
GRANT EXECUTE ON FUNCTION qt001_cp.adopt_ledger(text), qt001_cp.seal_manifest(text),
    qt001_cp.withdraw_manifest(text, text),
    qt001_cp.register_restore(text, text),
    qt001_cp.record_rehearsal(bytea), qt001_cp.start_run(text, text, text, text),
    qt001_cp.note_step(text), qt001_cp.lock_stage(), qt001_cp.take_snapshot(text, text),
    qt001_cp.prepare_statements(text, text), qt001_cp.record_content(text, jsonb),
    qt001_cp.finish_run(text, text[], text),
    qt001_cp.cutover_end(text, boolean, boolean), qt001_cp.restore_end(text) TO qt001_cp_operator;
