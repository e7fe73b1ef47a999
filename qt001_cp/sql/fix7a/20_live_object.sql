-- The estate, read from the catalogs at this moment: one row an object that the application role owns, is granted,
-- or reaches through PUBLIC or a role it is a member of; of the system's own objects, and of members of extensions, those whose
-- ACL names it.
-- The body of this function is the one catalog query of the project: Python runs the same text on a database that
-- does not have the function yet. Its list of catalogs is made from model/kinds.py.
--
-- everything:  also what the application role does not reach (why is empty then).
-- definitions: whether to word them; without them it is owners and ACLs only, and much faster.
-- numbers:     nothing but the objects with these oids. The rows come in no order.
--
-- acl:        [[grantor, grantee or null for PUBLIC, privilege, grantable], ...] in the order of the ACL array.
--             A NULL ACL is expanded to its default (acldefault), and one that equals its default is given in the
--             order of the default: what pg_dump does not tell apart is not told apart here.
-- definition: what makes the object what it is, without owner, ACL and comment, as text; sha256 of it is the digest.
-- The settings below decide how PostgreSQL words a definition; whoever calls this cannot bend them.
-- Source: PostgreSQL documentation, chapter "System Catalogs"; "Privileges", section 5.8.
CREATE FUNCTION qt001_cp.live_object(application name, everything boolean DEFAULT false, definitions boolean DEFAULT true,
                                     numbers oid[] DEFAULT NULL)
RETURNS TABLE (
    classid oid, objid oid, kind text, identity text, schema text, name text, args jsonb, method text,
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
), space(oid, name, system) AS MATERIALIZED (
    SELECT n.oid, n.nspname, n.nspname ~ '^pg_' OR n.nspname = 'information_schema' FROM pg_namespace n
    WHERE n.nspname <> 'qt001_cp' AND n.nspname !~ '^pg_(toast|temp)'
), named(classid, objid, deptype, role) AS MATERIALIZED (
    -- What the server itself has noted of the application: it owns the object, or the ACL names it.
    SELECT s.classid, s.objid, s.deptype, s.refobjid FROM pg_shdepend s, app
    WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY (app.oids) AND s.deptype IN ('o', 'a') AND ($4::oid[] IS NULL OR s.objid = ANY ($4::oid[]))
      AND s.dbid IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
), own_cast AS MATERIALIZED (
    SELECT t.oid, format('cast (%s as %s) context=%s method=%s function=%s', format_type(c.castsource, NULL),
                         format_type(c.casttarget, NULL), c.castcontext, c.castmethod, c.castfunc::regprocedure) AS line
    FROM pg_cast c CROSS JOIN LATERAL (VALUES (c.castsource), (c.casttarget)) t(oid) WHERE c.oid >= 16384
    UNION ALL
    SELECT t.trftype, format('transform for language %s from=%s to=%s', l.lanname, t.trffromsql::regprocedure, t.trftosql::regprocedure)
    FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
), listed(classid, objid, nsp, name, owner, acl, letter, system) AS (
{listed}
), unlisted AS MATERIALIZED (
    SELECT DISTINCT s.classid, s.objid, CASE s.deptype WHEN 'o' THEN s.role END AS owner FROM named s
    WHERE NOT EXISTS (SELECT 1 FROM listed l WHERE l.classid = s.classid AND l.objid = s.objid)
), complete AS (
    -- A member of an extension goes with it; what counts of one is an ACL that names the application, as with the system's own.
    SELECT l.*, x.objid IS NOT NULL AS member
    FROM listed l LEFT JOIN pg_depend x ON x.classid = l.classid AND x.objid = l.objid AND x.objsubid = 0 AND x.deptype = 'e'
    WHERE x.objid IS NULL OR EXISTS (SELECT 1 FROM named g WHERE g.classid = l.classid AND g.objid = l.objid AND g.deptype = 'a')
    UNION ALL
    -- A kind that the list above does not have is an object all the same, and stops whoever meets it.
    SELECT s.classid, s.objid, NULL::name, NULL::text, s.owner, NULL::aclitem[], NULL::"char", false, false
    FROM unlisted s
    WHERE s.classid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relisshared)
      AND NOT (s.classid = 'pg_class'::regclass AND EXISTS (
            SELECT 1 FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = s.objid AND (c.relkind IN ('i', 'I', 't', 'c') OR n.nspname ~ '^pg_(toast_)?temp_' OR n.nspname = 'qt001_cp')))
      AND NOT (s.classid = 'pg_type'::regclass AND EXISTS (
            SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE t.oid = s.objid AND (n.nspname ~ '^pg_t' OR t.typtype = 'm' OR t.typelem <> 0 OR t.typrelid <> 0)))
      AND NOT (s.classid = 'pg_proc'::regclass AND EXISTS (
            SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid = s.objid AND (n.nspname ~ '^pg_temp_' OR n.nspname = 'qt001_cp')))
      AND NOT (s.classid = 'pg_namespace'::regclass AND EXISTS (
            SELECT 1 FROM pg_namespace n WHERE n.oid = s.objid AND (n.nspname ~ '^pg_(toast|temp)' OR n.nspname = 'qt001_cp')))
      AND NOT EXISTS (
        SELECT 1 FROM pg_depend x WHERE x.classid = s.classid AND x.objid = s.objid AND x.objsubid = 0 AND x.deptype = 'e')
), standard(letter, owner, acl) AS MATERIALIZED (
    SELECT k.letter, k.owner, acldefault(k.letter, k.owner)
    FROM (SELECT DISTINCT c.letter, c.owner FROM complete c WHERE c.letter IS NOT NULL) k
), effective AS MATERIALIZED (
    SELECT c.classid, c.objid, c.nsp, c.name, c.owner, c.letter, c.member OR c.system AND c.objid < 16384 AS system,
           CASE WHEN d.acl IS NULL THEN c.acl WHEN c.acl IS NULL OR (c.acl @> d.acl AND c.acl <@ d.acl) THEN d.acl ELSE c.acl END AS acl,
           d.acl IS NOT NULL AND (c.acl IS NULL OR (c.acl @> d.acl AND c.acl <@ d.acl)) AS acl_default
    FROM complete c LEFT JOIN standard d ON d.letter = c.letter AND d.owner = c.owner
), column_acl AS MATERIALIZED (
    SELECT a.attrelid, a.attnum, a.attname, a.attacl FROM pg_attribute a WHERE cardinality(a.attacl) > 0 AND NOT a.attisdropped
), worded(acl, items, granted, public) AS MATERIALIZED (
    -- An estate has few different ACLs: each is put into words once.
    SELECT k.acl, coalesce(x.items, '[]'), coalesce(x.granted, false), coalesce(x.public, false)
    FROM (SELECT e.acl FROM effective e WHERE e.acl IS NOT NULL
          UNION SELECT a.attacl FROM column_acl a) k(acl)
    CROSS JOIN app
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(
                   pg_get_userbyid(x.grantor), CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END,
                   x.privilege_type, x.is_grantable) ORDER BY x.ord) AS items,
               bool_or(x.grantee = ANY (app.oids)) AS granted, bool_or(x.grantee = 0) AS public
        FROM aclexplode(k.acl) WITH ORDINALITY x(grantor, grantee, privilege_type, is_grantable, ord)) x
), columned(relation, columns, reached) AS MATERIALIZED (
    SELECT a.attrelid, jsonb_agg(jsonb_build_object('column', a.attname, 'acl', w.items) ORDER BY a.attnum), bool_or(w.granted OR w.public)
    FROM column_acl a JOIN worded w ON w.acl = a.attacl GROUP BY a.attrelid
), judged AS (
    SELECT e.*, coalesce(w.items, '[]') AS items, coalesce(k.columns, '[]') AS columns,
           array_remove(ARRAY[
               CASE WHEN e.owner = ANY (app.oids) THEN 'owned' END,
               CASE WHEN w.granted THEN 'granted' END,
               CASE WHEN w.public THEN 'public' END,
               CASE WHEN k.reached THEN 'column' END,
               CASE WHEN e.classid = 'pg_database'::regclass THEN 'database' END,
               CASE WHEN e.name IS NULL THEN 'dependency' END], NULL) AS why
    FROM effective e CROSS JOIN app
    LEFT JOIN worded w ON w.acl = e.acl
    LEFT JOIN columned k ON k.relation = e.objid AND e.classid = 'pg_class'::regclass
)
SELECT j.classid, j.objid,
       i.type, i.identity, j.nsp::text, coalesce(j.name::text, i.identity),
       CASE WHEN j.classid = 'pg_proc'::regclass THEN (
           SELECT coalesce(jsonb_agg(jsonb_build_object(
                      'schema', tn.nspname, 'name', coalesce(el.typname, t.typname), 'array', el.oid IS NOT NULL)
                      ORDER BY a.ord), '[]')
           FROM pg_proc p, unnest(p.proargtypes) WITH ORDINALITY a(typ, ord)
           JOIN pg_type t ON t.oid = a.typ
           LEFT JOIN pg_type el ON el.oid = t.typelem AND el.typarray = t.oid
           JOIN pg_namespace tn ON tn.oid = coalesce(el.typnamespace, t.typnamespace)
           WHERE p.oid = j.objid)
            WHEN j.classid = 'pg_operator'::regclass THEN (
           SELECT jsonb_agg(CASE WHEN t.oid IS NOT NULL THEN jsonb_build_object(
                      'schema', tn.nspname, 'name', coalesce(el.typname, t.typname), 'array', el.oid IS NOT NULL) END ORDER BY a.ord)
           FROM pg_operator p, unnest(ARRAY[p.oprleft, p.oprright]) WITH ORDINALITY a(typ, ord)
           LEFT JOIN pg_type t ON t.oid = a.typ
           LEFT JOIN pg_type el ON el.oid = t.typelem AND el.typarray = t.oid
           LEFT JOIN pg_namespace tn ON tn.oid = coalesce(el.typnamespace, t.typnamespace)
           WHERE p.oid = j.objid) END,
       CASE j.classid WHEN 'pg_opclass'::regclass THEN (
           SELECT m.amname::text FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod WHERE c.oid = j.objid)
                      WHEN 'pg_opfamily'::regclass THEN (
           SELECT m.amname::text FROM pg_opfamily f JOIN pg_am m ON m.oid = f.opfmethod WHERE f.oid = j.objid) END,
       CASE WHEN j.owner IS NOT NULL THEN pg_get_userbyid(j.owner)::text END,
       j.items, j.acl_default, j.columns,
       CASE WHEN j.classid = 'pg_class'::regclass AND j.letter = 's' THEN (
           SELECT (pg_identify_object('pg_class'::regclass, x.refobjid, 0)).identity FROM pg_depend x
           WHERE x.classid = 'pg_class'::regclass AND x.objid = j.objid AND x.objsubid = 0
             AND x.refclassid = 'pg_class'::regclass AND x.deptype IN ('a', 'i') AND x.refobjsubid > 0 LIMIT 1) END,
       CASE WHEN j.classid = 'pg_proc'::regclass THEN (
           SELECT jsonb_build_object('definer', p.prosecdef, 'language', l.lanname, 'search_path', (
                      SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE starts_with(c, 'search_path=') LIMIT 1))
                  || CASE WHEN j.system THEN '{"system": true}' ELSE '{}' END::jsonb
           FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = j.objid)
            WHEN j.classid = 'pg_default_acl'::regclass THEN (
           SELECT jsonb_build_object('on', CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                      WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END)
           FROM pg_default_acl d WHERE d.oid = j.objid)
            WHEN j.classid = 'pg_extension'::regclass THEN (
           -- Its members stay where they are. Those that the application owns are named: it may replace or drop them.
           SELECT jsonb_build_object('members', count(*), 'owned', coalesce(jsonb_agg(m.type || ' ' || m.identity
                      ORDER BY m.type COLLATE "C", m.identity COLLATE "C") FILTER (WHERE n.deptype IS NOT NULL), '[]'))
           FROM pg_depend x
           LEFT JOIN named n ON n.classid = x.classid AND n.objid = x.objid AND n.deptype = 'o'
           CROSS JOIN LATERAL pg_identify_object(x.classid, x.objid, 0) m
           WHERE x.refclassid = 'pg_extension'::regclass AND x.refobjid = j.objid AND x.deptype = 'e')
            WHEN j.system THEN '{"system": true}'::jsonb
            WHEN j.classid = 'pg_type'::regclass AND EXISTS (SELECT 1 FROM pg_type t WHERE t.oid = j.objid AND NOT t.typisdefined)
            THEN '{"shell": true}'::jsonb
            -- Its owner is that of a relation too: ALTER … OWNER locks it.
            WHEN j.classid = 'pg_type'::regclass AND EXISTS (SELECT 1 FROM pg_type t WHERE t.oid = j.objid AND t.typrelid <> 0)
            THEN '{"composite": true}'::jsonb END,
       CASE WHEN NOT $3 THEN NULL ELSE CASE j.classid
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
               CASE WHEN c.relkind IN ('r', 'p', 'f') AND c.relhassubclass THEN (SELECT string_agg('child ' || ch.identity, E'\n' ORDER BY ch.identity COLLATE "C")
                FROM (SELECT (pg_identify_object('pg_class'::regclass, h.inhrelid, 0)).identity
                      FROM pg_inherits h WHERE h.inhparent = c.oid) ch
                WHERE c.relkind IN ('r', 'p', 'f')) END,
               CASE WHEN c.relkind <> 'S' THEN (SELECT string_agg(concat_ws(' ', 'column', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                          CASE WHEN a.attcollation <> 0 THEN 'collate ' || (
                              SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
                              JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
                          CASE WHEN a.attnotnull THEN 'not null' END,
                          CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::text END,
                          CASE WHEN a.attgenerated <> '' THEN 'generated ' || a.attgenerated::text END,
                          'default ' || pg_get_expr(d.adbin, CASE a.attgenerated WHEN '' THEN 0 ELSE d.adrelid END),
                          'storage ' || a.attstorage::text || a.attcompression::text, 'options ' || a.attoptions::text,
                          'fdw options ' || a.attfdwoptions::text,
                          CASE WHEN NOT a.attislocal THEN 'inherited' END), E'\n' ORDER BY a.attnum)
                FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'S') END,
               CASE WHEN c.relkind IN ('r', 'p', 'f') THEN (SELECT string_agg(format('constraint %I %s validated=%s deferrable=%s deferred=%s local=%s %s', k.conname,
                          k.contype, k.convalidated, k.condeferrable, k.condeferred, k.conislocal,
                          CASE k.contype WHEN 'n' THEN (SELECT format('NOT NULL %I no inherit=%s', a.attname, k.connoinherit)
                                                        FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1])
                               ELSE pg_get_constraintdef(k.oid) END), E'\n' ORDER BY k.conname COLLATE "C", k.contype)
                FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 't') END,
               -- The index of a primary key or unique constraint is what the constraint says; wording both costs a third more.
               CASE WHEN c.relhasindex THEN (SELECT string_agg(format('index %s valid=%s clustered=%s replident=%s',
                          CASE WHEN k.oid IS NULL THEN pg_get_indexdef(x.indexrelid)
                               ELSE format('of constraint %I options=%s', k.conname, ic.reloptions) END,
                          x.indisvalid, x.indisclustered, x.indisreplident), E'\n' ORDER BY ic.relname COLLATE "C")
                FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid
                LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.conindid = x.indexrelid AND k.contype IN ('p', 'u')
                WHERE x.indrelid = c.oid) END,
               CASE WHEN c.relhastriggers THEN (SELECT string_agg(format('trigger %s %s', g.tgenabled, pg_get_triggerdef(g.oid)), E'\n'
                          ORDER BY g.tgname COLLATE "C")
                FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal) END,
               CASE WHEN c.relhastriggers THEN (SELECT 'internal triggers not enabled: ' || count(*) FROM pg_trigger g
                WHERE g.tgrelid = c.oid AND g.tgisinternal AND g.tgenabled <> 'O' HAVING count(*) > 0) END,
               CASE WHEN c.relhasrules THEN (SELECT string_agg(format('rule %s %s', r.ev_enabled, pg_get_ruledef(r.oid)), E'\n'
                          ORDER BY r.rulename COLLATE "C")
                FROM pg_rewrite r WHERE r.ev_class = c.oid) END,
               CASE WHEN c.relkind IN ('r', 'p') THEN (SELECT string_agg(format('policy %I for %s permissive=%s to %s using %s check %s', y.polname, y.polcmd,
                          y.polpermissive,
                          (SELECT string_agg(CASE q WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(q)) END, ','
                                             ORDER BY pg_get_userbyid(q) COLLATE "C") FROM unnest(y.polroles) q),
                          pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid)), E'\n'
                          ORDER BY y.polname COLLATE "C")
                FROM pg_policy y WHERE y.polrelid = c.oid) END,
               CASE WHEN c.relkind = 'S' THEN (SELECT format('sequence %s start=%s increment=%s min=%s max=%s cache=%s cycle=%s', format_type(s.seqtypid, NULL),
                          s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
                FROM pg_sequence s WHERE s.seqrelid = c.oid) END,
               CASE WHEN c.relkind = 'S' THEN (SELECT string_agg('owned by ' || (pg_identify_object(x.refclassid, x.refobjid, x.refobjsubid)).identity, E'\n')
                FROM pg_depend x WHERE c.relkind = 'S' AND x.classid = 'pg_class'::regclass AND x.objid = c.oid
                  AND x.refclassid = 'pg_class'::regclass AND x.deptype IN ('a', 'i')) END,
               (SELECT string_agg(k.line, E'\n' ORDER BY k.line COLLATE "C") FROM own_cast k WHERE k.oid = c.reltype),
               CASE WHEN c.relkind = 'f' THEN (SELECT format('server %I options %s', fs.srvname, ft.ftoptions)
                FROM pg_foreign_table ft JOIN pg_foreign_server fs ON fs.oid = ft.ftserver WHERE ft.ftrelid = c.oid) END)
           FROM pg_class c WHERE c.oid = j.objid)
       WHEN 'pg_proc'::regclass THEN (
           SELECT CASE p.prokind
                  WHEN 'a' THEN (SELECT format('aggregate %s kind=%s direct=%s returns %s variadic=%s parallel=%s ', i.identity,
                                   g.aggkind, g.aggnumdirectargs, format_type(p.prorettype, NULL), p.provariadic, p.proparallel)
                                   || (to_jsonb(g) - 'aggfnoid' || jsonb_build_object('aggtranstype', format_type(g.aggtranstype, NULL),
                                       'aggmtranstype', format_type(g.aggmtranstype, NULL), 'aggsortop', g.aggsortop::regoperator))::text
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
               CASE WHEN t.typtype = 'b' THEN format('base input %s output %s receive %s send %s modin %s modout %s analyze %s'
                    ' length=%s by value=%s align=%s storage=%s preferred=%s delimiter=%s element=%s default=%s', t.typinput, t.typoutput,
                    t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typlen, t.typbyval, t.typalign, t.typstorage,
                    t.typispreferred, t.typdelim, format_type(t.typelem, NULL), t.typdefault) END,
               (SELECT string_agg(k.line, E'\n' ORDER BY k.line COLLATE "C") FROM own_cast k WHERE k.oid = t.oid))
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
       WHEN 'pg_collation'::regclass THEN (
           -- Columns differ between major versions: the row without what names and owns it. One for every encoding, and one for
           -- that of the database alone, are the same here: a dump does not tell them apart.
           SELECT 'collation ' || (to_jsonb(o) - '{oid,collname,collnamespace,collowner,collversion}'::text[]
                      - CASE WHEN o.collencoding IN (-1, d.encoding) THEN 'collencoding' ELSE '' END)::text
           FROM pg_collation o, pg_database d WHERE o.oid = j.objid AND d.datname = current_database())
       WHEN 'pg_conversion'::regclass THEN (
           SELECT format('conversion from %s to %s function %s default=%s', pg_encoding_to_char(o.conforencoding),
                         pg_encoding_to_char(o.contoencoding), o.conproc::regproc, o.condefault)
           FROM pg_conversion o WHERE o.oid = j.objid)
       WHEN 'pg_operator'::regclass THEN (
           SELECT format('operator result %s function %s commutator %s negator %s restrict %s join %s merges=%s hashes=%s',
                         format_type(o.oprresult, NULL), o.oprcode::regproc, o.oprcom::regoperator, o.oprnegate::regoperator,
                         o.oprrest::regproc, o.oprjoin::regproc, o.oprcanmerge, o.oprcanhash)
           FROM pg_operator o WHERE o.oid = j.objid)
       WHEN 'pg_opclass'::regclass THEN (
           SELECT format('operator class for %s default=%s key=%s family %s', format_type(o.opcintype, NULL), o.opcdefault,
                         format_type(o.opckeytype, NULL), (pg_identify_object('pg_opfamily'::regclass, o.opcfamily, 0)).identity)
           FROM pg_opclass o WHERE o.oid = j.objid)
       WHEN 'pg_opfamily'::regclass THEN concat_ws(E'\n', 'operator family',
           (SELECT string_agg(format('operator %s %s purpose=%s sort=%s', a.amopstrategy, a.amopopr::regoperator, a.amoppurpose,
                       CASE WHEN a.amopsortfamily <> 0 THEN (pg_identify_object('pg_opfamily'::regclass, a.amopsortfamily, 0)).identity END),
                       E'\n' ORDER BY a.amopstrategy, a.amopopr::regoperator::text COLLATE "C")
            FROM pg_amop a WHERE a.amopfamily = j.objid),
           (SELECT string_agg(format('function %s (%s, %s) %s', a.amprocnum, format_type(a.amproclefttype, NULL),
                       format_type(a.amprocrighttype, NULL), a.amproc::regprocedure),
                       E'\n' ORDER BY a.amprocnum, a.amproc::regprocedure::text COLLATE "C")
            FROM pg_amproc a WHERE a.amprocfamily = j.objid))
       WHEN 'pg_ts_config'::regclass THEN (
           SELECT concat_ws(E'\n', 'text search configuration, parser ' || (pg_identify_object('pg_ts_parser'::regclass, o.cfgparser, 0)).identity,
               (SELECT string_agg(format('token %s %s dictionary %s', m.maptokentype, m.mapseqno,
                           (pg_identify_object('pg_ts_dict'::regclass, m.mapdict, 0)).identity), E'\n' ORDER BY m.maptokentype, m.mapseqno)
                FROM pg_ts_config_map m WHERE m.mapcfg = o.oid))
           FROM pg_ts_config o WHERE o.oid = j.objid)
       WHEN 'pg_ts_dict'::regclass THEN (
           SELECT format('text search dictionary template %s options %s',
                         (pg_identify_object('pg_ts_template'::regclass, o.dicttemplate, 0)).identity, o.dictinitoption)
           FROM pg_ts_dict o WHERE o.oid = j.objid)
       WHEN 'pg_statistic_ext'::regclass THEN (
           SELECT concat_ws(' target ', pg_get_statisticsobjdef(o.oid), o.stxstattarget::text) FROM pg_statistic_ext o WHERE o.oid = j.objid)
       WHEN 'pg_language'::regclass THEN (
           SELECT format('language trusted=%s handler %s inline %s validator %s', o.lanpltrusted, o.lanplcallfoid::regproc,
                         o.laninline::regproc, o.lanvalidator::regproc)
           FROM pg_language o WHERE o.oid = j.objid)
       WHEN 'pg_foreign_data_wrapper'::regclass THEN (
           SELECT format('foreign-data wrapper handler %s validator %s options %s', o.fdwhandler::regproc, o.fdwvalidator::regproc, o.fdwoptions)
           FROM pg_foreign_data_wrapper o WHERE o.oid = j.objid)
       WHEN 'pg_foreign_server'::regclass THEN (
           SELECT concat_ws(E'\n', format('server of %s type %s version %s options %s', f.fdwname, o.srvtype, o.srvversion, o.srvoptions),
               (SELECT string_agg('mapping for ' || quote_ident(m.usename), E'\n' ORDER BY m.usename COLLATE "C")
                FROM pg_user_mappings m WHERE m.srvid = o.oid))
           FROM pg_foreign_server o JOIN pg_foreign_data_wrapper f ON f.oid = o.srvfdw WHERE o.oid = j.objid)
       WHEN 'pg_event_trigger'::regclass THEN (
           SELECT format('event trigger on %s tags %s function %s enabled=%s', o.evtevent, o.evttags, o.evtfoid::regprocedure, o.evtenabled)
           FROM pg_event_trigger o WHERE o.oid = j.objid)
       WHEN 'pg_publication'::regclass THEN (
           SELECT concat_ws(E'\n', 'publication ' || (to_jsonb(o) - '{oid,pubname,pubowner}'::text[])::text,
               (SELECT string_agg('table ' || to_jsonb(t)::text, E'\n' ORDER BY t.schemaname::text COLLATE "C", t.tablename::text COLLATE "C")
                FROM pg_publication_tables t WHERE t.pubname = o.pubname AND NOT o.puballtables))
           FROM pg_publication o WHERE o.oid = j.objid)
       WHEN 'pg_subscription'::regclass THEN (
           SELECT format('subscription enabled=%s publications %s slot %s', o.subenabled, o.subpublications, o.subslotname)
           FROM pg_subscription o WHERE o.oid = j.objid)
       WHEN 'pg_extension'::regclass THEN (
           SELECT format('extension version=%s schema=%s', e.extversion, n.nspname)
           FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid = j.objid)
       WHEN 'pg_tablespace'::regclass THEN (
           -- Where it lies is the machine's matter.
           SELECT format('tablespace options %s', o.spcoptions)
           FROM pg_tablespace o WHERE o.oid = j.objid)
       ELSE i.type END END,
       j.why
FROM judged j
CROSS JOIN LATERAL pg_identify_object(j.classid, j.objid, 0) i
WHERE ($2 OR cardinality(j.why) > 0) AND i.schema IS DISTINCT FROM 'qt001_cp'
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
