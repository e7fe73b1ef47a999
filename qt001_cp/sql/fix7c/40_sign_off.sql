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

CREATE FUNCTION qt001_cp.control_schema_lines() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
{wording}
SET jit = off
AS $control_schema_lines$
-- What else decides in schema qt001_cp, a line each: whose things are, who may do what with them,
-- and what stands on its tables: columns, constraints, triggers, rules, policies, row security.
WITH relation AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.control_relation() listed
)
SELECT jsonb_agg(control.line ORDER BY control.line COLLATE "C")
FROM (
    SELECT format('schema owner %s acl %s', pg_get_userbyid(nspowner), nspacl)
    FROM pg_namespace WHERE nspname = 'qt001_cp'
    UNION ALL
    SELECT format('routine %s owner %s', oid::regprocedure, pg_get_userbyid(proowner))
    FROM pg_proc WHERE pronamespace = 'qt001_cp'::regnamespace
    UNION ALL
    SELECT format('relation %s %s owner %s acl %s options %s row security %s forced %s rules %s',
                  relation.relname, relation.relkind, pg_get_userbyid(relation.relowner),
                  relation.relacl, relation.reloptions, relation.relrowsecurity,
                  relation.relforcerowsecurity, relation.relhasrules)
    FROM relation
    UNION ALL
    SELECT format('column %s %s %s not null %s acl %s default %s', relation.relname,
                  attribute.attname, format_type(attribute.atttypid, attribute.atttypmod),
                  attribute.attnotnull, attribute.attacl,
                  pg_get_expr(initial.adbin, initial.adrelid))
    FROM relation JOIN pg_attribute attribute ON attribute.attrelid = relation.oid
    LEFT JOIN pg_attrdef initial
    ON initial.adrelid = attribute.attrelid AND initial.adnum = attribute.attnum
    WHERE attribute.attnum > 0
      AND relation.relkind IN ('r', 'p') AND NOT attribute.attisdropped
    UNION ALL
    SELECT format('constraint %s on %s %s validated %s', condition.conname, relation.relname,
                  pg_get_constraintdef(condition.oid), condition.convalidated)
    FROM relation JOIN pg_constraint condition ON condition.conrelid = relation.oid
    UNION ALL
    SELECT format('%s enabled %s', pg_get_triggerdef(trigger.oid), trigger.tgenabled)
    FROM relation JOIN pg_trigger trigger ON trigger.tgrelid = relation.oid
    WHERE NOT trigger.tgisinternal
    UNION ALL
    SELECT format('rule on %s: %s enabled %s', relation.relname, pg_get_ruledef(rule.oid),
                  rule.ev_enabled)
    FROM relation JOIN pg_rewrite rule ON rule.ev_class = relation.oid
    WHERE relation.relkind IN ('r', 'p')
    UNION ALL
    SELECT format('policy %s on %s for %s to %s using %s check %s permissive %s', policy.polname,
                  relation.relname, policy.polcmd, policy.polroles::regrole[],
                  pg_get_expr(policy.polqual, policy.polrelid),
                  pg_get_expr(policy.polwithcheck, policy.polrelid), policy.polpermissive)
    FROM relation JOIN pg_policy policy ON policy.polrelid = relation.oid
    UNION ALL
    SELECT format('inherits %s from %s', link.inhrelid::regclass, link.inhparent::regclass)
    FROM relation JOIN pg_inherits link ON link.inhrelid = relation.oid) control(line)
$control_schema_lines$;

CREATE FUNCTION qt001_cp.caller_lines() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $caller_lines$
-- [role, attributes] of those that may call the apply path, by a grant to them, to a role that they
-- are a member of, or to PUBLIC, and have an attribute that gets around an ACL.
WITH grantee AS (
    SELECT DISTINCT entry.grantee AS oid
    FROM pg_proc routine
    CROSS JOIN LATERAL aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) entry
    WHERE entry.grantee <> routine.proowner AND entry.privilege_type = 'EXECUTE'
      AND (pg_identify_object('pg_proc'::regclass, routine.oid, 0)).identity IN (
              SELECT entry_point.identity FROM qt001_cp.entry_point
              WHERE entry_point.guard = 'qt001_cp.require_acceptance')
), caller AS (
    SELECT DISTINCT edge.member AS name
    FROM qt001_cp.membership() edge JOIN pg_roles granted ON granted.rolname = edge.role
    WHERE granted.oid IN (SELECT grantee.oid FROM grantee)
       OR EXISTS (SELECT 1 FROM grantee WHERE grantee.oid = 0)
), told AS (
    SELECT role.rolname, concat_ws(', ',
               CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
               CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
               CASE WHEN role.rolreplication THEN 'REPLICATION' END,
               CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END) AS attributes
    FROM caller JOIN pg_roles role ON role.rolname = caller.name
)
SELECT coalesce(jsonb_agg(jsonb_build_array(told.rolname, told.attributes)
                          ORDER BY told.rolname COLLATE "C"), '[]')
FROM told WHERE told.attributes <> ''
$caller_lines$;

CREATE FUNCTION qt001_cp.watch_lines() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $watch_lines$
-- What tells the guard of a change (45_watch), a line each: whoever weakens it needs a new
-- sign-off.
SELECT coalesce(jsonb_agg(watch.line ORDER BY watch.line COLLATE "C"), '[]')
FROM (
    SELECT format('%s owner %s ACL %s %s', routine.oid::regprocedure,
                  pg_get_userbyid(routine.proowner), routine.proacl,
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

CREATE FUNCTION qt001_cp.protected_state() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $protected_state$
-- [kind, identity, owner, ACL, column ACLs, definition] of everything that the owner owns, but for
-- partitions that come and go.
WITH live AS MATERIALIZED (
    SELECT object.classid, object.objid, object.kind, object.identity, object.owner,
           qt001_cp.weighed_acl(object.kind, object.acl, qt001_cp.application_role()) AS acl,
           qt001_cp.column_acl_set(object.columns) AS columns
    FROM qt001_cp.live_object('qt001_cp_owner', false, false, ARRAY(
        SELECT owned.objid FROM pg_shdepend owned
        WHERE owned.refclassid = 'pg_authid'::regclass AND owned.deptype = 'o'
          AND owned.refobjid = to_regrole('qt001_cp_owner')
          AND owned.dbid IN (0, (SELECT oid FROM pg_database
                                 WHERE datname = current_database())))) object
    WHERE object.owner = 'qt001_cp_owner' AND object.identity NOT LIKE 'qt001\_cp.%'
      AND NOT (object.kind = 'table' AND object.identity IN (
          SELECT part.identity
          FROM qt001_cp.grown(qt001_cp.in_force('qt001.manifest.object/1')) part
          WHERE part.fault IS NULL))
), asked AS (
    SELECT array_agg(live.classid ORDER BY live.classid, live.objid) AS classids,
           array_agg(live.objid ORDER BY live.classid, live.objid) AS objids
    FROM live
), known AS MATERIALIZED (
    SELECT definition.* FROM asked
    CROSS JOIN LATERAL qt001_cp.live_definition(asked.classids, asked.objids) definition
)
SELECT coalesce(jsonb_agg(jsonb_build_array(live.kind, live.identity, live.owner, live.acl,
                                            live.columns, known.definition)
                          ORDER BY live.kind COLLATE "C", live.identity COLLATE "C"), '[]')
FROM live LEFT JOIN known ON known.classid = live.classid AND known.objid = live.objid
$protected_state$;

CREATE FUNCTION qt001_cp.subject_digest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET transform_null_equals = off
SET lock_timeout = '10s'
{wording}
AS $subject_digest$
-- All that a signer signs: the deployed manifests and what was rehearsed, imported and bound about
-- them, the transferred objects as they are now, the control plane's own sources, and who may do
-- what. One bit of it moves, and the digest is another. A manifest that is sealed and waits, and
-- what is known about that one, is no part of it.
SELECT qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(jsonb_build_object(
    'schema', 'qt001.subject/1',
    'manifests', (
        SELECT coalesce(jsonb_object_agg(manifest.kind, manifest.digest), '{}')
        FROM qt001_cp.put_in_force() manifest),
    'evidence', (
        SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(
                   event.verb, event.subject, coalesce(event.detail ->> 'requirement', ''))), '[]')
        FROM qt001_cp.event CROSS JOIN qt001_cp.deployed_manifest() manifest
        WHERE event.verb = 'rehearsal_recorded' AND event.subject = manifest
           OR event.verb = 'evidence_imported'
              AND qt001_cp.document_json(event.subject) ->> 'subject' = manifest
           OR event.verb = 'bound' AND event.epoch = qt001_cp.epoch()
              AND qt001_cp.speaks_of(
                  qt001_cp.document_json(event.subject) ->> 'subject', manifest)),
    'estate', qt001_cp.protected_state(),
    'control_plane', qt001_cp.control_plane_routines(),
    'control_views', (
        SELECT jsonb_agg(jsonb_build_array(relation.relname, pg_get_viewdef(relation.oid))
                         ORDER BY relation.relname COLLATE "C")
        FROM qt001_cp.control_relation() relation WHERE relation.relkind = 'v'),
    'control_schema', qt001_cp.control_schema_lines(),
    'callers', qt001_cp.caller_lines(),
    'watch', qt001_cp.watch_lines(),
    'entry_points', (
        SELECT jsonb_agg(jsonb_build_array(registered.identity, registered.guard)
                         ORDER BY registered.identity COLLATE "C")
        FROM qt001_cp.entry_point registered),
    'instance', qt001_cp.instance(),
    'epoch', qt001_cp.epoch(),
    'duties', (
        SELECT coalesce(jsonb_agg(jsonb_build_array(person.login, person.duty, person.person)
                                  ORDER BY person.login COLLATE "C"), '[]')
        FROM qt001_cp.person)
)), 'UTF8'))
$subject_digest$;

CREATE FUNCTION qt001_cp.person_of(some_login name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $person_of$
SELECT person.person FROM qt001_cp.person WHERE person.login = some_login
$person_of$;

CREATE FUNCTION qt001_cp.independence_findings(signer name, duty text, person text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $independence_findings$
-- The signer is an auditor, as this person, and not the person behind anything that is signed: by
-- what the events say of who their actors were, and by what the rows say today.
SELECT 'QT304', 'signer ' || signer, 'a login that is registered as a person', 'not registered',
       format('INSERT INTO qt001_cp.person (login, person, duty) VALUES (%L, ''…'', ''auditor''); '
              '-- by the administrator', signer)
WHERE person IS NULL
UNION ALL
SELECT 'QT304', 'signer ' || signer, 'duty auditor in this database',
       coalesce('duty ' || independence_findings.duty, 'none'),
       'Let an auditor sign: qt001_cp.person says who is one.'
WHERE independence_findings.duty IS DISTINCT FROM 'auditor'
UNION ALL
SELECT DISTINCT 'QT304', format('signer %s (%s)', signer, person),
       'another person than those who made what is signed',
       format('%s (%s), who has %s', event.actor, coalesce(maker.person, 'not registered'),
              event.verb),
       'Let an independent person sign, and register the persons behind all logins.'
FROM qt001_cp.event
CROSS JOIN LATERAL (VALUES (event.detail #>> '{by,person}'),
                           (qt001_cp.person_of(event.actor))) maker(person)
WHERE event.verb NOT IN ('signed', 'refused', 'verified', 'scanned')
  -- An administrator gives duties, and makes nothing of what is signed.
  AND event.verb NOT IN ('duty_given', 'duty_revoked')
  AND (event.actor = signer OR event.detail #>> '{by,person}' IS NULL
       OR maker.person IN (independence_findings.person, qt001_cp.person_of(signer)))
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
    FROM qt001_cp.independence_findings(session_user, 'auditor',
                                        qt001_cp.person_of(session_user)) finding;
    PERFORM qt001_cp.raise_first('sign-off', findings);
    longest := (qt001_cp.document_json(qt001_cp.in_force('qt001.manifest.readiness/1'))
                #>> '{sign_off,max_validity_seconds}')::bigint;
    IF valid_seconds IS NULL OR valid_seconds <= 0 OR valid_seconds > longest
        OR coalesce(btrim(scope), '') = ''
    THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302',
            MESSAGE = format('a sign-off needs a scope and a validity of 1 to %s seconds', longest),
            HINT = 'qt001-cp sign --scope … --valid …';
    END IF;
    RETURN qt001_cp.record_event('signed', subject, jsonb_build_object(
        'scope', scope, 'system', qt001_cp.system_identifier(), 'timeline', qt001_cp.timeline(),
        'valid_until', to_char((clock_timestamp() + make_interval(secs => valid_seconds))
                               AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
END
$sign_off$;

CREATE FUNCTION qt001_cp.refuse_sign_off(subject text, reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $refuse_sign_off$
-- Level B, auditor: an answer of its own. It closes acceptance until an auditor has signed after
-- it, whatever the subject is meanwhile.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_auditor');
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT302', MESSAGE = 'a refusal needs its reason',
            HINT = 'qt001-cp sign --refuse --reason …';
    END IF;
    RETURN qt001_cp.record_event('refused', subject, jsonb_build_object(
        'reason', reason, 'system', qt001_cp.system_identifier(),
        'timeline', qt001_cp.timeline()));
END
$refuse_sign_off$;

CREATE FUNCTION qt001_cp.sign_off_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $sign_off_findings$
-- The last answer counts, whatever subject it is about: a refusal closes until there is a newer
-- yes, which is to today's subject, in this instance and epoch of the ledger, by somebody
-- independent.
WITH today AS MATERIALIZED (
    SELECT qt001_cp.subject_digest() AS digest, qt001_cp.epoch() AS epoch
), answer AS MATERIALIZED (
    SELECT event.* FROM qt001_cp.event
    WHERE event.verb IN ('signed', 'refused') ORDER BY event.seq DESC LIMIT 1
)
SELECT 'QT301', 'sign-off of subject ' || left(today.digest, 12), 'one that has not expired',
       CASE WHEN answer.verb IS NULL THEN 'not signed'
            WHEN answer.verb = 'refused'
                THEN format('refused by %s: %s', answer.actor, answer.detail ->> 'reason')
            WHEN answer.epoch <> today.epoch
                THEN format('signed in epoch %s; this is epoch %s, since the last cutover, '
                            'deployment or way back', answer.epoch, today.epoch)
            WHEN answer.subject <> today.digest
                THEN 'not signed; the last sign-off is of subject ' || left(answer.subject, 12)
            ELSE 'expired at ' || (answer.detail ->> 'valid_until') END,
       format('qt001-cp sign %s --scope ''…'' --valid SECONDS (as the auditor)', today.digest)
FROM today LEFT JOIN answer ON true
WHERE answer.verb IS DISTINCT FROM 'signed' OR answer.epoch <> today.epoch
   OR answer.subject <> today.digest
   OR (answer.detail ->> 'valid_until')::timestamptz <= clock_timestamp()
UNION ALL
SELECT 'QT301', finding.object, finding.expected, finding.found, finding.mend
FROM answer CROSS JOIN LATERAL qt001_cp.independence_findings(
    answer.actor, answer.detail #>> '{by,duty}', answer.detail #>> '{by,person}') finding
WHERE answer.verb = 'signed'
$sign_off_findings$;
