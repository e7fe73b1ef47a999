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
                remedy := (SELECT qt001_cp.membership_mend(pg_get_userbyid(c.relowner), true, false) FROM pg_class c
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

CREATE FUNCTION qt001_cp.lock_need(manifest text, worded boolean DEFAULT NULL) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_need$
-- Lock slots of the cutover, one a lock tag, as they are held at its end: what ALTER … OWNER takes, what GRANT and
-- REVOKE take (18), the roles, what the guards read on the way, and the segment of the ledger. worded: whether definitions
-- are compared; NULL: unless the catalogs are as they were checked.
WITH object AS MATERIALIZED (
    SELECT o.* FROM qt001_cp.manifest_object(manifest) o
), relation AS MATERIALIZED (
    SELECT c.oid, c.reltoastrelid, o.disposition = 'transfer' AS moves FROM object o
    JOIN pg_namespace n ON n.nspname = o.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.name
    WHERE o.kind IN (SELECT k.kind FROM qt001_cp.object_kind k WHERE k.relation) OR c.relkind = 'c' AND o.kind = 'type'
), moved AS (
    SELECT r.* FROM relation r WHERE r.moves
), granted AS (
    SELECT o.kind, o.identity FROM object o, jsonb_array_elements((o.ways -> 'forward' -> 'pre') || (o.ways -> 'forward' -> 'post')) s
    WHERE o.disposition = 'transfer' AND o.kind NOT IN (SELECT k.kind FROM qt001_cp.object_kind k WHERE k.relation)
      AND o.kind NOT IN ('function', 'procedure', 'aggregate', 'default acl') GROUP BY o.kind, o.identity
), read AS (
    -- What views, rules and policies of the estate read is locked while PostgreSQL words their definition.
    SELECT DISTINCT d.refobjid AS oid FROM relation r
    CROSS JOIN LATERAL (SELECT 'pg_rewrite'::regclass::oid AS classid, w.oid FROM pg_rewrite w WHERE w.ev_class = r.oid
                        UNION ALL SELECT 'pg_policy'::regclass, y.oid FROM pg_policy y WHERE y.polrelid = r.oid) p
    JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.oid
    WHERE d.refobjid NOT IN (SELECT m.oid FROM moved m) AND (SELECT coalesce(worded, qt001_cp.checked_before(manifest, CASE qt001_cp.stage() WHEN 'fix7a' THEN 'forward' ELSE 'restore' END) IS NULL))
), body AS MATERIALIZED (
    SELECT string_agg(p.prosrc, ' ') AS text FROM pg_proc p WHERE p.pronamespace = 'qt001_cp'::regnamespace
), system AS MATERIALIZED (
    -- The catalogs of the stamp, those that the guards name, those below the views that they name, and their indexes: a query
    -- locks both.
    SELECT c.oid FROM pg_class c, body b
    WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND (c.relname <> ALL (qt001_cp.unstamped()) OR c.relname = 'pg_user_mapping')
      AND (c.relkind = 'r' AND NOT c.relisshared OR c.relname IN (SELECT m[1] FROM regexp_matches(b.text, '\mpg_[a-z_]+\M', 'g') m) OR c.relname IN ('pg_authid', 'pg_tablespace'))
), own AS (
    SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'i', 'I')
)
SELECT (SELECT count(*) FROM moved) + (SELECT count(*) FROM moved m JOIN pg_index x ON x.indrelid = m.oid)
     + 2 * (SELECT count(*) FROM moved m WHERE m.reltoastrelid <> 0)
     + (SELECT count(*) FROM object o WHERE o.disposition = 'transfer' AND o.kind IN ('function', 'procedure', 'aggregate'))
     + (SELECT count(*) FROM granted WHERE current_setting('server_version_num')::int >= 180000)
     + (SELECT count(*) FROM read)
     + (SELECT count(*) FROM system) + (SELECT count(*) FROM system s JOIN pg_index x ON x.indrelid = s.oid)
     + (SELECT count(*) FROM own)
     + 2 * 4                                -- long values: toast tables of pg_proc, the documents, their rows and what was checked
     + 6 + 4                                -- roles, advisory locks, the transaction itself
     -- The segment of the ledger: its tables, and what makes them; on the way back, since 18, each constraint, trigger and
     -- type that goes with them.
     + 8 + CASE WHEN current_setting('server_version_num')::int < 180000 THEN 1 WHEN qt001_cp.stage() = 'fix7b' THEN 29 ELSE 12 END
$lock_need$;

CREATE FUNCTION qt001_cp.lock_capacity() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $lock_capacity$
SELECT current_setting('max_locks_per_transaction')::bigint
       * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)
$lock_capacity$;

CREATE FUNCTION qt001_cp.kept_slots(manifest text) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $kept_slots$
-- lock_need() as it was kept, in a run that found the catalogs as they were checked; NULL in any other.
BEGIN
    RETURN (SELECT c.slots FROM qt001_cp.checked c
            WHERE qt001_cp.is_checked() AND c.manifest = kept_slots.manifest AND c.made = qt001_cp.before_now() LIMIT 1);
END
$kept_slots$;

CREATE FUNCTION qt001_cp.lock_estimate(manifest text) RETURNS TABLE (needed bigint, capacity bigint, free bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_estimate$
-- Lock slots that the cutover needs, that the server has (the documented product: a safe lower bound), and that nobody
-- holds now. Fast-path locks take no slot. What is needed follows from the catalogs: a run that found them checked takes
-- the number from there.
SELECT coalesce(qt001_cp.kept_slots(manifest), qt001_cp.lock_need(manifest)), s.has, s.has - s.used
FROM (SELECT qt001_cp.lock_capacity() AS has,
             (SELECT count(*) FROM (SELECT DISTINCT l.pid, l.virtualtransaction, l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
                                           l.transactionid::text, l.classid, l.objid, l.objsubid
                                    FROM pg_locks l WHERE NOT l.fastpath) one) AS used) s
$lock_estimate$;

CREATE FUNCTION qt001_cp.lock_findings(manifest text, in_script boolean)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lock_findings$
-- The rows of pg_locks are at least as many as the slots in use: where even so the locks fit, nothing is counted exactly.
DECLARE
    needed bigint := qt001_cp.kept_slots(manifest);
    estimate record;
BEGIN
    IF (needed + (SELECT count(*) FROM pg_lock_status() l WHERE NOT l.fastpath) <= qt001_cp.lock_capacity()) IS NOT TRUE THEN
        SELECT s.* INTO estimate FROM qt001_cp.lock_estimate(manifest) s;
        IF estimate.needed > estimate.free THEN
            RETURN QUERY SELECT 'QT109'::text, 'lock slots'::text, format('at most %s', estimate.free), estimate.needed::text,
                                'Raise max_locks_per_transaction and restart, or run it when fewer locks are held.'::text;
        END IF;
    END IF;
    IF NOT in_script THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'QT109'::text, g.name, 'set to a limit in the script'::text, 'no limit'::text, format('SET LOCAL %s = ''5s'';', g.name)
    FROM (VALUES ('lock_timeout'), ('statement_timeout')) g(name) WHERE current_setting(g.name) = '0'
    UNION ALL
    SELECT 'QT109', 'transaction isolation', 'read committed', current_setting('transaction_isolation'), 'Run the script in a transaction of its own, as it is printed.'
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

CREATE FUNCTION qt001_cp.place_findings(manifest text, wanted_stage text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $place_findings$
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
$place_findings$;

CREATE FUNCTION qt001_cp.lasting_findings(manifest text, first int DEFAULT 2, last int DEFAULT 8)
RETURNS TABLE (precondition int, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lasting_findings$
-- Of the preconditions of FIX7b from first to last, those that follow from the catalogs and the ledger alone: what they find
-- stays found while neither changes. They are asked when the no-go record comes in, and by a run that finds a change.
BEGIN
    IF 2 BETWEEN first AND last THEN
        RETURN QUERY SELECT 2, f.* FROM qt001_cp.coverage_findings(manifest, 'before') f;
    END IF;
    IF 3 BETWEEN first AND last THEN
        RETURN QUERY SELECT 3, f.* FROM qt001_cp.intent_findings(manifest) f;
        RETURN QUERY SELECT 3, f.* FROM qt001_cp.restore_findings(manifest) f;
    END IF;
    IF 4 BETWEEN first AND last THEN
        RETURN QUERY SELECT 4, f.* FROM qt001_cp.search_path_findings(manifest) f;
    END IF;
    IF 5 BETWEEN first AND last THEN
        RETURN QUERY SELECT 5, f.* FROM qt001_cp.rehearsal_findings(manifest) f;
    END IF;
    IF 7 BETWEEN first AND last THEN
        RETURN QUERY SELECT 7, f.* FROM qt001_cp.login_findings() f;
        RETURN QUERY SELECT 7, f.* FROM qt001_cp.operator_power_findings(manifest, 'forward') f;
    END IF;
    IF 8 BETWEEN first AND last THEN
        RETURN QUERY SELECT 8, f.* FROM qt001_cp.application_power_findings((qt001_cp.document_json(manifest) ->> 'application')::name) f;
        RETURN QUERY SELECT 8, f.* FROM qt001_cp.reach_findings(manifest) f;
        RETURN QUERY SELECT 8, f.* FROM qt001_cp.own_schema_findings('QT108') f;
    END IF;
END
$lasting_findings$;

CREATE FUNCTION qt001_cp.fix7b_findings(manifest text, in_script boolean DEFAULT false, record_pending boolean DEFAULT false, keep_sessions boolean DEFAULT false)
RETURNS TABLE (precondition int, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $fix7b_findings$
-- All preconditions of FIX7b, numbered as in the contract; 0 is the place. Empty means: go.
-- record_pending: this run is the one that makes the no-go record. Only in a database marked as a rehearsal.
-- What follows from the catalogs and the ledger alone is not computed again in a run that found them as they were checked.
DECLARE
    known boolean := in_script AND NOT record_pending AND qt001_cp.is_checked();
BEGIN
    RETURN QUERY SELECT 0, f.* FROM qt001_cp.place_findings(manifest, 'fix7a') f;
    RETURN QUERY SELECT 1, f.* FROM qt001_cp.seal_findings(manifest) f;
    IF qt001_cp.document_json(manifest) IS NULL THEN
        RETURN;
    END IF;
    IF NOT known THEN
        RETURN QUERY SELECT f.* FROM qt001_cp.lasting_findings(manifest, 2, CASE WHEN record_pending THEN 4 ELSE 5 END) f;
    END IF;
    IF record_pending AND NOT qt001_cp.is_rehearsal() THEN
        RETURN QUERY SELECT 5, 'QT105'::text, 'database ' || current_database(), 'marked as a rehearsal by the bootstrap'::text, 'not marked'::text,
                            'Print the script without rehearsal=first, and rehearse elsewhere before.'::text;
    END IF;
    RETURN QUERY SELECT 6, f.* FROM qt001_cp.blocked_findings(manifest) f;
    RETURN QUERY SELECT 7, f.* FROM qt001_cp.set_role_findings() f;
    IF NOT known THEN
        RETURN QUERY SELECT f.* FROM qt001_cp.lasting_findings(manifest, 7, 8) f;
    END IF;
    RETURN QUERY SELECT 8, f.* FROM qt001_cp.session_findings(manifest) f;
    RETURN QUERY SELECT 8, f.* FROM qt001_cp.open_session_findings(manifest, keep_sessions) f;
    RETURN QUERY SELECT 9, f.* FROM qt001_cp.lock_findings(manifest, in_script) f;
END
$fix7b_findings$;
