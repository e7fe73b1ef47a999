-- The guard's memory and the watch that ends it. A verdict of the gates is kept; it holds until
-- something that the gates read has changed. What tells of a change (docs/adr/0013):
--   * the watch: event triggers, and triggers on our own tables, note the transaction in
--     qt001_cp_watch.change;
--   * unwatched_state(): what PostgreSQL fires no event trigger for, looked at at each call;
--   * valid_until: the first time at which a verdict ends by itself.
-- The watch belongs to the superuser that deploys, in a schema of its own: what runs in other
-- people's DDL must not belong to qt001_cp_ledger. Without superuser there is no watch, nothing is
-- kept, and every call computes the gates.
-- Source: PostgreSQL documentation, chapter "Event Triggers"; "Explicit Locking" (13.3).

CREATE TABLE qt001_cp.verdict (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    number bigint NOT NULL,
    subject text NOT NULL,
    head text NOT NULL,
    seed bigint NOT NULL,
    seen bigint[] NOT NULL,
    routines oid[] NOT NULL,
    made_at timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    made_by name NOT NULL
);
COMMENT ON TABLE qt001_cp.verdict IS
    'The last time that all gates were open: of which subject, at which head of the ledger, '
    'what was seen, until when it holds.';
INSERT INTO qt001_cp.verdict
    (number, subject, head, seed, seen, routines, made_at, valid_until, made_by)
VALUES (0, '', '', 0, '{}', '{}', pg_catalog.clock_timestamp(), '-infinity', session_user);

CREATE FUNCTION qt001_cp.unwatched_state(seed bigint, routines oid[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $unwatched_state$
-- What the gates read and no event trigger fires for: roles, memberships, settings, this database,
-- tablespaces, privileges on parameters, large objects, and the event triggers themselves; and the
-- rows of the routines on the apply path. Of a row its version (xmin) says whether it is another
-- one; pg_roles is a view and shows its contents only (the server's own roles cannot be altered).
-- Hashed under a seed that nobody can know beforehand, so that no set of rows can be made to fit.
-- One query with a branch a catalog: each writer pays for it, and a query of its own costs more
-- than the few rows it reads.
DECLARE
    parameters bigint;
BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        SELECT bit_xor(hash_record_extended(ROW(oid, xmin), seed)) INTO parameters
        FROM pg_parameter_acl;
    END IF;
    RETURN (SELECT ARRAY[
                coalesce(parameters, 0),
                CASE WHEN current_setting('event_triggers', true) = 'off' THEN 0 ELSE 1 END,
                bit_xor(entry.state)]
    FROM (
        SELECT hash_record_extended(ROW(1, oid, rolname, rolsuper, rolinherit, rolcreaterole,
                                        rolcreatedb, rolcanlogin, rolreplication, rolbypassrls),
                                    seed)
        FROM pg_roles WHERE oid >= 16384 OR oid < 100
        UNION ALL
        SELECT hash_record_extended(ROW(2, roleid, member, grantor, xmin), seed)
        FROM pg_auth_members
        UNION ALL
        SELECT hash_record_extended(ROW(3, oid, xmin), seed)
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT hash_record_extended(ROW(4, setdatabase, setrole, xmin), seed)
        FROM pg_db_role_setting
        UNION ALL
        SELECT hash_record_extended(ROW(5, oid, xmin), seed) FROM pg_tablespace
        UNION ALL
        SELECT hash_record_extended(ROW(6, oid, xmin), seed) FROM pg_largeobject_metadata
        UNION ALL
        SELECT hash_record_extended(ROW(7, oid, xmin), seed) FROM pg_event_trigger
        UNION ALL
        SELECT hash_record_extended(ROW(8, oid, xmin), seed) FROM pg_proc WHERE oid = ANY (routines)
    ) entry(state));
END
$unwatched_state$;

CREATE FUNCTION qt001_cp.watch_missing() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $watch_missing$
-- Why changes are not noticed; NULL where the watch is complete and belongs to superusers alone.
SELECT CASE
    WHEN watch.oid IS NULL THEN 'FIX7c was deployed without superuser: there are no event triggers'
    WHEN current_setting('event_triggers', true) = 'off' THEN 'event_triggers is off'
    WHEN EXISTS (
        SELECT 1 FROM pg_roles role
        WHERE NOT role.rolsuper AND role.oid IN (
            SELECT watch.nspowner
            UNION ALL
            SELECT relation.relowner FROM pg_class relation WHERE relation.relnamespace = watch.oid
            UNION ALL
            SELECT routine.proowner FROM pg_proc routine WHERE routine.pronamespace = watch.oid
            UNION ALL
            SELECT trigger.evtowner
            FROM pg_event_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.evtfoid
            WHERE routine.pronamespace = watch.oid))
        THEN 'something in schema qt001_cp_watch belongs to a role that is not a superuser'
    WHEN (
        SELECT count(*)
        FROM pg_event_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.evtfoid
        WHERE routine.pronamespace = watch.oid
          AND routine.proname = CASE WHEN trigger.evtname ~ '_weigh_' THEN 'weigh_command'
                                     ELSE 'note_command' END
          AND trigger.evtenabled = 'A' AND trigger.evttags IS NULL
          AND (trigger.evtname, trigger.evtevent) IN (
                  ('qt001_cp_watch_start', 'ddl_command_start'),
                  ('qt001_cp_watch_end', 'ddl_command_end'),
                  ('qt001_cp_watch_drop', 'sql_drop'),
                  ('qt001_cp_watch_weigh_start', 'ddl_command_start'),
                  ('qt001_cp_watch_weigh_end', 'ddl_command_end'),
                  ('qt001_cp_watch_weigh_drop', 'sql_drop'))) < 6
        THEN 'an event trigger of the watch is missing or not enabled always'
    WHEN (
        SELECT count(*) FROM pg_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.tgfoid
        WHERE routine.pronamespace = watch.oid AND trigger.tgenabled = 'A'
          AND NOT trigger.tgisinternal) < 9
        THEN 'a trigger of the watch is missing or not enabled always' END
FROM (SELECT) one LEFT JOIN pg_namespace watch ON watch.nspname = 'qt001_cp_watch'
$watch_missing$;

CREATE FUNCTION qt001_cp.guard_mode() RETURNS TABLE (mode text, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $guard_mode$
-- How the writer's guard decides here, for people: 'kept' a verdict until something changes, or
-- 'exact' at every call.
SELECT CASE WHEN watch.missing IS NULL THEN 'kept' ELSE 'exact' END,
       coalesce(watch.missing || '; every call of the writer computes all gates',
                'changes are noticed by event triggers, and by a look at roles at each call')
FROM (SELECT qt001_cp.watch_missing() AS missing) watch
$guard_mode$;

CREATE FUNCTION qt001_cp.may_change_what_runs() RETURNS name[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $may_change_what_runs$
-- The roles, but superusers, whose change may alter what a guarded write in progress runs: the
-- owners of what is protected and of what decides, and whoever owns a thing that the apply path
-- reaches. The application is none: what of its own the apply path reaches are rows, code would
-- close a gate.
WITH deployed AS (
    SELECT manifest.digest, (qt001_cp.document_json(manifest.digest) ->> 'application')::name AS app
    FROM qt001_cp.deployed_manifest() manifest(digest)
), reached AS MATERIALIZED (
    SELECT object.classid, object.objid
    FROM deployed CROSS JOIN LATERAL qt001_cp.reached_by_apply_path(deployed.digest) object
), owning(oid) AS (
    SELECT owned.refobjid
    FROM reached
    JOIN pg_shdepend owned ON owned.classid = reached.classid AND owned.objid = reached.objid
        AND owned.refclassid = 'pg_authid'::regclass AND owned.deptype = 'o'
        AND owned.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION
    -- The owner of a schema may drop what is in it, and make another in its place.
    SELECT space.nspowner
    FROM reached
    JOIN pg_depend placed ON placed.classid = reached.classid AND placed.objid = reached.objid
        AND placed.refclassid = 'pg_namespace'::regclass
    JOIN pg_namespace space ON space.oid = placed.refobjid
)
SELECT ARRAY(
    SELECT ours.role FROM (VALUES ('qt001_cp_owner'::name), ('qt001_cp_ledger')) ours(role)
    UNION
    SELECT role.rolname
    FROM deployed CROSS JOIN owning JOIN pg_roles role ON role.oid = owning.oid
    WHERE NOT role.rolsuper AND NOT pg_has_role(deployed.app, role.oid, 'MEMBER'))
$may_change_what_runs$;

CREATE FUNCTION qt001_cp.watch_begin() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $watch_begin$
-- long: it makes schema, tables, functions and triggers of the watch, in their order.
-- As the operator's session, the last step of FIX7c: from here on every change is noticed.
DECLARE
    own text;
    moment text;
BEGIN
    PERFORM qt001_cp.note_step('watch_begin');
    IF NOT (SELECT role.rolsuper FROM pg_roles role WHERE role.rolname = current_user) THEN
        RAISE NOTICE 'FIX7c: % is not a superuser and cannot create event triggers; '
                     'the guard computes all gates at every call', current_user;
        RETURN;
    END IF;
    CREATE SCHEMA qt001_cp_watch;
    REVOKE ALL ON SCHEMA qt001_cp_watch FROM PUBLIC;
    GRANT USAGE ON SCHEMA qt001_cp_watch TO qt001_cp_ledger;
    -- A transaction that has changed something, until the gates have been computed after it. holds:
    -- whether it may have changed what a guarded write in progress runs.
    CREATE TABLE qt001_cp_watch.change (xid xid8 PRIMARY KEY, holds boolean NOT NULL DEFAULT false);
    REVOKE ALL ON qt001_cp_watch.change FROM PUBLIC;
    GRANT SELECT, DELETE ON qt001_cp_watch.change TO qt001_cp_ledger;
    -- Nothing but locks. latch: writers share it from their check to their end, a change that holds
    -- has it alone while it commits. turn: one writer computes the gates, others wait for it.
    CREATE TABLE qt001_cp_watch.latch ();
    CREATE TABLE qt001_cp_watch.turn ();
    REVOKE ALL ON qt001_cp_watch.latch, qt001_cp_watch.turn FROM PUBLIC;
    GRANT SELECT, DELETE ON qt001_cp_watch.latch, qt001_cp_watch.turn TO qt001_cp_ledger;
    CREATE FUNCTION qt001_cp_watch.note_command() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $note_command$
-- Notes the transaction of a command that may have changed a definition, an owner or an ACL.
-- Temporary objects are nobody's business, unless they inherit from a permanent table. What drops
-- nothing but temporary objects is left out too.
BEGIN
    IF tg_tag IN ('COMMENT', 'REFRESH MATERIALIZED VIEW') THEN
        RETURN;
    ELSIF tg_event = 'ddl_command_start' THEN
        -- CONCURRENTLY commits on its way, before the command's end, and may fail after that. It
        -- stands at top level only.
        IF tg_tag NOT IN ('CREATE INDEX', 'DROP INDEX', 'ALTER TABLE')
            OR current_query() !~* 'concurrently'
        THEN
            RETURN;
        END IF;
    ELSIF tg_event = 'sql_drop' THEN
        IF NOT EXISTS (SELECT 1 FROM pg_event_trigger_dropped_objects() dropped
                       WHERE NOT dropped.is_temporary) THEN
            RETURN;
        END IF;
    ELSIF EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands()) THEN
        IF NOT EXISTS (
            SELECT 1 FROM pg_event_trigger_ddl_commands() command
            WHERE command.schema_name IS DISTINCT FROM 'pg_temp' OR EXISTS (
                SELECT 1 FROM pg_inherits
                WHERE command.classid = 'pg_class'::regclass
                  AND pg_inherits.inhrelid = command.objid))
        THEN
            RETURN;
        END IF;
    ELSIF tg_tag IN ('DROP TABLE', 'DROP VIEW', 'DROP SEQUENCE', 'DROP INDEX') THEN
        RETURN;
    END IF;
    INSERT INTO qt001_cp_watch.change (xid) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
END
$note_command$;
    CREATE FUNCTION qt001_cp_watch.hold() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $hold$
-- What this transaction has noted may concern writes in progress: it waits for them when it
-- commits.
UPDATE qt001_cp_watch.change SET holds = true
WHERE change.xid = pg_current_xact_id_if_assigned() AND NOT change.holds
$hold$;
    CREATE FUNCTION qt001_cp_watch.weigh_command() RETURNS event_trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $weigh_command$
-- Runs after note_command (triggers run in the order of their names), with the rights of whoever
-- gave the command: only who may change what a guarded write runs may call hold(), and so take the
-- latch at all. A REVOKE changes nothing that runs.
BEGIN
    IF tg_tag <> 'REVOKE' AND (
        SELECT has_schema_privilege(routine.pronamespace, 'USAGE')
               AND has_function_privilege(routine.oid, 'EXECUTE')
        FROM pg_proc routine
        WHERE routine.pronamespace = 'qt001_cp_watch'::regnamespace AND routine.proname = 'hold')
    THEN
        PERFORM qt001_cp_watch.hold();
    END IF;
END
$weigh_command$;
    CREATE FUNCTION qt001_cp_watch.note_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $note_row$
-- Notes the transaction that writes a table of ours which the gates read, and no guarded write
-- runs: it waits for nobody.
BEGIN
    INSERT INTO qt001_cp_watch.change (xid) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$note_row$;
    CREATE FUNCTION qt001_cp_watch.holder()
    RETURNS TABLE (pid int, alone boolean, who text, mend text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $holder$
-- Who holds the latch, the oldest first; alone: keeps writers out. A prepared transaction has no
-- session; its number is in the lock that it holds on itself. With a superuser's rights: nobody
-- else sees since when.
SELECT lock.pid, lock.mode = 'ExclusiveLock',
       CASE WHEN prepared.gid IS NULL
            THEN format('session %s of %s, in a transaction since %s', lock.pid,
                        coalesce(activity.usename, 'the server'),
                        to_char(activity.xact_start, 'YYYY-MM-DD HH24:MI:SSOF'))
            ELSE format('prepared transaction %L of %s, since %s', prepared.gid, prepared.owner,
                        to_char(prepared.prepared, 'YYYY-MM-DD HH24:MI:SSOF')) END,
       CASE WHEN prepared.gid IS NULL THEN format('SELECT pg_terminate_backend(%s);', lock.pid)
            ELSE format('ROLLBACK PREPARED %L;', prepared.gid) END
FROM pg_locks lock
LEFT JOIN pg_stat_activity activity ON activity.pid = lock.pid
LEFT JOIN pg_locks own
    ON lock.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
    AND own.virtualtransaction = lock.virtualtransaction
LEFT JOIN pg_prepared_xacts prepared ON prepared.transaction = own.transactionid
WHERE lock.locktype = 'relation' AND lock.relation = 'qt001_cp_watch.latch'::regclass
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND lock.granted AND lock.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY coalesce(activity.xact_start, prepared.prepared), lock.pid
$holder$;
    CREATE FUNCTION qt001_cp_watch.settle() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $settle$
-- When a change that holds commits: waits for the writers that have passed the guard, and holds new
-- ones back until it is visible. A writer never becomes the victim of a deadlock with it: where one
-- waits for us, we give up at once.
DECLARE
    given bigint := (SELECT setting::bigint FROM pg_settings WHERE name = 'lock_timeout');
    until timestamptz := clock_timestamp()
        + make_interval(secs => CASE given WHEN 0 THEN 30000 ELSE given END / 1000.0);
    waiter record;
    holder record;
BEGIN
    LOOP
        SELECT held.* INTO waiter FROM qt001_cp_watch.holder() held
        WHERE pg_backend_pid() = ANY (pg_blocking_pids(held.pid)) LIMIT 1;
        IF waiter.pid IS NOT NULL OR clock_timestamp() >= until THEN
            SELECT held.* INTO holder FROM qt001_cp_watch.holder() held
            WHERE waiter.pid IS NULL OR held.pid = waiter.pid LIMIT 1;
            RAISE EXCEPTION USING ERRCODE = 'QT307',
                MESSAGE = 'change refused: expected no guarded write in progress, found one that '
                          || CASE WHEN waiter.pid IS NULL THEN 'has not ended'
                                  ELSE 'waits for this transaction' END
                          || ': ' || coalesce(holder.who, 'a session that has ended by now'),
                HINT = coalesce(holder.mend || ' -- or wait until it ends; ', '')
                       || 'then run the change again.';
        END IF;
        BEGIN
            PERFORM set_config('lock_timeout', '200', true);
            LOCK TABLE qt001_cp_watch.latch IN EXCLUSIVE MODE;
            PERFORM set_config('lock_timeout', given::text, true);
            RETURN NULL;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
    END LOOP;
END
$settle$;
    -- Rows of source tables are no matter of a trigger, which would change a protected table: they
    -- are counted, each time, up to the number that the event 'deployed' has. The names stand in
    -- the body, so that its plan is kept.
    SELECT string_agg(format('EXISTS (SELECT FROM %I.%I OFFSET %s)', object.schema, object.name,
                             (counted.value ->> 1)::bigint - 1),
                      E'\n        AND ' ORDER BY object.number) INTO own
    FROM qt001_cp.deployment() deployment
    CROSS JOIN LATERAL jsonb_array_elements(deployment.detail -> 'rows') counted
    JOIN qt001_cp.manifest_object(deployment.subject) object
    ON object.kind = 'table' AND object.identity = counted.value ->> 0
    WHERE (counted.value ->> 1)::bigint > 0;
    EXECUTE format('CREATE FUNCTION qt001_cp_watch.rows_kept() RETURNS boolean '
                   'LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp '
                   'SET row_security = off AS %L', format('BEGIN
    RETURN %s;
END', coalesce(own, 'true')));
    REVOKE ALL ON FUNCTION qt001_cp_watch.rows_kept() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION qt001_cp_watch.rows_kept() TO qt001_cp_ledger;
    REVOKE ALL ON FUNCTION qt001_cp_watch.note_command(), qt001_cp_watch.weigh_command(),
                           qt001_cp_watch.hold(), qt001_cp_watch.note_row(),
                           qt001_cp_watch.holder(), qt001_cp_watch.settle() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION qt001_cp_watch.holder() TO qt001_cp_ledger;
    FOREACH own IN ARRAY qt001_cp.may_change_what_runs() LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA qt001_cp_watch TO %I', own);
        EXECUTE format('GRANT EXECUTE ON FUNCTION qt001_cp_watch.hold() TO %I', own);
    END LOOP;
    CREATE CONSTRAINT TRIGGER settle AFTER INSERT OR UPDATE ON qt001_cp_watch.change
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.holds)
        EXECUTE FUNCTION qt001_cp_watch.settle();
    ALTER TABLE qt001_cp_watch.change ENABLE ALWAYS TRIGGER settle;
    FOREACH own IN ARRAY ARRAY['event', 'entry_point', 'person', 'bootstrap'] LOOP
        EXECUTE format('CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON qt001_cp.%I '
                       'FOR EACH ROW EXECUTE FUNCTION qt001_cp_watch.note_row()', own);
        EXECUTE format('CREATE TRIGGER noted_truncate AFTER TRUNCATE ON qt001_cp.%I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp_watch.note_row()', own);
        EXECUTE format('ALTER TABLE qt001_cp.%I ENABLE ALWAYS TRIGGER noted', own);
        EXECUTE format('ALTER TABLE qt001_cp.%I ENABLE ALWAYS TRIGGER noted_truncate', own);
    END LOOP;
    FOR own, moment IN
        SELECT listed.name, listed.event
        FROM (VALUES ('start', 'ddl_command_start'), ('end', 'ddl_command_end'),
                     ('drop', 'sql_drop')) listed(name, event)
    LOOP
        EXECUTE format('CREATE EVENT TRIGGER qt001_cp_watch_%1$s ON %2$s '
                       'EXECUTE FUNCTION qt001_cp_watch.note_command()', own, moment);
        EXECUTE format('CREATE EVENT TRIGGER qt001_cp_watch_weigh_%1$s ON %2$s '
                       'EXECUTE FUNCTION qt001_cp_watch.weigh_command()', own, moment);
        EXECUTE format('ALTER EVENT TRIGGER qt001_cp_watch_%1$s ENABLE ALWAYS', own);
        EXECUTE format('ALTER EVENT TRIGGER qt001_cp_watch_weigh_%1$s ENABLE ALWAYS', own);
    END LOOP;
END
$watch_begin$;

CREATE FUNCTION qt001_cp.watch_end() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $watch_end$
-- Takes the watch away, as the operator's session. The first step of FIX7c's downgrade, where there
-- is one.
DECLARE
    each name;
BEGIN
    PERFORM qt001_cp.note_step('watch_end');
    IF to_regnamespace('qt001_cp_watch') IS NULL THEN
        RETURN;
    END IF;
    IF NOT (SELECT role.rolsuper FROM pg_roles role WHERE role.rolname = current_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('FIX7c downgrade refused: session of %s: expected a superuser, who '
                             'alone may drop event triggers, found none', session_user),
            HINT = format('Let an administrator run it. The watch belongs to %s.', (
                SELECT pg_get_userbyid(nspowner) FROM pg_namespace
                WHERE nspname = 'qt001_cp_watch'));
    END IF;
    FOR each IN
        SELECT trigger.evtname
        FROM pg_event_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.evtfoid
        WHERE routine.pronamespace = 'qt001_cp_watch'::regnamespace
    LOOP
        EXECUTE format('DROP EVENT TRIGGER %I', each);
    END LOOP;
    SET CONSTRAINTS qt001_cp_watch.settle IMMEDIATE;
    FOREACH each IN ARRAY ARRAY['event', 'entry_point', 'person', 'bootstrap'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS noted ON qt001_cp.%I', each);
        EXECUTE format('DROP TRIGGER IF EXISTS noted_truncate ON qt001_cp.%I', each);
    END LOOP;
    DROP TABLE qt001_cp_watch.change;
    DROP TABLE qt001_cp_watch.latch;
    DROP TABLE qt001_cp_watch.turn;
    DROP FUNCTION qt001_cp_watch.rows_kept();
    DROP FUNCTION qt001_cp_watch.settle();
    DROP FUNCTION qt001_cp_watch.holder();
    DROP FUNCTION qt001_cp_watch.weigh_command();
    DROP FUNCTION qt001_cp_watch.hold();
    DROP FUNCTION qt001_cp_watch.note_row();
    DROP FUNCTION qt001_cp_watch.note_command();
    DROP SCHEMA qt001_cp_watch;
END
$watch_end$;
