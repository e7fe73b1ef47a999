-- What the server lets the application role do to relations, by whatever route: on the whole, or
-- else on which columns; and USAGE on sequences.
WITH given AS (
    SELECT %s::pg_catalog.name AS role, %s::pg_catalog.text[] AS on_columns,
           %s::pg_catalog.text[] AS privileges, %s::pg_catalog.oid[] AS relations
), asked AS (
    SELECT given.role, relation.oid, relation.relkind, listed.privilege,
           listed.privilege = ANY (given.on_columns) AND relation.relkind <> 'S' AS of_columns,
           pg_catalog.has_table_privilege(given.role, relation.oid, listed.privilege) AS whole
    FROM given JOIN pg_catalog.pg_class relation ON relation.oid = ANY (given.relations)
    CROSS JOIN pg_catalog.unnest(given.privileges) listed(privilege)
)
SELECT asked.oid, asked.privilege, NULL::pg_catalog.text AS column FROM asked WHERE asked.whole
UNION ALL
SELECT asked.oid, asked.privilege, attribute.attname
FROM asked JOIN pg_catalog.pg_attribute attribute
ON attribute.attrelid = asked.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE CASE WHEN asked.of_columns AND NOT asked.whole
           THEN pg_catalog.has_column_privilege(asked.role, asked.oid, attribute.attnum,
                                                asked.privilege)
           ELSE false END
UNION ALL
SELECT relation.oid, 'USAGE', NULL
FROM given JOIN pg_catalog.pg_class relation ON relation.oid = ANY (given.relations)
WHERE CASE relation.relkind WHEN 'S'
           THEN pg_catalog.has_sequence_privilege(given.role, relation.oid, 'USAGE')
           ELSE false END
