-- Which catalogs have an owner, and an ACL: asked of the server, so that no kind can be forgotten.
-- Source: PostgreSQL documentation, System Catalog Information Functions: pg_get_catalog_foreign_keys().
SELECT c.relname::text AS catalog, k.fkcols[1] AS owner,
       (SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.fktable AND a.atttypid = 'pg_catalog.aclitem[]'::pg_catalog.regtype) AS acl
FROM pg_catalog.pg_get_catalog_foreign_keys() k JOIN pg_catalog.pg_class c ON c.oid = k.fktable
WHERE k.pktable = 'pg_catalog.pg_authid'::pg_catalog.regclass AND (k.fkcols[1] ~ 'owner$' OR k.fkcols[1] IN ('datdba', 'defaclrole'))
ORDER BY 1
