-- The table of kinds, for the statements that the server renders by itself. Its rows are made from model/kinds.py.
CREATE TABLE qt001_cp.object_kind (
    kind text PRIMARY KEY,
    alter_noun text,
    grant_noun text,
    relation boolean NOT NULL,
    container boolean NOT NULL,
    privileges text[] NOT NULL
);
INSERT INTO qt001_cp.object_kind (kind, alter_noun, grant_noun, relation, container, privileges) VALUES
    ('database', 'DATABASE', 'DATABASE', false, true, ARRAY['CREATE', 'TEMPORARY', 'CONNECT']::text[]),
    ('schema', 'SCHEMA', 'SCHEMA', false, true, ARRAY['USAGE', 'CREATE']::text[]),
    ('table', 'TABLE', 'TABLE', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[]),
    ('view', 'VIEW', 'TABLE', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[]),
    ('materialized view', 'MATERIALIZED VIEW', 'TABLE', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[]),
    ('foreign table', 'FOREIGN TABLE', 'TABLE', true, false, ARRAY['INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']::text[]),
    ('sequence', 'SEQUENCE', 'SEQUENCE', true, false, ARRAY['SELECT', 'UPDATE', 'USAGE']::text[]),
    ('function', 'FUNCTION', 'FUNCTION', false, false, ARRAY['EXECUTE']::text[]),
    ('procedure', 'PROCEDURE', 'PROCEDURE', false, false, ARRAY['EXECUTE']::text[]),
    ('aggregate', 'ROUTINE', 'ROUTINE', false, false, ARRAY['EXECUTE']::text[]),
    ('type', 'TYPE', 'TYPE', false, false, ARRAY['USAGE']::text[]),
    ('default acl', NULL, NULL, false, false, ARRAY[]::text[]),
    ('collation', NULL, NULL, false, false, ARRAY[]::text[]),
    ('conversion', NULL, NULL, false, false, ARRAY[]::text[]),
    ('operator', NULL, NULL, false, false, ARRAY[]::text[]),
    ('operator class', NULL, NULL, false, false, ARRAY[]::text[]),
    ('operator family', NULL, NULL, false, false, ARRAY[]::text[]),
    ('text search configuration', NULL, NULL, false, false, ARRAY[]::text[]),
    ('text search dictionary', NULL, NULL, false, false, ARRAY[]::text[]),
    ('statistics object', NULL, NULL, false, false, ARRAY[]::text[]),
    ('language', NULL, NULL, false, false, ARRAY[]::text[]),
    ('large object', NULL, NULL, false, false, ARRAY[]::text[]),
    ('foreign-data wrapper', NULL, NULL, false, false, ARRAY[]::text[]),
    ('server', NULL, NULL, false, false, ARRAY[]::text[]),
    ('event trigger', NULL, NULL, false, false, ARRAY[]::text[]),
    ('publication', NULL, NULL, false, false, ARRAY[]::text[]),
    ('extension', NULL, NULL, false, false, ARRAY[]::text[]);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qt001_cp.object_kind
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.object_kind ENABLE ALWAYS TRIGGER append_only;
