-- What a manifest may say at all, whoever wrote it: nobody but the control plane's owner gains
-- anything by a cutover.

CREATE FUNCTION qt001_cp.kept_by_policy(manifest text)
RETURNS TABLE (grantee text, kind text, privilege text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $kept_by_policy$
-- The privileges that some rule of the recorded policy keeps for the application role or PUBLIC
-- (NULL); kind: NULL for any.
SELECT DISTINCT CASE kept.value ->> 'grantee' WHEN 'application' THEN head ->> 'application' END,
       matched.kind, privilege.value
FROM qt001_cp.document_json(manifest) head
CROSS JOIN LATERAL jsonb_array_elements(
    qt001_cp.document_json(head #>> '{policy,sha256}') -> 'rule') rule
CROSS JOIN LATERAL jsonb_array_elements(rule.value -> 'keep') kept
CROSS JOIN LATERAL jsonb_array_elements_text(kept.value -> 'privileges') privilege
CROSS JOIN LATERAL jsonb_array_elements_text(
    CASE jsonb_typeof(rule.value -> 'kind') WHEN 'array' THEN rule.value -> 'kind'
         ELSE jsonb_build_array(rule.value -> 'kind') END) matched(kind)
$kept_by_policy$;

CREATE FUNCTION qt001_cp.planned_state(manifest text)
RETURNS TABLE (
    kind text, identity text, system boolean, curated boolean, before jsonb, state jsonb
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $planned_state$
-- Every transferred object as the manifest leaves it: after FIX7b, and after FIX7c where that
-- differs. curated: the manifest and the policy say so.
WITH policy AS MATERIALIZED (
    SELECT qt001_cp.document_json(head #>> '{policy,sha256}') AS document
    FROM qt001_cp.document_json(manifest) head
), view AS MATERIALIZED (
    SELECT item.value ->> 'identity' AS identity
    FROM policy CROSS JOIN LATERAL jsonb_array_elements(policy.document -> 'curated_view') item
), extension_member AS MATERIALIZED (
    SELECT named.type AS kind, named.identity
    FROM pg_depend dependency
    CROSS JOIN LATERAL pg_identify_object(dependency.classid, dependency.objid, 0) named
    WHERE dependency.deptype = 'e' AND dependency.refclassid = 'pg_extension'::regclass
)
SELECT object.kind, object.identity,
       coalesce(object.schema ~ '^pg_' OR object.schema = 'information_schema', false)
           OR (object.kind, object.identity) IN (
                  SELECT member.kind, member.identity FROM extension_member member),
       object.curated AND object.identity IN (SELECT view.identity FROM view),
       object.before, planned.state
FROM qt001_cp.manifest_object(manifest) object
CROSS JOIN LATERAL (VALUES (object.after), (object.retired)) planned(state)
WHERE object.disposition = 'transfer' AND planned.state IS NOT NULL
$planned_state$;

CREATE FUNCTION qt001_cp.intent_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $intent_findings$
-- Of each transferred object: the owner afterwards is qt001_cp_owner (or the one of before, if that
-- is not a role of the application's), and every privilege afterwards was there before. For the
-- application role and PUBLIC even that is not enough: the policy keeps it, or names the curated
-- view on which the application role has SELECT. What PUBLIC has on the system's own objects, and
-- on members of extensions, every client needs; more than the server came with is found by
-- precondition 8.
WITH app AS MATERIALIZED (
    SELECT qt001_cp.document_json(manifest) ->> 'application' AS name
), member AS MATERIALIZED (
    SELECT role::text FROM app CROSS JOIN LATERAL qt001_cp.member_of(app.name::name) role
), kept AS MATERIALIZED (
    SELECT rule.* FROM qt001_cp.kept_by_policy(manifest) rule
), object AS MATERIALIZED (
    SELECT planned.* FROM qt001_cp.planned_state(manifest) planned
), entry AS (
    SELECT object.*, NULL::text AS of_column, item.value AS entry
    FROM object CROSS JOIN LATERAL jsonb_array_elements(object.state -> 'acl') item
    UNION ALL
    SELECT object.*, part.value ->> 'column', item.value
    FROM object CROSS JOIN LATERAL jsonb_array_elements(object.state -> 'columns') part
    CROSS JOIN LATERAL jsonb_array_elements(part.value -> 'acl') item
), privilege AS (
    SELECT entry.*, entry.entry ->> 1 AS grantee, entry.entry ->> 2 AS privilege,
           (entry.entry ->> 3)::boolean AS grantable
    FROM entry WHERE entry.entry ->> 1 IS DISTINCT FROM entry.state ->> 'owner'
)
SELECT 'QT103', object.kind || ' ' || object.identity, 'owner qt001_cp_owner after the cutover',
       'owner ' || (object.state ->> 'owner'),
       'The manifest is not what its policy implies: let the author generate it again.'
FROM object
WHERE object.kind <> 'default acl' AND object.state ->> 'owner' <> 'qt001_cp_owner'
  AND (object.state ->> 'owner' IS DISTINCT FROM object.before ->> 'owner'
       OR object.state ->> 'owner' IN (SELECT member.role FROM member))
UNION ALL
SELECT 'QT103', privilege.kind || ' ' || privilege.identity,
       'after the cutover only privileges that were there before, and that the policy keeps',
       privilege.privilege || coalesce(' (' || privilege.of_column || ')', '') || ' for '
           || coalesce(privilege.grantee, 'PUBLIC')
           || CASE WHEN privilege.grantable THEN ' WITH GRANT OPTION' ELSE '' END,
       'The manifest is not what its policy implies: let the author generate it again.'
FROM app CROSS JOIN privilege
WHERE NOT CASE
    WHEN privilege.grantee = app.name
        OR privilege.grantee IS NULL AND privilege.kind <> 'default acl' AND NOT privilege.system
    THEN privilege.of_column IS NULL AND NOT privilege.grantable
        AND (privilege.grantee IS NOT NULL AND privilege.curated AND privilege.privilege = 'SELECT'
             OR EXISTS (SELECT 1 FROM kept
                        WHERE kept.grantee IS NOT DISTINCT FROM privilege.grantee
                          AND kept.privilege = privilege.privilege
                          AND (kept.kind IS NULL OR kept.kind = privilege.kind)))
    ELSE EXISTS (
        SELECT 1 FROM (
            SELECT item.value FROM jsonb_array_elements(privilege.before -> 'acl') item
            WHERE privilege.of_column IS NULL
            UNION ALL
            SELECT item.value FROM jsonb_array_elements(privilege.before -> 'columns') part
            CROSS JOIN LATERAL jsonb_array_elements(part.value -> 'acl') item
            WHERE part.value ->> 'column' = privilege.of_column) earlier(entry)
        WHERE earlier.entry ->> 1 IS NOT DISTINCT FROM privilege.grantee
          AND earlier.entry ->> 2 = privilege.privilege
          AND ((earlier.entry ->> 3)::boolean OR NOT privilege.grantable)) END
$intent_findings$;
