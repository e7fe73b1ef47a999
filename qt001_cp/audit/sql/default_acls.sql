SELECT default_acl.oid, pg_catalog.pg_get_userbyid(entry.grantor)::text AS grantor,
       CASE entry.grantee WHEN 0 THEN NULL
                          ELSE pg_catalog.pg_get_userbyid(entry.grantee)::text END AS grantee,
       entry.privilege_type AS privilege, entry.is_grantable AS grantable
FROM pg_catalog.pg_default_acl default_acl
CROSS JOIN LATERAL pg_catalog.aclexplode(default_acl.defaclacl) entry
