-- What the server lets the application role do to relations, by whatever route: on the whole, or on
-- a column.
SELECT relation.oid, asked.privilege,
       pg_catalog.has_table_privilege(%s, relation.oid, asked.privilege) AS on_table,
       CASE WHEN asked.privilege = ANY (%s::pg_catalog.text[])
            THEN pg_catalog.has_any_column_privilege(%s, relation.oid, asked.privilege)
            ELSE false END AS on_column
FROM pg_catalog.pg_class relation
CROSS JOIN pg_catalog.unnest(%s::pg_catalog.text[]) asked(privilege)
WHERE relation.oid = ANY (%s::pg_catalog.oid[])
