-- The gates: the one list of them, what finds what closes each, two views. The guard that asks
-- them: 55_guard. A gate more: a function here that finds what closes it, and its row in gate().

CREATE FUNCTION qt001_cp.deployed_manifest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $deployed_manifest$
SELECT known.subject FROM qt001_cp.deployment() known WHERE qt001_cp.stage() = 'fix7c'
$deployed_manifest$;

CREATE FUNCTION qt001_cp.gates_of_apply_path() RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $gates_of_apply_path$
-- The gates that speak of an apply path: where the deployed manifest has none, they do not exist.
SELECT ARRAY['legacy_authority_removed', 'dependency_manifest_closed', 'capability_evidence_real']
$gates_of_apply_path$;

CREATE FUNCTION qt001_cp.gate()
RETURNS TABLE (ordinal int, gate text, meaning text, finder text, waits_for text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $gate$
-- Every gate of this database. finder: the call whose rows close it ($1: the deployed manifest);
-- where several gates have the same, each of its rows begins with the gate that it closes.
-- waits_for: who has to act before it opens; NULL where the state of the database alone decides. No
-- table: what a sign-off is about contains this text, and nobody can delete a row of it.
SELECT listed.* FROM (VALUES
    (1, 'object_manifest_sealed',
        'the object manifest that was cut over is sealed, and its no-go rehearsal is recorded',
        'qt001_cp.manifest_findings($1)', NULL),
    (2, 'inventory_exact',
        'what was transferred is there, and nothing new reaches past the catalogs',
        'qt001_cp.estate_findings($1)', NULL),
    (3, 'owners_and_acls_exact',
        'every owner, ACL and column ACL is as the manifest says',
        'qt001_cp.estate_findings($1)', NULL),
    (4, 'definitions_exact',
        'every transferred object is defined as when it was sealed or deployed',
        'qt001_cp.estate_findings($1)', NULL),
    (5, 'search_paths_secure',
        'what runs with the rights of who holds something protected has a pinned search_path',
        'qt001_cp.search_path_findings($1, true)', NULL),
    (6, 'roles_apart',
        'no login holds two duties, none is the application role or can write the ledger itself',
        'qt001_cp.role_findings()', NULL),
    (7, 'application_role_contained',
        'the application role holds nothing beyond what the manifest leaves, and reaches nothing',
        'qt001_cp.containment_findings($1)', NULL),
    (8, 'legacy_authority_removed',
        'nothing on the apply path reaches the legacy authority, and nobody can call it',
        'qt001_cp.apply_path_findings($1)', NULL),
    (9, 'entry_points_paired',
        'every Level-B entry point is registered and calls its Level-A guard first',
        'qt001_cp.entry_point_findings($1)', NULL),
    (10, 'readiness_manifest_met',
        'the readiness manifest is sealed and what it asks for is so',
        'qt001_cp.readiness_findings($1)', NULL),
    (11, 'dependency_manifest_closed',
        'the apply path reaches nothing outside the dependency manifest',
        'qt001_cp.apply_path_findings($1)', NULL),
    (12, 'static_analysis_present',
        'real static analysis of exactly today''s sources, without blocking findings',
        'qt001_cp.analysis_findings($1)', NULL),
    (13, 'scheduled_verifier_recent',
        'scheduled verifier and scanner ran recently and clean, as two logins',
        'qt001_cp.verifier_findings()', 'the schedule'),
    (14, 'sign_off_present',
        'an independent sign-off of exactly today''s subject, not expired',
        'qt001_cp.sign_off_findings()', 'people'),
    (15, 'capability_evidence_real',
        'real evidence for every capability',
        'qt001_cp.capability_findings($1)', 'people'),
    (16, 'protected_state_no_worse',
        'no protected row and no protection was lost since the deployment',
        'qt001_cp.no_worse_findings($1)', NULL),
    (17, 'ledger_intact',
        'the chain of events and the documents are as they were written',
        'qt001_cp.recent_ledger_findings()', NULL)
    ) listed(ordinal, gate, meaning, finder, waits_for)
WHERE listed.gate <> ALL (qt001_cp.gates_of_apply_path())
   OR qt001_cp.has_apply_path(qt001_cp.deployed_manifest())
$gate$;

CREATE FUNCTION qt001_cp.manifest_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_findings$
-- What else is sealed, and waits, is no matter of this one. What was cut over is the manifest
-- itself, or the one at the beginning of its line of successors.
SELECT 'QT301', 'object manifest', 'the one that was sealed and cut over: ' || manifest,
       CASE WHEN force.digest IS NULL THEN 'no event that sealed it'
            WHEN NOT line.has_cutover
                THEN coalesce('cut over: ' || cutover.subject, 'no cutover')
            ELSE 'an event that withdrew it' END,
       'Find out who wrote or removed events (qt001_cp.v_event); take FIX7c and FIX7b back.'
FROM (SELECT qt001_cp.in_force('qt001.manifest.object/1') AS digest) force
LEFT JOIN LATERAL (SELECT event.subject FROM qt001_cp.event
                   WHERE event.verb = 'cutover' ORDER BY event.seq DESC LIMIT 1) cutover ON true
CROSS JOIN LATERAL (
    SELECT coalesce(cutover.subject IN (
        SELECT known.digest FROM qt001_cp.ancestry(manifest) known), false) AS has_cutover) line
WHERE force.digest IS DISTINCT FROM manifest OR NOT line.has_cutover
   OR EXISTS (SELECT 1 FROM qt001_cp.event withdrawal
              WHERE withdrawal.verb = 'withdrawn' AND withdrawal.subject = manifest
                AND withdrawal.seq > (
                    SELECT max(sealing.seq) FROM qt001_cp.event sealing
                    WHERE sealing.verb = 'sealed' AND sealing.subject = manifest))
UNION ALL
SELECT finding.* FROM qt001_cp.rehearsal_findings(manifest) finding
$manifest_findings$;

CREATE FUNCTION qt001_cp.estate_findings(manifest text)
RETURNS TABLE (gate text, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $estate_findings$
-- One comparison of live with manifest for three gates. What is only told closes none of them; what
-- something new, granted or changed reaches is a matter of containment_findings().
SELECT CASE difference.aspect WHEN 'inventory' THEN 'inventory_exact'
                              WHEN 'definition' THEN 'definitions_exact'
                              ELSE 'owners_and_acls_exact' END,
       'QT301', difference.object, difference.expected, difference.found, difference.mend
FROM qt001_cp.coverage_aspects(
    manifest, 'deployed', false, numbers => qt001_cp.protected_numbers(manifest)) difference
WHERE NOT difference.told
UNION ALL
SELECT 'owners_and_acls_exact', 'QT301', loan.object, loan.expected, loan.found, loan.mend
FROM qt001_cp.loan_differences(manifest, 'deployed') loan
$estate_findings$;

CREATE FUNCTION qt001_cp.role_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $role_findings$
SELECT finding.* FROM qt001_cp.roles_apart_findings() finding
UNION
SELECT finding.* FROM qt001_cp.application_member_findings(false) finding
UNION
SELECT finding.* FROM qt001_cp.ledger_member_findings() finding
$role_findings$;

CREATE FUNCTION qt001_cp.legacy_findings(
    manifest text, walked qt001_cp.reached_row[] DEFAULT NULL)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $legacy_findings$
WITH legacy AS MATERIALIZED (
    SELECT listed.value ->> 'kind' AS kind, listed.value ->> 'identity' AS identity
    FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'legacy') listed
), live AS MATERIALIZED (
    SELECT state.kind, state.identity, qt001_cp.acl_set(
               CASE WHEN qt001_cp.first_major(manifest) < 17
                    THEN qt001_cp.without_maintain(state.acl) ELSE state.acl END) AS acl
    FROM qt001_cp.live_object(
        'qt001_cp_owner', false, false, qt001_cp.protected_numbers(manifest)) state
)
SELECT 'QT301', legacy.kind || ' ' || legacy.identity,
       'no privilege for anybody, its owner included', 'ACL ' || live.acl::text,
       'Take FIX7c back and deploy it again.'
FROM legacy JOIN live ON live.kind = legacy.kind AND live.identity = legacy.identity
WHERE live.acl <> '[]'
UNION ALL
SELECT 'QT301', legacy.kind || ' ' || legacy.identity, 'no call of it on the apply path',
       'it is reached by the apply path', 'Take the call out of the new sources of the apply path.'
FROM legacy
JOIN unnest(coalesce(walked, qt001_cp.reached_rows(manifest))) reached
ON reached.kind = legacy.kind AND reached.identity = legacy.identity
$legacy_findings$;

CREATE FUNCTION qt001_cp.apply_path_findings(manifest text)
RETURNS TABLE (gate text, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $apply_path_findings$
-- One walk of the apply path for two gates.
DECLARE
    walked qt001_cp.reached_row[] := qt001_cp.reached_rows(manifest);
BEGIN
    RETURN QUERY
    SELECT 'legacy_authority_removed', finding.*
    FROM qt001_cp.legacy_findings(manifest, walked) finding
    UNION ALL
    SELECT 'dependency_manifest_closed', finding.*
    FROM qt001_cp.dependency_findings(manifest, walked) finding;
END
$apply_path_findings$;

CREATE FUNCTION qt001_cp.readiness_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $readiness_findings$
-- The readiness manifest is sealed, is about this object manifest, and is met: every routine of the
-- apply path runs exactly the source that it names.
WITH readiness AS MATERIALIZED (
    SELECT qt001_cp.document_json(qt001_cp.in_force('qt001.manifest.readiness/1')) AS doc
), wanted AS (
    SELECT source.value ->> 'identity' AS identity, source.value ->> 'body_sha256' AS body_sha256
    FROM readiness CROSS JOIN LATERAL jsonb_array_elements(readiness.doc -> 'repoint') source
), live AS (
    SELECT object.identity, routine.prosecdef, routine.provolatile,
           qt001_cp.sha256_hex(convert_to(routine.prosrc, 'UTF8')) AS body_sha256
    FROM pg_proc routine
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, routine.oid, 0) object
    WHERE routine.proowner = to_regrole('qt001_cp_owner')
)
SELECT 'QT301', 'readiness manifest', 'a sealed one, of object manifest ' || manifest,
       CASE WHEN readiness.doc IS NULL THEN 'not sealed'
            ELSE 'of object manifest ' || (readiness.doc ->> 'object_manifest') END,
       'Take FIX7c back and deploy it with its documents.'
FROM readiness WHERE readiness.doc IS NULL OR readiness.doc ->> 'object_manifest' <> manifest
UNION ALL
SELECT 'QT301', wanted.identity, 'a SECURITY DEFINER routine with body ' || wanted.body_sha256,
       coalesce('body ' || live.body_sha256, 'no such routine'),
       'Take FIX7c back and deploy it again.'
FROM wanted LEFT JOIN live ON live.identity = wanted.identity
WHERE live.identity IS NULL OR live.body_sha256 <> wanted.body_sha256 OR NOT live.prosecdef
   OR live.provolatile <> 'v'
$readiness_findings$;

CREATE FUNCTION qt001_cp.verifier_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $verifier_findings$
-- Both of the pair ran recently and clean, in this epoch, as two logins, neither of them the owner
-- of the writer.
WITH readiness AS (
    SELECT (qt001_cp.document_json(qt001_cp.in_force('qt001.manifest.readiness/1'))
            #>> '{verifier,max_age_seconds}')::bigint AS max_age
), pair(verb, object, mend) AS (
    VALUES ('verified', 'scheduled verifier', 'qt001-cp verify (as the verifier)'),
           ('scanned', 'scheduled scanner',
            'qt001-cp scan (as the scanner, another login of qt001_cp_verifier)')
), run AS MATERIALIZED (
    SELECT pair.*, last.seq, last.at, last.actor, (last.detail ->> 'findings')::int AS findings,
           last.epoch, last.detail #>> '{by,duty}' AS duty, last.detail -> 'instance' AS instance
    FROM pair LEFT JOIN LATERAL (
        SELECT event.* FROM qt001_cp.event WHERE event.verb = pair.verb
        ORDER BY event.seq DESC LIMIT 1) last ON true
)
SELECT 'QT301', run.object,
       format('a clean run in the last %s s, here, by a verifier', readiness.max_age),
       CASE WHEN run.seq IS NULL THEN 'it never ran'
            WHEN run.findings > 0 THEN format('%s finding(s) at %s', run.findings, run.at)
            WHEN run.at > clock_timestamp()
                THEN format('it ran at %s, which is in the future', run.at)
            WHEN run.actor IN ('qt001_cp_owner', 'qt001_cp_ledger')
              OR run.duty IS DISTINCT FROM 'verifier'
                THEN 'it ran as ' || run.actor
            WHEN run.instance IS DISTINCT FROM live.instance
                THEN format('it ran at %s, in another instance of this ledger', run.at)
            WHEN run.epoch <> live.epoch
                THEN format('it ran at %s, in epoch %s; this is epoch %s, since the last cutover, '
                            'deployment or way back', run.at, run.epoch, live.epoch)
            ELSE 'it ran at ' || run.at END,
       run.mend
FROM readiness CROSS JOIN run
CROSS JOIN (SELECT qt001_cp.instance() AS instance, qt001_cp.epoch() AS epoch) live
WHERE run.seq IS NULL OR readiness.max_age IS NULL
   OR run.at < clock_timestamp() - make_interval(secs => readiness.max_age)
   OR run.at > clock_timestamp() OR run.findings > 0
   OR run.actor IN ('qt001_cp_owner', 'qt001_cp_ledger')
   OR run.duty IS DISTINCT FROM 'verifier' OR run.instance IS DISTINCT FROM live.instance
   OR run.epoch <> live.epoch
UNION ALL
SELECT 'QT301', 'scheduled scanner', 'another login than the verifier''s',
       'both ran as ' || scanner.actor, 'Give each of the two a login of its own.'
FROM run scanner JOIN run verifier ON verifier.actor = scanner.actor
WHERE scanner.verb = 'scanned' AND verifier.verb = 'verified'
$verifier_findings$;

CREATE FUNCTION qt001_cp.source_rows(manifest text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET row_security = off
AS $source_rows$
-- Level A, with the owner's rights: who may read the gates need not read the tables. [identity,
-- rows] of each source table that the policy names; null where it is gone or no longer the owner's
-- to read: the gates have to name what was done, not end with it. Plain and partitioned tables
-- only.
DECLARE
    target record;
    count bigint;
    counts jsonb := '[]';
BEGIN
    FOR target IN
        SELECT object.identity, object.schema, object.name, relation.oid,
               coalesce(has_schema_privilege(space.oid, 'USAGE')
                        AND has_table_privilege(relation.oid, 'SELECT'), false) AS readable
        FROM qt001_cp.manifest_object(manifest) object
        LEFT JOIN pg_namespace space ON space.nspname = object.schema
        LEFT JOIN pg_class relation ON relation.relnamespace = space.oid
            AND relation.relname = object.name AND relation.relkind IN ('r', 'p')
        WHERE object.kind = 'table'
          AND (qt001_cp.document_json(manifest) #> '{apply_path,source_tables}')
              @> to_jsonb(object.identity)
    LOOP
        IF NOT target.readable THEN
            counts := counts || jsonb_build_array(jsonb_build_array(target.identity, NULL));
            CONTINUE;
        END IF;
        IF row_security_active(target.oid) THEN
            RAISE EXCEPTION USING ERRCODE = 'QT301',
                MESSAGE = format('gate refused: table %s: expected rows that its owner can count, '
                                 'found forced row level security', target.identity),
                HINT = format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY; or take it out of '
                              'apply_path.source_tables of the policy.', target.identity);
        END IF;
        EXECUTE format('SELECT pg_catalog.count(*) FROM %I.%I', target.schema, target.name)
        INTO count;
        counts := counts || jsonb_build_array(jsonb_build_array(target.identity, count));
    END LOOP;
    RETURN counts;
END
$source_rows$;

CREATE FUNCTION qt001_cp.no_worse_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $no_worse_findings$
WITH deployment AS (
    SELECT known.detail FROM qt001_cp.deployment() known
), counted AS MATERIALIZED (
    SELECT live.value ->> 0 AS identity, live.value ->> 1 AS rows
    FROM jsonb_array_elements(qt001_cp.source_rows(manifest)) live
)
SELECT 'QT301', 'table ' || (earlier.value ->> 0),
       coalesce('at least ' || (earlier.value ->> 1) || ' rows', 'rows that can be counted'),
       coalesce(counted.rows || ' rows', 'no such table, or not qt001_cp_owner''s to read'),
       'Find out who removed rows of a source table; restore them.'
FROM deployment CROSS JOIN LATERAL jsonb_array_elements(deployment.detail -> 'rows') earlier
LEFT JOIN counted ON counted.identity = earlier.value ->> 0
WHERE coalesce(counted.rows::bigint, -1) < coalesce((earlier.value ->> 1)::bigint, 0)
UNION ALL
SELECT 'QT301', format('%s %s', object.kind, object.identity),
       format('row security %s, forced %s', earlier.rls, earlier.forced),
       format('row security %s, forced %s', relation.relrowsecurity, relation.relforcerowsecurity),
       CASE WHEN earlier.rls > relation.relrowsecurity
            THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', object.identity)
            ELSE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY;', object.identity) END
FROM deployment
CROSS JOIN LATERAL jsonb_to_recordset(deployment.detail -> 'row_security')
    earlier(identity text, rls boolean, forced boolean)
JOIN qt001_cp.manifest_object(manifest) object
ON object.identity = earlier.identity AND object.kind = 'table'
JOIN pg_namespace space ON space.nspname = object.schema
JOIN pg_class relation ON relation.relnamespace = space.oid AND relation.relname = object.name
WHERE earlier.rls > relation.relrowsecurity OR earlier.forced > relation.relforcerowsecurity
$no_worse_findings$;

CREATE FUNCTION qt001_cp.undeployed()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $undeployed$
-- Why no manifest is deployed where the gates are: FIX7c has not ended, or the ledger did not come
-- along. A copy without its rows (pg_dump --schema-only) has the routines and nothing to judge by.
SELECT 'object manifest', 'one that FIX7c has deployed', 'none', 'alembic upgrade fix7c'
WHERE EXISTS (SELECT 1 FROM qt001_cp.event)
UNION ALL
SELECT 'ledger', 'its events', 'none: this is a copy without its data',
       'Copy the database with its rows: pg_dump without --schema-only.'
WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.event)
$undeployed$;

CREATE FUNCTION qt001_cp.gate_findings(left_out text[] DEFAULT '{}')
RETURNS TABLE (gate text, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
SET lock_timeout = '10s'
AS $gate_findings$
-- What closes each gate, from the live catalogs and the ledger. A gate without a row here is open.
-- The caller's settings that change what a text of ours, or one that the server prints, means do
-- not count. Nothing that the application can lock is opened; who has locked something else is
-- named.
DECLARE
    manifest text := qt001_cp.deployed_manifest();
    asked record;
BEGIN
    IF manifest IS NULL THEN
        RETURN QUERY
        SELECT listed.gate, 'QT301', cause.*
        FROM qt001_cp.gate() listed CROSS JOIN qt001_cp.undeployed() cause
        WHERE listed.gate <> ALL (left_out);
        RETURN;
    END IF;
    -- What is asked by a name that nobody has cannot be answered; the cause is told, and no gate is
    -- open that was not asked.
    IF EXISTS (SELECT 1 FROM qt001_cp.name_findings(manifest)) THEN
        RETURN QUERY
        SELECT listed.gate, finding.*
        FROM qt001_cp.gate() listed CROSS JOIN qt001_cp.name_findings(manifest) finding
        WHERE listed.gate <> ALL (left_out);
        RETURN;
    END IF;
    FOR asked IN
        SELECT listed.finder, count(*) AS gates, min(listed.gate) AS gate
        FROM qt001_cp.gate() listed
        GROUP BY listed.finder HAVING bool_or(listed.gate <> ALL (left_out))
        ORDER BY min(listed.ordinal)
    LOOP
        RETURN QUERY EXECUTE CASE
            WHEN asked.gates = 1
                THEN format('SELECT %L, finding.* FROM %s finding', asked.gate, asked.finder)
            ELSE format('SELECT finding.* FROM %s finding WHERE finding.gate <> ALL ($2)',
                        asked.finder) END
        USING manifest, left_out;
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    PERFORM qt001_cp.refuse_wait('gates');
END
$gate_findings$;

CREATE VIEW qt001_cp.v_fix7_gate AS
SELECT listed.ordinal, listed.gate, listed.meaning, count(finding.gate) = 0 AS open,
       count(finding.gate)::int AS findings,
       -- One finding: its reason with what mends it, never what mends another one.
       (min(ARRAY[reason.words, finding.mend]))[1] AS reason,
       (min(ARRAY[reason.words, finding.mend]))[2] AS mend
FROM qt001_cp.gate() listed LEFT JOIN qt001_cp.gate_findings() finding ON finding.gate = listed.gate
CROSS JOIN LATERAL (SELECT finding.object || ': expected ' || finding.expected
                           || ', found ' || finding.found AS words) reason
GROUP BY listed.ordinal, listed.gate, listed.meaning;

CREATE VIEW qt001_cp.v_fix7_acceptance AS
SELECT bool_and(answer.open) AND count(*) = (SELECT count(*) FROM qt001_cp.gate()) AS accepted,
       (count(*) FILTER (WHERE answer.open))::int AS open_gates, count(*)::int AS gates,
       qt001_cp.subject_digest() AS subject_digest,
       string_agg(answer.gate, ', ' ORDER BY answer.ordinal)
           FILTER (WHERE NOT answer.open) AS closed,
       string_agg(answer.reason, E'\n' ORDER BY answer.ordinal)
           FILTER (WHERE NOT answer.open) AS reasons
FROM qt001_cp.v_fix7_gate answer;

CREATE FUNCTION qt001_cp.verify() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $verify$
-- Level B, verifier: the scheduled verification. Looks at all gates that speak of the state of
-- things, not at those that wait for people or for itself, and records what it found. It recomputes
-- the whole ledger; where that is in order, the event is a checkpoint, behind which gates begin.
-- That the scanner is late is told, and no fault of this run: after a pause one round of both is
-- enough. On a hot standby it looks and answers: there is nothing to write to.
DECLARE
    head record;
    findings jsonb;
    late jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_verifier');
    -- Before it is recomputed: what somebody adds meanwhile is left to the next one.
    SELECT event.seq, event.digest INTO head
    FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1;
    SELECT coalesce(jsonb_agg(to_jsonb(closed)), '[]') INTO findings FROM (
        SELECT finding.* FROM qt001_cp.gate_findings(ARRAY(
            SELECT listed.gate FROM qt001_cp.gate() listed
            WHERE listed.waits_for IS NOT NULL OR listed.gate = 'ledger_intact')) finding
        UNION ALL
        SELECT 'ledger_intact', whole.* FROM qt001_cp.ledger_findings() whole) closed;
    SELECT coalesce(jsonb_agg(to_jsonb(scanner) || jsonb_build_object(
               'gate', 'scheduled_verifier_recent', 'sqlstate', 'QT301')), '[]') INTO late
    FROM qt001_cp.overdue('scanned') scanner;
    IF pg_is_in_recovery() THEN
        RETURN findings || late;
    END IF;
    PERFORM qt001_cp.record_event('verified', coalesce(qt001_cp.deployed_manifest(), ''),
        jsonb_build_object('findings', jsonb_array_length(findings),
            'clock_steps', (SELECT count(*) FROM qt001_cp.clock_step()),
            'instance', qt001_cp.instance(), 'first', (
            SELECT coalesce(jsonb_agg(shown.value), '[]')
            FROM (SELECT listed.value FROM jsonb_array_elements(findings) listed LIMIT 10) shown))
        || CASE WHEN findings @> '[{"gate": "ledger_intact"}]' THEN '{}'
                ELSE jsonb_build_object('checkpoint', to_jsonb(head)) END);
    RETURN findings || late;
END
$verify$;
