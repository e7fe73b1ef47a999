-- What the server has noted of objects that are no relation and no routine: operators, statistics,
-- domains, families and others; the relation or routine that each needs.
-- Source: PostgreSQL documentation, pg_depend; pg_constraint (contypid: the domain).
SELECT needing.type AS from_kind, needing.identity AS from_identity,
       needed.type AS to_kind, needed.identity AS to_identity, false AS by_rule,
       NULL AS foreign_key
FROM pg_catalog.pg_depend dependency
LEFT JOIN pg_catalog.pg_constraint checked
    ON dependency.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
   AND checked.oid = dependency.objid AND checked.contypid <> 0
CROSS JOIN LATERAL pg_catalog.pg_identify_object(
    CASE WHEN checked.oid IS NULL THEN dependency.classid
         ELSE 'pg_catalog.pg_type'::pg_catalog.regclass END,
    coalesce(checked.contypid, dependency.objid), 0) needing
CROSS JOIN LATERAL pg_catalog.pg_identify_object(dependency.refclassid, dependency.refobjid,
                                                 0) needed
WHERE dependency.refobjid >= 16384 AND dependency.objid >= 16384
  AND dependency.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass,
                                'pg_catalog.pg_proc'::pg_catalog.regclass)
  AND dependency.classid NOT IN ('pg_catalog.pg_class'::pg_catalog.regclass,
                                 'pg_catalog.pg_proc'::pg_catalog.regclass)
  AND needing.identity IS NOT NULL AND needed.identity IS NOT NULL
