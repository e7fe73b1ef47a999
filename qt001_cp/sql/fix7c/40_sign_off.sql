-- Sign-off: an independent person says yes or no to exactly one subject, for a limited time.

CREATE FUNCTION qt001_cp.subject_digest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
AS $subject_digest$
-- All that a signer signs: the sealed manifests, the evidence that is bound, the transferred objects as they are now,
-- the control plane's own sources, and who may do what. One bit of it moves, and the digest is another.
SELECT qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(jsonb_build_object(
    'schema', 'qt001.subject/1',
    'manifests', (SELECT coalesce(jsonb_object_agg(m.kind, m.digest), '{}') FROM qt001_cp.manifest_state() m WHERE m.state = 'sealed'),
    'evidence', (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(e.verb, e.subject, coalesce(e.detail ->> 'requirement', ''))), '[]')
                 FROM qt001_cp.event e WHERE e.verb IN ('evidence_imported', 'bound', 'rehearsal_recorded')),
    'estate', (SELECT coalesce(jsonb_agg(jsonb_build_array(s.kind, s.identity, s.owner, s.acl, s.columns, s.definition)
                      ORDER BY s.kind COLLATE "C", s.identity COLLATE "C"), '[]')
               FROM qt001_cp.live_state('qt001_cp_owner') s
               WHERE s.owner = 'qt001_cp_owner' AND s.identity NOT LIKE 'qt001\_cp.%'),
    'control_plane', (SELECT jsonb_agg(jsonb_build_array(i.identity, qt001_cp.routine_sha256(p.oid),
                                       coalesce(p.proacl::text, '')) ORDER BY i.identity COLLATE "C")
                      FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
                      WHERE p.pronamespace = 'qt001_cp'::regnamespace),
    'control_views', (SELECT jsonb_agg(jsonb_build_array(c.relname, pg_get_viewdef(c.oid)) ORDER BY c.relname COLLATE "C")
                      FROM pg_class c WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind = 'v'),
    -- What tells the guard of a change (45_watch): whoever weakens it needs a new sign-off.
    'watch', (SELECT coalesce(jsonb_agg(w.line ORDER BY w.line COLLATE "C"), '[]') FROM (
                  SELECT format('%s owner %s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner), qt001_cp.routine_sha256(p.oid))
                  FROM pg_proc p WHERE p.pronamespace = to_regnamespace('qt001_cp_watch')
                  UNION ALL SELECT format('%s on %s %s enabled %s deferred %s', t.tgname, t.tgrelid::regclass, p.oid::regprocedure, t.tgenabled, t.tginitdeferred)
                  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.pronamespace = to_regnamespace('qt001_cp_watch')
                  UNION ALL SELECT format('%s on %s tags %s %s enabled %s', e.evtname, e.evtevent, e.evttags, p.oid::regprocedure, e.evtenabled)
                  FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid WHERE p.pronamespace = to_regnamespace('qt001_cp_watch')) w(line)),
    'entry_points', (SELECT jsonb_agg(jsonb_build_array(e.identity, e.guard) ORDER BY e.identity COLLATE "C") FROM qt001_cp.entry_point e),
    'duties', (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(r.rolname, m)), '[]')
               FROM pg_roles r CROSS JOIN LATERAL qt001_cp.member_of(r.rolname) m
               WHERE r.rolname <> m AND (m = 'qt001_cp_owner' OR m IN (SELECT d.role FROM qt001_cp.duty() d)))
)), 'UTF8'))
$subject_digest$;

CREATE FUNCTION qt001_cp.person_of(some_login name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $person_of$ SELECT p.person FROM qt001_cp.person p WHERE p.login = some_login $person_of$;

CREATE FUNCTION qt001_cp.independence_findings(signer name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $independence_findings$
-- The signer is an auditor, is known as a person, and is not the person behind anything that is signed.
SELECT 'QT304', 'signer ' || signer, 'a member of qt001_cp_auditor alone', 'not so', format('GRANT qt001_cp_auditor TO %I;', signer)
WHERE ARRAY(SELECT m FROM qt001_cp.member_of(signer) m WHERE m IN (SELECT d.role FROM qt001_cp.duty() d)) <> ARRAY['qt001_cp_auditor'::name]
UNION ALL
SELECT 'QT304', 'signer ' || signer, 'registered as a person', 'unknown',
       format('INSERT INTO qt001_cp.person (login, person) VALUES (%L, …); -- by the administrator', signer)
WHERE qt001_cp.person_of(signer) IS NULL
UNION ALL
SELECT DISTINCT 'QT304', format('signer %s (%s)', signer, qt001_cp.person_of(signer)), 'another person than who made what is signed',
       format('%s (%s) has %s', e.actor, coalesce(qt001_cp.person_of(e.actor), 'not registered'), e.verb),
       'Let an independent person sign, and register the persons behind all logins.'
FROM qt001_cp.event e
WHERE e.verb NOT IN ('signed', 'refused', 'verified', 'scanned')
  AND (e.actor = signer OR qt001_cp.person_of(e.actor) IS NULL OR lower(btrim(qt001_cp.person_of(e.actor))) = lower(btrim(qt001_cp.person_of(signer))))
$independence_findings$;

CREATE FUNCTION qt001_cp.sign_off(subject text, scope text, valid_seconds int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $sign_off$
-- Level B, auditor: signs exactly today's subject. Identity is session_user; there is no argument for it.
DECLARE
    findings jsonb;
    longest bigint;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_auditor');
    IF subject IS DISTINCT FROM qt001_cp.subject_digest() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT303', MESSAGE = format('the subject is %s now, not %s', qt001_cp.subject_digest(), subject),
            HINT = 'Look at what has changed, then sign the new digest: qt001-cp status.';
    END IF;
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.independence_findings(session_user) f;
    PERFORM qt001_cp.raise_first('sign-off', findings);
    longest := (qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1')) #>> '{sign_off,max_validity_seconds}')::bigint;
    IF valid_seconds IS NULL OR valid_seconds <= 0 OR valid_seconds > longest OR coalesce(btrim(scope), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = format('a sign-off needs a scope and a validity of 1 to %s seconds', longest),
            HINT = 'qt001-cp sign --scope … --valid …';
    END IF;
    RETURN qt001_cp.record_event('signed', subject, jsonb_build_object('scope', scope, 'valid_until',
        to_char((clock_timestamp() + make_interval(secs => valid_seconds)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
END
$sign_off$;

CREATE FUNCTION qt001_cp.refuse_sign_off(subject text, reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $refuse_sign_off$
-- Level B, auditor: an answer of its own. It closes acceptance until the subject is another one or a newer sign-off.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_auditor');
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = 'a refusal needs its reason', HINT = 'qt001-cp sign --refuse --reason …';
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
WITH today AS MATERIALIZED (SELECT qt001_cp.subject_digest() AS digest
), answer AS (
    SELECT e.* FROM qt001_cp.event e, today t WHERE e.verb IN ('signed', 'refused') AND e.subject = t.digest ORDER BY e.seq DESC LIMIT 1
)
SELECT 'QT301', 'sign-off of subject ' || left(t.digest, 12), 'signed, not expired',
       CASE WHEN a.verb IS NULL THEN 'not signed' WHEN a.verb = 'refused' THEN format('refused by %s: %s', a.actor, a.detail ->> 'reason')
            ELSE 'expired at ' || (a.detail ->> 'valid_until') END,
       format('qt001-cp sign %s --scope ''…'' --valid SECONDS (as the auditor)', t.digest)
FROM today t LEFT JOIN answer a ON true
WHERE a.verb IS DISTINCT FROM 'signed' OR (a.detail ->> 'valid_until')::timestamptz <= clock_timestamp()
UNION ALL
SELECT 'QT301', f.object, f.expected, f.found, f.mend FROM answer a CROSS JOIN LATERAL qt001_cp.independence_findings(a.actor) f
WHERE a.verb = 'signed'
$sign_off_findings$;
