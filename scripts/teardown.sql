-- Takes the operator's bootstrap back. Refuses while a stage of FIX7 is deployed: alembic downgrade
-- base comes first.
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -f scripts/teardown.sql
--
-- A superuser of PostgreSQL 17 or later: PGOPTIONS='-c event_triggers=off' before psql, as for
-- bootstrap.sql. Where that was given owner and ledger role, with the same two:
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -v owner=shop_cp_owner -v ledger=shop_cp_ledger
--       -f scripts/teardown.sql
--
-- To drop the roles too, which belong to the whole cluster: those that no other database needs; of
-- the others a NOTICE says which one does.
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -v roles=yes -f scripts/teardown.sql

\set ON_ERROR_STOP on
\if :{?roles}
\else
\set roles no
\endif
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
-- Who is not a superuser becomes a member of the ledger role for this transaction only, as in
-- bootstrap.sql.
SELECT current_setting('server_version_num')::int >= 160000 AS with_options,
       EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'ledger') AS there,
       set_config('qt001_cp.owner', :'owner', true) AS owner,
       set_config('qt001_cp.ledger', :'ledger', true) AS ledger
\gset
DO $pair$
DECLARE
    known record;
BEGIN
    -- The same as in bootstrap.sql: whose schema it is, and what that one is a member of.
    SELECT owner.rolname AS owner, ledger.rolname AS ledger INTO known
    FROM pg_namespace space JOIN pg_roles ledger ON ledger.oid = space.nspowner
    LEFT JOIN (pg_auth_members half JOIN pg_roles owner ON owner.oid = half.roleid)
        ON half.member = ledger.oid
       AND owner.rolname NOT IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier',
                                 'qt001_cp_auditor')
       AND owner.oid IN (SELECT grantee FROM aclexplode(space.nspacl))
    WHERE space.nspname = 'qt001_cp' LIMIT 1;
    IF known.ledger <> current_setting('qt001_cp.ledger')
        OR known.owner <> current_setting('qt001_cp.owner') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = format('teardown refused: expected owner and ledger role %s, %s, found %s, '
                             '%s, for which the bootstrap was run in database %I',
                             current_setting('qt001_cp.owner'), current_setting('qt001_cp.ledger'),
                             coalesce(known.owner, 'none'), known.ledger, current_database()),
            HINT = CASE WHEN known.owner IS NULL
                        THEN 'DROP SCHEMA qt001_cp CASCADE; -- after a look at what is in it'
                        ELSE format('psql -X -v ON_ERROR_STOP=1 -d %I -v owner=%s -v ledger=%s '
                                    '-f scripts/teardown.sql', current_database(), known.owner,
                                    known.ledger) END;
    END IF;
END
$pair$;
SELECT CASE WHEN NOT :'there'
                 OR pg_has_role(current_user, owner.oid,
                                CASE WHEN :'with_options' THEN 'SET' ELSE 'MEMBER' END)
            THEN 'no' ELSE 'yes' END AS borrow
FROM (SELECT) one LEFT JOIN pg_roles owner ON owner.rolname = :'ledger'
\gset
SELECT format('GRANT %I TO CURRENT_USER', :'ledger')
       || CASE WHEN :'with_options' THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END
WHERE :'borrow'
\gexec
SELECT format('SET LOCAL ROLE %I', :'ledger') WHERE :'there'
\gexec
DO $refuse$
BEGIN
    IF to_regclass('qt001_cp.event') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'teardown refused: expected a database without FIX7a, found it deployed',
            HINT = 'qt001-cp ledger export --out ledger.jsonl --database DSN, then alembic -x '
                   'ledger=ledger.jsonl downgrade base, then run the teardown again.';
    END IF;
END
$refuse$;
-- RESTRICT: whatever else somebody put there stays, and stops this.
DROP TABLE IF EXISTS qt001_cp.bootstrap;
DROP TABLE IF EXISTS qt001_cp.person;
DROP TABLE IF EXISTS qt001_cp.alembic_version;
DROP TABLE IF EXISTS qt001_cp.run;
DROP FUNCTION IF EXISTS qt001_cp.refuse_version_without_run();
DROP FUNCTION IF EXISTS qt001_cp.refuse_incomplete_run();
DROP FUNCTION IF EXISTS qt001_cp.end_run(text, text[], text);
DROP FUNCTION IF EXISTS qt001_cp.structure_digest();
DROP FUNCTION IF EXISTS qt001_cp.default_names(text, text, text);
DROP FUNCTION IF EXISTS qt001_cp.pair();
DROP FUNCTION IF EXISTS qt001_cp.note_run_step(text);
DROP FUNCTION IF EXISTS qt001_cp.require_run(text);
DROP FUNCTION IF EXISTS qt001_cp.refuse_outside_run(text);
DROP FUNCTION IF EXISTS qt001_cp.begin_run(text, text);
DROP SCHEMA IF EXISTS qt001_cp;
RESET ROLE;
SELECT format('REVOKE %I FROM CURRENT_USER', :'ledger') WHERE :'borrow'
\gexec
-- What another database has of a role (objects, privileges) keeps it.
SELECT format('DROP ROLE %I', role.rolname) FROM pg_roles role
WHERE :'roles' = 'yes'
  AND role.rolname IN (:'ledger', :'owner', 'qt001_cp_author', 'qt001_cp_operator',
                       'qt001_cp_verifier', 'qt001_cp_auditor')
  AND NOT EXISTS (SELECT 1 FROM pg_shdepend
                  WHERE refclassid = 'pg_authid'::regclass AND refobjid = role.oid)
\gexec
SELECT set_config('qt001_cp.roles', :'roles', true) AS roles
\gset
DO $kept$
DECLARE
    kept record;
BEGIN
    FOR kept IN
        SELECT role.rolname, string_agg(DISTINCT coalesce(database.datname, 'the cluster'), ', ')
                   AS databases
        FROM pg_roles role
        JOIN pg_shdepend ON refclassid = 'pg_authid'::regclass AND refobjid = role.oid
        LEFT JOIN pg_database database ON database.oid = dbid
        WHERE current_setting('qt001_cp.roles') = 'yes'
          AND role.rolname IN (current_setting('qt001_cp.ledger'),
                               current_setting('qt001_cp.owner'), 'qt001_cp_author',
                               'qt001_cp_operator', 'qt001_cp_verifier', 'qt001_cp_auditor')
        GROUP BY role.rolname ORDER BY role.rolname
    LOOP
        RAISE NOTICE 'role % stays: % needs it', kept.rolname, kept.databases;
    END LOOP;
END
$kept$;
COMMIT;
