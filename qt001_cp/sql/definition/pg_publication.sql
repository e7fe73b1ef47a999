-- Publications, and the tables of each.
SELECT concat_ws(E'\n',
    'publication ' || (to_jsonb(publication) - '{oid,pubname,pubowner}'::text[])::text,
    (SELECT string_agg('table ' || to_jsonb(published)::text, E'\n'
                       ORDER BY published.schemaname::text COLLATE "C",
                                published.tablename::text COLLATE "C")
     FROM pg_publication_tables published
     WHERE published.pubname = publication.pubname AND NOT publication.puballtables)) AS meaning,
    NULL::text AS storage
FROM pg_publication publication WHERE publication.oid = judged.objid
