-- For each table of the ledger what no trigger refuses that is enabled ALWAYS (tgenabled A) and whose function is
-- refuse_change. tgtype: 8 DELETE, 16 UPDATE, 32 TRUNCATE (PostgreSQL source, catalog/pg_trigger.h).
SELECT c.oid::pg_catalog.regclass::text AS identity,
       pg_catalog.array_to_string(ARRAY(
           SELECT v.verb FROM (VALUES (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) v(bit, verb)
           WHERE NOT EXISTS (
               SELECT 1 FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
               WHERE t.tgrelid = c.oid AND t.tgenabled = 'A' AND p.proname = 'refuse_change'
                 AND p.pronamespace = c.relnamespace AND t.tgtype & v.bit <> 0 AND t.tgtype & 2 <> 0)
       ), ', ') AS missing
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'qt001_cp' AND c.relkind = 'r' AND c.relispartition
  AND c.relname ~ '^(document|event|manifest_row)_fix7[abc]$'
ORDER BY 1
