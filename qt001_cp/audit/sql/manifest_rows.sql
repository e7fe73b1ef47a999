SELECT manifest, CASE pg_catalog.jsonb_typeof(object) WHEN 'object' THEN object || texts
                 ELSE object END AS object
FROM qt001_cp.manifest_row ORDER BY manifest, number
