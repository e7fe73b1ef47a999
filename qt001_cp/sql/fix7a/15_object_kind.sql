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
{object_kind_rows};
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qt001_cp.object_kind
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.object_kind ENABLE ALWAYS TRIGGER append_only;
