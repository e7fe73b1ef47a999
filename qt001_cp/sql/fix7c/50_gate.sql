-- The gates. One list, one function that finds what closes each, two views. The guard that asks them: 55_guard.

CREATE TABLE qt001_cp.gate (
    ordinal int PRIMARY KEY,
    gate text NOT NULL UNIQUE,
    meaning text NOT NULL
);
INSERT INTO qt001_cp.gate (ordinal, gate, meaning) VALUES
    (1, 'object_manifest_sealed', 'the object manifest that was cut over is sealed, and its no-go rehearsal is recorded'),
    (2, 'inventory_exact', 'the live estate is the manifest, both ways'),
    (3, 'owners_and_acls_exact', 'every owner, ACL and column ACL is as the manifest says'),
    (4, 'definitions_exact', 'every transferred object is defined as when it was sealed or deployed'),
    (5, 'search_paths_secure', 'every SECURITY DEFINER routine has a pinned search_path without writable schemas'),
    (6, 'roles_apart', 'no login holds two duties, none is the application role'),
    (7, 'application_role_contained', 'the application role holds nothing beyond the curated views and reaches nothing'),
    (8, 'legacy_authority_removed', 'nothing on the apply path reaches the legacy authority, and nobody can call it'),
    (9, 'entry_points_paired', 'every Level-B entry point is registered and calls its Level-A guard first'),
    (10, 'readiness_manifest_met', 'the readiness manifest is sealed and what it asks for is so'),
    (11, 'dependency_manifest_closed', 'the apply path reaches nothing outside the dependency manifest'),
    (12, 'static_analysis_present', 'real static analysis of exactly today''s sources, without blocking findings'),
    (13, 'scheduled_verifier_recent', 'scheduled verifier and scanner ran recently and clean, as two logins'),
    (14, 'sign_off_present', 'an independent sign-off of exactly today''s subject, not expired'),
    (15, 'capability_evidence_real', 'real evidence for every capability'),
    (16, 'protected_state_no_worse', 'no protected row and no protection was lost since the deployment'),
    (17, 'ledger_intact', 'the chain of events and the documents are as they were written');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qt001_cp.gate
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.gate ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION qt001_cp.deployed_manifest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $deployed_manifest$
SELECT e.subject FROM qt001_cp.event e WHERE e.verb = 'deployed' ORDER BY e.seq DESC LIMIT 1
$deployed_manifest$;

CREATE FUNCTION qt001_cp.manifest_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_findings$
SELECT 'QT301', 'object manifest', 'sealed and deployed: ' || coalesce(qt001_cp.sealed('qt001.manifest.object/1'), 'none is sealed'),
       'deployed: ' || coalesce(manifest, 'none'), 'Take FIX7c and FIX7b back and run them with the manifest that is sealed now.'
WHERE qt001_cp.sealed('qt001.manifest.object/1') IS DISTINCT FROM manifest
UNION ALL
-- The event holds what was there before: whoever writes another one forgets what was lost since.
SELECT 'QT301', 'deployment', 'one, by FIX7c', n.events || ' events of it', 'Find out who wrote it (qt001_cp.v_event); take FIX7c back and deploy it again.'
FROM (SELECT count(*) AS events FROM qt001_cp.event e WHERE e.verb = 'deployed') n WHERE n.events > 1
UNION ALL
SELECT f.* FROM qt001_cp.rehearsal_findings(manifest) f
$manifest_findings$;

CREATE FUNCTION qt001_cp.legacy_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $legacy_findings$
WITH legacy AS MATERIALIZED (
    SELECT v ->> 'kind' AS kind, v ->> 'identity' AS identity FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'legacy') v
), state AS MATERIALIZED (
    SELECT s.* FROM qt001_cp.live_state('qt001_cp_owner') s
)
SELECT 'QT301', l.kind || ' ' || l.identity, 'no privilege for anybody, its owner included', 'ACL ' || s.acl::text, 'Deploy FIX7c again.'
FROM legacy l JOIN state s ON s.kind = l.kind AND s.identity = l.identity WHERE s.acl <> '[]'
UNION ALL
SELECT 'QT301', l.kind || ' ' || l.identity, 'not reached by the apply path', 'reached', 'Take it out of the new sources of the apply path.'
FROM legacy l JOIN qt001_cp.reached_by_apply_path(manifest) r ON r.kind = l.kind AND r.identity = l.identity
$legacy_findings$;

CREATE FUNCTION qt001_cp.readiness_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $readiness_findings$
-- The readiness manifest: sealed, about this object manifest, and met: every routine of the apply path runs exactly
-- the source that it names.
WITH doc AS MATERIALIZED (SELECT qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1')) AS j
), wanted AS (SELECT r ->> 'identity' AS identity, r ->> 'body_sha256' AS body_sha256 FROM doc, jsonb_array_elements(doc.j -> 'repoint') r
), live AS (
    SELECT i.identity, qt001_cp.sha256_hex(convert_to(p.prosrc, 'UTF8')) AS body_sha256, p.prosecdef, p.provolatile
    FROM pg_proc p CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i WHERE p.proowner = 'qt001_cp_owner'::regrole
)
SELECT 'QT301', 'readiness manifest', 'sealed, of object manifest ' || manifest,
       CASE WHEN d.j IS NULL THEN 'not sealed' ELSE 'of ' || (d.j ->> 'object_manifest') END, 'Deploy FIX7c with its documents.'
FROM doc d WHERE d.j IS NULL OR d.j ->> 'object_manifest' <> manifest
UNION ALL
SELECT 'QT301', w.identity, 'SECURITY DEFINER with the body ' || w.body_sha256, coalesce('body ' || l.body_sha256, 'missing'), 'Deploy FIX7c again.'
FROM wanted w LEFT JOIN live l ON l.identity = w.identity
WHERE l.identity IS NULL OR l.body_sha256 <> w.body_sha256 OR NOT l.prosecdef OR l.provolatile <> 'v'
$readiness_findings$;

CREATE FUNCTION qt001_cp.verifier_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $verifier_findings$
-- Both of the pair ran recently and clean, as two logins, neither of them the owner of the writer.
WITH rule AS (SELECT (qt001_cp.document_json(qt001_cp.sealed('qt001.manifest.readiness/1')) #>> '{verifier,max_age_seconds}')::bigint AS max_age
), pair(verb, object, mend) AS (
    VALUES ('verified', 'scheduled verifier', 'qt001-cp verify (as the verifier)'),
           ('scanned', 'scheduled scanner', 'qt001-cp scan (as the scanner, another login of qt001_cp_verifier)')
), last AS MATERIALIZED (
    SELECT p.*, e.seq, e.at, e.actor, (e.detail ->> 'findings')::int AS findings
    FROM pair p LEFT JOIN LATERAL (SELECT v.* FROM qt001_cp.event v WHERE v.verb = p.verb ORDER BY v.seq DESC LIMIT 1) e ON true
)
SELECT 'QT301', l.object, format('clean, in the last %s s, by a member of qt001_cp_verifier', r.max_age),
       CASE WHEN l.seq IS NULL THEN 'never ran'
            WHEN l.findings > 0 THEN format('%s finding(s) at %s', l.findings, l.at)
            WHEN l.actor = 'qt001_cp_owner' OR NOT 'qt001_cp_verifier' IN (SELECT qt001_cp.member_of(l.actor)) THEN 'ran as ' || l.actor
            ELSE 'ran at ' || l.at END,
       l.mend
FROM rule r CROSS JOIN last l
WHERE l.seq IS NULL OR r.max_age IS NULL OR l.at < clock_timestamp() - make_interval(secs => r.max_age) OR l.findings > 0
   OR l.actor = 'qt001_cp_owner' OR NOT 'qt001_cp_verifier' IN (SELECT qt001_cp.member_of(l.actor))
UNION ALL
SELECT 'QT301', 'scheduled scanner', 'another login than the verifier''s', 'both ran as ' || s.actor, 'Give each of the two a login of its own.'
FROM last s JOIN last v ON v.actor = s.actor WHERE s.verb = 'scanned' AND v.verb = 'verified'
$verifier_findings$;

CREATE FUNCTION qt001_cp.source_rows(manifest text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET row_security = off
AS $source_rows$
-- Level A, with the owner's rights: who may read the gates need not read the tables.
-- [identity, rows] of each source table that the policy names; null where it is gone or no longer the owner's to read: the
-- gates have to name what was done, not end with it. Plain and partitioned tables only.
DECLARE
    target record;
    count bigint;
    counts jsonb := '[]';
BEGIN
    FOR target IN
        SELECT o.identity, o.schema, o.name, c.oid,
               coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false) AS readable
        FROM qt001_cp.manifest_object(manifest) o LEFT JOIN pg_namespace n ON n.nspname = o.schema
        LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.name AND c.relkind IN ('r', 'p')
        WHERE o.kind = 'table' AND (qt001_cp.document_json(manifest) #> '{apply_path,source_tables}') @> to_jsonb(o.identity)
    LOOP
        IF NOT target.readable THEN
            counts := counts || jsonb_build_array(jsonb_build_array(target.identity, NULL));
            CONTINUE;
        END IF;
        IF row_security_active(target.oid) THEN
            RAISE EXCEPTION USING ERRCODE = 'QT301',
                MESSAGE = format('table %s: expected rows that its owner can count, found forced row level security', target.identity),
                HINT = format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY; or take it out of apply_path.source_tables of the policy.', target.identity);
        END IF;
        EXECUTE format('SELECT pg_catalog.count(*) FROM %I.%I', target.schema, target.name) INTO count;
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
WITH earlier AS (SELECT e.detail -> 'rows' AS rows FROM qt001_cp.event e WHERE e.verb = 'deployed' ORDER BY e.seq DESC LIMIT 1
), now AS MATERIALIZED (SELECT qt001_cp.source_rows(manifest) AS rows)
SELECT 'QT301', 'table ' || (t.value ->> 0), coalesce('at least ' || (t.value ->> 1) || ' rows', 'rows that can be counted'), coalesce((x.value ->> 1) || ' rows', 'no such table, or not qt001_cp_owner''s to read'),
       'Find out who removed rows of a source table; restore them.'
FROM earlier CROSS JOIN now n CROSS JOIN LATERAL jsonb_array_elements(earlier.rows) t
LEFT JOIN LATERAL jsonb_array_elements(n.rows) x ON x.value ->> 0 = t.value ->> 0
WHERE coalesce((x.value ->> 1)::bigint, -1) < coalesce((t.value ->> 1)::bigint, 0)
UNION ALL
SELECT 'QT301', format('%s %s', o.kind, o.identity), format('row security %s, forced %s', b.rls, b.forced), format('row security %s, forced %s', c.relrowsecurity, c.relforcerowsecurity),
       format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', o.identity)
FROM qt001_cp.event e
CROSS JOIN LATERAL jsonb_to_recordset(e.detail -> 'row_security') b(identity text, rls boolean, forced boolean)
JOIN qt001_cp.manifest_object(manifest) o ON o.identity = b.identity AND o.kind = 'table'
JOIN pg_namespace n ON n.nspname = o.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.name
WHERE e.verb = 'deployed' AND e.seq = (SELECT max(x.seq) FROM qt001_cp.event x WHERE x.verb = 'deployed')
  AND (b.rls > c.relrowsecurity OR b.forced > c.relforcerowsecurity)
$no_worse_findings$;

CREATE FUNCTION qt001_cp.gate_findings(left_out text[] DEFAULT '{}')
RETURNS TABLE (gate text, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
AS $gate_findings$
-- What closes each gate, from the live catalogs and the ledger. A gate without a row here is open. The caller's settings
-- that change what a text of ours, or one that the server prints, means do not count.
DECLARE
    manifest text := qt001_cp.deployed_manifest();
    app name;
    aspect record;
BEGIN
    IF manifest IS NULL THEN
        RETURN QUERY SELECT g.gate, 'QT301'::text, 'object manifest'::text, 'deployed by FIX7c'::text, 'none'::text, 'alembic upgrade fix7c'::text
                     FROM qt001_cp.gate g WHERE NOT g.gate = ANY (left_out);
        RETURN;
    END IF;
    app := (qt001_cp.document_json(manifest) ->> 'application')::name;
    RETURN QUERY SELECT 'object_manifest_sealed', f.* FROM qt001_cp.manifest_findings(manifest) f;
    RETURN QUERY SELECT CASE c.aspect WHEN 'inventory' THEN 'inventory_exact' WHEN 'definition' THEN 'definitions_exact' ELSE 'owners_and_acls_exact' END,
                        'QT301'::text, c.object, c.expected, c.found, c.mend
                 FROM qt001_cp.coverage_aspects(manifest, 'deployed') c
                 -- The application may change the definition of what it keeps; what that reaches is gate 7's matter.
                 WHERE c.aspect <> 'definition' OR c.transferred;
    RETURN QUERY SELECT 'search_paths_secure', f.* FROM qt001_cp.search_path_findings(manifest) f;
    RETURN QUERY SELECT 'roles_apart', f.* FROM qt001_cp.roles_apart_findings() f
                 UNION SELECT 'roles_apart', f.* FROM qt001_cp.application_member_findings(false) f;
    RETURN QUERY SELECT 'application_role_contained', f.* FROM qt001_cp.excess_privilege_findings(manifest) f
                 UNION ALL SELECT 'application_role_contained', f.* FROM qt001_cp.application_power_findings(app) f
                 UNION ALL SELECT 'application_role_contained', f.* FROM qt001_cp.reach_findings(manifest) f;
    RETURN QUERY SELECT 'legacy_authority_removed', f.* FROM qt001_cp.legacy_findings(manifest) f;
    RETURN QUERY SELECT 'entry_points_paired', f.* FROM qt001_cp.entry_point_findings(manifest) f;
    RETURN QUERY SELECT 'readiness_manifest_met', f.* FROM qt001_cp.readiness_findings(manifest) f;
    RETURN QUERY SELECT 'dependency_manifest_closed', f.* FROM qt001_cp.dependency_findings(manifest) f;
    RETURN QUERY SELECT 'static_analysis_present', f.* FROM qt001_cp.analysis_findings(manifest) f;
    IF NOT 'scheduled_verifier_recent' = ANY (left_out) THEN
        RETURN QUERY SELECT 'scheduled_verifier_recent', f.* FROM qt001_cp.verifier_findings() f;
    END IF;
    IF NOT 'sign_off_present' = ANY (left_out) THEN
        RETURN QUERY SELECT 'sign_off_present', f.* FROM qt001_cp.sign_off_findings() f;
    END IF;
    IF NOT 'capability_evidence_real' = ANY (left_out) THEN
        RETURN QUERY SELECT 'capability_evidence_real', f.* FROM qt001_cp.capability_findings(manifest) f;
    END IF;
    RETURN QUERY SELECT 'protected_state_no_worse', f.* FROM qt001_cp.no_worse_findings(manifest) f;
    RETURN QUERY SELECT 'ledger_intact', f.* FROM qt001_cp.ledger_findings() f;
END
$gate_findings$;

CREATE VIEW qt001_cp.v_fix7_gate AS
SELECT g.ordinal, g.gate, g.meaning, count(f.gate) = 0 AS open, count(f.gate)::int AS findings,
       -- One finding: its reason with what mends it, never what mends another one.
       (min(ARRAY[f.object || ': expected ' || f.expected || ', found ' || f.found, f.mend]))[1] AS reason,
       (min(ARRAY[f.object || ': expected ' || f.expected || ', found ' || f.found, f.mend]))[2] AS mend
FROM qt001_cp.gate g LEFT JOIN qt001_cp.gate_findings() f ON f.gate = g.gate
GROUP BY g.ordinal, g.gate, g.meaning;

CREATE VIEW qt001_cp.v_fix7_acceptance AS
SELECT bool_and(v.open) AND count(*) = 17 AS accepted, (count(*) FILTER (WHERE v.open))::int AS open_gates, count(*)::int AS gates,
       qt001_cp.subject_digest() AS subject_digest,
       string_agg(v.gate, ', ' ORDER BY v.ordinal) FILTER (WHERE NOT v.open) AS closed,
       string_agg(v.reason, E'\n' ORDER BY v.ordinal) FILTER (WHERE NOT v.open) AS reasons
FROM qt001_cp.v_fix7_gate v;

CREATE FUNCTION qt001_cp.verify() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $verify$
-- Level B, verifier: the scheduled verification. Looks at all gates that speak of the state of things, not at those
-- that wait for people or for itself, and records what it found.
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_verifier');
    SELECT coalesce(jsonb_agg(to_jsonb(f)), '[]') INTO findings FROM (
        SELECT g.* FROM qt001_cp.gate_findings(ARRAY['scheduled_verifier_recent', 'sign_off_present', 'capability_evidence_real']) g
        UNION ALL SELECT 'scheduled_verifier_recent', 'QT301', o.* FROM qt001_cp.overdue('scanned') o) f;
    PERFORM qt001_cp.record_event('verified', coalesce(qt001_cp.deployed_manifest(), ''), jsonb_build_object(
        'findings', jsonb_array_length(findings),
        'first', (SELECT coalesce(jsonb_agg(x.value), '[]') FROM (SELECT y.value FROM jsonb_array_elements(findings) y LIMIT 10) x)));
    RETURN findings;
END
$verify$;
