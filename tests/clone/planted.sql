-- Run as the shop's owner, who is no superuser: in each kind of expression that a clone may evaluate, code that asks whether a
-- superuser runs it, and if so starts a program and makes its owner one.
CREATE FUNCTION till.planted(kind text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE 'RESET SESSION AUTHORIZATION';
        EXECUTE 'RESET ROLE';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    IF (SELECT role.rolsuper FROM pg_catalog.pg_roles role WHERE role.rolname = current_user) THEN
        RAISE LOG 'planted in %: superuser', kind;
        ALTER ROLE "Shop App" SUPERUSER;
        COPY (SELECT 1) TO PROGRAM 'touch marker';
    ELSE
        RAISE LOG 'planted in %: %', kind, current_user;
    END IF;
    RETURN true;
END
$$;
-- What is called in an index has to say that it changes nothing; what it calls need not.
CREATE FUNCTION till.planted_quietly(kind text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM till.planted(kind);
    RETURN 1;
END
$$;
CREATE FUNCTION till.planted_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM till.planted(TG_ARGV[0]);
    RETURN NEW;
END
$$;
CREATE DOMAIN till.word AS text CHECK (till.planted('domain'));
ALTER TABLE till.lever ADD COLUMN word till.word DEFAULT 'x', ADD COLUMN made int GENERATED ALWAYS AS (till.planted_quietly('generated')) STORED,
    ADD COLUMN early int DEFAULT till.planted_quietly('default'), ADD CHECK (till.planted('check'));
CREATE INDEX ON till.lever (till.planted_quietly(name));
CREATE INDEX ON till.lever (till.planted_quietly('index of a constant'));
CREATE INDEX ON till.lever (name) WHERE till.planted_quietly('condition of an index') = 1;
CREATE STATISTICS till.lever_numbers ON name, (till.planted_quietly('statistics')) FROM till.lever;
CREATE TRIGGER planted BEFORE INSERT OR UPDATE ON till.lever FOR EACH ROW EXECUTE FUNCTION till.planted_trigger('trigger');
ALTER TABLE till.lever ENABLE ALWAYS TRIGGER planted;
CREATE VIEW till.seen AS SELECT till.planted('view') AS seen;
CREATE MATERIALIZED VIEW till.kept AS SELECT till.planted('materialized view') AS kept;
CREATE POLICY planted ON till."Receipt" USING (till.planted('policy'));
ALTER TABLE till."Receipt" ENABLE ROW LEVEL SECURITY;
