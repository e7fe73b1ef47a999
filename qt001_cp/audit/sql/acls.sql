SELECT c.oid, pg_catalog.pg_get_userbyid(x.grantor)::text AS grantor,
       CASE x.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END AS grantee,
       x.privilege_type AS privilege, x.is_grantable AS grantable
FROM pg_catalog.{catalog} c
CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(c.{acl}, pg_catalog.acldefault(
    CASE WHEN {relkind} = 'S' THEN 's' ELSE %s END::"char", c.{owner}))) x
