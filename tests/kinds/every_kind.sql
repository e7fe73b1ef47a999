-- One object at least of every kind that PostgreSQL 14 to 18 has and that an application could own, with awkward names,
-- ACLs by several grantors, comments. Run as a superuser in a database of its own; :app is the application role.
-- Needs only what every server has: no contrib.
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 180000 AS v18
\gset
ALTER DATABASE :"database" OWNER TO :"app";
ALTER DATABASE :"database" SET statement_timeout = '1h';
GRANT CREATE, CONNECT ON DATABASE :"database" TO :"third";
CREATE SCHEMA kinds AUTHORIZATION :"app";
CREATE SCHEMA "Kinds ""two"" ü" AUTHORIZATION :"app";
GRANT USAGE ON SCHEMA kinds TO PUBLIC, :"third";
GRANT CREATE ON SCHEMA kinds TO :"third" WITH GRANT OPTION;
-- What is written in C may only be made by a superuser; it is given away afterwards. Nobody can say what it reaches,
-- so it can only be retained: it has a schema of its own.
CREATE SCHEMA kinds_c;
CREATE TYPE kinds_c.base;
CREATE FUNCTION kinds_c.base_in(cstring) RETURNS kinds_c.base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION kinds_c.base_out(kinds_c.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE kinds_c.base (INPUT = kinds_c.base_in, OUTPUT = kinds_c.base_out, LIKE = text);
CREATE FUNCTION kinds_c.my_rank() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS 'window_rank';
CREATE FUNCTION kinds_c.handler() RETURNS language_handler LANGUAGE internal AS 'fmgr_internal_validator';
CREATE LANGUAGE kinds_language HANDLER kinds_c.handler;
CREATE FOREIGN DATA WRAPPER kinds_wrapper OPTIONS (debug 'true');
GRANT USAGE ON FOREIGN DATA WRAPPER kinds_wrapper TO :"app";
CREATE SERVER kinds_server TYPE 'file' VERSION '1' FOREIGN DATA WRAPPER kinds_wrapper OPTIONS (host 'nowhere');
CREATE USER MAPPING FOR :"third" SERVER kinds_server OPTIONS (password 'secret');
CREATE FUNCTION kinds.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER kinds_event ON ddl_command_end WHEN TAG IN ('CREATE COLLATION') EXECUTE FUNCTION kinds.on_ddl();
ALTER EVENT TRIGGER kinds_event DISABLE;
CREATE PUBLICATION kinds_all FOR ALL TABLES WITH (publish = 'insert');

SET ROLE :"app";
CREATE TYPE kinds.colour AS ENUM ('red', 'it''s', 'ü');
CREATE TYPE kinds.pair AS (a int, b text COLLATE "C");
CREATE DOMAIN kinds.positive AS int DEFAULT 1 CONSTRAINT above CHECK (VALUE > 0);
CREATE TYPE kinds.span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE SEQUENCE kinds.counter INCREMENT 2 MAXVALUE 100 CYCLE;
CREATE TABLE kinds.parent (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "odd ""column""" text, c kinds.colour, p kinds.positive);
CREATE TABLE kinds.child (extra serial) INHERITS (kinds.parent);
CREATE TABLE kinds.typed OF kinds.pair;
CREATE UNLOGGED TABLE kinds.unlogged (id bigserial, big text, twice bigint GENERATED ALWAYS AS (1 + 1) STORED);
CREATE TABLE kinds.parted (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE kinds.parted_1 PARTITION OF kinds.parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE kinds.parted_rest PARTITION OF kinds.parted DEFAULT;
CREATE TABLE "Kinds ""two"" ü"."Table.with.dots" ("a,b" int, CONSTRAINT "Kinds ck" CHECK ("a,b" > 0) NOT VALID);
CREATE INDEX parent_expression ON kinds.parent (lower("odd ""column""")) WHERE id > 0;
CREATE STATISTICS kinds.dependency (dependencies) ON id, p FROM kinds.parent;
CREATE VIEW kinds.seen WITH (security_barrier) AS SELECT id, "odd ""column""" FROM kinds.parent;
CREATE MATERIALIZED VIEW kinds.kept AS SELECT id FROM kinds.parent;
CREATE RULE no_delete AS ON DELETE TO kinds.parent DO INSTEAD NOTHING;
CREATE FUNCTION kinds.add(kinds.colour, VARIADIC kinds.colour[]) RETURNS kinds.colour LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION kinds.add(int, int DEFAULT 2) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE FUNCTION kinds.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE PROCEDURE kinds.proceed(IN a int, INOUT b int) LANGUAGE plpgsql AS $$ BEGIN b := a; END $$;
-- A call has to have types that agree.
CREATE FUNCTION kinds.first(anyarray) RETURNS anyelement LANGUAGE sql AS 'SELECT $1[1]';
CREATE FUNCTION kinds.first(int[]) RETURNS int LANGUAGE sql AS 'SELECT $1[1]';
CREATE FUNCTION kinds.which(anyenum, anyarray) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION kinds.within(anyelement, anyrange, anymultirange) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION kinds.every(anycompatible, VARIADIC anycompatiblearray) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION kinds.row_of(kinds.pair, kinds.pair[], "char", OUT x int) LANGUAGE plpgsql AS $$ BEGIN x := 1; END $$;
CREATE PROCEDURE kinds.listed(OUT a anyelement, b anyelement, VARIADIC c anyarray) LANGUAGE sql AS 'SELECT b';
CREATE SEQUENCE "Kinds ""two"" ü".U&"se\202E\000A'q\\";
CREATE AGGREGATE kinds.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE AGGREGATE kinds.number(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
-- By all arguments, OUT included, the second of each pair is also the first.
CREATE PROCEDURE kinds.twice(IN a int, INOUT b int) LANGUAGE plpgsql AS $$ BEGIN b := a; END $$;
CREATE PROCEDURE kinds.twice(OUT a int, INOUT b int) LANGUAGE plpgsql AS $$ BEGIN a := b; END $$;
CREATE AGGREGATE kinds.once(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE PROCEDURE kinds.once(OUT a int) LANGUAGE plpgsql AS $$ BEGIN a := 1; END $$;
RESET ROLE;
CREATE AGGREGATE kinds.middle(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
    FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE kinds.last_of(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal,
    FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
ALTER ROUTINE kinds.middle(float8, anyelement) OWNER TO :"app";
ALTER ROUTINE kinds.last_of(VARIADIC "any") OWNER TO :"app";
SET ROLE :"app";
CREATE FUNCTION kinds.count_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO kinds.typed SELECT count(*), 'new' FROM "new rows" WHERE (id > 0); RETURN NULL; END $$;
CREATE TRIGGER counted AFTER INSERT ON kinds.unlogged REFERENCING NEW TABLE AS "new rows"
    FOR EACH STATEMENT EXECUTE FUNCTION kinds.count_new();
CREATE TABLE kinds."where" ("select" int);
CREATE TRIGGER touched BEFORE UPDATE ON kinds.parent FOR EACH ROW EXECUTE FUNCTION kinds.touch();
ALTER TABLE kinds.parent DISABLE TRIGGER touched;
ALTER TABLE kinds.child ENABLE ROW LEVEL SECURITY;
ALTER TABLE kinds.child FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON kinds.child FOR SELECT TO PUBLIC USING (id > 0);
CREATE COLLATION kinds.plain (locale = 'C');
CREATE COLLATION kinds.copied FROM pg_catalog."POSIX";
CREATE CONVERSION kinds.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE OPERATOR kinds.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = OPERATOR(kinds.===));
CREATE OPERATOR kinds.!! (RIGHTARG = int, FUNCTION = int4abs);
CREATE TEXT SEARCH DICTIONARY kinds.words (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION kinds.search (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION kinds.search ALTER MAPPING FOR asciiword WITH kinds.words;
CREATE CAST (kinds.pair AS text) WITH INOUT AS ASSIGNMENT;
CREATE PUBLICATION kinds_some FOR TABLE kinds.parent;
SELECT lo_create(4294967000);
COMMENT ON TABLE kinds.parent IS 'a comment that stays';
COMMENT ON FUNCTION kinds.add(int, int) IS 'another';
RESET ROLE;
CREATE OPERATOR FAMILY kinds.family USING btree;
CREATE OPERATOR CLASS kinds.class FOR TYPE int USING btree FAMILY kinds.family AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE FOREIGN TABLE kinds.distant (id int OPTIONS (name 'x')) SERVER kinds_server OPTIONS (file '/dev/null');
CREATE FOREIGN TABLE kinds.parted_2 PARTITION OF kinds.parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') SERVER kinds_server;
ALTER FOREIGN TABLE kinds.parted_2 OWNER TO :"app";
CREATE SUBSCRIPTION kinds_subscription CONNECTION 'host=nowhere dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE);

-- What a superuser made goes to the application, where PostgreSQL lets it have it.
\if :v18
CREATE TYPE kinds.shell;
ALTER TYPE kinds.shell OWNER TO :"app";
\endif
ALTER TYPE kinds_c.base OWNER TO :"app";
ALTER FUNCTION kinds_c.base_in(cstring) OWNER TO :"app";
ALTER FUNCTION kinds_c.base_out(kinds_c.base) OWNER TO :"app";
ALTER FUNCTION kinds_c.my_rank() OWNER TO :"app";
ALTER FUNCTION kinds.on_ddl() OWNER TO :"app";
ALTER LANGUAGE kinds_language OWNER TO :"app";
ALTER SERVER kinds_server OWNER TO :"app";
ALTER FOREIGN TABLE kinds.distant OWNER TO :"app";
ALTER OPERATOR FAMILY kinds.family USING btree OWNER TO :"app";
ALTER OPERATOR CLASS kinds.class USING btree OWNER TO :"app";
ALTER PUBLICATION kinds_all OWNER TO :"app";

-- ACLs: by the owner, passed on by a third role, to PUBLIC, on columns, with grant options.
SET ROLE :"app";
GRANT SELECT, UPDATE ON kinds.parent TO :"third" WITH GRANT OPTION;
GRANT SELECT ("odd ""column"""), REFERENCES (id) ON kinds.parent TO PUBLIC;
GRANT SELECT (id) ON kinds.seen TO :"third" WITH GRANT OPTION;
GRANT INSERT ON kinds.unlogged TO PUBLIC;
REVOKE TRUNCATE ON kinds.unlogged FROM :"app";
GRANT SELECT ON kinds.kept, kinds.distant, kinds.parted TO :"third";
GRANT USAGE ON SEQUENCE kinds.counter TO PUBLIC;
GRANT SELECT ON SEQUENCE kinds.unlogged_id_seq TO PUBLIC;
REVOKE EXECUTE ON FUNCTION kinds.add(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kinds.add(int, int) TO :"third" WITH GRANT OPTION;
GRANT EXECUTE ON PROCEDURE kinds.proceed(int, int) TO :"third";
REVOKE USAGE ON TYPE kinds.colour FROM PUBLIC;
GRANT USAGE ON TYPE kinds.positive TO :"third";
GRANT SELECT ON LARGE OBJECT 4294967000 TO PUBLIC;
GRANT USAGE ON FOREIGN SERVER kinds_server TO :"third" WITH GRANT OPTION;
GRANT EXECUTE ON PROCEDURE kinds.twice(OUT a int, INOUT b int) TO :"third" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES IN SCHEMA kinds GRANT SELECT ON TABLES TO :"third";
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC;
SET ROLE :"third";
GRANT SELECT ON kinds.parent TO PUBLIC;
GRANT UPDATE ON kinds.parent TO :"fourth" WITH GRANT OPTION;
GRANT SELECT (id) ON kinds.seen TO :"app";
GRANT EXECUTE ON FUNCTION kinds.add(int, int) TO :"app";
GRANT USAGE ON FOREIGN SERVER kinds_server TO :"fourth";
GRANT CREATE ON SCHEMA kinds TO :"fourth";
ALTER DEFAULT PRIVILEGES FOR ROLE :"third" GRANT INSERT ON TABLES TO :"app";
SET ROLE :"fourth";
GRANT UPDATE ON kinds.parent TO :"app";
RESET ROLE;

-- On the system's own objects: beside what PUBLIC may, and what it may not.
GRANT SELECT ON pg_catalog.pg_proc TO :"app";
GRANT SELECT (rolname) ON pg_catalog.pg_authid TO :"app";
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_reset() TO :"app";
