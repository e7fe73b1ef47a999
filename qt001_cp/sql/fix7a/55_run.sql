-- The run of a printed script: how it begins, what it remembers for its end, and that nothing of it
-- is left out. The table qt001_cp.run and the triggers that refuse an incomplete one are the
-- bootstrap's.

CREATE TABLE qt001_cp.run_snapshot (
    xid xid8 PRIMARY KEY,
    manifest text NOT NULL,
    direction text NOT NULL,
    oldest_xid xid8 NOT NULL,
    fingerprint text NOT NULL,
    seed bigint NOT NULL,
    content text NOT NULL,
    default_acls jsonb NOT NULL,
    summary jsonb NOT NULL
);
COMMENT ON TABLE qt001_cp.run_snapshot IS
    'The catalogs as a run found them: fingerprint of all rows that its statements leave alone, '
    'content of those that they rewrite (hashed under the seed), default privileges afterwards. '
    'Rows of transactions older than oldest_xid were there.';

CREATE TABLE qt001_cp.run_statement (
    xid xid8 NOT NULL,
    number bigint NOT NULL,
    statement text NOT NULL,
    locks_first boolean NOT NULL,
    PRIMARY KEY (xid, number)
);
COMMENT ON TABLE qt001_cp.run_statement IS
    'The statements that a run has to execute, rendered when it begins. '
    'locks_first: only after lock_relations().';

CREATE FUNCTION qt001_cp.build() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $build$
-- The sum of the SQL that made this control plane, as event 'configured' has it, or that of the
-- release that came last.
SELECT event.detail ->> 'build' FROM qt001_cp.event
WHERE event.verb IN ('configured', 'released') ORDER BY event.seq DESC LIMIT 1
$build$;

CREATE FUNCTION qt001_cp.release_name(script text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $release_name$
-- The release of the product that a script brings or takes back; NULL: another script.
SELECT substring(script FROM '^(?:up|down)grade (fix7c(?:_\d+){3})$')
$release_name$;

CREATE FUNCTION qt001_cp.start_run(script text, revision text, build text, pair text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $start_run$
-- Level B, operator: the first step of every script behind FIX7a. revision: NULL for base. pair:
-- owner and ledger role that the script names; NULL where it becomes neither.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    -- FIX7b, changes and releases ask for theirs with all else that they ask for.
    PERFORM qt001_cp.raise_first(script, (
        SELECT jsonb_agg(to_jsonb(finding)) FROM qt001_cp.stage_findings(
            CASE script WHEN 'upgrade fix7c' THEN 'fix7b' WHEN 'downgrade fix7c' THEN 'fix7c'
                        WHEN 'downgrade fix7a' THEN 'fix7a' END) finding));
    IF pair IS NOT NULL THEN
        PERFORM qt001_cp.require_pair(
            script, jsonb_build_object('owner', split_part(pair, ', ', 1),
                                       'ledger', split_part(pair, ', ', 2)),
            'Print the script with the policy or the object manifest of this database: '
            'alembic -x policy=FILE, or -x manifest=FILE; qt001-cp status names both roles.');
    END IF;
    IF (script ~ '^(up|down)grade fix7[ac]$' OR qt001_cp.release_name(script) IS NOT NULL)
        AND NOT qt001_cp.may_set_role(session_user, 'qt001_cp_ledger') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('%s refused: role qt001_cp_ledger: expected a membership by which %s '
                             'may SET ROLE to it, lent for this script, found none',
                             script, session_user),
            HINT = format('%s -- by the administrator; afterwards: REVOKE qt001_cp_ledger FROM %I;',
                          qt001_cp.membership_hint('qt001_cp_ledger', true, true), session_user);
    END IF;
    IF build IS DISTINCT FROM qt001_cp.build() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT126',
            MESSAGE = format('%s refused: expected a script of build %s, which made this '
                             'control plane, found one of build %s',
                             script, qt001_cp.build(), build),
            HINT = 'Print the script with the version of qt001-cp that this database is at: '
                   'qt001-cp status names it. Or bring the newer release first: docs/releases.md.';
    END IF;
    PERFORM qt001_cp.begin_run(script, revision);
END
$start_run$;

CREATE FUNCTION qt001_cp.note_step(step text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $note_step$
-- Level B, operator: a step of the script has run. The ends of scripts are noted by themselves.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    IF step ~ '_end$' AND step <> 'watch_end' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('step %s refused: expected it to be noted by what it checks', step),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
    PERFORM qt001_cp.note_run_step(step);
END
$note_step$;

CREATE FUNCTION qt001_cp.last_step(script text) RETURNS TABLE (step text, revision text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $last_step$
-- The step in which a script's own postconditions are checked, which no operator can note, and the
-- revision that it leads to.
SELECT known.step, known.revision
FROM (VALUES ('upgrade fix7b', 'cutover_end', 'fix7b'), ('downgrade fix7b', 'restore_end', 'fix7a'),
             ('upgrade fix7c', 'deploy_end', 'fix7c'), ('downgrade fix7c', 'undeploy_end', 'fix7b')
     ) known(script, step, revision)
WHERE known.script = last_step.script
$last_step$;

CREATE FUNCTION qt001_cp.finish_run(script text, steps text[], structure text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $finish_run$
-- Level B, operator: the last step of a script that has checked its postconditions.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    IF NOT EXISTS (
        SELECT 1 FROM qt001_cp.run JOIN qt001_cp.last_step(finish_run.script) last
        ON last.step = ANY (run.steps) AND last.revision = run.revision
        WHERE run.xid = pg_current_xact_id() AND run.script = finish_run.script
        UNION ALL
        -- A change has these steps and no other, but for what it moves, and leads to a revision of
        -- the team's.
        SELECT 1 FROM qt001_cp.run
        WHERE run.xid = pg_current_xact_id() AND run.script = finish_run.script
          AND run.script ~ '^(up|down)grade change [a-z]'
          AND array_to_string(ARRAY(
              SELECT done.step FROM unnest(run.steps) WITH ORDINALITY done(step, place)
              WHERE done.step !~ '^(lock_relations|statements \d+ to \d+|\d+ statements|'
                                 '(lend|return)_create)$'
              ORDER BY done.place), ' ') IN (
              'change_begin run_change change_end',
              'change_begin run_change deploy_documents change_end', 'keep_change')
        UNION ALL
        -- A release has these, and leads to the revision that its event names.
        SELECT 1 FROM qt001_cp.run
        WHERE run.xid = pg_current_xact_id() AND run.script = finish_run.script
          AND qt001_cp.release_name(run.script) IS NOT NULL
          AND run.revision = qt001_cp.revision()
          AND array_to_string(run.steps, ' ') IN (
              'release_begin release_end',
              'release_begin watch_end watch_begin release_end')) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: expected the script''s own postconditions and revision '
                             'before its end, found none', script),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
    PERFORM qt001_cp.end_run(script, steps, structure);
END
$finish_run$;

CREATE FUNCTION qt001_cp.render_statements(manifest text, direction text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $render_statements$
-- Renders the statements of this run once, for require_statements().
BEGIN
    DELETE FROM qt001_cp.run_statement;
    INSERT INTO qt001_cp.run_statement (xid, number, statement, locks_first)
    SELECT pg_current_xact_id(), implied.number, implied.statement, implied.locks_first
    FROM qt001_cp.implied_statement(manifest, direction) implied;
END
$render_statements$;

CREATE FUNCTION qt001_cp.prepare_statements(manifest text, direction text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $prepare_statements$
-- Level B, operator: for FIX7c, whose statements need no snapshot.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.render_statements(manifest, direction);
END
$prepare_statements$;

CREATE FUNCTION qt001_cp.take_snapshot(manifest text, direction text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $take_snapshot$
-- Level B, operator: remembers the catalogs as the run found them, before anything is checked. What
-- changes after this is seen at the end. direction: 'forward' or 'restore'.
DECLARE
    app name;
    oldest xid8;
    seed bigint;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    app := qt001_cp.document_json(manifest) ->> 'application';
    oldest := pg_snapshot_xmin(pg_current_snapshot());
    seed := hashtextextended(gen_random_uuid()::text, 0);
    PERFORM qt001_cp.collect_run_objects(manifest, direction, app);
    INSERT INTO qt001_cp.run_snapshot (xid, manifest, direction, oldest_xid, fingerprint, seed,
                                       content, default_acls, summary)
    SELECT pg_current_xact_id(), take_snapshot.manifest, take_snapshot.direction, oldest,
           qt001_cp.catalog_fingerprint(oldest), seed,
           (SELECT state.content FROM qt001_cp.run_object_state(seed) state),
           qt001_cp.expected_default_acls(take_snapshot.manifest, take_snapshot.direction),
           qt001_cp.transfer_summary(take_snapshot.manifest, take_snapshot.direction);
    INSERT INTO qt001_cp.catalog_snapshot (classid, objid, objsubid, state)
    SELECT now.classid, now.objid, now.objsubid, now.state FROM qt001_cp.catalog_row() now;
    INSERT INTO qt001_cp.owner_acl_snapshot (classid, objid, objsubid, state)
    SELECT now.classid, now.objid, now.objsubid, coalesce(now.state, '')
    FROM qt001_cp.owner_acl() now;
    PERFORM qt001_cp.render_statements(manifest, direction);
END
$take_snapshot$;

CREATE FUNCTION qt001_cp.forget_snapshot() RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $forget_snapshot$
-- Takes away what a run has kept for itself. Others wait meanwhile: rows are not deleted one by
-- one.
TRUNCATE qt001_cp.run_snapshot, qt001_cp.run_object, qt001_cp.run_statement,
    qt001_cp.catalog_snapshot, qt001_cp.owner_acl_snapshot
$forget_snapshot$;

CREATE FUNCTION qt001_cp.require_snapshot(what text, manifest text, direction text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $require_snapshot$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.run_snapshot snapshot
                   WHERE snapshot.xid = pg_current_xact_id()
                     AND snapshot.manifest = require_snapshot.manifest
                     AND snapshot.direction = require_snapshot.direction) THEN
        PERFORM qt001_cp.refuse_outside_run(what);
    END IF;
END
$require_snapshot$;

CREATE FUNCTION qt001_cp.lock_stage() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $lock_stage$
-- Level B, operator: the lock that one session at a time has, until its transaction ends.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    LOCK TABLE qt001_cp.stage_lock IN EXCLUSIVE MODE NOWAIT;
END
$lock_stage$;

CREATE FUNCTION qt001_cp.take_stage_lock() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $take_stage_lock$
-- The lock that decides is one that only operators can take. The advisory one is for who looks at
-- pg_locks: another operator who has it is respected; anybody else, who could keep it to stop a
-- cutover or its reversal, is named and passed by.
DECLARE
    taken boolean := true;
    holder record;
BEGIN
    BEGIN
        PERFORM qt001_cp.lock_stage();
    EXCEPTION WHEN lock_not_available THEN
        taken := false;
    END;
    IF taken AND pg_try_advisory_xact_lock(hashtextextended('qt001_cp.cutover', 0)) THEN
        RETURN;
    END IF;
    SELECT activity.pid, activity.usename,
           role.rolsuper
           OR coalesce(qt001_cp.duty_of(activity.usename) = 'qt001_cp_operator', false)
           AS respected
    INTO holder
    FROM pg_locks lock JOIN pg_stat_activity activity ON activity.pid = lock.pid
    LEFT JOIN pg_roles role ON role.rolname = activity.usename
    WHERE lock.granted AND lock.pid <> pg_backend_pid()
      AND lock.database = (SELECT database.oid FROM pg_database database
                           WHERE database.datname = current_database())
      AND CASE WHEN taken THEN lock.locktype = 'advisory' AND lock.objsubid = 1
                    AND (lock.classid::bigint << 32) | lock.objid::bigint
                        = hashtextextended('qt001_cp.cutover', 0)
               ELSE lock.relation = 'qt001_cp.stage_lock'::regclass END
    ORDER BY 3 DESC NULLS LAST, 1 LIMIT 1;
    IF taken AND holder.respected IS NOT TRUE THEN
        RAISE WARNING 'session % of % holds the advisory lock of the stages, '
                      'and is not an operator', holder.pid, holder.usename;
        RETURN;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'QT123',
        MESSAGE = 'another session runs a stage of FIX7 in this database'
                  || coalesce(format(': session %s of %s', holder.pid, holder.usename), ''),
        HINT = 'Wait until it ends: SELECT pid, usename FROM pg_stat_activity;';
END
$take_stage_lock$;
