-- What a clone has to be like, and whether it can be made: the database, its extensions and tablespaces.
SELECT pg_catalog.current_database() AS database, pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate,
       d.datctype AS ctype, d.datconnlimit AS connections,
       EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata) AS large_objects,
       (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                   'name', t.spcname, 'owner', pg_catalog.pg_get_userbyid(t.spcowner),
                   'options', (SELECT coalesce(pg_catalog.jsonb_object_agg(o.option_name, o.option_value), '{}')
                               FROM pg_catalog.pg_options_to_table(t.spcoptions) o),
                   'acl', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                               pg_catalog.pg_get_userbyid(x.grantor), CASE WHEN x.grantee <> 0 THEN pg_catalog.pg_get_userbyid(x.grantee) END,
                               x.privilege_type, x.is_grantable) ORDER BY x.ord)
                           FROM pg_catalog.aclexplode(coalesce(t.spcacl, pg_catalog.acldefault('t', t.spcowner)))
                                WITH ORDINALITY x(grantor, grantee, privilege_type, is_grantable, ord))) ORDER BY t.spcname), '[]')
        FROM pg_catalog.pg_tablespace t WHERE t.oid >= 16384) AS tablespaces,
       ARRAY(SELECT c.oid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'qt001_cp')
               AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY 1) AS unreadable,
       EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE r.rolname = 'qt001_cp_owner' AND n.nspname <> 'qt001_cp' AND n.nspname !~ '^pg_') AS cut_over
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
