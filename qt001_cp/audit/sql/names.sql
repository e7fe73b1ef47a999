-- Roles, schemas and this database by name and number.
SELECT 'role' AS kind, pg_roles.rolname::text AS name, pg_roles.oid::text AS number
FROM pg_catalog.pg_roles
UNION ALL
SELECT 'schema', pg_namespace.nspname::text, pg_namespace.oid::text FROM pg_catalog.pg_namespace
UNION ALL
SELECT 'database', pg_database.datname::text, pg_database.oid::text
FROM pg_catalog.pg_database WHERE pg_database.datname = pg_catalog.current_database()
