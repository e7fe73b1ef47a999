-- Sessions and transactions that were begun before the cutover and could outlive it (ADR 0011).

CREATE FUNCTION qt001_cp.session_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $session_findings$
-- What was begun before the cutover and could end after it (what begins later waits for it, or
-- lock_relations() for that): by the application role, by a role it is a member of, or by a login
-- that is a member of it and took it on. In another database too where it writes: roles,
-- memberships and the settings of this database are there as well as here. Whether a session is in
-- a transaction is hidden (NULL) from who is neither a member of its login nor of
-- pg_read_all_stats: a session that cannot be seen into is a finding too.
BEGIN
    IF qt001_cp.application_has_no_session(manifest) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH suspect AS MATERIALIZED (
        SELECT pg_roles.oid, pg_roles.rolname
        FROM qt001_cp.related_roles(
                 (qt001_cp.document_json(manifest) ->> 'application')::name) related
        JOIN pg_roles ON pg_roles.rolname = related
    ), session AS MATERIALIZED (
        SELECT activity.*, format('session %s of %s', activity.pid, activity.usename) AS words
        FROM pg_stat_activity activity JOIN suspect ON suspect.oid = activity.usesysid
        WHERE activity.pid <> pg_backend_pid()
    )
    SELECT 'QT108'::text, 'prepared transaction ' || gid,
           'none in this database, and none of the application in another one'::text,
           format('prepared by %s in database %s', owner, database),
           format('ROLLBACK PREPARED %L; -- in database %s', gid, database)
    FROM pg_prepared_xacts
    WHERE database = current_database() OR owner IN (SELECT suspect.rolname FROM suspect)
    UNION ALL
    SELECT 'QT108', session.words, 'no open transaction of the application during the cutover',
           format('in a transaction in database %s since %s', session.datname, session.xact_start),
           format('SELECT pg_terminate_backend(%s); -- or wait', session.pid)
    FROM session
    WHERE (session.datname = current_database() OR session.backend_xid IS NOT NULL)
      AND session.xact_start < now()
    UNION ALL
    SELECT 'QT108', session.words, 'no open transaction of the application during the cutover',
           format('a session whose transactions %s may not see', current_user),
           qt001_cp.membership_hint('pg_read_all_stats', true, false)
    FROM session
    WHERE NOT pg_has_role(session.usesysid, 'USAGE')
      AND NOT pg_has_role('pg_read_all_stats', 'USAGE');
END
$session_findings$;

CREATE FUNCTION qt001_cp.open_session(manifest text, keep boolean)
RETURNS TABLE (pid int, login name, began timestamptz, replication boolean)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $open_session$
-- Sessions of the application, of its members and of roles that it is a member of, in this database
-- or for replication of the whole server. A superuser's and those of who holds a duty are not among
-- them. keep: those that began after the sealing are left out, but for replication.
SELECT activity.pid, activity.usename, activity.backend_start, activity.datname IS NULL
FROM qt001_cp.related_roles((qt001_cp.document_json(manifest) ->> 'application')::name) related
JOIN pg_roles ON pg_roles.rolname = related
JOIN pg_stat_activity activity ON activity.usename = pg_roles.rolname
WHERE coalesce(activity.datname = current_database(), true) AND activity.pid <> pg_backend_pid()
  AND NOT pg_roles.rolsuper
  AND qt001_cp.duty_of(pg_roles.rolname) IS NULL
  AND (keep AND activity.datname IS NOT NULL AND activity.backend_start > (
          SELECT max(event.at) FROM qt001_cp.event
          WHERE event.verb = 'sealed' AND event.subject = manifest)) IS NOT TRUE
$open_session$;

CREATE FUNCTION qt001_cp.open_session_findings(manifest text, keep boolean DEFAULT false)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $open_session_findings$
-- Sessions that began before the cutover, idle ones too: a cursor WITH HOLD and a SET ROLE outlive
-- it, and nobody else can see either. One without a database replicates the whole server, and goes
-- on when the attribute has been taken away. One that is just ending has a second to be gone. It
-- needs no privilege: every role may see who is connected where. keep: the operator lets those stay
-- that began after the sealing; what a cursor of theirs holds they could read until now, and an
-- older role they cannot have.
BEGIN
    IF qt001_cp.application_has_no_session(manifest) THEN
        RETURN;
    END IF;
    FOR attempt IN 1..20 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF NOT EXISTS (SELECT 1 FROM qt001_cp.open_session(manifest, keep)) THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN QUERY
    SELECT 'QT108'::text, format('session %s of %s', session.pid, session.login),
           'no session of the application that began before the '
           || CASE WHEN keep THEN 'sealing' ELSE 'cutover' END,
           'connected' || coalesce(' since ' || session.began, '')
           || CASE WHEN session.replication THEN ', for replication' ELSE '' END,
           format('SELECT pg_terminate_backend(%s); -- behind a pooler PAUSE it first, or it '
                  'connects again (docs/pooler.md); or print the script with -x sessions=keep: '
                  'idle ones may stay then, and what a cursor WITH HOLD of theirs holds can be '
                  'read on', session.pid)
    FROM qt001_cp.open_session(manifest, keep) session;
END
$open_session_findings$;
