-- What a manifest may say at all, whoever wrote it: nobody but the control plane's owner gains
-- anything by a cutover.

CREATE FUNCTION qt001_cp.unbound_rule_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $unbound_rule_findings$
-- The rules of the policy go on deciding after the cutover: one that retains whatever appears, in
-- whatever schema, would decide for what nobody has thought of. Kinds that lie in no schema cannot
-- be bound to one.
SELECT 'QT206', 'rule ' || rule.number || ' of the policy',
       'a retain rule that is bound to a schema, a name or an identity',
       'one that retains every ' || coalesce(matched.kind, 'object'),
       format('Write schema = "…" into rule %s, then generate again with the new policy.',
              rule.number)
FROM qt001_cp.document_json(manifest) head
CROSS JOIN LATERAL jsonb_array_elements(
    qt001_cp.document_json(head #>> '{policy,sha256}') -> 'rule')
    WITH ORDINALITY rule(value, number)
CROSS JOIN LATERAL (
    SELECT min(listed.kind) AS kind, count(*) AS kinds
    FROM jsonb_array_elements_text(
        CASE jsonb_typeof(rule.value -> 'kind') WHEN 'string'
             THEN jsonb_build_array(rule.value -> 'kind')
             ELSE coalesce(rule.value -> 'kind', '[]') END) listed(kind)
    WHERE listed.kind <> ALL ('{kinds_outside}'::text[])) matched
WHERE rule.value ->> 'disposition' = 'retain' AND NOT rule.value ? 'identity'
  AND coalesce(rule.value ->> 'schema', '*') ~ '^[*?]*$'
  AND coalesce(rule.value ->> 'name', '*') ~ '^[*?]*$'
  AND (matched.kinds > 0 OR NOT rule.value ? 'kind')
$unbound_rule_findings$;

CREATE FUNCTION qt001_cp.planned_state(manifest text)
RETURNS TABLE (
    kind text, schema text, name text, identity text, system boolean, curated boolean, before jsonb,
    state jsonb
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
SELECT object.kind, object.schema, object.name, object.identity,
       coalesce(object.schema ~ '^pg_' OR object.schema = 'information_schema', false)
           OR (object.kind, object.identity) IN (
                  SELECT member.kind, member.identity FROM extension_member member),
       object.curated AND object.identity IN (SELECT view.identity FROM view),
       object.before, planned.state
FROM qt001_cp.manifest_object(manifest) object
CROSS JOIN LATERAL (VALUES (object.after), (object.retired)) planned(state)
WHERE object.disposition = 'transfer' AND planned.state IS NOT NULL
$planned_state$;

CREATE FUNCTION qt001_cp.apply_path_intent_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $apply_path_intent_findings$
-- Whether there is an apply path, and what it is, the policy says: no manifest leaves it out.
SELECT 'QT103', 'manifest ' || manifest, part.name || ' as the policy has it',
       left(coalesce(part.said::text, 'none'), 200),
       'The manifest is not what its policy implies: let the author generate it again.'
FROM qt001_cp.document_json(manifest) head
CROSS JOIN LATERAL qt001_cp.document_json(head #>> '{policy,sha256}') policy
CROSS JOIN LATERAL (VALUES
    ('apply_path', nullif(head -> 'apply_path', 'null'), policy -> 'apply_path'),
    ('blocked', head -> 'blocked', coalesce(policy -> 'blocked', '[]')),
    ('legacy', head -> 'legacy', coalesce(policy -> 'legacy', '[]')),
    ('repoint', (SELECT coalesce(jsonb_agg(DISTINCT listed.value -> 'identity'), '[]')
                 FROM jsonb_array_elements(head -> 'repoint') listed),
                (SELECT coalesce(jsonb_agg(DISTINCT listed.value -> 'identity'), '[]')
                 FROM jsonb_array_elements(coalesce(policy -> 'repoint', '[]')) listed))
    ) part(name, said, wanted)
WHERE part.said IS DISTINCT FROM part.wanted
$apply_path_intent_findings$;

CREATE FUNCTION qt001_cp.loan_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $loan_findings$
-- What lends keeps its owner, who is not the application's, and all of its ACL; what is added is
-- his grant to the new owner, without grant option, of privileges that a rule of the policy lends.
WITH object AS MATERIALIZED (
    SELECT entry.kind, entry.identity, entry.before, entry.after,
           ARRAY(SELECT qt001_cp.every_entry(entry.before -> 'acl', entry.before -> 'columns'))
               AS old,
           ARRAY(SELECT qt001_cp.every_entry(entry.after -> 'acl', entry.after -> 'columns'))
               AS new
    FROM qt001_cp.manifest_object(manifest) entry WHERE entry.disposition = 'lend'
), policy AS MATERIALIZED (
    -- A bare word is a privilege on the whole object; an entry names privileges and columns.
    SELECT coalesce(privilege.value, item.value #>> '{}') AS privilege,
           part.value AS column_name
    FROM qt001_cp.document_json(manifest) head
    CROSS JOIN LATERAL jsonb_array_elements(
        qt001_cp.document_json(head #>> '{policy,sha256}') -> 'rule') rule
    CROSS JOIN LATERAL jsonb_array_elements(rule.value -> 'lend') item
    LEFT JOIN LATERAL jsonb_array_elements_text(item.value -> 'privileges') privilege ON true
    LEFT JOIN LATERAL jsonb_array_elements_text(item.value -> 'columns') part ON true
    WHERE rule.value ->> 'disposition' = 'lend'
), member AS MATERIALIZED (
    SELECT role::text FROM qt001_cp.member_of(
        (qt001_cp.document_json(manifest) ->> 'application')::name) role
)
SELECT 'QT103', object.kind || ' ' || object.identity,
       'a loan: the owner of before, who is not the application''s, grants qt001_cp_owner what a '
       'rule of the policy lends, and nothing else changes',
       format('owner %s, ACL %s', object.after ->> 'owner', to_jsonb(object.new)),
       'The manifest is not what its policy implies: let the author generate it again.'
FROM object
WHERE object.before ->> 'owner' IS DISTINCT FROM object.after ->> 'owner'
   OR object.before ->> 'owner' IN (SELECT member.role FROM member)
   OR NOT object.new @> object.old
   OR EXISTS (SELECT 1 FROM unnest(object.new) entry
              WHERE entry <> ALL (object.old)
                AND (entry ->> 0 IS DISTINCT FROM object.before ->> 'owner'
                     OR entry ->> 1 IS DISTINCT FROM 'qt001_cp_owner'
                     OR (entry ->> 3)::boolean
                     OR NOT EXISTS (
                         SELECT 1 FROM policy
                         WHERE policy.privilege = entry ->> 2
                           AND policy.column_name IS NOT DISTINCT FROM entry ->> 4)))
$loan_findings$;

CREATE FUNCTION qt001_cp.intent_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $intent_findings$
-- long: all of it asks of one list of what the manifest leaves to whom. Of each transferred
-- object: the owner afterwards is qt001_cp_owner (or the one of before, if that is not a role of
-- the application's), and every privilege afterwards was there before. For the application role and
-- PUBLIC even that is not enough: the policy keeps it, in the first rule that matches the object,
-- or names the curated view on which the application role has SELECT; and nothing of the apply
-- path, its sources and its evidence. A view that it goes on reading is a curated one. What PUBLIC
-- has on the system's own objects, and on members of extensions, every client needs; more than the
-- server came with is found by precondition 8.
WITH app AS MATERIALIZED (
    SELECT qt001_cp.document_json(manifest) ->> 'application' AS name
), member AS MATERIALIZED (
    SELECT role::text FROM app CROSS JOIN LATERAL qt001_cp.member_of(app.name::name) role
), policy AS MATERIALIZED (
    SELECT qt001_cp.document_json(head #>> '{policy,sha256}') AS document
    FROM qt001_cp.document_json(manifest) head
), needed AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.needed_by_inserting() listed WHERE NOT listed.definer
), closed AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.closed_to_application(manifest) listed
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
SELECT loan.* FROM qt001_cp.loan_findings(manifest) loan
UNION ALL
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
FROM app CROSS JOIN policy CROSS JOIN privilege
WHERE NOT CASE
    WHEN privilege.grantee = app.name
        OR privilege.grantee IS NULL AND privilege.kind <> 'default acl' AND NOT privilege.system
    THEN NOT privilege.grantable AND privilege.privilege <> ALL (qt001_cp.never_kept())
        AND (privilege.grantee IS NOT NULL AND privilege.of_column IS NULL
             AND privilege.curated AND privilege.privilege = 'SELECT'
             OR (privilege.kind, privilege.identity) NOT IN (
                    SELECT closed.kind, closed.identity FROM closed)
                AND (qt001_cp.keeps(policy.document, privilege.kind, privilege.schema,
                                    privilege.name, privilege.identity,
                                    privilege.grantee IS NOT NULL, privilege.privilege,
                                    privilege.of_column)
                     -- What inserting needs follows the INSERT that is kept.
                     OR privilege.of_column IS NULL AND EXISTS (
                            SELECT 1 FROM needed
                            JOIN entry target ON target.identity = needed.relation
                            WHERE needed.kind = privilege.kind
                              AND needed.identity = privilege.identity
                              AND needed.privilege = privilege.privilege
                              AND target.entry ->> 1 = privilege.grantee
                              AND target.entry ->> 2 = 'INSERT')))
    -- What a change grants to others stands in its text, which was reviewed.
    ELSE qt001_cp.is_successor(manifest) AND privilege.grantee IS NOT NULL
        AND privilege.grantee NOT IN (SELECT member.role FROM member)
        OR EXISTS (
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
UNION ALL
SELECT DISTINCT 'QT103', privilege.kind || ' ' || privilege.identity,
       'a curated view, where the application role goes on reading it',
       'SELECT for ' || coalesce(privilege.grantee, 'PUBLIC') || ', and no curated view',
       'The manifest is not what its policy implies: let the author generate it again.'
FROM app CROSS JOIN privilege
WHERE privilege.kind = 'view' AND NOT privilege.system AND privilege.privilege = 'SELECT'
  AND (privilege.grantee IS NULL OR privilege.grantee = app.name)
  AND NOT qt001_cp.is_curated(manifest, privilege.identity)
UNION ALL
SELECT finding.* FROM qt001_cp.apply_path_intent_findings(manifest) finding
$intent_findings$;
