-- What others do while a stage runs: the application's transactions end before it, what is
-- transferred is locked in one go, and no definition changes until it ends. During the stage
-- writers wait; they are never the victim of a deadlock.
-- Source: PostgreSQL documentation, "Explicit Locking" (13.3), "Lock Management" (19.12), "System
-- Catalogs", pg_locks, pg_stat_activity.

CREATE TABLE qt001_cp.catalog_snapshot (
    classid oid NOT NULL,
    objid oid NOT NULL,
    objsubid bigint NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (classid, objid, objsubid)
);
COMMENT ON TABLE qt001_cp.catalog_snapshot IS
    'The version of every catalog row that defines something, as this run found it.';

CREATE FUNCTION qt001_cp.storage_columns() RETURNS name[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $storage_columns$
-- Columns of pg_class that define nothing: TRUNCATE, REFRESH, REINDEX and ANALYZE write them.
SELECT ARRAY['relfilenode', 'reltoastrelid', 'relpages', 'reltuples', 'relallvisible',
             'relallfrozen', 'relfrozenxid', 'relminmxid', 'relhasindex', 'relhasrules',
             'relhastriggers']::name[]
$storage_columns$;

CREATE FUNCTION qt001_cp.defining_catalog() RETURNS TABLE (catalog name, named boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $defining_catalog$
-- The catalogs whose rows define something; named: pg_identify_object() has a name for a row. Made
-- from model/catalogs.py.
VALUES {defining_catalogs}
$defining_catalog$;

CREATE FUNCTION qt001_cp.catalog_row()
RETURNS TABLE (classid oid, objid oid, objsubid bigint, state text, made_by xid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $catalog_row$
-- Each row of these catalogs. state: the transaction that made it; of a relation, what is no
-- storage, statistics, owner or ACL (owner_acl() has those). Temporary objects and toast tables are
-- nobody's business; the server's own rows (below 16384) only a superuser's. Made from
-- model/catalogs.py.
WITH space(oid) AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
), rel AS MATERIALIZED (
    SELECT pg_class.* FROM pg_class JOIN space ON space.oid = pg_class.relnamespace
    WHERE pg_class.oid >= 16384
)
SELECT 'pg_class'::regclass::oid, rel.oid, 0::bigint,
       md5((to_jsonb(rel) - qt001_cp.storage_columns()::text[]
            - '{relowner,relacl}'::text[])::text), entry.xmin
FROM rel JOIN pg_class entry ON entry.oid = rel.oid
{catalog_rows}
$catalog_row$;

CREATE FUNCTION qt001_cp.made_by_this_transaction(made_by xid) RETURNS boolean
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $made_by_this_transaction$
-- Whether this transaction, or a subtransaction of it, made a row that we see: rows of others that
-- we see are committed. The row is young: its 32 bits are completed to the nearest number, before
-- or after that of this transaction.
SELECT pg_xact_status((nearest.id + CASE WHEN nearest.ahead < 2147483648 THEN nearest.ahead
                                         ELSE nearest.ahead - 4294967296 END)::text::xid8)
       = 'in progress'
FROM (SELECT now.id,
             ((made_by::text::bigint - now.id % 4294967296) + 4294967296) % 4294967296 AS ahead
      FROM (SELECT pg_current_xact_id()::text::bigint AS id) now) nearest
$made_by_this_transaction$;

CREATE FUNCTION qt001_cp.application_has_no_session(manifest text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $application_has_no_session$
-- No session anywhere of the application role or a related one, idle ones included, and no prepared
-- transaction: then none of the functions that look closer at them has anything to find.
BEGIN
    PERFORM pg_stat_clear_snapshot();
    RETURN NOT EXISTS (SELECT 1 FROM pg_stat_activity activity
                       WHERE activity.pid <> pg_backend_pid() AND activity.usename IN (
                           SELECT qt001_cp.related_roles(
                               (qt001_cp.document_json(manifest) ->> 'application')::name)))
       AND (current_setting('max_prepared_transactions') = '0'
            OR NOT EXISTS (SELECT 1 FROM pg_prepared_xacts));
END
$application_has_no_session$;

CREATE FUNCTION qt001_cp.application_transaction(application name)
RETURNS TABLE (pid int, login name, transaction text, writes boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $application_transaction$
-- The sessions in this database that are in a transaction now, of the application role and related
-- ones; and those in other databases that write: it may be a role, a membership or a setting of
-- this database. pg_stat_activity is read anew each time.
DECLARE
    busy int[];
BEGIN
    PERFORM pg_stat_clear_snapshot();
    -- pg_locks is long while a stage runs: it is asked only about sessions that are not idle.
    busy := ARRAY(SELECT activity.pid FROM pg_stat_activity activity
                  WHERE (activity.datname = current_database() OR activity.backend_xid IS NOT NULL)
                    AND activity.pid <> pg_backend_pid()
                    AND activity.state IS DISTINCT FROM 'idle');
    IF cardinality(busy) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT activity.pid, activity.usename, lock.virtualtransaction, activity.backend_xid IS NOT NULL
    FROM pg_stat_activity activity
    JOIN pg_locks lock ON lock.pid = activity.pid AND lock.locktype = 'virtualxid'
        AND lock.virtualxid = lock.virtualtransaction
    WHERE activity.pid = ANY (busy)
      AND activity.usename IN (SELECT qt001_cp.related_roles(application));
END
$application_transaction$;

CREATE FUNCTION qt001_cp.lock_wait() RETURNS interval
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $lock_wait$
-- How long a stage waits for others: its lock_timeout.
SELECT current_setting('lock_timeout')::interval
$lock_wait$;

CREATE FUNCTION qt001_cp.end_session_hint(pid int) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $end_session_hint$
SELECT format('SELECT pg_terminate_backend(%s); '
              '-- or wait until it ends, and run the script again', pid)
$end_session_hint$;

CREATE FUNCTION qt001_cp.refuse_session(pid int, login name) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_session$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT108',
        MESSAGE = format('refused: session %s of %s: expected no open transaction of the '
                         'application during a stage, found one after %s',
                         pid, login, qt001_cp.lock_wait()),
        HINT = qt001_cp.end_session_hint(pid);
END
$refuse_session$;

CREATE FUNCTION qt001_cp.wait_for_application(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $wait_for_application$
-- Waits until every transaction of the application that is open now has ended, without holding a
-- lock that it needs. Transactions that begin later are met in lock_relations().
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    deadline timestamptz := clock_timestamp() + qt001_cp.lock_wait();
    open_now text[];
    late record;
BEGIN
    IF qt001_cp.application_has_no_session(manifest) THEN
        RETURN;
    END IF;
    open_now := ARRAY(SELECT open.transaction FROM qt001_cp.application_transaction(app) open);
    LOOP
        SELECT open.* INTO late FROM qt001_cp.application_transaction(app) open
        WHERE open.transaction = ANY (open_now) LIMIT 1;
        EXIT WHEN NOT FOUND;
        IF clock_timestamp() >= deadline THEN
            PERFORM qt001_cp.refuse_session(late.pid, late.login);
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$wait_for_application$;

CREATE FUNCTION qt001_cp.open_writer_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $open_writer_findings$
-- Who of the application may still have changed a definition in an open transaction: where the
-- catalogs are locked (by a superuser), what the databases share, from another database; otherwise
-- anything.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    deadline timestamptz := clock_timestamp() + qt001_cp.lock_wait();
    open_now text[];
    late record;
BEGIN
    IF qt001_cp.application_has_no_session(manifest) THEN
        RETURN;
    END IF;
    open_now := ARRAY(
        SELECT open.transaction FROM qt001_cp.application_transaction(app) open
        JOIN pg_stat_activity activity ON activity.pid = open.pid
        WHERE open.writes AND (activity.datname IS DISTINCT FROM current_database() OR NOT EXISTS (
            SELECT 1 FROM pg_locks lock
            WHERE lock.pid = pg_backend_pid() AND lock.relation = 'pg_proc'::regclass
              AND lock.mode = 'ShareLock' AND lock.granted)));
    IF cardinality(open_now) = 0 THEN
        RETURN;
    END IF;
    LOOP
        -- One that waits for us does not end before we do.
        SELECT open.*, pg_backend_pid() = ANY (pg_blocking_pids(open.pid)) AS waits INTO late
        FROM qt001_cp.application_transaction(app) open
        WHERE open.transaction = ANY (open_now) ORDER BY 5 LIMIT 1;
        EXIT WHEN NOT FOUND OR late.waits OR clock_timestamp() >= deadline;
        PERFORM pg_sleep(0.01);
    END LOOP;
    IF late.pid IS NOT NULL THEN
        RETURN QUERY SELECT 'QT108'::text, format('session %s of %s', late.pid, late.login),
            'no transaction of the application that writes'::text,
            CASE WHEN late.waits THEN 'one that waits for this script'
                 ELSE 'one that has not ended' END,
            qt001_cp.end_session_hint(late.pid);
    END IF;
END
$open_writer_findings$;

CREATE FUNCTION qt001_cp.concurrent_change_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $concurrent_change_findings$
-- What others have defined, changed or dropped since the snapshot, committed by now.
SELECT 'QT102'::text,
       coalesce(named.type || ' ' || named.identity,
                format('%s %s', coalesce(before.classid, now.classid)::regclass,
                       coalesce(before.objid, now.objid))),
       'no change of a definition by another session while the script runs'::text,
       CASE WHEN before.objid IS NULL THEN 'made' WHEN now.objid IS NULL THEN 'dropped'
            ELSE 'changed' END
           || format(' (%s)', coalesce(before.classid, now.classid)::regclass),
       'See what it is, undo it or generate and seal again; then run the script again.'::text
FROM qt001_cp.catalog_snapshot before
FULL JOIN qt001_cp.catalog_row() now USING (classid, objid, objsubid)
-- Rows of some catalogs have no name of their own: a NULL asks for none.
LEFT JOIN LATERAL pg_identify_object(
    CASE WHEN now.classid IN (SELECT to_regclass('pg_catalog.' || source.catalog)
                              FROM qt001_cp.defining_catalog() source WHERE source.named)
         THEN now.classid END,
    now.objid, 0) named ON true
-- Default privileges that are the default again have no row: FIX7b itself does that, and compares
-- them itself.
WHERE CASE WHEN now.objid IS NULL THEN before.classid <> 'pg_default_acl'::regclass
           ELSE now.state IS DISTINCT FROM before.state
                AND NOT qt001_cp.made_by_this_transaction(now.made_by) END
$concurrent_change_findings$;
