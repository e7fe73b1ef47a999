-- The routines and views of this database that are not the system's, as they are now. body: what lies between the quotes;
-- whole: the words of CREATE OR REPLACE, which sha256 is taken of. An aggregate has neither.
SELECT i.type AS kind, i.identity, n.nspname::text AS schema, p.proname::text AS name, l.lanname::text AS language,
       CASE WHEN p.prosqlbody IS NULL THEN p.prosrc END AS body,
       CASE WHEN p.prokind IN ('f', 'p') THEN pg_catalog.pg_get_functiondef(p.oid) END AS whole, p.prosecdef AS definer,
       (SELECT pg_catalog.substr(s, 13) FROM pg_catalog.unnest(p.proconfig) s WHERE pg_catalog.starts_with(s, 'search_path=')) AS path
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0) i
WHERE p.oid >= 16384 AND n.nspname <> 'qt001_cp'
