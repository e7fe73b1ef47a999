-- What this login may ask about the server, and whether it is a standby.
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS system,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE')
           AS checkpoint,
       pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE')
       AND pg_catalog.has_function_privilege(
               'pg_catalog.pg_walfile_name(pg_catalog.pg_lsn)', 'EXECUTE') AS log,
       pg_catalog.pg_is_in_recovery() AS recovery
