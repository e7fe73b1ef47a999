-- The estate, read from the catalogs at this moment: one row an object that the application role owns, is granted,
-- or reaches through PUBLIC or a role it is a member of. The body of this function is the one catalog query of the
-- project: Python runs the same text on a database that does not have the function yet.
--
-- acl:        [[grantor, grantee or null for PUBLIC, privilege, grantable], ...] in the order of the ACL array.
--             A NULL ACL is expanded to its default (acldefault), and one that equals its default is given in the
--             order of the default: what pg_dump does not tell apart is not told apart here.
-- definition: what makes the object what it is, without owner, ACL and comment, as text; sha256 of it is the digest.
-- The settings below decide how PostgreSQL words a definition; whoever calls this cannot bend them.
-- Source: PostgreSQL documentation, chapter "System Catalogs"; "Privileges", section 5.8.
CREATE FUNCTION qt001_cp.live_object(application name)
RETURNS TABLE (
    classid oid, objid oid, kind text, identity text, schema text, name text, args jsonb,
    owner text, acl jsonb, acl_default boolean, columns jsonb, follows text, detail jsonb, definition text, why text[]
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET quote_all_identifiers = off
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $live_object$
WITH RECURSIVE app_role(oid) AS (
    SELECT r.oid FROM pg_roles r WHERE r.rolname = $1
    UNION
    SELECT m.roleid FROM pg_auth_members m JOIN app_role a ON m.member = a.oid
), app(oids) AS (
    SELECT array_agg(a.oid) || CASE WHEN bool_or(a.oid = d.datdba) THEN ARRAY['pg_database_owner'::regrole::oid] ELSE '{}' END
    FROM app_role a, pg_database d WHERE d.datname = current_database()
), space(oid, name) AS (
    SELECT n.oid, n.nspname FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'qt001_cp')
), listed(classid, objid, nsp, name, owner, acl, letter) AS (
    SELECT 'pg_database'::regclass::oid, d.oid, NULL::name, d.datname, d.datdba, d.datacl, 'd'::"char"
    FROM pg_database d WHERE d.datname = current_database()
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, NULL, n.nspname, n.nspowner, n.nspacl, 'n'
    FROM pg_namespace n JOIN space s ON s.oid = n.oid
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, s.name, c.relname, c.relowner, c.relacl,
           CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"
    FROM pg_class c JOIN space s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, s.name, p.proname, p.proowner, p.proacl, 'f'
    FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, s.name, t.typname, t.typowner, t.typacl, 'T'
    FROM pg_type t JOIN space s ON s.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE (t.typrelid = 0 OR c.relkind = 'c')
      AND t.typtype <> 'm' AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT 'pg_collation'::regclass, o.oid, s.name, o.collname, o.collowner, NULL, NULL
    FROM pg_collation o JOIN space s ON s.oid = o.collnamespace
    UNION ALL
    SELECT 'pg_conversion'::regclass, o.oid, s.name, o.conname, o.conowner, NULL, NULL
    FROM pg_conversion o JOIN space s ON s.oid = o.connamespace
    UNION ALL
    SELECT 'pg_operator'::regclass, o.oid, s.name, o.oprname, o.oprowner, NULL, NULL
    FROM pg_operator o JOIN space s ON s.oid = o.oprnamespace
    UNION ALL
    SELECT 'pg_opclass'::regclass, o.oid, s.name, o.opcname, o.opcowner, NULL, NULL
    FROM pg_opclass o JOIN space s ON s.oid = o.opcnamespace
    UNION ALL
    SELECT 'pg_opfamily'::regclass, o.oid, s.name, o.opfname, o.opfowner, NULL, NULL
    FROM pg_opfamily o JOIN space s ON s.oid = o.opfnamespace
    UNION ALL
    SELECT 'pg_ts_config'::regclass, o.oid, s.name, o.cfgname, o.cfgowner, NULL, NULL
    FROM pg_ts_config o JOIN space s ON s.oid = o.cfgnamespace
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, o.oid, s.name, o.dictname, o.dictowner, NULL, NULL
    FROM pg_ts_dict o JOIN space s ON s.oid = o.dictnamespace
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, o.oid, s.name, o.stxname, o.stxowner, NULL, NULL
    FROM pg_statistic_ext o JOIN space s ON s.oid = o.stxnamespace
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, NULL, l.lanname, l.lanowner, l.lanacl, 'l'
    FROM pg_language l WHERE l.oid >= 16384
    UNION ALL
    SELECT 'pg_largeobject'::regclass, l.oid, NULL, l.oid::text, l.lomowner, l.lomacl, 'L'
    FROM pg_largeobject_metadata l
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, NULL, f.fdwname, f.fdwowner, f.fdwacl, 'F'
    FROM pg_foreign_data_wrapper f
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, f.oid, NULL, f.srvname, f.srvowner, f.srvacl, 'S'
    FROM pg_foreign_server f
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, e.oid, NULL, e.evtname, e.evtowner, NULL, NULL
    FROM pg_event_trigger e
    UNION ALL
    SELECT 'pg_publication'::regclass, p.oid, NULL, p.pubname, p.pubowner, NULL, NULL
    FROM pg_publication p
    UNION ALL
    SELECT 'pg_extension'::regclass, e.oid, NULL, e.extname, e.extowner, NULL, NULL
    FROM pg_extension e
    UNION ALL
    SELECT 'pg_default_acl'::regclass, d.oid, n.nspname, pg_get_userbyid(d.defaclrole), d.defaclrole, d.defaclacl, NULL
    FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    WHERE n.nspname IS DISTINCT FROM 'qt001_cp'
), complete AS (
    SELECT l.* FROM listed l
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_depend x WHERE x.classid = l.classid AND x.objid = l.objid AND x.objsubid = 0 AND x.deptype = 'e')
    UNION ALL
    -- Whatever else the server says that the application role owns or is granted: a kind that the list above does
    -- not have is an object all the same.
    SELECT DISTINCT s.classid, s.objid, NULL::name, NULL::name, CASE s.deptype WHEN 'o' THEN s.refobjid END,
           NULL::aclitem[], NULL::"char"
    FROM pg_shdepend s, app
    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY (app.oids)
      AND s.deptype IN ('o', 'a')
      AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND NOT EXISTS (SELECT 1 FROM listed l WHERE l.classid = s.classid AND l.objid = s.objid)
      AND NOT (s.classid = 'pg_class'::regclass AND EXISTS (
            SELECT 1 FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = s.objid AND (c.relkind IN ('i', 'I', 't', 'c') OR n.nspname ~ '^pg_temp_')))
      AND NOT (s.classid = 'pg_type'::regclass AND EXISTS (
            SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE t.oid = s.objid AND (n.nspname ~ '^pg_t' OR t.typtype = 'm' OR t.typelem <> 0 OR t.typrelid <> 0)))
      AND NOT EXISTS (
        SELECT 1 FROM pg_depend x WHERE x.classid = s.classid AND x.objid = s.objid AND x.objsubid = 0 AND x.deptype = 'e')
), effective AS (
    SELECT c.*,
           CASE WHEN c.letter IS NULL THEN c.acl
                WHEN c.acl IS NULL THEN acldefault(c.letter, c.owner)
                WHEN c.acl @> acldefault(c.letter, c.owner) AND c.acl <@ acldefault(c.letter, c.owner)
                    THEN acldefault(c.letter, c.owner)
                ELSE c.acl END AS acl_now,
           c.letter IS NOT NULL AND (c.acl IS NULL OR c.acl @> acldefault(c.letter, c.owner)
                                                  AND c.acl <@ acldefault(c.letter, c.owner)) AS acl_default
    FROM complete c
), judged AS (
    SELECT e.*,
           array_remove(ARRAY[
               CASE WHEN e.owner = ANY (app.oids) THEN 'owned' END,
               CASE WHEN EXISTS (SELECT 1 FROM aclexplode(e.acl_now) x WHERE x.grantee = ANY (app.oids)) THEN 'granted' END,
               CASE WHEN EXISTS (SELECT 1 FROM aclexplode(e.acl_now) x WHERE x.grantee = 0) THEN 'public' END,
               CASE WHEN e.classid = 'pg_class'::regclass AND EXISTS (
                   SELECT 1 FROM pg_attribute a, aclexplode(a.attacl) x
                   WHERE a.attrelid = e.objid AND a.attacl IS NOT NULL AND NOT a.attisdropped
                     AND (x.grantee = 0 OR x.grantee = ANY (app.oids))) THEN 'column' END,
               CASE WHEN e.nsp IS NULL AND e.classid = 'pg_database'::regclass THEN 'database' END,
               CASE WHEN e.name IS NULL THEN 'dependency' END], NULL) AS why
    FROM effective e, app
)
SELECT j.classid, j.objid,
       i.type, i.identity, j.nsp::text, coalesce(j.name::text, i.identity),
       CASE WHEN j.classid = 'pg_proc'::regclass THEN (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
                      'schema', tn.nspname, 'name', coalesce(el.typname, t.typname), 'array', el.oid IS NOT NULL)
                      ORDER BY a.ord), '[]')
           FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY a(typ, ord)
           JOIN pg_type t ON t.oid = a.typ
           LEFT JOIN pg_type el ON el.typarray = t.oid
           JOIN pg_namespace tn ON tn.oid = coalesce(el.typnamespace, t.typnamespace)
           WHERE p.oid = j.objid) END,
       CASE WHEN j.owner IS NOT NULL THEN pg_get_userbyid(j.owner)::text END,
       coalesce((SELECT jsonb_agg(jsonb_build_array(
                    pg_get_userbyid(x.grantor), CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                    x.privilege_type, x.is_grantable) ORDER BY x.ord)
                 FROM aclexplode(j.acl_now) WITH ORDINALITY x(grantor, grantee, privilege_type, is_grantable, ord)), '[]'),
       j.acl_default,
       CASE WHEN j.classid <> 'pg_class'::regclass THEN '[]' ELSE
           coalesce((SELECT jsonb_agg(jsonb_build_object('column', a.attname, 'acl', (
                        SELECT jsonb_agg(jsonb_build_array(
                            pg_get_userbyid(x.grantor), CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                            x.privilege_type, x.is_grantable) ORDER BY x.ord)
                        FROM aclexplode(a.attacl) WITH ORDINALITY x(grantor, grantee, privilege_type, is_grantable, ord)))
                        ORDER BY a.attnum)
                     FROM pg_attribute a
                     WHERE a.attrelid = j.objid AND NOT a.attisdropped AND cardinality(a.attacl) > 0), '[]') END,
       CASE WHEN j.classid = 'pg_class'::regclass AND j.letter = 's' THEN (
           SELECT (pg_identify_object('pg_class'::regclass, x.refobjid, 0)).identity FROM pg_depend x
           WHERE x.classid = 'pg_class'::regclass AND x.objid = j.objid AND x.objsubid = 0
             AND x.refclassid = 'pg_class'::regclass AND x.deptype IN ('a', 'i') AND x.refobjsubid > 0 LIMIT 1) END,
       CASE WHEN j.classid = 'pg_proc'::regclass THEN (
           SELECT jsonb_build_object('definer', p.prosecdef, 'language', l.lanname, 'search_path', (
                      SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE starts_with(c, 'search_path=') LIMIT 1))
           FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = j.objid)
            WHEN j.classid = 'pg_default_acl'::regclass THEN (
           SELECT jsonb_build_object('on', CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                      WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END)
           FROM pg_default_acl d WHERE d.oid = j.objid) END,
       CASE j.classid
       WHEN 'pg_class'::regclass THEN (
           SELECT concat_ws(E'\n',
               format('%s kind=%s persistence=%s rls=%s force=%s replident=%s options=%s access_method=%s tablespace=%s',
                      i.type, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
                      c.reloptions, (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam),
                      (SELECT t.spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace)),
               CASE WHEN c.reloftype <> 0 THEN 'of ' || format_type(c.reloftype, NULL) END,
               CASE WHEN c.relkind = 'p' THEN 'partition key ' || pg_get_partkeydef(c.oid) END,
               CASE WHEN c.relispartition THEN 'partition bound ' || pg_get_expr(c.relpartbound, c.oid) END,
               (SELECT string_agg('parent ' || (pg_identify_object('pg_class'::regclass, h.inhparent, 0)).identity, E'\n'
                                  ORDER BY h.inhseqno)
                FROM pg_inherits h WHERE h.inhrelid = c.oid),
               (SELECT string_agg('child ' || ch.identity, E'\n' ORDER BY ch.identity COLLATE "C")
                FROM (SELECT (pg_identify_object('pg_class'::regclass, h.inhrelid, 0)).identity
                      FROM pg_inherits h WHERE h.inhparent = c.oid) ch
                WHERE c.relkind IN ('r', 'p', 'f')),
               (SELECT string_agg(concat_ws(' ', 'column', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                          CASE WHEN a.attcollation <> 0 THEN 'collate ' || (
                              SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
                              JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
                          CASE WHEN a.attnotnull THEN 'not null' END,
                          CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text END,
                          CASE WHEN a.attgenerated <> '' THEN 'generated ' || a.attgenerated::text END,
                          'default ' || pg_get_expr(d.adbin, d.adrelid),
                          'storage ' || a.attstorage::text || a.attcompression::text, 'options ' || a.attoptions::text,
                          'fdw options ' || a.attfdwoptions::text,
                          CASE WHEN NOT a.attislocal THEN 'inherited' END), E'\n' ORDER BY a.attnum)
                FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S'),
               (SELECT string_agg(format('constraint %I %s validated=%s deferrable=%s deferred=%s local=%s %s', k.conname,
                          k.contype, k.convalidated, k.condeferrable, k.condeferred, k.conislocal,
                          pg_get_constraintdef(k.oid)), E'\n' ORDER BY k.conname COLLATE "C", k.contype)
                FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 't'),
               (SELECT string_agg(format('index %s valid=%s clustered=%s replident=%s', pg_get_indexdef(x.indexrelid),
                          x.indisvalid, x.indisclustered, x.indisreplident), E'\n'
                          ORDER BY pg_get_indexdef(x.indexrelid) COLLATE "C")
                FROM pg_index x WHERE x.indrelid = c.oid),
               (SELECT string_agg(format('trigger %s %s', g.tgenabled, pg_get_triggerdef(g.oid)), E'\n'
                          ORDER BY g.tgname COLLATE "C")
                FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal),
               (SELECT 'internal triggers not enabled: ' || count(*) FROM pg_trigger g
                WHERE g.tgrelid = c.oid AND g.tgisinternal AND g.tgenabled <> 'O' HAVING count(*) > 0),
               (SELECT string_agg(format('rule %s %s', r.ev_enabled, pg_get_ruledef(r.oid)), E'\n'
                          ORDER BY r.rulename COLLATE "C")
                FROM pg_rewrite r WHERE r.ev_class = c.oid),
               (SELECT string_agg(format('policy %I for %s permissive=%s to %s using %s check %s', y.polname, y.polcmd,
                          y.polpermissive,
                          (SELECT string_agg(CASE q WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(q)) END, ','
                                             ORDER BY pg_get_userbyid(q) COLLATE "C") FROM unnest(y.polroles) q),
                          pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid)), E'\n'
                          ORDER BY y.polname COLLATE "C")
                FROM pg_policy y WHERE y.polrelid = c.oid),
               (SELECT format('sequence %s start=%s increment=%s min=%s max=%s cache=%s cycle=%s', format_type(s.seqtypid, NULL),
                          s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
                FROM pg_sequence s WHERE s.seqrelid = c.oid),
               (SELECT string_agg('owned by ' || (pg_identify_object(x.refclassid, x.refobjid, x.refobjsubid)).identity, E'\n')
                FROM pg_depend x WHERE c.relkind = 'S' AND x.classid = 'pg_class'::regclass AND x.objid = c.oid
                  AND x.refclassid = 'pg_class'::regclass AND x.deptype IN ('a', 'i')),
               (SELECT format('server %I options %s', fs.srvname, ft.ftoptions)
                FROM pg_foreign_table ft JOIN pg_foreign_server fs ON fs.oid = ft.ftserver WHERE ft.ftrelid = c.oid))
           FROM pg_class c WHERE c.oid = j.objid)
       WHEN 'pg_proc'::regclass THEN (
           SELECT CASE p.prokind
                  WHEN 'a' THEN (SELECT format('aggregate %s kind=%s direct=%s returns %s variadic=%s parallel=%s ', i.identity,
                                   g.aggkind, g.aggnumdirectargs, format_type(p.prorettype, NULL), p.provariadic, p.proparallel)
                                   || (to_jsonb(g) - 'aggfnoid')::text
                                 FROM pg_aggregate g WHERE g.aggfnoid = p.oid)
                  ELSE pg_get_functiondef(p.oid) END
           FROM pg_proc p WHERE p.oid = j.objid)
       WHEN 'pg_type'::regclass THEN (
           SELECT concat_ws(E'\n',
               format('type %s category=%s', t.typtype, t.typcategory),
               (SELECT string_agg('label ' || quote_literal(e.enumlabel), E'\n' ORDER BY e.enumsortorder)
                FROM pg_enum e WHERE e.enumtypid = t.oid),
               CASE WHEN t.typtype = 'd' THEN format('domain %s not null=%s default=%s collation=%s',
                    format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
                    (SELECT co.collname FROM pg_collation co WHERE co.oid = t.typcollation)) END,
               (SELECT string_agg(format('constraint %I validated=%s %s', k.conname, k.convalidated,
                          pg_get_constraintdef(k.oid)), E'\n' ORDER BY k.conname COLLATE "C")
                FROM pg_constraint k WHERE k.contypid = t.oid),
               (SELECT string_agg(format('attribute %I %s', a.attname, format_type(a.atttypid, a.atttypmod)), E'\n'
                          ORDER BY a.attnum)
                FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typrelid <> 0 AND a.attnum > 0 AND NOT a.attisdropped),
               (SELECT format('range of %s opclass %s canonical %s diff %s', format_type(g.rngsubtype, NULL),
                          (SELECT oc.opcname FROM pg_opclass oc WHERE oc.oid = g.rngsubopc),
                          g.rngcanonical::regproc, g.rngsubdiff::regproc)
                FROM pg_range g WHERE g.rngtypid = t.oid),
               CASE WHEN t.typtype = 'b' THEN format('base input %s output %s', t.typinput, t.typoutput) END)
           FROM pg_type t WHERE t.oid = j.objid)
       WHEN 'pg_database'::regclass THEN (
           SELECT concat_ws(E'\n',
               format('database encoding=%s collate=%s ctype=%s connections=%s', pg_encoding_to_char(d.encoding), d.datcollate,
                      d.datctype, d.datconnlimit),
               (SELECT string_agg(format('setting for %s: %s', CASE WHEN s.setrole = 0 THEN 'all' ELSE
                          quote_ident(pg_get_userbyid(s.setrole)) END, s.setconfig), E'\n'
                          ORDER BY pg_get_userbyid(s.setrole) COLLATE "C")
                FROM pg_db_role_setting s WHERE s.setdatabase = d.oid))
           FROM pg_database d WHERE d.oid = j.objid)
       WHEN 'pg_namespace'::regclass THEN 'schema'
       WHEN 'pg_default_acl'::regclass THEN 'default privileges'
       WHEN 'pg_extension'::regclass THEN (
           SELECT format('extension version=%s schema=%s', e.extversion, n.nspname)
           FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid = j.objid)
       ELSE i.type || ' ' || i.identity END,
       j.why
FROM judged j
CROSS JOIN LATERAL pg_identify_object(j.classid, j.objid, 0) i
WHERE cardinality(j.why) > 0 AND i.schema IS DISTINCT FROM 'qt001_cp' AND NOT (i.type = 'schema' AND i.identity = 'qt001_cp')
ORDER BY i.type COLLATE "C", i.identity COLLATE "C"
$live_object$;

CREATE FUNCTION qt001_cp.routine_sha256(routine oid) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $routine_sha256$
-- The digest of a routine's definition, as live_object words it.
SELECT encode(sha256(convert_to(pg_get_functiondef(routine), 'UTF8')), 'hex')
$routine_sha256$;
