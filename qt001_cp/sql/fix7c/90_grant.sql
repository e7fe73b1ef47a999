-- Who may do what of what FIX7c adds; the same rule as in FIX7a.
GRANT SELECT ON qt001_cp.entry_point, qt001_cp.v_fix7_gate, qt001_cp.v_fix7_acceptance,
                qt001_cp.v_expression, qt001_cp.v_unlisted_function
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
-- The seed is the guard's own.
GRANT SELECT (number, subject, head, made_at, valid_until, made_by) ON qt001_cp.verdict
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
DO $grant$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT routine.oid::pg_catalog.regprocedure AS signature, routine.prosecdef AS definer
        FROM pg_catalog.pg_proc routine
        WHERE routine.pronamespace = 'qt001_cp'::pg_catalog.regnamespace AND EXISTS (
            SELECT 1 FROM pg_catalog.aclexplode(coalesce(
                routine.proacl, pg_catalog.acldefault('f', routine.proowner))) entry
            WHERE entry.grantee = 0)
    LOOP
        EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each.signature);
        IF NOT each.definer THEN
            EXECUTE pg_catalog.format(
                'GRANT EXECUTE ON FUNCTION %s'
                ' TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor',
                each.signature);
        END IF;
    END LOOP;
END
$grant$;
GRANT EXECUTE ON FUNCTION qt001_cp.import_evidence(bytea), qt001_cp.bind_evidence(text, text)
    TO qt001_cp_author;
GRANT EXECUTE ON FUNCTION qt001_cp.sign_off(text, text, int), qt001_cp.refuse_sign_off(text, text)
    TO qt001_cp_auditor;
GRANT EXECUTE ON FUNCTION qt001_cp.verify(), qt001_cp.scan() TO qt001_cp_verifier;
GRANT EXECUTE ON FUNCTION qt001_cp.source_rows(text)
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
-- The apply path runs as its owner.
GRANT EXECUTE ON FUNCTION qt001_cp.require_acceptance(text) TO qt001_cp_owner;
GRANT EXECUTE ON FUNCTION qt001_cp.deploy_end(text), qt001_cp.undeploy_end(text)
    TO qt001_cp_operator;
GRANT EXECUTE ON FUNCTION qt001_cp.change_begin(bytea, text, text), qt001_cp.change_end(),
    qt001_cp.run_change(text), qt001_cp.lend_create(text), qt001_cp.keep_change(bytea),
    qt001_cp.change_documents(bytea, bytea, bytea, bytea),
    qt001_cp.add_partition(text, text, text[], text[]),
    qt001_cp.add_list_partition(text, text, text[]), qt001_cp.drop_partition(text),
    qt001_cp.release_begin(text), qt001_cp.release_end(text) TO qt001_cp_operator;
GRANT EXECUTE ON FUNCTION qt001_cp.require_growth(), qt001_cp.require_partition(text),
    qt001_cp.note_partition(text, text, text, text), qt001_cp.partition_bound(text[], text),
    qt001_cp.make_partition(text, text, text),
    qt001_cp.quoted_path(text), qt001_cp.name_parts(text) TO qt001_cp_owner;
GRANT EXECUTE ON FUNCTION qt001_cp.require_change(), qt001_cp.require_text_run(),
    qt001_cp.note_lent(text), qt001_cp.note_change_text(text),
    qt001_cp.refuse_change_wait(), qt001_cp.execute_change(text) TO qt001_cp_owner;
