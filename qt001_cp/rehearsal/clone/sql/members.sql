-- Members of extensions: owner, initial privileges, which a dump takes for granted, and those of
-- today. A NULL ACL is the default one. In an ACL the owner is called owner: on a clone it may be
-- another role.
SELECT extension.extname AS extension, upper(named.type) AS noun, named.identity,
       pg_catalog.pg_get_userbyid(member.owner) AS owner,
       (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   CASE entry.grantee WHEN member.owner THEN '"owner"'::pg_catalog.jsonb
                   WHEN 0 THEN '"PUBLIC"' ELSE pg_catalog.jsonb_build_array(
                       pg_catalog.pg_get_userbyid(entry.grantee)) END,
                   entry.privilege_type, entry.is_grantable)
                   ORDER BY pg_catalog.pg_get_userbyid(entry.grantee), entry.privilege_type), '[]')
        FROM pg_catalog.aclexplode(coalesce(noted.initprivs,
                 pg_catalog.acldefault(member.kind::pg_catalog."char", member.owner))) entry
       ) AS initial,
       (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                   CASE entry.grantee WHEN member.owner THEN '"owner"'::pg_catalog.jsonb
                   WHEN 0 THEN '"PUBLIC"' ELSE pg_catalog.jsonb_build_array(
                       pg_catalog.pg_get_userbyid(entry.grantee)) END,
                   entry.privilege_type, entry.is_grantable)
                   ORDER BY pg_catalog.pg_get_userbyid(entry.grantee), entry.privilege_type), '[]')
        FROM pg_catalog.aclexplode(coalesce(member.acl,
                 pg_catalog.acldefault(member.kind::pg_catalog."char", member.owner))) entry
       ) AS today,
       EXISTS (SELECT FROM (SELECT entry.grantor FROM pg_catalog.aclexplode(noted.initprivs) entry
                            UNION ALL
                            SELECT entry.grantor FROM pg_catalog.aclexplode(member.acl) entry) held
               WHERE held.grantor <> member.owner) AS passed_on
FROM (SELECT 'pg_proc'::pg_catalog.regclass AS classid, oid, 'f' AS kind, proowner AS owner,
             proacl AS acl FROM pg_catalog.pg_proc
      UNION ALL
      SELECT 'pg_class'::pg_catalog.regclass, oid, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END,
             relowner, relacl
      FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      UNION ALL
      SELECT 'pg_type'::pg_catalog.regclass, oid, 'T', typowner, typacl FROM pg_catalog.pg_type
      UNION ALL
      SELECT 'pg_namespace'::pg_catalog.regclass, oid, 'n', nspowner, nspacl
      FROM pg_catalog.pg_namespace
      UNION ALL
      SELECT 'pg_language'::pg_catalog.regclass, oid, 'l', lanowner, lanacl
      FROM pg_catalog.pg_language
      UNION ALL
      SELECT 'pg_foreign_data_wrapper'::pg_catalog.regclass, oid, 'F', fdwowner, fdwacl
      FROM pg_catalog.pg_foreign_data_wrapper) member
JOIN pg_catalog.pg_depend belongs
  ON belongs.classid = member.classid AND belongs.objid = member.oid AND belongs.deptype = 'e'
 AND belongs.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
JOIN pg_catalog.pg_extension extension ON extension.oid = belongs.refobjid
LEFT JOIN pg_catalog.pg_init_privs noted
  ON noted.classoid = member.classid AND noted.objoid = member.oid AND noted.objsubid = 0
CROSS JOIN LATERAL pg_catalog.pg_identify_object(member.classid, member.oid, 0) named
ORDER BY 1, 2, 3
