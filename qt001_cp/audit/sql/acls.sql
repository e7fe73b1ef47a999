SELECT object.oid, pg_catalog.pg_get_userbyid(entry.grantor)::text AS grantor,
       CASE entry.grantee WHEN 0 THEN NULL
                          ELSE pg_catalog.pg_get_userbyid(entry.grantee)::text END AS grantee,
       entry.privilege_type AS privilege, entry.is_grantable AS grantable
FROM pg_catalog.{catalog} object
CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(object.{acl}, pg_catalog.acldefault(
    CASE WHEN {relkind} = 'S' THEN 's' ELSE %s END::"char", object.{owner}))) entry
