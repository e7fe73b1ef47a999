-- Which servers this release runs on. 00_guard.sql asks before FIX7a, without this function.

CREATE FUNCTION qt001_cp.version_findings(version_num int)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $version_findings$
-- A finding for a server_version_num of another major version.
SELECT 'QT120', 'server', 'PostgreSQL {supported_words}', 'PostgreSQL ' || version_num / 10000,
       'Use a supported server.'
WHERE (version_num BETWEEN {supported_bounds}) IS NOT TRUE
$version_findings$;
