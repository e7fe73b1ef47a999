-- What a clone has to be like, and whether it can be made: the database, its extensions and
-- tablespaces.
SELECT pg_catalog.current_database() AS database,
       pg_catalog.pg_encoding_to_char(database.encoding) AS encoding,
       database.datcollate AS collate, database.datctype AS ctype,
       database.datconnlimit AS connections,
       EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata) AS large_objects,
       (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                   'name', space.spcname, 'owner', pg_catalog.pg_get_userbyid(space.spcowner),
                   'comment', pg_catalog.shobj_description(space.oid, 'pg_tablespace'),
                   'options', (
                       SELECT coalesce(pg_catalog.jsonb_object_agg(option.option_name,
                                                                   option.option_value), '{}')
                       FROM pg_catalog.pg_options_to_table(space.spcoptions) option),
                   'acl', (
                       SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
                                  pg_catalog.pg_get_userbyid(entry.grantor),
                                  CASE WHEN entry.grantee <> 0
                                       THEN pg_catalog.pg_get_userbyid(entry.grantee) END,
                                  entry.privilege_type, entry.is_grantable) ORDER BY entry.number)
                       FROM pg_catalog.aclexplode(
                               coalesce(space.spcacl, pg_catalog.acldefault('t', space.spcowner)))
                           WITH ORDINALITY
                           entry(grantor, grantee, privilege_type, is_grantable, number)))
                   ORDER BY space.spcname), '[]')
        FROM pg_catalog.pg_tablespace space WHERE space.oid >= 16384) AS tablespaces,
       ARRAY(SELECT relation.oid::pg_catalog.regclass::pg_catalog.text
             FROM pg_catalog.pg_class relation
             JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
             WHERE relation.relkind IN ('r', 'p') AND namespace.nspname !~ '^pg_'
               AND namespace.nspname NOT IN ('information_schema', 'qt001_cp')
               AND NOT pg_catalog.has_table_privilege(relation.oid, 'SELECT')
             ORDER BY 1) AS unreadable,
       EXISTS (SELECT 1 FROM pg_catalog.pg_class relation
               JOIN pg_catalog.pg_roles owner ON owner.oid = relation.relowner
               JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
               JOIN pg_catalog.pg_namespace control ON control.nspname = 'qt001_cp'
               JOIN pg_catalog.pg_auth_members half
                   ON half.roleid = owner.oid AND half.member = control.nspowner
               WHERE namespace.nspname <> 'qt001_cp'
                 AND namespace.nspname !~ '^pg_') AS cut_over
FROM pg_catalog.pg_database database WHERE database.datname = pg_catalog.current_database()
