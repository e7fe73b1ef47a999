-- The preconditions of FIX7b, one function each; contract, section 4.

CREATE FUNCTION qt001_cp.search_path_findings(manifest text, in_force boolean DEFAULT false)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $search_path_findings$
-- Every SECURITY DEFINER routine of the estate and of qt001_cp: pinned, pg_temp last, no schema in
-- it that the application role or PUBLIC could write after the cutover. in_force: only what runs
-- with the rights of somebody who holds something protected; the application's own runs with its
-- own.
WITH app(name) AS (
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name
), writable AS MATERIALIZED (
    SELECT creator.schema FROM qt001_cp.writable_schema(manifest) creator
), routine AS (
    SELECT named.type AS kind, named.identity, (
               SELECT substr(setting, 13) FROM unnest(pg_proc.proconfig) setting
               WHERE starts_with(setting, 'search_path=')) AS path
    FROM app CROSS JOIN pg_proc JOIN pg_namespace ON pg_namespace.oid = pg_proc.pronamespace
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, pg_proc.oid, 0) named
    WHERE pg_proc.prosecdef AND (
        pg_namespace.nspname = 'qt001_cp'
        OR pg_get_userbyid(pg_proc.proowner) IN ('qt001_cp_owner', 'qt001_cp_ledger')
        OR in_force AND pg_proc.oid IN (
               SELECT borrowed.oid FROM qt001_cp.borrowed_routine(manifest) borrowed)
        OR NOT in_force AND pg_namespace.nspname NOT IN ('pg_catalog', 'information_schema') AND (
            has_function_privilege(app.name, pg_proc.oid, 'EXECUTE')
            OR pg_has_role(app.name, pg_proc.proowner, 'MEMBER')))
), pinned AS (
    SELECT routine.*, qt001_cp.path_schemas(routine.path) AS schemas FROM routine
)
SELECT 'QT104', pinned.kind || ' ' || pinned.identity,
       'SET search_path = …, pg_temp, with no schema that the application may write',
       CASE WHEN pinned.path IS NULL THEN 'no pinned search_path'
            WHEN pinned.schemas[cardinality(pinned.schemas)] IS DISTINCT FROM 'pg_temp'
            THEN 'search_path ' || pinned.path || ', where pg_temp is not last'
            ELSE 'search_path ' || pinned.path || ', with a writable schema' END,
       format('ALTER ROUTINE %s SET search_path = pg_catalog, pg_temp; '
              '-- then generate and seal again', pinned.identity)
FROM pinned
WHERE pinned.path IS NULL
   OR pinned.schemas[cardinality(pinned.schemas)] IS DISTINCT FROM 'pg_temp'
   OR EXISTS (SELECT 1 FROM unnest(pinned.schemas) schema
              WHERE schema = '$user' OR schema IN (SELECT writable.schema FROM writable))
$search_path_findings$;

CREATE FUNCTION qt001_cp.rehearsal_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $rehearsal_findings$
-- The last record of exactly this manifest: all families there, every case refused for its reason
-- with the state unchanged, and every object that it has to try tried by each of the four roles.
WITH record AS MATERIALIZED (
    SELECT known.body FROM qt001_cp.record_of(manifest) known(body) WHERE known.body IS NOT NULL
), family(name) AS (
    SELECT listed.name FROM unnest('{nogo_families}'::text[]) listed(name)
    WHERE qt001_cp.has_apply_path(manifest)
       OR listed.name <> ALL ('{apply_path_families}'::text[])
), tried AS MATERIALIZED (
    SELECT known.* FROM record CROSS JOIN LATERAL qt001_cp.tried_case(record.body) known
), lacking AS MATERIALIZED (
    SELECT denied.object, actor.role
    FROM qt001_cp.denied_object(manifest) denied CROSS JOIN qt001_cp.denied_role() actor(role)
    WHERE EXISTS (SELECT 1 FROM record)
      AND NOT EXISTS (SELECT 1 FROM tried
                      WHERE tried.family = 'acl_denials' AND tried.role = actor.role
                        AND tried.object = denied.object)
)
SELECT 'QT105', 'rehearsal of manifest ' || manifest, 'recorded in this database', 'no record',
       'qt001-cp rehearse, then record it: qt001-cp evidence import --rehearsal nogo.json'
WHERE NOT EXISTS (SELECT 1 FROM record)
UNION ALL
SELECT 'QT105', 'no-go family ' || family.name, 'at least one case', 'none',
       'Rehearse again with all families.'
FROM family
WHERE EXISTS (SELECT 1 FROM record)
  AND NOT EXISTS (SELECT 1 FROM tried WHERE tried.family = family.name)
UNION ALL
SELECT 'QT105', format('no-go case %s / %s', tried.family, tried.name),
       'refused with ' || tried.expected::text || ', state unchanged',
       coalesce(tried.sqlstate, 'no SQLSTATE')
       || CASE WHEN coalesce(tried.state_before, '') = '' THEN ', state unknown'
               WHEN tried.state_before IS DISTINCT FROM tried.state_after THEN ', state changed'
               ELSE '' END,
       'Close the route, then rehearse again.'
FROM tried WHERE NOT tried.refused
UNION ALL
-- Where everything has been tried nothing more is asked.
SELECT 'QT105', format('%s as %s', lacking.object, lacking.role),
       'a case in the no-go family acl_denials', 'none',
       CASE WHEN qt001_cp.is_successor(manifest)
            THEN 'Import the record that qt001-cp change prepare has written beside the manifest: '
                 'qt001-cp evidence import FOLDER/nogo.json --rehearsal'
            ELSE 'Rehearse again with this manifest.' END
FROM lacking
WHERE lacking.object IN (SELECT qt001_cp.to_be_tried(manifest))
$rehearsal_findings$;

CREATE FUNCTION qt001_cp.blocked_row(
    target regclass, schema name, name name, state_column text, key_column text, key text,
    OUT rows bigint, OUT state text, OUT problem text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET row_security = off
SET constraint_exclusion = off
AS $blocked_row$
-- How many rows have the key, and the state of the last one; problem: why neither can be said. No
-- function, operator, cast or policy of the application runs: values are compared by the output of
-- their type, row security raises. The planner evaluates what is constant in expressions of indexes
-- and statistics (and, where constraint_exclusion says so, of checks), as whoever reads. What the
-- name means is looked at under a lock: while a reader waits, the application could put a view of
-- its own in the place, and between look and read an index.
BEGIN
    PERFORM qt001_cp.hold_still(schema, name, true);
    IF NOT EXISTS (SELECT 1 FROM pg_class
                   WHERE oid = to_regclass(format('%I.%I', schema, name))
                     AND oid = target AND relkind = 'r') THEN
        problem := 'another relation in its place';
        RETURN;
    END IF;
    problem := qt001_cp.run_by_reading(ARRAY[target::oid]);
    IF problem IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'SELECT pg_catalog.count(*), pg_catalog.max(pg_catalog.format(''%%s'', entry.%I)) '
        'FROM ONLY %I.%I entry '
        'WHERE pg_catalog.format(''%%s'', entry.%I) OPERATOR(pg_catalog.=) $1',
        state_column, schema, name, key_column) INTO rows, state USING key;
END
$blocked_row$;

CREATE FUNCTION qt001_cp.blocked_finding(
    manifest text, switch jsonb, OUT problem text, OUT remedy text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET row_security = off
AS $blocked_finding$
-- Why a switch, an entry of [[blocked]], does not say that it is blocked, and what to do; NULL
-- where it does.
DECLARE
    target record;
    read record;
BEGIN
    remedy := 'Correct [[blocked]] of the policy, which names what does not exist; then generate '
              'and seal a new manifest.';
    SELECT pg_class.oid, pg_class.relowner, pg_namespace.nspname, pg_class.relname INTO target
    FROM qt001_cp.manifest_row entry
    JOIN pg_namespace ON pg_namespace.nspname = entry.object ->> 'schema'
    JOIN pg_class ON pg_class.relnamespace = pg_namespace.oid AND pg_class.relkind = 'r'
         AND pg_class.relname = entry.object ->> 'name'
    WHERE entry.manifest = blocked_finding.manifest AND entry.object ->> 'kind' = 'table'
      AND entry.object ->> 'identity' = switch ->> 'table';
    IF target.oid IS NULL THEN
        problem := 'no such plain table';
        RETURN;
    END IF;
    SELECT row_found.* INTO read FROM qt001_cp.blocked_row(
        target.oid, target.nspname, target.relname, switch ->> 'state_column',
        switch ->> 'key_column', switch ->> 'key') row_found;
    problem := CASE
        WHEN read.problem IS NOT NULL THEN read.problem
        WHEN read.rows = 0 THEN 'no such row'
        WHEN read.rows > 1 THEN read.rows || ' rows'
        WHEN read.state IS DISTINCT FROM switch ->> 'blocked' THEN coalesce(read.state, 'NULL') END;
    IF read.rows = 1 THEN
        remedy := format(
            'UPDATE %s SET %I = %L WHERE %I = %L; -- as the application''s administrator; or '
            'correct [[blocked]] of the policy', switch ->> 'table', switch ->> 'state_column',
            switch ->> 'blocked', switch ->> 'key_column', switch ->> 'key');
    END IF;
EXCEPTION
    WHEN undefined_column OR undefined_table OR wrong_object_type THEN
        problem := SQLERRM;
    WHEN insufficient_privilege THEN
        problem := SQLERRM;
        remedy := qt001_cp.membership_hint(pg_get_userbyid(target.relowner), true, false);
END
$blocked_finding$;

CREATE FUNCTION qt001_cp.blocked_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $blocked_findings$
-- apply and readiness are blocked: the rows that the policy names say so. Plain tables only.
SELECT 'QT106', format('%s: %s %s', switch ->> 'what', switch ->> 'table', switch ->> 'key'),
       format('%s = %s', switch ->> 'state_column', switch ->> 'blocked'),
       answer.problem, answer.remedy
FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'blocked') switch
CROSS JOIN LATERAL qt001_cp.blocked_finding(manifest, switch) answer
WHERE answer.problem IS NOT NULL
$blocked_findings$;

CREATE FUNCTION qt001_cp.login_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $login_findings$
-- The session's login is an operator's and no more, and so are all others what they are.
SELECT 'QT107', 'session of ' || session_user, 'a member of qt001_cp_operator', 'not a member',
       format('GRANT qt001_cp_operator TO %I; -- or connect as the operator', session_user)
WHERE NOT 'qt001_cp_operator' IN (SELECT known.role FROM qt001_cp.membership(session_user) known)
UNION ALL
SELECT 'QT107', 'session of ' || session_user, 'duty operator in this database',
       coalesce('duty ' || substr(had.duty, 10), 'none'),
       format('INSERT INTO qt001_cp.person (login, person, duty) VALUES (%L, ''…'', ''operator''); '
              '-- by the administrator; or connect as the operator', session_user)
FROM (SELECT qt001_cp.duty_of(session_user) AS duty) had
WHERE had.duty IS DISTINCT FROM 'qt001_cp_operator'
UNION ALL
SELECT finding.* FROM qt001_cp.roles_apart_findings() finding
$login_findings$;

CREATE FUNCTION qt001_cp.set_role_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $set_role_findings$
-- Where the login or the database says so at each start of a session, RESET ROLE would lead back
-- to that role.
SELECT 'QT107', 'session of ' || session_user, 'no SET ROLE in force',
       'current_user ' || current_user,
       coalesce((
           SELECT string_agg(
                      CASE WHEN setting.setrole = 0
                           THEN format('ALTER DATABASE %I RESET role;', current_database())
                           WHEN setting.setdatabase = 0
                           THEN format('ALTER ROLE %I RESET role;', session_user)
                           ELSE format('ALTER ROLE %I IN DATABASE %I RESET role;', session_user,
                                       current_database()) END, ' ')
                  || ' -- and connect again'
           FROM pg_db_role_setting setting CROSS JOIN LATERAL unnest(setting.setconfig) entry
           WHERE starts_with(entry, 'role=')
             AND setting.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
             AND setting.setdatabase IN (0, (SELECT oid FROM pg_database
                                             WHERE datname = current_database()))),
           'RESET ROLE;')
WHERE current_user <> session_user
$set_role_findings$;

CREATE FUNCTION qt001_cp.operator_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $operator_findings$
SELECT finding.* FROM qt001_cp.set_role_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.login_findings() finding
$operator_findings$;

CREATE FUNCTION qt001_cp.lock_need(manifest text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_need$
-- Lock slots of the cutover, one a lock tag, as they are held at its end: what ALTER … OWNER takes,
-- what GRANT and REVOKE take (18), what is read on the way (definitions, catalogs, our own tables),
-- and the roles.
WITH object AS MATERIALIZED (
    SELECT entry.* FROM qt001_cp.manifest_object(manifest) entry
), relation AS MATERIALIZED (
    SELECT pg_class.oid, pg_class.reltoastrelid, object.disposition = 'transfer' AS transferred
    FROM object JOIN pg_namespace ON pg_namespace.nspname = object.schema
    JOIN pg_class ON pg_class.relnamespace = pg_namespace.oid AND pg_class.relname = object.name
    WHERE object.kind IN (SELECT known.kind FROM qt001_cp.object_kind known WHERE known.relation)
       OR pg_class.relkind = 'c' AND object.kind = 'type'
), transferred AS (
    SELECT relation.* FROM relation WHERE relation.transferred
), granted AS (
    SELECT object.kind, object.identity
    FROM object CROSS JOIN LATERAL jsonb_array_elements(
        (object.ways -> 'forward' -> 'pre') || (object.ways -> 'forward' -> 'post')) step
    WHERE object.disposition = 'transfer'
      AND object.kind NOT IN ('function', 'procedure', 'aggregate', 'default acl')
      AND object.kind NOT IN (
              SELECT known.kind FROM qt001_cp.object_kind known WHERE known.relation)
       OR object.disposition = 'lend'
    GROUP BY object.kind, object.identity
), worded AS (
    -- What views, rules and policies of the estate read is locked while PostgreSQL words their
    -- definition.
    SELECT DISTINCT dependency.refobjid AS oid FROM relation
    CROSS JOIN LATERAL (
        SELECT 'pg_rewrite'::regclass::oid AS classid, oid FROM pg_rewrite
        WHERE ev_class = relation.oid
        UNION ALL
        SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = relation.oid) part
    JOIN pg_depend dependency ON dependency.classid = part.classid AND dependency.objid = part.oid
        AND dependency.refclassid = 'pg_class'::regclass AND dependency.refobjid <> relation.oid
    WHERE dependency.refobjid NOT IN (SELECT transferred.oid FROM transferred)
), catalog AS (
    SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace
      AND (relkind = 'r' AND relname !~ '^pg_(replication|shseclabel|shdesc)'
                AND (relname <> ALL (qt001_cp.ignored_catalogs()) OR relname = 'pg_user_mapping')
           OR relkind = 'v' AND relname IN ({views_read}))
), own AS (
    SELECT oid FROM pg_class
    WHERE relnamespace = 'qt001_cp'::regnamespace
      AND (relkind IN ('r', 'p', 'i', 'I') OR relname = 'v_part')
)
SELECT (SELECT count(*) FROM transferred)
     + (SELECT count(*) FROM transferred JOIN pg_index ON pg_index.indrelid = transferred.oid)
     + 2 * (SELECT count(*) FROM transferred WHERE transferred.reltoastrelid <> 0)
     + (SELECT count(*) FROM object
        WHERE object.disposition = 'transfer'
          AND object.kind IN ('function', 'procedure', 'aggregate'))
     + (SELECT count(*) FROM granted WHERE current_setting('server_version_num')::int >= 180000)
     + (SELECT count(*) FROM worded)
     + (SELECT count(*) FROM catalog)
     + (SELECT count(*) FROM catalog JOIN pg_index ON pg_index.indrelid = catalog.oid)
     + (SELECT count(*) FROM own)
     -- Long values: toast tables of pg_proc, the documents, their rows, what a run keeps.
     + 2 * 8
     -- Roles, the advisory lock, the transaction itself.
     + 2 + 1 + 2
$lock_need$;

CREATE FUNCTION qt001_cp.lock_capacity() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $lock_capacity$
SELECT current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint
          + current_setting('max_prepared_transactions')::bigint)
$lock_capacity$;

CREATE FUNCTION qt001_cp.lock_estimate(manifest text)
RETURNS TABLE (needed bigint, capacity bigint, free bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_estimate$
-- Lock slots that the cutover needs, that the server has (the documented product: a safe lower
-- bound), and that no other session holds now. Fast-path locks take no slot.
SELECT qt001_cp.lock_need(manifest), slots.capacity, slots.capacity - slots.used
FROM (SELECT qt001_cp.lock_capacity() AS capacity,
             (SELECT count(*) FROM (
                  SELECT DISTINCT pid, virtualtransaction, locktype, database, relation, page,
                                  tuple, virtualxid, transactionid::text, classid, objid, objsubid
                  FROM pg_locks
                  WHERE NOT fastpath AND pid IS DISTINCT FROM pg_backend_pid()) tag) AS used) slots
$lock_estimate$;

CREATE FUNCTION qt001_cp.lock_findings(manifest text, in_script boolean)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_findings$
BEGIN
    RETURN QUERY
    SELECT 'QT109'::text, 'lock slots'::text,
           format('at most %s needed, as many as are free', estimate.free),
           format('%s needed', estimate.needed),
           'Raise max_locks_per_transaction and restart, or run it when fewer locks are held.'::text
    FROM qt001_cp.lock_estimate(manifest) estimate WHERE estimate.needed > estimate.free;
    IF NOT in_script THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'QT109'::text, setting.name, 'a limit, set in the script'::text, 'no limit'::text,
           format('SET LOCAL %s = ''5s'';', setting.name)
    FROM (VALUES ('lock_timeout'), ('statement_timeout')) setting(name)
    WHERE current_setting(setting.name) = '0'
    UNION ALL
    SELECT 'QT109', 'transaction isolation', 'read committed',
           current_setting('transaction_isolation'),
           'Run the script in a transaction of its own, as it is printed.'
    WHERE current_setting('transaction_isolation') <> 'read committed';
END
$lock_findings$;

CREATE FUNCTION qt001_cp.seal_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $seal_findings$
SELECT 'QT101', 'manifest ' || manifest, 'sealed in this database',
       coalesce(known.state, 'unknown here'),
       CASE WHEN known.state IN ('superseded', 'withdrawn')
            -- Once everything is taken back none is deployed.
            THEN coalesce('Use the manifest that is deployed: '
                              || CASE known.state WHEN 'superseded'
                                 THEN qt001_cp.in_force('qt001.manifest.object/1') END,
                          'Use the manifest that is sealed: '
                              || qt001_cp.sealed('qt001.manifest.object/1'),
                          'Propose it again and seal it: qt001-cp manifest generate --propose')
            ELSE 'qt001-cp manifest seal FILE' END
FROM (SELECT) one
LEFT JOIN qt001_cp.manifest_state() known
       ON known.digest = manifest AND known.kind = 'qt001.manifest.object/1'
WHERE known.state IS NULL OR known.state NOT IN ('sealed', 'deployed')
$seal_findings$;

CREATE FUNCTION qt001_cp.restore_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $restore_findings$
WITH implied AS MATERIALIZED (
    SELECT qt001_cp.implied_sha256(manifest, 'restore') AS sha256
), registered AS (
    SELECT event.detail ->> 'sha256' AS sha256 FROM qt001_cp.event
    WHERE event.verb = 'restore_registered' AND event.subject = manifest
    ORDER BY event.seq DESC LIMIT 1
)
SELECT 'QT103', 'restore script of manifest ' || manifest, 'registered with ' || implied.sha256,
       coalesce('registered with ' || registered.sha256, 'not registered'),
       'qt001-cp manifest seal FILE -- registers it'
FROM implied LEFT JOIN registered ON true
WHERE registered.sha256 IS DISTINCT FROM implied.sha256
$restore_findings$;

CREATE FUNCTION qt001_cp.stage_findings(wanted_stage text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $stage_findings$
-- The right stage. wanted_stage: NULL where any is.
SELECT 'QT122', 'stage', wanted_stage, qt001_cp.stage(),
       'See qt001-cp status; this script has run already, or another one comes first.'
WHERE qt001_cp.stage() <> wanted_stage
$stage_findings$;

CREATE FUNCTION qt001_cp.place_findings(manifest text, wanted_stage text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $place_findings$
-- The right database and the right stage, on a server that is supported.
SELECT finding.*
FROM qt001_cp.version_findings(current_setting('server_version_num')::int) finding
UNION ALL
SELECT 'QT121', 'database', document ->> 'database', current_database()::text,
       'Connect to the database of the manifest.'
FROM qt001_cp.document_json(manifest) document
WHERE document ->> 'database' <> current_database()
UNION ALL
SELECT finding.* FROM qt001_cp.stage_findings(wanted_stage) finding
$place_findings$;

CREATE FUNCTION qt001_cp.target_findings(manifest text, wanted_stage text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $target_findings$
-- The same, and the major version of the manifest: going forward changes what was reviewed there.
SELECT finding.* FROM qt001_cp.place_findings(manifest, wanted_stage) finding
UNION ALL
SELECT 'QT120', 'server', 'major version ' || (document ->> 'server_major'),
       current_setting('server_version'),
       'Generate and seal a manifest on this server: privileges differ between major versions.'
FROM qt001_cp.document_json(manifest) document
WHERE (document ->> 'server_major')::int <> current_setting('server_version_num')::int / 10000
$target_findings$;

CREATE FUNCTION qt001_cp.fix7b_findings(
    manifest text, in_script boolean DEFAULT false, record_pending boolean DEFAULT false,
    keep_sessions boolean DEFAULT false)
RETURNS TABLE (precondition int, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $fix7b_findings$
-- All preconditions of FIX7b, numbered as in the contract; 0 is the server, the database and the
-- stage. Empty means: go. record_pending: this run is the one that makes the no-go record. Only in
-- a database marked as a rehearsal.
BEGIN
    RETURN QUERY SELECT 0, finding.* FROM qt001_cp.target_findings(manifest, 'fix7a') finding;
    RETURN QUERY SELECT 1, finding.* FROM qt001_cp.seal_findings(manifest) finding;
    IF qt001_cp.document_json(manifest) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 2, finding.* FROM qt001_cp.coverage_findings(manifest, 'before') finding;
    RETURN QUERY SELECT 2, finding.*
    FROM qt001_cp.content_findings(manifest, qt001_cp.content_now(manifest, true)) finding;
    RETURN QUERY SELECT 3, finding.* FROM qt001_cp.intent_findings(manifest) finding;
    RETURN QUERY SELECT 3, finding.* FROM qt001_cp.growth_findings(manifest) finding;
    RETURN QUERY SELECT 3, finding.* FROM qt001_cp.restore_findings(manifest) finding;
    RETURN QUERY SELECT 4, finding.* FROM qt001_cp.search_path_findings(manifest) finding;
    IF NOT record_pending THEN
        RETURN QUERY SELECT 5, finding.* FROM qt001_cp.rehearsal_findings(manifest) finding;
    ELSIF NOT qt001_cp.is_rehearsal() THEN
        RETURN QUERY
        SELECT 5, 'QT105'::text, 'database ' || current_database(),
               'marked as a rehearsal by the bootstrap'::text, 'not marked'::text,
               'Rehearse elsewhere first, then print the script without rehearsal=first.'::text;
    END IF;
    RETURN QUERY SELECT 6, finding.* FROM qt001_cp.blocked_findings(manifest) finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.set_role_findings() finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.login_findings() finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.ledger_member_findings() finding;
    RETURN QUERY SELECT 7, finding.*
    FROM qt001_cp.operator_power_findings(manifest, 'forward') finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.application_power_findings(
                              (qt001_cp.document_json(manifest) ->> 'application')::name) finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.reach_findings(manifest) finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.duty_path_findings(manifest) finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.control_schema_findings('QT108') finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.session_findings(manifest) finding;
    RETURN QUERY SELECT 8, finding.*
    FROM qt001_cp.open_session_findings(manifest, keep_sessions) finding;
    RETURN QUERY SELECT 9, finding.* FROM qt001_cp.new_owner_findings(manifest) finding;
    RETURN QUERY SELECT 10, finding.* FROM qt001_cp.lock_findings(manifest, in_script) finding;
END
$fix7b_findings$;
