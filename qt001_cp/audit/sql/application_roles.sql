-- The application role and every role that it is a member of, directly or not, with what gets
-- around an ACL.
SELECT role.rolname::text AS name,
       pg_catalog.array_remove(ARRAY[
           CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
           CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN role.rolreplication THEN 'REPLICATION' END,
           CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END], NULL) AS attributes
FROM pg_catalog.pg_roles role
WHERE pg_catalog.pg_has_role(%s, role.oid, 'MEMBER')
ORDER BY role.rolname
