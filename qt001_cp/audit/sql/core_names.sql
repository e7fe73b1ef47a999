SELECT DISTINCT proname::text AS name FROM pg_catalog.pg_proc
WHERE pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND oid < 16384
