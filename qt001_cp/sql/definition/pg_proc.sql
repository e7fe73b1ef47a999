-- Routines: what CREATE OR REPLACE says, to the letter where the body stands between quotes:
-- qt001_cp.routine_sha256() is the sha256 of that.
-- Of an aggregate, which has no such words, its parts.
SELECT CASE WHEN routine.prokind <> 'a' THEN (
{routine_words}
       ) ELSE (
           SELECT format('aggregate %s kind=%s direct=%s returns %s variadic=%s parallel=%s ',
                         named.identity, made.aggkind, made.aggnumdirectargs,
                         format_type(routine.prorettype, NULL), routine.provariadic::regtype,
                         routine.proparallel)
                  || (to_jsonb(made) - 'aggfnoid' || jsonb_build_object(
                          'arguments', pg_get_function_arguments(routine.oid),
                          'aggtranstype', format_type(made.aggtranstype, NULL),
                          'aggmtranstype', format_type(made.aggmtranstype, NULL),
                          'aggsortop', made.aggsortop::regoperator))::text
           FROM pg_aggregate made WHERE made.aggfnoid = routine.oid) END AS meaning,
       CASE WHEN $5 THEN (
           SELECT string_agg(format('depends on extension %I', pg_extension.extname), E'\n'
                             ORDER BY pg_extension.extname)
           FROM pg_depend JOIN pg_extension ON pg_extension.oid = pg_depend.refobjid
           WHERE pg_depend.classid = 'pg_proc'::regclass AND pg_depend.objid = routine.oid
             AND pg_depend.refclassid = 'pg_extension'::regclass AND pg_depend.deptype = 'x') END
       AS storage
FROM pg_proc routine WHERE routine.oid = judged.objid
