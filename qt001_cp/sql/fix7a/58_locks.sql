-- What is transferred is locked in one go, and whoever is in the way is named.
-- Source: PostgreSQL documentation, "Explicit Locking" (13.3), "Lock Management" (19.12), pg_locks,
-- pg_stat_activity.

CREATE FUNCTION qt001_cp.lock_holder(relation oid DEFAULT NULL)
RETURNS TABLE (pid int, who text, autovacuum boolean, mend text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $lock_holder$
-- Who has held a lock on a relation longest; without one, an ACCESS EXCLUSIVE lock on any of this
-- database, which is what a reader waits for. Of others' sessions only pg_read_all_stats sees more
-- than number and login. A prepared transaction has no session; its number is in the lock that it
-- holds on itself.
SELECT lock.pid,
       CASE WHEN prepared.gid IS NULL THEN format('session %s of %s%s%s', lock.pid,
                coalesce(activity.usename, 'the server'), ', ' || activity.backend_type,
                format(', for %s, since %s',
                       date_trunc('second', clock_timestamp() - activity.xact_start),
                       to_char(activity.xact_start, 'YYYY-MM-DD HH24:MI:SSOF')))
            ELSE format('prepared transaction %L of %s, since %s', prepared.gid, prepared.owner,
                        to_char(prepared.prepared, 'YYYY-MM-DD HH24:MI:SSOF')) END,
       coalesce(activity.backend_type = 'autovacuum worker', false),
       CASE WHEN prepared.gid IS NOT NULL
                THEN format('ROLLBACK PREPARED %L; -- or COMMIT PREPARED', prepared.gid)
            WHEN activity.backend_type = 'autovacuum worker'
                THEN format('SELECT pg_cancel_backend(%s); -- autovacuum, which starts again by '
                            'itself', lock.pid)
            ELSE format('SELECT pg_terminate_backend(%s); -- or wait until it ends', lock.pid) END
FROM pg_locks lock
LEFT JOIN pg_stat_activity activity ON activity.pid = lock.pid
LEFT JOIN pg_locks own
    ON lock.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
    AND own.virtualtransaction = lock.virtualtransaction
LEFT JOIN pg_prepared_xacts prepared ON prepared.transaction = own.transactionid
WHERE lock.locktype = 'relation' AND lock.granted
  AND CASE WHEN lock_holder.relation IS NULL
           THEN lock.mode = 'AccessExclusiveLock' AND lock.relation >= 16384
           ELSE lock.relation = lock_holder.relation END
  AND (activity.pid IS NOT NULL OR prepared.gid IS NOT NULL)
  AND lock.pid IS DISTINCT FROM pg_backend_pid()
  AND lock.database IN (0, (SELECT database.oid FROM pg_database database
                            WHERE database.datname = current_database()))
ORDER BY coalesce(activity.xact_start, prepared.prepared) NULLS LAST, lock.pid LIMIT 1
$lock_holder$;

CREATE FUNCTION qt001_cp.outwait_autovacuum(lock text, deadline timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $outwait_autovacuum$
-- The server cancels autovacuum for a session that has waited for it as long as deadlock_timeout,
-- but not one that prevents wraparound. What was got is given back at once: the wait holds nothing
-- that is transferred.
DECLARE
    needed interval := current_setting('deadlock_timeout')::interval + interval '500 milliseconds';
BEGIN
    IF clock_timestamp() + needed < deadline THEN
        PERFORM set_config('lock_timeout', (extract(epoch FROM needed) * 1000)::bigint::text, true);
        EXECUTE lock;
        RAISE lock_not_available;
    END IF;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    NULL;
END
$outwait_autovacuum$;

CREATE FUNCTION qt001_cp.refuse_lock(relation oid, waited interval) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_lock$
DECLARE
    holder record;
BEGIN
    SELECT held.* INTO holder FROM qt001_cp.lock_holder(relation) held;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('refused: %s: expected all locks free at the same moment within %s, '
                         'found this one held by %s', relation::regclass, waited,
                         coalesce(holder.who, 'a session that has ended by now')),
        HINT = coalesce(holder.mend || '; then run the script again.', 'Run the script again.');
END
$refuse_lock$;

CREATE FUNCTION qt001_cp.refuse_wait(what text, relation oid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_wait$
-- What somebody waited for in vain, outside of a script: whoever holds it is named, with what to
-- type.
DECLARE
    holder record;
BEGIN
    SELECT held.* INTO holder FROM qt001_cp.lock_holder(relation) held;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('%s refused: expected no lock in the way, found one of %s', what,
                         coalesce(holder.who, 'a session that has ended by now')),
        HINT = coalesce(holder.mend || '; then try again.', 'Try again.');
END
$refuse_wait$;

CREATE FUNCTION qt001_cp.warm_relation_cache() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1ms'
SET jit = off
AS $warm_relation_cache$
-- Opens the relations that are transferred, their toast tables and the indexes of both: what the
-- server reads of them for that it keeps in this session's memory, and others wait less. Of the
-- core functions that open a relation these look at no file; what they say is no matter. Where
-- somebody has one locked, or has dropped one since, it is left at that.
DECLARE
    relations oid[] := ARRAY(SELECT target.objid FROM qt001_cp.run_object target
                             WHERE target.classid = 'pg_class'::regclass AND target.kind IS NOT NULL
                               AND target.objsubid = 0);
    tables oid[] := relations || ARRAY(SELECT toast.reltoastrelid FROM pg_class toast
                                       WHERE toast.oid = ANY (relations)
                                         AND toast.reltoastrelid <> 0);
BEGIN
    PERFORM count(pg_get_replica_identity_index(opened.oid)) FROM unnest(tables) opened(oid);
    PERFORM count(pg_relation_is_updatable(pg_index.indexrelid, false))
    FROM unnest(tables) opened(oid) JOIN pg_index ON pg_index.indrelid = opened.oid;
EXCEPTION WHEN lock_not_available OR internal_error THEN
    NULL;
END
$warm_relation_cache$;

CREATE FUNCTION qt001_cp.in_change() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $in_change$
-- Whether the script of a change runs in this transaction.
SELECT EXISTS (SELECT 1 FROM qt001_cp.run
               WHERE run.xid = pg_current_xact_id() AND run.script ~ '^(up|down)grade change ')
$in_change$;

CREATE FUNCTION qt001_cp.lock_target()
RETURNS TABLE (number bigint, relation oid, name text, mode text, statement text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_target$
-- What a run locks, in the order of the manifest, with the statement that locks it: every relation
-- that is transferred, and, for a superuser, the catalogs against writing, but not in a change,
-- during which the application goes on. LOCK TABLE takes tables
-- only, and of a view it would lock what the view reads: an ALTER that changes nothing locks all
-- other relations, and a table whose owner has taken its own privileges away. mode: NULL where LOCK
-- TABLE does not do.
SELECT target.number, target.objid, format('%I.%I', space.nspname, relation.relname),
       CASE WHEN can.lock_table THEN 'ACCESS EXCLUSIVE' END,
       CASE WHEN can.lock_table THEN format('LOCK TABLE ONLY %I.%I IN ACCESS EXCLUSIVE MODE',
                                            space.nspname, relation.relname)
            ELSE format('ALTER %s %I.%I OWNER TO %I', known.alter_noun, space.nspname,
                        relation.relname, pg_get_userbyid(relation.relowner)) END
FROM qt001_cp.run_object target
JOIN qt001_cp.object_kind known ON known.kind = target.kind AND known.relation
JOIN pg_class relation ON relation.oid = target.objid
JOIN pg_namespace space ON space.oid = relation.relnamespace
CROSS JOIN LATERAL (SELECT relation.relkind IN ('r', 'p')
                           AND has_table_privilege(relation.oid, 'UPDATE, DELETE, TRUNCATE')
                           AS lock_table) can
WHERE target.classid = 'pg_class'::regclass AND target.objsubid = 0
UNION ALL
SELECT 9223372036854775807, catalog.oid, format('pg_catalog.%I', catalog.relname), 'SHARE',
       format('LOCK TABLE ONLY pg_catalog.%I IN SHARE MODE', catalog.relname)
FROM qt001_cp.defining_catalog() source JOIN pg_class catalog ON catalog.relname = source.catalog
WHERE catalog.relnamespace = 'pg_catalog'::regnamespace AND NOT catalog.relisshared
  AND (SELECT role.rolsuper FROM pg_roles role WHERE role.rolname = current_user)
  AND NOT qt001_cp.in_change()
$lock_target$;

CREATE FUNCTION qt001_cp.try_to_lock(at_once boolean, deadline timestamptz, app name)
RETURNS TABLE (relation oid, statement text, pid int, login name)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $try_to_lock$
-- All locks or none: a try that does not get them by the deadline gives back what it has, so that
-- whoever it blocks goes on. No row: all are held. at_once: many in one statement, waiting for
-- nobody; otherwise one by one, each waiting for its own. A superuser, who has the catalogs locked,
-- also waits for the transactions of the application that may have changed one before and have not
-- ended (pid, login).
DECLARE
    target record;
    renewed timestamptz := '-infinity';
    open_now text[];
    late record;
BEGIN
    FOR target IN
        SELECT one.relation, one.statement FROM qt001_cp.lock_target() one WHERE NOT at_once
        UNION ALL
        SELECT min(batch.relation),
               CASE WHEN batch.mode IS NULL
                    THEN string_agg(batch.statement, '; ' ORDER BY batch.number)
                    ELSE format('LOCK TABLE %s IN %s MODE NOWAIT',
                                string_agg('ONLY ' || batch.name, ', ' ORDER BY batch.number),
                                batch.mode) END
        FROM (SELECT one.*, row_number() OVER (ORDER BY one.number, one.name) / 1000 AS thousand
              FROM qt001_cp.lock_target() one) batch
        WHERE at_once GROUP BY batch.mode, batch.thousand
    LOOP
        IF clock_timestamp() >= renewed + interval '5 milliseconds' THEN
            renewed := clock_timestamp();
            PERFORM set_config('lock_timeout', greatest(
                1, ceil(extract(epoch FROM deadline - renewed) * 1000))::text, true);
        END IF;
        EXECUTE target.statement;
    END LOOP;
    IF app IS NOT NULL THEN
        open_now := ARRAY(SELECT open.transaction FROM qt001_cp.application_transaction(app) open
                          WHERE open.writes);
        LOOP
            SELECT open.pid, open.login INTO late FROM qt001_cp.application_transaction(app) open
            WHERE open.transaction = ANY (open_now) LIMIT 1;
            EXIT WHEN NOT FOUND;
            IF clock_timestamp() >= deadline THEN
                RAISE lock_not_available;
            END IF;
            PERFORM pg_sleep(0.002);
        END LOOP;
    END IF;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    IF late IS NULL THEN
        RETURN QUERY SELECT target.relation, target.statement, NULL::int, NULL::name;
    ELSE
        RETURN QUERY SELECT NULL::oid, NULL::text, late.pid, late.login;
    END IF;
END
$try_to_lock$;

CREATE FUNCTION qt001_cp.lock_relations(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $lock_relations$
-- Locks every relation that is transferred, called as late as possible, after all statements that
-- lock none: until here writers do not wait. A try is shorter than half of deadlock_timeout, and
-- none waits while somebody waits for what this transaction has changed before (TRUNCATE, ANALYZE
-- of a table with a REVOKE): the server never has to choose a victim. In a change no statement
-- waits for a lock for more than half a second.
DECLARE
    given interval := qt001_cp.lock_wait();
    deadline timestamptz := clock_timestamp() + given;
    change boolean := qt001_cp.in_change();
    longest interval := least(current_setting('deadlock_timeout')::interval / 2,
                              CASE WHEN change THEN interval '500 milliseconds' END);
    try_for interval := interval '0';
    app name := CASE WHEN (SELECT role.rolsuper FROM pg_roles role
                           WHERE role.rolname = current_user)
                      AND NOT change AND NOT qt001_cp.application_has_no_session(manifest)
                     THEN qt001_cp.document_json(manifest) ->> 'application' END;
    first boolean := true;
    blocked record;
BEGIN
    PERFORM qt001_cp.note_step('lock_relations');
    PERFORM qt001_cp.warm_relation_cache();
    LOOP
        SELECT missed.* INTO blocked
        FROM qt001_cp.try_to_lock(first, least(clock_timestamp() + try_for, deadline), app) missed;
        EXIT WHEN NOT FOUND;
        IF NOT first AND clock_timestamp() >= deadline THEN
            IF blocked.pid IS NOT NULL THEN
                PERFORM qt001_cp.refuse_session(blocked.pid, blocked.login);
            END IF;
            PERFORM qt001_cp.refuse_lock(blocked.relation, given);
        ELSIF NOT first THEN
            IF blocked.pid IS NULL AND NOT change
                AND (SELECT held.autovacuum FROM qt001_cp.lock_holder(blocked.relation) held)
            THEN
                PERFORM qt001_cp.outwait_autovacuum(blocked.statement, deadline);
            END IF;
            PERFORM pg_sleep(0.02 + random() * 0.05);
        END IF;
        try_for := CASE
            WHEN EXISTS (SELECT 1 FROM pg_locks lock
                         WHERE NOT lock.granted
                           AND pg_backend_pid() = ANY (pg_blocking_pids(lock.pid)))
                THEN interval '0'
            WHEN try_for = interval '0' THEN least(longest, interval '100 milliseconds')
            ELSE least(try_for * 2, longest) END;
        first := false;
    END LOOP;
    PERFORM set_config('lock_timeout', CASE WHEN change THEN '500ms'
        ELSE (extract(epoch FROM given) * 1000)::bigint::text END, true);
END
$lock_relations$;
