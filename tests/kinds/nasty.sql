-- An estate made to break a cutover: names that look like something else, overloads that differ in little, objects that moved or
-- lost a part, chains of grants by several roles. Run as a superuser; :app is the application role, :db the database.
-- Every object and every grant is one that a dump keeps, or the way back could not be compared.
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 150000 AS v15, current_setting('server_version_num')::int >= 160000 AS v16, current_setting('server_version_num')::int >= 170000 AS v17, current_setting('server_version_num')::int >= 180000 AS v18 \gset
-- Roles, and memberships with every option.
CREATE ROLE "public " LOGIN;
CREATE ROLE "q""uo'te$$x$$" LOGIN;
CREATE ROLE "$qt001_0$" NOLOGIN;
CREATE ROLE "select" LOGIN;
CREATE ROLE U&"\202E\00fcber\200B" LOGIN;
CREATE ROLE "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr" NOLOGIN;
CREATE ROLE "PUBLIC" LOGIN;
CREATE ROLE "Public" LOGIN;
CREATE ROLE "CURRENT_USER" LOGIN;
CREATE ROLE "new
line" LOGIN CONNECTION LIMIT 3 VALID UNTIL '2040-01-01';
CREATE ROLE "a=r/b" LOGIN;
CREATE ROLE "group a" NOLOGIN;
GRANT "group a" TO "select" WITH ADMIN OPTION;
GRANT "select" TO "a=r/b";
\if :v16
CREATE ROLE n_set NOLOGIN; CREATE ROLE n_inh NOLOGIN; CREATE ROLE n_adm NOLOGIN;
GRANT n_set TO "a=r/b" WITH INHERIT FALSE, SET TRUE;
GRANT n_inh TO "a=r/b" WITH INHERIT TRUE, SET FALSE;
GRANT n_adm TO "select" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
SET ROLE "select";
GRANT n_adm TO "q""uo'te$$x$$" GRANTED BY "select";
RESET ROLE;
\endif
ALTER ROLE "select" SET work_mem = '5MB';
ALTER ROLE "select" IN DATABASE :"db" SET datestyle = 'ISO, DMY';
ALTER ROLE :"app" IN DATABASE :"db" SET statement_timeout = '77s';
ALTER DATABASE :"db" SET "nasty.custom" = 'it''s, "q"';
ALTER DATABASE :"db" CONNECTION LIMIT 99;
GRANT CONNECT ON DATABASE :"db" TO "public " WITH GRANT OPTION;
GRANT TEMPORARY ON DATABASE :"db" TO "PUBLIC";
SET ROLE "public ";
GRANT CONNECT ON DATABASE :"db" TO "a=r/b";
RESET ROLE;

-- Names of schemas: keywords, dots, bidirectional and invisible characters, 63 bytes, ours in other letters.
SET ROLE :"app";
CREATE SCHEMA "select";
CREATE SCHEMA "a.b";
CREATE SCHEMA "pgabc";
CREATE SCHEMA "pg%";
CREATE SCHEMA "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss";
CREATE SCHEMA U&"bi\202Edi\2066 \200B";
CREATE SCHEMA "tab	and
newline";
CREATE SCHEMA "quote""d";
CREATE SCHEMA "information_schema2";
CREATE SCHEMA "cp_qt001_cp";
CREATE SCHEMA "Qt001_cp";
GRANT USAGE ON SCHEMA "a.b" TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA "a.b" TO "q""uo'te$$x$$" WITH GRANT OPTION;
GRANT ALL ON SCHEMA "select" TO "public ", "PUBLIC", "Public", "CURRENT_USER", "new
line", "a=r/b", "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";
SET ROLE "q""uo'te$$x$$";
GRANT USAGE ON SCHEMA "a.b" TO "select" WITH GRANT OPTION;
GRANT CREATE ON SCHEMA "a.b" TO "select";
SET ROLE "select";
GRANT USAGE ON SCHEMA "a.b" TO U&"\202E\00fcber\200B";
SET ROLE :"app";

-- Types over types, and types that are called like others.
CREATE TYPE "a.b"."enum.e" AS ENUM ('a''b', 'c"d', '', E'new\nline', '$$', U&'\202Ex');
CREATE TYPE "a.b"."comp" AS ("x y" int, "select" "a.b"."enum.e"[], n numeric(10,2));
CREATE DOMAIN "a.b"."dom over comp array" AS "a.b"."comp"[] CHECK (cardinality(VALUE) < 10);
CREATE DOMAIN "a.b".dom2 AS "a.b"."dom over comp array" NOT NULL;
CREATE TYPE "a.b"."range r" AS RANGE (subtype = numeric, multirange_type_name = "a.b"."multi ""m""");
CREATE TYPE "a.b"."range2" AS RANGE (subtype = timestamptz);
CREATE DOMAIN "a.b".drange AS "a.b"."range r" CHECK (NOT isempty(VALUE));
CREATE TYPE "a.b"."tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt" AS ENUM ('x');
CREATE TYPE "a.b"._underscored AS (a int);
CREATE TYPE "a.b"."int4" AS ENUM ('z');
CREATE TYPE "a.b"."anyelement" AS ENUM ('z');
CREATE TYPE "a.b"."x[]" AS ENUM ('q');
CREATE TYPE "a.b"."empty"  AS ();
REVOKE USAGE ON TYPE "a.b"."enum.e" FROM PUBLIC;
GRANT USAGE ON TYPE "a.b"."range r" TO "select" WITH GRANT OPTION;
SET ROLE "select"; GRANT USAGE ON TYPE "a.b"."range r" TO "a=r/b"; SET ROLE :"app";

-- Overloads.
CREATE FUNCTION "a.b"."f()"(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION "a.b"."f("(VARIADIC "x,y" int[]) RETURNS int LANGUAGE sql AS 'SELECT $1[1]';
CREATE FUNCTION "a.b".g(IN a int DEFAULT 7, OUT b text, INOUT c "a.b"."enum.e" DEFAULT 'c"d') LANGUAGE sql AS $$ SELECT 'x'::text, c $$;
CREATE FUNCTION "a.b".g(a text) RETURNS TABLE ("ret urn" int, t text) LANGUAGE sql AS $$ SELECT 1, 'x' $$;
CREATE FUNCTION "a.b".g("a.b"."int4") RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g("a.b"."x[]"[]) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g("a.b"."x[]") RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g("a.b"."dom over comp array") RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g("a.b"."multi ""m""") RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g("a.b"."multi ""m"""[]) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g(bit varying(3), character varying, timestamp with time zone, "char", double precision[], interval) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g(anyarray, anynonarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT $1[1] $$;
CREATE FUNCTION "a.b".g(anycompatiblerange, anycompatiblemultirange) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g(VARIADIC anyarray) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b".g(refcursor, regclass, oid, name, xml, jsonpath, int2vector, oidvector) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION "a.b"."select"() RETURNS SETOF "a.b"."comp" LANGUAGE sql BEGIN ATOMIC SELECT 1, NULL::"a.b"."enum.e"[], 2.0; END;
CREATE FUNCTION "a.b".atomic_return(x int DEFAULT 3 + 4) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 7 RETURN x + 1;
CREATE FUNCTION "a.b"."ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"("pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp" int) RETURNS int LANGUAGE sql SET search_path = pg_catalog, "a.b", pg_temp AS 'SELECT 1';
CREATE FUNCTION "a.b".dollar() RETURNS text LANGUAGE plpgsql AS $a$ BEGIN RETURN $x$ $qt001_0$ $$ '; DROP x $x$; END $a$;
CREATE PROCEDURE "a.b".p(OUT a int, OUT b int) LANGUAGE plpgsql AS $$ BEGIN a := 1; b := 2; END $$;
CREATE PROCEDURE "a.b".p(INOUT a int, VARIADIC b text[]) LANGUAGE plpgsql AS $$ BEGIN a := 1; END $$;
CREATE PROCEDURE "a.b".p(a int, b int) LANGUAGE plpgsql AS $$ BEGIN a := 1; END $$;
CREATE PROCEDURE "a.b".p(OUT a int, b int) LANGUAGE plpgsql AS $$ BEGIN a := 1; END $$ ;
CREATE FUNCTION "a.b".sfunc(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE FUNCTION "a.b".cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
CREATE FUNCTION "a.b".bool2(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE FUNCTION "a.b".to_int("a.b"."comp") RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION "a.b".trg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION "a.b".trg_trans() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 FROM "new t"; RETURN NULL; END $$;
GRANT EXECUTE ON FUNCTION "a.b".g(text) TO "select", "a=r/b" WITH GRANT OPTION;
REVOKE ALL ON FUNCTION "a.b".g(anycompatiblerange, anycompatiblemultirange) FROM PUBLIC, :"app";
REVOKE EXECUTE ON FUNCTION "a.b".g(VARIADIC anyarray) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE "a.b".p(OUT a int, OUT b int) TO "select";
CREATE AGGREGATE "a.b"."sum up"(int) (SFUNC = "a.b".sfunc, STYPE = int, INITCOND = '0');
CREATE AGGREGATE "a.b"."sum up"(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
RESET ROLE;
CREATE AGGREGATE "a.b".hypo(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE AGGREGATE "a.b"."sum up"(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE FUNCTION "a.b".hypo_s(int, text, numeric) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE "a.b".hypo(int, float8 ORDER BY text, numeric) (SFUNC = "a.b".hypo_s, STYPE = int);
ALTER FUNCTION "a.b".hypo_s(int, text, numeric) OWNER TO :"app";
ALTER ROUTINE "a.b".hypo(VARIADIC "any") OWNER TO :"app";
ALTER ROUTINE "a.b".hypo(int, float8, text, numeric) OWNER TO :"app";
ALTER ROUTINE "a.b"."sum up"(float8, anyelement) OWNER TO :"app";
SET ROLE :"app";
CREATE AGGREGATE "a.b".mv(int) (SFUNC = "a.b".sfunc, STYPE = int, MSFUNC = "a.b".sfunc, MINVFUNC = "a.b".sfunc, MSTYPE = int, SORTOP = <);

-- Operators, classes, casts.
CREATE OPERATOR "a.b".<@#%^&|`?~!= (LEFTARG = int, RIGHTARG = int, FUNCTION = "a.b".bool2, COMMUTATOR = OPERATOR("a.b".<@#%^&|`?~!=), RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR "a.b".@ (RIGHTARG = int, FUNCTION = int4abs);
CREATE FUNCTION "a.b".plus("a.b"."comp", "a.b"."x[]"[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR "a.b".+ (LEFTARG = "a.b"."comp", RIGHTARG = "a.b"."x[]"[], FUNCTION = "a.b".plus);
CREATE OPERATOR "select".= (LEFTARG = int, RIGHTARG = int, FUNCTION = "a.b".bool2, NEGATOR = OPERATOR("a.b".<<>>));
CREATE OPERATOR "a.b".<<>> (LEFTARG = int, RIGHTARG = int, FUNCTION = "a.b".bool2, NEGATOR = OPERATOR("select".=));
RESET ROLE;
CREATE OPERATOR FAMILY "a.b"."fam ily" USING hash;
CREATE OPERATOR CLASS "a.b"."cl ass" FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 "a.b".cmp(int, int);
CREATE OPERATOR CLASS "a.b"."cl ass" FOR TYPE int USING hash FAMILY "a.b"."fam ily" AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
ALTER OPERATOR FAMILY "a.b"."fam ily" USING hash OWNER TO :"app";
ALTER OPERATOR CLASS "a.b"."cl ass" USING hash OWNER TO :"app";
ALTER OPERATOR CLASS "a.b"."cl ass" USING btree OWNER TO :"app";
ALTER OPERATOR FAMILY "a.b"."cl ass" USING btree OWNER TO :"app";
SET ROLE :"app";
CREATE CAST ("a.b"."comp" AS int) WITH FUNCTION "a.b".to_int("a.b"."comp") AS ASSIGNMENT;
CREATE CAST ("a.b"."enum.e" AS text) WITH INOUT AS IMPLICIT;

-- What has an owner, no ACL, and a schema.
CREATE COLLATION "a.b"."coll C" (provider = libc, locale = 'C');
CREATE COLLATION "a.b"."c from" FROM "POSIX";
\if :v17
CREATE COLLATION "a.b".bi (provider = builtin, locale = 'C.UTF-8');
\endif
CREATE DEFAULT CONVERSION "a.b"."conv" FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH DICTIONARY "a.b"."dict ""q" (TEMPLATE = pg_catalog.synonym, SYNONYMS = synonym_sample, casesensitive = true);
CREATE TEXT SEARCH DICTIONARY "a.b".simp (TEMPLATE = simple, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION "a.b"."conf" (PARSER = pg_catalog."default");
ALTER TEXT SEARCH CONFIGURATION "a.b"."conf" ADD MAPPING FOR asciiword, word WITH "a.b".simp, simple;

-- Tables with dropped columns, sequences that changed hands and names, a partition tree with mixed owners and column orders.
CREATE TABLE "a.b"."t 1" (id int GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME "a.b"."ident ""seq") PRIMARY KEY, "col ""q" text COLLATE "a.b"."coll C", e "a.b"."enum.e" DEFAULT 'a''b', d "a.b"."dom over comp array", gone int, r "a.b"."range r", mr "a.b"."multi ""m""", gen int GENERATED ALWAYS AS (1 + 1) STORED, "select" int, EXCLUDE USING gist (r WITH &&));
GRANT SELECT (gone), UPDATE (gone) ON "a.b"."t 1" TO "select";
ALTER TABLE "a.b"."t 1" DROP COLUMN gone;
ALTER TABLE "a.b"."ident ""seq" RENAME TO "renamed ident";
CREATE TABLE "a.b"."t 2" (id serial, x int, s2 serial8);
ALTER SEQUENCE "a.b"."t 2_s2_seq" OWNED BY NONE;
CREATE SEQUENCE "a.b".moved AS smallint OWNED BY "a.b"."t 2".x;
ALTER SEQUENCE "a.b".moved OWNED BY "a.b"."t 1"."select";
ALTER TABLE "a.b"."t 2" ALTER x SET DEFAULT nextval('"a.b".moved');
ALTER SEQUENCE "a.b"."t 2_id_seq" RENAME TO "sss.sss";
ALTER SEQUENCE "a.b"."sss.sss" OWNED BY "a.b"."t 1".id;
\if :v15
CREATE UNLOGGED SEQUENCE "a.b".unl;
\endif
CREATE TABLE "a.b".typed OF "a.b"."comp" ("x y" WITH OPTIONS DEFAULT 3);
CREATE TABLE "a.b"." " (a int);
CREATE TABLE "a.b".zerocols ();
CREATE UNLOGGED TABLE "a.b".unlogged (a int) WITH (fillfactor = 50, autovacuum_enabled = false);
CREATE TABLE "a.b".par (id int, k text, v int) PARTITION BY LIST (k);
CREATE TABLE "a.b".par_a PARTITION OF "a.b".par FOR VALUES IN ('a') PARTITION BY HASH (id);
CREATE TABLE "a.b".par_a0 PARTITION OF "a.b".par_a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "a.b".par_a1 (v int, id int, k text, gone int);
ALTER TABLE "a.b".par_a1 DROP COLUMN gone;
ALTER TABLE "a.b".par_a ATTACH PARTITION "a.b".par_a1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE "a.b".par_def PARTITION OF "a.b".par DEFAULT;
CREATE INDEX "i ""par" ON "a.b".par (v) INCLUDE (id);
CREATE TABLE "a.b".inh1 (v int, extra int DEFAULT 5, CONSTRAINT "ck ""x" CHECK (v > 0) NO INHERIT) INHERITS ("a.b".zerocols);
CREATE TABLE "a.b".fk1 (a int REFERENCES "a.b"."t 1" ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, b int, n int NOT NULL);
ALTER TABLE "a.b".fk1 ADD CONSTRAINT nv CHECK (b > 0) NOT VALID;
\if :v15
CREATE UNIQUE INDEX "uidx.2" ON "a.b".fk1 (n) NULLS NOT DISTINCT;
\endif
CREATE UNIQUE INDEX "uidx.1" ON "a.b".fk1 (n);
ALTER TABLE "a.b".fk1 REPLICA IDENTITY USING INDEX "uidx.1";
ALTER TABLE "a.b".fk1 CLUSTER ON "uidx.1";
CREATE INDEX ON "a.b".fk1 (a "a.b"."cl ass" DESC NULLS LAST) WHERE b IS NOT NULL;
CREATE STATISTICS "a.b"."st ""1" (mcv, dependencies) ON a, b FROM "a.b".fk1;
CREATE STATISTICS "a.b"."st expr" ON (a + 1), ("a.b".sfunc(a, b)) FROM "a.b".fk1;
ALTER STATISTICS "a.b"."st ""1" SET STATISTICS 77;
CREATE VIEW "a.b"."v 1" WITH (security_barrier, check_option = local) AS SELECT id, "col ""q" AS "out ""q", e FROM "a.b"."t 1" WHERE id > 0;
\if :v15
CREATE VIEW "a.b".v_inv WITH (security_invoker = true) AS SELECT * FROM "a.b"."v 1";
\endif
CREATE VIEW "a.b".v_rec AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n, "a.b".sfunc(n, n) AS gg FROM r;
CREATE MATERIALIZED VIEW "a.b".mat AS SELECT count(*) AS c FROM "a.b"."v 1" WITH NO DATA;
CREATE UNIQUE INDEX ON "a.b".mat (c);
CREATE RULE "ru ""le" AS ON INSERT TO "a.b"."v 1" DO INSTEAD NOTHING;
CREATE RULE r2 AS ON UPDATE TO "a.b".fk1 DO ALSO NOTIFY "chan ""x";
CREATE TRIGGER "tr ""g" BEFORE INSERT OR UPDATE OF b ON "a.b".fk1 FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION "a.b".trg('ar''g', 'b');
CREATE TRIGGER trans AFTER INSERT ON "a.b".fk1 REFERENCING NEW TABLE AS "new t" FOR EACH STATEMENT EXECUTE FUNCTION "a.b".trg_trans();
CREATE CONSTRAINT TRIGGER ctr AFTER UPDATE ON "a.b".fk1 FROM "a.b"."t 1" DEFERRABLE FOR EACH ROW EXECUTE FUNCTION "a.b".trg();
CREATE TRIGGER ptr AFTER INSERT ON "a.b".par FOR EACH ROW EXECUTE FUNCTION "a.b".trg();
CREATE TRIGGER vtr INSTEAD OF UPDATE ON "a.b"."v 1" FOR EACH ROW EXECUTE FUNCTION "a.b".trg();
ALTER TABLE "a.b".par_def DISABLE TRIGGER ptr;
ALTER TABLE "a.b".fk1 ENABLE REPLICA TRIGGER trans;
ALTER TABLE "a.b".fk1 ENABLE ALWAYS TRIGGER "tr ""g";
ALTER TABLE "a.b".fk1 ENABLE ROW LEVEL SECURITY;
CREATE POLICY "pol ""1" ON "a.b".fk1 AS RESTRICTIVE FOR UPDATE TO "select", "a=r/b", :"app" USING (a = 1) WITH CHECK (b = 2);
RESET ROLE;
ALTER TABLE "a.b".par_a1 OWNER TO "select";
ALTER TABLE "a.b".par_def OWNER TO "q""uo'te$$x$$";

-- Grants: chains, columns, back to where they came from.
SET ROLE :"app";
GRANT SELECT, UPDATE ON "a.b"."t 1" TO "select", "q""uo'te$$x$$" WITH GRANT OPTION;
GRANT SELECT ("col ""q"), INSERT (id, e), REFERENCES (id) ON "a.b"."t 1" TO "public " WITH GRANT OPTION;
GRANT ALL ON "a.b".typed TO "PUBLIC", "Public", PUBLIC;
GRANT SELECT ON "a.b"." " TO "a=r/b" WITH GRANT OPTION;
REVOKE ALL ON "a.b".zerocols FROM :"app";
REVOKE INSERT, DELETE ON "a.b"."t 2" FROM :"app";
GRANT USAGE ON SEQUENCE "a.b".moved, "a.b"."renamed ident", "a.b"."sss.sss" TO "select" WITH GRANT OPTION;
GRANT SELECT ON SEQUENCE "a.b"."t 2_s2_seq" TO PUBLIC;
GRANT SELECT ON "a.b"."v 1", "a.b".mat TO PUBLIC;
GRANT TRIGGER, REFERENCES, TRUNCATE ON "a.b".par TO "new
line" WITH GRANT OPTION;
\if :v17
GRANT MAINTAIN ON "a.b"."t 1", "a.b".mat TO "select" WITH GRANT OPTION;
\endif
SET ROLE "select";
GRANT SELECT ON "a.b"."t 1" TO "q""uo'te$$x$$";
GRANT UPDATE ON "a.b"."t 1" TO "a=r/b" WITH GRANT OPTION;
GRANT UPDATE ("col ""q") ON "a.b"."t 1" TO "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";
GRANT USAGE ON SEQUENCE "a.b".moved TO PUBLIC;
GRANT EXECUTE ON FUNCTION "a.b".g(text) TO PUBLIC, "CURRENT_USER";
\if :v17
GRANT MAINTAIN ON "a.b"."t 1" TO "public ";
\endif
SET ROLE "a=r/b";
GRANT UPDATE ON "a.b"."t 1" TO "public " WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION "a.b".g(text) TO :"app";
GRANT SELECT ON "a.b"." " TO PUBLIC;
SET ROLE "public ";
GRANT UPDATE ON "a.b"."t 1" TO :"app";
GRANT INSERT (id) ON "a.b"."t 1" TO :"app" WITH GRANT OPTION;
GRANT SELECT ("col ""q") ON "a.b"."t 1" TO PUBLIC;
SET ROLE "q""uo'te$$x$$";
GRANT SELECT ON "a.b"."t 1" TO "a=r/b";
GRANT SELECT ON "a.b".par_def TO :"app" WITH GRANT OPTION;
SET ROLE "select";
GRANT INSERT ON "a.b".par_a1 TO :"app";
RESET ROLE;

-- Default privileges: for everything and per schema, given and taken, of another role.
SET ROLE :"app";
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "select" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT INSERT ON TABLES TO "select" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM :"app";
ALTER DEFAULT PRIVILEGES IN SCHEMA "a.b" GRANT USAGE, UPDATE ON SEQUENCES TO "a=r/b";
ALTER DEFAULT PRIVILEGES IN SCHEMA "a.b" GRANT EXECUTE ON ROUTINES TO "PUBLIC";
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO "Public" WITH GRANT OPTION;
\if :v18
ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO PUBLIC;
\endif
SET ROLE "select";
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO :"app" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES IN SCHEMA "a.b" GRANT ALL ON TABLES TO PUBLIC;
RESET ROLE;

-- Large objects, foreign data, publications, languages, event triggers.
SET ROLE :"app";
SELECT lo_create(777001); SELECT lo_create(777002); SELECT lo_create(777003);
GRANT SELECT ON LARGE OBJECT 777001 TO "select" WITH GRANT OPTION;
GRANT SELECT, UPDATE ON LARGE OBJECT 777002 TO PUBLIC;
REVOKE ALL ON LARGE OBJECT 777003 FROM :"app";
SET ROLE "select"; GRANT SELECT ON LARGE OBJECT 777001 TO "a=r/b"; GRANT SELECT ON LARGE OBJECT 777001 TO :"app"; RESET ROLE;
COMMENT ON LARGE OBJECT 777001 IS 'lo';
CREATE FOREIGN DATA WRAPPER "fdw ""x" OPTIONS ("o p" 'v''');
GRANT USAGE ON FOREIGN DATA WRAPPER "fdw ""x" TO :"app" WITH GRANT OPTION;
SET ROLE :"app";
CREATE SERVER "srv.1" FOREIGN DATA WRAPPER "fdw ""x" OPTIONS (host 'x');
GRANT USAGE ON FOREIGN SERVER "srv.1" TO "select" WITH GRANT OPTION;
GRANT USAGE ON FOREIGN DATA WRAPPER "fdw ""x" TO "select";
CREATE USER MAPPING FOR "select" SERVER "srv.1" OPTIONS (user 'u');
CREATE FOREIGN TABLE "a.b"."for eign" (a int OPTIONS (x 'y') NOT NULL, b text DEFAULT 'x') SERVER "srv.1" OPTIONS (t 'tt');
RESET ROLE;
CREATE FOREIGN TABLE "a.b".par_f PARTITION OF "a.b".par FOR VALUES IN ('f') SERVER "srv.1";
ALTER TABLE "a.b".par_f OWNER TO :"app";
SET ROLE :"app";
GRANT SELECT ("b") ON "a.b"."for eign" TO "select";
SET ROLE "select"; GRANT USAGE ON FOREIGN SERVER "srv.1" TO "a=r/b"; RESET ROLE;
SET ROLE :"app";
\if :v15
CREATE PUBLICATION "pub ""x" FOR TABLE "a.b"."t 1" (id, e) WHERE (id > 3), TABLE "a.b".fk1 WITH (publish = 'insert, delete', publish_via_partition_root = true);
\else
CREATE PUBLICATION "pub ""x" FOR TABLE "a.b"."t 1" WITH (publish = 'insert');
\endif
RESET ROLE;
CREATE PUBLICATION puball FOR ALL TABLES;
ALTER PUBLICATION puball OWNER TO :"app";
\if :v15
CREATE PUBLICATION pubsch FOR TABLES IN SCHEMA "a.b", "select";
ALTER PUBLICATION pubsch OWNER TO :"app";
\endif
CREATE FUNCTION "a.b".lh() RETURNS language_handler AS '$libdir/plpgsql', 'plpgsql_call_handler' LANGUAGE c;
CREATE LANGUAGE "lang uage" HANDLER "a.b".lh;
CREATE TRUSTED LANGUAGE "trusted lang" HANDLER "a.b".lh;
ALTER LANGUAGE "trusted lang" OWNER TO :"app";
GRANT USAGE ON LANGUAGE "trusted lang" TO "select" WITH GRANT OPTION;
SET ROLE "select"; GRANT USAGE ON LANGUAGE "trusted lang" TO "a=r/b"; RESET ROLE;
CREATE FUNCTION "a.b".evt() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER "evt ""1" ON ddl_command_end WHEN TAG IN ('CREATE CAST', 'DROP CAST') EXECUTE FUNCTION "a.b".evt();
CREATE EVENT TRIGGER evt2 ON sql_drop EXECUTE FUNCTION "a.b".evt();
ALTER EVENT TRIGGER evt2 ENABLE ALWAYS;
CREATE ACCESS METHOD "heap 2" TYPE TABLE HANDLER heap_tableam_handler;

COMMENT ON DATABASE :"db" IS 'd''b';
COMMENT ON FUNCTION "a.b".g(text) IS E'multi\nline $$ -- x';
COMMENT ON COLUMN "a.b"."t 1"."col ""q" IS 'c';
COMMENT ON CONSTRAINT "ck ""x" ON "a.b".inh1 IS 'c';
COMMENT ON SCHEMA "a.b" IS 's';
COMMENT ON TRIGGER "tr ""g" ON "a.b".fk1 IS 't';
-- Another's table in the application's schema.
CREATE TABLE "a.b"."postgres's" (a int);
GRANT SELECT ON "a.b"."postgres's" TO :"app" WITH GRANT OPTION;
SET ROLE :"app"; GRANT SELECT ON "a.b"."postgres's" TO "select"; RESET ROLE;

-- Names that are syntax.
SET ROLE :"app";
CREATE TABLE "Qt001_cp"."event" (a int);
CREATE TABLE "pgabc"."pg_class" (a int);
CREATE TABLE "select"."table" ("where" int, "from" text DEFAULT 'x');
CREATE FUNCTION "pg%"."%s %I %L"(int) RETURNS text LANGUAGE sql AS $$ SELECT '%s %I %%' $$;
CREATE VIEW "pg%"."%(x)s :name" AS SELECT 1 AS ":a %b";
CREATE TABLE U&"bi\202Edi\2066 \200B".U&"t\FEFF\00AD" (U&"c\2028" int);
CREATE FUNCTION U&"bi\202Edi\2066 \200B".U&"f\202E"(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE "tab	and
newline"."t	t
" ("c	
" serial);
CREATE TABLE "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"."ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt" ("ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc" int PRIMARY KEY);
CREATE TABLE "select"."back\slash" ("\" int, "a\'b" int);
CREATE TABLE "select"."emoji 😀" (a int);
CREATE TABLE "select"."$qt001_$" (a int);
CREATE TABLE "select"."-- comment" (a int);
CREATE TABLE "select"."/* c" (a int);
CREATE TABLE "select"."semi;colon" (a int);
CREATE TABLE "select"."*" (a int);
CREATE TABLE "select"."?[x]" (a int);
GRANT SELECT ON "select"."*", "select"."?[x]" TO PUBLIC;
RESET ROLE;
