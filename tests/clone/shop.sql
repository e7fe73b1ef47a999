-- A small estate with none of the reference estate's names: a shop, whose application role "Shop App" owns its own till.
-- Loaded by a superuser into an empty database that "Shop App" owns.
CREATE SCHEMA till AUTHORIZATION "Shop App";
CREATE SCHEMA shelf AUTHORIZATION "Shop App";
SET ROLE "Shop App";
CREATE TABLE shelf.article (
    id int PRIMARY KEY,
    name text NOT NULL,
    state varchar NOT NULL DEFAULT 'new' CONSTRAINT known_state CHECK (state IN ('new', 'sold', 'it''s gone'))
);
CREATE TYPE till.coin AS ENUM ('copper', 'silver');
CREATE TYPE till.span AS RANGE (subtype = numeric, multirange_type_name = till.spans);
REVOKE USAGE ON TYPE till.coin FROM PUBLIC;
CREATE TABLE till.lever (name text PRIMARY KEY, position text NOT NULL);
CREATE TABLE till."Receipt" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    amount numeric NOT NULL CHECK (amount > 0),
    coin till.coin NOT NULL DEFAULT 'copper',
    kind varchar(9) NOT NULL DEFAULT 'cash' CHECK (kind IN ('cash', 'card'))
);
CREATE COLLATION till.plain FROM "C";  -- of any encoding; the dump makes it one of the database's
CREATE VIEW till.cash_receipts WITH (security_barrier = true) AS
    SELECT r.id, r.amount FROM till."Receipt" r WHERE r.kind IN ('cash', 'card');
CREATE VIEW till.is_open AS SELECT true AS ready;
CREATE FUNCTION till.ring_up(amount numeric) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO till."Receipt" (amount) VALUES (ring_up.amount) RETURNING id INTO made;
    RETURN made;
END
$$;
CREATE FUNCTION till.slip(note text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN note;
END
$$;
CREATE FUNCTION till.settle(amount numeric, note text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN till.ring_up(settle.amount);
END
$$;
CREATE FUNCTION till.counter(amount numeric) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN till.settle(counter.amount, till.slip('counter'));
END
$$;
INSERT INTO till.lever VALUES ('apply', 'down'), ('readiness', 'down');
INSERT INTO till."Receipt" (amount) VALUES (1), (2);
REVOKE ALL ON FUNCTION till.ring_up(numeric), till.settle(numeric, text), till.slip(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION till.counter(numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION till.counter(numeric) TO cashier;
GRANT USAGE ON SCHEMA till TO cashier;
GRANT SELECT ON till."Receipt" TO bookkeeper WITH GRANT OPTION;
RESET ROLE;
