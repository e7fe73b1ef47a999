-- Who reaches what over the edges of 40_dependency and the analysis of bodies; contract, section 6.

CREATE FUNCTION qt001_cp.owned_object()
RETURNS TABLE (classid oid, objid oid, owner oid, nsp oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owned_object$
-- Everything of this database that has an owner and is not the system's own: what the edges lead from and to.
SELECT 'pg_class'::regclass::oid, c.oid, c.relowner, c.relnamespace FROM pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL SELECT 'pg_proc'::regclass, p.oid, p.proowner, p.pronamespace FROM pg_proc p WHERE p.oid >= 16384
UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typowner, t.typnamespace FROM pg_type t
WHERE t.oid >= 16384 AND NOT EXISTS (SELECT 1 FROM qt001_cp.v_part p WHERE p.class = 'pg_type'::regclass AND p.id = t.oid)
UNION ALL SELECT 'pg_collation'::regclass, o.oid, o.collowner, o.collnamespace FROM pg_collation o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_conversion'::regclass, o.oid, o.conowner, o.connamespace FROM pg_conversion o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_operator'::regclass, o.oid, o.oprowner, o.oprnamespace FROM pg_operator o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_opclass'::regclass, o.oid, o.opcowner, o.opcnamespace FROM pg_opclass o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_opfamily'::regclass, o.oid, o.opfowner, o.opfnamespace FROM pg_opfamily o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_ts_config'::regclass, o.oid, o.cfgowner, o.cfgnamespace FROM pg_ts_config o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_ts_dict'::regclass, o.oid, o.dictowner, o.dictnamespace FROM pg_ts_dict o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_statistic_ext'::regclass, o.oid, o.stxowner, o.stxnamespace FROM pg_statistic_ext o WHERE o.oid >= 16384
UNION ALL SELECT 'pg_language'::regclass, l.oid, l.lanowner, 0 FROM pg_language l WHERE l.oid >= 16384
UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, f.fdwowner, 0 FROM pg_foreign_data_wrapper f
UNION ALL SELECT 'pg_foreign_server'::regclass, f.oid, f.srvowner, 0 FROM pg_foreign_server f
UNION ALL SELECT 'pg_event_trigger'::regclass, e.oid, e.evtowner, 0 FROM pg_event_trigger e
UNION ALL SELECT 'pg_publication'::regclass, p.oid, p.pubowner, 0 FROM pg_publication p
UNION ALL SELECT 'pg_extension'::regclass, e.oid, e.extowner, 0 FROM pg_extension e
$owned_object$;

CREATE FUNCTION qt001_cp.application_role_oids(app name) RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $application_role_oids$
-- The application role and every role that it is a member of, whatever the options of the membership: who may
-- administer a role may grant it to itself. What these own stays under the application's hand.
SELECT array_agg(r.oid) FROM pg_roles r WHERE r.rolname IN (SELECT qt001_cp.member_of(app)) AND r.rolname !~ '^pg_'
$application_role_oids$;

CREATE FUNCTION qt001_cp.reach_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $reach_findings$
-- Paths from a transferred object to something that stays with the application role, and the other way round.
-- An edge leads from an object to what it runs, reads, or goes with.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    mine oid[] := coalesce(qt001_cp.application_role_oids(app), '{}');
    class oid[];
    id oid[];
    label text[];
    hand text[];
    space oid[];
    hostile boolean[];
    guarded boolean[];
    runs boolean[];
    analysed boolean[];
    edge_from int[];
    edge_to int[];
    edge_label text[];
    roots int[];
    later int[];
    holders int[];
    lent int[];
    lender record;
    no_routines boolean[];
    via int[];
    back int[];
    by_loan int[];
BEGIN
    -- The nodes. guarded: transferred. hostile: stays, and is the application's own, or another role's relation that
    -- the application or PUBLIC may change: its rows decide, cascade, or fire a trigger. runs: what may run the application's
    -- code, or has been looked at from there. lent: what others lend their rights to, who may have privileges of their own.
    WITH member AS MATERIALIZED (SELECT m.role::text FROM qt001_cp.member_of(app) m(role)
    ), place AS MATERIALIZED (
        SELECT o.kind, o.identity, o.disposition, o.detail, CASE WHEN o.disposition <> 'transfer' THEN (
                   SELECT string_agg(DISTINCT a.value ->> 2, ', ')
                   FROM (SELECT e.value FROM jsonb_array_elements(o.before -> 'acl') e(value)
                         UNION ALL
                         SELECT e.value FROM jsonb_array_elements(o.before -> 'columns') c(value), jsonb_array_elements(c.value -> 'acl') e(value)) a
                   WHERE a.value ->> 2 IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
                     AND (a.value ->> 1 IS NULL OR a.value ->> 1 IN (SELECT m.role FROM member m))) END AS may
        FROM qt001_cp.manifest_object(manifest) o
    ), node AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY n.classid, n.objid)::int AS n, n.classid, n.objid, n.owner, n.nsp, i.type, i.identity,
               n.owner = ANY (mine) AS in_hand, n.owner = 'qt001_cp_owner'::regrole AS ours, p.may, p.disposition, coalesce((p.detail ->> 'definer')::boolean, false) AS definer,
               coalesce(p.detail -> 'reaches' IS NOT NULL AND p.detail -> 'unknown' = '[]', false) AS analysed
        FROM qt001_cp.owned_object() n CROSS JOIN LATERAL pg_identify_object(n.classid, n.objid, 0) i
        LEFT JOIN place p ON p.kind = i.type AND p.identity = i.identity
        WHERE n.nsp <> 'qt001_cp'::regnamespace
    )
    SELECT array_agg(x.classid ORDER BY x.n), array_agg(x.objid ORDER BY x.n), array_agg(x.type || ' ' || x.identity ORDER BY x.n),
           array_agg(format('owned by %s', pg_get_userbyid(x.owner))
                     || CASE WHEN x.may IS NULL OR x.in_hand THEN '' ELSE format(', %s for %s', x.may, app) END ORDER BY x.n),
           array_agg(x.nsp ORDER BY x.n),
           array_agg((x.in_hand OR x.may IS NOT NULL) AND x.disposition IS DISTINCT FROM 'transfer' ORDER BY x.n),
           array_agg(coalesce(x.disposition = 'transfer', false) ORDER BY x.n),
           array_agg(x.disposition IS NOT DISTINCT FROM 'transfer' OR x.in_hand OR coalesce(x.may ~ 'TRIGGER', false) ORDER BY x.n),
           array_agg(x.analysed ORDER BY x.n),
           coalesce(array_agg(x.n ORDER BY x.n) FILTER (WHERE x.disposition = 'transfer' AND x.definer), '{}'),
           -- An event trigger runs in everybody's DDL, the operator's included.
           coalesce(array_agg(x.n ORDER BY x.n) FILTER (WHERE x.disposition = 'transfer' OR x.type = 'event trigger'), '{}'),
           coalesce(array_agg(x.n ORDER BY x.n) FILTER (WHERE x.disposition IS DISTINCT FROM 'transfer' AND (x.in_hand OR x.disposition = 'retain')), '{}'),
           coalesce(array_agg(x.n ORDER BY x.n) FILTER (WHERE x.disposition <> 'transfer' AND NOT x.in_hand AND NOT x.ours
                                                              AND (x.definer OR x.type IN ('view', 'materialized view', 'table'))), '{}')
    INTO class, id, label, hand, space, hostile, guarded, runs, analysed, roots, later, holders, lent
    FROM node x;

    -- The edges, by number.
    WITH node AS MATERIALIZED (
        SELECT c.n::int, c.classid, i.objid, l.label FROM unnest(class) WITH ORDINALITY c(classid, n)
        JOIN unnest(id) WITH ORDINALITY i(objid, n) USING (n) JOIN unnest(label) WITH ORDINALITY l(label, n) USING (n)
    ), place AS MATERIALIZED (
        SELECT o.kind || ' ' || o.identity AS label, o.disposition, o.detail FROM qt001_cp.manifest_object(manifest) o
    ), edge AS (
        SELECT f.n AS n, t.n AS m, ' → ' || e.reason || ' → ' AS label
        FROM qt001_cp.catalog_edge() e
        JOIN node f ON f.classid = e.from_class AND f.objid = e.from_id JOIN node t ON t.classid = e.to_class AND t.objid = e.to_id
        UNION
        -- What the bodies of routines reach, from the analysis that the manifest carries, bound to its definition digest.
        SELECT f.n, t.n, ' → ' || (r.value ->> 'verb') || ' '
        FROM place p JOIN node f ON f.label = p.label, jsonb_array_elements(p.detail -> 'reaches') r(value)
        JOIN node t ON t.label = (r.value ->> 'kind') || ' ' || (r.value ->> 'identity')
        UNION
        -- Operators are found by the search path; the application's may fit better than the system's.
        SELECT f.n, t.n, ' → looks for operators in schema ' || n.nspname || ' → '
        FROM place p JOIN node f ON f.label = p.label
        CROSS JOIN LATERAL unnest(qt001_cp.path_schemas(p.detail ->> 'search_path')) s
        JOIN pg_namespace n ON n.nspname = s JOIN pg_operator o ON o.oprnamespace = n.oid AND o.oprowner = ANY (mine)
        JOIN node t ON t.classid = 'pg_operator'::regclass AND t.objid = o.oid
        WHERE p.disposition = 'transfer'
    )
    SELECT array_agg(e.n ORDER BY e.n, e.m, e.label), array_agg(e.m ORDER BY e.n, e.m, e.label), array_agg(e.label ORDER BY e.n, e.m, e.label)
    INTO edge_from, edge_to, edge_label
    FROM edge e WHERE e.n <> e.m;

    via := qt001_cp.breadth_first(cardinality(class), edge_from, edge_to, roots, later, hostile);
    back := qt001_cp.breadth_first(cardinality(class), edge_from, edge_to, holders, '{}', guarded);

    RETURN QUERY
    WITH reached AS MATERIALIZED (
        SELECT array_agg(g.n::int) AS ends FROM unnest(via) WITH ORDINALITY g(via, n) WHERE g.via IS NOT NULL AND hostile[g.n]
    ), others AS MATERIALIZED (
        SELECT e.m, count(*) - 1 AS more FROM unnest(edge_from, edge_to) e(n, m)
        WHERE hostile[e.m] AND via[e.n] IS NOT NULL AND NOT hostile[e.n] GROUP BY e.m
    )
    SELECT 'QT108'::text, w.path || ' ' || hand[w.node], format('nothing that %s still has in hand on the way', app),
           'it stays' || CASE WHEN o.more > 0 THEN format(', and %s more edge(s) lead to it', o.more) ELSE '' END,
           coalesce((SELECT 'Cut the path, or: ' || replace(k.why, 'retain it, or ', '') FROM qt001_cp.object_kind k WHERE k.why <> '' AND starts_with(label[w.node], k.kind || ' ')),
                    'Transfer the object at the end of the path too, or cut the path.')
    FROM reached r CROSS JOIN LATERAL qt001_cp.walked_path(via, edge_from, edge_label, label, r.ends) w LEFT JOIN others o ON o.m = w.node;

    -- Whoever holds something on a transferred object may not run the application's code with the rights that it lends: in a
    -- SECURITY DEFINER routine, when a materialized view is made anew, in what a write to its table fires (a foreign key's
    -- action writes as the table's owner); and where a view reads the application's table, whose row security policy asks
    -- with the rights of the view's owner. Functions in a view run as its reader.
    no_routines := CASE WHEN cardinality(lent) > 0 THEN ARRAY(SELECT runs[n] OR class[n] = 'pg_proc'::regclass FROM generate_subscripts(class, 1) n ORDER BY n) END;
    FOR lender IN
        WITH grantee AS MATERIALIZED (
            SELECT a.value ->> 1 AS role FROM qt001_cp.manifest_object(manifest) o, jsonb_array_elements(o.after -> 'acl') a(value)
            WHERE o.disposition = 'transfer' AND cardinality(lent) > 0
            UNION
            SELECT a.value ->> 1 FROM qt001_cp.manifest_object(manifest) o, jsonb_array_elements(o.after -> 'columns') c(value),
                jsonb_array_elements(c.value -> 'acl') a(value) WHERE o.disposition = 'transfer' AND cardinality(lent) > 0
        )
        SELECT k.kind, array_agg(l.n ORDER BY l.n) AS roots
        FROM unnest(lent) l(n) CROSS JOIN LATERAL (SELECT substring(label[l.n] FROM '^(view|table) ') AS kind) k
        JOIN pg_roles r ON r.oid = CASE class[l.n] WHEN 'pg_proc'::regclass THEN (SELECT f.proowner FROM pg_proc f WHERE f.oid = id[l.n])
                                   ELSE (SELECT c.relowner FROM pg_class c WHERE c.oid = id[l.n]) END
        WHERE CASE WHEN r.rolsuper OR r.rolbypassrls THEN k.kind IS DISTINCT FROM 'view'
              ELSE EXISTS (SELECT 1 FROM qt001_cp.member_of(r.rolname) m(role) WHERE m.role ~ '^pg_(read|write)_all_data$' OR m.role IN (SELECT g.role FROM grantee g)) END
        GROUP BY k.kind
    LOOP
        by_loan := qt001_cp.breadth_first(cardinality(class), edge_from, edge_to, lender.roots, '{}', CASE lender.kind WHEN 'view' THEN no_routines ELSE runs END);
        RETURN QUERY
        SELECT 'QT108'::text, w.path || ' ' || hand[w.node], format('nothing that %s has in hand where another role lends its rights', app),
               'that role has privileges on transferred objects; ' || CASE lender.kind WHEN 'view' THEN 'a policy of the table would ask with them' ELSE 'it would run with them' END,
               format('Cut the path, transfer the object at its end too, or take what %s may do with its beginning away.', app)
        FROM (SELECT array_agg(g.n::int) AS ends FROM unnest(by_loan) WITH ORDINALITY g(via, n)
              WHERE g.via IS NOT NULL AND runs[g.n] AND NOT guarded[g.n]
                AND CASE lender.kind WHEN 'view' THEN label[g.n] ~ '^(foreign )?table ' WHEN 'table' THEN class[g.n] = 'pg_proc'::regclass ELSE true END) e
        CROSS JOIN LATERAL qt001_cp.walked_path(by_loan, edge_from, edge_label, label, e.ends) w;
    END LOOP;

    RETURN QUERY
    -- One path for each object that holds a transferred one: a foreign key, a view, a child, a publication, statistics,
    -- or what another role's view or routine reads for it. A type alone gives another role's object no hold.
    WITH hold AS MATERIALIZED (
        SELECT DISTINCT ON (e.n) e.n, e.number::int AS edge, e.m, count(*) OVER (PARTITION BY e.n) - 1 AS more
        FROM unnest(edge_from, edge_to) WITH ORDINALITY e(n, m, number)
        WHERE back[e.n] IS NOT NULL AND NOT guarded[e.n] AND guarded[e.m]
          AND (hostile[e.n] OR class[e.m] IN ('pg_class'::regclass, 'pg_proc'::regclass))
        ORDER BY e.n, e.number
    ), ends AS MATERIALIZED (SELECT array_agg(h.n) AS ends FROM hold h)
    SELECT 'QT108'::text, w.path || edge_label[h.edge] || label[h.m], 'no hold of what stays on what is transferred'::text,
           hand[h.n] || CASE WHEN h.more > 0 THEN format(', and it holds %s more', h.more) ELSE '' END,
           'Transfer it too, drop the dependency, or take the application''s privileges on it away.'::text
    FROM ends CROSS JOIN LATERAL qt001_cp.walked_path(back, edge_from, edge_label, label, ends.ends) w JOIN hold h ON h.n = w.node;

    RETURN QUERY
    -- A body on the way that nobody has analysed: what it calls runs with the rights of the one who came.
    SELECT 'QT108'::text, w.path, 'a body that the manifest''s analysis covers'::text, hand[w.node] || ', not analysed',
           'Add a rule that transfers it, or cut the path.'::text
    FROM (SELECT array_agg(p.n) AS ends
          FROM (SELECT c.n::int AS n FROM unnest(class) WITH ORDINALITY c(classid, n)
                WHERE c.classid = 'pg_proc'::regclass AND via[c.n] IS NOT NULL AND NOT hostile[c.n] AND NOT guarded[c.n] AND NOT analysed[c.n]) p
          JOIN pg_proc f ON f.oid = id[p.n] JOIN pg_language l ON l.oid = f.prolang
          WHERE l.lanname NOT IN ('internal', 'c') AND f.prokind <> 'a' AND f.prosqlbody IS NULL
            -- What a superuser has every DDL run is his: the function of an event trigger that is a superuser's too.
            AND NOT (f.prorettype = 'event_trigger'::regtype AND (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = f.proowner))
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')) x
    CROSS JOIN LATERAL qt001_cp.walked_path(via, edge_from, edge_label, label, x.ends) w;

    RETURN QUERY
    -- The schema's owner may drop, and rename away, what others own in it.
    WITH place AS MATERIALIZED (
        SELECT o.kind, o.name, o.disposition, coalesce(o.after, o.before) -> 'acl' AS acl
        FROM qt001_cp.manifest_object(manifest) o WHERE o.kind IN ('schema', 'database')
    ), used AS MATERIALIZED (
        SELECT n.oid, n.nspname, n.nspowner, min(label[s.n]) AS holds
        FROM unnest(space) WITH ORDINALITY s(nsp, n) JOIN pg_namespace n ON n.oid = s.nsp
        WHERE via[s.n] IS NOT NULL AND NOT hostile[s.n] GROUP BY n.oid
    )
    SELECT 'QT108'::text, 'schema ' || u.nspname, 'transferred, or out of the hand of ' || app,
           format('owned by %s, holds %s', pg_get_userbyid(u.nspowner), u.holds), 'Add a rule that transfers the schema.'::text
    FROM used u
    WHERE (u.nspowner = ANY (mine) OR (u.nspowner = 'pg_database_owner'::regrole
               AND (SELECT d.datdba = ANY (mine) FROM pg_database d WHERE d.datname = current_database())
               AND NOT EXISTS (SELECT 1 FROM place p WHERE p.kind = 'database' AND p.disposition = 'transfer')))
      AND NOT EXISTS (SELECT 1 FROM place p WHERE p.kind = 'schema' AND p.name = u.nspname AND p.disposition = 'transfer')
    UNION ALL
    SELECT DISTINCT 'QT108', 'schema ' || p.name, format('no CREATE for %s or PUBLIC', app),
           'CREATE stays with ' || coalesce(a.value ->> 1, 'PUBLIC'), 'Do not keep CREATE in the rule of this schema.'
    FROM place p JOIN used u ON u.nspname = p.name CROSS JOIN LATERAL jsonb_array_elements(p.acl) a(value)
    WHERE p.kind = 'schema' AND a.value ->> 2 = 'CREATE'
      AND (a.value ->> 1 IS NULL OR a.value ->> 1 IN (SELECT qt001_cp.member_of(app)));

    RETURN QUERY SELECT f.* FROM qt001_cp.manifest_reach_findings(manifest) f;
    RETURN QUERY SELECT f.* FROM qt001_cp.environment_findings(manifest) f;
END
$reach_findings$;

CREATE FUNCTION qt001_cp.manifest_reach_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_reach_findings$
-- What the manifest itself leaves open: bodies that nobody understands, containers that stay, privileges by another role.
WITH doc AS MATERIALIZED (
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS app
), member AS MATERIALIZED (SELECT m.role FROM doc CROSS JOIN LATERAL qt001_cp.member_of(doc.app) m(role)
), place AS MATERIALIZED (SELECT o.* FROM qt001_cp.manifest_object(manifest) o)
SELECT 'QT108', p.kind || ' ' || p.identity, 'a body that the analysis understands', (u.value ->> 'rule') || ': ' || (u.value ->> 'detail'),
       CASE u.value ->> 'rule' WHEN 'language' THEN 'Give it to the administrator (ALTER … OWNER TO) and retain it: what it runs stands in no catalog.'
       ELSE 'Rewrite that statement without dynamic SQL, or retain the routine.' END
FROM place p, jsonb_array_elements(p.detail -> 'unknown') u(value)
WHERE p.disposition = 'transfer'
   -- A routine that stays runs with its own owner's rights; the application's own rights do not matter any more.
   OR ((p.detail ->> 'definer')::boolean AND NOT p.before ->> 'owner' IN (SELECT m.role FROM member m))
UNION ALL
SELECT 'QT108', p.kind || ' ' || p.identity, 'an analysis of what its body reaches', 'none in the manifest',
       'Generate the manifest again: qt001-cp manifest generate.'
FROM place p
WHERE p.kind IN ('function', 'procedure') AND p.detail -> 'reaches' IS NULL
  AND (p.disposition = 'transfer' OR ((p.detail ->> 'definer')::boolean AND NOT p.before ->> 'owner' IN (SELECT m.role FROM member m)))
UNION ALL
SELECT 'QT108', 'database ' || d.datname, 'transferred, or out of the hand of ' || doc.app, 'owned by ' || pg_get_userbyid(d.datdba),
       'Add a rule that transfers the database: its owner may drop schemas and set search_path for everybody.'
FROM doc JOIN pg_database d ON d.datname = current_database() AND d.datdba = ANY (qt001_cp.application_role_oids(doc.app))
WHERE NOT EXISTS (SELECT 1 FROM place p WHERE p.kind = 'database' AND p.disposition = 'transfer')
UNION ALL
SELECT DISTINCT 'QT108', 'database ' || p.name, format('no CREATE for %s or PUBLIC: it installs trusted extensions', doc.app),
       'CREATE stays with ' || coalesce(a.value ->> 1, 'PUBLIC'), 'Do not keep CREATE in the rule of the database.'
FROM doc, place p, jsonb_array_elements(coalesce(p.after, p.before) -> 'acl') a(value)
WHERE p.kind = 'database' AND a.value ->> 2 = 'CREATE' AND (a.value ->> 1 IS NULL OR a.value ->> 1 IN (SELECT m.role FROM member m))
UNION ALL
SELECT DISTINCT 'QT108', format('a role with privileges on %s %s', p.kind, p.identity), format('not %s, nor a role it is a member of', doc.app),
       (a.value ->> 1) || ' holds ' || (a.value ->> 2), format('REVOKE %I FROM %I;', a.value ->> 1, doc.app)
FROM doc, place p, LATERAL (
    SELECT e.value FROM jsonb_array_elements(p.after -> 'acl') e(value)
    UNION ALL
    SELECT e.value FROM jsonb_array_elements(p.after -> 'columns') c(value), jsonb_array_elements(c.value -> 'acl') e(value)) a(value)
WHERE p.disposition = 'transfer' AND a.value ->> 1 IN (SELECT m.role FROM member m WHERE m.role <> doc.app)
UNION ALL
-- Without the barrier a function in the reader's query sees the rows that the view leaves out.
SELECT 'QT108', 'view ' || p.identity, 'a curated view WITH (security_barrier = true)', 'no security barrier',
       format('ALTER VIEW %s SET (security_barrier = true); then generate and seal again', p.identity)
FROM place p JOIN pg_namespace n ON n.nspname = p.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.name
WHERE p.curated AND NOT coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'security_barrier'), false)
$manifest_reach_findings$;
