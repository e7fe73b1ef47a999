-- What moves is locked in one go, and whoever is in the way is named.
-- Source: PostgreSQL documentation, "Explicit Locking" (13.3), "Lock Management" (19.12), pg_locks, pg_stat_activity.

CREATE FUNCTION qt001_cp.lock_holder(relation oid)
RETURNS TABLE (pid int, who text, autovacuum boolean)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $lock_holder$
-- The session that has held a lock on a relation longest. Of others' sessions only pg_read_all_stats sees more than the number.
SELECT a.pid, format('session %s of %s%s%s', a.pid, coalesce(a.usename, 'the server'), ', ' || a.backend_type,
                     ', for ' || date_trunc('second', clock_timestamp() - a.xact_start)),
       coalesce(a.backend_type = 'autovacuum worker', false)
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.relation = lock_holder.relation AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
ORDER BY a.xact_start NULLS LAST, a.pid LIMIT 1
$lock_holder$;

CREATE FUNCTION qt001_cp.outwait_autovacuum(lock text, until timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $outwait_autovacuum$
-- The server cancels autovacuum for a session that has waited for it as long as deadlock_timeout, but not one that
-- prevents wraparound. What was got is given back at once: the wait holds nothing that moves.
DECLARE
    needed interval := current_setting('deadlock_timeout')::interval + interval '500 milliseconds';
BEGIN
    IF clock_timestamp() + needed < until THEN
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
    SELECT h.* INTO holder FROM qt001_cp.lock_holder(relation) h;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('refused: %s: expected all locks free at the same moment within %s, found this one held by %s',
                         relation::regclass, waited, coalesce(holder.who, 'a session that has ended by now')),
        HINT = CASE WHEN holder.pid IS NULL THEN 'Run the script again.'
               WHEN holder.autovacuum THEN format('SELECT pg_cancel_backend(%s); -- autovacuum, which starts again by itself; then run the script again', holder.pid)
               ELSE format('SELECT pg_terminate_backend(%s); -- or wait until it ends, and run the script again', holder.pid) END;
END
$refuse_lock$;

CREATE FUNCTION qt001_cp.open_once(relations oid[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1ms'
SET jit = off
AS $open_once$
-- Opens relations, their toast tables and the indexes of both: what the server reads of them for that it keeps in this session's
-- memory. Of the core functions that open a relation these look at no file; what they say is no matter. Where somebody has
-- one locked, or has dropped one since, it is left at that.
DECLARE
    tables oid[] := relations || ARRAY(SELECT c.reltoastrelid FROM unnest(relations) r(oid) JOIN pg_class c ON c.oid = r.oid WHERE c.reltoastrelid <> 0);
BEGIN
    PERFORM count(pg_get_replica_identity_index(t.oid)) FROM unnest(tables) t(oid);
    PERFORM count(pg_relation_is_updatable(x.indexrelid, false)) FROM unnest(tables) t(oid) JOIN pg_index x ON x.indrelid = t.oid;
EXCEPTION WHEN lock_not_available OR internal_error THEN
    NULL;
END
$open_once$;

CREATE FUNCTION qt001_cp.during_lock(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $during_lock$
-- Locks every relation that moves, in the order of the manifest, all or none: a try that does not get them gives
-- back what it has, so that whoever it blocks goes on. A try is shorter than half of deadlock_timeout, and none waits while
-- somebody waits for what this transaction has changed before (TRUNCATE, ANALYZE of a table with a REVOKE): the server never
-- has to choose a victim. A superuser also locks the catalogs against writing, so that from here on nobody changes a
-- definition; and waits for the transactions that may have changed one before and have not ended.
-- Called as late as possible, after all statements that lock no relation: until here writers do not wait. Everything is opened once
-- before the first lock: the statements behind it find it in memory, and others wait less.
-- The first try takes many in one go and waits for nobody. Then one by one, each waiting for its own.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    patience interval := qt001_cp.patience();
    until timestamptz := clock_timestamp() + patience;
    longest interval := current_setting('deadlock_timeout')::interval / 2;
    short interval := least(longest, interval '100 milliseconds');
    super boolean := (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user);
    known boolean := qt001_cp.is_checked();
    made_in xid8 := qt001_cp.before_now();
    moves text[];
    relations oid[];
    quick text[];
    first boolean := true;
    waited_for boolean;
    till timestamptz;
    renewed timestamptz;
    each text;
    n int;
    open_now text[];
    late_pid int;
    late_login name;
BEGIN
    -- LOCK TABLE takes tables only, and of a view it would lock what the view reads: an ALTER that changes nothing
    -- locks all other relations, and a table whose owner has taken its own privileges away.
    SELECT array_agg(CASE WHEN c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') THEN format('LOCK TABLE ONLY %I.%I IN ACCESS EXCLUSIVE MODE', s.nspname, c.relname)
                     ELSE format('ALTER %s %I.%I OWNER TO %I', k.alter_noun, s.nspname, c.relname, pg_get_userbyid(c.relowner)) END ORDER BY o.number),
           array_agg(c.oid ORDER BY o.number)
    INTO moves, relations
    FROM (SELECT r.number, r.kind, r.objid AS oid FROM qt001_cp.checked_row r
          WHERE known AND r.made = made_in AND r.classid = 'pg_class'::regclass AND r.number IS NOT NULL
          UNION ALL
          SELECT m.number, m.kind, x.oid FROM qt001_cp.manifest_object(manifest) m
          JOIN pg_namespace y ON y.nspname = m.schema JOIN pg_class x ON x.relnamespace = y.oid AND x.relname = m.name
          WHERE NOT known AND m.disposition = 'transfer') o
    JOIN qt001_cp.object_kind k ON k.kind = o.kind JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE k.relation;
    quick := ARRAY(
        SELECT CASE WHEN g.tables THEN 'LOCK TABLE ' || string_agg(substr(g.move, 12, length(g.move) - 11 - length(' IN ACCESS EXCLUSIVE MODE')), ', ')
                                       || ' IN ACCESS EXCLUSIVE MODE NOWAIT'
               ELSE string_agg(g.move, '; ') END
        FROM (SELECT m.move, m.n, starts_with(m.move, 'LOCK TABLE ') AS tables FROM unnest(moves) WITH ORDINALITY m(move, n)) g
        GROUP BY g.tables, g.n / 1000 ORDER BY min(g.n));
    PERFORM qt001_cp.open_once(relations);
    IF super THEN
        SELECT moves || array_agg(format('LOCK TABLE pg_catalog.%I IN SHARE MODE', c.relname) ORDER BY c.relname),
               quick || format('LOCK TABLE %s IN SHARE MODE NOWAIT', string_agg(format('pg_catalog.%I', c.relname), ', ' ORDER BY c.relname)),
               relations || array_agg(c.oid ORDER BY c.relname)
        INTO moves, quick, relations
        FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND NOT c.relisshared AND c.relkind = 'r'
          AND c.relname IN (SELECT m[1] FROM regexp_matches((SELECT p.prosrc FROM pg_proc p WHERE p.proname = 'catalog_row' AND p.pronamespace = 'qt001_cp'::regnamespace),
                                                            '''(pg_[a-z_]+)''::regclass', 'g') m);
    END IF;
    LOOP
        BEGIN
            late_pid := NULL;
            n := 0;
            waited_for := first OR EXISTS (SELECT 1 FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));
            till := least(clock_timestamp() + CASE WHEN waited_for THEN interval '0' ELSE short END, until);
            renewed := '-infinity';
            FOREACH each IN ARRAY CASE WHEN first THEN quick ELSE moves END LOOP
                n := n + 1;
                IF clock_timestamp() >= renewed + interval '5 milliseconds' THEN
                    renewed := clock_timestamp();
                    PERFORM set_config('lock_timeout', greatest(1, ceil(extract(epoch FROM till - renewed) * 1000))::text, true);
                END IF;
                EXECUTE each;
            END LOOP;
            IF super AND NOT qt001_cp.is_quiet(manifest) THEN
                open_now := ARRAY(SELECT s.transaction FROM qt001_cp.application_session(app) s WHERE s.writes);
                LOOP
                    SELECT s.pid, s.login INTO late_pid, late_login FROM qt001_cp.application_session(app) s WHERE s.transaction = ANY (open_now) LIMIT 1;
                    EXIT WHEN NOT FOUND;
                    IF clock_timestamp() >= till THEN
                        RAISE lock_not_available;
                    END IF;
                    PERFORM pg_sleep(0.002);
                END LOOP;
            END IF;
            PERFORM set_config('lock_timeout', (extract(epoch FROM patience) * 1000)::bigint::text, true);
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            NULL;
        END;
        IF first THEN
            first := false;
            CONTINUE;
        END IF;
        IF clock_timestamp() >= until THEN
            IF late_pid IS NOT NULL THEN
                PERFORM qt001_cp.refuse_session(late_pid, late_login);
            END IF;
            PERFORM qt001_cp.refuse_lock(relations[n], patience);
        END IF;
        IF late_pid IS NULL AND (SELECT h.autovacuum FROM qt001_cp.lock_holder(relations[n]) h) THEN
            PERFORM qt001_cp.outwait_autovacuum(each, until);
        END IF;
        short := least(short * 2, longest);
        PERFORM pg_sleep(0.02 + random() * 0.05);
    END LOOP;
END
$during_lock$;
