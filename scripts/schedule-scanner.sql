-- Has pg_cron run the scanner. By a superuser, in the database that cron.database_name names:
--
--   psql -X -v ON_ERROR_STOP=1 -d CRON_DATABASE -v login=sven -v database=directus \
--     -f scripts/schedule-scanner.sql
--
-- PostgreSQL 17 or later: PGOPTIONS='-c event_triggers=off' before psql, as for bootstrap.sql.
-- login: a member of qt001_cp_verifier, and not the login that runs qt001-cp verify. For another
-- schedule than every five minutes add -v "schedule=*/2 * * * *"; it has to be shorter than
-- max_age_seconds of the policy. The server wants shared_preload_libraries = 'pg_cron' and
-- cron.use_background_workers = on: then no password lies anywhere.
-- It may run again: the job of the database is replaced. Away with it:
-- SELECT cron.unschedule(jobid) FROM cron.job
-- WHERE jobname = 'qt001_cp.scan' AND database = 'directus';
\if :{?login} \else \set login '' \endif
\if :{?database} \else \set database '' \endif
\if :{?schedule} \else \set schedule '*/5 * * * *' \endif
BEGIN;
SELECT pg_catalog.set_config('qt001.login', :'login', true),
       pg_catalog.set_config('qt001.database', :'database', true) \g /dev/null
DO $check$
DECLARE
    login text := pg_catalog.current_setting('qt001.login');
    database text := pg_catalog.current_setting('qt001.database');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'pg_cron') THEN
        RAISE EXCEPTION 'scheduling refused: server: expected extension pg_cron, found none'
            USING HINT = 'Schedule from outside: scripts/qt001-scan.timer (systemd) or '
                'scripts/qt001.cron.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = database) THEN
        RAISE EXCEPTION 'scheduling refused: database "%": expected the one that has FIX7c, '
            'found none of this name', database USING HINT = '-v database=NAME';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = login AND rolcanlogin) THEN
        RAISE EXCEPTION 'scheduling refused: login "%": expected a login of the scanner, '
            'found none of this name', login USING HINT = '-v login=NAME';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles role
                   WHERE role.rolname = 'qt001_cp_verifier'
                     AND pg_catalog.pg_has_role(login, role.oid, 'MEMBER')) THEN
        RAISE EXCEPTION 'scheduling refused: login "%": expected a member of qt001_cp_verifier, '
            'found no membership', login
            USING HINT = pg_catalog.format('GRANT qt001_cp_verifier TO %I;', login);
    END IF;
END
$check$;
CREATE EXTENSION IF NOT EXISTS pg_cron;
SELECT cron.unschedule(job.jobid) FROM cron.job
WHERE job.jobname = 'qt001_cp.scan' AND job.database = :'database' \g /dev/null
SELECT cron.schedule_in_database(
    'qt001_cp.scan', :'schedule', 'SELECT qt001_cp.scan()', :'database', :'login') AS job;
COMMIT;
