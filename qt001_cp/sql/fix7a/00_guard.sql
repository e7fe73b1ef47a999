-- FIX7a refuses what is not prepared: the operator's bootstrap comes first.
DO $guard$
DECLARE
    missing text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::int NOT BETWEEN {supported_bounds} THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = 'FIX7a refused: expected PostgreSQL {supported_words}, found ' || pg_catalog.current_setting('server_version'),
            HINT = 'Use a supported server.';
    END IF;
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = 'FIX7a refused: expected a database in UTF8, found ' || pg_catalog.getdatabaseencoding(),
            HINT = 'Canonical documents are UTF-8; such a database is not supported.';
    END IF;
    SELECT pg_catalog.string_agg(r.name, ', ') INTO missing
    FROM (VALUES ('qt001_cp_owner'), ('qt001_cp_author'), ('qt001_cp_operator'), ('qt001_cp_verifier'), ('qt001_cp_auditor')) r(name)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles p WHERE p.rolname = r.name);
    IF missing IS NOT NULL OR pg_catalog.to_regclass('qt001_cp.bootstrap') IS NULL
        OR pg_catalog.to_regclass('qt001_cp.run') IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = pg_catalog.format('FIX7a refused: expected the operator''s bootstrap, found %s', coalesce('no role ' || missing, 'no table qt001_cp.bootstrap or qt001_cp.run')),
            HINT = 'psql -v ON_ERROR_STOP=1 -f scripts/bootstrap.sql';
    END IF;
    IF (SELECT pg_catalog.pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace n WHERE n.nspname = 'qt001_cp') <> 'qt001_cp_owner' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122', MESSAGE = 'FIX7a refused: expected schema qt001_cp to be owned by qt001_cp_owner',
            HINT = 'psql -v ON_ERROR_STOP=1 -f scripts/bootstrap.sql';
    END IF;
    IF NOT EXISTS (
        WITH RECURSIVE up(oid) AS (
            SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = session_user
            UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN up ON m.member = up.oid
            -- PostgreSQL 16 and later: a membership with neither option is the right to grant, no more.
            WHERE coalesce((pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean, true) OR (pg_catalog.to_jsonb(m) ->> 'set_option')::boolean)
        SELECT 1 FROM up WHERE pg_catalog.pg_get_userbyid(up.oid) = 'qt001_cp_operator') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = pg_catalog.format('FIX7a refused: expected a member of qt001_cp_operator, found %s', session_user),
            HINT = pg_catalog.format('GRANT qt001_cp_operator TO %I; -- or connect as the operator', session_user);
    END IF;
    -- An event trigger would run in each of our own DDL statements, with the operator's rights.
    SELECT pg_catalog.string_agg(pg_catalog.format('%s (function %s owned by %s)', t.evtname, f.proname, pg_catalog.pg_get_userbyid(f.proowner)), ', ')
    INTO missing
    FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc f ON f.oid OPERATOR(pg_catalog.=) t.evtfoid
    JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) f.proowner
    WHERE t.evtenabled OPERATOR(pg_catalog.<>) 'D' AND NOT r.rolsuper;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT108',
            MESSAGE = pg_catalog.format('FIX7a refused: expected no event trigger with a function of a role that is no superuser, found %s', missing),
            HINT = 'DROP EVENT TRIGGER …; or give its function to a superuser.';
    END IF;
    IF NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('qt001_cp.cutover', 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT123', MESSAGE = 'another session runs a stage of FIX7 in this database',
            HINT = 'Wait until it ends, or end it: SELECT a.pid, a.usename FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = ''advisory'';';
    END IF;
    IF pg_catalog.to_regclass('qt001_cp.event') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122', MESSAGE = 'FIX7a refused: expected a database without it, found it deployed',
            HINT = 'This script has run already; see alembic current.';
    END IF;
    -- What stands in our schema before us could be taken for one of ours: a function that fits a call of ours better.
    SELECT pg_catalog.string_agg(o.what, ', ') INTO missing FROM (
        SELECT pg_catalog.format('function %s of %s', p.oid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(p.proowner)) AS what
        FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'qt001_cp'::pg_catalog.regnamespace
          AND NOT (p.proname = ANY ('{bootstrap_functions}') AND pg_catalog.pg_get_userbyid(p.proowner) = 'qt001_cp_owner')
        UNION ALL
        SELECT pg_catalog.format('relation %s of %s', c.relname, pg_catalog.pg_get_userbyid(c.relowner))
        FROM pg_catalog.pg_class c WHERE c.relnamespace = 'qt001_cp'::pg_catalog.regnamespace AND c.relkind NOT IN ('i', 'I', 't')
          AND NOT (c.relname IN ('bootstrap', 'person', 'run', 'alembic_version') AND pg_catalog.pg_get_userbyid(c.relowner) = 'qt001_cp_owner')
        UNION ALL
        SELECT pg_catalog.format('type %s of %s', t.typname, pg_catalog.pg_get_userbyid(t.typowner))
        FROM pg_catalog.pg_type t WHERE t.typnamespace = 'qt001_cp'::pg_catalog.regnamespace AND t.typrelid = 0 AND t.typelem = 0
        UNION ALL
        SELECT pg_catalog.format('operator %s of %s', p.oprname, pg_catalog.pg_get_userbyid(p.oprowner))
        FROM pg_catalog.pg_operator p WHERE p.oprnamespace = 'qt001_cp'::pg_catalog.regnamespace
        UNION ALL
        SELECT pg_catalog.format('schema qt001_cp_watch of %s', pg_catalog.pg_get_userbyid(n.nspowner))
        FROM pg_catalog.pg_namespace n WHERE n.nspname = 'qt001_cp_watch'
        UNION ALL
        -- They would be granted to somebody with each table and function that this makes.
        SELECT pg_catalog.format('default privileges of %s', d.defaclrole::pg_catalog.regrole)
        FROM pg_catalog.pg_default_acl d WHERE pg_catalog.pg_get_userbyid(d.defaclrole) = 'qt001_cp_owner') o;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = pg_catalog.format('FIX7a refused: expected schema qt001_cp as the bootstrap made it, and nothing else of the control plane, found %s', missing),
            HINT = 'Find out who made it, then DROP it (ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_owner REVOKE …).';
    END IF;
    -- The mark of this script, which goes with its savepoint: no later step runs without it, and COMMIT asks for its end.
    SET LOCAL ROLE qt001_cp_owner;
    PERFORM qt001_cp.begin_run('upgrade fix7a', 'fix7a');
    RESET ROLE;
END
$guard$;
