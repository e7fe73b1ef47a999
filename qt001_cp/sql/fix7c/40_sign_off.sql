-- Sign-off: an independent person says yes or no to exactly one subject, for a limited time.

CREATE FUNCTION qt001_cp.control_plane_routines() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $control_plane_routines$
-- [identity, sha256, ACL] of every routine of the control plane.
SELECT jsonb_agg(jsonb_build_array(object.identity, qt001_cp.routine_sha256(routine.oid),
                                   coalesce(routine.proacl::text, ''))
                 ORDER BY object.identity COLLATE "C")
FROM pg_proc routine
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, routine.oid, 0) object
WHERE routine.pronamespace = 'qt001_cp'::regnamespace
$control_plane_routines$;

CREATE FUNCTION qt001_cp.watch_lines() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $watch_lines$
-- What tells the guard of a change (45_watch), a line each: whoever weakens it needs a new
-- sign-off.
SELECT coalesce(jsonb_agg(watch.line ORDER BY watch.line COLLATE "C"), '[]')
FROM (
    SELECT format('%s owner %s %s', routine.oid::regprocedure, pg_get_userbyid(routine.proowner),
                  qt001_cp.routine_sha256(routine.oid))
    FROM pg_proc routine WHERE routine.pronamespace = to_regnamespace('qt001_cp_watch')
    UNION ALL
    SELECT format('%s on %s %s enabled %s deferred %s', trigger.tgname, trigger.tgrelid::regclass,
                  routine.oid::regprocedure, trigger.tgenabled, trigger.tginitdeferred)
    FROM pg_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.tgfoid
    WHERE routine.pronamespace = to_regnamespace('qt001_cp_watch')
    UNION ALL
    SELECT format('%s on %s tags %s %s enabled %s', trigger.evtname, trigger.evtevent,
                  trigger.evttags, routine.oid::regprocedure, trigger.evtenabled)
    FROM pg_event_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.evtfoid
    WHERE routine.pronamespace = to_regnamespace('qt001_cp_watch')) watch(line)
$watch_lines$;

CREATE FUNCTION qt001_cp.subject_digest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
SET standard_conforming_strings = on
SET transform_null_equals = off
AS $subject_digest$
-- All that a signer signs: the sealed manifests, the evidence that is bound, the transferred
-- objects as they are now, the control plane's own sources, and who may do what. One bit of it
-- moves, and the digest is another.
SELECT qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(jsonb_build_object(
    'schema', 'qt001.subject/1',
    'manifests', (
        SELECT coalesce(jsonb_object_agg(manifest.kind, manifest.digest), '{}')
        FROM qt001_cp.manifest_state() manifest WHERE manifest.state = 'sealed'),
    'evidence', (
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(
                   event.verb, event.subject, coalesce(event.detail ->> 'requirement', ''))), '[]')
        FROM qt001_cp.event
        WHERE event.verb IN ('evidence_imported', 'bound', 'rehearsal_recorded')),
    'estate', (
        SELECT coalesce(jsonb_agg(jsonb_build_array(live.kind, live.identity, live.owner, live.acl,
                                                    live.columns, live.definition)
                                  ORDER BY live.kind COLLATE "C", live.identity COLLATE "C"), '[]')
        FROM qt001_cp.live_state('qt001_cp_owner') live
        WHERE live.owner = 'qt001_cp_owner' AND live.identity NOT LIKE 'qt001\_cp.%'),
    'control_plane', qt001_cp.control_plane_routines(),
    'control_views', (
        SELECT jsonb_agg(jsonb_build_array(relation.relname, pg_get_viewdef(relation.oid))
                         ORDER BY relation.relname COLLATE "C")
        FROM pg_class relation
        WHERE relation.relnamespace = 'qt001_cp'::regnamespace AND relation.relkind = 'v'),
    'watch', qt001_cp.watch_lines(),
    'entry_points', (
        SELECT jsonb_agg(jsonb_build_array(registered.identity, registered.guard)
                         ORDER BY registered.identity COLLATE "C")
        FROM qt001_cp.entry_point registered),
    'duties', (
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(role.rolname, membership.duty)), '[]')
        FROM pg_roles role CROSS JOIN LATERAL qt001_cp.member_of(role.rolname) membership(duty)
        WHERE role.rolname <> membership.duty
          AND (membership.duty = 'qt001_cp_owner'
               OR membership.duty IN (SELECT listed.role FROM qt001_cp.duty() listed)))
)), 'UTF8'))
$subject_digest$;

CREATE FUNCTION qt001_cp.person_of(some_login name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $person_of$
SELECT person.person FROM qt001_cp.person WHERE person.login = some_login
$person_of$;

CREATE FUNCTION qt001_cp.independence_findings(signer name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $independence_findings$
-- The signer is an auditor, is known as a person, and is not the person behind anything that is
-- signed.
SELECT 'QT304', 'signer ' || signer, 'a member of qt001_cp_auditor, and of no other duty',
       coalesce('a member of ' || nullif(array_to_string(duties.names, ', '), ''), 'no duty'),
       format('GRANT qt001_cp_auditor TO %I; -- and REVOKE every other duty', signer)
FROM (SELECT ARRAY(SELECT membership.duty FROM qt001_cp.member_of(signer) membership(duty)
                   WHERE membership.duty IN (SELECT listed.role FROM qt001_cp.duty() listed)
                   ORDER BY 1) AS names) duties
WHERE duties.names <> ARRAY['qt001_cp_auditor'::name]
UNION ALL
SELECT 'QT304', 'signer ' || signer, 'a login that is registered as a person', 'not registered',
       format('INSERT INTO qt001_cp.person (login, person) VALUES (%L, …); '
              '-- by the administrator', signer)
WHERE qt001_cp.person_of(signer) IS NULL
UNION ALL
SELECT DISTINCT 'QT304', format('signer %s (%s)', signer, qt001_cp.person_of(signer)),
       'another person than those who made what is signed',
       format('%s (%s), who has %s', event.actor,
              coalesce(qt001_cp.person_of(event.actor), 'not registered'), event.verb),
       'Let an independent person sign, and register the persons behind all logins.'
FROM qt001_cp.event
WHERE event.verb NOT IN ('signed', 'refused', 'verified', 'scanned')
  AND (event.actor = signer OR qt001_cp.person_of(event.actor) IS NULL
       OR lower(btrim(qt001_cp.person_of(event.actor))) = lower(btrim(qt001_cp.person_of(signer))))
$independence_findings$;

CREATE FUNCTION qt001_cp.sign_off(subject text, scope text, valid_seconds int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $sign_off$
-- Level B, auditor: signs exactly today's subject. Identity is session_user; there is no argument
-- for it.
DECLARE
    findings jsonb;
    longest bigint;
    today text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_auditor');
    today := qt001_cp.subject_digest();
    IF subject IS DISTINCT FROM today THEN
        RAISE EXCEPTION USING ERRCODE = 'QT303',
            MESSAGE = format('sign-off refused: subject: expected today''s, %s, found %s',
                             today, coalesce(subject, 'none')),
            HINT = 'Look at what has changed, then sign the new digest: qt001-cp status.';
    END IF;
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings
    FROM qt001_cp.independence_findings(session_user) finding;
    PERFORM qt001_cp.raise_first('sign-off', findings);
    longest := (qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1'))
                #>> '{sign_off,max_validity_seconds}')::bigint;
    IF valid_seconds IS NULL OR valid_seconds <= 0 OR valid_seconds > longest
        OR coalesce(btrim(scope), '') = ''
    THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('a sign-off needs a scope and a validity of 1 to %s seconds', longest),
            HINT = 'qt001-cp sign --scope … --valid …';
    END IF;
    RETURN qt001_cp.record_event('signed', subject, jsonb_build_object(
        'scope', scope,
        'valid_until', to_char((clock_timestamp() + make_interval(secs => valid_seconds))
                               AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
END
$sign_off$;

CREATE FUNCTION qt001_cp.refuse_sign_off(subject text, reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $refuse_sign_off$
-- Level B, auditor: an answer of its own. It closes acceptance until the subject is another one, or
-- there is a newer sign-off.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_auditor');
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = 'a refusal needs its reason',
            HINT = 'qt001-cp sign --refuse --reason …';
    END IF;
    RETURN qt001_cp.record_event('refused', subject, jsonb_build_object('reason', reason));
END
$refuse_sign_off$;

CREATE FUNCTION qt001_cp.sign_off_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $sign_off_findings$
WITH today AS MATERIALIZED (
    SELECT qt001_cp.subject_digest() AS digest
), answer AS (
    SELECT event.* FROM qt001_cp.event JOIN today ON today.digest = event.subject
    WHERE event.verb IN ('signed', 'refused') ORDER BY event.seq DESC LIMIT 1
)
SELECT 'QT301', 'sign-off of subject ' || left(today.digest, 12), 'one that has not expired',
       CASE WHEN answer.verb IS NULL THEN 'not signed'
            WHEN answer.verb = 'refused'
                THEN format('refused by %s: %s', answer.actor, answer.detail ->> 'reason')
            ELSE 'expired at ' || (answer.detail ->> 'valid_until') END,
       format('qt001-cp sign %s --scope ''…'' --valid SECONDS (as the auditor)', today.digest)
FROM today LEFT JOIN answer ON true
WHERE answer.verb IS DISTINCT FROM 'signed'
   OR (answer.detail ->> 'valid_until')::timestamptz <= clock_timestamp()
UNION ALL
SELECT 'QT301', finding.object, finding.expected, finding.found, finding.mend
FROM answer CROSS JOIN LATERAL qt001_cp.independence_findings(answer.actor) finding
WHERE answer.verb = 'signed'
$sign_off_findings$;
