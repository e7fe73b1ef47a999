-- What a manifest may say at all, whoever wrote it: nobody but the control plane's owner gains anything by a cutover.

CREATE FUNCTION qt001_cp.kept_by_policy(manifest text)
RETURNS TABLE (grantee text, kind text, privilege text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $kept_by_policy$
-- The privileges that some rule of the recorded policy keeps for the application role or PUBLIC (NULL); kind: NULL for any.
SELECT DISTINCT CASE k.value ->> 'grantee' WHEN 'application' THEN d.doc ->> 'application' END, w.kind, p.privilege
FROM (SELECT qt001_cp.document_json(manifest) AS doc) d
CROSS JOIN LATERAL jsonb_array_elements(qt001_cp.document_json(d.doc #>> '{policy,sha256}') -> 'rule') r(value)
CROSS JOIN LATERAL jsonb_array_elements(r.value -> 'keep') k(value)
CROSS JOIN LATERAL jsonb_array_elements_text(k.value -> 'privileges') p(privilege)
CROSS JOIN LATERAL (SELECT x.kind FROM jsonb_array_elements_text(
    CASE jsonb_typeof(r.value -> 'kind') WHEN 'array' THEN r.value -> 'kind' ELSE jsonb_build_array(r.value -> 'kind') END) x(kind)) w
$kept_by_policy$;

CREATE FUNCTION qt001_cp.intent_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $intent_findings$
-- Of each transferred object: the owner afterwards is qt001_cp_owner (or the one of before, if that is no role of the
-- application's), and every privilege afterwards was there before. For the application role and PUBLIC even that is not
-- enough: the policy keeps it, or names the curated view on which the application role has SELECT. What PUBLIC holds on the
-- system's own objects, and on members of extensions, every client needs; more than the server came with is found by precondition 8.
WITH doc AS MATERIALIZED (
    SELECT d.doc ->> 'application' AS app, qt001_cp.document_json(d.doc #>> '{policy,sha256}') AS policy
    FROM (SELECT qt001_cp.document_json(manifest) AS doc) d
), member AS MATERIALIZED (SELECT m::text AS role FROM doc CROSS JOIN LATERAL qt001_cp.member_of(doc.app::name) m
), kept AS MATERIALIZED (SELECT k.* FROM qt001_cp.kept_by_policy(manifest) k
), view AS MATERIALIZED (SELECT v.value ->> 'identity' AS identity FROM doc, jsonb_array_elements(doc.policy -> 'curated_view') v(value)
), extension_member AS MATERIALIZED (
    SELECT named.type AS kind, named.identity
    FROM pg_depend dependency CROSS JOIN LATERAL pg_identify_object(dependency.classid, dependency.objid, 0) named
    WHERE dependency.deptype = 'e' AND dependency.refclassid = 'pg_extension'::regclass
), place AS MATERIALIZED (
    SELECT o.kind, o.identity, o.before, coalesce(o.schema ~ '^pg_' OR o.schema = 'information_schema', false)
               OR (o.kind, o.identity) IN (SELECT member.kind, member.identity FROM extension_member member) AS system, s.state, o.curated AND o.identity IN (SELECT v.identity FROM view v) AS curated
    FROM qt001_cp.manifest_object(manifest) o CROSS JOIN LATERAL (VALUES (o.after), (o.retired)) s(state)
    WHERE o.disposition = 'transfer' AND s.state IS NOT NULL
), entry AS (
    SELECT p.*, NULL::text AS col, a.value ->> 1 AS grantee, a.value ->> 2 AS privilege, (a.value ->> 3)::boolean AS grantable
    FROM place p, jsonb_array_elements(p.state -> 'acl') a(value) WHERE a.value ->> 1 IS DISTINCT FROM p.state ->> 'owner'
    UNION ALL
    SELECT p.*, c.value ->> 'column', a.value ->> 1, a.value ->> 2, (a.value ->> 3)::boolean
    FROM place p, jsonb_array_elements(p.state -> 'columns') c(value), jsonb_array_elements(c.value -> 'acl') a(value)
    WHERE a.value ->> 1 IS DISTINCT FROM p.state ->> 'owner'
)
SELECT 'QT103', p.kind || ' ' || p.identity, 'qt001_cp_owner as its owner afterwards', 'the manifest gives it to ' || (p.state ->> 'owner'),
       'The manifest is not what its policy implies: let the author generate it again.'
FROM place p
WHERE p.kind <> 'default acl' AND p.state ->> 'owner' <> 'qt001_cp_owner'
  AND (p.state ->> 'owner' IS DISTINCT FROM p.before ->> 'owner' OR p.state ->> 'owner' IN (SELECT m.role FROM member m))
UNION ALL
SELECT 'QT103', e.kind || ' ' || e.identity, 'afterwards no privilege that the policy does not keep, or that was not there before',
       format('the manifest leaves or gives %s to %s%s', e.privilege || CASE WHEN e.col IS NULL THEN '' ELSE format(' (%s)', e.col) END, coalesce(e.grantee, 'PUBLIC'),
              CASE WHEN e.grantable THEN ' WITH GRANT OPTION' ELSE '' END),
       'The manifest is not what its policy implies: let the author generate it again.'
FROM doc, entry e
WHERE NOT CASE
    WHEN e.grantee = doc.app THEN e.col IS NULL AND NOT e.grantable AND (
        e.curated AND e.privilege = 'SELECT'
        OR EXISTS (SELECT 1 FROM kept k WHERE k.grantee = e.grantee AND k.privilege = e.privilege AND (k.kind IS NULL OR k.kind = e.kind)))
    WHEN e.grantee IS NULL AND e.kind <> 'default acl' AND NOT e.system THEN e.col IS NULL AND NOT e.grantable AND EXISTS (
        SELECT 1 FROM kept k WHERE k.grantee IS NULL AND k.privilege = e.privilege AND (k.kind IS NULL OR k.kind = e.kind))
    ELSE EXISTS (
        SELECT 1 FROM (SELECT b.value FROM jsonb_array_elements(e.before -> 'acl') b(value) WHERE e.col IS NULL
                       UNION ALL SELECT b.value FROM jsonb_array_elements(e.before -> 'columns') c(value), jsonb_array_elements(c.value -> 'acl') b(value)
                       WHERE c.value ->> 'column' = e.col) b
        WHERE b.value ->> 1 IS NOT DISTINCT FROM e.grantee AND b.value ->> 2 = e.privilege AND ((b.value ->> 3)::boolean OR NOT e.grantable)) END
$intent_findings$;
