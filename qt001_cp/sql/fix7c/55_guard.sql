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
    SELECT qt001_cp.document_json(qt001_cp.in_force('qt001.manifest.readiness/1')) AS readiness,
           qt001_cp.document_json(qt001_cp.in_force('qt001.manifest.capability/1')) AS capability
), expiry(at) AS (
    SELECT (event.detail ->> 'valid_until')::timestamptz FROM qt001_cp.event
    WHERE event.verb = 'signed'
    UNION ALL
    SELECT last.at
           + make_interval(secs => (manifest.readiness #>> '{verifier,max_age_seconds}')::bigint)
    FROM manifest CROSS JOIN (
        SELECT (SELECT event.at FROM qt001_cp.event WHERE event.verb = run.verb
                ORDER BY event.seq DESC LIMIT 1) AS at
        FROM (VALUES ('verified'), ('scanned')) run(verb)) last
    UNION ALL
    SELECT (qt001_cp.document_json(bound.subject) ->> 'produced_at')::timestamptz
           + make_interval(secs => (capability ->> 'max_age_seconds')::bigint)
    FROM manifest CROSS JOIN qt001_cp.event bound
    CROSS JOIN LATERAL jsonb_array_elements(manifest.capability -> 'capabilities') capability
    WHERE bound.verb = 'bound' AND bound.epoch = qt001_cp.epoch()
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
    WHERE routine.proowner = to_regrole('qt001_cp_owner')
      AND (pg_identify_object('pg_proc'::regclass, routine.oid, 0)).identity IN (
              SELECT entry_point.identity FROM qt001_cp.entry_point
              WHERE entry_point.guard = 'qt001_cp.require_acceptance')
    UNION
    SELECT event_trigger.evtfoid FROM pg_event_trigger event_trigger)
$watched_routines$;

CREATE FUNCTION qt001_cp.rests_on_temporary() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $rests_on_temporary$
-- Whether a session's temporary object has a permanent one that depends on it: it goes by cascade
-- when that session ends or says DISCARD TEMP, and no event trigger fires.
WITH space AS MATERIALIZED (
    SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp_'
), temporary(classid, objid) AS (
    SELECT 'pg_class'::regclass::oid, relation.oid FROM pg_class relation JOIN space
    ON space.oid = relation.relnamespace
    UNION ALL
    SELECT 'pg_type'::regclass, type.oid FROM pg_type type JOIN space
    ON space.oid = type.typnamespace
    UNION ALL
    SELECT 'pg_proc'::regclass, routine.oid FROM pg_proc routine JOIN space
    ON space.oid = routine.pronamespace
)
SELECT EXISTS (
    SELECT 1 FROM temporary
    JOIN pg_depend dependency
    ON dependency.refclassid = temporary.classid AND dependency.refobjid = temporary.objid
    LEFT JOIN qt001_cp.v_part part
    ON part.class = dependency.classid AND part.id = dependency.objid
    CROSS JOIN LATERAL pg_identify_object(coalesce(part.classid, dependency.classid),
                                          coalesce(part.objid, dependency.objid), 0) object
    WHERE coalesce(object.schema, '') !~ '^pg_(toast_)?temp')
$rests_on_temporary$;

CREATE FUNCTION qt001_cp.verdict_holds() RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $verdict_holds$
-- Whether the verdict that is kept says yes to this moment. VOLATILE: each time what has committed
-- by then.
BEGIN
    RETURN coalesce((
        SELECT kept.seen = qt001_cp.unwatched_state(kept.seed, kept.routines)
               AND qt001_cp_watch.rows_kept()
        FROM qt001_cp.verdict kept
        WHERE clock_timestamp() >= kept.made_at AND clock_timestamp() < kept.valid_until
          AND NOT EXISTS (SELECT 1 FROM qt001_cp_watch.change)), false);
END
$verdict_holds$;

CREATE FUNCTION qt001_cp.answered_by_another() RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $answered_by_another$
-- One writer computes at a time, others wait for it: two seconds at most, then each computes for
-- itself. True where the answer came meanwhile; it is there when that writer has committed, a
-- moment after it has given up its turn.
BEGIN
    BEGIN
        LOCK TABLE qt001_cp_watch.turn IN EXCLUSIVE MODE NOWAIT;
        RETURN false;
    EXCEPTION WHEN lock_not_available THEN
        NULL;
    END;
    BEGIN
        PERFORM set_config('lock_timeout', '2s', true);
        LOCK TABLE qt001_cp_watch.turn IN EXCLUSIVE MODE;
    EXCEPTION WHEN lock_not_available THEN
        NULL;
    END;
    FOR attempt IN 1 .. 4 LOOP
        IF qt001_cp.verdict_holds() THEN
            RETURN true;
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
    RETURN false;
END
$answered_by_another$;

CREATE FUNCTION qt001_cp.compute_verdict(entry_point text, watched boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $compute_verdict$
-- Computes all gates, raises QT301 where one is closed, and keeps the verdict where the watch is
-- complete. The order matters: first what is noted and seen, then the gates; what comes in between
-- makes the verdict old, never new. A transaction with changes of its own keeps nothing: nobody
-- else sees them. The turn is taken in a block that is rolled back: it ends with the computation,
-- not with the transaction, which may stay open or be prepared.
DECLARE
    since timestamptz;
    keeps boolean := watched AND qt001_cp.watch_missing() IS NULL
        AND NOT qt001_cp.rests_on_temporary();
    path oid[];
    noted xid8[];
    salt bigint := hashtextextended(gen_random_uuid()::text, 0);
    state bigint[];
    answer record;
    answered boolean := false;
    done boolean := false;
BEGIN
    BEGIN
        answered := keeps AND qt001_cp.answered_by_another();
        IF NOT answered THEN
            since := clock_timestamp();
            IF keeps THEN
                path := qt001_cp.watched_routines();
                noted := ARRAY(SELECT change.xid FROM qt001_cp_watch.change);
                state := qt001_cp.unwatched_state(salt, path);
            END IF;
            SELECT acceptance.* INTO answer FROM qt001_cp.v_fix7_acceptance acceptance;
        END IF;
        done := true;
        RAISE EXCEPTION 'the turn is over';
    EXCEPTION WHEN raise_exception THEN
        IF NOT done THEN
            RAISE;
        END IF;
    END;
    IF answered THEN
        RETURN;
    ELSIF answer.accepted IS NOT TRUE THEN
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
-- A change of what is protected holds the latch while it commits. Whoever may make one can have it
-- earlier, by SET CONSTRAINTS, or keep it in a prepared transaction: no writer waits for that one
-- for ever. Five seconds, or what the caller has set.
DECLARE
    given text := current_setting('lock_timeout');
    holder record;
BEGIN
    PERFORM set_config('lock_timeout', CASE given WHEN '0' THEN '5s' ELSE given END, true);
    LOCK TABLE qt001_cp_watch.latch IN ROW SHARE MODE;
    PERFORM set_config('lock_timeout', given, true);
EXCEPTION WHEN lock_not_available THEN
    SELECT held.* INTO holder FROM qt001_cp_watch.holder() held ORDER BY held.alone DESC LIMIT 1;
    RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
        MESSAGE = format('%s refused: expected no change of the database that is committing, '
                         'found %s', entry_point,
                         coalesce(holder.who, 'a session that has ended by now')),
        HINT = coalesce(holder.mend || ' -- or wait until it ends; ', '') || 'then call again.';
END
$wait_for_latch$;

CREATE FUNCTION qt001_cp.asked_setting() RETURNS TABLE (name text, reviewed text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $asked_setting$
-- Settings that a session may change for itself and by which the same text does something else,
-- with the value in force when it was reviewed; made from model/settings.py.
VALUES {asked_settings}
$asked_setting$;

CREATE FUNCTION qt001_cp.require_acceptance(entry_point text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $require_acceptance$
-- Level A: the guard of writer, apply, permit and gateway, in real time, before anything moves. It
-- runs as the ledger role, which alone may keep a verdict, and is the owner role's to call.
-- Only READ COMMITTED: with an older snapshot the check could see what is no longer so. From the
-- lock on, no change of what this transaction runs commits before it ends; the look at what is kept
-- is a statement of its own, so that it sees all that has committed before.
DECLARE
    watched boolean;
    asked record;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT305',
            MESSAGE = format('%s refused: expected isolation level read committed, found %s',
                             entry_point, current_setting('transaction_isolation')),
            HINT = 'Call it in a READ COMMITTED transaction: the guard must see the present.';
    END IF;
    -- Under these the reviewed text would do something else: in a session of replica role it would
    -- write without its triggers and foreign keys. Where the routine carries SET, that counts.
    SELECT setting.* INTO asked
    FROM qt001_cp.asked_setting() setting
    WHERE current_setting(setting.name, true) <> setting.reviewed LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT305',
            MESSAGE = format('%s refused: expected %s %s, found %s', entry_point, asked.name,
                             asked.reviewed, current_setting(asked.name)),
            HINT = format('SET %s = %L; -- and see who has set it: \drds', asked.name,
                          asked.reviewed);
    END IF;
    -- A schema of that name that is somebody else's is not the watch: what stands in it would run
    -- here. Whoever may act as qt001_cp_ledger anyway, a superuser first, gains nothing by it.
    watched := to_regclass('qt001_cp_watch.latch') IS NOT NULL
        AND pg_has_role((SELECT space.nspowner FROM pg_namespace space
                         WHERE space.nspname = 'qt001_cp_watch'), 'qt001_cp_ledger', 'USAGE');
    IF watched THEN
        BEGIN
            LOCK TABLE qt001_cp_watch.latch IN ROW SHARE MODE NOWAIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM qt001_cp.wait_for_latch(entry_point);
        END;
        IF qt001_cp.verdict_holds() THEN
            RETURN;
        END IF;
    END IF;
    PERFORM qt001_cp.compute_verdict(entry_point, watched);
END
$require_acceptance$;
