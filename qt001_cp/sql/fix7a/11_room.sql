-- How much a login may write to the ledger: gates and verifier read it, so whoever fills it in a
-- loop would slow down or stop the writer. Each limit is told in the refusal, QT208.

CREATE FUNCTION qt001_cp.room()
RETURNS TABLE (events int, event_bytes bigint, evidence_bytes bigint, hour_bytes bigint)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $room$
-- Of one login: events and bytes of documents in an hour; and what one event, and one document that
-- is no manifest, may hold.
VALUES (1000, 1048576::bigint, 16777216::bigint, 268435456::bigint)
$room$;

CREATE FUNCTION qt001_cp.require_event_room(detail jsonb, subject text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_event_room$
-- As many as there is room for are read, and no more.
DECLARE
    room record;
    written record;
BEGIN
    SELECT given.* INTO room FROM qt001_cp.room() given;
    IF octet_length(detail::text) + octet_length(subject) > room.event_bytes THEN
        RAISE EXCEPTION USING ERRCODE = 'QT208',
            MESSAGE = format('event refused: expected at most %s, found %s',
                             pg_size_pretty(room.event_bytes),
                             pg_size_pretty((octet_length(detail::text)
                                             + octet_length(subject))::bigint)),
            HINT = 'Say it in fewer words; what is long belongs into evidence.';
    END IF;
    SELECT count(*) AS events, min(last.at) AS since INTO written
    FROM (SELECT event.at FROM qt001_cp.event
          WHERE event.actor = session_user AND event.at > clock_timestamp() - interval '1 hour'
          ORDER BY event.at DESC LIMIT room.events) last;
    IF written.events >= room.events THEN
        RAISE EXCEPTION USING ERRCODE = 'QT208',
            MESSAGE = format('event refused: expected at most %s events of a login in an hour, '
                             'found as many of %s', room.events, session_user),
            HINT = format('Find out what writes them: SELECT verb, count(*) FROM qt001_cp.v_event '
                          'WHERE actor = %L GROUP BY verb; -- there is room again at %s',
                          session_user,
                          to_char(written.since + interval '1 hour', 'YYYY-MM-DD HH24:MI:SSOF'));
    END IF;
END
$require_event_room$;

CREATE FUNCTION qt001_cp.require_document_room(body bytea, evidence boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_document_room$
DECLARE
    room record;
    written bigint;
BEGIN
    SELECT given.* INTO room FROM qt001_cp.room() given;
    IF evidence AND octet_length(body) > room.evidence_bytes THEN
        RAISE EXCEPTION USING ERRCODE = 'QT208',
            MESSAGE = format('evidence refused: expected at most %s, found %s',
                             pg_size_pretty(room.evidence_bytes),
                             pg_size_pretty(octet_length(body)::bigint)),
            HINT = 'Keep the raw output elsewhere, and put its sha256 and the part that shows the '
                   'result into the evidence.';
    END IF;
    SELECT coalesce(sum(octet_length(document.body)), 0) INTO written FROM qt001_cp.document
    WHERE document.recorded_by = session_user
      AND document.recorded_at > clock_timestamp() - interval '1 hour';
    IF written + octet_length(body) > room.hour_bytes THEN
        RAISE EXCEPTION USING ERRCODE = 'QT208',
            MESSAGE = format('document refused: expected at most %s of a login in an hour, '
                             'found %s of %s', pg_size_pretty(room.hour_bytes),
                             pg_size_pretty(written + octet_length(body)), session_user),
            HINT = 'Find out what writes them: SELECT kind, count(*) FROM qt001_cp.document '
                   'GROUP BY kind; -- then wait an hour';
    END IF;
END
$require_document_room$;
