-- The table of kinds, for the statements that the server renders by itself. Its rows are made from model/kinds.py.
CREATE TABLE qt001_cp.object_kind (
    kind text PRIMARY KEY,
    alter_noun text,
    grant_noun text,
    address text NOT NULL,
    relation boolean NOT NULL,
    container boolean NOT NULL,
    privileges text[] NOT NULL,
    why text NOT NULL,
    since int NOT NULL
);
INSERT INTO qt001_cp.object_kind (kind, alter_noun, grant_noun, address, relation, container, privileges, why, since) VALUES
    ('database', 'DATABASE', 'DATABASE', 'name', false, true, ARRAY['CREATE', 'TEMPORARY', 'CONNECT']::text[], '', 0),
    ('tablespace', 'TABLESPACE', 'TABLESPACE', 'name', false, false, ARRAY['CREATE']::text[], '', 0),
    ('schema', 'SCHEMA', 'SCHEMA', 'name', false, true, ARRAY['USAGE', 'CREATE']::text[], '', 0),
    ('table', 'TABLE', 'TABLE', 'qualified', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[], '', 0),
    ('view', 'VIEW', 'TABLE', 'qualified', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[], '', 0),
    ('materialized view', 'MATERIALIZED VIEW', 'TABLE', 'qualified', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[], '', 0),
    ('foreign table', 'FOREIGN TABLE', 'TABLE', 'qualified', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[], '', 0),
    ('sequence', 'SEQUENCE', 'SEQUENCE', 'qualified', true, false, ARRAY['SELECT', 'UPDATE', 'USAGE']::text[], '', 0),
    ('function', 'FUNCTION', 'FUNCTION', 'routine', false, false, ARRAY['EXECUTE']::text[], '', 0),
    ('procedure', 'PROCEDURE', 'PROCEDURE', 'in routine', false, false, ARRAY['EXECUTE']::text[], '', 0),
    ('aggregate', 'ROUTINE', 'ROUTINE', 'in routine', false, false, ARRAY['EXECUTE']::text[], '', 0),
    ('type', 'TYPE', 'TYPE', 'qualified', false, false, ARRAY['USAGE']::text[], '', 0),
    ('default acl', NULL, NULL, 'default', false, false, ARRAY[]::text[], '', 0),
    ('collation', 'COLLATION', NULL, 'qualified', false, false, ARRAY[]::text[], '', 0),
    ('conversion', 'CONVERSION', NULL, 'qualified', false, false, ARRAY[]::text[], '', 0),
    ('operator', 'OPERATOR', NULL, 'operator', false, false, ARRAY[]::text[], '', 0),
    ('operator class', 'OPERATOR CLASS', NULL, 'method', false, false, ARRAY[]::text[], '', 0),
    ('operator family', 'OPERATOR FAMILY', NULL, 'method', false, false, ARRAY[]::text[], '', 0),
    ('text search configuration', 'TEXT SEARCH CONFIGURATION', NULL, 'qualified', false, false, ARRAY[]::text[], '', 0),
    ('text search dictionary', 'TEXT SEARCH DICTIONARY', NULL, 'qualified', false, false, ARRAY[]::text[], '', 0),
    ('statistics object', 'STATISTICS', NULL, 'qualified', false, false, ARRAY[]::text[], '', 0),
    ('language', 'LANGUAGE', 'LANGUAGE', 'name', false, false, ARRAY['USAGE']::text[], '', 0),
    ('large object', 'LARGE OBJECT', 'LARGE OBJECT', 'number', false, false, ARRAY['SELECT', 'UPDATE']::text[], '', 0),
    ('server', 'SERVER', 'FOREIGN SERVER', 'name', false, false, ARRAY['USAGE']::text[], '', 0),
    ('publication', 'PUBLICATION', NULL, 'name', false, false, ARRAY[]::text[], '', 0),
    ('subscription', 'SUBSCRIPTION', NULL, 'name', false, false, ARRAY[]::text[], '', 16),
    ('foreign-data wrapper', 'FOREIGN DATA WRAPPER', 'FOREIGN DATA WRAPPER', 'name', false, false, ARRAY['USAGE']::text[], 'PostgreSQL lets only a superuser own one: give it to the administrator', 0),
    ('event trigger', 'EVENT TRIGGER', NULL, 'name', false, false, ARRAY[]::text[], 'PostgreSQL lets only a superuser own one: give it to the administrator, or drop it', 0),
    ('user mapping', NULL, NULL, 'name', false, false, ARRAY[]::text[], 'it belongs to its role for good: retain it, or DROP USER MAPPING', 0),
    ('extension', NULL, NULL, 'name', false, false, ARRAY[]::text[], 'an extension has no ALTER … OWNER statement: retain it, or let the administrator create it anew', 0);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qt001_cp.object_kind
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.object_kind ENABLE ALWAYS TRIGGER append_only;
