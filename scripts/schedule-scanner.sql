-- Has pg_cron run the scanner. By a superuser, in the database that cron.database_name names:
--
--   psql -X -v ON_ERROR_STOP=1 -v login=sven -v database=directus -d DATABASE -f scripts/schedule-scanner.sql
--
-- PostgreSQL 17 or later: PGOPTIONS='-c event_triggers=off' before psql, as for bootstrap.sql.
-- login: a member of qt001_cp_verifier, and not the login that runs qt001-cp verify. -v "schedule=..." for another one than
-- every five minutes; it has to be shorter than max_age_seconds of the policy. The server wants
-- shared_preload_libraries = 'pg_cron' and cron.use_background_workers = on: then no password lies anywhere.
-- It may run again: the job of the database is replaced. Away with it:
-- SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'qt001_cp.scan' AND database = 'directus';
\if :{?login} \else \set login '' \endif
\if :{?database} \else \set database '' \endif
\if :{?schedule} \else \set schedule '*/5 * * * *' \endif
BEGIN;
SELECT pg_catalog.set_config('qt001.login', :'login', true), pg_catalog.set_config('qt001.database', :'database', true) \g /dev/null
DO $check$
DECLARE
    login text := pg_catalog.current_setting('qt001.login');
    database text := pg_catalog.current_setting('qt001.database');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions e WHERE e.name = 'pg_cron') THEN
        RAISE EXCEPTION 'this server has no pg_cron' USING HINT = 'Schedule from outside: scripts/qt001-scan.timer (systemd) or scripts/qt001.cron.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_database d WHERE d.datname = database) THEN
        RAISE EXCEPTION 'database "%": expected the one that has FIX7c, found none of this name', database USING HINT = '-v database=NAME';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles r WHERE r.rolname = login AND r.rolcanlogin) THEN
        RAISE EXCEPTION 'login "%": expected a login of the scanner, found none of this name', login USING HINT = '-v login=NAME';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles r WHERE r.rolname = 'qt001_cp_verifier' AND pg_catalog.pg_has_role(login, r.oid, 'MEMBER')) THEN
        RAISE EXCEPTION 'login "%": expected a member of qt001_cp_verifier, found none', login
            USING HINT = pg_catalog.format('GRANT qt001_cp_verifier TO %I;', login);
    END IF;
END
$check$;
CREATE EXTENSION IF NOT EXISTS pg_cron;
SELECT cron.unschedule(j.jobid) FROM cron.job j WHERE j.jobname = 'qt001_cp.scan' AND j.database = :'database' \g /dev/null
SELECT cron.schedule_in_database('qt001_cp.scan', :'schedule', 'SELECT qt001_cp.scan()', :'database', :'login') AS job;
COMMIT;
