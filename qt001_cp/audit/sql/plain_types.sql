-- How a declaration may write a type that is no domain: with its schema, or as PostgreSQL has it.
SELECT space.nspname || '.' || pg_type.typname AS name
FROM pg_catalog.pg_type
JOIN pg_catalog.pg_namespace space ON space.oid = pg_type.typnamespace
WHERE pg_type.typtype NOT IN ('d', 'p')
UNION
SELECT spelled.name
FROM pg_catalog.pg_type
CROSS JOIN LATERAL (VALUES (pg_type.typname::text),
                           (pg_catalog.format_type(pg_type.oid, NULL))) spelled(name)
WHERE pg_type.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
  AND pg_type.typtype NOT IN ('d', 'p')
UNION
SELECT pg_catalog.unnest(ARRAY['record', 'int', 'decimal', 'dec', 'float'])
