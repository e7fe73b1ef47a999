-- The operator's bootstrap. Run once a database, with psql, by a superuser, or by an administrator
-- who has CREATEROLE, and CREATE on the database (the admin role of a managed service):
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -f scripts/bootstrap.sql
--
-- and for a disposable database only:
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -v rehearsal=yes -f scripts/bootstrap.sql
--
-- Where the policy names owner and ledger role ([roles] owner, ledger), with the same two:
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -v owner=shop_cp_owner -v ledger=shop_cp_ledger
--       -f scripts/bootstrap.sql
--
-- A superuser of PostgreSQL 17 or later: PGOPTIONS='-c event_triggers=off' before psql. A login
-- event trigger of the application would run, with your rights, before the first line of this file.
-- Anybody else: qt001-cp inventory first, which looks from another database whether there is one.
-- This file can only tell afterwards.
--
-- It creates the roles of the control plane, schema qt001_cp, and the mark that says whether this
-- database is a rehearsal. It may be run again: what is there stays. scripts/teardown.sql takes it
-- back. No extension is needed.
-- Logins are made by the administrator: one login a person, one duty a login in a database. The
-- role gives EXECUTE, the row is the duty, for example
--   CREATE ROLE alice LOGIN; GRANT qt001_cp_operator TO alice;
--   INSERT INTO qt001_cp.person (login, person, duty) VALUES ('alice', 'alice.adams', 'operator');
-- and, where the application may go on creating objects in a schema that is on her search_path,
--   ALTER ROLE alice IN DATABASE shop SET search_path = '';

\set ON_ERROR_STOP on
\if :{?rehearsal}
\else
\set rehearsal no
\endif
-- The pair of this database: who owns what is transferred, and who owns what decides.
\if :{?owner}
\else
\set owner qt001_cp_owner
\endif
\if :{?ledger}
\else
\set ledger qt001_cp_ledger
\endif
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
-- For the blocks below: psql puts no variable into a text between dollars.
SELECT set_config('qt001_cp.owner', :'owner', true) AS owner,
       set_config('qt001_cp.ledger', :'ledger', true) AS ledger
\gset
SELECT current_setting('server_version_num')::int >= 160000 AS with_options
\gset
-- No role that is made here makes its creator a member (PostgreSQL 16 and later).
SELECT 'SET LOCAL createrole_self_grant = ''''' WHERE :'with_options'
\gexec

DO $version$
BEGIN
    IF current_setting('server_version_num')::int NOT BETWEEN 140000 AND 189999 THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = 'bootstrap refused: expected PostgreSQL 14 to 18, found '
                || current_setting('server_version'),
            HINT = 'Use a supported server.';
    END IF;
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = format('bootstrap refused: expected database %I in UTF8, found it in %s',
                             current_database(), getdatabaseencoding()),
            HINT = 'Documents are UTF-8, and names of other encodings are not: dump the database, '
                   'and restore it into one that was created with ENCODING ''UTF8''.';
    END IF;
    IF current_setting('transaction_read_only') = 'on' THEN
        RAISE EXCEPTION USING ERRCODE = '25006',
            MESSAGE = format('bootstrap refused: expected database %I to be writable, found it '
                             'read-only', current_database()),
            HINT = CASE WHEN pg_is_in_recovery()
                        THEN 'This server is a standby: connect to the primary.'
                        ELSE format('ALTER DATABASE %I RESET default_transaction_read_only; or '
                                    'ALTER ROLE %I RESET ..., where the login has it; then connect '
                                    'again.', current_database(), session_user) END;
    END IF;
END
$version$;

-- A pair: two roles of its own, by names that need no quotes, in no other pair. What a database has
-- been given it keeps.
DO $pair$
DECLARE
    wrong record;
    half CONSTANT text[] := ARRAY[current_setting('qt001_cp.owner'),
                                  current_setting('qt001_cp.ledger')];
BEGIN
    SELECT bad.* INTO wrong FROM (
        SELECT format('a role of its own, whose name needs no quotes, as %s', what) AS expected,
               format('%L', name) AS found, format('Name another one: -v %s=shop_cp_%1$s', what)
                   AS mend
        FROM unnest(half, ARRAY['owner', 'ledger']) named(name, what)
        WHERE name !~ '^[a-z][a-z0-9_]{0,62}$' OR starts_with(name, 'pg_')
           OR name IN (SELECT word FROM pg_get_keywords() WHERE catcode <> 'U')
           OR name IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier',
                       'qt001_cp_auditor')
           OR name = 'qt001_cp_' || CASE what WHEN 'owner' THEN 'ledger' ELSE 'owner' END
           OR half[1] = half[2]
        UNION ALL
        SELECT format('owner and ledger role %s, %s, for which it was run in database %I', owner,
                      ledger, current_database()),
               array_to_string(half, ', '),
               format('Run it with these: -v owner=%s -v ledger=%s', owner, ledger)
        FROM (SELECT owner.rolname AS owner, ledger.rolname AS ledger
              FROM pg_namespace space JOIN pg_roles ledger ON ledger.oid = space.nspowner
              JOIN pg_auth_members half ON half.member = ledger.oid
              JOIN pg_roles owner ON owner.oid = half.roleid
              WHERE space.nspname = 'qt001_cp'
                AND owner.rolname NOT IN ('qt001_cp_author', 'qt001_cp_operator',
                                          'qt001_cp_verifier', 'qt001_cp_auditor')
                AND owner.oid IN (SELECT grantee FROM aclexplode(space.nspacl))
                AND NOT owner.rolcanlogin AND NOT ledger.rolcanlogin) known
        WHERE ARRAY[owner, ledger]::text[] <> half
        UNION ALL
        SELECT format('%s to be of this pair alone', role.rolname),
               'a role that owns, holds, has members or is one already',
               format('Name another one: -v %s=...',
                      CASE role.rolname WHEN half[1] THEN 'owner' ELSE 'ledger' END)
        FROM pg_roles role
        WHERE role.rolname = ANY (half)
          AND NOT EXISTS (SELECT 1 FROM pg_auth_members pair
                          WHERE pg_get_userbyid(pair.roleid) = half[1]
                            AND pg_get_userbyid(pair.member) = half[2])
          AND (EXISTS (SELECT 1 FROM pg_shdepend
                       WHERE refclassid = 'pg_authid'::regclass AND refobjid = role.oid)
               OR EXISTS (SELECT 1 FROM pg_auth_members
                          WHERE role.oid IN (roleid, member)))
        LIMIT 1) bad;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = format('bootstrap refused: expected %s, found %s', wrong.expected,
                             wrong.found),
            HINT = wrong.mend;
    END IF;
END
$pair$;

-- A pair of two databases: who is a member here is one there. Nothing is wrong with it, but whoever
-- runs this should know.
DO $beside$
DECLARE
    others text;
BEGIN
    SELECT string_agg(DISTINCT database.datname, ', ') INTO others
    FROM pg_shdepend belonging JOIN pg_database database ON database.oid = belonging.dbid
    WHERE belonging.refclassid = 'pg_authid'::regclass AND belonging.deptype = 'o'
      AND belonging.refobjid IN (to_regrole(current_setting('qt001_cp.owner')),
                                 to_regrole(current_setting('qt001_cp.ledger')))
      AND database.datname <> current_database();
    IF others IS NOT NULL THEN
        RAISE NOTICE 'owner and ledger role %, % are also those of database %: while the ledger '
            'role is lent for one of them, a gate of each is closed. A pair of its own: '
            '-v owner=... -v ledger=...', current_setting('qt001_cp.owner'),
            current_setting('qt001_cp.ledger'), others;
    END IF;
END
$beside$;

-- What is there stays, but for what somebody else could have laid before: a role that can log in, a
-- schema of another owner, privileges that would come with each table that is made here.
DO $planted$
DECLARE
    planted record;
BEGIN
    FOR planted IN
        SELECT format('role %I with %s', role.rolname,
                      concat_ws(', ', CASE WHEN role.rolcanlogin THEN 'LOGIN' END,
                                CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
                                CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
                                CASE WHEN role.rolreplication THEN 'REPLICATION' END,
                                CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END)) AS what,
               format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS; '
                      '-- and see who is a member of it', role.rolname) AS mend
        FROM pg_roles role
        WHERE role.rolname IN (current_setting('qt001_cp.ledger'),
                               current_setting('qt001_cp.owner'), 'qt001_cp_author',
                               'qt001_cp_operator', 'qt001_cp_verifier', 'qt001_cp_auditor')
          AND (role.rolcanlogin OR role.rolsuper OR role.rolcreaterole OR role.rolreplication
               OR role.rolbypassrls)
        UNION ALL
        SELECT format('schema %I of %s', nspname, pg_get_userbyid(nspowner)),
               format('DROP SCHEMA %I CASCADE; -- after a look at what is in it', nspname)
        FROM pg_namespace
        WHERE nspname = 'qt001_cp'
          AND pg_get_userbyid(nspowner) <> current_setting('qt001_cp.ledger')
        UNION ALL
        -- Its function would run in each statement from here on, with the rights of who runs this.
        SELECT format('event trigger %I with a function of %s, who is not a superuser',
                      trigger.evtname, owner.rolname),
               format('DROP EVENT TRIGGER %I; -- or give its function to a superuser.',
                      trigger.evtname)
               || CASE WHEN trigger.evtevent = 'login'
                            AND current_setting('event_triggers', true) = 'on'
                       THEN ' It may have run as ' || session_user || ' when this session began: '
                           'look for what it did, in pg_roles first.' ELSE '' END
        FROM pg_event_trigger trigger JOIN pg_proc routine ON routine.oid = trigger.evtfoid
        JOIN pg_roles owner ON owner.oid = routine.proowner
        WHERE trigger.evtenabled <> 'D' AND NOT owner.rolsuper
        UNION ALL
        SELECT format('default privileges of %s', pg_get_userbyid(defaclrole)),
               format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE ...; -- see pg_default_acl',
                      pg_get_userbyid(defaclrole))
        FROM pg_default_acl
        WHERE pg_get_userbyid(defaclrole) IN (current_setting('qt001_cp.ledger'),
                                              current_setting('qt001_cp.owner'))
    LOOP
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'bootstrap refused: expected nothing of the control plane that it did not '
                'make itself, found ' || planted.what,
            HINT = planted.mend;
    END LOOP;
END
$planted$;

SELECT format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION '
              'NOBYPASSRLS', role.name)
FROM (VALUES (:'ledger'), (:'owner'), ('qt001_cp_author'),
             ('qt001_cp_operator'), ('qt001_cp_verifier'), ('qt001_cp_auditor')) role(name)
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role.name)
\gexec
-- The ledger role owns what decides, the owner role what was transferred: nobody who may write the
-- one as its owner can write the other. The ledger's functions read what the owner owns (they count
-- rows, and give the apply path its sources), never the other way round.
SELECT format('GRANT %I TO %I', :'owner', :'ledger')
WHERE NOT pg_has_role(:'ledger', :'owner', 'USAGE')
\gexec
-- Who is not a superuser becomes a member of the ledger role for this transaction only: a schema is
-- made for a role that one may take on. PostgreSQL 16 and later ask for the SET option.
SELECT CASE WHEN pg_has_role(current_user, :'ledger',
                             CASE WHEN :'with_options' THEN 'SET' ELSE 'MEMBER' END)
            THEN 'no' ELSE 'yes' END AS borrow
\gset
SELECT format('GRANT %I TO CURRENT_USER', :'ledger')
       || CASE WHEN :'with_options' THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END
WHERE :'borrow'
\gexec

SELECT format('CREATE SCHEMA qt001_cp AUTHORIZATION %I', :'ledger')
WHERE NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'qt001_cp')
\gexec
SET LOCAL ROLE :"ledger";
REVOKE ALL ON SCHEMA qt001_cp FROM PUBLIC;
-- The owner role for the guard that the apply path calls.
GRANT USAGE ON SCHEMA qt001_cp TO :"owner",
    qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
-- Nobody but the ledger role may create here: a routine of somebody else in this schema could be
-- taken for one of ours.
REVOKE CREATE ON SCHEMA qt001_cp FROM qt001_cp_operator;

CREATE TABLE IF NOT EXISTS qt001_cp.bootstrap (
    database name PRIMARY KEY,
    rehearsal boolean NOT NULL,
    test_authority boolean NOT NULL DEFAULT false,
    at timestamptz NOT NULL,
    actor name NOT NULL
);
REVOKE ALL ON qt001_cp.bootstrap FROM PUBLIC;
GRANT SELECT ON qt001_cp.bootstrap
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
COMMENT ON TABLE qt001_cp.bootstrap IS
    'Written by the operator''s bootstrap only: whether this database is a disposable rehearsal.';

-- Who has which duty in this database, and who is behind the login. Roles belong to the cluster,
-- duties to a database: a login may be an operator here and an auditor in the next one.
-- Independence is a matter of persons: nobody signs what the same person made, with whatever login.
-- A person is an identifier: two that differ are two, and nothing that only looks alike can be
-- written. The administrator keeps it. Without superuser: docs/operator.md, "Without superuser".
CREATE TABLE IF NOT EXISTS qt001_cp.person (
    login name PRIMARY KEY,
    person text NOT NULL,
    duty text NOT NULL,
    CONSTRAINT person_is_an_identifier CHECK (person COLLATE "C" ~ '^[a-z0-9][a-z0-9._@-]*$'),
    CONSTRAINT person_has_a_duty CHECK (duty IN ('author', 'operator', 'verifier', 'auditor'))
);
REVOKE ALL ON qt001_cp.person FROM PUBLIC;
GRANT SELECT ON qt001_cp.person
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;

-- Which revision is deployed, for Alembic, which writes it as the operator: made here, with a
-- trigger, so that nobody does but in a script that has run to its end.
CREATE TABLE IF NOT EXISTS qt001_cp.alembic_version (
    version_num varchar(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
REVOKE ALL ON qt001_cp.alembic_version FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON qt001_cp.alembic_version TO qt001_cp_operator;

-- A printed script is complete by itself: the database refuses the COMMIT of a transaction that did
-- not begin, check and end as it was printed, whatever psql's settings. The first step of a script
-- inserts a row here, which goes with its savepoint; each later one demands it; two deferred
-- constraint triggers ask for the last one when the transaction commits.
CREATE TABLE IF NOT EXISTS qt001_cp.run (
    xid xid8 PRIMARY KEY,
    script text NOT NULL,
    revision text,
    steps text[] NOT NULL DEFAULT '{}',
    complete boolean NOT NULL DEFAULT false
);
REVOKE ALL ON qt001_cp.run FROM PUBLIC;
GRANT SELECT ON qt001_cp.run
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
COMMENT ON TABLE qt001_cp.run IS
    'The script that runs in this transaction, the revision that it leads to (NULL: base), and the '
    'steps that have run.';

CREATE OR REPLACE FUNCTION qt001_cp.begin_run(script text, revision text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $begin_run$
-- The first step of a script. Only functions of the ledger role reach it.
BEGIN
    IF EXISTS (SELECT 1 FROM qt001_cp.run WHERE run.xid = pg_current_xact_id()) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: expected a transaction of its own, found one in which a '
                             'script runs already', script),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
    INSERT INTO qt001_cp.run (xid, script, revision)
    VALUES (pg_current_xact_id(), begin_run.script, begin_run.revision);
END
$begin_run$;

CREATE OR REPLACE FUNCTION qt001_cp.refuse_outside_run(what text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_outside_run$
-- A step whose script has not begun in this transaction.
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT112',
        MESSAGE = format('%s refused: expected the beginning of the script in this '
                         'transaction, found none', what),
        HINT = 'Run only the printed script, as it is, alone in its transaction.';
END
$refuse_outside_run$;

CREATE OR REPLACE FUNCTION qt001_cp.require_run(script text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $require_run$
-- Level A: what a later step asks first, that its script has begun in this transaction.
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.run
                   WHERE run.xid = pg_current_xact_id() AND run.script = require_run.script) THEN
        PERFORM qt001_cp.refuse_outside_run(script);
    END IF;
END
$require_run$;

CREATE OR REPLACE FUNCTION qt001_cp.note_run_step(step text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $note_run_step$
-- Notes that a step has run; end_run() compares the list with the printed one.
BEGIN
    UPDATE qt001_cp.run SET steps = run.steps || step WHERE run.xid = pg_current_xact_id();
    IF NOT FOUND THEN
        PERFORM qt001_cp.refuse_outside_run(step);
    END IF;
END
$note_run_step$;

CREATE OR REPLACE FUNCTION qt001_cp.pair() RETURNS TABLE (owner text, ledger text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $pair$
-- The owner role and the ledger role of this database: whose schema qt001_cp is, and the role of
-- which that one is a member and which has USAGE on it, beside the duties. One row.
SELECT min(owner.rolname::text), min(ledger.rolname::text)
FROM pg_namespace space JOIN pg_roles ledger ON ledger.oid = space.nspowner
JOIN pg_auth_members half ON half.member = ledger.oid
JOIN pg_roles owner ON owner.oid = half.roleid
WHERE space.nspname = 'qt001_cp'
  AND owner.rolname NOT IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier',
                            'qt001_cp_auditor')
  AND owner.oid IN (SELECT grantee FROM aclexplode(space.nspacl))
$pair$;

CREATE OR REPLACE FUNCTION qt001_cp.default_names(words text, owner text, ledger text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $default_names$
-- With the default names in the place of this database's pair. Where it has other names, a default
-- one is somebody else's, and becomes another word: nothing can be taken for what it is not.
SELECT replace(replace(regexp_replace(regexp_replace(regexp_replace(words COLLATE "C",
    '\m' || owner || '\M', E'\x01', 'g'), '\m' || ledger || '\M', E'\x02', 'g'),
    '\m(qt001_cp_)(owner|ledger)\M', 'another \1\2', 'g'),
    E'\x01', 'qt001_cp' || '_owner'), E'\x02', 'qt001_cp' || '_ledger')
$default_names$;

CREATE OR REPLACE FUNCTION qt001_cp.structure_digest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $structure_digest$
-- long: one list of everything, which is hashed as a whole.
-- sha256 of all that is in schema qt001_cp: routines, relations, columns, constraints and triggers,
-- whose they are, what others may do, whether they are enabled, by the default names of the pair:
-- one digest, whatever the pair of this database is called. Left out is what differs between
-- major versions (the owner's own entry in an ACL, NOT NULL constraints, how a view is printed) and
-- the triggers of schema qt001_cp_watch.
WITH pair AS MATERIALIZED (
    SELECT found.* FROM qt001_cp.pair() found
), role AS MATERIALIZED (
    SELECT pg_roles.oid, pg_roles.rolname,
           qt001_cp.default_names(pg_roles.rolname, pair.owner, pair.ledger) AS by_default
    FROM pg_roles CROSS JOIN pair
), line(words) AS (
    SELECT concat_ws(' ', 'routine', routine.oid::regprocedure, pg_get_userbyid(routine.proowner),
               format_type(routine.prorettype, NULL), routine.prosecdef, routine.provolatile,
               routine.proparallel, routine.proisstrict, routine.proconfig,
               encode(sha256(convert_to(
                   qt001_cp.default_names(routine.prosrc, pair.owner, pair.ledger), 'UTF8')),
                      'hex'),
               (SELECT string_agg(
                    concat_ws(' ', grantee.rolname, entry.privilege_type, entry.is_grantable),
                    ',' ORDER BY grantee.by_default COLLATE "C" NULLS FIRST, entry.privilege_type)
                FROM aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) entry
                LEFT JOIN role grantee ON grantee.oid = entry.grantee
                WHERE entry.grantee <> routine.proowner))
    FROM pg_proc routine CROSS JOIN pair
    WHERE routine.pronamespace = 'qt001_cp'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'relation', relation.relname, relation.relkind,
               pg_get_userbyid(relation.relowner), relation.relrowsecurity,
               relation.relforcerowsecurity, relation.reloptions,
               (SELECT string_agg(
                    concat_ws(' ', grantee.rolname, entry.privilege_type, entry.is_grantable),
                    ',' ORDER BY grantee.by_default COLLATE "C" NULLS FIRST, entry.privilege_type)
                FROM aclexplode(relation.relacl) entry
                LEFT JOIN role grantee ON grantee.oid = entry.grantee
                WHERE entry.grantee <> relation.relowner))
    FROM pg_class relation
    WHERE relation.relnamespace = 'qt001_cp'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'column', relation.relname, attribute.attnum, attribute.attname,
               format_type(attribute.atttypid, attribute.atttypmod), attribute.attnotnull,
               attribute.atthasdef, attribute.attacl)
    FROM pg_class relation JOIN pg_attribute attribute ON attribute.attrelid = relation.oid
    WHERE relation.relnamespace = 'qt001_cp'::regnamespace
      AND relation.relkind IN ('r', 'p', 'v', 'c')
      AND attribute.attnum > 0 AND NOT attribute.attisdropped
    UNION ALL
    SELECT concat_ws(' ', 'constraint', relation.relname, condition.conname, condition.contype,
               condition.convalidated)
    FROM pg_constraint condition JOIN pg_class relation ON relation.oid = condition.conrelid
    WHERE relation.relnamespace = 'qt001_cp'::regnamespace AND condition.contype <> 'n'
    UNION ALL
    SELECT concat_ws(' ', 'partition', child.relname, parent.relname)
    FROM pg_inherits JOIN pg_class child ON child.oid = pg_inherits.inhrelid
    JOIN pg_class parent ON parent.oid = pg_inherits.inhparent
    WHERE child.relnamespace = 'qt001_cp'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'trigger', relation.relname, trigger.tgname, trigger.tgfoid::regprocedure,
               trigger.tgtype, trigger.tgenabled, trigger.tgdeferrable, trigger.tginitdeferred)
    FROM pg_trigger trigger JOIN pg_class relation ON relation.oid = trigger.tgrelid
    JOIN pg_proc routine ON routine.oid = trigger.tgfoid
    WHERE relation.relnamespace = 'qt001_cp'::regnamespace
      AND routine.pronamespace = 'qt001_cp'::regnamespace
      -- Before 15 the trigger of a partition, made from its parent's, counts as internal.
      AND (NOT trigger.tgisinternal OR trigger.tgparentid <> 0)
), named(words) AS MATERIALIZED (
    SELECT qt001_cp.default_names(line.words, pair.owner, pair.ledger) FROM line CROSS JOIN pair
)
SELECT encode(sha256(convert_to(
    string_agg(named.words, E'\n' ORDER BY named.words COLLATE "C"), 'UTF8')), 'hex')
FROM named
$structure_digest$;

CREATE OR REPLACE FUNCTION qt001_cp.end_run(script text, steps text[], structure text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $end_run$
-- The last step of a script: all steps have run, in their order, and schema qt001_cp is as this
-- script leaves it.
DECLARE
    found_steps text[];
    found_structure text := qt001_cp.structure_digest();
BEGIN
    PERFORM qt001_cp.require_run(script);
    SELECT run.steps INTO found_steps FROM qt001_cp.run WHERE run.xid = pg_current_xact_id();
    IF found_steps <> end_run.steps THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: expected the steps %s, found %s',
                             script, array_to_string(end_run.steps, ', '),
                             coalesce(nullif(array_to_string(found_steps, ', '), ''), 'none')),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
    IF found_structure IS DISTINCT FROM structure THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: expected schema qt001_cp with digest %s, found %s',
                             script, structure, found_structure),
            HINT = 'A statement of the script was left out, or somebody changed schema qt001_cp. '
                'Print the script again.';
    END IF;
    UPDATE qt001_cp.run SET complete = true WHERE run.xid = pg_current_xact_id();
END
$end_run$;

CREATE OR REPLACE FUNCTION qt001_cp.refuse_incomplete_run() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $refuse_incomplete_run$
-- When the transaction of a script commits: it has run to its end, and Alembic's version says so.
DECLARE
    script qt001_cp.run;
    revisions text[] := ARRAY(SELECT version_num::text FROM qt001_cp.alembic_version
                              ORDER BY version_num COLLATE "C");
    ours text[] := ARRAY(SELECT each FROM unnest(revisions) each WHERE each ~ '^fix7');
    deployed text;
BEGIN
    SELECT run.* INTO script FROM qt001_cp.run WHERE run.xid = pg_current_xact_id();
    IF to_regprocedure('qt001_cp.revision()') IS NOT NULL THEN
        EXECUTE 'SELECT qt001_cp.revision()' INTO deployed;
    END IF;
    IF script.complete IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('COMMIT refused: expected %s to run to its end, found the steps %s',
                             NEW.script,
                             coalesce(nullif(array_to_string(script.steps, ', '), ''), 'none')),
            HINT = 'Nothing has changed. Run the whole printed script, as it is, alone in its '
                'transaction.';
    -- Ours is the one that is deployed. Where the team has a revision that depends on fix7c,
    -- Alembic keeps the row of that one alone; the first of them, taken back, leads to fix7c,
    -- whatever release of ours stands there.
    ELSIF NOT (ours = array_remove(ARRAY[deployed], NULL)
               OR ours = '{}' AND revisions <> '{}' AND deployed = 'fix7c')
        OR coalesce(script.revision, '') NOT IN ('', 'fix7c', deployed)
           AND script.revision <> ALL (revisions)
        OR substring(script.script FROM '^downgrade change (.*)$') = ANY (revisions) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('COMMIT refused: expected revision %s in qt001_cp.alembic_version, '
                             'found %s',
                             CASE WHEN deployed ~ '^fix7c_' THEN concat_ws(', ', deployed,
                                  nullif(nullif(script.revision, deployed), 'fix7c'))
                                  ELSE coalesce(script.revision, 'none') END,
                             coalesce(nullif(array_to_string(revisions, ', '), ''), 'none')),
            HINT = 'Nothing has changed. Run the whole printed script, as it is, alone in its '
                'transaction.';
    END IF;
    RETURN NULL;
END
$refuse_incomplete_run$;

CREATE OR REPLACE FUNCTION qt001_cp.refuse_version_without_run() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $refuse_version_without_run$
-- When a transaction commits that has written which revision is deployed: a script of ours has run
-- to its end, or what is deployed is what the table names (a revision of somebody else's comes
-- above it, or goes).
DECLARE
    deployed text;
    revisions text[] := ARRAY(SELECT version_num::text FROM qt001_cp.alembic_version);
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.run
                   WHERE run.xid = pg_current_xact_id() AND run.complete) THEN
        IF to_regprocedure('qt001_cp.revision()') IS NOT NULL THEN
            EXECUTE 'SELECT qt001_cp.revision()' INTO deployed;
        END IF;
        IF deployed IS NOT NULL AND revisions = '{}'
            OR deployed ~ '^fix7c_' AND deployed <> ALL (revisions)
            OR EXISTS (SELECT 1 FROM unnest(revisions) named(revision)
                       WHERE named.revision ~ '^fix7'
                         AND named.revision IS DISTINCT FROM deployed) THEN
            RAISE EXCEPTION USING ERRCODE = 'QT112',
                MESSAGE = format('COMMIT refused: expected a script of FIX7 that has run to its '
                                 'end, found revision %s without one',
                                 coalesce(array_to_string(revisions, ', '), 'none')),
                HINT = 'Nothing has changed. Run the whole printed script, as it is, alone in its '
                    'transaction.';
        END IF;
        RETURN NULL;
    END IF;
    -- The last one to ask: nothing of the run stays.
    DELETE FROM qt001_cp.run WHERE run.xid = pg_current_xact_id();
    RETURN NULL;
END
$refuse_version_without_run$;
REVOKE ALL ON FUNCTION qt001_cp.begin_run(text, text), qt001_cp.require_run(text),
    qt001_cp.refuse_outside_run(text),
    qt001_cp.note_run_step(text), qt001_cp.pair(), qt001_cp.default_names(text, text, text),
    qt001_cp.structure_digest(), qt001_cp.end_run(text, text[], text),
    qt001_cp.refuse_incomplete_run(), qt001_cp.refuse_version_without_run() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION qt001_cp.require_run(text) TO :"owner", qt001_cp_operator;

SELECT 'CREATE CONSTRAINT TRIGGER incomplete AFTER INSERT ON qt001_cp.run
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_incomplete_run()'
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger
                  WHERE tgname = 'incomplete' AND tgrelid = 'qt001_cp.run'::regclass)
\gexec
SELECT 'CREATE CONSTRAINT TRIGGER without_run AFTER INSERT OR UPDATE OR DELETE
            ON qt001_cp.alembic_version DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_version_without_run()'
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger
                  WHERE tgname = 'without_run' AND tgrelid = 'qt001_cp.alembic_version'::regclass)
\gexec
ALTER TABLE qt001_cp.run ENABLE ALWAYS TRIGGER incomplete;
ALTER TABLE qt001_cp.alembic_version ENABLE ALWAYS TRIGGER without_run;

SELECT :'rehearsal' = 'yes' AS mark
\gset
INSERT INTO qt001_cp.bootstrap (database, rehearsal, test_authority, at, actor)
VALUES (current_database(), :'mark', :'mark', clock_timestamp(), session_user)
ON CONFLICT (database) DO NOTHING;
-- Who may lend the ledger role is who ran this first; when that role is gone, who runs it next.
UPDATE qt001_cp.bootstrap SET actor = session_user
WHERE database = current_database()
  AND NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = actor);
-- A mark is only ever added when told to, never taken away by running this again.
UPDATE qt001_cp.bootstrap SET rehearsal = true, test_authority = true
WHERE database = current_database() AND :'mark' AND NOT rehearsal;
RESET ROLE;
SELECT format('REVOKE %I FROM CURRENT_USER', :'ledger') WHERE :'borrow'
\gexec
COMMIT;
