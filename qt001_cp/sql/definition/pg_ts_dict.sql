-- Text search dictionaries.
SELECT format('text search dictionary template %s options %s',
              (pg_identify_object('pg_ts_template'::regclass, dictionary.dicttemplate, 0)).identity,
              dictionary.dictinitoption) AS meaning,
       NULL::text AS storage
FROM pg_ts_dict dictionary WHERE dictionary.oid = judged.objid
