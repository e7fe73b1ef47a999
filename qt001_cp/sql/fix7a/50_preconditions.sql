-- The preconditions of FIX7b, one function each; contract, section 4.

CREATE FUNCTION qt001_cp.search_path_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $search_path_findings$
-- Every SECURITY DEFINER routine of the estate and of qt001_cp: pinned, pg_temp last, no schema in it that the
-- application role or PUBLIC could write after the cutover.
WITH app(name) AS (SELECT (qt001_cp.document_json(manifest) ->> 'application')::name
), place AS MATERIALIZED (SELECT o.* FROM qt001_cp.manifest_object(manifest) o
), writable(schema) AS (
    SELECT p.name FROM place p, app
    WHERE p.kind = 'schema' AND (
        coalesce(p.after, p.before) ->> 'owner' IN (SELECT qt001_cp.member_of(app.name))
        OR EXISTS (SELECT 1 FROM jsonb_array_elements(coalesce(p.after, p.before) -> 'acl') a(value)
                   WHERE a.value ->> 2 = 'CREATE' AND (a.value ->> 1 IS NULL OR a.value ->> 1 IN (SELECT qt001_cp.member_of(app.name)))))
), routine AS (
    SELECT i.type AS kind, i.identity, (SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE starts_with(c, 'search_path=')) AS path
    FROM app, pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, p.oid, 0) i
    WHERE p.prosecdef AND (n.nspname = 'qt001_cp' OR pg_get_userbyid(p.proowner) = 'qt001_cp_owner'
        OR n.nspname NOT IN ('pg_catalog', 'information_schema') AND (
            has_function_privilege(app.name, p.oid, 'EXECUTE') OR pg_has_role(app.name, p.proowner, 'MEMBER')))
), part AS (
    SELECT r.kind, r.identity, r.path, qt001_cp.path_schemas(r.path) AS schemas FROM routine r
)
SELECT 'QT104', p.kind || ' ' || p.identity, 'SET search_path = …, pg_temp, every schema in it not writable by the application',
       CASE WHEN p.path IS NULL THEN 'no pinned search_path'
            WHEN p.schemas[cardinality(p.schemas)] IS DISTINCT FROM 'pg_temp' THEN 'search_path ' || p.path || ', pg_temp is not last'
            ELSE 'search_path ' || p.path || ' holds a writable schema' END,
       format('ALTER ROUTINE %s SET search_path = pg_catalog, pg_temp; then generate and seal again', p.identity)
FROM part p
WHERE p.path IS NULL OR p.schemas[cardinality(p.schemas)] IS DISTINCT FROM 'pg_temp'
   OR EXISTS (SELECT 1 FROM unnest(p.schemas) s WHERE s = '$user' OR s IN (SELECT w.schema FROM writable w))
$search_path_findings$;

CREATE FUNCTION qt001_cp.rehearsal_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $rehearsal_findings$
-- The last record of exactly this manifest: all families there, every case refused for its reason with the state
-- unchanged, and every transferred object tried by each of the four roles.
WITH record AS MATERIALIZED (
    SELECT qt001_cp.document_json(e.detail ->> 'document') AS doc
    FROM qt001_cp.event e WHERE e.verb = 'rehearsal_recorded' AND e.subject = manifest ORDER BY e.seq DESC LIMIT 1
), family(name) AS (
    VALUES ('acl_denials'), ('denominator'), ('spoof_self_sign_stale'), ('fake_capability'),
           ('canonical_hash_sensitivity'), ('unknown_dependency'), ('protected_state_no_worse')
), kase AS MATERIALIZED (
    SELECT c.value ->> 'family' AS family, c.value ->> 'name' AS name, c.value ->> 'role' AS role, c.value ->> 'object' AS object,
           c.value -> 'expected' AS expected, c.value ->> 'sqlstate' AS sqlstate, c.value ->> 'state_before' AS state_before,
           c.value ->> 'state_after' AS state_after
    FROM record r, jsonb_array_elements(r.doc -> 'cases') c(value)
), who(role) AS (VALUES ('application'), ('public_only'), ('author'), ('auditor'))
SELECT 'QT105', 'rehearsal of manifest ' || manifest, 'recorded in this database', 'no record',
       'qt001-cp rehearse, then record it: qt001-cp evidence import --rehearsal nogo.json'
WHERE NOT EXISTS (SELECT 1 FROM record)
UNION ALL
SELECT 'QT105', 'no-go family ' || f.name, 'at least one case', 'none', 'Rehearse again with all families.'
FROM family f WHERE EXISTS (SELECT 1 FROM record) AND NOT EXISTS (SELECT 1 FROM kase k WHERE k.family = f.name)
UNION ALL
SELECT 'QT105', format('no-go case %s / %s', k.family, k.name), 'refused with ' || k.expected::text || ', state unchanged',
       coalesce(k.sqlstate, 'no SQLSTATE') || CASE WHEN k.state_before IS DISTINCT FROM k.state_after THEN ', state changed' ELSE '' END,
       'Close the route, then rehearse again.'
FROM kase k
WHERE coalesce(k.expected @> to_jsonb(k.sqlstate), false) IS NOT TRUE OR k.state_before IS NULL OR k.state_before IS DISTINCT FROM k.state_after
UNION ALL
SELECT 'QT105', format('%s %s as %s', o.kind, o.identity, w.role), 'tried in the family acl_denials', 'not tried', 'Rehearse again with this manifest.'
FROM qt001_cp.manifest_object(manifest) o CROSS JOIN who w
WHERE o.disposition = 'transfer' AND o.kind <> 'default acl' AND EXISTS (SELECT 1 FROM record)
  AND NOT EXISTS (SELECT 1 FROM kase k WHERE k.family = 'acl_denials' AND k.role = w.role AND k.object = o.kind || ' ' || o.identity)
$rehearsal_findings$;

CREATE FUNCTION qt001_cp.blocked_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET row_security = off
AS $blocked_findings$
-- apply and readiness are blocked: the rows that the policy names say so. Plain tables only, and no function, operator,
-- cast or policy of the application runs: values are compared by the output of their type, row security raises. What the
-- name means is looked at under a lock: while a reader waits, the application could put a view of its own in the place.
DECLARE
    probe jsonb;
    target record;
    held text;
    rows bigint;
    problem text;
    remedy text;
BEGIN
    FOR probe IN SELECT b FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'blocked') b LOOP
        problem := NULL;
        remedy := 'Mend [[blocked]] of the policy, which names what is not there; then generate and seal a new manifest.';
        SELECT o.object ->> 'schema' AS schema, o.object ->> 'name' AS name, c.oid INTO target
        FROM qt001_cp.manifest_row o
        JOIN pg_namespace n ON n.nspname = o.object ->> 'schema'
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.object ->> 'name' AND c.relkind = 'r'
        WHERE o.manifest = blocked_findings.manifest AND o.object ->> 'identity' = probe ->> 'table' AND o.object ->> 'kind' = 'table';
        IF target.name IS NULL THEN
            problem := 'no such plain table';
        ELSE
            BEGIN
                EXECUTE format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE', target.schema, target.name);
                IF NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = to_regclass(format('%I.%I', target.schema, target.name))
                               AND c.oid = target.oid AND c.relkind = 'r') THEN
                    problem := 'another relation in its place';
                ELSE
                    EXECUTE format('SELECT pg_catalog.count(*), pg_catalog.max(pg_catalog.format(''%%s'', t.%I)) FROM ONLY %I.%I t '
                                   'WHERE pg_catalog.format(''%%s'', t.%I) OPERATOR(pg_catalog.=) $1',
                                   probe ->> 'state_column', target.schema, target.name, probe ->> 'key_column')
                    INTO rows, held USING probe ->> 'key';
                    problem := CASE WHEN rows = 0 THEN 'no such row' WHEN rows > 1 THEN rows || ' rows'
                                    WHEN held IS DISTINCT FROM probe ->> 'blocked' THEN coalesce(held, 'NULL') END;
                    IF rows = 1 THEN
                        remedy := format('UPDATE %s SET %I = %L WHERE %I = %L; -- as the application''s administrator; or mend [[blocked]] of the policy',
                                         probe ->> 'table', probe ->> 'state_column', probe ->> 'blocked', probe ->> 'key_column', probe ->> 'key');
                    END IF;
                END IF;
            EXCEPTION WHEN undefined_column OR undefined_table OR wrong_object_type THEN
                problem := SQLERRM;
            WHEN insufficient_privilege THEN
                problem := SQLERRM;
                remedy := (SELECT qt001_cp.membership_hint(pg_get_userbyid(c.relowner), true, false) FROM pg_class c
                           WHERE c.oid = target.oid);  -- by its number: the name may be in a schema without USAGE
            END;
        END IF;
        IF problem IS NOT NULL THEN
            RETURN QUERY SELECT 'QT106'::text, format('%s: %s %s', probe ->> 'what', probe ->> 'table', probe ->> 'key'),
                format('%s = %s', probe ->> 'state_column', probe ->> 'blocked'), problem, remedy;
        END IF;
    END LOOP;
END
$blocked_findings$;

CREATE FUNCTION qt001_cp.login_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $login_findings$
-- The session's login is an operator's and no more, and so are all others what they are.
WITH held(role) AS MATERIALIZED (SELECT m.role FROM qt001_cp.membership(session_user) m)
SELECT 'QT107', 'session of ' || session_user, 'a member of qt001_cp_operator', 'no member',
       format('GRANT qt001_cp_operator TO %I; -- or connect as the operator', session_user)
WHERE NOT 'qt001_cp_operator' IN (SELECT h.role FROM held h)
UNION ALL
SELECT 'QT107', 'session of ' || session_user, 'no member of ' || h.role, 'a member', format('REVOKE %I FROM %I;', h.role, session_user)
FROM held h
WHERE h.role IN (SELECT d.role FROM qt001_cp.duty() d WHERE d.role <> 'qt001_cp_operator')
UNION ALL
SELECT f.* FROM qt001_cp.roles_apart_findings() f
$login_findings$;

CREATE FUNCTION qt001_cp.set_role_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $set_role_findings$
SELECT 'QT107', 'session of ' || session_user, 'no SET ROLE in force', 'current_user is ' || current_user, 'RESET ROLE;'
WHERE current_user <> session_user
$set_role_findings$;

CREATE FUNCTION qt001_cp.operator_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $operator_findings$
SELECT f.* FROM qt001_cp.set_role_findings() f
UNION ALL
SELECT f.* FROM qt001_cp.login_findings() f
$operator_findings$;

CREATE FUNCTION qt001_cp.lock_need(manifest text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_need$
-- Lock slots of the cutover, one a lock tag, as they are held at its end: what ALTER … OWNER takes, what GRANT and REVOKE take
-- (18), what is read on the way (definitions, catalogs, our own tables), the roles, and the segment of the ledger.
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
    FROM object, jsonb_array_elements((object.ways -> 'forward' -> 'pre') || (object.ways -> 'forward' -> 'post')) step
    WHERE object.disposition = 'transfer' AND object.kind NOT IN ('function', 'procedure', 'aggregate', 'default acl')
      AND object.kind NOT IN (SELECT known.kind FROM qt001_cp.object_kind known WHERE known.relation)
    GROUP BY object.kind, object.identity
), worded AS (
    -- What views, rules and policies of the estate read is locked while PostgreSQL words their definition.
    SELECT DISTINCT dependency.refobjid AS oid FROM relation
    CROSS JOIN LATERAL (SELECT 'pg_rewrite'::regclass::oid AS classid, oid FROM pg_rewrite WHERE ev_class = relation.oid
                        UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = relation.oid) part
    JOIN pg_depend dependency ON dependency.classid = part.classid AND dependency.objid = part.oid
        AND dependency.refclassid = 'pg_class'::regclass AND dependency.refobjid <> relation.oid
    WHERE dependency.refobjid NOT IN (SELECT transferred.oid FROM transferred)
), catalog AS (
    SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace
      AND (relkind = 'r' AND relname <> ALL (qt001_cp.ignored_catalogs()) AND relname !~ '^pg_(replication|shseclabel|shdesc)'
           OR relkind = 'v' AND relname IN ({views_read}))
), own AS (
    SELECT oid FROM pg_class WHERE relnamespace = 'qt001_cp'::regnamespace AND relkind IN ('r', 'p', 'i', 'I')
)
SELECT (SELECT count(*) FROM transferred)
     + (SELECT count(*) FROM transferred JOIN pg_index ON pg_index.indrelid = transferred.oid)
     + 2 * (SELECT count(*) FROM transferred WHERE transferred.reltoastrelid <> 0)
     + (SELECT count(*) FROM object WHERE object.disposition = 'transfer' AND object.kind IN ('function', 'procedure', 'aggregate'))
     + (SELECT count(*) FROM granted WHERE current_setting('server_version_num')::int >= 180000)
     + (SELECT count(*) FROM worded)
     + (SELECT count(*) FROM catalog) + (SELECT count(*) FROM catalog JOIN pg_index ON pg_index.indrelid = catalog.oid)
     + (SELECT count(*) FROM own)
     + 2 * 5                                -- long values: toast tables of pg_proc, the documents, their rows, what a run keeps
     + 6 + 4                                -- roles, advisory locks, the transaction itself
     -- The segment of the ledger: its tables, and what makes them; on the way back, since 18, each constraint, trigger and
     -- type that goes with them.
     + 8 + CASE WHEN current_setting('server_version_num')::int < 180000 THEN 1
                WHEN qt001_cp.stage() = 'fix7b' THEN 29 ELSE 12 END
$lock_need$;

CREATE FUNCTION qt001_cp.lock_capacity() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $lock_capacity$
SELECT current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
$lock_capacity$;

CREATE FUNCTION qt001_cp.lock_estimate(manifest text) RETURNS TABLE (needed bigint, capacity bigint, free bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_estimate$
-- Lock slots that the cutover needs, that the server has (the documented product: a safe lower bound), and that no other
-- session holds now. Fast-path locks take no slot.
SELECT qt001_cp.lock_need(manifest), slots.capacity, slots.capacity - slots.used
FROM (SELECT qt001_cp.lock_capacity() AS capacity,
             (SELECT count(*) FROM (
                  SELECT DISTINCT pid, virtualtransaction, locktype, database, relation, page, tuple, virtualxid,
                                  transactionid::text, classid, objid, objsubid
                  FROM pg_locks WHERE NOT fastpath AND pid IS DISTINCT FROM pg_backend_pid()) tag) AS used) slots
$lock_estimate$;

CREATE FUNCTION qt001_cp.lock_findings(manifest text, in_script boolean)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_findings$
BEGIN
    RETURN QUERY
    SELECT 'QT109'::text, 'lock slots'::text, format('at most %s', estimate.free), estimate.needed::text,
           'Raise max_locks_per_transaction and restart, or run it when fewer locks are held.'::text
    FROM qt001_cp.lock_estimate(manifest) estimate WHERE estimate.needed > estimate.free;
    IF NOT in_script THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'QT109'::text, setting.name, 'set to a limit in the script'::text, 'no limit'::text,
           format('SET LOCAL %s = ''5s'';', setting.name)
    FROM (VALUES ('lock_timeout'), ('statement_timeout')) setting(name) WHERE current_setting(setting.name) = '0'
    UNION ALL
    SELECT 'QT109', 'transaction isolation', 'read committed', current_setting('transaction_isolation'),
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
SELECT 'QT101', 'manifest ' || manifest, 'sealed in this database', coalesce(m.state, 'unknown here'),
       CASE WHEN m.state = 'superseded' THEN 'Use the manifest that superseded it: ' || qt001_cp.sealed('qt001.manifest.object/1')
            ELSE 'qt001-cp manifest seal FILE' END
FROM (SELECT) one LEFT JOIN qt001_cp.manifest_state() m ON m.digest = manifest AND m.kind = 'qt001.manifest.object/1'
WHERE m.state IS DISTINCT FROM 'sealed'
$seal_findings$;

CREATE FUNCTION qt001_cp.restore_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $restore_findings$
SELECT 'QT103', 'restore script of manifest ' || manifest, 'registered with ' || qt001_cp.implied_sha256(manifest, 'restore'),
       coalesce('registered with ' || r.sha256, 'not registered'), 'qt001-cp manifest seal FILE registers it'
FROM (SELECT) one LEFT JOIN LATERAL (
    SELECT e.detail ->> 'sha256' AS sha256 FROM qt001_cp.event e
    WHERE e.verb = 'restore_registered' AND e.subject = manifest ORDER BY e.seq DESC LIMIT 1) r ON true
WHERE r.sha256 IS DISTINCT FROM qt001_cp.implied_sha256(manifest, 'restore')
$restore_findings$;

CREATE FUNCTION qt001_cp.target_findings(manifest text, wanted_stage text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $target_findings$
-- The right server, the right database, the right moment.
SELECT v.* FROM qt001_cp.version_findings(current_setting('server_version_num')::int) v
UNION ALL
SELECT 'QT121', 'database', doc.j ->> 'database', current_database()::text, 'Connect to the database of the manifest.'
FROM (SELECT qt001_cp.document_json(manifest) AS j) doc WHERE doc.j IS NOT NULL AND doc.j ->> 'database' <> current_database()
UNION ALL
SELECT 'QT120', 'server', 'major version ' || (doc.j ->> 'server_major'), current_setting('server_version'),
       'Generate and seal a manifest on this server: privileges differ between major versions.'
FROM (SELECT qt001_cp.document_json(manifest) AS j) doc
WHERE doc.j IS NOT NULL AND (doc.j ->> 'server_major')::int <> current_setting('server_version_num')::int / 10000
UNION ALL
SELECT 'QT122', 'stage', wanted_stage, qt001_cp.stage(), 'See qt001-cp status; this script has run already, or another one comes first.'
WHERE qt001_cp.stage() <> wanted_stage
$target_findings$;

CREATE FUNCTION qt001_cp.fix7b_findings(manifest text, in_script boolean DEFAULT false, record_pending boolean DEFAULT false,
                                        keep_sessions boolean DEFAULT false)
RETURNS TABLE (precondition int, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $fix7b_findings$
-- All preconditions of FIX7b, numbered as in the contract; 0 is the server, the database and the stage. Empty means: go.
-- record_pending: this run is the one that makes the no-go record. Only in a database marked as a rehearsal.
BEGIN
    RETURN QUERY SELECT 0, finding.* FROM qt001_cp.target_findings(manifest, 'fix7a') finding;
    RETURN QUERY SELECT 1, finding.* FROM qt001_cp.seal_findings(manifest) finding;
    IF qt001_cp.document_json(manifest) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 2, finding.* FROM qt001_cp.coverage_findings(manifest, 'before') finding;
    RETURN QUERY SELECT 3, finding.* FROM qt001_cp.intent_findings(manifest) finding;
    RETURN QUERY SELECT 3, finding.* FROM qt001_cp.restore_findings(manifest) finding;
    RETURN QUERY SELECT 4, finding.* FROM qt001_cp.search_path_findings(manifest) finding;
    IF NOT record_pending THEN
        RETURN QUERY SELECT 5, finding.* FROM qt001_cp.rehearsal_findings(manifest) finding;
    ELSIF NOT qt001_cp.is_rehearsal() THEN
        RETURN QUERY SELECT 5, 'QT105'::text, 'database ' || current_database(), 'marked as a rehearsal by the bootstrap'::text,
                            'not marked'::text, 'Print the script without rehearsal=first, and rehearse elsewhere before.'::text;
    END IF;
    RETURN QUERY SELECT 6, finding.* FROM qt001_cp.blocked_findings(manifest) finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.set_role_findings() finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.login_findings() finding;
    RETURN QUERY SELECT 7, finding.* FROM qt001_cp.operator_power_findings(manifest, 'forward') finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.application_power_findings(
                     (qt001_cp.document_json(manifest) ->> 'application')::name) finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.reach_findings(manifest) finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.control_schema_findings('QT108') finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.session_findings(manifest) finding;
    RETURN QUERY SELECT 8, finding.* FROM qt001_cp.open_session_findings(manifest, keep_sessions) finding;
    RETURN QUERY SELECT 9, finding.* FROM qt001_cp.lock_findings(manifest, in_script) finding;
END
$fix7b_findings$;
