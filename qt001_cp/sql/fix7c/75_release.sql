-- A release of the product comes to a deployed database: routines and views of schema qt001_cp
-- become those of the release, or back those of the one before it; owners, ACLs and the application
-- are not touched, and the deployed manifest stays. docs/adr/0037

CREATE FUNCTION qt001_cp.own_part() RETURNS TABLE (classid oid, objid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $own_part$
-- What a release may drop beside schema qt001_cp: the guard's watch; and TOAST, which goes with its
-- table.
SELECT 'pg_class'::regclass::oid, pg_class.oid FROM pg_class
WHERE relnamespace IN (to_regnamespace('qt001_cp_watch'), 'pg_toast'::regnamespace)
UNION ALL
SELECT 'pg_type'::regclass, pg_type.oid FROM pg_type
WHERE typnamespace = to_regnamespace('qt001_cp_watch')
UNION ALL
SELECT 'pg_proc'::regclass, pg_proc.oid FROM pg_proc
WHERE pronamespace = to_regnamespace('qt001_cp_watch')
UNION ALL
SELECT 'pg_namespace'::regclass, pg_namespace.oid FROM pg_namespace
WHERE nspname = 'qt001_cp_watch'
UNION ALL
SELECT 'pg_event_trigger'::regclass, pg_event_trigger.oid
FROM pg_event_trigger JOIN pg_proc ON pg_proc.oid = evtfoid
WHERE pronamespace = to_regnamespace('qt001_cp_watch')
$own_part$;

CREATE FUNCTION qt001_cp.release_begin(structure text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $release_begin$
-- Level B, operator: the stage, the session, and that schema qt001_cp is to the letter what the
-- release before has made: structure is its digest. What others have changed there would be lost
-- forward, and not come again on the way back.
DECLARE
    script text;
    findings jsonb;
    found_structure text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT run.script INTO script FROM qt001_cp.run WHERE run.xid = pg_current_xact_id();
    IF qt001_cp.release_name(script) IS NULL THEN
        PERFORM qt001_cp.refuse_outside_run('release_begin');
    END IF;
    PERFORM qt001_cp.take_stage_lock();
    found_structure := qt001_cp.structure_digest();
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT place.* FROM qt001_cp.place_findings(qt001_cp.deployed_manifest(), 'fix7c') place
        UNION ALL
        SELECT login.* FROM qt001_cp.login_findings() login
        UNION ALL
        SELECT control_schema.* FROM qt001_cp.control_schema_findings('QT108') control_schema
        UNION ALL
        -- It would run in each of our own statements, with the ledger role's rights.
        SELECT 'QT108', 'event trigger ' || trigger.evtname,
               'none whose function belongs to a role without SUPERUSER',
               format('function %s of %s', trigger.evtfoid::regprocedure, owner.rolname),
               format('DROP EVENT TRIGGER %I; or give its function to a superuser.',
                      trigger.evtname)
        FROM pg_event_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.evtfoid
        JOIN pg_roles owner ON owner.oid = routine.proowner
        WHERE trigger.evtenabled <> 'D' AND NOT owner.rolsuper
        UNION ALL
        SELECT 'QT108', 'schema qt001_cp', 'digest ' || structure, 'digest ' || found_structure,
               'Somebody has changed it: qt001-cp audit, and put it back before a release replaces '
               'what it is.'
        WHERE found_structure <> structure) finding;
    PERFORM qt001_cp.raise_first(script, findings);
    INSERT INTO qt001_cp.owner_acl_snapshot (classid, objid, objsubid, state)
    SELECT now.classid, now.objid, now.objsubid, coalesce(now.state, '')
    FROM qt001_cp.owner_acl() now
    WHERE (now.classid, now.objid) NOT IN (
        SELECT own.classid, own.objid FROM qt001_cp.own_part() own);
    PERFORM qt001_cp.note_run_step('release_begin');
END
$release_begin$;

CREATE FUNCTION qt001_cp.written_here() RETURNS TABLE (classid oid, objid oid)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $written_here$
-- Objects of which this transaction has written the catalog row or a column; and memberships and
-- settings of roles.
DECLARE
    each record;
BEGIN
    -- The age first: of young rows alone it has to be asked whose they are.
    FOR each IN
        SELECT listed.relation, listed.key FROM (
            SELECT DISTINCT object.classid AS relation, 'oid' AS key
            FROM qt001_cp.owner_acl() object
            WHERE object.classid <> 'pg_largeobject'::regclass
            UNION VALUES ('pg_attribute'::regclass::oid, 'attrelid'),
                         ('pg_largeobject_metadata'::regclass, 'oid'),
                         ('pg_auth_members'::regclass, 'member'),
                         ('pg_db_role_setting'::regclass, 'setrole')) listed
        JOIN pg_class ON pg_class.oid = listed.relation
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT DISTINCT $1, entry.%I FROM %s entry'
            ' WHERE age(entry.xmin) <= age(pg_current_xact_id()::xid)'
            '   AND qt001_cp.made_by_this_transaction(entry.xmin)',
            each.key, each.relation::regclass)
        USING CASE each.relation
              WHEN 'pg_attribute'::regclass THEN 'pg_class'::regclass::oid
              WHEN 'pg_largeobject_metadata'::regclass THEN 'pg_largeobject'::regclass::oid
              ELSE each.relation END;
    END LOOP;
END
$written_here$;

CREATE FUNCTION qt001_cp.released_beside_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $released_beside_findings$
-- What this transaction has touched outside of the control plane: catalog rows that it has written,
-- relations that it has written to or altered (their locks are held until it ends), and what it has
-- dropped, which was there when it began and of which there is nothing left but the lock. Others go
-- on meanwhile.
WITH known(classid, objid) AS MATERIALIZED (
    SELECT DISTINCT before.classid, before.objid FROM qt001_cp.owner_acl_snapshot before
), held AS MATERIALIZED (
    SELECT lock.locktype, lock.classid, lock.objid, lock.relation, lock.mode
    FROM pg_locks lock
    WHERE lock.pid = pg_backend_pid() AND lock.granted
      AND lock.database = (SELECT database.oid FROM pg_database database
                           WHERE database.datname = current_database())
), touched(classid, objid, what) AS (
    SELECT written.classid, written.objid, 'written' FROM qt001_cp.written_here() written
    UNION ALL
    SELECT 'pg_class'::regclass, held.relation, 'held with ' || held.mode
    FROM held JOIN known
    ON known.classid = 'pg_class'::regclass AND known.objid = held.relation
    LEFT JOIN pg_class catalog ON catalog.oid = held.relation
    WHERE held.locktype = 'relation'
      -- Rows of catalogs are looked at one by one, above.
      AND catalog.relnamespace IS DISTINCT FROM 'pg_catalog'::regnamespace
      AND held.mode NOT IN ('AccessShareLock', 'RowShareLock')
    UNION ALL
    SELECT held.classid, held.objid, 'held with ' || held.mode
    FROM held JOIN known ON known.classid = held.classid AND known.objid = held.objid
    WHERE held.locktype = 'object' AND held.mode = 'AccessExclusiveLock'
)
SELECT 'QT112',
       coalesce(named.type || ' ' || named.identity,
                format('%s %s', touched.classid::regclass, touched.objid)),
       'untouched by this release', string_agg(DISTINCT touched.what, ', ' ORDER BY touched.what),
       'Run only the printed script, alone in its transaction.'
FROM touched
LEFT JOIN pg_class catalog ON catalog.oid = touched.classid
    AND catalog.relname NOT IN ('pg_auth_members', 'pg_db_role_setting')
LEFT JOIN LATERAL pg_identify_object(catalog.oid, touched.objid, 0) named ON true
-- The guard's watch is made anew where its functions are others.
WHERE coalesce(named.schema, '') !~ '^(qt001_cp|qt001_cp_watch|pg_toast|pg_(toast_)?temp.*)$'
  AND (named.type = 'schema' AND named.identity = 'qt001_cp_watch'
       OR named.type = 'event trigger' AND starts_with(named.identity, 'qt001_cp_watch_'))
      IS NOT TRUE
GROUP BY touched.classid, touched.objid, named.type, named.identity
$released_beside_findings$;

CREATE FUNCTION qt001_cp.release_end(build text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $release_end$
-- Level B, operator: the last step of a release, already its own code. Refuses what the release has
-- touched beside, and faults of the control plane itself. Which gates it closes is told and keeps
-- nobody from it: a gate that was mended may well find what the one before it has overlooked.
DECLARE
    script text;
    revision text;
    findings jsonb;
    closed record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT run.script, run.revision INTO script, revision FROM qt001_cp.run
    WHERE run.xid = pg_current_xact_id() AND run.steps @> ARRAY['release_begin'];
    IF qt001_cp.release_name(script) IS NULL THEN
        PERFORM qt001_cp.refuse_outside_run('release_end');
    END IF;
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.released_beside_findings() finding;
    PERFORM qt001_cp.raise_first(script || ' (afterwards)', findings);
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.record_event('released', qt001_cp.deployed_manifest(), jsonb_build_object(
        'direction', CASE WHEN starts_with(script, 'up') THEN 'forward' ELSE 'back' END,
        'from', qt001_cp.revision(), 'to', revision,
        'was', qt001_cp.build(), 'build', release_end.build));
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM qt001_cp.gate_findings() finding
    WHERE finding.gate IN ('entry_points_paired', 'ledger_intact');
    PERFORM qt001_cp.raise_first(script || ' (afterwards)', findings);
    PERFORM qt001_cp.note_run_step('release_end');
    RAISE NOTICE '%: revision % of the product is deployed, object manifest % as before; verifier, '
                 'scanner and auditor act again', script, revision, qt001_cp.deployed_manifest();
    FOR closed IN
        SELECT listed.gate, count(*) AS findings FROM qt001_cp.gate_findings() listed
        WHERE listed.gate IN (SELECT known.gate FROM qt001_cp.gate() known
                              WHERE known.waits_for IS NULL)
          AND NOT (listed.gate = 'roles_apart' AND listed.object = 'role ' || session_user)
        GROUP BY listed.gate ORDER BY listed.gate
    LOOP
        RAISE NOTICE 'gate % is closed now: % finding(s), see qt001-cp status',
            closed.gate, closed.findings;
    END LOOP;
END
$release_end$;
