-- Collations. Columns differ between major versions: the row without what names and owns it. One
-- for every encoding, and one for that of the database alone, are the same here: a dump does not
-- tell them apart.
SELECT 'collation ' || (to_jsonb(sorting)
                        - '{oid,collname,collnamespace,collowner,collversion}'::text[]
                        - CASE WHEN sorting.collencoding IN (-1, database.encoding)
                               THEN 'collencoding' ELSE '' END)::text AS meaning,
       NULL::text AS storage
FROM pg_collation sorting, pg_database database
WHERE sorting.oid = judged.objid AND database.datname = current_database()
