-- Foreign servers, and who has a mapping: its options are passwords, which nobody else is shown.
SELECT concat_ws(E'\n',
    format('server of %s type %s version %s options %s', wrapper.fdwname, server.srvtype,
           server.srvversion,
           ARRAY(SELECT option FROM unnest(server.srvoptions) option
                 ORDER BY option COLLATE "C")),
    (SELECT string_agg('mapping for ' || quote_ident(mapping.usename), E'\n'
                       ORDER BY mapping.usename COLLATE "C")
     FROM pg_user_mappings mapping WHERE mapping.srvid = server.oid)) AS meaning,
    NULL::text AS storage
FROM pg_foreign_server server JOIN pg_foreign_data_wrapper wrapper ON wrapper.oid = server.srvfdw
WHERE server.oid = judged.objid
