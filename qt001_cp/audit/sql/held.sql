-- What the server lets the application role do to a relation, by whatever route.
SELECT v.verb, pg_catalog.has_table_privilege(%s, c.oid, v.verb) AS on_table,
       v.verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND pg_catalog.has_any_column_privilege(%s, c.oid, v.verb) AS on_column, c.oid
FROM pg_catalog.pg_class c,
     (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) v(verb)
WHERE c.oid = ANY (%s::pg_catalog.oid[])
