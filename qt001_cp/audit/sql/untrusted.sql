-- Nobody is granted an untrusted language: GRANT refuses it, and only superusers use one.
SELECT oid FROM pg_catalog.pg_language WHERE NOT lanpltrusted
