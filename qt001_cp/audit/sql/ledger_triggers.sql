-- For each table of the ledger what no trigger refuses that is enabled ALWAYS (tgenabled A) and
-- whose function is refuse_change. tgtype: 2 BEFORE, 8 DELETE, 16 UPDATE, 32 TRUNCATE (PostgreSQL
-- source, catalog/pg_trigger.h).
SELECT 'qt001_cp.' || kept.name AS identity,
       pg_catalog.array_to_string(ARRAY(
           SELECT change.command
           FROM (VALUES (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) change(bit, command)
           WHERE NOT EXISTS (
               SELECT 1
               FROM pg_catalog.pg_trigger
               JOIN pg_catalog.pg_proc ON pg_proc.oid = pg_trigger.tgfoid
               WHERE pg_trigger.tgrelid = relation.oid AND pg_trigger.tgenabled = 'A'
                 AND pg_proc.proname = 'refuse_change'
                 AND pg_proc.pronamespace = relation.relnamespace
                 AND pg_trigger.tgtype & change.bit <> 0 AND pg_trigger.tgtype & 2 <> 0)
       ), ', ') AS missing
FROM (VALUES ('document'), ('event'), ('manifest_row')) kept(name)
LEFT JOIN pg_catalog.pg_class relation
ON relation.oid = pg_catalog.to_regclass('qt001_cp.' || kept.name) AND relation.relkind = 'r'
ORDER BY 1
