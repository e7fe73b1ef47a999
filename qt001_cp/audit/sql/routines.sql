-- The routines and views of this database that are not the system's, as they are now. body: what
-- lies between the quotes; whole: the words of CREATE OR REPLACE, which sha256 is taken of. An
-- aggregate has neither.
SELECT object.type AS kind, object.identity, space.nspname::text AS schema,
       routine.proname::text AS name, language.lanname::text AS language,
       CASE WHEN routine.prosqlbody IS NULL THEN routine.prosrc END AS body,
       CASE WHEN routine.prokind IN ('f', 'p')
            THEN pg_catalog.pg_get_functiondef(routine.oid) END AS whole,
       pg_catalog.pg_get_function_arguments(routine.oid) AS arguments,
       routine.prosecdef AS definer,
       (SELECT pg_catalog.substr(setting, 13) FROM pg_catalog.unnest(routine.proconfig) setting
        WHERE pg_catalog.starts_with(setting, 'search_path=')) AS path
FROM pg_catalog.pg_proc routine
JOIN pg_catalog.pg_namespace space ON space.oid = routine.pronamespace
JOIN pg_catalog.pg_language language ON language.oid = routine.prolang
CROSS JOIN LATERAL
    pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, routine.oid, 0) object
WHERE routine.oid >= 16384 AND space.nspname <> 'qt001_cp'
