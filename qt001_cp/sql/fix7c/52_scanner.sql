-- The scanner, the verifier's pair: another login, another schedule, and none of the functions that
-- the gates use. It reads what the server keeps beside the catalogs of the objects (pg_shdepend),
-- asks has_*_privilege, and recomputes digests from the bytes. A fault in one of the two is seen by
-- the other.

CREATE FUNCTION qt001_cp.scan_application(manifest text) RETURNS TABLE (oid oid, rolname name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_application$
-- The application role as the bytes of the manifest name it.
SELECT role.oid, role.rolname
FROM qt001_cp.document
JOIN pg_roles role ON role.rolname = convert_from(document.body, 'UTF8')::jsonb ->> 'application'
WHERE document.digest = scan_application.manifest
$scan_application$;

CREATE FUNCTION qt001_cp.scan_wanted(manifest text)
RETURNS TABLE (kind text, identity text, disposition text, follows text, curated boolean,
               system boolean, state jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_wanted$
-- The objects of the manifest, each in the state that it has to be in after FIX7c.
SELECT entry.object ->> 'kind', entry.object ->> 'identity', entry.object ->> 'disposition',
       entry.object ->> 'follows', (entry.object ->> 'curated')::boolean,
       coalesce((entry.object -> 'detail' ->> 'system')::boolean, false),
       coalesce(nullif(entry.object -> 'retired', 'null'), nullif(entry.object -> 'after', 'null'),
                entry.object -> 'before')
FROM qt001_cp.manifest_row entry
WHERE entry.manifest = scan_wanted.manifest AND entry.object ->> 'kind' <> 'default acl'
$scan_wanted$;

CREATE FUNCTION qt001_cp.scan_dependency()
RETURNS TABLE (deptype "char", role oid, kind text, identity text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_dependency$
-- Who owns what ('o'), and who is named in whose ACL ('a'), in this database.
-- Source: PostgreSQL documentation, pg_shdepend.
WITH here AS (
    SELECT database.oid FROM pg_database database WHERE database.datname = current_database()
)
SELECT dependency.deptype, dependency.refobjid, object.type, object.identity
FROM here CROSS JOIN pg_shdepend dependency
CROSS JOIN LATERAL pg_identify_object(dependency.classid, dependency.objid, 0) object
WHERE dependency.refclassid = 'pg_authid'::regclass AND dependency.deptype IN ('o', 'a')
  AND (dependency.dbid = here.oid OR dependency.classid = 'pg_tablespace'::regclass
       OR dependency.classid = 'pg_database'::regclass AND dependency.objid = here.oid
       OR dependency.classid = 'pg_subscription'::regclass AND dependency.objid IN (
           SELECT subscription.oid FROM pg_subscription subscription
           WHERE subscription.subdbid = here.oid))
$scan_dependency$;

CREATE FUNCTION qt001_cp.scan_owners(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_owners$
WITH dependency AS MATERIALIZED (
    SELECT noted.* FROM qt001_cp.scan_dependency() noted
), wanted AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.scan_wanted(manifest) listed
), application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
)
SELECT wanted.kind || ' ' || wanted.identity, 'owner ' || (wanted.state ->> 'owner'),
       coalesce('owner ' || pg_get_userbyid(max(owned.role)), 'no such object of anybody'),
       'qt001-cp audit, and find out who did it'
FROM wanted LEFT JOIN dependency owned
ON owned.deptype = 'o' AND owned.kind = wanted.kind AND owned.identity = wanted.identity
WHERE wanted.disposition = 'transfer' AND wanted.follows IS NULL
GROUP BY wanted.kind, wanted.identity, wanted.state, wanted.system
-- Nothing is kept there of what the first superuser owns (10): a row would name another owner.
HAVING count(owned.role) FILTER (WHERE pg_get_userbyid(owned.role) = wanted.state ->> 'owner') = 0
   AND NOT (wanted.system AND count(owned.role) = 0
            AND wanted.state ->> 'owner' = pg_get_userbyid(10))
UNION ALL
SELECT owned.kind || ' ' || owned.identity, 'an object that the manifest retains',
       'owner ' || application.rolname || ', and not in the manifest',
       'Drop it, or take FIX7c and FIX7b back and seal a manifest that has it.'
FROM dependency owned JOIN application ON application.oid = owned.role
WHERE owned.deptype = 'o' AND owned.kind <> 'default acl' AND owned.identity !~ '^"?pg_temp'
  AND NOT EXISTS (SELECT 1 FROM wanted
                  WHERE wanted.kind = owned.kind AND wanted.identity = owned.identity)
UNION ALL
SELECT DISTINCT named.kind || ' ' || named.identity, 'no privilege for ' || application.rolname,
       'an ACL that names ' || application.rolname,
       format('REVOKE ALL ON … FROM %I;', application.rolname)
FROM dependency named JOIN application ON application.oid = named.role
JOIN wanted ON wanted.kind = named.kind AND wanted.identity = named.identity
WHERE named.deptype = 'a' AND wanted.disposition = 'transfer'
  AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(wanted.state -> 'acl') entry
      WHERE application.rolname IN (entry ->> 0, entry ->> 1))
  AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(wanted.state -> 'columns') attribute
      CROSS JOIN LATERAL jsonb_array_elements(attribute -> 'acl') entry
      WHERE application.rolname IN (entry ->> 0, entry ->> 1))
$scan_owners$;

CREATE FUNCTION qt001_cp.scan_table_privilege()
RETURNS TABLE (privilege text, since int, of_columns boolean)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $scan_table_privilege$
-- The privileges on tables and views, the scanner's own list: since which major version there is
-- each, and whether it can be granted on columns. A test holds it equal to model/kinds.py.
VALUES ('INSERT', 0, true), ('SELECT', 0, true), ('UPDATE', 0, true), ('DELETE', 0, false),
       ('TRUNCATE', 0, false), ('REFERENCES', 0, true), ('TRIGGER', 0, false),
       ('MAINTAIN', 17, false)
$scan_table_privilege$;

CREATE FUNCTION qt001_cp.scan_effective_privilege(role oid, relation oid) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_effective_privilege$
-- What the server lets a role do to a relation, by whatever route. A privilege that this server
-- does not know is not asked for: its name is an error.
SELECT known.privilege FROM qt001_cp.scan_table_privilege() known
WHERE CASE WHEN known.since * 10000 > current_setting('server_version_num')::int THEN false
           WHEN has_table_privilege(role, relation, known.privilege) THEN true
           ELSE known.of_columns AND has_any_column_privilege(role, relation, known.privilege) END
$scan_effective_privilege$;

CREATE FUNCTION qt001_cp.scan_privileges(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_privileges$
-- What the application role may do, by whatever route, to relations and routines that were
-- transferred.
WITH application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
), wanted AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.scan_wanted(manifest) listed WHERE listed.disposition = 'transfer'
), owned AS (
    SELECT 'pg_class'::regclass AS classid, relation.oid FROM pg_class relation
    WHERE relation.relowner = 'qt001_cp_owner'::regrole
      AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT 'pg_proc'::regclass, routine.oid FROM pg_proc routine
    WHERE routine.proowner = 'qt001_cp_owner'::regrole
), transferred AS MATERIALIZED (
    SELECT owned.classid, owned.oid, wanted.*
    FROM owned CROSS JOIN LATERAL pg_identify_object(owned.classid, owned.oid, 0) object
    JOIN wanted ON wanted.kind = object.type AND wanted.identity = object.identity
)
SELECT target.kind || ' ' || target.identity,
       CASE WHEN target.curated THEN 'only SELECT' ELSE 'no privilege' END
           || ' for ' || application.rolname,
       application.rolname || ' may ' || string_agg(has.privilege, ', ' ORDER BY has.privilege),
       'qt001-cp audit; then REVOKE it from the role that passes it on'
FROM transferred target CROSS JOIN application
CROSS JOIN LATERAL qt001_cp.scan_effective_privilege(application.oid, target.oid) has(privilege)
WHERE target.classid = 'pg_class'::regclass AND NOT (target.curated AND has.privilege = 'SELECT')
  AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(target.state -> 'acl') entry
                  WHERE entry ->> 2 = has.privilege AND entry ->> 1 IS NULL)
GROUP BY target.kind, target.identity, target.curated, application.rolname
UNION ALL
SELECT target.kind || ' ' || target.identity, 'no EXECUTE beyond the manifest',
       application.rolname || ' may EXECUTE it',
       format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC;', target.identity)
FROM transferred target CROSS JOIN application
WHERE target.classid = 'pg_proc'::regclass
  AND has_function_privilege(application.oid, target.oid, 'EXECUTE')
  AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(target.state -> 'acl') entry
                  WHERE entry ->> 1 IS NULL OR entry ->> 1 = application.rolname)
$scan_privileges$;

CREATE FUNCTION qt001_cp.scan_roles(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_roles$
-- Attributes of the application role, and of every role that it is a member of, that get around an
-- ACL; and the roles that it must not be a member of: the new owner, the duties, the server's own.
WITH application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
), suspect AS (
    SELECT application.rolname AS application, role.rolname, concat_ws(', ',
               CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
               CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
               CASE WHEN role.rolreplication THEN 'REPLICATION' END,
               CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END) AS attributes
    FROM application JOIN pg_roles role ON pg_has_role(application.oid, role.oid, 'MEMBER')
)
SELECT 'role ' || suspect.rolname, 'no SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS',
       suspect.attributes,
       format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;',
              suspect.rolname)
FROM suspect WHERE suspect.rolname = suspect.application AND suspect.attributes <> ''
UNION ALL
SELECT 'role ' || suspect.application, 'no membership of ' || suspect.rolname,
       'a member, directly or through another role',
       format('REVOKE %I FROM %I; -- or the role in between', suspect.rolname, suspect.application)
FROM suspect
WHERE suspect.rolname <> suspect.application
  AND (suspect.attributes <> '' OR suspect.rolname ~ '^(pg_|qt001_cp_)')
$scan_roles$;

CREATE FUNCTION qt001_cp.scan_sources()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_sources$
-- The apply path runs the sealed bodies, looked up by name as a caller does, and each asks the
-- guard.
WITH readiness AS (
    SELECT convert_from(document.body, 'UTF8')::jsonb AS doc
    FROM qt001_cp.document
    JOIN qt001_cp.event ON event.verb = 'sealed' AND event.subject = document.digest
    WHERE document.kind = 'qt001.manifest.readiness/1' ORDER BY event.seq DESC LIMIT 1
), wanted AS (
    SELECT source ->> 'identity' AS identity, source ->> 'body_sha256' AS sha256
    FROM readiness CROSS JOIN LATERAL jsonb_array_elements(readiness.doc -> 'repoint') source
), live AS (
    SELECT wanted.identity, wanted.sha256 AS wanted_sha256, routine.prosrc, routine.prosecdef,
           encode(sha256(convert_to(routine.prosrc, 'UTF8')), 'hex') AS sha256
    FROM wanted LEFT JOIN pg_proc routine ON routine.oid = to_regprocedure(wanted.identity)
)
SELECT 'routine ' || live.identity, 'a SECURITY DEFINER routine with body ' || live.wanted_sha256,
       coalesce('body ' || live.sha256, 'no such routine'), 'Take FIX7c back and deploy it again.'
FROM live WHERE live.sha256 IS DISTINCT FROM live.wanted_sha256 OR live.prosecdef IS NOT TRUE
UNION ALL
SELECT 'routine ' || live.identity, 'a call of qt001_cp.require_acceptance', 'none',
       'Take FIX7c back and deploy it again.'
FROM live WHERE live.prosrc IS NOT NULL AND live.prosrc !~ '\mqt001_cp\.require_acceptance\s*\('
UNION ALL
SELECT 'apply path', 'sources named by a sealed readiness manifest', 'none',
       'Take FIX7c back and deploy it with its documents.'
WHERE NOT EXISTS (SELECT 1 FROM wanted)
$scan_sources$;

CREATE FUNCTION qt001_cp.scan_ledger()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_ledger$
-- Numbers without a hole, each event after the one before it, each document with the digest of its
-- bytes, and a trigger that is enabled always for each way of changing a segment.
SELECT 'event ' || link.seq,
       format('number %s after %s', link.number, coalesce(link.before, repeat('0', 64))),
       format('number %s after %s', link.seq, link.prev),
       'Restore the ledger from a backup; compare it with the head that was kept elsewhere.'
FROM (SELECT event.seq, event.prev, row_number() OVER (ORDER BY event.seq) AS number,
             lag(event.digest) OVER (ORDER BY event.seq) AS before FROM qt001_cp.event) link
WHERE link.seq <> link.number OR link.prev <> coalesce(link.before, repeat('0', 64))
UNION ALL
SELECT 'document ' || document.digest, 'a body with this sha256',
       'a body with sha256 ' || encode(sha256(document.body), 'hex'),
       'Restore the ledger from a backup.'
FROM qt001_cp.document WHERE encode(sha256(document.body), 'hex') <> document.digest
UNION ALL
SELECT 'document ' || event.subject, format('the document that event %s names', min(event.seq)),
       'none', 'Restore the ledger from a backup.'
FROM qt001_cp.event LEFT JOIN qt001_cp.document ON document.digest = event.subject
WHERE event.verb IN ('configured', 'captured', 'proposed', 'sealed', 'evidence_imported', 'bound')
  AND document.digest IS NULL
GROUP BY event.subject
UNION ALL
SELECT 'table ' || segment.oid::regclass,
       'a trigger that is always enabled and refuses ' || refused.command, 'none',
       format('ALTER TABLE %s ENABLE ALWAYS TRIGGER …;', segment.oid::regclass)
FROM pg_inherits child JOIN pg_class segment ON segment.oid = child.inhrelid
CROSS JOIN (VALUES (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) refused(bit, command)
WHERE child.inhparent IN ('qt001_cp.event'::regclass, 'qt001_cp.document'::regclass,
                          'qt001_cp.manifest_row'::regclass)
  AND NOT EXISTS (SELECT 1 FROM pg_trigger
                  WHERE pg_trigger.tgrelid = segment.oid AND pg_trigger.tgenabled = 'A'
                    AND pg_trigger.tgtype & refused.bit <> 0
                    AND pg_trigger.tgfoid = 'qt001_cp.refuse_change()'::regprocedure)
$scan_ledger$;

CREATE FUNCTION qt001_cp.overdue(verb text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $overdue$
-- One watches the other: the last run of 'verified' or 'scanned', since the deployment at the
-- latest, is not older than max_age_seconds of the readiness manifest.
SELECT watched.object, format('a run in the last %s s', readiness.max_age),
       CASE WHEN last.at > clock_timestamp()
                THEN format('the last at %s, which is in the future', last.at)
            WHEN last.ran THEN 'the last at ' || last.at
            ELSE 'none since the deployment at ' || last.at END,
       watched.mend
FROM (VALUES
    ('verified', 'scheduled verifier',
     'qt001-cp verify (as the verifier); see why its schedule did not run it'),
    ('scanned', 'scheduled scanner',
     'qt001-cp scan (as the scanner); see why its schedule did not run it')
    ) watched(verb, object, mend)
CROSS JOIN (
    SELECT (qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1'))
            #>> '{verifier,max_age_seconds}')::bigint AS max_age) readiness
CROSS JOIN LATERAL (
    SELECT event.at, event.verb = watched.verb AS ran FROM qt001_cp.event
    WHERE event.verb IN (watched.verb, 'deployed') ORDER BY event.seq DESC LIMIT 1) last
WHERE watched.verb = overdue.verb
  AND (readiness.max_age IS NULL
       OR last.at < clock_timestamp() - make_interval(secs => readiness.max_age)
       OR last.at > clock_timestamp())
$overdue$;

CREATE FUNCTION qt001_cp.scan() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
AS $scan$
-- Level B, verifier: the scheduled scan. Records what it found; the login has to be another one
-- than the verifier's.
DECLARE
    manifest text;
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_verifier');
    SELECT event.subject INTO manifest FROM qt001_cp.event
    WHERE event.verb = 'deployed' ORDER BY event.seq DESC LIMIT 1;
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'gate', finding.part, 'sqlstate', 'QT301', 'object', finding.object,
               'expected', finding.expected, 'found', finding.found, 'mend', finding.mend)), '[]')
    INTO findings FROM (
        SELECT 'owners and ACLs' AS part, owner.* FROM qt001_cp.scan_owners(manifest) owner
        UNION ALL
        SELECT 'privileges', excess.* FROM qt001_cp.scan_privileges(manifest) excess
        UNION ALL
        SELECT 'roles', role.* FROM qt001_cp.scan_roles(manifest) role
        UNION ALL
        SELECT 'apply path', source.* FROM qt001_cp.scan_sources() source
        UNION ALL
        SELECT 'ledger', fault.* FROM qt001_cp.scan_ledger() fault
        UNION ALL
        SELECT 'the other of the pair', verifier.* FROM qt001_cp.overdue('verified') verifier
        UNION ALL
        SELECT 'deployment', 'object manifest', 'one that FIX7c has deployed', 'none',
               'alembic upgrade fix7c'
        WHERE manifest IS NULL) finding;
    PERFORM qt001_cp.record_event('scanned', coalesce(manifest, ''),
        jsonb_build_object('findings', jsonb_array_length(findings), 'first', (
            SELECT coalesce(jsonb_agg(shown.value), '[]')
            FROM (SELECT listed.value FROM jsonb_array_elements(findings) listed LIMIT 10) shown)));
    RETURN findings;
END
$scan$;
