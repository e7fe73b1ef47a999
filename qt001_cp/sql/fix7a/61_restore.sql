-- The way back from FIX7b around its statements.

CREATE FUNCTION qt001_cp.fix7b_restore_findings(manifest text, in_script boolean DEFAULT false)
RETURNS TABLE (precondition int, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $fix7b_restore_findings$
-- What the restore asks before its statements, numbered as the preconditions of FIX7b.
DECLARE
    -- The one that was cut over, or the successor that a change has put in its place.
    cut_over text := qt001_cp.in_force('qt001.manifest.object/1');
BEGIN
    RETURN QUERY SELECT 0, finding.* FROM qt001_cp.place_findings(manifest, 'fix7b') finding;
    IF cut_over IS DISTINCT FROM manifest THEN
        RETURN QUERY
        SELECT 1, 'QT101', 'manifest ' || manifest, 'the one that was cut over',
               coalesce('cut over: ' || cut_over, 'no cutover'),
               'Print the restore script from the manifest that was cut over.';
        RETURN;
    END IF;
    -- Nothing has drifted since, in what is to be put back: owners and ACLs. A new column or index,
    -- an object beside it, another major version are no reason to stay.
    -- Asked while FIX7c is still in force: what that one has changed is no drift.
    RETURN QUERY SELECT 2, finding.*
                 FROM qt001_cp.transferred_findings(
                          manifest, qt001_cp.expected_state(), 'QT113', false) finding;
    RETURN QUERY SELECT 3, finding.* FROM qt001_cp.restore_findings(manifest) finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.set_role_findings() finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.login_findings() finding;
    RETURN QUERY SELECT 7, finding.*
                 FROM qt001_cp.operator_power_findings(manifest, 'restore') finding;
    RETURN QUERY SELECT 10, finding.* FROM qt001_cp.lock_findings(manifest, in_script) finding;
END
$fix7b_restore_findings$;

CREATE FUNCTION qt001_cp.restore_begin(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $restore_begin$
DECLARE
    findings jsonb;
BEGIN
    -- First who asks: as another role everything would be refused for what that one lacks.
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.set_role_findings() finding;
    PERFORM qt001_cp.raise_first('FIX7b restore', findings);
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.take_stage_lock();
    PERFORM qt001_cp.wait_for_application(manifest);
    PERFORM qt001_cp.take_snapshot(manifest, 'restore');
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.fix7b_restore_findings(manifest, true) finding;
    PERFORM qt001_cp.raise_first('FIX7b restore', findings);
    PERFORM qt001_cp.note_step('restore_begin');
END
$restore_begin$;

CREATE FUNCTION qt001_cp.left_with_owner(manifest text) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $left_with_owner$
-- What the control plane's owner has once everything is back: what a change has made and was kept,
-- and what no manifest names.
SELECT object.kind || ' ' || object.identity
       || CASE WHEN entry.identity IS NULL THEN ', which no manifest names' ELSE '' END
FROM qt001_cp.live_object('qt001_cp_owner', false, false) object
LEFT JOIN qt001_cp.manifest_object(manifest) entry
ON entry.kind = object.kind AND entry.identity = object.identity
WHERE object.owner = 'qt001_cp_owner' AND object.schema IS DISTINCT FROM 'qt001_cp'
ORDER BY 1
$left_with_owner$;

CREATE FUNCTION qt001_cp.restore_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $restore_end$
-- Level B, operator: the postconditions of the restore. Its event is written last.
DECLARE
    findings jsonb;
    summary jsonb;
    kept text[];
    taken_back text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_snapshot('FIX7b restore (afterwards)', manifest, 'restore');
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT writer.* FROM qt001_cp.open_writer_findings(manifest) writer
        UNION ALL SELECT 'QT110', 'table ' || part.identity, 'the owner of table ' || part.parent,
                         'qt001_cp_owner', 'Run the printed script whole.'
                  FROM qt001_cp.grown(manifest) part) finding;
    PERFORM qt001_cp.raise_first('FIX7b restore (afterwards)', findings);
    IF NOT qt001_cp.as_expected(manifest) THEN
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
            SELECT change.* FROM qt001_cp.concurrent_change_findings() change
            UNION ALL SELECT object.*
                      FROM qt001_cp.transferred_findings(manifest, 'before', 'QT110', false)
                           object
            UNION ALL SELECT changed.* FROM qt001_cp.changed_findings(manifest) changed) finding;
        PERFORM qt001_cp.raise_first('FIX7b restore (afterwards)', findings);
    END IF;
    summary := (SELECT snapshot.summary FROM qt001_cp.run_snapshot snapshot
                WHERE snapshot.xid = pg_current_xact_id());
    PERFORM qt001_cp.forget_snapshot();
    kept := ARRAY(SELECT qt001_cp.left_with_owner(manifest));
    taken_back := qt001_cp.record_event('restored', manifest, jsonb_build_object(
        'objects', summary -> 'objects', 'operator', qt001_cp.operator_standing(),
        'left', kept));
    PERFORM qt001_cp.note_run_step('restore_end');
    RAISE NOTICE 'FIX7b is taken back; the ledger has it as event %', taken_back;
    RAISE NOTICE 'Put back: %', summary ->> 'line';
    FOR number IN 1..cardinality(kept) LOOP
        RAISE NOTICE 'Left with qt001_cp_owner: %', kept[number];
    END LOOP;
END
$restore_end$;
