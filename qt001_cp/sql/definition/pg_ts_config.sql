-- Text search configurations.
SELECT concat_ws(E'\n',
    'text search configuration, parser '
        || (pg_identify_object('pg_ts_parser'::regclass, config.cfgparser, 0)).identity,
    (SELECT string_agg(
                format('token %s %s dictionary %s', mapped.maptokentype, mapped.mapseqno,
                       (pg_identify_object('pg_ts_dict'::regclass, mapped.mapdict, 0)).identity),
                E'\n' ORDER BY mapped.maptokentype, mapped.mapseqno)
     FROM pg_ts_config_map mapped WHERE mapped.mapcfg = config.oid)) AS meaning,
    NULL::text AS storage
FROM pg_ts_config config WHERE config.oid = judged.objid
