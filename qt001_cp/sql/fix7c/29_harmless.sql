-- What is harmless among the functions that have no body to look into.

CREATE FUNCTION qt001_cp.harmless_function() RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $harmless_function$
-- Functions of pg_catalog that are harmless, made from analyse/core_functions.txt: a name where
-- that is said of all that have it, else a name with the types of its arguments.
SELECT string_to_array(btrim(regexp_replace('
{harmless_functions}
', '\s+', ' ', 'g')), ' ')
$harmless_function$;

CREATE VIEW qt001_cp.v_unlisted_function AS
-- Functions that nobody has found harmless, and whose body no analysis can look into: of the
-- server's own, or in C. The extensions are those of analyse/core_reviewed.toml, each with its own
-- library; the constructors of a range are PostgreSQL's.
SELECT routine.oid AS function,
       pg_catalog.concat(routine.proname, '(',
                         pg_catalog.oidvectortypes(routine.proargtypes), ')') AS signature
FROM pg_catalog.pg_proc routine
WHERE routine.oid < 16384
  AND NOT (routine.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
           AND (routine.proname = ANY (qt001_cp.harmless_function())
                OR pg_catalog.concat(
                       routine.proname, '(',
                       pg_catalog.replace(pg_catalog.oidvectortypes(routine.proargtypes), ' ', ''),
                       ')') = ANY (qt001_cp.harmless_function())))
UNION ALL
SELECT routine.oid,
       pg_catalog.concat(routine.proname, '(',
                         pg_catalog.oidvectortypes(routine.proargtypes), ')')
FROM pg_catalog.pg_proc routine
JOIN pg_catalog.pg_language language
ON language.oid = routine.prolang AND language.lanname IN ('internal', 'c')
WHERE routine.oid >= 16384 AND routine.prokind <> 'a'
  AND NOT EXISTS (
      SELECT 1 FROM pg_catalog.pg_depend internal
      WHERE internal.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND internal.objid = routine.oid AND internal.deptype = 'i'
        AND internal.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)
  AND NOT EXISTS (
      SELECT 1
      FROM pg_catalog.pg_depend member
      JOIN pg_catalog.pg_extension extension ON extension.oid = member.refobjid
      JOIN (VALUES {reviewed_extensions}) reviewed(extension, library)
      ON reviewed.extension = extension.extname
      WHERE member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND member.objid = routine.oid AND member.deptype = 'e'
        AND coalesce(routine.probin, reviewed.library) = reviewed.library);
