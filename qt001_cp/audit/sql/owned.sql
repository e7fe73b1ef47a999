-- Every object of one catalog: what it is, who owns it, whether it is a part of another one (an identity sequence, a row
-- type, a member of an extension). Of the databases only this one. No whole row: pg_subscription hides a column.
SELECT i.type AS kind, i.identity, c.oid, pg_catalog.pg_get_userbyid(c.{owner})::text AS owner,
       EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = %s::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('i', 'e')) AS part,
       {relkind} AS relkind
FROM pg_catalog.{catalog} c CROSS JOIN LATERAL pg_catalog.pg_identify_object(%s::pg_catalog.regclass, c.oid, 0) i
WHERE %s::pg_catalog.text <> 'pg_database' OR c.oid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
