-- Takes the operator's bootstrap back. Refuses while a stage of FIX7 is deployed: alembic downgrade
-- base comes first.
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -f scripts/teardown.sql
--
-- A superuser of PostgreSQL 17 or later: PGOPTIONS='-c event_triggers=off' before psql, as for
-- bootstrap.sql. To drop the roles too, which belong to the whole cluster: only when no other
-- database uses them.
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -v roles=yes -f scripts/teardown.sql

\set ON_ERROR_STOP on
\if :{?roles}
\else
\set roles no
\endif
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
-- Who is not a superuser becomes a member of the ledger role for this transaction only, as in
-- bootstrap.sql.
SELECT current_setting('server_version_num')::int >= 160000 AS with_options,
       EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'qt001_cp_ledger') AS there
\gset
SELECT CASE WHEN NOT :'there'
                 OR pg_has_role(current_user, owner.oid,
                                CASE WHEN :'with_options' THEN 'SET' ELSE 'MEMBER' END)
            THEN 'no' ELSE 'yes' END AS borrow
FROM (SELECT) one LEFT JOIN pg_roles owner ON owner.rolname = 'qt001_cp_ledger'
\gset
SELECT 'GRANT qt001_cp_ledger TO CURRENT_USER'
       || CASE WHEN :'with_options' THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END
WHERE :'borrow'
\gexec
SELECT 'SET LOCAL ROLE qt001_cp_ledger' WHERE :'there'
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
DROP FUNCTION IF EXISTS qt001_cp.note_run_step(text);
DROP FUNCTION IF EXISTS qt001_cp.require_run(text);
DROP FUNCTION IF EXISTS qt001_cp.refuse_outside_run(text);
DROP FUNCTION IF EXISTS qt001_cp.begin_run(text, text);
DROP SCHEMA IF EXISTS qt001_cp;
RESET ROLE;
SELECT 'REVOKE qt001_cp_ledger FROM CURRENT_USER' WHERE :'borrow'
\gexec
SELECT format('DROP ROLE %I', rolname) FROM pg_roles
WHERE :'roles' = 'yes'
  AND rolname IN ('qt001_cp_ledger', 'qt001_cp_owner', 'qt001_cp_author', 'qt001_cp_operator',
                  'qt001_cp_verifier', 'qt001_cp_auditor')
\gexec
COMMIT;
