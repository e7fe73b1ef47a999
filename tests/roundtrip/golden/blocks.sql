-- privileges, before the owners: statements 1 to 36 of 93: 2 aggregate, 2 database, 2 default acl, 3 foreign table, 2 function, 2 language, 2 large object, 3 materialized view, 2 procedure, 2 schema, 2 sequence, 2 server, 3 table, 2 tablespace, 2 type, 3 view
DO $qt001_89b53de9616d0256$
BEGIN
PERFORM qt001_cp.require_statements('89b53de9616d02561a8b086f1c246ab2ce54459e399dda67795ad8fae541c907', 'forward', pg_catalog.current_query(), 1, 36);
EXECUTE $run_89b53de9616d0256$
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE CREATE ON TABLESPACE "dot.ted" FROM "PUBLIC"; RESET ROLE;
REVOKE CREATE ON TABLESPACE "dot.ted" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE U&"\202Eright to left".U&"new\000Aline" FROM "PUBLIC"; RESET ROLE;
REVOKE INSERT, SELECT ON TABLE U&"\202Eright to left".U&"new\000Aline" FROM PUBLIC;
REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE U&"\202Eright to left".U&"new\000Aline" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE "--comment"."$qt001$" FROM "PUBLIC"; RESET ROLE;
REVOKE INSERT, SELECT ON TABLE "--comment"."$qt001$" FROM PUBLIC;
REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE "--comment"."$qt001$" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE "public".U&"tab\0009here" FROM "PUBLIC"; RESET ROLE;
REVOKE INSERT, SELECT ON TABLE "public".U&"tab\0009here" FROM PUBLIC;
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE "public".U&"tab\0009here" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE "SELECT"."back\slash" FROM "PUBLIC"; RESET ROLE;
REVOKE INSERT, SELECT ON TABLE "SELECT"."back\slash" FROM PUBLIC;
REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE "SELECT"."back\slash" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE SELECT ON SEQUENCE "quo""ted"."it's" FROM "PUBLIC"; RESET ROLE;
REVOKE SELECT, UPDATE ON SEQUENCE "quo""ted"."it's" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE EXECUTE ON FUNCTION "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM "PUBLIC"; RESET ROLE;
REVOKE EXECUTE ON FUNCTION "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE EXECUTE ON PROCEDURE "Größe 日本"."--comment"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) FROM "PUBLIC"; RESET ROLE;
REVOKE EXECUTE ON PROCEDURE "Größe 日本"."--comment"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) FROM PUBLIC;
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE EXECUTE ON ROUTINE U&"new\000Aline"."public"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) FROM "PUBLIC"; RESET ROLE;
REVOKE EXECUTE ON ROUTINE U&"new\000Aline"."public"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE USAGE ON TYPE "$qt001$"."SELECT" FROM "PUBLIC"; RESET ROLE;
REVOKE USAGE ON TYPE "$qt001$"."SELECT" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; ALTER DEFAULT PRIVILEGES FOR ROLE "quo""ted" IN SCHEMA U&"tab\0009here" REVOKE SELECT ON TABLES FROM "PUBLIC"; RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE "quo""ted" IN SCHEMA U&"tab\0009here" REVOKE SELECT ON TABLES FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE USAGE ON LANGUAGE "--comment" FROM "PUBLIC"; RESET ROLE;
REVOKE USAGE ON LANGUAGE "--comment" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE SELECT ON LARGE OBJECT 4294967295 FROM "PUBLIC"; RESET ROLE;
REVOKE SELECT, UPDATE ON LARGE OBJECT 4294967295 FROM PUBLIC;
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE USAGE ON FOREIGN SERVER "SELECT" FROM "PUBLIC"; RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER "SELECT" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE CREATE ON DATABASE "quo""ted" FROM "PUBLIC"; RESET ROLE;
REVOKE CREATE, TEMPORARY ON DATABASE "quo""ted" FROM PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE USAGE ON SCHEMA "Größe 日本" FROM "PUBLIC"; RESET ROLE;
REVOKE USAGE, CREATE ON SCHEMA "Größe 日本" FROM PUBLIC;
$run_89b53de9616d0256$;
END
$qt001_89b53de9616d0256$;

-- owners: statements 37 to 56 of 93: 1 aggregate, 1 collation, 1 conversion, 1 database, 1 function, 1 language, 1 large object, 1 operator, 1 operator class, 1 operator family, 1 procedure, 1 publication, 1 schema, 1 server, 1 statistics object, 1 subscription, 1 tablespace, 1 text search configuration, 1 text search dictionary, 1 type
DO $qt001_89b53de9616d0256$
BEGIN
PERFORM qt001_cp.require_statements('89b53de9616d02561a8b086f1c246ab2ce54459e399dda67795ad8fae541c907', 'forward', pg_catalog.current_query(), 37, 56);
EXECUTE $run_89b53de9616d0256$
ALTER DATABASE "quo""ted" OWNER TO "qt001_cp_owner";
ALTER SCHEMA "Größe 日本" OWNER TO "qt001_cp_owner";
ALTER TABLESPACE "dot.ted" OWNER TO "qt001_cp_owner";
ALTER FUNCTION "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";
ALTER PROCEDURE "Größe 日本"."--comment"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";
ALTER ROUTINE U&"new\000Aline"."public"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";
ALTER TYPE "$qt001$"."SELECT" OWNER TO "qt001_cp_owner";
ALTER COLLATION "back\slash"."dot.ted" OWNER TO "qt001_cp_owner";
ALTER CONVERSION "it's"."Größe 日本" OWNER TO "qt001_cp_owner";
ALTER OPERATOR U&"\202Eright to left".<?>`| (NONE, "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
ALTER OPERATOR CLASS "--comment"."$qt001$" USING "me""thod" OWNER TO "qt001_cp_owner";
ALTER OPERATOR FAMILY "public".U&"tab\0009here" USING "me""thod" OWNER TO "qt001_cp_owner";
ALTER TEXT SEARCH CONFIGURATION "SELECT"."back\slash" OWNER TO "qt001_cp_owner";
ALTER TEXT SEARCH DICTIONARY "quo""ted"."it's" OWNER TO "qt001_cp_owner";
ALTER STATISTICS "dot.ted".U&"\202Eright to left" OWNER TO "qt001_cp_owner";
ALTER LANGUAGE "--comment" OWNER TO "qt001_cp_owner";
ALTER LARGE OBJECT 4294967295 OWNER TO "qt001_cp_owner";
ALTER SERVER "SELECT" OWNER TO "qt001_cp_owner";
ALTER PUBLICATION "quo""ted" OWNER TO "qt001_cp_owner";
ALTER SUBSCRIPTION "dot.ted" OWNER TO "qt001_cp_owner";
$run_89b53de9616d0256$;
END
$qt001_89b53de9616d0256$;

-- locks: every relation that moves, all or none; from here to the end writers of these wait
DO $call_29a9740fd98e03aa$ BEGIN PERFORM qt001_cp."lock_relations"('89b53de9616d02561a8b086f1c246ab2ce54459e399dda67795ad8fae541c907'); END $call_29a9740fd98e03aa$;

-- owners of relations and composite types: statements 57 to 61 of 93: 1 foreign table, 1 materialized view, 1 sequence, 1 table, 1 view
DO $qt001_89b53de9616d0256$
BEGIN
PERFORM qt001_cp.require_statements('89b53de9616d02561a8b086f1c246ab2ce54459e399dda67795ad8fae541c907', 'forward', pg_catalog.current_query(), 57, 61);
EXECUTE $run_89b53de9616d0256$
ALTER TABLE U&"\202Eright to left".U&"new\000Aline" OWNER TO "qt001_cp_owner";
ALTER VIEW "--comment"."$qt001$" OWNER TO "qt001_cp_owner";
ALTER MATERIALIZED VIEW "public".U&"tab\0009here" OWNER TO "qt001_cp_owner";
ALTER FOREIGN TABLE "SELECT"."back\slash" OWNER TO "qt001_cp_owner";
ALTER SEQUENCE "quo""ted"."it's" OWNER TO "qt001_cp_owner";
$run_89b53de9616d0256$;
END
$qt001_89b53de9616d0256$;

-- privileges, after the owners: statements 62 to 93 of 93: 2 aggregate, 2 database, 2 default acl, 2 foreign table, 2 function, 2 language, 2 large object, 2 materialized view, 2 procedure, 2 schema, 2 sequence, 2 server, 2 table, 2 tablespace, 2 type, 2 view
DO $qt001_89b53de9616d0256$
BEGIN
PERFORM qt001_cp.require_statements('89b53de9616d02561a8b086f1c246ab2ce54459e399dda67795ad8fae541c907', 'forward', pg_catalog.current_query(), 62, 93);
EXECUTE $run_89b53de9616d0256$
GRANT CREATE, TEMPORARY ON DATABASE "quo""ted" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT CREATE ON DATABASE "quo""ted" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT CREATE ON TABLESPACE "dot.ted" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT CREATE ON TABLESPACE "dot.ted" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT USAGE, CREATE ON SCHEMA "Größe 日本" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT USAGE ON SCHEMA "Größe 日本" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT INSERT, SELECT ON TABLE U&"\202Eright to left".U&"new\000Aline" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE U&"\202Eright to left".U&"new\000Aline" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT INSERT, SELECT ON TABLE "--comment"."$qt001$" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE "--comment"."$qt001$" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
GRANT INSERT, SELECT ON TABLE "public".U&"tab\0009here" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE "public".U&"tab\0009here" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT INSERT, SELECT ON TABLE "SELECT"."back\slash" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE "SELECT"."back\slash" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT SELECT, UPDATE ON SEQUENCE "quo""ted"."it's" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT SELECT ON SEQUENCE "quo""ted"."it's" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT EXECUTE ON FUNCTION "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT EXECUTE ON FUNCTION "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT EXECUTE ON PROCEDURE "Größe 日本"."--comment"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT EXECUTE ON PROCEDURE "Größe 日本"."--comment"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
GRANT EXECUTE ON ROUTINE U&"new\000Aline"."public"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT EXECUTE ON ROUTINE U&"new\000Aline"."public"(IN "pg_catalog"."int4", IN "ty""pes".U&"new\000Aline"[]) TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT USAGE ON TYPE "$qt001$"."SELECT" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT USAGE ON TYPE "$qt001$"."SELECT" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE "quo""ted" IN SCHEMA U&"tab\0009here" GRANT SELECT ON TABLES TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; ALTER DEFAULT PRIVILEGES FOR ROLE "quo""ted" IN SCHEMA U&"tab\0009here" GRANT SELECT ON TABLES TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT USAGE ON LANGUAGE "--comment" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT USAGE ON LANGUAGE "--comment" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
GRANT SELECT, UPDATE ON LARGE OBJECT 4294967295 TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT SELECT ON LARGE OBJECT 4294967295 TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
$run_89b53de9616d0256$;
EXECUTE $run_89b53de9616d0256$
GRANT USAGE ON FOREIGN SERVER "SELECT" TO PUBLIC;
SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT USAGE ON FOREIGN SERVER "SELECT" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;
$run_89b53de9616d0256$;
END
$qt001_89b53de9616d0256$;

DO $call_c052f070f35da2dd$ BEGIN PERFORM qt001_cp.require_last_statement('89b53de9616d02561a8b086f1c246ab2ce54459e399dda67795ad8fae541c907', 'forward', 93); END $call_c052f070f35da2dd$;

