-- Statistics objects. On columns they are storage; those on an expression run what it calls.
SELECT concat_ws(' ', 'statistics object',
                 CASE WHEN statistics.stxexprs IS NOT NULL
                      THEN pg_get_statisticsobjdef(statistics.oid) END) AS meaning,
       CASE WHEN $5 THEN concat(CASE WHEN statistics.stxexprs IS NULL
                                     THEN pg_get_statisticsobjdef(statistics.oid) END,
                                ' target ' || nullif(statistics.stxstattarget::int, -1)) END
           AS storage
FROM pg_statistic_ext statistics WHERE statistics.oid = judged.objid
