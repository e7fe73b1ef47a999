SELECT c.oid, pg_catalog.pg_get_userbyid(x.grantor)::text AS grantor,
       CASE x.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END AS grantee,
       x.privilege_type AS privilege, x.is_grantable AS grantable
FROM pg_catalog.pg_default_acl c CROSS JOIN LATERAL pg_catalog.aclexplode(c.defaclacl) x
