-- Nobody is granted an untrusted language: GRANT refuses it, and only superusers use one.
SELECT l.oid FROM pg_catalog.pg_language l WHERE NOT l.lanpltrusted
