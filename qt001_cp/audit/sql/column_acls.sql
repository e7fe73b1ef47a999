SELECT attribute.attrelid AS oid, attribute.attname::text AS name,
       pg_catalog.pg_get_userbyid(entry.grantor)::text AS grantor,
       CASE entry.grantee WHEN 0 THEN NULL
                          ELSE pg_catalog.pg_get_userbyid(entry.grantee)::text END AS grantee,
       entry.privilege_type AS privilege, entry.is_grantable AS grantable
FROM pg_catalog.pg_attribute attribute
CROSS JOIN LATERAL pg_catalog.aclexplode(attribute.attacl) entry
WHERE attribute.attacl IS NOT NULL AND attribute.attnum > 0 AND NOT attribute.attisdropped
