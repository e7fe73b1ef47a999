SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE CREATE ON DATABASE "quo""ted" FROM "PUBLIC"; RESET ROLE;

REVOKE CREATE, TEMPORARY ON DATABASE "quo""ted" FROM PUBLIC;

ALTER DATABASE "quo""ted" OWNER TO "qt001_cp_owner";

GRANT CREATE, TEMPORARY ON DATABASE "quo""ted" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT CREATE ON DATABASE "quo""ted" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE USAGE ON SCHEMA "dot.ted" FROM "PUBLIC"; RESET ROLE;

REVOKE USAGE, CREATE ON SCHEMA "dot.ted" FROM PUBLIC;

ALTER SCHEMA "dot.ted" OWNER TO "qt001_cp_owner";

GRANT USAGE, CREATE ON SCHEMA "dot.ted" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT USAGE ON SCHEMA "dot.ted" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE "it's"."Größe 日本" FROM "PUBLIC"; RESET ROLE;

REVOKE INSERT, SELECT ON TABLE "it's"."Größe 日本" FROM PUBLIC;

REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE "it's"."Größe 日本" FROM PUBLIC;

ALTER TABLE "it's"."Größe 日本" OWNER TO "qt001_cp_owner";

GRANT INSERT, SELECT ON TABLE "it's"."Größe 日本" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE "it's"."Größe 日本" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE U&"\202Eright to left".U&"new\000Aline" FROM "PUBLIC"; RESET ROLE;

REVOKE INSERT, SELECT ON TABLE U&"\202Eright to left".U&"new\000Aline" FROM PUBLIC;

REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE U&"\202Eright to left".U&"new\000Aline" FROM PUBLIC;

ALTER VIEW U&"\202Eright to left".U&"new\000Aline" OWNER TO "qt001_cp_owner";

GRANT INSERT, SELECT ON TABLE U&"\202Eright to left".U&"new\000Aline" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE U&"\202Eright to left".U&"new\000Aline" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE "--comment"."$qt001$" FROM "PUBLIC"; RESET ROLE;

REVOKE INSERT, SELECT ON TABLE "--comment"."$qt001$" FROM PUBLIC;

REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE "--comment"."$qt001$" FROM PUBLIC;

ALTER MATERIALIZED VIEW "--comment"."$qt001$" OWNER TO "qt001_cp_owner";

GRANT INSERT, SELECT ON TABLE "--comment"."$qt001$" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE "--comment"."$qt001$" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE INSERT ON TABLE "public".U&"tab\0009here" FROM "PUBLIC"; RESET ROLE;

REVOKE INSERT, SELECT ON TABLE "public".U&"tab\0009here" FROM PUBLIC;

REVOKE SELECT (U&"col""umn\2028"), UPDATE (U&"col""umn\2028") ON TABLE "public".U&"tab\0009here" FROM PUBLIC;

ALTER FOREIGN TABLE "public".U&"tab\0009here" OWNER TO "qt001_cp_owner";

GRANT INSERT, SELECT ON TABLE "public".U&"tab\0009here" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT INSERT ON TABLE "public".U&"tab\0009here" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE SELECT ON SEQUENCE "SELECT"."back\slash" FROM "PUBLIC"; RESET ROLE;

REVOKE SELECT, UPDATE ON SEQUENCE "SELECT"."back\slash" FROM PUBLIC;

ALTER SEQUENCE "SELECT"."back\slash" OWNER TO "qt001_cp_owner";

GRANT SELECT, UPDATE ON SEQUENCE "SELECT"."back\slash" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT SELECT ON SEQUENCE "SELECT"."back\slash" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE EXECUTE ON FUNCTION "quo""ted"."it's"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM "PUBLIC"; RESET ROLE;

REVOKE EXECUTE ON FUNCTION "quo""ted"."it's"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM PUBLIC;

ALTER FUNCTION "quo""ted"."it's"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";

GRANT EXECUTE ON FUNCTION "quo""ted"."it's"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT EXECUTE ON FUNCTION "quo""ted"."it's"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE EXECUTE ON PROCEDURE "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM "PUBLIC"; RESET ROLE;

REVOKE EXECUTE ON PROCEDURE "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM PUBLIC;

ALTER PROCEDURE "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";

GRANT EXECUTE ON PROCEDURE "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT EXECUTE ON PROCEDURE "dot.ted".U&"\202Eright to left"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE EXECUTE ON ROUTINE "Größe 日本"."--comment"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM "PUBLIC"; RESET ROLE;

REVOKE EXECUTE ON ROUTINE "Größe 日本"."--comment"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) FROM PUBLIC;

ALTER ROUTINE "Größe 日本"."--comment"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) OWNER TO "qt001_cp_owner";

GRANT EXECUTE ON ROUTINE "Größe 日本"."--comment"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT EXECUTE ON ROUTINE "Größe 日本"."--comment"("pg_catalog"."int4", "ty""pes".U&"new\000Aline"[]) TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; REVOKE USAGE ON TYPE U&"new\000Aline"."public" FROM "PUBLIC"; RESET ROLE;

REVOKE USAGE ON TYPE U&"new\000Aline"."public" FROM PUBLIC;

ALTER TYPE U&"new\000Aline"."public" OWNER TO "qt001_cp_owner";

GRANT USAGE ON TYPE U&"new\000Aline"."public" TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; GRANT USAGE ON TYPE U&"new\000Aline"."public" TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; ALTER DEFAULT PRIVILEGES FOR ROLE "SELECT" IN SCHEMA "$qt001$" REVOKE SELECT ON TABLES FROM "PUBLIC"; RESET ROLE;

ALTER DEFAULT PRIVILEGES FOR ROLE "SELECT" IN SCHEMA "$qt001$" REVOKE SELECT ON TABLES FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE "SELECT" IN SCHEMA "$qt001$" GRANT SELECT ON TABLES TO PUBLIC;

SET LOCAL ROLE U&"grantor.of;\000ADROP TABLE x; --"; ALTER DEFAULT PRIVILEGES FOR ROLE "SELECT" IN SCHEMA "$qt001$" GRANT SELECT ON TABLES TO "PUBLIC" WITH GRANT OPTION; RESET ROLE;

