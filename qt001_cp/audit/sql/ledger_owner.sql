-- What does not belong to the ledger role in the schema that decides, the schema itself included;
-- and every role without SUPERUSER that inherits the ledger role, or may SET ROLE to it, through
-- whatever memberships (PostgreSQL documentation, pg_auth_members; the options came with 16).
WITH RECURSIVE pair AS (
    SELECT %s::pg_catalog.name AS owner, %s::pg_catalog.name AS ledger
), control AS (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'qt001_cp'
), belonging(kind, name, owner) AS (
    SELECT 'schema', 'qt001_cp', nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'qt001_cp'
    UNION ALL
    SELECT 'routine', routine.oid::pg_catalog.regprocedure::text, routine.proowner
    FROM control JOIN pg_catalog.pg_proc routine ON routine.pronamespace = control.oid
    UNION ALL
    SELECT 'relation', relation.oid::pg_catalog.regclass::text, relation.relowner
    FROM control JOIN pg_catalog.pg_class relation ON relation.relnamespace = control.oid
    UNION ALL
    SELECT 'type', defined.oid::pg_catalog.regtype::text, defined.typowner
    FROM control JOIN pg_catalog.pg_type defined ON defined.typnamespace = control.oid
), member(oid) AS (
    SELECT oid FROM pg_catalog.pg_roles WHERE rolname = (SELECT ledger FROM pair)
    UNION
    SELECT link.member
    FROM member JOIN pg_catalog.pg_auth_members link ON link.roleid = member.oid
    WHERE coalesce((pg_catalog.to_jsonb(link) ->> 'inherit_option')::boolean, true)
       OR coalesce((pg_catalog.to_jsonb(link) ->> 'set_option')::boolean, true)
)
SELECT belonging.kind || ' ' || belonging.name AS object,
       'owner ' || coalesce(role.rolname, belonging.owner::text) AS found
FROM belonging LEFT JOIN pg_catalog.pg_roles role ON role.oid = belonging.owner
WHERE role.rolname IS DISTINCT FROM (SELECT ledger FROM pair)
  -- What runs the text of a change, what lends CREATE around what it gives back, and what makes
  -- partitions is the owner role's: it has no other rights.
  AND (belonging.kind = 'routine' AND role.rolname IS NOT DISTINCT FROM (SELECT owner FROM pair)
       AND belonging.name IN ('qt001_cp.run_change(text)', 'qt001_cp.lend_create(text)',
                              'qt001_cp.add_partition(text,text,text[],text[])',
                              'qt001_cp.add_list_partition(text,text,text[])',
                              'qt001_cp.drop_partition(text)'))
      IS NOT TRUE
UNION ALL
SELECT 'role ' || role.rolname, 'a member of ' || (SELECT ledger FROM pair)
FROM member JOIN pg_catalog.pg_roles role ON role.oid = member.oid
WHERE NOT role.rolsuper AND role.rolname <> (SELECT ledger FROM pair)
ORDER BY 1
