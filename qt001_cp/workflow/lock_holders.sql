-- Sessions that hold a lock on a transferred relation of the manifest now, each with its oldest transaction.
-- Source: PostgreSQL documentation, pg_locks (54.12) and pg_stat_activity (27.2.3).
SELECT s.pid, s.usename::text AS login, count(DISTINCT l.relation) AS relations,
       extract(epoch FROM clock_timestamp() - s.xact_start)::bigint AS seconds
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity s ON s.pid = l.pid
WHERE l.granted AND l.locktype = 'relation' AND s.pid <> pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  AND l.relation IN (
      SELECT pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', o.schema, o.name))
      FROM qt001_cp.manifest_object(%s) o
      WHERE o.disposition = 'transfer' AND o.kind IN ('table', 'view', 'materialized view', 'sequence', 'foreign table'))
GROUP BY s.pid, s.usename, s.xact_start
ORDER BY seconds DESC NULLS LAST, s.pid
