-- The scanner, the verifier's pair: another login, another schedule, and none of the functions that the gates use. It reads
-- what the server keeps beside the catalogs of the objects (pg_shdepend), asks has_*_privilege, and recomputes digests from
-- the bytes. A fault in one of the two is seen by the other.

CREATE FUNCTION qt001_cp.scan_owners(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_owners$
-- pg_shdepend: who owns what ('o') and who is named in whose ACL ('a'). Source: PostgreSQL documentation, pg_shdepend.
WITH dependency AS MATERIALIZED (
    SELECT s.deptype, s.refobjid AS role, s.classid, s.objid, i.type AS kind, i.identity
    FROM pg_shdepend s CROSS JOIN LATERAL pg_identify_object(s.classid, s.objid, 0) i
    WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('o', 'a')
      AND (s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
           OR s.classid = 'pg_database'::regclass AND s.objid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
           OR s.classid = 'pg_tablespace'::regclass
           OR s.classid = 'pg_subscription'::regclass AND s.objid IN (
               SELECT u.oid FROM pg_subscription u WHERE u.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())))
), wanted AS MATERIALIZED (
    SELECT r.object ->> 'kind' AS kind, r.object ->> 'identity' AS identity, r.object ->> 'disposition' AS disposition, r.object ->> 'follows' AS follows,
           coalesce((r.object -> 'detail' ->> 'system')::boolean, false) AS system,
           coalesce(nullif(r.object -> 'retired', 'null'), nullif(r.object -> 'after', 'null'), r.object -> 'before') AS state
    FROM qt001_cp.manifest_row r WHERE r.manifest = scan_owners.manifest AND r.object ->> 'kind' <> 'default acl'
), application AS (
    SELECT a.oid, a.rolname FROM qt001_cp.document d JOIN pg_roles a ON a.rolname = convert_from(d.body, 'UTF8')::jsonb ->> 'application'
    WHERE d.digest = scan_owners.manifest
)
SELECT w.kind || ' ' || w.identity, 'owned by ' || (w.state ->> 'owner'), coalesce('owned by ' || pg_get_userbyid(max(d.role)), 'no such object of anybody'),
       'qt001-cp audit, and find out who did it'
FROM wanted w LEFT JOIN dependency d ON d.deptype = 'o' AND d.kind = w.kind AND d.identity = w.identity
WHERE w.disposition = 'transfer' AND w.follows IS NULL
GROUP BY w.kind, w.identity, w.state, w.system
-- Nothing is kept there of what the first superuser owns (10): a row would name another owner.
HAVING count(d.role) FILTER (WHERE pg_get_userbyid(d.role) = w.state ->> 'owner') = 0
   AND NOT (w.system AND count(d.role) = 0 AND w.state ->> 'owner' = pg_get_userbyid(10))
UNION ALL
SELECT d.kind || ' ' || d.identity, 'known to the manifest, and retained', 'owned by ' || a.rolname, 'Drop it, or take FIX7c and FIX7b back and seal a manifest that has it.'
FROM dependency d JOIN application a ON a.oid = d.role
WHERE d.deptype = 'o' AND d.kind <> 'default acl' AND d.identity !~ '^"?pg_temp'
  AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.kind = d.kind AND w.identity = d.identity)
UNION ALL
SELECT DISTINCT d.kind || ' ' || d.identity, 'no privilege for ' || a.rolname, 'its ACL names ' || a.rolname, format('REVOKE ALL ON … FROM %I;', a.rolname)
FROM dependency d JOIN application a ON a.oid = d.role JOIN wanted w ON w.kind = d.kind AND w.identity = d.identity
WHERE d.deptype = 'a' AND w.disposition = 'transfer'
  AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(w.state -> 'acl') e WHERE a.rolname IN (e ->> 0, e ->> 1))
  AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(w.state -> 'columns') c, jsonb_array_elements(c -> 'acl') e WHERE a.rolname IN (e ->> 0, e ->> 1))
$scan_owners$;

CREATE FUNCTION qt001_cp.scan_privileges(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_privileges$
-- What the server lets the application role do, by whatever route: relations and routines that were transferred.
WITH application AS (
    SELECT a.oid, a.rolname FROM qt001_cp.document d JOIN pg_roles a ON a.rolname = convert_from(d.body, 'UTF8')::jsonb ->> 'application'
    WHERE d.digest = scan_privileges.manifest
), wanted AS MATERIALIZED (
    SELECT r.object ->> 'kind' AS kind, r.object ->> 'identity' AS identity, (r.object ->> 'curated')::boolean AS curated,
           coalesce(nullif(r.object -> 'retired', 'null'), r.object -> 'after') AS state
    FROM qt001_cp.manifest_row r WHERE r.manifest = scan_privileges.manifest AND r.object ->> 'disposition' = 'transfer'
), mine AS (
    SELECT 'pg_class'::regclass AS classid, c.oid, c.relkind::text AS relkind FROM pg_class c WHERE c.relowner = 'qt001_cp_owner'::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, 'routine' FROM pg_proc p WHERE p.proowner = 'qt001_cp_owner'::regrole
), placed AS MATERIALIZED (
    SELECT m.oid, m.relkind, w.* FROM mine m CROSS JOIN LATERAL pg_identify_object(m.classid, m.oid, 0) i JOIN wanted w ON w.kind = i.type AND w.identity = i.identity
)
SELECT p.kind || ' ' || p.identity, CASE WHEN p.curated THEN 'SELECT and nothing else' ELSE 'nothing' END || ' for ' || a.rolname, 'it may ' || string_agg(v.verb, ', ' ORDER BY v.verb),
       'qt001-cp audit; then REVOKE it from the role that passes it on'
FROM placed p CROSS JOIN application a CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) v(verb)
WHERE p.relkind <> 'routine' AND NOT (p.curated AND v.verb = 'SELECT')
  AND (has_table_privilege(a.oid, p.oid, v.verb) OR v.verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(a.oid, p.oid, v.verb))
  AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(p.state -> 'acl') e WHERE e ->> 2 = v.verb AND e ->> 1 IS NULL)
GROUP BY p.kind, p.identity, p.curated, a.rolname
UNION ALL
SELECT p.kind || ' ' || p.identity, 'EXECUTE for nobody beyond the manifest', a.rolname || ' may EXECUTE it', format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC;', p.identity)
FROM placed p CROSS JOIN application a
WHERE p.relkind = 'routine' AND has_function_privilege(a.oid, p.oid, 'EXECUTE')
  AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(p.state -> 'acl') e WHERE e ->> 1 IS NULL OR e ->> 1 = a.rolname)
$scan_privileges$;

CREATE FUNCTION qt001_cp.scan_sources()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_sources$
-- The apply path runs the sealed bodies, looked up by name as a caller does, and each asks the guard.
WITH doc AS (
    SELECT convert_from(d.body, 'UTF8')::jsonb AS j FROM qt001_cp.document d JOIN qt001_cp.event e ON e.verb = 'sealed' AND e.subject = d.digest
    WHERE d.kind = 'qt001.manifest.readiness/1' ORDER BY e.seq DESC LIMIT 1
), wanted AS (SELECT r ->> 'identity' AS identity, r ->> 'body_sha256' AS body FROM doc, jsonb_array_elements(doc.j -> 'repoint') r
), live AS (
    SELECT w.identity, w.body, p.prosrc, p.prosecdef, encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') AS now
    FROM wanted w LEFT JOIN pg_proc p ON p.oid = to_regprocedure(w.identity)
)
SELECT 'routine ' || l.identity, 'SECURITY DEFINER with the body ' || l.body, coalesce('body ' || l.now, 'no such routine'), 'Take FIX7c back and deploy it again.'
FROM live l WHERE l.now IS DISTINCT FROM l.body OR l.prosecdef IS NOT TRUE
UNION ALL
SELECT 'routine ' || l.identity, 'asks qt001_cp.require_acceptance', 'does not', 'Take FIX7c back and deploy it again.'
FROM live l WHERE l.prosrc IS NOT NULL AND l.prosrc !~ '\mqt001_cp\.require_acceptance\s*\('
UNION ALL
SELECT 'apply path', 'sources named by a sealed readiness manifest', 'none', 'Deploy FIX7c with its documents.' WHERE NOT EXISTS (SELECT 1 FROM wanted)
$scan_sources$;

CREATE FUNCTION qt001_cp.scan_ledger()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_ledger$
-- Numbers without a hole, each event after the one before it, each document with the digest of its bytes, and a trigger that
-- is enabled always for each way of changing a segment.
SELECT 'event ' || e.seq, format('number %s after %s', e.n, coalesce(e.before, repeat('0', 64))), format('number %s after %s', e.seq, e.prev),
       'Restore the ledger from a backup; compare it with the head that was kept elsewhere.'
FROM (SELECT v.seq, v.prev, row_number() OVER (ORDER BY v.seq) AS n, lag(v.digest) OVER (ORDER BY v.seq) AS before FROM qt001_cp.event v) e
WHERE e.seq <> e.n OR e.prev <> coalesce(e.before, repeat('0', 64))
UNION ALL
SELECT 'document ' || d.digest, 'its sha256', encode(sha256(d.body), 'hex'), 'Restore the ledger from a backup.'
FROM qt001_cp.document d WHERE encode(sha256(d.body), 'hex') <> d.digest
UNION ALL
SELECT 'document ' || e.subject, 'the one that event ' || min(e.seq) || ' names', 'none', 'Restore the ledger from a backup.'
FROM qt001_cp.event e LEFT JOIN qt001_cp.document d ON d.digest = e.subject
WHERE e.verb IN ('configured', 'captured', 'proposed', 'sealed', 'evidence_imported', 'bound') AND d.digest IS NULL GROUP BY e.subject
UNION ALL
SELECT 'table ' || c.oid::regclass, 'a trigger that is always enabled and refuses ' || v.verb, 'none', format('ALTER TABLE %s ENABLE ALWAYS TRIGGER …;', c.oid::regclass)
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid CROSS JOIN (VALUES (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) v(bit, verb)
WHERE h.inhparent IN ('qt001_cp.event'::regclass, 'qt001_cp.document'::regclass, 'qt001_cp.manifest_row'::regclass)
  AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A' AND t.tgtype & v.bit <> 0
                                               AND t.tgfoid = 'qt001_cp.refuse_change()'::regprocedure)
$scan_ledger$;

CREATE FUNCTION qt001_cp.overdue(verb text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $overdue$
-- One watches the other: the last run of 'verified' or 'scanned', since the deployment at the latest, is not older than
-- max_age_seconds of the readiness manifest.
SELECT n.called, format('a run in the last %s s', r.max_age), CASE WHEN l.ran THEN 'the last at ' || l.at ELSE 'none since the deployment at ' || l.at END, n.mend
FROM (SELECT CASE verb WHEN 'verified' THEN 'scheduled verifier' ELSE 'scheduled scanner' END AS called,
             CASE verb WHEN 'verified' THEN 'qt001-cp verify (as the verifier); see why its schedule did not' ELSE 'qt001-cp scan (as the scanner); see why its schedule did not' END AS mend) n
CROSS JOIN (SELECT (qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1')) #>> '{verifier,max_age_seconds}')::bigint AS max_age) r
CROSS JOIN LATERAL (SELECT e.at, e.verb = overdue.verb AS ran FROM qt001_cp.event e WHERE e.verb IN (overdue.verb, 'deployed') ORDER BY e.seq DESC LIMIT 1) l
WHERE r.max_age IS NULL OR l.at < clock_timestamp() - make_interval(secs => r.max_age)
$overdue$;

CREATE FUNCTION qt001_cp.scan() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
AS $scan$
-- Level B, verifier: the scheduled scan. Records what it found; the login has to be another one than the verifier's.
DECLARE
    manifest text;
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_verifier');
    SELECT e.subject INTO manifest FROM qt001_cp.event e WHERE e.verb = 'deployed' ORDER BY e.seq DESC LIMIT 1;
    SELECT coalesce(jsonb_agg(jsonb_build_object('gate', f.part, 'sqlstate', 'QT301', 'object', f.object, 'expected', f.expected, 'found', f.found, 'mend', f.mend)), '[]')
    INTO findings FROM (
        SELECT 'owners and ACLs' AS part, s.* FROM qt001_cp.scan_owners(manifest) s
        UNION ALL SELECT 'privileges', s.* FROM qt001_cp.scan_privileges(manifest) s
        UNION ALL SELECT 'apply path', s.* FROM qt001_cp.scan_sources() s
        UNION ALL SELECT 'ledger', s.* FROM qt001_cp.scan_ledger() s
        UNION ALL SELECT 'the other of the pair', s.* FROM qt001_cp.overdue('verified') s
        UNION ALL SELECT 'deployment', 'object manifest', 'deployed by FIX7c', 'none', 'alembic upgrade fix7c' WHERE manifest IS NULL) f;
    PERFORM qt001_cp.record_event('scanned', coalesce(manifest, ''), jsonb_build_object(
        'findings', jsonb_array_length(findings),
        'first', (SELECT coalesce(jsonb_agg(x.value), '[]') FROM (SELECT y.value FROM jsonb_array_elements(findings) y LIMIT 10) x)));
    RETURN findings;
END
$scan$;
