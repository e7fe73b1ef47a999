-- Around the statements: what is checked before them, what is checked after them, and what is kept in between.

CREATE TABLE qt001_cp.owner_acl_before (
    xid xid8 NOT NULL,
    classid oid NOT NULL,
    objid oid NOT NULL,
    objsubid int NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (xid, classid, objid, objsubid)
);
COMMENT ON TABLE qt001_cp.owner_acl_before IS
    'Owners and ACLs of everything in the database as one cutover found them, and as the checked manifest did.';

CREATE FUNCTION qt001_cp.owner_acl()
RETURNS TABLE (classid oid, objid oid, objsubid int, state text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owner_acl$
-- Owner and ACL of every object of the database and of the database itself, the system's included. The list of
-- catalogs is made from model/kinds.py.
WITH space(oid, name, system) AS (
    SELECT n.oid, n.nspname, false FROM pg_namespace n WHERE n.nspname <> 'qt001_cp' AND n.nspname !~ '^pg_(toast_)?temp'
)
SELECT 'pg_database'::regclass::oid, o.oid, 0, concat_ws(' ', o.datdba, o.datacl)
FROM pg_database o WHERE (o.datname = current_database())
UNION ALL SELECT 'pg_tablespace'::regclass::oid, o.oid, 0, concat_ws(' ', o.spcowner, o.spcacl)
FROM pg_tablespace o WHERE (true)
UNION ALL SELECT 'pg_namespace'::regclass::oid, o.oid, 0, concat_ws(' ', o.nspowner, o.nspacl)
FROM pg_namespace o WHERE (o.nspname <> 'qt001_cp' AND o.nspname !~ '^pg_(toast|temp)')
UNION ALL SELECT 'pg_class'::regclass::oid, o.oid, 0, concat_ws(' ', o.relowner, o.relacl)
FROM pg_class o JOIN space n ON n.oid = o.relnamespace WHERE (true)
UNION ALL SELECT 'pg_proc'::regclass::oid, o.oid, 0, concat_ws(' ', o.proowner, o.proacl)
FROM pg_proc o JOIN space n ON n.oid = o.pronamespace WHERE (true)
UNION ALL SELECT 'pg_type'::regclass::oid, o.oid, 0, concat_ws(' ', o.typowner, o.typacl)
FROM pg_type o JOIN space n ON n.oid = o.typnamespace WHERE (true)
UNION ALL SELECT 'pg_collation'::regclass::oid, o.oid, 0, (o.collowner)::text
FROM pg_collation o JOIN space n ON n.oid = o.collnamespace WHERE (true)
UNION ALL SELECT 'pg_conversion'::regclass::oid, o.oid, 0, (o.conowner)::text
FROM pg_conversion o JOIN space n ON n.oid = o.connamespace WHERE (true)
UNION ALL SELECT 'pg_operator'::regclass::oid, o.oid, 0, (o.oprowner)::text
FROM pg_operator o JOIN space n ON n.oid = o.oprnamespace WHERE (true)
UNION ALL SELECT 'pg_opclass'::regclass::oid, o.oid, 0, (o.opcowner)::text
FROM pg_opclass o JOIN space n ON n.oid = o.opcnamespace WHERE (true)
UNION ALL SELECT 'pg_opfamily'::regclass::oid, o.oid, 0, (o.opfowner)::text
FROM pg_opfamily o JOIN space n ON n.oid = o.opfnamespace WHERE (true)
UNION ALL SELECT 'pg_ts_config'::regclass::oid, o.oid, 0, (o.cfgowner)::text
FROM pg_ts_config o JOIN space n ON n.oid = o.cfgnamespace WHERE (true)
UNION ALL SELECT 'pg_ts_dict'::regclass::oid, o.oid, 0, (o.dictowner)::text
FROM pg_ts_dict o JOIN space n ON n.oid = o.dictnamespace WHERE (true)
UNION ALL SELECT 'pg_statistic_ext'::regclass::oid, o.oid, 0, (o.stxowner)::text
FROM pg_statistic_ext o JOIN space n ON n.oid = o.stxnamespace WHERE (true)
UNION ALL SELECT 'pg_language'::regclass::oid, o.oid, 0, concat_ws(' ', o.lanowner, CASE WHEN o.lanpltrusted THEN o.lanacl ELSE acldefault('c', o.lanowner) END)
FROM pg_language o WHERE (true)
UNION ALL SELECT 'pg_largeobject'::regclass::oid, o.oid, 0, concat_ws(' ', o.lomowner, o.lomacl)
FROM pg_largeobject_metadata o WHERE (true)
UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass::oid, o.oid, 0, concat_ws(' ', o.fdwowner, o.fdwacl)
FROM pg_foreign_data_wrapper o WHERE (true)
UNION ALL SELECT 'pg_foreign_server'::regclass::oid, o.oid, 0, concat_ws(' ', o.srvowner, o.srvacl)
FROM pg_foreign_server o WHERE (true)
UNION ALL SELECT 'pg_user_mapping'::regclass::oid, o.umid, 0, (o.umuser)::text
FROM pg_user_mappings o WHERE (true)
UNION ALL SELECT 'pg_event_trigger'::regclass::oid, o.oid, 0, (o.evtowner)::text
FROM pg_event_trigger o WHERE (true)
UNION ALL SELECT 'pg_publication'::regclass::oid, o.oid, 0, (o.pubowner)::text
FROM pg_publication o WHERE (true)
UNION ALL SELECT 'pg_subscription'::regclass::oid, o.oid, 0, (o.subowner)::text
FROM pg_subscription o WHERE (o.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
UNION ALL SELECT 'pg_extension'::regclass::oid, o.oid, 0, (o.extowner)::text
FROM pg_extension o WHERE (true)
UNION ALL SELECT 'pg_default_acl'::regclass::oid, o.oid, 0, concat_ws(' ', o.defaclrole, o.defaclacl)
FROM pg_default_acl o LEFT JOIN space n ON n.oid = o.defaclnamespace WHERE (true) AND (n.oid IS NOT NULL OR o.defaclnamespace = 0)
UNION ALL SELECT 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl::text FROM pg_attribute a
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
$owner_acl$;

CREATE FUNCTION qt001_cp.remember_owner_acl() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $remember_owner_acl$
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    IF qt001_cp.is_checked() THEN
        RETURN;
    END IF;
    DELETE FROM qt001_cp.owner_acl_before b WHERE b.xid NOT IN (SELECT c.made FROM qt001_cp.checked c);
    INSERT INTO qt001_cp.owner_acl_before (xid, classid, objid, objsubid, state)
    SELECT pg_current_xact_id(), o.classid, o.objid, o.objsubid, coalesce(o.state, '') FROM qt001_cp.owner_acl() o;
END
$remember_owner_acl$;

CREATE FUNCTION qt001_cp.changed_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $changed_findings$
-- The objects of the whole database whose owner or ACL this transaction changed are the manifest's, and no others.
WITH changed AS (
    SELECT DISTINCT coalesce(p.classid, x.classid) AS classid, coalesce(p.objid, x.objid) AS objid
    FROM (SELECT classid, objid FROM (
              SELECT b.classid, CASE WHEN b.classid = 'pg_database'::regclass THEN r.database_oid ELSE b.objid END AS objid, b.objsubid, b.state
              FROM qt001_cp.run_now r JOIN qt001_cp.owner_acl_before b ON b.xid = r.before WHERE r.xid = pg_current_xact_id()) b
    FULL JOIN qt001_cp.owner_acl() n USING (classid, objid, objsubid)
          WHERE b.state IS DISTINCT FROM coalesce(n.state, CASE WHEN b.state IS NOT NULL AND objsubid <> 0 THEN '' END)) x
    LEFT JOIN qt001_cp.v_part p ON p.class = x.classid AND p.id = x.objid
), named AS (
    SELECT i.type AS kind, i.identity FROM changed c CROSS JOIN LATERAL pg_identify_object(c.classid, c.objid, 0) i
    WHERE i.type <> 'default acl' AND i.identity IS NOT NULL AND i.schema IS DISTINCT FROM 'qt001_cp'
), wanted AS (
    SELECT o.kind, o.identity FROM qt001_cp.manifest_object(manifest) o
    WHERE o.disposition = 'transfer' AND o.kind <> 'default acl'
      AND (o.before ->> 'owner' <> o.after ->> 'owner' OR qt001_cp.acl_set(o.before -> 'acl') <> qt001_cp.acl_set(o.after -> 'acl')
           OR qt001_cp.column_acl_set(o.before -> 'columns') <> qt001_cp.column_acl_set(o.after -> 'columns'))
)
SELECT 'QT112', coalesce(n.kind, w.kind) || ' ' || coalesce(n.identity, w.identity),
       CASE WHEN w.kind IS NULL THEN 'owner and ACL untouched' ELSE 'owner or ACL changed by this transaction' END,
       CASE WHEN w.kind IS NULL THEN 'changed' ELSE 'untouched' END, 'Run only the printed script, alone in its transaction.'
FROM named n FULL JOIN wanted w ON w.kind = n.kind AND w.identity = n.identity
WHERE n.kind IS NULL OR w.kind IS NULL
$changed_findings$;

CREATE FUNCTION qt001_cp.held(role name, classid oid, objid oid, kind text) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $held$
-- The privileges that a role has on an object by any route, as PostgreSQL's own has_*_privilege answer.
SELECT p.privilege FROM qt001_cp.object_kind k, unnest(k.privileges) p(privilege)
WHERE k.kind = held.kind AND (p.privilege <> 'MAINTAIN' OR current_setting('server_version_num')::int >= 170000)
  AND CASE held.classid
      WHEN 'pg_class'::regclass THEN CASE WHEN k.kind = 'sequence' THEN has_sequence_privilege(held.role, held.objid, p.privilege)
          ELSE has_table_privilege(held.role, held.objid, p.privilege) END
      WHEN 'pg_proc'::regclass THEN has_function_privilege(held.role, held.objid, p.privilege)
      WHEN 'pg_type'::regclass THEN has_type_privilege(held.role, held.objid, p.privilege)
      WHEN 'pg_namespace'::regclass THEN has_schema_privilege(held.role, held.objid, p.privilege)
      WHEN 'pg_database'::regclass THEN has_database_privilege(held.role, held.objid, p.privilege)
      WHEN 'pg_tablespace'::regclass THEN has_tablespace_privilege(held.role, held.objid, p.privilege)
      WHEN 'pg_foreign_server'::regclass THEN has_server_privilege(held.role, held.objid, p.privilege)
      WHEN 'pg_foreign_data_wrapper'::regclass THEN has_foreign_data_wrapper_privilege(held.role, held.objid, p.privilege)
      -- Of an untrusted language it says yes to everybody, though only superusers can use one.
      WHEN 'pg_language'::regclass THEN has_language_privilege(held.role, held.objid, p.privilege)
          AND (SELECT l.lanpltrusted FROM pg_language l WHERE l.oid = held.objid)
      -- has_largeobject_privilege exists since 18 only.
      WHEN 'pg_largeobject'::regclass THEN EXISTS (
          SELECT 1 FROM pg_largeobject_metadata l, aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) x
          WHERE l.oid = held.objid AND x.privilege_type = p.privilege AND (x.grantee = 0 OR pg_has_role(held.role, x.grantee, 'USAGE')))
      ELSE true END
UNION
SELECT p.privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p(privilege)
WHERE held.classid = 'pg_class'::regclass AND held.kind <> 'sequence'
  AND has_any_column_privilege(held.role, held.objid, p.privilege)
UNION
-- Ownership is reached through membership too; pg_shdepend names the owner of every kind. Default privileges belong to
-- their role for good: what the role makes itself may start with what it likes.
SELECT 'OWNER' FROM pg_shdepend s
WHERE held.kind <> 'default acl' AND s.classid = held.classid AND s.objid = held.objid AND s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass
  AND s.dbid = CASE WHEN held.classid IN ('pg_database'::regclass, 'pg_tablespace'::regclass, 'pg_subscription'::regclass) THEN 0
                    ELSE (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) END
  AND pg_has_role(held.role, s.refobjid, 'MEMBER')
$held$;

CREATE FUNCTION qt001_cp.taken_from(app name, kind text, after_acl jsonb) RETURNS TABLE (leaves text[], taken text, columns_taken text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $taken_from$
-- What a manifest leaves the application role of an object, and all else that it could hold of it or of its columns, each as
-- has_*_privilege() takes a list. NULL: nothing.
BEGIN
    leaves := ARRAY(SELECT DISTINCT (a.value ->> 2) COLLATE "C" FROM jsonb_array_elements(after_acl) a(value)
                    WHERE a.value ->> 1 IS NULL OR a.value ->> 1 = app ORDER BY 1);
    taken := (SELECT string_agg(p.privilege, ', ') FROM qt001_cp.object_kind k, unnest(k.privileges) p(privilege)
              WHERE k.kind = taken_from.kind AND p.privilege <> ALL (leaves)
                AND (p.privilege <> 'MAINTAIN' OR current_setting('server_version_num')::int >= 170000));
    columns_taken := (SELECT string_agg(p.privilege, ', ') FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p(privilege) WHERE p.privilege <> ALL (leaves));
    RETURN NEXT;
END
$taken_from$;

CREATE FUNCTION qt001_cp.may_hold(role name, classid oid, objid oid, kind text, owner name, taken text, columns_taken text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $may_hold$
-- Whether a role may have one of these privileges on an object, or its owner's: the one question that decides in most cases
-- whether held() has to be asked. NULL: nothing was taken.
BEGIN
    RETURN pg_has_role(role, owner, 'MEMBER') OR coalesce(CASE classid
        WHEN 'pg_class'::regclass THEN CASE WHEN kind = 'sequence' THEN has_sequence_privilege(role, objid, taken)
            ELSE has_table_privilege(role, objid, taken) OR has_any_column_privilege(role, objid, columns_taken) END
        WHEN 'pg_proc'::regclass THEN has_function_privilege(role, objid, taken)
        WHEN 'pg_type'::regclass THEN has_type_privilege(role, objid, taken)
        WHEN 'pg_namespace'::regclass THEN has_schema_privilege(role, objid, taken)
        WHEN 'pg_database'::regclass THEN has_database_privilege(role, objid, taken)
        ELSE true END, false);
END
$may_hold$;

CREATE FUNCTION qt001_cp.contained_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $contained_findings$
-- What the application role can still do to each transferred object, by any route, beyond what the manifest leaves it.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT l.classid, l.objid, l.kind, l.identity, l.owner FROM qt001_cp.live_object(app, true, false) l
    ), place AS MATERIALIZED (
        SELECT o.kind, o.identity, l.classid, l.objid, l.owner, t.leaves, t.taken, t.columns_taken
        FROM qt001_cp.manifest_object(manifest) o
        JOIN live l ON l.kind = o.kind AND l.identity = o.identity
        CROSS JOIN LATERAL qt001_cp.taken_from(app, o.kind, o.after -> 'acl') t
        WHERE o.disposition = 'transfer'
    ), suspect AS MATERIALIZED (
        -- One question an object; which privilege it is comes after.
        SELECT p.* FROM place p WHERE qt001_cp.may_hold(app, p.classid, p.objid, p.kind, p.owner::name, p.taken, p.columns_taken)
    )
    SELECT 'QT111'::text, s.kind || ' ' || s.identity, coalesce('only ' || nullif(array_to_string(s.leaves, ', '), ''), 'nothing') || ' for ' || app,
           app || ' holds ' || h.privilege, format('See who granted %s and why the cutover left it.', h.privilege)
    FROM suspect s CROSS JOIN LATERAL qt001_cp.held(app, s.classid, s.objid, s.kind) h(privilege)
    WHERE h.privilege <> ALL (s.leaves);
END
$contained_findings$;

CREATE FUNCTION qt001_cp.cutover_begin(manifest text, record_pending boolean, keep_sessions boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $cutover_begin$
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.one_at_a_time();
    PERFORM qt001_cp.during_begin(manifest, CASE WHEN NOT record_pending THEN 'forward' END);
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.fix7b_findings(manifest, true, record_pending, keep_sessions) f;
    PERFORM qt001_cp.raise_first('FIX7b', findings);
    IF NOT qt001_cp.is_checked() THEN
        PERFORM qt001_cp.remember_owner_acl();
        PERFORM qt001_cp.remember_statements(manifest, 'forward');
    END IF;
    RAISE NOTICE 'FIX7b: all preconditions hold for manifest %', manifest;
END
$cutover_begin$;

CREATE FUNCTION qt001_cp.take_turn() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $take_turn$
-- Level B, operator: the lock that one session at a time has, until its transaction ends.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    LOCK TABLE qt001_cp.stage_turn IN EXCLUSIVE MODE NOWAIT;
END
$take_turn$;

CREATE FUNCTION qt001_cp.one_at_a_time() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $one_at_a_time$
-- The lock that decides is one that only operators can take. The advisory one is for who looks at pg_locks: another operator
-- who has it is respected; anybody else, who could keep it to stop a cutover or its reversal, is named and passed by.
DECLARE
    busy boolean := false;
    holder record;
BEGIN
    BEGIN
        PERFORM qt001_cp.take_turn();
    EXCEPTION WHEN lock_not_available THEN
        busy := true;
    END;
    IF NOT busy AND pg_try_advisory_xact_lock(hashtextextended('qt001_cp.cutover', 0)) THEN
        RETURN;
    END IF;
    SELECT a.pid, a.usename, r.rolsuper OR 'qt001_cp_operator' IN (SELECT qt001_cp.member_of(a.usename)) AS respected INTO holder
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid LEFT JOIN pg_roles r ON r.rolname = a.usename
    WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND CASE WHEN busy THEN l.relation = 'qt001_cp.stage_turn'::regclass
          ELSE l.locktype = 'advisory' AND l.objsubid = 1
               AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended('qt001_cp.cutover', 0) END
    ORDER BY 3 DESC NULLS LAST, 1 LIMIT 1;
    IF NOT busy AND holder.respected IS NOT TRUE THEN
        RAISE WARNING 'session % of % holds the advisory lock of the stages, and is no operator', holder.pid, holder.usename;
        RETURN;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'QT123', MESSAGE = 'another session runs a stage of FIX7 in this database'
                                                       || coalesce(format(': session %s of %s', holder.pid, holder.usename), ''),
        HINT = 'Wait until it ends: SELECT pid, usename FROM pg_stat_activity;';
END
$one_at_a_time$;

CREATE FUNCTION qt001_cp.moved_summary(manifest text, direction text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $moved_summary$
-- objects: how many are transferred; line, for the operator: what they are, of how many the owner, and how many GRANT and REVOKE.
SELECT jsonb_build_object('objects', coalesce(sum(k.n), 0),
    'line', format('%s objects (%s), the owner of %s, %s steps of GRANT and REVOKE', sum(k.n), string_agg(format('%s %s', k.n, k.kind), ', ' ORDER BY k.kind COLLATE "C"),
                   sum(k.owners), sum(k.steps)))
FROM (SELECT o.kind, count(*) AS n, count(*) FILTER (WHERE o.ways #> ARRAY[direction, 'owner'] <> 'null') AS owners,
             sum(jsonb_array_length(o.ways #> ARRAY[direction, 'pre']) + jsonb_array_length(o.ways #> ARRAY[direction, 'post'])) AS steps
      FROM qt001_cp.manifest_object(manifest) o WHERE o.disposition = 'transfer' GROUP BY o.kind) k
$moved_summary$;

CREATE FUNCTION qt001_cp.run_summary(manifest text, direction text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $run_summary$
-- The same, as it was kept where this run found its manifest checked.
SELECT coalesce((SELECT c.summary -> run_summary.direction FROM qt001_cp.checked c
                 WHERE c.manifest = run_summary.manifest AND c.direction = run_summary.direction AND qt001_cp.is_checked()),
                qt001_cp.moved_summary(manifest, direction))
$run_summary$;

CREATE FUNCTION qt001_cp.forget_run() RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $forget_run$
-- Takes away what this run kept for itself. What was checked before it stays.
DELETE FROM qt001_cp.owner_acl_before b WHERE b.xid = pg_current_xact_id();
DELETE FROM qt001_cp.statement_now s WHERE s.xid = pg_current_xact_id();
DELETE FROM qt001_cp.catalog_before b WHERE b.xid = pg_current_xact_id();
DELETE FROM qt001_cp.run_now r;
$forget_run$;

CREATE FUNCTION qt001_cp.cutover_end(manifest text, record_pending boolean, keep_sessions boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $cutover_end$
-- The postconditions. The event is written last; nothing of this stays when anything is refused.
DECLARE
    findings jsonb;
    stamp record;
    open_from xid8;
    summary jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_begun('FIX7b (afterwards)');
    -- Whoever connected meanwhile may hold DDL that commits after us and was allowed before us.
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM (
        SELECT w.* FROM qt001_cp.late_writer_findings(manifest) w
        UNION ALL SELECT c.* FROM qt001_cp.open_session_findings(manifest) c WHERE NOT keep_sessions) f;
    PERFORM qt001_cp.raise_first('FIX7b (afterwards)', findings);
    open_from := pg_snapshot_xmin(pg_current_snapshot());
    SELECT s.total, s.rest INTO stamp FROM qt001_cp.checked c CROSS JOIN LATERAL qt001_cp.catalog_stamp(c.made, open_from, c.rest_since) s
    WHERE qt001_cp.is_checked() AND c.manifest = cutover_end.manifest AND c.direction = 'forward';
    IF stamp.rest IS NOT NULL AND qt001_cp.as_expected(manifest, 'forward', stamp.rest) THEN
        -- slots: the way back takes what the cutover does, and a little more for the segment that it drops (lock_need).
        INSERT INTO qt001_cp.checked (manifest, direction, login, made, written, since, stamp, rest_since, rest, ledger, seed, content, defaults, summary, slots)
        SELECT c.manifest, 'restore', c.login, c.made, pg_current_xact_id(), open_from, stamp.total, c.rest_since, c.rest, c.ledger, c.seed, c.content, c.defaults, c.summary, c.slots + 40
        FROM qt001_cp.checked c WHERE c.manifest = cutover_end.manifest AND c.direction = 'forward'
        ON CONFLICT ON CONSTRAINT checked_pkey DO UPDATE SET written = excluded.written, since = excluded.since, stamp = excluded.stamp;
    ELSE
        PERFORM qt001_cp.during_end(manifest, 'FIX7b (afterwards)');
        SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM (
            SELECT 'QT110' AS sqlstate, c.object, c.expected, c.found, c.mend FROM qt001_cp.coverage_findings(manifest, 'after') c
            UNION ALL SELECT c.* FROM qt001_cp.contained_findings(manifest) c
            UNION ALL SELECT c.* FROM qt001_cp.changed_findings(manifest) c) f;
        PERFORM qt001_cp.raise_first('FIX7b (afterwards)', findings);
    END IF;
    summary := qt001_cp.run_summary(manifest, 'forward');
    PERFORM qt001_cp.forget_run();
    PERFORM qt001_cp.record_event('cutover', manifest, jsonb_build_object('objects', summary -> 'objects', 'rehearsal', qt001_cp.is_rehearsal(),
                                                                       'record_pending', record_pending, 'sessions', CASE WHEN keep_sessions THEN 'keep' ELSE 'none' END,
                                                                       'operator', qt001_cp.operator_standing()));
    RAISE NOTICE 'FIX7b: % objects are in their after-state; the application role holds nothing beyond the manifest', summary ->> 'objects';
    RAISE NOTICE 'Changed: %', summary ->> 'line';
END
$cutover_end$;

CREATE FUNCTION qt001_cp.fix7b_restore_findings(manifest text, in_script boolean DEFAULT false)
RETURNS TABLE (precondition int, sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $fix7b_restore_findings$
DECLARE
    ran text := (SELECT e.subject FROM qt001_cp.event e WHERE e.verb = 'cutover' ORDER BY e.seq DESC LIMIT 1);
    known boolean := in_script AND qt001_cp.is_checked();
BEGIN
    RETURN QUERY SELECT 0, f.* FROM qt001_cp.place_findings(manifest, 'fix7b') f;
    IF ran IS DISTINCT FROM manifest THEN
        RETURN QUERY SELECT 1, 'QT101'::text, 'manifest ' || manifest, 'the one that was cut over'::text, coalesce('cut over: ' || ran, 'no cutover'),
                            'Print the restore script from the manifest that was cut over.'::text;
        RETURN;
    END IF;
    -- Nothing has drifted since, in what is to be put back: the catalogs are as the cutover left them, or it is compared.
    IF NOT known THEN
        RETURN QUERY SELECT 2, f.* FROM qt001_cp.transferred_findings(manifest, 'after', 'QT113') f;
        RETURN QUERY SELECT 3, f.* FROM qt001_cp.restore_findings(manifest) f;
    END IF;
    RETURN QUERY SELECT 7, f.* FROM qt001_cp.set_role_findings() f;
    IF NOT known THEN
        RETURN QUERY SELECT 7, f.* FROM qt001_cp.login_findings() f;
        RETURN QUERY SELECT 7, f.* FROM qt001_cp.operator_power_findings(manifest, 'restore') f;
    END IF;
    RETURN QUERY SELECT 9, f.* FROM qt001_cp.lock_findings(manifest, in_script) f;
END
$fix7b_restore_findings$;

CREATE FUNCTION qt001_cp.restore_begin(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $restore_begin$
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.one_at_a_time();
    PERFORM qt001_cp.during_begin(manifest, 'restore');
    SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.fix7b_restore_findings(manifest, true) f;
    PERFORM qt001_cp.raise_first('FIX7b restore', findings);
    IF NOT qt001_cp.is_checked() THEN
        PERFORM qt001_cp.remember_owner_acl();
        PERFORM qt001_cp.remember_statements(manifest, 'restore');
    END IF;
END
$restore_begin$;

CREATE FUNCTION qt001_cp.restore_end(manifest text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $restore_end$
DECLARE
    findings jsonb;
    rest text;
    summary jsonb;
    head record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.require_begun('FIX7b restore (afterwards)');
    SELECT jsonb_agg(to_jsonb(w)) INTO findings FROM qt001_cp.late_writer_findings(manifest) w;
    PERFORM qt001_cp.raise_first('FIX7b restore (afterwards)', findings);
    SELECT s.rest INTO rest FROM qt001_cp.checked c CROSS JOIN LATERAL qt001_cp.catalog_stamp(c.made, c.since, c.rest_since, ARRAY['rest']) s
    WHERE qt001_cp.is_checked() AND c.manifest = restore_end.manifest AND c.direction = 'restore';
    IF rest IS NULL OR NOT qt001_cp.as_expected(manifest, 'restore', rest) THEN
        PERFORM qt001_cp.during_end(manifest, 'FIX7b restore (afterwards)');
        SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM (
            SELECT c.* FROM qt001_cp.transferred_findings(manifest, 'before', 'QT110') c
            UNION ALL SELECT c.* FROM qt001_cp.changed_findings(manifest) c) f;
        PERFORM qt001_cp.raise_first('FIX7b restore (afterwards)', findings);
    END IF;
    summary := qt001_cp.run_summary(manifest, 'restore');
    -- What the cutover kept for the way back goes with its stage; what was checked before the cutover stays as it was.
    DELETE FROM qt001_cp.checked c WHERE c.direction = 'restore';
    PERFORM qt001_cp.forget_run();
    SELECT e.seq, e.digest, e.at, e.actor INTO head FROM qt001_cp.event e ORDER BY e.seq DESC LIMIT 1;
    RAISE NOTICE 'FIX7b is taken back. The events of its stage go with it; the last was number % by % at %, digest %',
        head.seq, head.actor, head.at, head.digest;
    RAISE NOTICE 'Put back: %', summary ->> 'line';
END
$restore_end$;
