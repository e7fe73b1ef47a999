-- What the server has noted of routines and relations: the relation or routine that each needs, by
-- itself or by a part of it (rule, trigger, default, policy, constraint, index).
-- Source: PostgreSQL documentation, pg_depend and the catalogs of the parts.
WITH part(class, id, relation) AS (
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, oid, ev_class FROM pg_catalog.pg_rewrite
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, oid, tgrelid FROM pg_catalog.pg_trigger
    -- Before 15 the trigger that a partition has from its parent counts as internal.
    WHERE NOT tgisinternal OR tgparentid <> 0 AND tgconstraint NOT IN (
        SELECT oid FROM pg_catalog.pg_constraint WHERE contype <> 't')
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid, adrelid FROM pg_catalog.pg_attrdef
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, oid, polrelid FROM pg_catalog.pg_policy
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid, conrelid
    FROM pg_catalog.pg_constraint WHERE conrelid <> 0
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid, indrelid FROM pg_catalog.pg_index
), need AS (
    SELECT DISTINCT part.class AS part_class, foreign_key.oid AS foreign_key,
           dependency.refclassid, dependency.refobjid,
           CASE WHEN part.relation IS NULL THEN dependency.classid
                ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END AS class,
           coalesce(part.relation, dependency.objid) AS id
    FROM pg_catalog.pg_depend dependency
    LEFT JOIN part ON part.class = dependency.classid AND part.id = dependency.objid
    LEFT JOIN pg_catalog.pg_constraint foreign_key
        ON dependency.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
       AND foreign_key.oid = dependency.objid AND foreign_key.contype = 'f'
    WHERE dependency.refobjid >= 16384 AND dependency.objid >= 16384
      AND dependency.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass,
                                    'pg_catalog.pg_proc'::pg_catalog.regclass)
      AND dependency.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass,
                                 'pg_catalog.pg_proc'::pg_catalog.regclass,
                                 'pg_catalog.pg_rewrite'::pg_catalog.regclass,
                                 'pg_catalog.pg_trigger'::pg_catalog.regclass,
                                 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
                                 'pg_catalog.pg_policy'::pg_catalog.regclass,
                                 'pg_catalog.pg_constraint'::pg_catalog.regclass)
)
SELECT needing.type AS from_kind, needing.identity AS from_identity,
       needed.type AS to_kind, needed.identity AS to_identity,
       need.part_class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AS by_rule,
       held.conname AS foreign_key, held.confdeltype::text AS on_delete,
       held.confupdtype::text AS on_update
FROM need
LEFT JOIN pg_catalog.pg_constraint held ON held.oid = need.foreign_key
CROSS JOIN LATERAL pg_catalog.pg_identify_object(need.class, need.id, 0) needing
CROSS JOIN LATERAL pg_catalog.pg_identify_object(need.refclassid, need.refobjid, 0) needed
WHERE (need.class, need.id) <> (need.refclassid, need.refobjid)
  AND needing.type <> 'index' AND needed.type <> 'index'
  AND needing.identity IS NOT NULL AND needed.identity IS NOT NULL
  AND needing.schema IS DISTINCT FROM 'qt001_cp' AND needed.schema IS DISTINCT FROM 'qt001_cp'
