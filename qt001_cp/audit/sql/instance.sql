-- What tells this ledger from a restored or copied one: the numbers of the database and of the
-- table of events.
SELECT (SELECT pg_database.oid::text FROM pg_catalog.pg_database
        WHERE pg_database.datname = pg_catalog.current_database()) AS database,
       pg_catalog.to_regclass('qt001_cp.event')::oid::text AS ledger
