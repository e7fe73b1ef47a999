-- The timeline that is written now: the first eight hexadecimal digits of the file's name.
SELECT ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)
       )::pg_catalog.bit(32)::pg_catalog.int4 AS timeline
