-- What the server has noted of routines and relations: the relation or routine that each needs, by itself or by a part of it
-- (rule, trigger, default, policy, constraint, index).
-- Source: PostgreSQL documentation, pg_depend and the catalogs of the parts.
WITH part(class, id, whole) AS (
    SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid, r.ev_class FROM pg_catalog.pg_rewrite r
    UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, t.tgrelid FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, a.oid, a.adrelid FROM pg_catalog.pg_attrdef a
    UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, y.oid, y.polrelid FROM pg_catalog.pg_policy y
    UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, k.conrelid FROM pg_catalog.pg_constraint k WHERE k.conrelid <> 0
    UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, x.indexrelid, x.indrelid FROM pg_catalog.pg_index x
), need AS (
    SELECT DISTINCT CASE WHEN w.whole IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END AS class,
           coalesce(w.whole, d.objid) AS id, w.class AS via, d.refclassid, d.refobjid
    FROM pg_catalog.pg_depend d LEFT JOIN part w ON w.class = d.classid AND w.id = d.objid
    WHERE d.refobjid >= 16384 AND d.objid >= 16384
      AND d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
      AND d.classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
                        'pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass,
                        'pg_catalog.pg_attrdef'::pg_catalog.regclass, 'pg_catalog.pg_policy'::pg_catalog.regclass,
                        'pg_catalog.pg_constraint'::pg_catalog.regclass)
)
SELECT f.type AS from_kind, f.identity AS from_identity, t.type AS to_kind, t.identity AS to_identity,
       n.via = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AS by_rule
FROM need n CROSS JOIN LATERAL pg_catalog.pg_identify_object(n.class, n.id, 0) f
CROSS JOIN LATERAL pg_catalog.pg_identify_object(n.refclassid, n.refobjid, 0) t
WHERE (n.class, n.id) <> (n.refclassid, n.refobjid) AND f.type <> 'index' AND t.type <> 'index'
  AND f.identity IS NOT NULL AND t.identity IS NOT NULL AND f.schema IS DISTINCT FROM 'qt001_cp' AND t.schema IS DISTINCT FROM 'qt001_cp'
