-- Foreign-data wrappers. The order of options says nothing: pg_dump sorts them.
SELECT format('foreign-data wrapper handler %s validator %s options %s',
              wrapper.fdwhandler::regproc, wrapper.fdwvalidator::regproc,
              ARRAY(SELECT option FROM unnest(wrapper.fdwoptions) option
                    ORDER BY option COLLATE "C")) AS meaning,
       NULL::text AS storage
FROM pg_foreign_data_wrapper wrapper WHERE wrapper.oid = judged.objid
