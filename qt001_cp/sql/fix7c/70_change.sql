-- A change of what is protected, tried in a database that is marked as a rehearsal: the team's text
-- runs as the control plane's owner, and its way back has to lead to exactly what was there.

CREATE FUNCTION qt001_cp.change_name(script text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $change_name$
-- The revision that a script of a change is of; NULL: another script.
SELECT substring(script FROM '^(?:up|down)grade change ([a-z][a-z0-9_]*)$')
$change_name$;

CREATE FUNCTION qt001_cp.state_document() RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $state_document$
-- All that is protected as it is now, as a document: two are equal where their digests are.
SELECT convert_to(qt001_cp.jcs(jsonb_build_object(
    'schema', 'qt001.state/1', 'objects', qt001_cp.protected_state())), 'UTF8')
$state_document$;

CREATE FUNCTION qt001_cp.state_differences(wanted text, live text)
RETURNS TABLE (object text, expected text, found text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $state_differences$
-- Two documents of state_document(), by digest, object by object.
WITH side AS (
    SELECT said.wanted, entry.value AS state
    FROM (VALUES (state_differences.wanted, true), (state_differences.live, false))
        said(digest, wanted)
    JOIN qt001_cp.document ON document.digest = said.digest
    CROSS JOIN LATERAL jsonb_array_elements(document.head -> 'objects') entry
)
SELECT coalesce(earlier.state ->> 0, later.state ->> 0) || ' '
       || coalesce(earlier.state ->> 1, later.state ->> 1),
       CASE WHEN earlier.state IS NULL THEN 'no such object' ELSE parts.expected END,
       CASE WHEN later.state IS NULL THEN 'no such object'
            WHEN earlier.state IS NULL THEN 'an object that is left'
            ELSE parts.found END
FROM (SELECT side.state FROM side WHERE side.wanted) earlier
FULL JOIN (SELECT side.state FROM side WHERE NOT side.wanted) later
ON earlier.state -> 0 = later.state -> 0 AND earlier.state -> 1 = later.state -> 1
CROSS JOIN LATERAL (
    SELECT string_agg(part.name || ' ' || coalesce(earlier.state ->> part.place, 'none'), ', '
                      ORDER BY part.place) AS expected,
           string_agg(part.name || ' ' || coalesce(later.state ->> part.place, 'none'), ', '
                      ORDER BY part.place) AS found
    FROM (VALUES (2, 'owner'), (3, 'ACL'), (4, 'column ACLs'), (5, 'definition')) part(place, name)
    WHERE earlier.state -> part.place IS DISTINCT FROM later.state -> part.place) parts
WHERE earlier.state IS DISTINCT FROM later.state
$state_differences$;

CREATE FUNCTION qt001_cp.last_change()
RETURNS TABLE (document text, direction text, before text, after text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $last_change$
-- What was tried last since the deployment, forward or back, and the states around it.
SELECT event.subject, event.detail ->> 'direction', event.detail ->> 'before',
       event.detail ->> 'after'
FROM qt001_cp.event
WHERE event.verb = 'changed' AND event.seq > (
    SELECT max(deployment.seq) FROM qt001_cp.event deployment WHERE deployment.verb = 'deployed')
ORDER BY event.seq DESC LIMIT 1
$last_change$;

CREATE FUNCTION qt001_cp.went_forward_last(change text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $went_forward_last$
-- Whether this change is the newest of those that went forward and have not come back.
SELECT coalesce((
    SELECT event.subject = change FROM qt001_cp.event
    WHERE event.verb = 'changed' AND event.detail ->> 'direction' = 'forward'
      AND event.seq > (SELECT max(deployment.seq) FROM qt001_cp.event deployment
                       WHERE deployment.verb = 'deployed')
      AND NOT EXISTS (
          SELECT 1 FROM qt001_cp.event undone
          WHERE undone.verb = 'changed' AND undone.detail ->> 'direction' = 'back'
            AND undone.detail ->> 'of' = event.digest)
    ORDER BY event.seq DESC LIMIT 1), false)
$went_forward_last$;

CREATE FUNCTION qt001_cp.change_findings(change text, direction text, live text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $change_findings$
-- What is asked before the text runs. live: the digest of the state as it is.
SELECT 'QT310', 'database ' || current_database(),
       'one that the bootstrap marked as a rehearsal', 'one that is not marked',
       'Try the change in a copy: docs/changes.md. A database that is in use takes none.'
WHERE NOT qt001_cp.is_rehearsal()
UNION ALL
SELECT finding.*
FROM qt001_cp.place_findings(qt001_cp.deployed_manifest(), 'fix7c') finding
UNION ALL
SELECT login.* FROM qt001_cp.login_findings() login
UNION ALL
-- Before the first one: exactly what was deployed.
SELECT 'QT310', drift.object, drift.expected, drift.found,
       'Put it back: a change is tried on exactly what is deployed.'
FROM qt001_cp.estate_findings(qt001_cp.deployed_manifest()) drift
WHERE direction = 'forward' AND NOT EXISTS (SELECT 1 FROM qt001_cp.last_change())
UNION ALL
-- After another one: exactly what that one left.
SELECT 'QT310', differing.object, differing.expected, differing.found,
       'Put it back: a change is tried on exactly what the one before it has left.'
FROM qt001_cp.last_change() last
CROSS JOIN LATERAL qt001_cp.state_differences(last.after, live) differing
UNION ALL
SELECT 'QT310', 'change ' || (qt001_cp.document_json(change) ->> 'revision'),
       'the change that was tried last, with the same two texts: document ' || change,
       coalesce(format('document %s, which went %s', last.document, last.direction), 'none'),
       'Go back with the files that went forward: their texts are in the ledger.'
FROM (SELECT) one LEFT JOIN qt001_cp.last_change() last ON true
WHERE change_findings.direction = 'back'
  AND NOT qt001_cp.went_forward_last(change)
$change_findings$;

CREATE FUNCTION qt001_cp.change_begin(body bytea, direction text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $change_begin$
-- Level B, operator: records the change whole, and the state that it begins with.
DECLARE
    change text;
    revision text;
    before text;
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT qt001_cp.change_name(run.script) INTO revision FROM qt001_cp.run
    WHERE run.xid = pg_current_xact_id();
    PERFORM qt001_cp.take_stage_lock();
    change := qt001_cp.record_document(body);
    IF qt001_cp.document_json(change) ->> 'schema' <> 'qt001.change/1'
        OR qt001_cp.document_json(change) ->> 'revision' IS DISTINCT FROM revision
        OR direction NOT IN ('forward', 'back') THEN
        PERFORM qt001_cp.refuse_outside_run('change_begin');
    END IF;
    before := qt001_cp.record_document(qt001_cp.state_document());
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.change_findings(change, direction, before) finding;
    PERFORM qt001_cp.raise_first('change ' || revision, findings);
    PERFORM qt001_cp.record_event('changing', change, jsonb_build_object(
        'direction', direction, 'document', before, 'revision', (
            SELECT string_agg(version_num, ', ' ORDER BY version_num)
            FROM qt001_cp.alembic_version)));
    PERFORM qt001_cp.note_run_step('change_begin');
END
$change_begin$;

CREATE FUNCTION qt001_cp.change_running()
RETURNS TABLE (document text, direction text, before text, came_from text, leads_to text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $change_running$
-- The change that this transaction has begun: nobody else writes an event before it ends.
-- came_from, leads_to: revisions.
SELECT event.subject, event.detail ->> 'direction', event.detail ->> 'document',
       event.detail ->> 'revision', run.revision
FROM qt001_cp.run CROSS JOIN LATERAL (
    SELECT newest.* FROM qt001_cp.event newest ORDER BY newest.seq DESC LIMIT 1) event
WHERE run.xid = pg_current_xact_id() AND run.steps @> ARRAY['change_begin']
  AND event.verb = 'changing'
$change_running$;

CREATE FUNCTION qt001_cp.note_change_text(body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $note_change_text$
-- Level B, the owner's: the text that run_change() is about to run is that of the change.
DECLARE
    running record;
    wanted text;
BEGIN
    PERFORM qt001_cp.require_change();
    SELECT known.* INTO running FROM qt001_cp.change_running() known;
    wanted := qt001_cp.document_json(running.document) ->> running.direction;
    IF wanted IS DISTINCT FROM body THEN
        RAISE EXCEPTION USING ERRCODE = 'QT103',
            MESSAGE = format('change %s refused: text %s: expected sha256 %s, found %s',
                             qt001_cp.document_json(running.document) ->> 'revision',
                             running.direction, qt001_cp.sha256_hex(convert_to(wanted, 'UTF8')),
                             qt001_cp.sha256_hex(convert_to(body, 'UTF8'))),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
    PERFORM qt001_cp.note_run_step('run_change');
END
$note_change_text$;

CREATE FUNCTION qt001_cp.require_change() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $require_change$
-- Level A: that a change has begun in this transaction, and its text has not run yet.
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.change_running())
        OR EXISTS (SELECT 1 FROM qt001_cp.run
                   WHERE run.xid = pg_current_xact_id() AND run.steps @> ARRAY['run_change']) THEN
        PERFORM qt001_cp.refuse_outside_run('run_change');
    END IF;
END
$require_change$;

CREATE FUNCTION qt001_cp.run_change(body text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $run_change$
-- The owner role's: runs the text of the change. PostgreSQL itself refuses SET ROLE, SESSION
-- AUTHORIZATION and transaction control here. A member of the owner role may replace this function,
-- and may run whatever it likes without it: what decides is change_end(), the ledger role's.
BEGIN
    PERFORM qt001_cp.require_change();
    PERFORM qt001_cp.note_change_text(body);
    EXECUTE body;
END
$run_change$;

CREATE FUNCTION qt001_cp.change_end() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $change_end$
-- Level B, operator: what the text has done, object by object; back has to undo forward exactly.
DECLARE
    running record;
    revision text;
    after text;
    forward record;
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT known.* INTO running FROM qt001_cp.change_running() known;
    IF NOT FOUND OR NOT EXISTS (
        SELECT 1 FROM qt001_cp.run
        WHERE run.xid = pg_current_xact_id() AND run.steps @> ARRAY['run_change']) THEN
        PERFORM qt001_cp.refuse_outside_run('change_end');
    END IF;
    revision := qt001_cp.document_json(running.document) ->> 'revision';
    after := qt001_cp.record_document(qt001_cp.state_document());
    SELECT event.digest, event.detail ->> 'before' AS before, event.detail ->> 'from' AS revision
    INTO forward FROM qt001_cp.event
    WHERE running.direction = 'back' AND event.verb = 'changed'
      AND event.subject = running.document AND event.detail ->> 'direction' = 'forward'
    ORDER BY event.seq DESC LIMIT 1;
    IF running.leads_to IS DISTINCT FROM
        (CASE running.direction WHEN 'forward' THEN revision ELSE forward.revision END) THEN
        PERFORM qt001_cp.refuse_outside_run('change_end');
    END IF;
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT 'QT311' AS sqlstate, differing.object, differing.expected, differing.found,
               format('Mend %s.back.sql: it has to lead to what was there before.', revision)
                   AS mend
        FROM qt001_cp.state_differences(forward.before, after) differing
        WHERE running.direction = 'back') finding;
    PERFORM qt001_cp.raise_first(format('change %s back', revision), findings);
    PERFORM qt001_cp.record_event('changed', running.document, jsonb_build_object(
        'direction', running.direction, 'document', after, 'before', running.before,
        'after', after, 'from', running.came_from) || CASE WHEN forward.digest IS NULL THEN '{}'
                                ELSE jsonb_build_object('of', forward.digest) END);
    PERFORM qt001_cp.note_run_step('change_end');
    RAISE NOTICE 'change % %: % object(s) are another', revision, running.direction,
        (SELECT count(*) FROM qt001_cp.state_differences(running.before, after));
    FOR forward IN
        SELECT listed.gate, count(*) AS findings FROM qt001_cp.gate_findings() listed
        WHERE listed.gate NOT IN (SELECT waiting.gate FROM qt001_cp.gate() waiting
                                  WHERE waiting.waits_for IS NOT NULL)
        GROUP BY listed.gate ORDER BY listed.gate
    LOOP
        RAISE NOTICE 'gate % is closed now: % finding(s)', forward.gate, forward.findings;
    END LOOP;
END
$change_end$;

-- Its text has the owner's rights, and no more. A schema's owner makes what is in it; whom it is
-- given to needs CREATE there for that moment.
GRANT CREATE ON SCHEMA qt001_cp TO qt001_cp_owner;
ALTER FUNCTION qt001_cp.run_change(text) OWNER TO qt001_cp_owner;
REVOKE CREATE ON SCHEMA qt001_cp FROM qt001_cp_owner;
