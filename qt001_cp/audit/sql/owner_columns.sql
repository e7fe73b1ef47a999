-- Which catalogs have an owner, and an ACL: asked of the server, so that no kind can be forgotten.
-- Source: PostgreSQL documentation, System Catalog Information Functions:
-- pg_get_catalog_foreign_keys().
SELECT pg_class.relname::text AS catalog, reference.fkcols[1] AS owner,
       (SELECT attname::text FROM pg_catalog.pg_attribute
        WHERE attrelid = reference.fktable
          AND atttypid = 'pg_catalog.aclitem[]'::pg_catalog.regtype) AS acl
FROM pg_catalog.pg_get_catalog_foreign_keys() reference
JOIN pg_catalog.pg_class ON pg_class.oid = reference.fktable
WHERE reference.pktable = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND (reference.fkcols[1] ~ 'owner$' OR reference.fkcols[1] IN ('datdba', 'defaclrole'))
ORDER BY 1
