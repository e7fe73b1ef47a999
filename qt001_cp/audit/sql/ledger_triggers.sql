-- For each table of the ledger what no trigger refuses that is enabled ALWAYS (tgenabled A) and
-- whose function is refuse_change. tgtype: 2 BEFORE, 8 DELETE, 16 UPDATE, 32 TRUNCATE (PostgreSQL
-- source, catalog/pg_trigger.h).
SELECT segment.oid::pg_catalog.regclass::text AS identity,
       pg_catalog.array_to_string(ARRAY(
           SELECT change.command
           FROM (VALUES (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) change(bit, command)
           WHERE NOT EXISTS (
               SELECT 1
               FROM pg_catalog.pg_trigger
               JOIN pg_catalog.pg_proc ON pg_proc.oid = pg_trigger.tgfoid
               WHERE pg_trigger.tgrelid = segment.oid AND pg_trigger.tgenabled = 'A'
                 AND pg_proc.proname = 'refuse_change'
                 AND pg_proc.pronamespace = segment.relnamespace
                 AND pg_trigger.tgtype & change.bit <> 0 AND pg_trigger.tgtype & 2 <> 0)
       ), ', ') AS missing
FROM pg_catalog.pg_class segment
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = segment.relnamespace
WHERE pg_namespace.nspname = 'qt001_cp' AND segment.relkind = 'r' AND segment.relispartition
  AND segment.relname ~ '^(document|event|manifest_row)_fix7[abc]$'
ORDER BY 1
