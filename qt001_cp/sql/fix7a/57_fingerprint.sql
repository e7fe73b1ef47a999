-- Whether the catalogs are as the statements of a run should have left them: a fingerprint of every
-- row that they do not rewrite, taken when the run begins and again at its end, and a look at those
-- that they do. It is quick, because relations are locked meanwhile, and it never refuses: where it
-- says no, 59_postconditions.sql compares contents and names what it is.

CREATE TABLE qt001_cp.run_object (
    classid oid NOT NULL,
    objid oid NOT NULL,
    objsubid int NOT NULL,
    number bigint,
    kind text,
    expected text,
    owner name,
    kept text[],
    revoked text,
    revoked_columns text,
    PRIMARY KEY (classid, objid, objsubid)
);
COMMENT ON TABLE qt001_cp.run_object IS
    'The catalog rows that the statements of this run rewrite; expected: owner and ACL afterwards. '
    'What a role may do to an object follows from its owner and its ACLs: of all objects with the '
    'same, one has here what is kept and what is revoked.';

CREATE FUNCTION qt001_cp.ignored_catalogs() RETURNS name[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $ignored_catalogs$
-- Catalogs that define nothing; pg_user_mapping is read through its view.
SELECT ARRAY['pg_statistic', 'pg_statistic_ext_data', 'pg_description', 'pg_seclabel',
             'pg_largeobject', 'pg_subscription_rel', 'pg_user_mapping']::name[]
$ignored_catalogs$;

CREATE FUNCTION qt001_cp.object_class(catalog oid) RETURNS oid
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $object_class$
-- The classid by which pg_depend knows the rows of a catalog.
SELECT CASE catalog WHEN 'pg_largeobject_metadata'::regclass THEN 'pg_largeobject'::regclass::oid
                    ELSE catalog END
$object_class$;

CREATE FUNCTION qt001_cp.shared_catalog_state() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $shared_catalog_state$
-- The catalogs of the whole cluster, by content: roles, memberships, settings, tablespaces,
-- subscriptions, privileges on parameters, user mappings, and the database but for its owner and
-- ACL, which the statements may change.
DECLARE
    parameters text := '';
    this_database oid := (SELECT oid FROM pg_database WHERE datname = current_database());
BEGIN
    IF to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
        EXECUTE 'SELECT string_agg(parname || paracl::text, '' '' ORDER BY oid)'
                ' FROM pg_catalog.pg_parameter_acl'
        INTO parameters;
    END IF;
    RETURN qt001_cp.sha256_hex(convert_to(concat_ws('|', parameters,
        (SELECT string_agg(ROW(role.oid, role.rolname, role.rolsuper, role.rolinherit,
                               role.rolcreaterole, role.rolcreatedb, role.rolcanlogin,
                               role.rolreplication, role.rolbypassrls)::text, ' ' ORDER BY role.oid)
         FROM pg_roles role),
        (SELECT string_agg(to_jsonb(membership)::text, ' '
                           ORDER BY membership.roleid, membership.member, membership.grantor)
         FROM pg_auth_members membership),
        (SELECT string_agg(ROW(setting.setdatabase = 0, setting.setrole, setting.setconfig)::text,
                           ' ' ORDER BY setting.setdatabase = 0, setting.setrole)
         FROM pg_db_role_setting setting WHERE setting.setdatabase IN (0, this_database)),
        (SELECT string_agg(ROW(space.oid, space.spcname, space.spcowner, space.spcacl,
                               space.spcoptions)::text, ' '
                           ORDER BY space.oid)
         FROM pg_tablespace space),
        (SELECT string_agg(ROW(subscription.oid, subscription.subname, subscription.subowner,
                               subscription.subenabled, subscription.subpublications,
                               subscription.subslotname)::text, ' ' ORDER BY subscription.oid)
         FROM pg_subscription subscription WHERE subscription.subdbid = this_database),
        (SELECT string_agg(ROW(mapping.umid, mapping.srvid, mapping.umuser)::text, ' '
                           ORDER BY mapping.umid)
         FROM pg_user_mappings mapping),
        (SELECT ROW(database.datname, database.encoding, database.datcollate, database.datctype,
                    database.datconnlimit, database.datallowconn, database.datistemplate)::text
         FROM pg_database database WHERE database.oid = this_database)), 'UTF8'));
END
$shared_catalog_state$;

CREATE FUNCTION qt001_cp.parts_in(schemas oid[], relations oid[]) RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $parts_in$
-- What belongs to these relations or stands in these schemas, of the catalogs that pg_depend names.
SELECT array_agg(part.oid) FROM (
    SELECT oid FROM pg_attrdef WHERE adrelid = ANY (relations)
    UNION ALL SELECT oid FROM pg_constraint WHERE conrelid = ANY (relations)
    UNION ALL SELECT oid FROM pg_trigger WHERE tgrelid = ANY (relations)
    UNION ALL SELECT oid FROM pg_rewrite WHERE ev_class = ANY (relations)
    UNION ALL SELECT oid FROM pg_policy WHERE polrelid = ANY (relations)
    UNION ALL SELECT oid FROM pg_type WHERE typnamespace = ANY (schemas)
    UNION ALL SELECT oid FROM pg_proc WHERE pronamespace = ANY (schemas)) part
$parts_in$;

CREATE FUNCTION qt001_cp.belongs_condition(catalog name, relations text, schemas text, parts text)
    RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $belongs_condition$
-- A condition on the row "entry" of a catalog: it belongs to one of the relations, stands in one of
-- the schemas, or is one of the parts. relations, schemas, parts: expressions of type oid[].
SELECT CASE
    WHEN column_of.name IS NOT NULL THEN format('entry.%I = ANY (%s)', column_of.name, relations)
    WHEN belongs_condition.catalog = 'pg_type' THEN format('entry.typnamespace = ANY (%s)', schemas)
    WHEN belongs_condition.catalog = 'pg_proc' THEN format('entry.pronamespace = ANY (%s)', schemas)
    WHEN belongs_condition.catalog = 'pg_namespace' THEN format('entry.oid = ANY (%s)', schemas)
    WHEN belongs_condition.catalog = 'pg_depend' THEN
        format('CASE entry.classid WHEN ''pg_class''::regclass THEN entry.objid = ANY (%s)',
               relations)
        || format(' ELSE entry.objid >= 16384 AND entry.objid = ANY (%s)', parts)
        || ' AND entry.classid IN (''pg_attrdef''::regclass, ''pg_constraint''::regclass,'
           ' ''pg_trigger''::regclass, ''pg_rewrite''::regclass, ''pg_policy''::regclass,'
           ' ''pg_type''::regclass, ''pg_proc''::regclass) END'
    ELSE 'false' END
FROM (SELECT) one LEFT JOIN (VALUES
    ('pg_class', 'oid'), ('pg_attribute', 'attrelid'), ('pg_attrdef', 'adrelid'),
    ('pg_index', 'indexrelid'),
    ('pg_inherits', 'inhrelid'), ('pg_partitioned_table', 'partrelid'), ('pg_sequence', 'seqrelid'),
    ('pg_foreign_table', 'ftrelid'), ('pg_trigger', 'tgrelid'), ('pg_rewrite', 'ev_class'),
    ('pg_policy', 'polrelid'),
    ('pg_constraint', 'conrelid'), ('pg_statistic_ext', 'stxrelid')) column_of(catalog, name)
ON column_of.catalog = belongs_condition.catalog
$belongs_condition$;

CREATE FUNCTION qt001_cp.fingerprint_source(catalog oid, name name, rewritten oid[],
                                            temporary boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $fingerprint_source$
-- The query for one catalog: each row with its version and place; and of the young ones alone
-- (recently changed, so that the look costs little) whether it is the control plane's own, and its
-- key in run_object. $1, $2, $3: relations, schemas and parts that are temporary; $4, $5, $6: those
-- of the control plane; $7: the age of what is young. Default privileges that say nothing any more
-- have no row: they are compared by expected_default_acls().
SELECT format('SELECT %s::oid AS catalog, entry.xmin, entry.ctid, %s AS own, %s'
              ' FROM pg_catalog.%I entry%s', catalog,
    CASE WHEN name = 'pg_default_acl' THEN 'true' WHEN belongs.condition = 'false' THEN 'false'
         ELSE CASE name WHEN 'pg_depend' THEN 'entry.classid = ''pg_default_acl''::regclass OR '
                        ELSE '' END
              || format('CASE WHEN age(entry.xmin) <= $7 THEN %s END', belongs.condition) END,
    CASE WHEN name = 'pg_attribute' THEN
             '''pg_class''::regclass::oid AS classid,'
             ' CASE WHEN age(entry.xmin) <= $7 THEN entry.attrelid END AS objid,'
             ' entry.attnum::int AS objsubid'
         WHEN qt001_cp.object_class(catalog) = ANY (rewritten) THEN
             format('%s::oid AS classid,'
                    ' CASE WHEN age(entry.xmin) <= $7 THEN entry.oid END AS objid, 0 AS objsubid',
                    qt001_cp.object_class(catalog))
         ELSE 'NULL::oid AS classid, NULL::oid AS objid, 0 AS objsubid' END,
    name,
    CASE WHEN temporary OR name = 'pg_namespace'
         THEN format(' WHERE NOT (%s)', qt001_cp.belongs_condition(name, '$1', '$2', '$3'))
         ELSE '' END)
FROM (SELECT qt001_cp.belongs_condition(name, '$4', '$5', '$6') AS condition) belongs
$fingerprint_source$;

CREATE FUNCTION qt001_cp.catalog_fingerprint(oldest xid8) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET max_parallel_workers_per_gather = 0
SET synchronize_seqscans = off
SET work_mem = '64MB'
AS $catalog_fingerprint$
-- Of all catalogs of the database, but for temporary objects, the control plane's own and the rows
-- in run_object: how many rows there are, and version and place of those that a transaction made
-- which had not ended before oldest. Rows of transactions that had ended can only go, and then
-- there are fewer; a new row has the number of a later transaction; one that a transaction changes
-- twice stands in another place. So the same fingerprint says that the rows are the same. Nobody
-- but the server writes xmin. The list of catalogs is the server's own.
-- Source: PostgreSQL documentation, "System Columns" (5.6), "Transactions and Identifiers" (67.1),
-- "System Catalogs" (53).
DECLARE
    temporary_schemas oid[] := ARRAY(SELECT oid FROM pg_namespace
                                     WHERE nspname ~ '^pg_(toast_)?temp_');
    temporary boolean := EXISTS (SELECT 1 FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
                                 AND refobjid = ANY (temporary_schemas));
    temporary_relations oid[] := ARRAY(SELECT oid FROM pg_class
                                       WHERE temporary AND relnamespace = ANY (temporary_schemas));
    own_schemas oid[] := ARRAY['qt001_cp'::regnamespace::oid];
    own_relations oid[] := ARRAY(
        WITH own AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace = ANY (own_schemas))
        SELECT oid FROM own UNION SELECT reltoastrelid FROM own WHERE reltoastrelid <> 0
        UNION SELECT pg_index.indexrelid FROM own JOIN pg_index
        ON pg_index.indrelid = own.reltoastrelid);
    rewritten oid[] := ARRAY(SELECT DISTINCT classid FROM qt001_cp.run_object WHERE objsubid = 0);
    sources text;
    fingerprint text;
BEGIN
    SELECT string_agg(qt001_cp.fingerprint_source(oid, relname, rewritten, temporary),
                      E'\nUNION ALL ' ORDER BY relname)
    INTO sources FROM pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
      AND relname <> ALL (qt001_cp.ignored_catalogs());
    EXECUTE 'SELECT concat(count(*) FILTER (WHERE entry.own IS NOT TRUE), '' '','
            ' encode(sha256(coalesce(string_agg('
            'oidsend(entry.catalog) || xidsend(entry.xmin) || tidsend(entry.ctid), '''')'
            ' FILTER (WHERE age(entry.xmin) <= $7 AND entry.own IS NOT TRUE'
            ' AND (entry.objid IS NULL OR (entry.classid, entry.objid, entry.objsubid) NOT IN ('
            'SELECT classid, objid, objsubid FROM qt001_cp.run_object))), '''')), ''hex''))'
            ' FROM (' || sources || ') entry'
    INTO fingerprint
    USING temporary_relations, temporary_schemas,
          CASE WHEN temporary THEN qt001_cp.parts_in(temporary_schemas, temporary_relations) END,
          own_relations, own_schemas, qt001_cp.parts_in(own_schemas, own_relations),
          age(oldest::xid);
    RETURN qt001_cp.shared_catalog_state() || ' ' || fingerprint;
END
$catalog_fingerprint$;

CREATE FUNCTION qt001_cp.state_text(owner text, acl jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $state_text$
-- Owner and ACL in one form, whatever the order of its entries.
BEGIN
    RETURN (SELECT concat_ws(' ', owner, string_agg(DISTINCT entry.value::text COLLATE "C", ','
                                                    ORDER BY entry.value::text COLLATE "C"))
            FROM jsonb_array_elements(acl) entry(value));
END
$state_text$;

CREATE FUNCTION qt001_cp.live_state_text(owner oid, acl aclitem[], letter "char") RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $live_state_text$
-- The same of a catalog row. letter: the type by which acldefault() knows it, for a NULL ACL.
BEGIN
    RETURN qt001_cp.state_text(
        CASE WHEN owner IS NOT NULL THEN pg_get_userbyid(owner)::text END,
        coalesce((
            SELECT jsonb_agg(jsonb_build_array(
                       pg_get_userbyid(entry.grantor),
                       CASE WHEN entry.grantee <> 0 THEN pg_get_userbyid(entry.grantee) END,
                       entry.privilege_type, entry.is_grantable))
            FROM aclexplode(coalesce(
                acl, CASE WHEN letter IS NOT NULL THEN acldefault(letter, owner) END)) entry),
            '[]'));
END
$live_state_text$;

CREATE FUNCTION qt001_cp.owner_acl_column()
    RETURNS TABLE (classid oid, owner text, acl text, letter text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $owner_acl_column$
-- Of every catalog with owners, expressions over its row "o": owner, ACL, and the type by which
-- acldefault() knows it. Made from model/kinds.py.
VALUES {owner_acl_parts}
$owner_acl_column$;

CREATE FUNCTION qt001_cp.content_expression(catalog regclass) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $content_expression$
-- An expression over the row "o" of a catalog: a hash of all that is no owner, ACL, storage or
-- statistics, under the seed $1, which nobody can know beforehand. What has no hash of its own is
-- hashed as its text.
SELECT 'hash_record_extended(ROW(' || string_agg(format(
           CASE WHEN attribute.atttypid = 'regproc'::regtype THEN 'o.%I::oid'
                WHEN attribute.atttypid = ANY (
                    '{oid,name,text,bool,"\"char\"",int2,int4,int8,float4}'::regtype[]) THEN 'o.%I'
                ELSE 'o.%I::text' END, attribute.attname), ', ' ORDER BY attribute.attnum)
       || '), $1)'
FROM pg_attribute attribute
WHERE attribute.attrelid = catalog AND attribute.attnum > 0 AND NOT attribute.attisdropped
  AND attribute.atttypid <> 'aclitem[]'::regtype AND attribute.attname !~ 'owner$'
  AND attribute.attname <> ALL (qt001_cp.storage_columns())
$content_expression$;

CREATE FUNCTION qt001_cp.run_object_source(class oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $run_object_source$
-- The query for the rows of one catalog that run_object names, grouped by owner and ACL: how many,
-- and a hash of their content. Of shared catalogs the content is left out: the database's is in
-- shared_catalog_state().
SELECT format('SELECT %s::oid AS class, count(o.oid) AS rows, %s AS hash,'
              ' target.kind IS NOT NULL AS transferred,'
              ' target.expected, CASE WHEN target.kind IS NOT NULL THEN %s END AS owner,'
              ' CASE WHEN target.kind IS NOT NULL THEN %s END AS acl, (%s)::"char" AS letter'
              ' FROM qt001_cp.run_object target LEFT JOIN pg_catalog.%I o ON o.oid = target.objid'
              ' WHERE target.classid = %s AND target.objsubid = 0 GROUP BY 4, 5, 6, 7, 8',
              class, CASE WHEN catalog.relisshared
                            OR catalog.relname = ANY (qt001_cp.ignored_catalogs()) THEN '0::bigint'
                          ELSE format('bit_xor(%s)', qt001_cp.content_expression(catalog.oid)) END,
              coalesce(part.owner, 'NULL::oid'), coalesce(part.acl, 'NULL::aclitem[]'),
              coalesce(part.letter, 'NULL'), catalog.relname, class)
FROM pg_class catalog LEFT JOIN qt001_cp.owner_acl_column() part ON part.classid = class
WHERE catalog.relnamespace = 'pg_catalog'::regnamespace AND catalog.relkind = 'r'
  AND qt001_cp.object_class(catalog.oid) = class AND catalog.relname <> 'pg_largeobject'
$run_object_source$;

CREATE FUNCTION qt001_cp.run_object_state(seed bigint)
    RETURNS TABLE (content text, as_expected boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $run_object_state$
-- Of the rows in run_object as they are now: content, a hash of all but owner and ACL, and how many
-- there are; and whether owner and ACL are the expected ones. One look at each catalog. An estate
-- has few different ACLs: each is put into words once.
DECLARE
    columns text := 'SELECT 0::oid AS class, count(o.attrelid) AS rows, bit_xor('
        || qt001_cp.content_expression('pg_attribute')
        || ') AS hash, true AS transferred, target.expected, NULL::oid AS owner,'
           ' o.attacl AS acl, NULL::"char" AS letter FROM qt001_cp.run_object target'
           ' LEFT JOIN pg_catalog.pg_attribute o'
           ' ON o.attrelid = target.objid AND o.attnum = target.objsubid'
           ' WHERE target.objsubid <> 0 GROUP BY 5, 7';
    sources text := (
        SELECT string_agg(qt001_cp.run_object_source(target.classid) || E'\nUNION ALL ', '')
        FROM (SELECT DISTINCT classid FROM qt001_cp.run_object WHERE objsubid = 0) target);
BEGIN
    RETURN QUERY EXECUTE
        'WITH look AS MATERIALIZED (' || coalesce(sources, '') || columns || ')'
        ' SELECT coalesce((SELECT string_agg(concat_ws('' '', total.class, total.rows, total.hash),'
        ' '', '' ORDER BY total.class)'
        ' FROM (SELECT class, sum(rows) AS rows, bit_xor(hash) AS hash FROM look GROUP BY class)'
        ' total), ''''),'
        ' NOT EXISTS (SELECT 1 FROM (SELECT DISTINCT owner, acl, letter, expected'
        ' FROM look WHERE transferred) state'
        ' WHERE qt001_cp.live_state_text(state.owner, state.acl, state.letter)'
        ' IS DISTINCT FROM state.expected)'
    USING seed;
END
$run_object_state$;

CREATE FUNCTION qt001_cp.collect_run_objects(manifest text, direction text, app name) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $collect_run_objects$
-- What the statements rewrite: the transferred objects, their indexes, toast tables, row and array
-- types, and columns with an ACL; and the default privileges that they leave alone.
BEGIN
    INSERT INTO qt001_cp.run_object (classid, objid, objsubid, number, kind, expected, owner, kept,
                                     revoked, revoked_columns)
    SELECT target.classid, target.objid, 0, target.number, target.kind, target.expected,
           CASE WHEN target.first THEN target.owner END,
           CASE WHEN target.first THEN target.kept END,
           CASE WHEN target.first THEN target.revoked END,
           CASE WHEN target.first THEN target.revoked_columns END
    FROM (
        SELECT live.classid, live.objid, object.number, object.kind, state.owner::name AS owner,
               qt001_cp.state_text(state.owner, state.acl) AS expected, privilege.*,
               row_number() OVER (
                   PARTITION BY live.classid, object.kind,
                                qt001_cp.state_text(state.owner, state.acl),
                                qt001_cp.column_acl_set(state.columns)::text,
                                privilege.kept, object.disposition) = 1
               AND object.disposition = 'transfer' AS first
        FROM qt001_cp.manifest_object(manifest) object
        JOIN qt001_cp.live_object(app, true, false) live
        ON live.kind = object.kind AND live.identity = object.identity
        CROSS JOIN LATERAL (
            SELECT target.value ->> 'owner' AS owner, target.value -> 'acl' AS acl,
                   target.value -> 'columns' AS columns
            FROM (SELECT CASE direction WHEN 'forward' THEN object.after ELSE object.before END
                 ) target(value)) state
        CROSS JOIN LATERAL
            qt001_cp.revoked_privileges(app, object.kind, object.after -> 'acl') privilege
        WHERE object.disposition IN ('transfer', 'lend')
          AND object.kind <> 'default acl') target;
    INSERT INTO qt001_cp.run_object (classid, objid, objsubid)
    SELECT part.class, part.id, 0
    FROM qt001_cp.run_object target
    JOIN qt001_cp.v_part part ON part.classid = target.classid AND part.objid = target.objid
    WHERE part.class IN ('pg_class'::regclass, 'pg_type'::regclass)
    ON CONFLICT DO NOTHING;
    INSERT INTO qt001_cp.run_object (classid, objid, objsubid, expected)
    SELECT 'pg_class'::regclass, target.objid, attribute.attnum,
           coalesce((SELECT qt001_cp.state_text(NULL, entry.value -> 'acl')
                     FROM jsonb_array_elements(
                         CASE direction WHEN 'forward' THEN object.after
                                        ELSE object.before END -> 'columns') entry(value)
                     WHERE entry.value ->> 'column' = attribute.attname), '')
    FROM qt001_cp.run_object target JOIN qt001_cp.manifest_object(manifest) object
    ON object.number = target.number
    JOIN pg_attribute attribute ON attribute.attrelid = target.objid AND attribute.attname IN (
        SELECT entry.value ->> 'column'
        FROM jsonb_array_elements((object.before -> 'columns') || (object.after -> 'columns'))
            entry(value))
    WHERE target.classid = 'pg_class'::regclass AND target.objsubid = 0 AND target.kind IS NOT NULL;
    INSERT INTO qt001_cp.run_object (classid, objid, objsubid)
    SELECT 'pg_default_acl'::regclass, default_acl.oid, 0 FROM pg_default_acl default_acl
    WHERE NOT EXISTS (
        SELECT 1 FROM qt001_cp.manifest_object(manifest) object
        JOIN LATERAL pg_identify_object('pg_default_acl'::regclass, default_acl.oid, 0) live
        ON live.identity = object.identity
        WHERE object.kind = 'default acl');
END
$collect_run_objects$;

CREATE FUNCTION qt001_cp.expected_default_acls(manifest text, direction text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $expected_default_acls$
-- The default privileges of the manifest after the statements: [{identity, acl, gone}]; gone: those
-- that say nothing any more do not exist.
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'identity', object.identity,
           'gone', direction = 'forward' AND object.disposition = 'transfer',
           'acl', CASE WHEN direction = 'forward' AND object.disposition = 'transfer'
                       THEN object.after ELSE object.before END -> 'acl')), '[]')
FROM qt001_cp.manifest_object(manifest) object WHERE object.kind = 'default acl'
$expected_default_acls$;

CREATE FUNCTION qt001_cp.default_acls_as_expected(expected_acls jsonb, oldest xid8) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $default_acls_as_expected$
-- Whether the default privileges of the manifest are those, and no others are new.
SELECT NOT EXISTS (
    SELECT 1 FROM jsonb_to_recordset(expected_acls) wanted(identity text, acl jsonb, gone boolean)
    FULL JOIN (
        SELECT default_acl.oid, default_acl.xmin,
               (pg_identify_object('pg_default_acl'::regclass, default_acl.oid, 0)).identity, (
                   SELECT jsonb_agg(jsonb_build_array(pg_get_userbyid(entry.grantor),
                              CASE WHEN entry.grantee <> 0 THEN pg_get_userbyid(entry.grantee) END,
                              entry.privilege_type, entry.is_grantable))
                   FROM aclexplode(default_acl.defaclacl) entry) AS acl
        FROM pg_default_acl default_acl) live ON live.identity = wanted.identity
    WHERE CASE WHEN wanted.identity IS NULL THEN age(live.xmin) <= age(oldest::xid) OR NOT EXISTS (
                        SELECT 1 FROM qt001_cp.run_object target
                        WHERE target.classid = 'pg_default_acl'::regclass
                          AND target.objid = live.oid)
               WHEN live.identity IS NULL THEN NOT wanted.gone
               ELSE qt001_cp.acl_set(wanted.acl)
                    IS DISTINCT FROM qt001_cp.acl_set(coalesce(live.acl, '[]')) END)
$default_acls_as_expected$;

CREATE FUNCTION qt001_cp.as_expected(manifest text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $as_expected$
-- Whether the statements of this run did what they had to, and nobody did anything else: no other
-- row of the catalogs has changed; the rewritten rows differ in owner and ACL alone; owners and
-- ACLs are the manifest's; and, after the cutover, the application role has no other privilege by
-- any route. No says nothing more: 59_postconditions.sql names what it is.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    snapshot qt001_cp.run_snapshot;
BEGIN
    SELECT kept.* INTO snapshot FROM qt001_cp.run_snapshot kept
    WHERE kept.xid = pg_current_xact_id();
    IF qt001_cp.catalog_fingerprint(snapshot.oldest_xid) IS DISTINCT FROM snapshot.fingerprint
        OR NOT EXISTS (SELECT 1 FROM qt001_cp.run_object_state(snapshot.seed) state
                       WHERE state.content = snapshot.content AND state.as_expected)
        OR NOT qt001_cp.default_acls_as_expected(snapshot.default_acls, snapshot.oldest_xid)
    THEN
        RETURN false;
    END IF;
    RETURN snapshot.direction <> 'forward' OR NOT EXISTS (
        SELECT 1 FROM qt001_cp.run_object target
        WHERE target.owner IS NOT NULL
          AND qt001_cp.has_any_privilege(app, target.classid, target.objid, target.kind,
                                         target.owner, target.revoked, target.revoked_columns)
          AND EXISTS (SELECT 1
                      FROM qt001_cp.effective_privileges(
                          app, target.classid, target.objid, target.kind) has(privilege)
                      WHERE has.privilege <> ALL (target.kept)));
END
$as_expected$;
