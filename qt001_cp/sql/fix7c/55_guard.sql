-- The guard that writer, apply, permit and gateway call. It takes a verdict that was kept where
-- nothing has changed since, and otherwise computes all gates: they are the comparison that tells a
-- change from a false alarm.

CREATE FUNCTION qt001_cp.valid_until(since timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $valid_until$
-- Until when a verdict of that time holds by itself: the first of sign-off, age of verification and
-- scan, and age of the evidence that ends after it; five minutes at most (a superuser may have
-- switched event_triggers off elsewhere).
WITH manifest AS (
    SELECT qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1')) AS readiness,
           qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.capability/1')) AS capability
), expiry(at) AS (
    SELECT (event.detail ->> 'valid_until')::timestamptz FROM qt001_cp.event
    WHERE event.verb = 'signed'
    UNION ALL
    SELECT last.at
           + make_interval(secs => (manifest.readiness #>> '{verifier,max_age_seconds}')::bigint)
    FROM manifest CROSS JOIN (
        SELECT max(event.at) AS at FROM qt001_cp.event
        WHERE event.verb IN ('verified', 'scanned') GROUP BY event.verb) last
    UNION ALL
    SELECT (qt001_cp.document_json(bound.subject) ->> 'produced_at')::timestamptz
           + make_interval(secs => (capability ->> 'max_age_seconds')::bigint)
    FROM manifest CROSS JOIN qt001_cp.event bound
    CROSS JOIN LATERAL jsonb_array_elements(manifest.capability -> 'capabilities') capability
    WHERE bound.verb = 'bound'
)
SELECT least(since + interval '5 minutes',
             (SELECT min(expiry.at) FROM expiry WHERE expiry.at > since))
$valid_until$;

CREATE FUNCTION qt001_cp.watched_routines() RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $watched_routines$
-- The routines whose rows the guard looks at in each call: the apply path, and what event triggers
-- call.
SELECT ARRAY(
    SELECT routine.oid FROM pg_proc routine
    WHERE routine.proowner = 'qt001_cp_owner'::regrole
      AND (pg_identify_object('pg_proc'::regclass, routine.oid, 0)).identity IN (
              SELECT entry_point.identity FROM qt001_cp.entry_point
              WHERE entry_point.guard = 'qt001_cp.require_acceptance')
    UNION
    SELECT event_trigger.evtfoid FROM pg_event_trigger event_trigger)
$watched_routines$;

CREATE FUNCTION qt001_cp.compute_verdict(entry_point text, watched boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $compute_verdict$
-- Computes all gates, raises QT301 where one is closed, and keeps the verdict where the watch is
-- complete. The order matters: first what is noted and seen, then the gates; what comes in between
-- makes the verdict old, never new. A transaction with changes of its own keeps nothing: nobody
-- else sees them.
DECLARE
    since timestamptz := clock_timestamp();
    keeps boolean := watched AND qt001_cp.watch_missing() IS NULL;
    path oid[];
    noted xid8[];
    salt bigint := hashtextextended(gen_random_uuid()::text, 0);
    state bigint[];
    answer record;
BEGIN
    IF keeps THEN
        path := qt001_cp.watched_routines();
        noted := ARRAY(SELECT change.xid FROM qt001_cp_watch.change);
        state := qt001_cp.unwatched_state(salt, path);
    END IF;
    SELECT acceptance.* INTO answer FROM qt001_cp.v_fix7_acceptance acceptance;
    IF answer.accepted IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'QT301',
            MESSAGE = format('%s is blocked: %s of %s gates are open; closed: %s',
                             entry_point, answer.open_gates, answer.gates, answer.closed),
            DETAIL = answer.reasons, HINT = 'See every gate with its reason: qt001-cp status.';
    END IF;
    -- Where another session keeps one just now, nobody waits for it.
    IF keeps AND pg_current_xact_id_if_assigned() = ANY (noted) IS NOT TRUE THEN
        PERFORM 1 FROM qt001_cp.verdict FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE qt001_cp.verdict
            SET number = number + 1, subject = answer.subject_digest, seed = salt, seen = state,
                routines = path, made_at = since, valid_until = qt001_cp.valid_until(since),
                made_by = session_user,
                head = (SELECT event.digest FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1);
            DELETE FROM qt001_cp_watch.change WHERE change.xid = ANY (noted);
        END IF;
    END IF;
END
$compute_verdict$;

CREATE FUNCTION qt001_cp.wait_for_latch(entry_point text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $wait_for_latch$
-- A change holds the latch while it commits. But whoever has changed anything can have it earlier,
-- by SET CONSTRAINTS, and stay: no writer waits for that one for ever. Five seconds, or what the
-- caller has set.
DECLARE
    given text := current_setting('lock_timeout');
    holder record;
BEGIN
    PERFORM set_config('lock_timeout', CASE given WHEN '0' THEN '5s' ELSE given END, true);
    LOCK TABLE qt001_cp_watch.latch IN ROW SHARE MODE;
    PERFORM set_config('lock_timeout', given, true);
EXCEPTION WHEN lock_not_available THEN
    SELECT activity.pid, coalesce(activity.usename, 'somebody') AS login INTO holder
    FROM pg_locks lock LEFT JOIN pg_stat_activity activity ON activity.pid = lock.pid
    WHERE lock.relation = 'qt001_cp_watch.latch'::regclass AND lock.mode = 'ExclusiveLock'
      AND lock.granted
    LIMIT 1;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('%s refused: expected no change of the database that is committing, '
                         'found %s', entry_point,
                         CASE WHEN holder.pid IS NULL THEN 'a prepared transaction'
                              ELSE format('session %s of %s', holder.pid, holder.login) END),
        HINT = CASE WHEN holder.pid IS NULL
            THEN 'SELECT gid FROM pg_prepared_xacts; '
                 '-- COMMIT PREPARED or ROLLBACK PREPARED, and call again'
            ELSE format('SELECT pg_terminate_backend(%s); -- or wait until it ends, and call again',
                        holder.pid) END;
END
$wait_for_latch$;

CREATE FUNCTION qt001_cp.require_acceptance(entry_point text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $require_acceptance$
-- Level A: the guard of writer, apply, permit and gateway, in real time, before anything moves.
-- Only READ COMMITTED: with an older snapshot the check could see what is no longer so. From the
-- lock on, no change commits before this transaction ends; the look at what is kept is a statement
-- of its own, so that it sees all that has committed before.
DECLARE
    watched boolean;
    holds boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT305',
            MESSAGE = format('%s refused: expected isolation level read committed, found %s',
                             entry_point, current_setting('transaction_isolation')),
            HINT = 'Call it in a READ COMMITTED transaction: the guard must see the present.';
    END IF;
    -- In a session of replica role the writer would write without its triggers and foreign keys.
    IF current_setting('session_replication_role') <> 'origin' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT305',
            MESSAGE = format('%s refused: expected session_replication_role origin, found %s',
                             entry_point, current_setting('session_replication_role')),
            HINT = 'SET session_replication_role = origin; -- and see who has set it: \drds';
    END IF;
    -- A schema of that name that is somebody else's is not the watch: what stands in it would run
    -- here. Whoever may act as qt001_cp_owner anyway, a superuser first, gains nothing by it.
    watched := current_user = 'qt001_cp_owner' AND to_regclass('qt001_cp_watch.latch') IS NOT NULL
        AND pg_has_role((SELECT space.nspowner FROM pg_namespace space
                         WHERE space.nspname = 'qt001_cp_watch'), 'qt001_cp_owner', 'USAGE');
    IF watched THEN
        BEGIN
            LOCK TABLE qt001_cp_watch.latch IN ROW SHARE MODE NOWAIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM qt001_cp.wait_for_latch(entry_point);
        END;
        SELECT kept.seen = qt001_cp.unwatched_state(kept.seed, kept.routines)
               AND qt001_cp_watch.rows_kept()
        INTO holds FROM qt001_cp.verdict kept
        WHERE clock_timestamp() >= kept.made_at AND clock_timestamp() < kept.valid_until
          AND NOT EXISTS (SELECT 1 FROM qt001_cp_watch.change);
        IF holds THEN
            RETURN;
        END IF;
    END IF;
    PERFORM qt001_cp.compute_verdict(entry_point, watched);
END
$require_acceptance$;
