-- What the others do while a stage runs: the application's transactions end before it, what moves is locked in one go,
-- and no definition changes until it ends. During the stage writers wait; they are never the victim of a deadlock.
-- Source: PostgreSQL documentation, "Explicit Locking" (13.3), "System Catalogs", pg_locks, pg_stat_activity.

CREATE TABLE qt001_cp.catalog_before (
    xid xid8 NOT NULL,
    classid oid NOT NULL,
    objid oid NOT NULL,
    sub bigint NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (xid, classid, objid, sub)
);
COMMENT ON TABLE qt001_cp.catalog_before IS
    'The version of every catalog row that defines something, as one stage found it, and as the checked manifest did.';

CREATE FUNCTION qt001_cp.catalog_row()
RETURNS TABLE (classid oid, objid oid, sub bigint, state text, made xid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $catalog_row$
-- state: the transaction that made the row; of a relation, what of its row is no storage, statistics, owner or ACL
-- (TRUNCATE, REFRESH, REINDEX and ANALYZE are no change of a definition; owners and ACLs: owner_acl).
-- Temporary objects and toast tables are nobody's business; the server's own rows (below 16384) only a superuser's.
WITH space(oid) AS (
    SELECT n.oid FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)'
), rel AS MATERIALIZED (
    SELECT c.* FROM pg_class c JOIN space s ON s.oid = c.relnamespace WHERE c.oid >= 16384
)
SELECT 'pg_class'::regclass::oid, c.oid, 0::bigint, md5((to_jsonb(c) - ARRAY['relfilenode', 'reltoastrelid', 'relpages', 'reltuples',
           'relallvisible', 'relallfrozen', 'relfrozenxid', 'relminmxid', 'relhasindex', 'relhasrules', 'relhastriggers',
           'relowner', 'relacl'])::text), k.xmin
FROM rel c JOIN pg_class k ON k.oid = c.oid
UNION ALL SELECT 'pg_attribute'::regclass, a.attrelid, a.attnum, a.xmin::text, a.xmin FROM pg_attribute a JOIN rel r ON r.oid = a.attrelid WHERE a.attnum > 0
UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, 0, d.xmin::text, d.xmin FROM pg_attrdef d JOIN rel r ON r.oid = d.adrelid
UNION ALL SELECT 'pg_index'::regclass, x.indexrelid, 0, x.xmin::text, x.xmin FROM pg_index x JOIN rel r ON r.oid = x.indexrelid
UNION ALL SELECT 'pg_inherits'::regclass, h.inhrelid, h.inhparent::bigint, h.xmin::text, h.xmin FROM pg_inherits h
UNION ALL SELECT 'pg_partitioned_table'::regclass, p.partrelid, 0, p.xmin::text, p.xmin FROM pg_partitioned_table p
UNION ALL SELECT 'pg_sequence'::regclass, s.seqrelid, 0, s.xmin::text, s.xmin FROM pg_sequence s JOIN rel r ON r.oid = s.seqrelid
UNION ALL SELECT 'pg_foreign_table'::regclass, f.ftrelid, 0, f.xmin::text, f.xmin FROM pg_foreign_table f
UNION ALL SELECT 'pg_trigger'::regclass, t.oid, 0, t.xmin::text, t.xmin FROM pg_trigger t JOIN rel r ON r.oid = t.tgrelid
UNION ALL SELECT 'pg_rewrite'::regclass, w.oid, 0, w.xmin::text, w.xmin FROM pg_rewrite w JOIN rel r ON r.oid = w.ev_class
UNION ALL SELECT 'pg_policy'::regclass, p.oid, 0, p.xmin::text, p.xmin FROM pg_policy p
UNION ALL SELECT 'pg_constraint'::regclass, k.oid, 0, k.xmin::text, k.xmin FROM pg_constraint k JOIN space s ON s.oid = k.connamespace WHERE k.oid >= 16384
UNION ALL SELECT 'pg_proc'::regclass, p.oid, 0, p.xmin::text, p.xmin FROM pg_proc p JOIN space s ON s.oid = p.pronamespace WHERE p.oid >= 16384
UNION ALL SELECT 'pg_aggregate'::regclass, g.aggfnoid, 0, g.xmin::text, g.xmin FROM pg_aggregate g WHERE g.aggfnoid >= 16384
UNION ALL SELECT 'pg_type'::regclass, t.oid, 0, t.xmin::text, t.xmin FROM pg_type t JOIN space s ON s.oid = t.typnamespace WHERE t.oid >= 16384
UNION ALL SELECT 'pg_enum'::regclass, e.oid, 0, e.xmin::text, e.xmin FROM pg_enum e
UNION ALL SELECT 'pg_range'::regclass, g.rngtypid, 0, g.xmin::text, g.xmin FROM pg_range g WHERE g.rngtypid >= 16384
UNION ALL SELECT 'pg_namespace'::regclass, n.oid, 0, n.xmin::text, n.xmin FROM pg_namespace n JOIN space s ON s.oid = n.oid
UNION ALL SELECT 'pg_default_acl'::regclass, d.oid, 0, d.xmin::text, d.xmin FROM pg_default_acl d
UNION ALL SELECT 'pg_cast'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_cast o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_operator'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_operator o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_opclass'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_opclass o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_opfamily'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_opfamily o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_amop'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_amop o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_amproc'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_amproc o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_collation'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_collation o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_conversion'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_conversion o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_transform'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_transform o
UNION ALL SELECT 'pg_statistic_ext'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_statistic_ext o
UNION ALL SELECT 'pg_ts_config'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_ts_config o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_ts_dict'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_ts_dict o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_ts_parser'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_ts_parser o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_ts_template'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_ts_template o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_event_trigger'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_event_trigger o
UNION ALL SELECT 'pg_extension'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_extension o
UNION ALL SELECT 'pg_language'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_language o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_foreign_data_wrapper o
UNION ALL SELECT 'pg_foreign_server'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_foreign_server o
UNION ALL SELECT 'pg_publication'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_publication o
UNION ALL SELECT 'pg_publication_rel'::regclass, o.oid, 0, o.xmin::text, o.xmin FROM pg_publication_rel o
UNION ALL SELECT 'pg_auth_members'::regclass, o.roleid, o.member::bigint * 4294967296 + o.grantor::bigint, o.xmin::text, o.xmin FROM pg_auth_members o
UNION ALL SELECT 'pg_database'::regclass, d.oid, 0, d.xmin::text, d.xmin FROM pg_database d WHERE d.datname = current_database()
UNION ALL SELECT 'pg_db_role_setting'::regclass, d.setrole, 0, d.xmin::text, d.xmin
          FROM pg_db_role_setting d WHERE d.setdatabase = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
$catalog_row$;

CREATE FUNCTION qt001_cp.made_here(made xid) RETURNS boolean
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $made_here$
-- Whether this transaction, or a subtransaction of it, made the row that we see. Rows of others that we see are committed.
-- The row is young: its 32 bits are completed to the nearest number, before or after that of this transaction.
SELECT pg_xact_status((d.id + CASE WHEN d.ahead < 2147483648 THEN d.ahead ELSE d.ahead - 4294967296 END)::text::xid8) = 'in progress'
FROM (SELECT n.id, ((made::text::bigint - n.id % 4294967296) + 4294967296) % 4294967296 AS ahead
      FROM (SELECT pg_current_xact_id()::text::bigint AS id) n) d
$made_here$;

CREATE FUNCTION qt001_cp.is_quiet(manifest text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $is_quiet$
-- No session anywhere of the application role, of who can take its place, and of whose place it can take, idle ones included,
-- and no prepared transaction: then none of the functions that look closer at them has anything to find.
BEGIN
    PERFORM pg_stat_clear_snapshot();
    RETURN NOT EXISTS (SELECT 1 FROM pg_stat_activity s WHERE s.pid <> pg_backend_pid() AND s.usename IN (
                           SELECT k FROM qt001_cp.kin_of((qt001_cp.document_json(manifest) ->> 'application')::name) k))
       AND (current_setting('max_prepared_transactions') = '0' OR NOT EXISTS (SELECT 1 FROM pg_prepared_xacts));
END
$is_quiet$;

CREATE FUNCTION qt001_cp.application_session(application name)
RETURNS TABLE (pid int, login name, transaction text, writes boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $application_session$
-- The sessions in this database that are in a transaction now, of the application role, of those who can take its
-- place, and of the roles whose place it can take; and those in other databases that write: it may be a role, a membership
-- or a setting of this database. pg_stat_activity is read anew each time.
DECLARE
    busy int[];
BEGIN
    PERFORM pg_stat_clear_snapshot();
    -- pg_locks is long while a stage runs: it is asked only about sessions that are not idle.
    busy := ARRAY(SELECT s.pid FROM pg_stat_activity s WHERE (s.datname = current_database() OR s.backend_xid IS NOT NULL)
                    AND s.pid <> pg_backend_pid() AND s.state IS DISTINCT FROM 'idle');
    IF cardinality(busy) = 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.pid, s.usename, l.virtualtransaction, s.backend_xid IS NOT NULL
    FROM pg_stat_activity s JOIN pg_locks l ON l.pid = s.pid AND l.locktype = 'virtualxid' AND l.virtualxid = l.virtualtransaction
    WHERE s.pid = ANY (busy)
      AND s.usename IN (SELECT k FROM qt001_cp.kin_of(application) k);
END
$application_session$;

CREATE FUNCTION qt001_cp.patience() RETURNS interval
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $patience$
-- How long a stage waits for others: its lock_timeout.
SELECT current_setting('lock_timeout')::interval
$patience$;

CREATE FUNCTION qt001_cp.remember_catalog(manifest text, direction text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $remember_catalog$
-- Where the catalogs are those of the checked manifest, what was remembered then is what is before.
DECLARE
    kept xid8;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    IF direction IS NOT NULL THEN
        kept := qt001_cp.checked_before(manifest, direction);
    END IF;
    DELETE FROM qt001_cp.run_now;
    INSERT INTO qt001_cp.run_now (xid, manifest, direction, before, database_oid, database_state)
    SELECT pg_current_xact_id(), remember_catalog.manifest, remember_catalog.direction, coalesce(kept, pg_current_xact_id()), d.oid, d.xmin::text
    FROM pg_database d WHERE d.datname = current_database();
    IF kept IS NOT NULL THEN
        RETURN;
    END IF;
    DELETE FROM qt001_cp.catalog_before b WHERE b.xid NOT IN (SELECT c.made FROM qt001_cp.checked c);
    INSERT INTO qt001_cp.catalog_before (xid, classid, objid, sub, state)
    SELECT pg_current_xact_id(), r.classid, r.objid, r.sub, r.state FROM qt001_cp.catalog_row() r;
END
$remember_catalog$;

CREATE FUNCTION qt001_cp.during_begin(manifest text, direction text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $during_begin$
-- Waits until every transaction of the application that is open now has ended, without holding a lock that it needs;
-- then remembers the catalogs. Transactions that begin later are met in during_lock. direction: 'forward' or 'restore' where
-- what was checked before may stand for it (57_checked).
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    until timestamptz := clock_timestamp() + qt001_cp.patience();
    open_now text[];
    late record;
BEGIN
    IF NOT qt001_cp.is_quiet(manifest) THEN
        open_now := ARRAY(SELECT s.transaction FROM qt001_cp.application_session(app) s);
    END IF;
    LOOP
        EXIT WHEN open_now IS NULL;
        SELECT s.* INTO late FROM qt001_cp.application_session(app) s WHERE s.transaction = ANY (open_now) LIMIT 1;
        EXIT WHEN NOT FOUND;
        IF clock_timestamp() >= until THEN
            PERFORM qt001_cp.refuse_session(late.pid, late.login);
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    PERFORM qt001_cp.remember_catalog(manifest, direction);
END
$during_begin$;

CREATE FUNCTION qt001_cp.refuse_session(pid int, login name) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_session$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT108',
        MESSAGE = format('refused: session %s of %s: expected no open transaction of the application during a stage, found one after %s',
                         pid, login, qt001_cp.patience()),
        HINT = format('SELECT pg_terminate_backend(%s); -- or wait until it ends, and run the script again', pid);
END
$refuse_session$;

CREATE FUNCTION qt001_cp.late_writer_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $late_writer_findings$
-- Who of the application may still have changed a definition in an open transaction: where the catalogs are locked (by a
-- superuser), what the databases share, from another database; otherwise anything.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    until timestamptz := clock_timestamp() + qt001_cp.patience();
    open_now text[];
    late record;
BEGIN
    IF qt001_cp.is_quiet(manifest) THEN
        RETURN;
    END IF;
    open_now := ARRAY(SELECT s.transaction FROM qt001_cp.application_session(app) s JOIN pg_stat_activity a ON a.pid = s.pid
                      WHERE s.writes AND (a.datname IS DISTINCT FROM current_database() OR NOT EXISTS (
                          SELECT 1 FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.relation = 'pg_proc'::regclass AND l.mode = 'ShareLock' AND l.granted)));
    IF cardinality(open_now) = 0 THEN
        RETURN;
    END IF;
    LOOP
        -- One that waits for us does not end before we do.
        SELECT s.*, pg_backend_pid() = ANY (pg_blocking_pids(s.pid)) AS waits INTO late
        FROM qt001_cp.application_session(app) s WHERE s.transaction = ANY (open_now) ORDER BY 5 LIMIT 1;
        EXIT WHEN NOT FOUND OR late.waits OR clock_timestamp() >= until;
        PERFORM pg_sleep(0.01);
    END LOOP;
    IF late.pid IS NOT NULL THEN
        RETURN QUERY SELECT 'QT108'::text, format('session %s of %s', late.pid, late.login),
            'no transaction of the application that writes'::text,
            CASE WHEN late.waits THEN 'one that waits for this script' ELSE 'one that has not ended' END,
            format('SELECT pg_terminate_backend(%s); -- or wait until it ends, and run the script again', late.pid);
    END IF;
END
$late_writer_findings$;

CREATE FUNCTION qt001_cp.during_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $during_findings$
-- What others have defined, changed or dropped since during_begin, committed by now, and who may still do so.
-- On the way back from a cutover, rows that it made are no others'.
DECLARE
    cutover text := (SELECT c.written::text FROM qt001_cp.checked c WHERE qt001_cp.is_checked() AND c.manifest = during_findings.manifest AND c.direction = 'restore'
                     AND c.direction = (SELECT r.direction FROM qt001_cp.run_now r WHERE r.xid = pg_current_xact_id()));
BEGIN
    RETURN QUERY SELECT f.* FROM qt001_cp.late_writer_findings(manifest) f;
    RETURN QUERY
    SELECT 'QT102'::text, coalesce(i.type || ' ' || i.identity, format('%s %s', coalesce(b.classid, n.classid)::regclass, coalesce(b.objid, n.objid))),
           'no change of a definition by another session while the script runs'::text,
           CASE WHEN b.objid IS NULL THEN 'made' WHEN n.objid IS NULL THEN 'dropped' ELSE 'changed' END
               || format(' (%s)', coalesce(b.classid, n.classid)::regclass),
           'See what it is, undo it or generate and seal again; then run the script again.'::text
    FROM (SELECT x.classid, CASE WHEN x.classid = 'pg_database'::regclass THEN r.database_oid ELSE x.objid END AS objid, x.sub,
                 CASE WHEN x.classid = 'pg_database'::regclass THEN r.database_state ELSE x.state END AS state
          FROM qt001_cp.run_now r JOIN qt001_cp.catalog_before x ON x.xid = r.before WHERE r.xid = pg_current_xact_id()) b
    FULL JOIN qt001_cp.catalog_row() n ON n.classid = b.classid AND n.objid = b.objid AND n.sub = b.sub
    -- Rows of these have no name of their own: a NULL asks for none.
    LEFT JOIN LATERAL pg_identify_object(
        CASE WHEN n.classid NOT IN ('pg_attribute'::regclass, 'pg_index'::regclass, 'pg_inherits'::regclass, 'pg_partitioned_table'::regclass,
                                    'pg_sequence'::regclass, 'pg_foreign_table'::regclass, 'pg_aggregate'::regclass, 'pg_enum'::regclass,
                                    'pg_range'::regclass, 'pg_auth_members'::regclass, 'pg_db_role_setting'::regclass)
        THEN n.classid END, n.objid, 0) i ON true
    -- Default privileges that are the default again have no row: FIX7b itself does that, and compares them itself.
    WHERE CASE WHEN n.objid IS NULL THEN b.classid <> 'pg_default_acl'::regclass
          ELSE n.state IS DISTINCT FROM b.state AND NOT qt001_cp.made_here(n.made)
               AND (cutover IS NULL OR n.made::text::numeric <> cutover::numeric % 4294967296) END;
END
$during_findings$;

CREATE FUNCTION qt001_cp.require_begun(what text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $require_begun$
BEGIN
    IF qt001_cp.before_now() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: the script: expected its beginning in this transaction, found none', what),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
END
$require_begun$;

CREATE FUNCTION qt001_cp.during_end(manifest text, what text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $during_end$
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_begun(what);
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.during_findings(manifest) f;
    PERFORM qt001_cp.raise_first(what, findings);
    DELETE FROM qt001_cp.catalog_before b WHERE b.xid = pg_current_xact_id();
END
$during_end$;
