-- The operator's bootstrap. Run once a database, with psql, by a superuser, or by an administrator who has CREATEROLE, and
-- CREATE on the database (the admin role of a managed service):
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -f scripts/bootstrap.sql
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -v rehearsal=yes -f scripts/bootstrap.sql     (a disposable database only)
--
-- A superuser of PostgreSQL 17 or later: PGOPTIONS='-c event_triggers=off' before psql. A login event trigger of the application
-- would run, with your rights, before the first line of this file. Anybody else: qt001-cp inventory first, which looks from
-- another database whether there is one. This file can only tell afterwards.
--
-- It creates the roles of the control plane, schema qt001_cp, and the mark that says whether this database is a
-- rehearsal. It may be run again: what is there stays. scripts/teardown.sql takes it back. No extension is needed.
-- Logins are made by the administrator: one login a person, one duty a login, for example
--   CREATE ROLE alice LOGIN; GRANT qt001_cp_operator TO alice;

\set ON_ERROR_STOP on
\if :{?rehearsal}
\else
\set rehearsal no
\endif
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SELECT current_setting('server_version_num')::int >= 160000 AS with_options
\gset
-- No role that is made here makes its creator a member (PostgreSQL 16 and later).
SELECT 'SET LOCAL createrole_self_grant = ''''' WHERE :'with_options'
\gexec

DO $version$
BEGIN
    IF current_setting('server_version_num')::int NOT BETWEEN 140000 AND 189999 THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = 'bootstrap refused: expected PostgreSQL 14 to 18, found ' || current_setting('server_version'),
            HINT = 'Use a supported server.';
    END IF;
    IF current_setting('transaction_read_only') = 'on' THEN
        RAISE EXCEPTION USING ERRCODE = '25006',
            MESSAGE = format('bootstrap refused: expected database %I to be writable, found it read-only', current_database()),
            HINT = CASE WHEN pg_is_in_recovery() THEN 'This server is a standby: connect to the primary.'
                        ELSE format('ALTER DATABASE %I RESET default_transaction_read_only; or ALTER ROLE %I RESET ..., where the login has it; then connect again.',
                                    current_database(), session_user) END;
    END IF;
END
$version$;

-- What is there stays, but for what somebody else could have laid before: a role that can log in, a schema of another
-- owner, privileges that would come with each table that is made here.
DO $planted$
DECLARE
    planted record;
BEGIN
    FOR planted IN
        SELECT format('role %I with %s', r.rolname, concat_ws(', ', CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
                      CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END)) AS what,
               format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS; -- and see who is a member of it', r.rolname) AS mend
        FROM pg_roles r
        WHERE r.rolname IN ('qt001_cp_owner', 'qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier', 'qt001_cp_auditor')
          AND (r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
        UNION ALL
        SELECT format('schema %I of %s', n.nspname, pg_get_userbyid(n.nspowner)), format('DROP SCHEMA %I CASCADE; -- after a look at what is in it', n.nspname)
        FROM pg_namespace n WHERE n.nspname = 'qt001_cp' AND pg_get_userbyid(n.nspowner) <> 'qt001_cp_owner'
        UNION ALL
        -- Its function would run in each statement from here on, with the rights of whoever runs this.
        SELECT format('event trigger %I with a function of %s, who is no superuser', t.evtname, r.rolname), format('DROP EVENT TRIGGER %I; -- or give its function to a superuser', t.evtname)
               || CASE WHEN t.evtevent = 'login' AND current_setting('event_triggers', true) = 'on'
                       THEN ' It may have run as ' || session_user || ' when this session began: look for what it did, in pg_roles first.' ELSE '' END
        FROM pg_event_trigger t JOIN pg_proc f ON f.oid = t.evtfoid JOIN pg_roles r ON r.oid = f.proowner WHERE t.evtenabled <> 'D' AND NOT r.rolsuper
        UNION ALL
        SELECT format('default privileges of %s', pg_get_userbyid(d.defaclrole)), 'ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_owner REVOKE ... ; -- see pg_default_acl'
        FROM pg_default_acl d WHERE pg_get_userbyid(d.defaclrole) = 'qt001_cp_owner'
    LOOP
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'bootstrap refused: expected nothing of the control plane that it has not made itself, found ' || planted.what, HINT = planted.mend;
    END LOOP;
END
$planted$;

SELECT format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', r.name)
FROM (VALUES ('qt001_cp_owner'), ('qt001_cp_author'), ('qt001_cp_operator'), ('qt001_cp_verifier'), ('qt001_cp_auditor')) r(name)
WHERE NOT EXISTS (SELECT 1 FROM pg_roles p WHERE p.rolname = r.name)
\gexec
-- Who is no superuser becomes a member of the owner role for this transaction only: a schema is made for a role that one may
-- take on. PostgreSQL 16 and later ask for the SET option.
SELECT CASE WHEN pg_has_role(current_user, 'qt001_cp_owner', CASE WHEN :'with_options' THEN 'SET' ELSE 'MEMBER' END) THEN 'no' ELSE 'yes' END AS borrow
\gset
SELECT 'GRANT qt001_cp_owner TO CURRENT_USER' || CASE WHEN :'with_options' THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END WHERE :'borrow'
\gexec

SELECT 'CREATE SCHEMA qt001_cp AUTHORIZATION qt001_cp_owner'
WHERE NOT EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname = 'qt001_cp')
\gexec
SET LOCAL ROLE qt001_cp_owner;
REVOKE ALL ON SCHEMA qt001_cp FROM PUBLIC;
GRANT USAGE ON SCHEMA qt001_cp TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
-- Nobody but the owner may create here: a routine of somebody else in this schema could be taken for one of ours.
REVOKE CREATE ON SCHEMA qt001_cp FROM qt001_cp_operator;

CREATE TABLE IF NOT EXISTS qt001_cp.bootstrap (
    database name PRIMARY KEY,
    rehearsal boolean NOT NULL,
    test_authority boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL,
    actor name NOT NULL
);
REVOKE ALL ON qt001_cp.bootstrap FROM PUBLIC;
GRANT SELECT ON qt001_cp.bootstrap TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
COMMENT ON TABLE qt001_cp.bootstrap IS 'Written by the operator''s bootstrap only: whether this database is a disposable rehearsal.';

-- Who is behind a login. Independence is a matter of persons: nobody signs what the same person made, with whatever
-- login. The administrator keeps it: INSERT INTO qt001_cp.person (login, person) VALUES ('alice', 'Alice Adams');
-- Without superuser: docs/operator.md, "Without superuser".
CREATE TABLE IF NOT EXISTS qt001_cp.person (
    login name PRIMARY KEY,
    person text NOT NULL CHECK (person <> '')
);
REVOKE ALL ON qt001_cp.person FROM PUBLIC;
GRANT SELECT ON qt001_cp.person TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;

SELECT :'rehearsal' = 'yes' AS mark
\gset
INSERT INTO qt001_cp.bootstrap (database, rehearsal, test_authority, at, actor)
VALUES (current_database(), :'mark', :'mark', clock_timestamp(), session_user)
ON CONFLICT (database) DO NOTHING;
-- A mark is only ever added when told to, never taken away by running this again.
UPDATE qt001_cp.bootstrap SET rehearsal = true, test_authority = true WHERE database = current_database() AND :'mark' AND NOT rehearsal;
RESET ROLE;
SELECT 'REVOKE qt001_cp_owner FROM CURRENT_USER' WHERE :'borrow'
\gexec
COMMIT;
