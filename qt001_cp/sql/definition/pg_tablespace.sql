-- Tablespaces. Where one lies is the machine's matter.
SELECT 'tablespace' AS meaning,
       (SELECT 'options ' || string_agg(option, ', ' ORDER BY option COLLATE "C")
        FROM unnest(tablespace.spcoptions) option) AS storage
FROM pg_tablespace tablespace WHERE tablespace.oid = judged.objid
