-- What was found in order stays in order while no row of the catalogs has changed: the expensive checks are made when the
-- no-go record comes in, and the cutover compares a stamp of the catalogs. Another stamp: everything is checked again.

CREATE TABLE qt001_cp.checked (
    manifest text NOT NULL,
    direction text NOT NULL,
    login name NOT NULL,
    made xid8 NOT NULL,
    written xid8 NOT NULL,
    since xid8 NOT NULL,
    stamp text NOT NULL,
    rest_since xid8 NOT NULL,
    rest text NOT NULL,
    ledger text NOT NULL,
    seed bigint NOT NULL,
    content text NOT NULL,
    defaults jsonb NOT NULL,
    summary jsonb NOT NULL,
    slots bigint NOT NULL,
    PRIMARY KEY (manifest, direction)
);
COMMENT ON TABLE qt001_cp.checked IS
    'Manifests whose preconditions held, for which login, and the stamp of the catalogs of that moment. No row: check everything. content: of the rows in checked_row, hashed under the seed; defaults: the default privileges afterwards, and summary: that of moved_summary(), by direction.';

CREATE TABLE qt001_cp.checked_row (
    made xid8 NOT NULL,
    classid oid NOT NULL,
    objid oid NOT NULL,
    sub int NOT NULL,
    number bigint,
    kind text,
    forward text,
    restore text,
    owner name,
    leaves text[],
    taken text,
    columns_taken text,
    PRIMARY KEY (made, classid, objid, sub)
);
COMMENT ON TABLE qt001_cp.checked_row IS
    'The catalog rows that the statements of a checked manifest rewrite, with owner and ACL afterwards; and the default privileges that they leave alone. What a role may do to an object follows from its owner and its ACLs: of all objects with the same, one has here what is left to the application and what is taken, and is asked about.';

CREATE TABLE qt001_cp.run_now (xid xid8 PRIMARY KEY, manifest text, direction text, before xid8 NOT NULL, database_oid oid NOT NULL, database_state text NOT NULL);
COMMENT ON TABLE qt001_cp.run_now IS
    'The run of a stage; before: under which number its rows "before" stand, another one than its own where they are those of checked. The row of the database as the run found it: a copy has another number, and what is kept is not touched by a run.';

CREATE FUNCTION qt001_cp.before_now() RETURNS xid8
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $before_now$
BEGIN
    RETURN (SELECT r.before FROM qt001_cp.run_now r WHERE r.xid = pg_current_xact_id());
END
$before_now$;

CREATE FUNCTION qt001_cp.is_checked() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $is_checked$
-- Whether this run found the catalogs as they were when its manifest was checked.
SELECT coalesce(qt001_cp.before_now() <> pg_current_xact_id(), false)
$is_checked$;

CREATE FUNCTION qt001_cp.shared_stamp() RETURNS TABLE (total text, rest text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $shared_stamp$
-- Of catalogs of the whole cluster, by content: roles, memberships, settings, tablespaces, subscriptions, privileges on
-- parameters, user mappings, and the database. rest: without owner and ACL of the database.
DECLARE
    parameters text := '';
BEGIN
    IF to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
        EXECUTE 'SELECT string_agg(p.parname || p.paracl::text, '' '' ORDER BY p.oid) FROM pg_catalog.pg_parameter_acl p' INTO parameters;
    END IF;
    RETURN QUERY
    SELECT encode(sha256(convert_to(concat_ws('|', every.text, mine.owner_acl), 'UTF8')), 'hex'), encode(sha256(convert_to(every.text, 'UTF8')), 'hex')
    FROM (SELECT concat_ws('|', parameters,
            (SELECT string_agg(ROW(r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
                                   r.rolbypassrls)::text, ' ' ORDER BY r.oid) FROM pg_roles r),
            (SELECT string_agg(to_jsonb(m)::text, ' ' ORDER BY m.roleid, m.member, m.grantor) FROM pg_auth_members m),
            (SELECT string_agg(ROW(s.setdatabase = 0, s.setrole, s.setconfig)::text, ' ' ORDER BY s.setdatabase = 0, s.setrole) FROM pg_db_role_setting s
             WHERE s.setdatabase IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))),
            (SELECT string_agg(ROW(t.oid, t.spcname, t.spcowner, t.spcacl, t.spcoptions)::text, ' ' ORDER BY t.oid) FROM pg_tablespace t),
            (SELECT string_agg(ROW(u.oid, u.subname, u.subowner, u.subenabled, u.subpublications, u.subslotname)::text, ' ' ORDER BY u.oid)
             FROM pg_subscription u WHERE u.subdbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())),
            (SELECT string_agg(ROW(x.umid, x.srvid, x.umuser)::text, ' ' ORDER BY x.umid) FROM pg_user_mappings x),
            (SELECT ROW(d.datname, d.encoding, d.datcollate, d.datctype, d.datconnlimit, d.datallowconn, d.datistemplate)::text
             FROM pg_database d WHERE d.datname = current_database())) AS text) every,
         (SELECT concat_ws(' ', d.datdba, d.datacl) AS owner_acl FROM pg_database d WHERE d.datname = current_database()) mine;
END
$shared_stamp$;

CREATE FUNCTION qt001_cp.catalog_stamp(kept xid8, since xid8, rest_since xid8, wanted text[] DEFAULT ARRAY['total', 'rest'])
RETURNS TABLE (total text, rest text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET max_parallel_workers_per_gather = 0
SET synchronize_seqscans = off
SET plan_cache_mode = force_generic_plan
SET work_mem = '64MB'
AS $catalog_stamp$
-- Of all catalogs of the database: how many rows they have, and version and place of those that a transaction made which
-- had not ended before since. Rows of transactions that had ended can only go, and then there are fewer; a new row has
-- the number of a later transaction; one that a transaction changes twice stands in another place. So the same stamp says
-- that the rows are the same. Nobody but the server writes xmin.
-- Left out: statistics, comments, labels, contents of large objects, temporary objects. rest: also without default
-- privileges, and of the later rows without those of qt001_cp and those that the statements of the checked manifest
-- rewrite (kept). wanted: which of both.
-- Source: PostgreSQL documentation, "System Columns" (5.6), "Transactions and Identifiers" (67.1), "System Catalogs" (chapter 53).
DECLARE
    temp_space oid[] := ARRAY(SELECT n.oid FROM pg_namespace n WHERE n.nspname ~ '^pg_(toast_)?temp_');
    temp boolean := EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY (temp_space));
    temp_rel oid[] := ARRAY(SELECT c.oid FROM pg_class c WHERE temp AND c.relnamespace = ANY (temp_space));
    temp_part oid[];
    own_space oid[] := ARRAY['qt001_cp'::regnamespace::oid];
    own_rel oid[];
    own_part oid[];
    parts text := 'SELECT ARRAY(SELECT a.oid FROM pg_attrdef a WHERE a.adrelid = ANY ($1) UNION ALL SELECT k.oid FROM pg_constraint k WHERE k.conrelid = ANY ($1)'
        ' UNION ALL SELECT t.oid FROM pg_trigger t WHERE t.tgrelid = ANY ($1) UNION ALL SELECT w.oid FROM pg_rewrite w WHERE w.ev_class = ANY ($1)'
        ' UNION ALL SELECT y.oid FROM pg_policy y WHERE y.polrelid = ANY ($1)'
        ' UNION ALL SELECT y.oid FROM pg_type y WHERE y.typnamespace = ANY ($2) UNION ALL SELECT p.oid FROM pg_proc p WHERE p.pronamespace = ANY ($2))';
    with_rest boolean := 'rest' = ANY (wanted);
    classes oid[];
    every text;
    rows text;
    shared record;
BEGIN
    IF temp THEN
        EXECUTE parts INTO temp_part USING temp_rel, temp_space;
    END IF;
    IF with_rest THEN
        own_rel := ARRAY(WITH own AS (SELECT c.oid, c.reltoastrelid FROM pg_class c WHERE c.relnamespace = ANY (own_space))
            SELECT o.oid FROM own o UNION SELECT o.reltoastrelid FROM own o WHERE o.reltoastrelid <> 0
            UNION SELECT x.indexrelid FROM own o JOIN pg_index x ON x.indrelid = o.reltoastrelid);
        EXECUTE parts INTO own_part USING own_rel, own_space;
        classes := ARRAY(SELECT DISTINCT k.classid FROM qt001_cp.checked_row k WHERE k.made = kept AND k.sub = 0);
    END IF;
    SELECT string_agg(
        format('SELECT %s::oid AS tag, o.xmin, o.ctid', c.oid)
        || CASE WHEN with_rest THEN format(', %s AS own, %s', k.own, k.kept) ELSE '' END
        || format(' FROM pg_catalog.%I o', c.relname)
        || CASE WHEN temp OR c.relname = 'pg_namespace' THEN format(' WHERE NOT (%s)', format(m.belongs, '$1', '$2', '$3')) ELSE '' END,
        E'\nUNION ALL ' ORDER BY c.relname COLLATE "C")
    INTO every
    FROM pg_class c LEFT JOIN (VALUES ('pg_class', 'oid'), ('pg_attribute', 'attrelid'), ('pg_attrdef', 'adrelid'), ('pg_index', 'indexrelid'),
            ('pg_inherits', 'inhrelid'), ('pg_partitioned_table', 'partrelid'), ('pg_sequence', 'seqrelid'), ('pg_foreign_table', 'ftrelid'),
            ('pg_trigger', 'tgrelid'), ('pg_rewrite', 'ev_class'), ('pg_policy', 'polrelid'), ('pg_constraint', 'conrelid'),
            ('pg_statistic_ext', 'stxrelid')) r(catalog, "column") ON r.catalog = c.relname
    CROSS JOIN LATERAL (
        -- belongs: %1$s: to relations, %2$s: to schemas, %3$s: is one of other objects.
        SELECT CASE WHEN r.column IS NOT NULL THEN format('o.%I = ANY (%%1$s)', r.column)
               WHEN c.relname = 'pg_type' THEN 'o.typnamespace = ANY (%2$s)' WHEN c.relname = 'pg_proc' THEN 'o.pronamespace = ANY (%2$s)'
               WHEN c.relname = 'pg_namespace' THEN 'o.oid = ANY (%2$s)'
               WHEN c.relname = 'pg_depend' THEN 'CASE o.classid WHEN ''pg_class''::regclass THEN o.objid = ANY (%1$s) ELSE o.objid >= 16384 AND o.objid = ANY (%3$s)'
                   ' AND o.classid IN (''pg_attrdef''::regclass, ''pg_constraint''::regclass, ''pg_trigger''::regclass, ''pg_rewrite''::regclass,'
                   ' ''pg_policy''::regclass, ''pg_type''::regclass, ''pg_proc''::regclass) END'
               ELSE 'false' END AS belongs,
               CASE WHEN with_rest THEN qt001_cp.object_class(c.oid) END AS class) m
    CROSS JOIN LATERAL (
        -- Of the later rows alone: whether one is qt001_cp's, and its key in checked_row.
        SELECT CASE WHEN c.relname = 'pg_default_acl' THEN 'true' WHEN m.belongs = 'false' THEN 'false'
               ELSE CASE c.relname WHEN 'pg_depend' THEN 'o.classid = ''pg_default_acl''::regclass OR ' ELSE '' END
                    || format('CASE WHEN age(o.xmin) <= $9 THEN %s END', format(m.belongs, '$4', '$5', '$6')) END AS own,
               CASE WHEN c.relname = 'pg_attribute' THEN '''pg_class''::regclass::oid AS class, CASE WHEN age(o.xmin) <= $9 THEN o.attrelid END AS objid, o.attnum::int AS sub'
               WHEN m.class = ANY (classes) THEN format('%s::oid AS class, CASE WHEN age(o.xmin) <= $9 THEN o.oid END AS objid, 0 AS sub', m.class)
               ELSE 'NULL::oid AS class, NULL::oid AS objid, 0 AS sub' END AS kept) k
    WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared AND c.relname <> ALL (qt001_cp.unstamped());
    rows := 'oidsend(o.tag) || xidsend(o.xmin) || tidsend(o.ctid)';
    EXECUTE format(
        'SELECT %s, %s FROM (%s) o',
        CASE WHEN 'total' = ANY (wanted) THEN format('count(*)::text || encode(sha256(coalesce(string_agg(%s, '''') FILTER (WHERE age(o.xmin) <= $8), '''')), ''hex'')', rows)
        ELSE 'NULL' END,
        CASE WHEN with_rest THEN format('count(*) FILTER (WHERE o.own IS NOT TRUE)::text || encode(sha256(coalesce(string_agg(%s, '''') FILTER ('
             'WHERE age(o.xmin) <= $9 AND o.own IS NOT TRUE AND (o.objid IS NULL'
             ' OR (o.class, o.objid, o.sub) NOT IN (SELECT k.classid, k.objid, k.sub FROM qt001_cp.checked_row k WHERE k.made = $7))), '''')), ''hex'')', rows)
        ELSE 'NULL' END, every)
    INTO total, rest USING temp_rel, temp_space, temp_part, own_rel, own_space, own_part, kept, age(since::xid), age(rest_since::xid);
    SELECT s.* INTO shared FROM qt001_cp.shared_stamp() s;
    total := shared.total || total;
    rest := shared.rest || rest;
    RETURN NEXT;
END
$catalog_stamp$;

CREATE FUNCTION qt001_cp.unstamped() RETURNS name[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $unstamped$
-- Catalogs that define nothing; pg_user_mapping is read through its view.
SELECT ARRAY['pg_statistic', 'pg_statistic_ext_data', 'pg_description', 'pg_seclabel', 'pg_largeobject', 'pg_subscription_rel', 'pg_user_mapping']::name[]
$unstamped$;

CREATE FUNCTION qt001_cp.object_class(catalog oid) RETURNS oid
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $object_class$
SELECT CASE catalog WHEN 'pg_largeobject_metadata'::regclass THEN 'pg_largeobject'::regclass::oid ELSE catalog END
$object_class$;

CREATE FUNCTION qt001_cp.ledger_stamp(manifest text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ledger_stamp$
-- What the ledger says of the manifest, and the versions of its rows: an edited one is another one.
SELECT qt001_cp.sha256_hex(convert_to(concat_ws('|',
    (SELECT string_agg(e.digest, ' ' ORDER BY e.seq) FROM qt001_cp.event e
     WHERE e.verb = 'configured' OR e.subject = ledger_stamp.manifest AND e.verb IN ('sealed', 'restore_registered', 'rehearsal_recorded')),
    (SELECT string_agg(d.digest || ' ' || d.xmin::text, ' ' ORDER BY d.digest) FROM qt001_cp.document d),
    (SELECT string_agg(k.xmin::text, ' ' ORDER BY k.kind) FROM qt001_cp.object_kind k),
    (SELECT string_agg(p::text, ' ' ORDER BY p.login) FROM qt001_cp.person p),
    (SELECT encode(sha256(string_agg(xidsend(m.xmin), '' ORDER BY m.number)), 'hex') FROM qt001_cp.manifest_row m WHERE m.manifest = ledger_stamp.manifest)), 'UTF8'))
$ledger_stamp$;

CREATE FUNCTION qt001_cp.content_of(catalog regclass) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $content_of$
-- An expression over the row o of a catalog: a hash of all that is no owner, ACL, storage or statistics, under the seed $2,
-- which nobody can know beforehand. What has no hash of its own is hashed as its text.
-- The list for pg_class is that of catalog_row().
SELECT 'hash_record_extended(ROW(' || string_agg(format(CASE WHEN a.atttypid = 'regproc'::regtype THEN 'o.%I::oid'
               WHEN a.atttypid = ANY ('{oid,name,text,bool,"\"char\"",int2,int4,int8,float4}'::regtype[]) THEN 'o.%I' ELSE 'o.%I::text' END, a.attname), ', ' ORDER BY a.attnum)
       || '), $2)'
FROM pg_attribute a
WHERE a.attrelid = catalog AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid <> 'aclitem[]'::regtype AND a.attname !~ 'owner$'
  AND a.attname <> ALL (ARRAY['relfilenode', 'reltoastrelid', 'relpages', 'reltuples', 'relallvisible', 'relallfrozen', 'relfrozenxid', 'relminmxid',
                              'relhasindex', 'relhasrules', 'relhastriggers'])
$content_of$;

CREATE FUNCTION qt001_cp.state_text(owner text, acl jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $state_text$
-- Owner and ACL in one form, whatever the order of its entries.
BEGIN
    RETURN (SELECT concat_ws(' ', owner, string_agg(DISTINCT a.value::text COLLATE "C", ',' ORDER BY a.value::text COLLATE "C")) FROM jsonb_array_elements(acl) a(value));
END
$state_text$;

CREATE FUNCTION qt001_cp.live_state_text(owner oid, acl aclitem[], letter "char") RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $live_state_text$
BEGIN
    RETURN qt001_cp.state_text(CASE WHEN owner IS NOT NULL THEN pg_get_userbyid(owner)::text END, coalesce((
        SELECT jsonb_agg(jsonb_build_array(pg_get_userbyid(x.grantor), CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END, x.privilege_type, x.is_grantable))
        FROM aclexplode(coalesce(acl, CASE WHEN letter IS NOT NULL THEN acldefault(letter, owner) END)) x), '[]'));
END
$live_state_text$;

CREATE FUNCTION qt001_cp.owner_acl_part() RETURNS TABLE (classid oid, owner text, acl text, letter text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $owner_acl_part$
-- Of every catalog with owners, expressions over its row o: owner, ACL, and the type that acldefault() knows it by. Made
-- from model/kinds.py.
VALUES {owner_acl_parts}
$owner_acl_part$;

CREATE FUNCTION qt001_cp.keep_checked(manifest text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $keep_checked$
-- Level B, operator: computes every precondition of FIX7b that follows from the catalogs and the ledger alone, and where
-- all hold keeps the stamp of this moment. Returns whether they do. What does not follow from these (blocked rows,
-- sessions, the login, free lock slots, limits) is asked at the cutover always. First in its transaction, or nothing is kept.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    RETURN qt001_cp.compute_checked(manifest, pg_current_xact_id_if_assigned() IS NULL);
END
$keep_checked$;

CREATE FUNCTION qt001_cp.compute_checked(manifest text, alone boolean) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $compute_checked$
-- alone: this transaction had written nothing. One that changed a catalog could change the same row again after the stamp,
-- under the same number, and nobody would see it; so it keeps nothing.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    now_id xid8 := pg_current_xact_id();
    open_from xid8 := pg_snapshot_xmin(pg_current_snapshot());
    salt bigint := hashtextextended(gen_random_uuid()::text, 0);
BEGIN
    DELETE FROM qt001_cp.checked;
    DELETE FROM qt001_cp.checked_row;
    DELETE FROM qt001_cp.run_now;
    DELETE FROM qt001_cp.catalog_before;
    DELETE FROM qt001_cp.owner_acl_before;
    DELETE FROM qt001_cp.statement_now;
    IF NOT alone OR qt001_cp.stage() <> 'fix7a' OR qt001_cp.sealed('qt001.manifest.object/1') IS DISTINCT FROM manifest THEN
        RETURN false;
    END IF;
    PERFORM qt001_cp.remember_checked(manifest, app, now_id);
    INSERT INTO qt001_cp.checked (manifest, direction, login, made, written, since, stamp, rest_since, rest, ledger, seed, content, defaults, summary, slots)
    SELECT compute_checked.manifest, 'forward', session_user, now_id, now_id, open_from, s.total, open_from, s.rest, qt001_cp.ledger_stamp(compute_checked.manifest),
           salt, (SELECT k.content FROM qt001_cp.kept_state(now_id, salt, NULL) k), qt001_cp.expected_defaults(compute_checked.manifest),
           jsonb_build_object('forward', qt001_cp.moved_summary(compute_checked.manifest, 'forward'), 'restore', qt001_cp.moved_summary(compute_checked.manifest, 'restore')), 0
    FROM qt001_cp.catalog_stamp(now_id, open_from, open_from) s;
    IF EXISTS (SELECT 1 FROM qt001_cp.lasting_findings(manifest))
        OR EXISTS (SELECT 1 FROM qt001_cp.operator_power_findings(manifest, 'restore'))
        -- Changed by somebody while this was computed.
        OR EXISTS (SELECT 1 FROM qt001_cp.checked c, qt001_cp.catalog_stamp(now_id, open_from, open_from) s
                   WHERE c.stamp <> s.total OR c.rest <> s.rest OR c.content <> (SELECT k.content FROM qt001_cp.kept_state(now_id, c.seed, NULL) k))
    THEN
        DELETE FROM qt001_cp.checked;
        DELETE FROM qt001_cp.checked_row;
        DELETE FROM qt001_cp.catalog_before;
        DELETE FROM qt001_cp.owner_acl_before;
        DELETE FROM qt001_cp.statement_now;
        RETURN false;
    END IF;
    UPDATE qt001_cp.checked SET slots = qt001_cp.lock_need(compute_checked.manifest, false);
    RETURN true;
END
$compute_checked$;

CREATE FUNCTION qt001_cp.remember_checked(manifest text, app name, now_id xid8) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $remember_checked$
-- All that a run would remember at its beginning, and what its statements rewrite: the objects that move, their indexes,
-- toast tables, row and array types, and columns with an ACL.
BEGIN
    INSERT INTO qt001_cp.catalog_before (xid, classid, objid, sub, state)
    SELECT now_id, r.classid, r.objid, r.sub, r.state FROM qt001_cp.catalog_row() r;
    INSERT INTO qt001_cp.owner_acl_before (xid, classid, objid, objsubid, state)
    SELECT now_id, o.classid, o.objid, o.objsubid, coalesce(o.state, '') FROM qt001_cp.owner_acl() o;
    INSERT INTO qt001_cp.statement_now (xid, manifest, direction, number, statement)
    SELECT now_id, remember_checked.manifest, d.direction, s.number, s.statement
    FROM unnest(ARRAY['forward', 'restore']) d(direction) CROSS JOIN LATERAL qt001_cp.implied_statement(remember_checked.manifest, d.direction) s;

    INSERT INTO qt001_cp.checked_row (made, classid, objid, sub, number, kind, forward, restore, owner, leaves, taken, columns_taken)
    SELECT now_id, x.classid, x.objid, 0, x.number, x.kind, x.forward, x.restore,
           CASE WHEN x.first THEN x.owner END, CASE WHEN x.first THEN x.leaves END, CASE WHEN x.first THEN x.taken END, CASE WHEN x.first THEN x.columns_taken END
    FROM (
        SELECT s.*, row_number() OVER (PARTITION BY s.classid, s.kind, s.forward, s.columns, s.owner, s.leaves) = 1 AS first
        FROM (
            SELECT l.classid, CASE WHEN l.classid = 'pg_database'::regclass THEN 0 ELSE l.objid END AS objid, o.number, o.kind,
                   qt001_cp.state_text(o.after ->> 'owner', o.after -> 'acl') AS forward, qt001_cp.state_text(o.before ->> 'owner', o.before -> 'acl') AS restore,
                   qt001_cp.column_acl_set(o.after -> 'columns')::text AS columns, (o.after ->> 'owner')::name AS owner, t.leaves, t.taken, t.columns_taken
            FROM qt001_cp.manifest_object(manifest) o
            JOIN qt001_cp.live_object(app, true, false) l ON l.kind = o.kind AND l.identity = o.identity
            CROSS JOIN LATERAL qt001_cp.taken_from(app, o.kind, o.after -> 'acl') t
            WHERE o.disposition = 'transfer' AND o.kind <> 'default acl') s) x;
    INSERT INTO qt001_cp.checked_row (made, classid, objid, sub)
    SELECT now_id, p.class, p.id, 0
    FROM qt001_cp.checked_row k JOIN qt001_cp.v_part p ON p.classid = k.classid AND p.objid = k.objid
    WHERE k.made = now_id AND p.class IN ('pg_class'::regclass, 'pg_type'::regclass)
    ON CONFLICT DO NOTHING;
    INSERT INTO qt001_cp.checked_row (made, classid, objid, sub, forward, restore)
    SELECT now_id, k.classid, k.objid, a.attnum,
           coalesce((SELECT qt001_cp.state_text(NULL, c.value -> 'acl') FROM jsonb_array_elements(o.after -> 'columns') c(value) WHERE c.value ->> 'column' = a.attname), ''),
           coalesce((SELECT qt001_cp.state_text(NULL, c.value -> 'acl') FROM jsonb_array_elements(o.before -> 'columns') c(value) WHERE c.value ->> 'column' = a.attname), '')
    FROM qt001_cp.checked_row k
    JOIN qt001_cp.live_object(app, true, false) l ON l.classid = k.classid AND l.objid = k.objid
    JOIN qt001_cp.manifest_object(manifest) o ON o.kind = l.kind AND o.identity = l.identity
    JOIN pg_attribute a ON a.attrelid = k.objid AND a.attname IN (
        SELECT c.value ->> 'column' FROM jsonb_array_elements((o.before -> 'columns') || (o.after -> 'columns')) c(value))
    WHERE k.made = now_id AND k.classid = 'pg_class'::regclass AND k.sub = 0 AND k.kind IS NOT NULL;
    -- Default privileges of others stay as they are.
    INSERT INTO qt001_cp.checked_row (made, classid, objid, sub)
    SELECT now_id, 'pg_default_acl'::regclass, d.oid, 0 FROM pg_default_acl d
    WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.manifest_row o WHERE o.manifest = remember_checked.manifest AND o.object ->> 'kind' = 'default acl'
                        AND o.object ->> 'identity' = (pg_identify_object('pg_default_acl'::regclass, d.oid, 0)).identity);
END
$remember_checked$;

CREATE FUNCTION qt001_cp.kept_state(made xid8, seed bigint, direction text) RETURNS TABLE (content text, as_wanted boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $kept_state$
-- Of the rows in checked_row as they are now: content, a hash of all but owner and ACL, and how many there are (shared catalogs
-- are left out: the database's row is compared by shared_stamp()); and whether owner and ACL are those of the direction.
-- One look at each catalog that has such rows. An estate has few different ACLs: each is put into words once.
DECLARE
    classes oid[] := ARRAY(SELECT DISTINCT k.classid FROM qt001_cp.checked_row k WHERE k.made = kept_state.made AND k.sub = 0);
    looks text := (
        SELECT string_agg(format(
            'SELECT %s::oid AS class, %s AS moves, CASE WHEN %s THEN CASE $3 WHEN ''forward'' THEN k.forward WHEN ''restore'' THEN k.restore END END AS wanted,'
            ' %s AS owner, %s AS acl, %s AS letter, count(o.%I) AS rows, %s AS hash'
            ' FROM qt001_cp.checked_row k LEFT JOIN pg_catalog.%I o ON %s WHERE k.made = $1 AND %s GROUP BY 2, 3, 4, 5, 6',
            l.class, l.moves, l.moves, format('CASE WHEN %s THEN %s END', l.moves, l.owner), format('CASE WHEN %s THEN %s END', l.moves, l.acl),
            format('(%s)::"char"', l.letter), l.key,
            CASE WHEN l.hashed THEN format('bit_xor(%s)', qt001_cp.content_of(l.catalog)) ELSE '0::bigint' END,
            l.relname, l.condition, l.rows), E'\nUNION ALL ')
        FROM (
            SELECT m.class::bigint AS class, c.oid::regclass AS catalog, c.relname, 'k.kind IS NOT NULL' AS moves, coalesce(p.owner, 'NULL::oid') AS owner,
                   coalesce(p.acl, 'NULL::aclitem[]') AS acl, coalesce(p.letter, 'NULL') AS letter, 'oid'::name AS key,
                   NOT c.relisshared AND c.relname <> ALL (qt001_cp.unstamped()) AS hashed,
                   CASE c.relname WHEN 'pg_database' THEN 'o.datname = current_database()' ELSE 'o.oid = k.objid' END AS condition,
                   format('k.classid = %s AND k.sub = 0', m.class) AS rows
            FROM pg_class c CROSS JOIN LATERAL (SELECT qt001_cp.object_class(c.oid) AS class) m
            LEFT JOIN qt001_cp.owner_acl_part() p ON p.classid = m.class
            WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND m.class = ANY (classes)
              AND (c.oid = m.class OR c.relname = 'pg_largeobject_metadata') AND c.relname <> 'pg_largeobject'
            UNION ALL
            SELECT 0, 'pg_attribute'::regclass, 'pg_attribute', 'true', 'NULL::oid', 'o.attacl', 'NULL', 'attrelid', true,
                   'o.attrelid = k.objid AND o.attnum = k.sub', 'k.sub <> 0') l);
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH look AS MATERIALIZED (%s)'
        ' SELECT (SELECT string_agg(concat_ws('' '', c.class, c.rows, c.hash), '', '' ORDER BY c.class)'
        ' FROM (SELECT l.class, sum(l.rows) AS rows, bit_xor(l.hash) AS hash FROM look l GROUP BY l.class) c),'
        ' $3 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM (SELECT DISTINCT l.owner, l.acl, l.letter, l.wanted FROM look l WHERE l.moves) d'
        ' WHERE qt001_cp.live_state_text(d.owner, d.acl, d.letter) IS DISTINCT FROM d.wanted)', looks)
    USING made, seed, direction;
END
$kept_state$;

CREATE FUNCTION qt001_cp.expected_defaults(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $expected_defaults$
-- The default privileges of the manifest after the cutover and after its reversal: {direction: [{identity, acl, gone}]};
-- gone: those that say nothing any more do not exist.
SELECT jsonb_object_agg(d.direction, (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'identity', o.object ->> 'identity', 'gone', d.direction = 'forward' AND o.object ->> 'disposition' = 'transfer',
               'acl', CASE WHEN d.direction = 'forward' AND o.object ->> 'disposition' = 'transfer' THEN o.object -> 'after' ELSE o.object -> 'before' END -> 'acl')), '[]')
    FROM qt001_cp.manifest_row o WHERE o.manifest = expected_defaults.manifest AND o.object ->> 'kind' = 'default acl'))
FROM unnest(ARRAY['forward', 'restore']) d(direction)
$expected_defaults$;

CREATE FUNCTION qt001_cp.checked_before(manifest text, direction text) RETURNS xid8
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $checked_before$
-- The number under which the rows of checked stand, where ledger, login and every catalog are as they were then.
-- Numbers of transactions come round: a stamp is good for half a round.
DECLARE
    known qt001_cp.checked;
BEGIN
    SELECT c.* INTO known FROM qt001_cp.checked c
    WHERE c.manifest = checked_before.manifest AND c.direction = checked_before.direction AND c.login = session_user
      AND pg_snapshot_xmax(pg_current_snapshot())::text::numeric - c.made::text::numeric >= 1
      AND pg_snapshot_xmax(pg_current_snapshot())::text::numeric - least(c.since, c.rest_since)::text::numeric <= 2000000000;
    IF known.made IS NULL OR known.ledger IS DISTINCT FROM qt001_cp.ledger_stamp(manifest) THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT known.made FROM qt001_cp.catalog_stamp(known.made, known.since, known.rest_since, ARRAY['total']) s WHERE s.total = known.stamp);
END
$checked_before$;

CREATE FUNCTION qt001_cp.as_expected(manifest text, direction text, stamped_rest text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $as_expected$
-- Whether the statements of a checked manifest did what they had to, and nothing else was done by anybody: no other row
-- of the catalogs is another one; the rewritten rows differ in owner and ACL alone; owners and ACLs are the manifest's;
-- and, after the cutover, the application role holds nothing more by any route. A no says nothing more: the checks of
-- contents find what it is.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    kept xid8 := qt001_cp.before_now();
    known qt001_cp.checked;
BEGIN
    SELECT c.* INTO known FROM qt001_cp.checked c WHERE c.manifest = as_expected.manifest AND c.direction = as_expected.direction AND c.made = kept;
    IF known.rest IS DISTINCT FROM stamped_rest THEN
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.kept_state(kept, known.seed, direction) s WHERE s.content = known.content AND s.as_wanted) THEN
        RETURN false;
    END IF;
    IF EXISTS (
        SELECT 1 FROM jsonb_to_recordset(known.defaults -> direction) w(identity text, acl jsonb, gone boolean)
        FULL JOIN (SELECT d.oid, (pg_identify_object('pg_default_acl'::regclass, d.oid, 0)).identity, age(d.xmin) AS age, (
                       SELECT jsonb_agg(jsonb_build_array(pg_get_userbyid(x.grantor), CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END, x.privilege_type, x.is_grantable))
                       FROM aclexplode(d.defaclacl) x) AS acl
                   FROM pg_default_acl d) n ON n.identity = w.identity
        WHERE CASE WHEN w.identity IS NULL THEN n.age <= age(known.rest_since::xid)
                       OR NOT EXISTS (SELECT 1 FROM qt001_cp.checked_row k WHERE k.made = kept AND k.classid = 'pg_default_acl'::regclass AND k.objid = n.oid)
                   WHEN n.identity IS NULL THEN NOT w.gone
                   ELSE qt001_cp.acl_set(w.acl) IS DISTINCT FROM qt001_cp.acl_set(coalesce(n.acl, '[]')) END
    ) THEN
        RETURN false;
    END IF;
    RETURN direction <> 'forward' OR NOT EXISTS (
        SELECT 1 FROM (
            SELECT k.*, CASE WHEN k.classid = 'pg_database'::regclass THEN (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) ELSE k.objid END AS number_now
            FROM qt001_cp.checked_row k WHERE k.made = kept AND k.owner IS NOT NULL) one
        WHERE qt001_cp.may_hold(app, one.classid, one.number_now, one.kind, one.owner, one.taken, one.columns_taken)
          AND EXISTS (SELECT 1 FROM qt001_cp.held(app, one.classid, one.number_now, one.kind) h(privilege) WHERE h.privilege <> ALL (one.leaves)));
END
$as_expected$;
