-- What a clone has to be like, and whether it can be made: the database, its extensions and tablespaces.
SELECT pg_catalog.current_database() AS database, pg_catalog.pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate,
       d.datctype AS ctype, d.datconnlimit AS connections,
       EXISTS (SELECT 1 FROM pg_catalog.pg_largeobject_metadata) AS large_objects,
       ARRAY(SELECT t.spcname::pg_catalog.text FROM pg_catalog.pg_tablespace t WHERE t.oid >= 16384 ORDER BY 1) AS tablespaces,
       ARRAY(SELECT c.oid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'qt001_cp')
               AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') ORDER BY 1) AS unreadable,
       EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE r.rolname = 'qt001_cp_owner' AND n.nspname <> 'qt001_cp' AND n.nspname !~ '^pg_') AS cut_over
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
