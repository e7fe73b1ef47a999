-- Roles of the cluster without passwords: pg_roles shows none. Readable by everybody.
SELECT role.rolname, role.oid = 10 AS bootstrap, role.rolsuper, role.rolinherit, role.rolcreaterole,
       role.rolcreatedb, role.rolcanlogin, role.rolreplication, role.rolbypassrls,
       role.rolconnlimit, role.rolvaliduntil::pg_catalog.text AS valid_until,
       coalesce((SELECT setting.setconfig FROM pg_catalog.pg_db_role_setting setting
                 WHERE setting.setdatabase = 0 AND setting.setrole = role.oid), '{}') AS settings,
       pg_catalog.shobj_description(role.oid, 'pg_authid') AS comment
FROM pg_catalog.pg_roles role
WHERE role.oid = 10 OR role.oid >= 16384
ORDER BY role.rolname COLLATE pg_catalog."C"
