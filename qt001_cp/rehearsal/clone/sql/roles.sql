-- Roles of the cluster without passwords: pg_roles shows none. Readable by everybody.
SELECT r.rolname, r.oid = 10 AS bootstrap, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
       r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil::pg_catalog.text AS valid_until,
       coalesce((SELECT s.setconfig FROM pg_catalog.pg_db_role_setting s WHERE s.setdatabase = 0 AND s.setrole = r.oid), '{}') AS settings
FROM pg_catalog.pg_roles r
WHERE r.oid = 10 OR r.oid >= 16384
ORDER BY r.rolname COLLATE pg_catalog."C"
