-- What is harmless among the functions that have no body to look into.

CREATE FUNCTION qt001_cp.harmless_function() RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $harmless_function$
-- Functions of pg_catalog that are harmless, made from analyse/core_functions.txt: a name where that is said of all that have
-- it, else a name with the types of its arguments.
SELECT string_to_array(btrim(regexp_replace('
{harmless_functions}
', '\s+', ' ', 'g')), ' ')
$harmless_function$;

CREATE VIEW qt001_cp.v_unlisted_function AS
-- Functions that nobody has found harmless, and whose body no analysis can look into: of the server's own, or in C. The
-- extensions are those of analyse/core_reviewed.toml, each with its own library; the constructors of a range are PostgreSQL's.
SELECT p.oid AS function, pg_catalog.concat(p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')') AS signature
FROM pg_catalog.pg_proc p
WHERE p.oid < 16384
  AND NOT (p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
           AND (p.proname = ANY (qt001_cp.harmless_function())
                OR pg_catalog.concat(p.proname, '(', pg_catalog.replace(pg_catalog.oidvectortypes(p.proargtypes), ' ', ''), ')')
                   = ANY (qt001_cp.harmless_function())))
UNION ALL
SELECT p.oid, pg_catalog.concat(p.proname, '(', pg_catalog.oidvectortypes(p.proargtypes), ')')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname IN ('internal', 'c')
WHERE p.oid >= 16384 AND p.prokind <> 'a'
  AND NOT EXISTS (
      SELECT 1 FROM pg_catalog.pg_depend d
      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'i'
        AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)
  AND NOT EXISTS (
      SELECT 1
      FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      JOIN (VALUES {reviewed_extensions}) reviewed(extension, library) ON reviewed.extension = e.extname
      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
        AND coalesce(p.probin, reviewed.library) = reviewed.library);
