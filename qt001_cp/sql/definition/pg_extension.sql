-- Extensions. A dump writes no version: the server that restores it has its own.
SELECT format('extension schema=%s', space.nspname) AS meaning,
       'version ' || extension.extversion AS storage
FROM pg_extension extension JOIN pg_namespace space ON space.oid = extension.extnamespace
WHERE extension.oid = judged.objid
