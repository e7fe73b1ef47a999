-- Every object of one catalog: what it is, who owns it, whether it is a part of another one (an
-- identity sequence, a row type, a member of an extension). Of the databases only this one. No
-- whole row: pg_subscription hides a column.
SELECT named.type AS kind, named.identity, object.oid,
       pg_catalog.pg_get_userbyid(object.{owner})::text AS owner,
       EXISTS (SELECT 1 FROM pg_catalog.pg_depend
               WHERE pg_depend.classid = %s::pg_catalog.regclass AND pg_depend.objid = object.oid
                 AND pg_depend.deptype IN ('i', 'e')) AS part,
       {relkind} AS relkind
FROM pg_catalog.{catalog} object
CROSS JOIN LATERAL pg_catalog.pg_identify_object(%s::pg_catalog.regclass, object.oid, 0) named
WHERE %s::pg_catalog.text <> 'pg_database'
   OR object.oid = (SELECT oid FROM pg_catalog.pg_database
                    WHERE datname = pg_catalog.current_database())
