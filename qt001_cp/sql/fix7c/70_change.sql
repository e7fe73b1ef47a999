-- A change of what is protected: the team's text runs as the control plane's owner. Where a sealed
-- manifest waits that the change brings, it takes the place of the deployed one, and back (a
-- succession); without one the change is tried, in a database that is marked as a rehearsal, and
-- its way back has to lead to exactly what was there. docs/adr/0032

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
WHERE event.verb = 'changed'
  AND event.seq > (SELECT known.seq FROM qt001_cp.deployment() known)
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
      AND event.seq > (SELECT known.seq FROM qt001_cp.deployment() known)
      AND NOT EXISTS (
          SELECT 1 FROM qt001_cp.event undone
          WHERE undone.verb = 'changed' AND undone.detail ->> 'direction' = 'back'
            AND undone.detail ->> 'of' = event.digest)
    ORDER BY event.seq DESC LIMIT 1), false)
$went_forward_last$;

CREATE FUNCTION qt001_cp.successor_of(change text, direction text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $successor_of$
-- The sealed manifest that a change brings: forward the one that waits, back the deployed one.
-- NULL: none, and the change is only tried.
SELECT known.digest
FROM (SELECT CASE direction WHEN 'forward' THEN qt001_cp.sealed('qt001.manifest.object/1')
                            ELSE qt001_cp.deployed_manifest() END AS digest) known
WHERE qt001_cp.change_of(known.digest) = change
$successor_of$;

CREATE FUNCTION qt001_cp.tried_findings(change text, direction text, live text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $tried_findings$
-- What is asked of a change that brings no sealed manifest, before its text runs. live: the digest
-- of the state as it is.
SELECT 'QT310', 'change ' || (qt001_cp.document_json(change) ->> 'revision'),
       CASE direction WHEN 'forward' THEN 'one whose manifest is sealed and waits, or a rehearsal'
                      ELSE 'the change that was deployed last, or a rehearsal' END,
       'neither, in database ' || current_database(),
       CASE direction WHEN 'forward'
            THEN 'Prepare it on a copy (qt001-cp change prepare), then propose and seal what that '
                 'has made.'
            ELSE 'See which one was the last: alembic current' END
WHERE NOT qt001_cp.is_rehearsal()
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
WHERE tried_findings.direction = 'back'
  AND NOT qt001_cp.went_forward_last(change)
$tried_findings$;

CREATE FUNCTION qt001_cp.takes_from_application(was text, becomes text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $takes_from_application$
-- Whether the application owns or holds something by one manifest that it no longer owns or holds
-- by the other, on the whole or on columns.
WITH member AS MATERIALIZED (
    SELECT role::text FROM qt001_cp.member_of(qt001_cp.application_role()) role
), held AS (
    SELECT said.later, object.kind, object.identity, entry.value ->> 2 AS privilege,
           part.column_name
    FROM (VALUES (becomes, true), (was, false)) said(digest, later)
    CROSS JOIN LATERAL qt001_cp.manifest_object(said.digest) object
    CROSS JOIN LATERAL (
        SELECT NULL AS column_name, coalesce(object.retired, object.after) -> 'acl' AS acl
        UNION ALL
        SELECT listed.value ->> 'column', listed.value -> 'acl'
        FROM jsonb_array_elements(coalesce(object.retired, object.after) -> 'columns') listed) part
    CROSS JOIN LATERAL jsonb_array_elements(part.acl) entry
    WHERE object.disposition = 'transfer'
      AND coalesce(entry.value ->> 1, qt001_cp.application_role()::text)
          IN (SELECT member.role FROM member)
), protected AS MATERIALIZED (
    SELECT said.later, object.kind, object.identity, object.disposition,
           object.before ->> 'owner' AS owner
    FROM (VALUES (becomes, true), (was, false)) said(digest, later)
    CROSS JOIN LATERAL qt001_cp.manifest_object(said.digest) object
)
SELECT EXISTS (
    SELECT earlier.kind, earlier.identity, earlier.privilege, earlier.column_name
    FROM held earlier WHERE NOT earlier.later
      -- What is its own again it has altogether.
      AND NOT EXISTS (SELECT 1 FROM protected given
                      WHERE given.later AND given.disposition = 'retain'
                        AND given.kind = earlier.kind AND given.identity = earlier.identity)
    EXCEPT
    SELECT since.kind, since.identity, since.privilege, since.column_name
    FROM held since WHERE since.later)
    OR EXISTS (
    SELECT taken.kind, taken.identity FROM protected taken
    WHERE taken.later AND taken.disposition = 'transfer'
      AND taken.owner <> 'qt001_cp_owner'
    EXCEPT
    SELECT earlier.kind, earlier.identity FROM protected earlier
    WHERE NOT earlier.later AND earlier.disposition = 'transfer')
$takes_from_application$;

CREATE FUNCTION qt001_cp.begun_findings(successor text)
RETURNS TABLE (object text, expected text, found text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $begun_findings$
-- What is not as it was deployed. Where the server has moved, the successor says the same in the
-- words of this one; the apply path as FIX7c has made it is compared with its analysis, at the end.
SELECT drift.object, drift.expected, drift.found
FROM qt001_cp.estate_findings(qt001_cp.deployed_manifest()) drift
WHERE NOT qt001_cp.follows_server(successor)
UNION ALL
SELECT drift.object, drift.expected, drift.found
FROM qt001_cp.estate_findings(successor) drift
WHERE qt001_cp.follows_server(successor)
  AND NOT (drift.gate = 'definitions_exact' AND drift.object IN (
      SELECT entry.kind || ' ' || entry.identity
      FROM qt001_cp.manifest_object(successor) entry
      JOIN jsonb_array_elements(qt001_cp.document_json(successor) -> 'repoint') part
        ON part.value ->> 'identity' = entry.identity))
$begun_findings$;

CREATE FUNCTION qt001_cp.succeeding_findings(successor text, direction text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $succeeding_findings$
-- What is asked of a succession before its text runs: exactly what is deployed is there, the
-- successor is of that, its no-go record is in this database, and what it moves is the
-- application's, or is as the change has left it when it was given back. VOLATILE: the sessions are
-- those of now.
DECLARE
    here int := current_setting('server_version_num')::int / 10000;
BEGIN
    IF direction = 'forward' AND qt001_cp.follows_server(successor)
        AND (qt001_cp.document_json(successor) ->> 'server_major')::int <> here THEN
        RETURN QUERY
        SELECT 'QT310'::text, 'server'::text,
               'PostgreSQL ' || (qt001_cp.document_json(successor) ->> 'server_major'),
               'PostgreSQL ' || here,
               'The change follows the server: move it first, or qt001-cp manifest withdraw '
                   || successor || ' --reason ''another version''';
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'QT310'::text, drift.object, drift.expected, drift.found,
           'Put it back: a change is made on exactly what is deployed.'::text
    FROM qt001_cp.begun_findings(successor) drift;
    IF direction = 'back' AND qt001_cp.follows_server(successor) THEN
        RETURN QUERY
        SELECT 'QT310'::text, 'server'::text,
               'PostgreSQL ' || (qt001_cp.document_json(qt001_cp.predecessor(successor))
                                 ->> 'server_major'),
               'PostgreSQL ' || here,
               'A server does not move back. What goes back behind it goes back from the manifest '
               'of this server: alembic -x changes=keep downgrade'::text;
    END IF;
    RETURN QUERY
    SELECT 'QT310'::text, worse.object, worse.expected, worse.found, worse.mend
    FROM qt001_cp.no_worse_findings(qt001_cp.deployed_manifest()) worse;
    IF direction = 'forward' THEN
        RETURN QUERY SELECT finding.* FROM qt001_cp.succession_findings(successor) finding;
        RETURN QUERY SELECT finding.* FROM qt001_cp.rehearsal_findings(successor) finding
                     WHERE NOT qt001_cp.is_rehearsal();
        RETURN QUERY SELECT finding.* FROM qt001_cp.move_findings(successor) finding;
        RETURN QUERY SELECT finding.* FROM qt001_cp.new_owner_findings(successor) finding
                     WHERE qt001_cp.moves(successor);
    ELSE
        RETURN QUERY SELECT finding.* FROM qt001_cp.moved_state_findings(
            successor, false, 'QT310', 'Put it back: what a change has given back is taken again '
            'as it was then.') finding;
    END IF;
END
$succeeding_findings$;

CREATE FUNCTION qt001_cp.wait_for_readers(was text, becomes text, revision text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $wait_for_readers$
-- Where a change takes something from the application, every transaction of its that is open now
-- ends before; idle sessions stay. Who begins later is met by the locks. Nothing is locked
-- meanwhile.
DECLARE
    findings jsonb;
BEGIN
    IF NOT qt001_cp.takes_from_application(was, becomes) THEN
        RETURN;
    END IF;
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.session_findings(becomes) finding
    WHERE starts_with(finding.object, 'prepared transaction ');
    PERFORM qt001_cp.raise_first('change ' || revision, findings);
    PERFORM qt001_cp.wait_for_application(becomes);
END
$wait_for_readers$;

CREATE FUNCTION qt001_cp.prepare_moves(manifest text, direction text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $prepare_moves$
-- Renders the statements of what a change moves, and notes the relations to lock for them.
DECLARE
    way text := CASE direction WHEN 'forward' THEN 'move' ELSE 'unmove' END;
BEGIN
    DELETE FROM qt001_cp.run_object;
    INSERT INTO qt001_cp.run_object (classid, objid, objsubid, number, kind)
    SELECT live.classid, live.objid, 0, object.number, object.kind
    FROM qt001_cp.manifest_object(manifest) object
    JOIN qt001_cp.live_object(qt001_cp.application_role(), true, false) live
    ON live.kind = object.kind AND live.identity = object.identity
    WHERE object.ways ? way AND object.kind <> 'default acl';
    PERFORM qt001_cp.render_statements(manifest, way);
END
$prepare_moves$;

CREATE FUNCTION qt001_cp.require_moves(
    change text, direction text, successor text, given text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_moves$
-- The script has the statements of owners and privileges of the successor that the change brings,
-- where that one moves anything; of a change that is tried, those of a draft that names it.
DECLARE
    wanted text := CASE WHEN successor IS NULL THEN given
                        WHEN qt001_cp.moves(successor) THEN successor END;
BEGIN
    IF given IS DISTINCT FROM wanted OR given IS NOT NULL AND (
        qt001_cp.change_of(given) IS DISTINCT FROM change OR NOT qt001_cp.moves(given)
        OR direction = 'forward'
           AND qt001_cp.predecessor(given) IS DISTINCT FROM qt001_cp.deployed_manifest()) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT103',
            MESSAGE = format('change %s refused: owners and privileges: expected %s, found %s',
                             qt001_cp.document_json(change) ->> 'revision',
                             coalesce('the statements of manifest ' || wanted, 'none'),
                             coalesce('those of manifest ' || given, 'none')),
            HINT = 'Print the script with the manifest of this change: alembic -c changes/'
                   'alembic.ini -x manifest=FOLDER/object.json upgrade (or downgrade)';
    END IF;
    IF given IS NOT NULL THEN
        PERFORM qt001_cp.prepare_moves(given, direction);
    END IF;
END
$require_moves$;

CREATE FUNCTION qt001_cp.lacking_power_findings(manifest text, direction text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lacking_power_findings$
-- What the operator lacks for the statements of a change.
SELECT power.* FROM qt001_cp.operator_power_findings(
    manifest, CASE direction WHEN 'forward' THEN 'move' ELSE 'unmove' END) power
WHERE manifest IS NOT NULL
$lacking_power_findings$;

CREATE FUNCTION qt001_cp.change_revision() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $change_revision$
-- The newest revision of the team's, whatever release of the product stands beside it; fix7c before
-- the first one.
SELECT coalesce(string_agg(version_num, ', ' ORDER BY version_num), 'fix7c')
FROM qt001_cp.alembic_version WHERE version_num !~ '^fix7'
$change_revision$;

CREATE FUNCTION qt001_cp.change_begin(body bytea, direction text, moves text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $change_begin$
-- Level B, operator: records the change whole, and what it begins with: a sealed successor, or the
-- state as it is. moves: the manifest whose statements of owners and privileges the script has.
DECLARE
    change text;
    revision text;
    successor text;
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
    successor := qt001_cp.successor_of(change, direction);
    IF successor IS NULL AND qt001_cp.is_rehearsal() THEN
        before := qt001_cp.record_document(qt001_cp.state_document());
    END IF;
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT place.* FROM qt001_cp.place_findings(qt001_cp.deployed_manifest(), 'fix7c') place
        UNION ALL
        SELECT login.* FROM qt001_cp.login_findings() login) finding;
    PERFORM qt001_cp.raise_first('change ' || revision, findings);
    PERFORM qt001_cp.require_moves(change, direction, successor, moves);
    IF successor IS NOT NULL THEN
        PERFORM qt001_cp.wait_for_readers(
            qt001_cp.deployed_manifest(),
            CASE direction WHEN 'forward' THEN successor ELSE qt001_cp.predecessor(successor) END,
            revision);
    END IF;
    IF successor IS NULL THEN
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.tried_findings(change, direction, before) finding;
    ELSE
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.succeeding_findings(successor, direction) finding;
    END IF;
    PERFORM qt001_cp.raise_first('change ' || revision, findings);
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.lacking_power_findings(moves, direction) finding;
    PERFORM qt001_cp.raise_first('change ' || revision, findings);
    INSERT INTO qt001_cp.owner_acl_snapshot (classid, objid, objsubid, state)
    SELECT now.classid, now.objid, now.objsubid, coalesce(now.state, '')
    FROM qt001_cp.owner_acl() now WHERE successor IS NOT NULL;
    PERFORM qt001_cp.record_event('changing', change, jsonb_strip_nulls(jsonb_build_object(
        'direction', direction, 'successor', successor, 'moves', moves, 'document', before,
        'revision', qt001_cp.change_revision(), 'taken', (
            SELECT jsonb_agg(jsonb_build_array(state.kind, state.identity, state.definition)
                             ORDER BY state.kind COLLATE "C", state.identity COLLATE "C")
            FROM qt001_cp.moved_state(successor, true) state
            WHERE direction = 'forward'))));
    PERFORM qt001_cp.note_run_step('change_begin');
END
$change_begin$;

CREATE FUNCTION qt001_cp.change_running()
RETURNS TABLE (
    document text, direction text, before text, successor text, moves text, came_from text,
    leads_to text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $change_running$
-- The change that this transaction has begun: no step of it writes another event before it ends
-- but the documents of its successor. came_from, leads_to: revisions.
SELECT event.subject, event.detail ->> 'direction', event.detail ->> 'document',
       event.detail ->> 'successor', event.detail ->> 'moves', event.detail ->> 'revision',
       run.revision
FROM qt001_cp.run CROSS JOIN LATERAL (
    SELECT newest.* FROM qt001_cp.event newest
    WHERE newest.verb = 'changing' ORDER BY newest.seq DESC LIMIT 1) event
WHERE run.xid = pg_current_xact_id() AND run.steps @> ARRAY['change_begin']
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
    -- What is moved is locked before the text, which may lock more.
    IF EXISTS (SELECT 1 FROM qt001_cp.run_statement rendered
               WHERE rendered.xid = pg_current_xact_id()) THEN
        PERFORM qt001_cp.require_locks_before(1, 1);
    END IF;
END
$require_change$;

CREATE FUNCTION qt001_cp.refuse_change_wait() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $refuse_change_wait$
-- Level A, with the ledger role's rights: names who holds a lock on something protected, the oldest
-- transaction first, when the text of a change has waited for one in vain.
DECLARE
    holder record;
BEGIN
    SELECT held.* INTO holder
    FROM (SELECT lock.relation FROM pg_locks lock
          JOIN pg_class protected ON protected.oid = lock.relation
              AND protected.relowner = to_regrole('qt001_cp_owner')
          LEFT JOIN pg_stat_activity activity ON activity.pid = lock.pid
          WHERE lock.locktype = 'relation' AND lock.granted
            AND lock.pid IS DISTINCT FROM pg_backend_pid()
            AND lock.database = (SELECT database.oid FROM pg_database database
                                 WHERE database.datname = current_database())
          ORDER BY activity.xact_start NULLS LAST LIMIT 1) busy
    CROSS JOIN LATERAL qt001_cp.lock_holder(busy.relation) held;
    RAISE EXCEPTION USING ERRCODE = 'QT312',
        MESSAGE = format('change refused: locks: expected each that its text needs within half a '
                         'second, in one of ten tries, found one of %s',
                         coalesce(holder.who, 'a session that has ended by now')),
        HINT = coalesce(holder.mend || '; then run the script again.', 'Run the script again.');
END
$refuse_change_wait$;

CREATE FUNCTION qt001_cp.execute_change(body text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $execute_change$
-- Runs a text with the rights of who calls it. Who waits behind it for a relation waits half a
-- second at most (the lock_timeout of run_change): then all that it has done is undone, with its
-- locks, and it begins again, ten times.
BEGIN
    FOR attempt IN 1..10 LOOP
        BEGIN
            EXECUTE body;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 10 THEN
                PERFORM qt001_cp.refuse_change_wait();
            END IF;
        END;
        PERFORM pg_sleep(0.2);
    END LOOP;
END
$execute_change$;

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
    PERFORM qt001_cp.execute_change(body);
END
$run_change$;

CREATE FUNCTION qt001_cp.require_change_text(step text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $require_change_text$
-- That the text of a change has run in this transaction.
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.change_running())
        OR NOT EXISTS (SELECT 1 FROM qt001_cp.run
                       WHERE run.xid = pg_current_xact_id() AND run.steps @> ARRAY['run_change'])
    THEN
        PERFORM qt001_cp.refuse_outside_run(step);
    END IF;
END
$require_change_text$;

CREATE FUNCTION qt001_cp.require_text_run() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $require_text_run$
-- Level A: that the text of a change has run in this transaction.
BEGIN
    PERFORM qt001_cp.require_change_text('lend_create');
END
$require_text_run$;

CREATE FUNCTION qt001_cp.note_lent(step text) RETURNS TABLE (schema text, owner text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $note_lent$
-- Level B, the owner's: to whom a change gives something back in which schema of the control
-- plane's owner, where that one has no CREATE by the manifest.
DECLARE
    running record;
BEGIN
    PERFORM qt001_cp.require_text_run();
    SELECT known.* INTO running FROM qt001_cp.change_running() known;
    IF step NOT IN ('lend_create', 'return_create') THEN
        PERFORM qt001_cp.refuse_outside_run(step);
    END IF;
    PERFORM qt001_cp.note_run_step(step);
    RETURN QUERY
    SELECT DISTINCT space.nspname::text, moved.step ->> 'to'
    FROM qt001_cp.implied_step(
        running.moves, CASE running.direction WHEN 'forward' THEN 'move' ELSE 'unmove' END) moved
    JOIN pg_namespace space ON space.nspname = moved.schema
    JOIN qt001_cp.manifest_object(running.moves) object
    ON object.kind = 'schema' AND object.name = moved.schema
    WHERE moved.step ->> 'do' = 'owner' AND moved.step ->> 'to' <> 'qt001_cp_owner'
      AND space.nspowner = to_regrole('qt001_cp_owner') AND object.disposition = 'transfer'
      AND NOT EXISTS (
          SELECT 1 FROM jsonb_array_elements(object.after -> 'acl') entry
          WHERE entry ->> 2 = 'CREATE'
            AND (entry ->> 1 IS NULL OR entry ->> 1 = moved.step ->> 'to'));
END
$note_lent$;

CREATE FUNCTION qt001_cp.lend_create(step text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $lend_create$
-- The owner role's: without superuser PostgreSQL asks whether a new owner may CREATE in the schema.
-- Lent before what is given back, and returned behind it: outside of this transaction nobody sees
-- it.
DECLARE
    lent record;
BEGIN
    PERFORM qt001_cp.require_text_run();
    FOR lent IN SELECT noted.* FROM qt001_cp.note_lent(step) noted LOOP
        EXECUTE format(CASE step WHEN 'lend_create' THEN 'GRANT CREATE ON SCHEMA %I TO %I'
                                 ELSE 'REVOKE CREATE ON SCHEMA %I FROM %I' END,
                       lent.schema, lent.owner);
    END LOOP;
END
$lend_create$;

CREATE FUNCTION qt001_cp.change_documents(
    analysis bytea, readiness bytea, capability bytea, dependency bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $change_documents$
-- Level B, operator: imports the static analysis and seals the manifests that belong to the
-- successor.
DECLARE
    running record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_change_text('change_documents');
    SELECT known.* INTO running FROM qt001_cp.change_running() known;
    IF running.successor IS NULL OR running.direction <> 'forward' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT310',
            MESSAGE = format('change %s refused: documents: expected a sealed manifest that the '
                             'change brings and that waits, found none',
                             qt001_cp.document_json(running.document) ->> 'revision'),
            HINT = 'Propose and seal it first; a change that is only tried has no -x manifest.';
    END IF;
    PERFORM qt001_cp.deploy_documents(
        running.successor, analysis, readiness, capability, dependency);
END
$change_documents$;

CREATE FUNCTION qt001_cp.documents_in_force(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $documents_in_force$
-- The documents that were in force with an object manifest when it was deployed last.
SELECT event.detail -> 'documents' FROM qt001_cp.event
WHERE event.verb IN ('deployed', 'succeeded') AND event.subject = manifest
ORDER BY event.seq DESC LIMIT 1
$documents_in_force$;

CREATE FUNCTION qt001_cp.inherited_protection(detail jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $inherited_protection$
-- Rows of source tables and row security as the deployment before has noted them: a change lowers
-- neither. detail: what is there now, for what was not there.
SELECT jsonb_build_object(
    'rows', known.detail -> 'rows',
    'row_security', (known.detail -> 'row_security') || (
        SELECT coalesce(jsonb_agg(today.value), '[]')
        FROM jsonb_array_elements(detail -> 'row_security') today
        WHERE NOT known.detail -> 'row_security'
                  @> jsonb_build_array(jsonb_build_object('identity', today.value -> 'identity'))))
FROM qt001_cp.deployment() known
$inherited_protection$;

CREATE FUNCTION qt001_cp.made_here(class oid, id oid) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $made_here$
-- Whether this transaction has written the catalog row of an object, or one of its columns.
DECLARE
    found boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (SELECT 1 FROM %s entry'
        ' WHERE entry.oid = $1 AND qt001_cp.made_by_this_transaction(entry.xmin))',
        CASE class WHEN 'pg_largeobject'::regclass THEN 'pg_largeobject_metadata'::regclass
                   ELSE class::regclass END)
    INTO found USING id;
    RETURN found OR class = 'pg_class'::regclass AND EXISTS (
        SELECT 1 FROM pg_attribute entry
        WHERE entry.attrelid = id AND qt001_cp.made_by_this_transaction(entry.xmin));
END
$made_here$;

CREATE FUNCTION qt001_cp.moved_beside_findings(successor text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $moved_beside_findings$
-- Whose owner or ACL this transaction has changed is protected by one of the two manifests, which
-- the gates compare, a partition that they judge by what it is, or is what the change moves; and
-- nothing else. Others may go on meanwhile.
WITH changed AS MATERIALIZED (
    SELECT changed.classid, changed.objid FROM qt001_cp.owner_acl_changed() changed
), reviewed AS MATERIALIZED (
    SELECT object.kind, object.identity
    FROM (VALUES (successor), (qt001_cp.predecessor(successor))) said(digest)
    CROSS JOIN LATERAL qt001_cp.manifest_object(said.digest) object
    WHERE object.disposition = 'transfer' OR object.ways ?| '{move,unmove}'
)
SELECT 'QT112', named.type || ' ' || named.identity, 'owner and ACL untouched by this change',
       'changed', 'Run only the printed script, alone in its transaction.'
FROM changed CROSS JOIN LATERAL pg_identify_object(changed.classid, changed.objid, 0) named
WHERE named.identity IS NOT NULL AND named.schema IS DISTINCT FROM 'qt001_cp'
  AND NOT EXISTS (SELECT 1 FROM reviewed
                  WHERE reviewed.kind = named.type AND reviewed.identity = named.identity)
  AND NOT (changed.classid = 'pg_class'::regclass
           AND changed.objid IN (SELECT part.oid FROM qt001_cp.grown(successor) part))
  AND qt001_cp.made_here(changed.classid, changed.objid)
$moved_beside_findings$;

CREATE FUNCTION qt001_cp.given_back_findings(successor text, back boolean)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $given_back_findings$
-- What is the application's again is exactly what it was: forward what the change gives back, back
-- what it had taken. Its definition, too: forward that of the copy, back the one that it was taken
-- with.
SELECT finding.*
FROM qt001_cp.moved_state_findings(
    successor, back, 'QT110', 'Run only the printed script, alone in its transaction.') finding
UNION ALL
SELECT 'QT311', state.kind || ' ' || state.identity, 'definition ' || wanted.definition,
       'definition ' || state.definition,
       'Mend the text of the change: it leaves what is given back as it was.'
FROM qt001_cp.moved_state(successor, back) state
CROSS JOIN LATERAL (
    SELECT CASE WHEN NOT back THEN state.wanted ELSE (
        SELECT entry.value ->> 2 FROM (
            SELECT event.detail -> 'taken' AS taken FROM qt001_cp.event
            WHERE event.verb = 'changing' AND event.detail ->> 'successor' = successor
              AND event.detail ->> 'direction' = 'forward'
            ORDER BY event.seq DESC LIMIT 1) began
        CROSS JOIN LATERAL jsonb_array_elements(began.taken) entry
        WHERE entry.value ->> 0 = state.kind AND entry.value ->> 1 = state.identity)
        END AS definition) wanted
WHERE state.definition IS DISTINCT FROM wanted.definition
$given_back_findings$;

CREATE FUNCTION qt001_cp.lent_to_operator(finding jsonb) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lent_to_operator$
-- The application role is lent to the session's login while a change moves something: a finding
-- afterwards, as after FIX7b, until it is taken back.
SELECT EXISTS (
    SELECT 1 FROM qt001_cp.application_member_findings(false) lent
    WHERE lent.object = 'role ' || session_user AND lent.object = finding ->> 'object'
      AND lent.expected = finding ->> 'expected'
      AND NOT EXISTS (SELECT 1 FROM qt001_cp.application_member_findings(true) other
                      WHERE other.object = lent.object))
$lent_to_operator$;

CREATE FUNCTION qt001_cp.succeed(
    change text, direction text, came_from text, successor text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $succeed$
-- Puts a manifest in the place of the deployed one: the successor, or back its predecessor. Refuses
-- unless everything that does not wait for people is as that one says.
DECLARE
    back boolean := succeed.direction = 'back';
    manifest text := CASE WHEN back THEN qt001_cp.predecessor(successor) ELSE successor END;
    what text := format('change %s %s', qt001_cp.document_json(change) ->> 'revision', direction);
    findings jsonb;
BEGIN
    SELECT jsonb_agg(to_jsonb(worse)) INTO findings
    FROM qt001_cp.no_worse_findings(qt001_cp.deployed_manifest()) worse;
    PERFORM qt001_cp.raise_first(what, findings);
    PERFORM qt001_cp.record_event('succeeded', manifest,
        today.detail || qt001_cp.inherited_protection(today.detail) || jsonb_build_object(
            'direction', direction, 'change', change, 'from', came_from, 'document', kept,
            'documents', CASE WHEN back THEN qt001_cp.documents_in_force(manifest)
                              ELSE qt001_cp.sealed_documents() END)
        || CASE WHEN back THEN jsonb_build_object('takes_back', successor)
                ELSE jsonb_build_object('predecessor', qt001_cp.deployed_manifest()) END)
    FROM qt001_cp.deployment_detail(manifest) today(detail)
    CROSS JOIN qt001_cp.record_document(qt001_cp.deployed_document(manifest)) kept;
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.gate_findings() finding
    WHERE finding.gate NOT IN (
              SELECT listed.gate FROM qt001_cp.gate() listed WHERE listed.waits_for IS NOT NULL)
      AND (finding.sqlstate <> 'QT105' OR NOT qt001_cp.is_rehearsal())
      AND NOT (finding.gate = 'roles_apart' AND qt001_cp.moves(successor)
               AND qt001_cp.lent_to_operator(to_jsonb(finding)));
    PERFORM qt001_cp.raise_first(what || ' (afterwards)', findings);
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT given.* FROM qt001_cp.given_back_findings(successor, back) given
        UNION ALL
        SELECT beside.* FROM qt001_cp.moved_beside_findings(successor) beside
        UNION ALL
        SELECT grown.* FROM qt001_cp.growth_findings(successor) grown WHERE NOT back) finding;
    PERFORM qt001_cp.raise_first(what || ' (afterwards)', findings);
    RAISE NOTICE '%: object manifest % is deployed', what, manifest;
END
$succeed$;

CREATE FUNCTION qt001_cp.went_forward(change text)
RETURNS TABLE (digest text, before text, came_from text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $went_forward$
-- The event of a change's last way forward, tried or deployed: the state and the revision before.
SELECT event.digest, event.detail ->> 'before', event.detail ->> 'from' FROM qt001_cp.event
WHERE event.detail ->> 'direction' = 'forward'
  AND (event.verb = 'changed' AND event.subject = went_forward.change
       OR event.verb = 'succeeded' AND event.detail ->> 'change' = went_forward.change)
ORDER BY event.seq DESC LIMIT 1
$went_forward$;

CREATE FUNCTION qt001_cp.end_trial(
    change text, direction text, came_from text, before text, forward text, wanted text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $end_trial$
-- A change that is tried: what another is, and which gates are closed now; back has to lead to
-- exactly the state that its way forward (the digest of its event) began with (wanted).
DECLARE
    revision text := qt001_cp.document_json(change) ->> 'revision';
    after text := qt001_cp.record_document(qt001_cp.state_document());
    findings jsonb;
    closed record;
BEGIN
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT 'QT311' AS sqlstate, differing.object, differing.expected, differing.found,
               format('Mend %s.back.sql: it has to lead to what was there before.', revision)
                   AS mend
        FROM qt001_cp.state_differences(wanted, after) differing
        WHERE end_trial.direction = 'back') finding;
    PERFORM qt001_cp.raise_first(format('change %s back', revision), findings);
    PERFORM qt001_cp.record_event('changed', change, jsonb_build_object(
        'direction', direction, 'document', after, 'before', before, 'after', after,
        'from', came_from)
        || CASE WHEN forward IS NULL THEN '{}' ELSE jsonb_build_object('of', forward) END);
    RAISE NOTICE 'change % %: % object(s) are another', revision, direction,
        (SELECT count(*) FROM qt001_cp.state_differences(before, after));
    FOR closed IN
        SELECT listed.gate, count(*) AS findings FROM qt001_cp.gate_findings() listed
        WHERE listed.gate NOT IN (SELECT waiting.gate FROM qt001_cp.gate() waiting
                                  WHERE waiting.waits_for IS NOT NULL)
        GROUP BY listed.gate ORDER BY listed.gate
    LOOP
        RAISE NOTICE 'gate % is closed now: % finding(s)', closed.gate, closed.findings;
    END LOOP;
END
$end_trial$;

CREATE FUNCTION qt001_cp.change_end() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $change_end$
-- Level B, operator: what the text has done has to be what the successor says; of a change that is
-- tried, back has to undo forward exactly.
DECLARE
    running record;
    forward record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_change_text('change_end');
    SELECT known.* INTO running FROM qt001_cp.change_running() known;
    SELECT known.* INTO forward
    FROM (SELECT) one LEFT JOIN qt001_cp.went_forward(running.document) known
    ON running.direction = 'back';
    IF running.leads_to IS DISTINCT FROM (
        CASE running.direction
        WHEN 'forward' THEN qt001_cp.document_json(running.document) ->> 'revision'
        ELSE forward.came_from END) THEN
        PERFORM qt001_cp.refuse_outside_run('change_end');
    END IF;
    IF running.successor IS NULL THEN
        PERFORM qt001_cp.end_trial(running.document, running.direction, running.came_from,
                                   running.before, forward.digest, forward.before);
    ELSE
        PERFORM qt001_cp.succeed(
            running.document, running.direction, running.came_from, running.successor);
    END IF;
    PERFORM qt001_cp.forget_snapshot();
    PERFORM qt001_cp.note_run_step('change_end');
END
$change_end$;

CREATE FUNCTION qt001_cp.kept_changes() RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $kept_changes$
-- The changes whose revisions were taken back since the last deployment without their text.
SELECT event.subject FROM qt001_cp.event
WHERE event.verb = 'kept' AND event.seq > (SELECT known.seq FROM qt001_cp.deployment() known)
$kept_changes$;

CREATE FUNCTION qt001_cp.keep_change(body bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $keep_change$
-- Level B, operator: the emergency way. The revision of the newest change goes, its text does not
-- run: what it has made stays, the manifest that it has brought stays deployed, and FIX7c and FIX7b
-- go back from that one.
DECLARE
    change text;
    newest text;
    revision text;
    found record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.take_stage_lock();
    change := qt001_cp.record_document(body);
    revision := qt001_cp.document_json(change) ->> 'revision';
    newest := (SELECT qt001_cp.change_of(line.digest)
               FROM qt001_cp.ancestry(qt001_cp.deployed_manifest()) line
               WHERE qt001_cp.change_of(line.digest) NOT IN (
                   SELECT kept FROM qt001_cp.kept_changes() kept)
               ORDER BY line.number LIMIT 1);
    SELECT run.script, run.revision INTO found FROM qt001_cp.run
    WHERE run.xid = pg_current_xact_id();
    IF found.script IS DISTINCT FROM 'downgrade change ' || revision
        OR found.revision IS DISTINCT FROM (
            SELECT known.came_from FROM qt001_cp.went_forward(change) known) THEN
        PERFORM qt001_cp.refuse_outside_run('keep_change');
    END IF;
    IF newest IS DISTINCT FROM change THEN
        RAISE EXCEPTION USING ERRCODE = 'QT310',
            MESSAGE = format('keeping change %s refused: expected the change that was deployed '
                             'last and is not kept yet, found %s', revision,
                             coalesce(qt001_cp.document_json(newest) ->> 'revision', 'none')),
            HINT = 'The newest goes first: alembic -x changes=keep downgrade';
    END IF;
    PERFORM qt001_cp.record_event('kept', change, jsonb_build_object(
        'object_manifest', qt001_cp.deployed_manifest()));
    PERFORM qt001_cp.note_run_step('keep_change');
    RAISE NOTICE 'change % is kept: object manifest % stays deployed, and what goes back goes back '
                 'from it', revision, qt001_cp.deployed_manifest();
END
$keep_change$;

-- Its text has the owner's rights, and no more; so have partitions that come and go. A schema's
-- owner makes what is in it; whom it is given to needs CREATE there for that moment.
GRANT CREATE ON SCHEMA qt001_cp TO qt001_cp_owner;
ALTER FUNCTION qt001_cp.run_change(text) OWNER TO qt001_cp_owner;
ALTER FUNCTION qt001_cp.lend_create(text) OWNER TO qt001_cp_owner;
ALTER FUNCTION qt001_cp.add_partition(text, text, text[], text[]) OWNER TO qt001_cp_owner;
ALTER FUNCTION qt001_cp.add_list_partition(text, text, text[]) OWNER TO qt001_cp_owner;
ALTER FUNCTION qt001_cp.drop_partition(text) OWNER TO qt001_cp_owner;
REVOKE CREATE ON SCHEMA qt001_cp FROM qt001_cp_owner;
