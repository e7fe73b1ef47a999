-- The control plane's own routines, as they are now.
SELECT routine.proname::text AS name, routine.prosrc AS body, routine.prosecdef AS definer,
       routine.provolatile::text AS volatility,
       coalesce(routine.proconfig, '{}') AS settings
FROM pg_catalog.pg_proc routine
WHERE routine.pronamespace = 'qt001_cp'::pg_catalog.regnamespace
