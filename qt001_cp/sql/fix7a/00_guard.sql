-- FIX7a refuses what is not prepared: the operator's bootstrap comes first.
DO $guard$
-- long: one block, so that nobody runs the mark at its end without the checks before it.
DECLARE
    obstacle text;
BEGIN
    IF pg_catalog.current_setting('server_version_num')::int NOT BETWEEN {supported_bounds} THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = 'FIX7a refused: expected PostgreSQL {supported_words}, found '
                || pg_catalog.current_setting('server_version'),
            HINT = 'Use a supported server.';
    END IF;
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = 'FIX7a refused: expected a database in UTF8, found '
                || pg_catalog.getdatabaseencoding(),
            HINT = 'Canonical documents are UTF-8: other encodings are not supported.';
    END IF;
    -- The pair of the policy is the one that the bootstrap was given in this database: whose schema
    -- qt001_cp is, and the role of which that one is a member, beside the duties, with USAGE on it.
    SELECT owner.rolname || ', ' || ledger.rolname INTO obstacle
    FROM pg_catalog.pg_namespace space
    JOIN pg_catalog.pg_roles ledger ON ledger.oid OPERATOR(pg_catalog.=) space.nspowner
    JOIN pg_catalog.pg_auth_members half ON half.member OPERATOR(pg_catalog.=) ledger.oid
    JOIN pg_catalog.pg_roles owner ON owner.oid OPERATOR(pg_catalog.=) half.roleid
    WHERE space.nspname = 'qt001_cp'
      AND owner.rolname NOT IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier',
                                'qt001_cp_auditor')
      AND owner.oid IN (SELECT entry.grantee FROM pg_catalog.aclexplode(space.nspacl) entry)
      AND NOT owner.rolcanlogin AND NOT ledger.rolcanlogin
    ORDER BY owner.rolname = 'qt001_cp_owner' DESC LIMIT 1;
    IF obstacle <> 'qt001_cp_owner, qt001_cp_ledger' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'FIX7a refused: owner and ledger role: expected '
                'qt001_cp_owner, qt001_cp_ledger, as the policy names them, found '
                || obstacle || ', for which the bootstrap was run in this database',
            HINT = 'Name these in the policy, [roles] owner and ledger, and print the script again.'
                ' Or, by the administrator: psql -v ON_ERROR_STOP=1 '
                || pg_catalog.replace('-v owner=' || obstacle, ', ', ' -v ledger=')
                || ' -f scripts/teardown.sql; then psql -v ON_ERROR_STOP=1 '
                '-v owner=qt001_cp_owner -v ledger=qt001_cp_ledger -f scripts/bootstrap.sql';
    END IF;
    SELECT pg_catalog.string_agg(needed.role, ', ') INTO obstacle
    FROM (VALUES ('qt001_cp_ledger'), ('qt001_cp_owner'), ('qt001_cp_author'),
                 ('qt001_cp_operator'), ('qt001_cp_verifier'), ('qt001_cp_auditor')) needed(role)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = needed.role);
    IF obstacle IS NOT NULL OR pg_catalog.to_regclass('qt001_cp.bootstrap') IS NULL
        OR pg_catalog.to_regclass('qt001_cp.run') IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'FIX7a refused: expected the operator''s bootstrap, found '
                || coalesce('no role ' || obstacle, 'no table qt001_cp.bootstrap or qt001_cp.run'),
            HINT = 'psql -v ON_ERROR_STOP=1 -v owner=qt001_cp_owner -v ledger=qt001_cp_ledger '
                '-f scripts/bootstrap.sql';
    END IF;
    SELECT pg_catalog.pg_get_userbyid(nspowner) INTO obstacle
    FROM pg_catalog.pg_namespace WHERE nspname = 'qt001_cp';
    IF obstacle <> 'qt001_cp_ledger' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'FIX7a refused: schema qt001_cp: expected owner qt001_cp_ledger, '
                'found owner ' || obstacle,
            HINT = 'psql -v ON_ERROR_STOP=1 -v owner=qt001_cp_owner -v ledger=qt001_cp_ledger '
                '-f scripts/bootstrap.sql';
    END IF;
    IF NOT EXISTS (
        WITH RECURSIVE acts_as(oid) AS (
            SELECT login.oid FROM pg_catalog.pg_roles login WHERE login.rolname = session_user
            UNION
            SELECT membership.roleid
            FROM pg_catalog.pg_auth_members membership
            JOIN acts_as ON membership.member = acts_as.oid
            -- PostgreSQL 16 and later: neither option makes it the right to grant, no more.
            WHERE coalesce((pg_catalog.to_jsonb(membership) ->> 'inherit_option')::boolean, true)
               OR (pg_catalog.to_jsonb(membership) ->> 'set_option')::boolean
        )
        SELECT 1 FROM acts_as WHERE pg_catalog.pg_get_userbyid(acts_as.oid) = 'qt001_cp_operator'
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = 'FIX7a refused: expected a member of qt001_cp_operator, found login '
                || session_user,
            HINT = pg_catalog.format('GRANT qt001_cp_operator TO %I; -- or connect as the operator',
                                     session_user);
    END IF;
    -- The ledger's own files run as its role, lent for this script.
    IF NOT pg_catalog.pg_has_role(session_user, 'qt001_cp_ledger', CASE
            WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
            THEN 'SET' ELSE 'MEMBER' END) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = 'FIX7a refused: role qt001_cp_ledger: expected a membership by which '
                || session_user || ' may SET ROLE to it, lent for this script, found none',
            HINT = pg_catalog.format(
                'GRANT qt001_cp_ledger TO %1$I%2$s; -- by the administrator; afterwards: '
                'REVOKE qt001_cp_ledger FROM %1$I;', session_user,
                CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
                     THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END);
    END IF;
    -- An event trigger would run in each of our own DDL statements, with the operator's rights.
    SELECT pg_catalog.string_agg(pg_catalog.format('%s (function %s of %s)', trigger.evtname,
                                                   routine.proname, owner.rolname), ', ')
    INTO obstacle
    FROM pg_catalog.pg_event_trigger trigger
    JOIN pg_catalog.pg_proc routine ON routine.oid OPERATOR(pg_catalog.=) trigger.evtfoid
    JOIN pg_catalog.pg_roles owner ON owner.oid OPERATOR(pg_catalog.=) routine.proowner
    WHERE trigger.evtenabled OPERATOR(pg_catalog.<>) 'D' AND NOT owner.rolsuper;
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT108',
            MESSAGE = 'FIX7a refused: expected no event trigger whose function belongs to a role '
                'without SUPERUSER, found ' || obstacle,
            HINT = 'DROP EVENT TRIGGER NAME; or give its function to a superuser.';
    END IF;
    IF NOT pg_catalog.pg_try_advisory_xact_lock(
            pg_catalog.hashtextextended('qt001_cp.cutover', 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT123',
            MESSAGE = 'another session runs a stage of FIX7 in this database',
            HINT = 'Wait until it ends, or see who it is: SELECT pid, usename FROM pg_locks '
                'JOIN pg_stat_activity USING (pid) WHERE locktype = ''advisory'';';
    END IF;
    IF pg_catalog.to_regclass('qt001_cp.event') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'FIX7a refused: expected a database without FIX7a, found it deployed',
            HINT = 'This script has run already; see alembic current.';
    END IF;
    -- What is in our schema before us could be taken for ours: a function that fits a call better.
    SELECT pg_catalog.string_agg(pg_catalog.format('%s of %s', present.object,
                                                   pg_catalog.pg_get_userbyid(present.owner)), ', ')
    INTO obstacle
    FROM (
        SELECT pg_catalog.format('function %s', routine.oid::pg_catalog.regprocedure) AS object,
               routine.proowner AS owner
        FROM pg_catalog.pg_proc routine
        WHERE routine.pronamespace = 'qt001_cp'::pg_catalog.regnamespace
          AND NOT (routine.proname = ANY ('{bootstrap_functions}')
                   AND pg_catalog.pg_get_userbyid(routine.proowner) = 'qt001_cp_ledger')
        UNION ALL
        SELECT 'relation ' || relation.relname, relation.relowner
        FROM pg_catalog.pg_class relation
        WHERE relation.relnamespace = 'qt001_cp'::pg_catalog.regnamespace
          AND relation.relkind NOT IN ('i', 'I', 't')
          AND NOT (relation.relname IN ('bootstrap', 'person', 'run', 'alembic_version')
                   AND pg_catalog.pg_get_userbyid(relation.relowner) = 'qt001_cp_ledger')
        UNION ALL
        SELECT 'type ' || typname, typowner FROM pg_catalog.pg_type
        WHERE typnamespace = 'qt001_cp'::pg_catalog.regnamespace AND typrelid = 0 AND typelem = 0
        UNION ALL
        SELECT 'operator ' || oprname, oprowner FROM pg_catalog.pg_operator
        WHERE oprnamespace = 'qt001_cp'::pg_catalog.regnamespace
        UNION ALL
        SELECT 'schema qt001_cp_watch', nspowner FROM pg_catalog.pg_namespace
        WHERE nspname = 'qt001_cp_watch'
        UNION ALL
        -- They would be granted to somebody with each table and function that this makes.
        SELECT 'default privileges', defaclrole FROM pg_catalog.pg_default_acl
        WHERE pg_catalog.pg_get_userbyid(defaclrole) IN ('qt001_cp_ledger', 'qt001_cp_owner')
    ) present;
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = 'FIX7a refused: schema qt001_cp: expected only what the bootstrap made, '
                'found ' || obstacle,
            HINT = 'Find out who made it, then DROP it; default privileges (pg_default_acl): '
                'ALTER DEFAULT PRIVILEGES FOR ROLE qt001_cp_ledger REVOKE ...';
    END IF;
    -- The roles are the cluster's, the duty is this database's.
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.person
                   WHERE person.login OPERATOR(pg_catalog.=) session_user
                     AND person.duty OPERATOR(pg_catalog.=) 'operator') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = pg_catalog.format('FIX7a refused: login %s: expected duty operator in this '
                                        'database, found none', session_user),
            HINT = pg_catalog.format(
                'INSERT INTO qt001_cp.person (login, person, duty) VALUES (%L, ''...'', '
                '''operator''); -- by the administrator', session_user);
    END IF;
    -- The mark of this script, gone with its savepoint: each later step and COMMIT ask for it.
    SET LOCAL ROLE qt001_cp_ledger;
    PERFORM qt001_cp.begin_run('upgrade fix7a', 'fix7a');
    RESET ROLE;
END
$guard$;
