-- Event triggers.
SELECT format('event trigger on %s tags %s function %s enabled=%s', trigger.evtevent,
              trigger.evttags, trigger.evtfoid::regprocedure, trigger.evtenabled) AS meaning,
       NULL::text AS storage
FROM pg_event_trigger trigger WHERE trigger.oid = judged.objid
