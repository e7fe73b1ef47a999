-- Who reaches what over the edges of 40_dependency and the analysis of bodies; contract, section 6.

CREATE FUNCTION qt001_cp.owned_object(numbers oid[])
RETURNS TABLE (classid oid, objid oid, owner oid, schema oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owned_object$
-- What has an owner and is not the system's own, of the objects with these numbers: what the edges
-- lead from and to. Rendered from CATALOGS of model/kinds.py.
{owned_objects}
$owned_object$;

CREATE FUNCTION qt001_cp.granted_now(app name, ids oid[])
RETURNS TABLE (classid oid, objid oid, writes text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $granted_now$
-- What the application or PUBLIC holds now on relations and routines. writes: the privileges by
-- which it changes rows, or what runs when they change.
WITH member AS MATERIALIZED (
    SELECT role::text FROM qt001_cp.member_of(app) role
)
SELECT acl.classid, acl.objid,
       array_agg(DISTINCT entry.privilege_type) FILTER (WHERE known.writes) AS writes
FROM (SELECT 'pg_class'::regclass::oid, pg_class.oid, pg_class.relacl FROM pg_class
      WHERE pg_class.oid = ANY (ids) AND pg_class.relacl IS NOT NULL
      UNION ALL
      SELECT 'pg_class'::regclass, pg_attribute.attrelid, pg_attribute.attacl FROM pg_attribute
      WHERE pg_attribute.attrelid = ANY (ids) AND pg_attribute.attacl IS NOT NULL
      UNION ALL
      SELECT 'pg_proc'::regclass, pg_proc.oid,
             coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))
      FROM pg_proc WHERE pg_proc.oid = ANY (ids)) acl(classid, objid, acl)
CROSS JOIN LATERAL aclexplode(acl.acl) entry
JOIN qt001_cp.privilege known ON known.privilege = entry.privilege_type
WHERE entry.grantee = 0 OR pg_get_userbyid(entry.grantee) IN (SELECT member.role FROM member)
GROUP BY acl.classid, acl.objid
$granted_now$;

CREATE FUNCTION qt001_cp.graph_nodes(manifest text, classes oid[], ids oid[])
RETURNS SETOF qt001_cp.graph_node
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $graph_nodes$
-- The objects that are near (41_near), outside of the control plane's own schemas, numbered from 1.
WITH app AS MATERIALIZED (
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name
), app_oid AS MATERIALIZED (
    SELECT oid FROM app CROSS JOIN LATERAL qt001_cp.application_role_oids(app.name) oid
), granted AS MATERIALIZED (
    SELECT held.classid, held.objid, held.writes
    FROM app CROSS JOIN LATERAL qt001_cp.granted_now(app.name, ids) held
), entry AS MATERIALIZED (
    SELECT object.kind, object.identity, object.disposition, object.detail, object.definition
    FROM qt001_cp.manifest_object(manifest) object
), unasked AS MATERIALIZED (
    SELECT DISTINCT every.routine AS objid
    FROM qt001_cp.unasked_routine(ARRAY(SELECT app_oid.oid FROM app_oid)) every
), acted AS MATERIALIZED (
    SELECT acted.relation AS objid
    FROM app CROSS JOIN LATERAL qt001_cp.acted_relation(manifest, app.name) acted
), object AS (
    SELECT owned.*, named.type AS kind, named.identity, entry.disposition,
           CASE WHEN entry.disposition IS DISTINCT FROM 'transfer' THEN granted.writes END
               AS writes,
           entry.disposition IN ('retain', 'lend') OR granted.objid IS NOT NULL
               OR owned.classid = 'pg_proc'::regclass
                  AND owned.objid IN (SELECT unasked.objid FROM unasked) AS held,
           owned.classid = 'pg_class'::regclass
               AND owned.objid IN (SELECT acted.objid FROM acted) AS acted,
           owned.owner IN (SELECT oid FROM app_oid) AS of_app,
           owned.owner IN ('qt001_cp_owner'::regrole, 'qt001_cp_ledger'::regrole) AS ours,
           coalesce(pg_proc.prosecdef, false) AS definer,
           -- An analysis speaks of the body that it was made of.
           coalesce(entry.detail -> 'reaches' IS NOT NULL AND entry.detail -> 'unknown' = '[]'
                    AND (entry.disposition = 'transfer'
                         OR entry.definition = CASE WHEN pg_proc.prosqlbody IS NULL
                            THEN qt001_cp.routine_sha256(pg_proc.oid) ELSE (
                                SELECT qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8'))
                                FROM qt001_cp.live_object((SELECT app.name FROM app), true, true,
                                                          ARRAY[pg_proc.oid]) live
                                WHERE live.classid = 'pg_proc'::regclass) END),
                    false) AS analysed
    FROM qt001_cp.owned_object(ids) owned
    JOIN (SELECT DISTINCT near.class, near.id FROM unnest(classes, ids) near(class, id)) near
        ON near.class = owned.classid AND near.id = owned.objid
    CROSS JOIN LATERAL pg_identify_object(owned.classid, owned.objid, 0) named
    LEFT JOIN entry ON entry.kind = named.type AND entry.identity = named.identity
    LEFT JOIN granted ON granted.classid = owned.classid AND granted.objid = owned.objid
    LEFT JOIN pg_proc ON owned.classid = 'pg_proc'::regclass AND pg_proc.oid = owned.objid
        AND pg_proc.prokind <> 'a'
    WHERE owned.schema <> 'qt001_cp'::regnamespace
      AND owned.schema IS DISTINCT FROM to_regnamespace('qt001_cp_watch')
)
SELECT row_number() OVER (ORDER BY object.classid, object.objid)::int, object.classid, object.objid,
       object.kind, object.kind || ' ' || object.identity,
       format('owned by %s', pg_get_userbyid(object.owner))
       || CASE WHEN object.writes IS NULL OR object.of_app THEN ''
               ELSE format(', %s for %s', array_to_string(object.writes, ', '), app.name) END,
       object.schema, object.disposition, object.definer, object.of_app,
       object.disposition IS DISTINCT FROM 'transfer'
           AND (object.of_app OR object.writes IS NOT NULL),
       object.disposition IS NOT DISTINCT FROM 'transfer' OR object.of_app
           OR coalesce('TRIGGER' = ANY (object.writes), false),
       coalesce(object.disposition IS DISTINCT FROM 'transfer' AND (object.held OR object.acted)
           AND NOT object.of_app AND NOT object.ours
           AND (object.definer OR object.kind IN ('view', 'materialized view', 'table')), false),
       object.analysed, coalesce(object.held, false)
FROM app CROSS JOIN object
$graph_nodes$;

CREATE FUNCTION qt001_cp.graph_edges(
    manifest text, nodes qt001_cp.graph_node[], classes oid[], ids oid[])
RETURNS SETOF qt001_cp.graph_edge
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $graph_edges$
-- Between the nodes, numbered from 1 in the order of their sources.
WITH node AS MATERIALIZED (
    SELECT number, classid, objid, label FROM unnest(nodes)
), kept AS MATERIALIZED (
    SELECT source.number AS source, target.number AS target, held.label
    FROM qt001_cp.kept_foreign_key(manifest) held
    JOIN node source ON source.classid = 'pg_class'::regclass AND source.objid = held.source
    JOIN node target ON target.classid = 'pg_class'::regclass AND target.objid = held.target
), entry AS MATERIALIZED (
    SELECT node.number AS source, object.disposition, object.detail
    FROM qt001_cp.manifest_object(manifest) object
    JOIN node ON node.label = object.kind || ' ' || object.identity
), edge(source, target, label) AS (
    SELECT source.number, target.number, ' → ' || known.reason || ' → '
    FROM qt001_cp.near_edge(classes, ids) known
    JOIN node source ON source.classid = known.from_class AND source.objid = known.from_id
    JOIN node target ON target.classid = known.to_class AND target.objid = known.to_id
    UNION
    -- What the bodies of routines reach, from the analysis that the manifest carries, bound to its
    -- definition digest.
    SELECT entry.source, target.number, ' → ' || (reached ->> 'verb') || ' '
    FROM entry CROSS JOIN LATERAL jsonb_array_elements(entry.detail -> 'reaches') reached
    JOIN node target ON target.label = (reached ->> 'kind') || ' ' || (reached ->> 'identity')
    UNION
    -- Operators are found by the search path; the application's may fit better than the system's.
    SELECT entry.source, target.number,
           ' → looks for operators in schema ' || pg_namespace.nspname || ' → '
    FROM entry
    CROSS JOIN LATERAL unnest(qt001_cp.path_schemas(entry.detail ->> 'search_path')) path(schema)
    JOIN pg_namespace ON pg_namespace.nspname = path.schema
    JOIN pg_operator ON pg_operator.oprnamespace = pg_namespace.oid
         AND pg_operator.oprowner IN (SELECT qt001_cp.application_role_oids(
                 (qt001_cp.document_json(manifest) ->> 'application')::name))
    JOIN node target ON target.classid = 'pg_operator'::regclass AND target.objid = pg_operator.oid
    WHERE entry.disposition = 'transfer'
)
SELECT row_number() OVER (ORDER BY edge.source, edge.target, edge.label)::int,
       edge.source, edge.target, edge.label
FROM edge
WHERE edge.source <> edge.target
  AND (edge.source, edge.target, edge.label) NOT IN (
          SELECT kept.source, kept.target, kept.label FROM kept)
$graph_edges$;

CREATE TYPE qt001_cp.graph AS (nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[]);

CREATE FUNCTION qt001_cp.near_graph(manifest text) RETURNS qt001_cp.graph
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $near_graph$
-- Both, of what is near.
DECLARE
    near qt001_cp.near_rows := qt001_cp.near_protected(manifest);
    graph qt001_cp.graph;
BEGIN
    graph.nodes := ARRAY(
        SELECT node FROM qt001_cp.graph_nodes(manifest, near.classes, near.ids) node);
    graph.edges := ARRAY(
        SELECT edge
        FROM qt001_cp.graph_edges(manifest, graph.nodes, near.classes, near.ids) edge);
    RETURN graph;
END
$near_graph$;

CREATE FUNCTION qt001_cp.behind(
    nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[], causes int[])
RETURNS TABLE (cause int, words text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $behind$
-- What else of the application's each cause leads to: once the cause is transferred it would be the
-- next finding, so it is told with it.
WITH RECURSIVE step AS MATERIALIZED (
    SELECT walked.node, walked.edge
    FROM qt001_cp.breadth_first(cardinality(nodes), edges, causes, '{}', '{}') walked
), led(node, cause) AS (
    SELECT step.node, step.node FROM step WHERE step.edge IS NULL
    UNION ALL
    SELECT step.node, led.cause
    FROM led JOIN unnest(edges) edge ON edge.source = led.node
    JOIN step ON step.edge = edge.number
), other AS (
    SELECT led.cause, node.label,
           row_number() OVER (PARTITION BY led.cause ORDER BY node.label COLLATE "C") AS place,
           count(*) OVER (PARTITION BY led.cause) AS every
    FROM led JOIN unnest(nodes) node ON node.number = led.node
    WHERE node.hostile AND node.number <> ALL (causes)
)
SELECT other.cause,
       string_agg(other.label, ', ' ORDER BY other.place)
       || CASE WHEN max(other.every) > 5
               THEN format(' and %s more', max(other.every) - 5) ELSE '' END
FROM other WHERE other.place <= 5 GROUP BY other.cause
$behind$;

CREATE FUNCTION qt001_cp.reached_application_findings(
    app name, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[], walk qt001_cp.graph_step[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $reached_application_findings$
-- One path from a transferred object to each object that stays under the application's control.
WITH reached AS MATERIALIZED (
    SELECT node.number, node.kind, node.label, node.ownership, node.hostile, node.classid,
           node.objid
    FROM unnest(walk) step JOIN unnest(nodes) node ON node.number = step.node
), hostile AS MATERIALIZED (
    SELECT reached.* FROM reached WHERE reached.hostile
), member AS MATERIALIZED (
    -- What an extension has made stays with it, so no rule transfers it; its owner can be another.
    SELECT hostile.number,
           format('It is a member of extension %I and stays with it: ALTER %s%s OWNER TO %I; -- as '
                  'a superuser', extname, upper(hostile.kind),
                  substr(hostile.label, length(hostile.kind) + 1),
                  CASE WHEN app IN (SELECT qt001_cp.member_of(pg_get_userbyid(extowner)))
                       THEN pg_get_userbyid(10) ELSE pg_get_userbyid(extowner) END) AS mend
    FROM hostile JOIN pg_depend ON (pg_depend.classid, pg_depend.objid)
                                   = (hostile.classid, hostile.objid)
    JOIN pg_extension ON pg_extension.oid = refobjid
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
), others AS (
    SELECT edge.target, count(*) - 1 AS more
    FROM unnest(edges) edge JOIN hostile ON hostile.number = edge.target
    JOIN reached source ON source.number = edge.source AND NOT source.hostile
    GROUP BY edge.target
)
SELECT 'QT108', walked.path || ' ' || hostile.ownership,
       format('no object under the control of %s on this path', app),
       hostile.label || ', not transferred'
       || CASE WHEN others.more > 0
               THEN format('; further dependencies that lead to it: %s', others.more)
               ELSE '' END
       || coalesce('; it leads on to ' || behind.words, ''),
       coalesce(member.mend,
                'Remove a dependency on the path, or: ' || replace(kind.why, 'retain it, or ', ''),
                'Transfer the last object of the path too, or remove a dependency on the path.')
FROM hostile LEFT JOIN member ON member.number = hostile.number
JOIN qt001_cp.walked_path(nodes, edges, walk, ARRAY(SELECT number FROM hostile)) walked
  ON walked.node = hostile.number
LEFT JOIN others ON others.target = hostile.number
LEFT JOIN qt001_cp.behind(nodes, edges, ARRAY(SELECT number FROM hostile ORDER BY number)) behind
       ON behind.cause = hostile.number
LEFT JOIN qt001_cp.object_kind kind ON kind.kind = hostile.kind AND kind.why <> ''
$reached_application_findings$;

CREATE FUNCTION qt001_cp.lending_node(manifest text, nodes qt001_cp.graph_node[])
RETURNS TABLE (number int, through text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lending_node$
-- Objects through which others act with the privileges of an owner who has some on what is
-- transferred. through: view, table or body. A view of who may pass by row security lends nothing:
-- no policy is asked.
WITH grantee AS MATERIALIZED (
    SELECT DISTINCT entry ->> 1 AS role
    FROM qt001_cp.manifest_object(manifest) object CROSS JOIN LATERAL (
        SELECT jsonb_array_elements(object.after -> 'acl')
        UNION ALL
        SELECT jsonb_array_elements(of_column -> 'acl')
        FROM jsonb_array_elements(object.after -> 'columns') of_column) acl(entry)
    WHERE object.disposition = 'transfer' AND EXISTS (SELECT 1 FROM unnest(nodes) WHERE lends)
), lending AS MATERIALIZED (
    SELECT node.number, coalesce(pg_proc.proowner, pg_class.relowner) AS owner,
           CASE WHEN node.kind IN ('view', 'table') THEN node.kind ELSE 'body' END AS through
    FROM unnest(nodes) node
    LEFT JOIN pg_proc ON node.classid = 'pg_proc'::regclass AND pg_proc.oid = node.objid
    LEFT JOIN pg_class ON node.classid = 'pg_class'::regclass AND pg_class.oid = node.objid
    WHERE node.lends
), owner AS MATERIALIZED (
    SELECT oid, rolsuper OR rolbypassrls AS passes_by,
           EXISTS (SELECT 1 FROM qt001_cp.member_of(rolname) role
                   WHERE role ~ '^pg_(read|write)_all_data$'
                      OR role IN (SELECT grantee.role FROM grantee)) AS holds
    FROM pg_roles WHERE oid IN (SELECT lending.owner FROM lending)
)
SELECT lending.number, lending.through FROM lending JOIN owner ON owner.oid = lending.owner
WHERE CASE WHEN owner.passes_by THEN lending.through <> 'view' ELSE owner.holds END
$lending_node$;

CREATE FUNCTION qt001_cp.lent_privilege_findings(
    manifest text, app name, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lent_privilege_findings$
-- Whoever has a privilege on a transferred object may not run the application's code with it: in a
-- SECURITY DEFINER routine, when a materialized view is made anew, in what a write to its table
-- fires (a foreign key's action writes as the table's owner); and where a view reads the
-- application's table, whose row security policy asks with the privileges of the view's owner.
-- Functions in a view run as its reader.
DECLARE
    lender record;
    walk qt001_cp.graph_step[];
BEGIN
    FOR lender IN
        SELECT lending.through, array_agg(lending.number ORDER BY lending.number) AS roots
        FROM qt001_cp.lending_node(manifest, nodes) lending
        GROUP BY lending.through ORDER BY lending.through
    LOOP
        walk := ARRAY(SELECT step FROM qt001_cp.breadth_first(
            cardinality(nodes), edges, lender.roots, '{}', ARRAY(
                SELECT node.number FROM unnest(nodes) node
                WHERE node.runs
                   OR lender.through = 'view' AND node.classid = 'pg_proc'::regclass)) step);
        RETURN QUERY
        WITH reached AS MATERIALIZED (
            SELECT node.number, node.ownership
            FROM unnest(walk) step JOIN unnest(nodes) node ON node.number = step.node
            WHERE node.runs AND node.disposition IS DISTINCT FROM 'transfer' AND CASE lender.through
                WHEN 'view' THEN node.kind IN ('table', 'foreign table')
                WHEN 'table' THEN node.classid = 'pg_proc'::regclass ELSE true END
        )
        SELECT 'QT108'::text, walked.path || ' ' || reached.ownership,
               format('no object under the control of %s that acts with another role''s privileges',
                      app),
               CASE lender.through WHEN 'view' THEN 'a table whose row security policy would run'
                    ELSE 'code that would run' END
               || ' with the privileges of a role that has some on transferred objects',
               format('Remove a dependency on the path, transfer its last object too, or revoke '
                      'what %s may do with its first object.', app)
        FROM reached JOIN qt001_cp.walked_path(
                              nodes, edges, walk, ARRAY(SELECT number FROM reached)) walked
          ON walked.node = reached.number;
    END LOOP;
END
$lent_privilege_findings$;

CREATE FUNCTION qt001_cp.dependent_findings(
    manifest text, app name, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $dependent_findings$
-- One path for each object that depends on a transferred one without being transferred itself: by a
-- foreign key, a view, a child, a publication, statistics, or because another role's view or
-- routine reads it for the application. What only uses a type is left alone where it is another
-- role's, and so is a query on a curated view: it shows what that view shows.
DECLARE
    walk qt001_cp.graph_step[] := ARRAY(SELECT step FROM qt001_cp.breadth_first(
        cardinality(nodes), edges, ARRAY(
            SELECT node.number FROM unnest(nodes) node
            WHERE node.disposition IS DISTINCT FROM 'transfer'
              AND (node.owned OR node.held) ORDER BY node.number),
        '{}', ARRAY(SELECT node.number FROM unnest(nodes) node
                    WHERE node.disposition = 'transfer')) step);
    curated text[] := ARRAY(
        SELECT object.kind || ' ' || object.identity
        FROM qt001_cp.manifest_object(manifest) object WHERE object.curated);
BEGIN
    RETURN QUERY
    WITH dependent AS MATERIALIZED (
        SELECT DISTINCT ON (source.number)
               source.number, source.label, source.ownership,
               edge.label || target.label AS last_words,
               count(*) OVER (PARTITION BY source.number) - 1 AS more
        FROM unnest(walk) step
        JOIN unnest(nodes) source ON source.number = step.node
        JOIN unnest(edges) edge ON edge.source = source.number
        JOIN unnest(nodes) target ON target.number = edge.target
        WHERE source.disposition IS DISTINCT FROM 'transfer' AND target.disposition = 'transfer'
          AND (source.hostile OR target.classid IN ('pg_class'::regclass, 'pg_proc'::regclass))
          AND NOT (target.label = ANY (curated) AND edge.label = ' → its query or rule → ')
        ORDER BY source.number, edge.number
    )
    SELECT 'QT108'::text, walked.path || dependent.last_words,
           'no retained object that depends on a transferred one'::text,
           dependent.label || ', ' || dependent.ownership
           || CASE WHEN dependent.more > 0
                   THEN format('; further transferred objects that it depends on: %s',
                               dependent.more)
                   ELSE '' END,
           format('Transfer it too, drop the dependency, or revoke what %s may do with it.', app)
    FROM dependent JOIN qt001_cp.walked_path(
                            nodes, edges, walk, ARRAY(SELECT number FROM dependent)) walked
      ON walked.node = dependent.number;
END
$dependent_findings$;

CREATE FUNCTION qt001_cp.unanalysed_findings(
    nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[], walk qt001_cp.graph_step[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $unanalysed_findings$
-- A body on a path that nobody has analysed: what it calls runs with the rights of the one who
-- came.
WITH unanalysed AS MATERIALIZED (
    SELECT node.number, node.ownership
    FROM unnest(walk) step JOIN unnest(nodes) node ON node.number = step.node
    JOIN pg_proc ON pg_proc.oid = node.objid JOIN pg_language ON pg_language.oid = pg_proc.prolang
    WHERE node.classid = 'pg_proc'::regclass AND NOT node.hostile AND NOT node.analysed
      AND node.disposition IS DISTINCT FROM 'transfer'
      AND pg_language.lanname NOT IN ('internal', 'c')
      AND pg_proc.prokind <> 'a' AND pg_proc.prosqlbody IS NULL
      -- What a superuser has every DDL run is his: the function of an event trigger that is a
      -- superuser's too.
      AND NOT (pg_proc.prorettype = 'event_trigger'::regtype
               AND (SELECT rolsuper FROM pg_roles WHERE oid = pg_proc.proowner))
      AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_proc'::regclass
                      AND objid = pg_proc.oid AND deptype = 'e')
)
SELECT 'QT108', walked.path, 'a routine that the manifest''s analysis covers',
       unanalysed.ownership || ', not analysed',
       'Add a rule that transfers it, or remove a dependency on the path.'
FROM unanalysed JOIN qt001_cp.walked_path(
                         nodes, edges, walk, ARRAY(SELECT number FROM unanalysed)) walked
  ON walked.node = unanalysed.number
$unanalysed_findings$;

CREATE FUNCTION qt001_cp.containing_schema_findings(
    manifest text, app name, nodes qt001_cp.graph_node[], walk qt001_cp.graph_step[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $containing_schema_findings$
-- The schema's owner may drop, and rename away, what others own in it. CREATE may stay with the
-- application beside tables and sequences, where there is no apply path: nothing of its own is
-- taken for one of these by a call. Beside a partitioned table it might squat a partition's name.
WITH used AS MATERIALIZED (
    SELECT pg_namespace.oid, pg_namespace.nspname, pg_namespace.nspowner,
           min(node.label) AS content,
           (array_agg(node.number ORDER BY node.label) FILTER (
               WHERE pg_class.relkind IS NULL OR pg_class.relkind NOT IN ('r', 'S')
                  OR qt001_cp.has_apply_path(manifest)))[1] AS alone
    FROM unnest(walk) step JOIN unnest(nodes) node ON node.number = step.node
    JOIN pg_namespace ON pg_namespace.oid = node.schema
    LEFT JOIN pg_class ON node.classid = 'pg_class'::regclass AND pg_class.oid = node.objid
    WHERE NOT node.hostile GROUP BY pg_namespace.oid, pg_namespace.nspname, pg_namespace.nspowner
), transferred AS (
    SELECT object.kind, object.name FROM qt001_cp.manifest_object(manifest) object
    WHERE object.kind IN ('schema', 'database') AND object.disposition = 'transfer'
), app_oid AS MATERIALIZED (
    SELECT qt001_cp.application_role_oids(app) AS oid
)
SELECT 'QT108', 'schema ' || used.nspname,
       format('a transferred schema, or one that %s does not own', app),
       format('owned by %s, with %s in it', pg_get_userbyid(used.nspowner), used.content),
       'Add a rule that transfers the schema.'
FROM used
WHERE (used.nspowner IN (SELECT oid FROM app_oid) OR (
          used.nspowner = 'pg_database_owner'::regrole
          AND EXISTS (SELECT 1 FROM pg_database WHERE datname = current_database()
                      AND datdba IN (SELECT oid FROM app_oid))
          AND NOT EXISTS (SELECT 1 FROM transferred WHERE transferred.kind = 'database')))
  AND NOT EXISTS (SELECT 1 FROM transferred
                  WHERE transferred.kind = 'schema' AND transferred.name = used.nspname)
UNION ALL
SELECT DISTINCT 'QT108', 'schema ' || used.nspname,
       format('no CREATE privilege for %s or PUBLIC', app),
       format('CREATE for %s, with %s in it', coalesce(writable.grantee, 'PUBLIC'), alone.label),
       'Do not keep CREATE in the policy''s rule for this schema, or move what is protected into a '
       'schema of its own before FIX7a: ' || coalesce((
           SELECT format('ALTER EXTENSION %I SET SCHEMA another; -- of which it is a part', extname)
           FROM pg_depend member JOIN pg_extension ON pg_extension.oid = member.refobjid
           WHERE member.classid = alone.classid AND member.objid = alone.objid
             AND member.refclassid = 'pg_extension'::regclass AND member.deptype = 'e'),
           'qt001-cp policy schema --help')
FROM qt001_cp.writable_schema(manifest) writable JOIN used ON used.nspname = writable.schema
JOIN unnest(nodes) alone ON alone.number = used.alone
WHERE writable.grantee IS DISTINCT FROM pg_get_userbyid(used.nspowner)
$containing_schema_findings$;

CREATE FUNCTION qt001_cp.body_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body_findings$
-- Bodies that run with the new owner's rights, or another role's, and that nobody understands. A
-- routine that stays runs with its own owner's rights; the application's own rights do not matter
-- any more.
WITH object AS MATERIALIZED (
    SELECT entry.*
    FROM qt001_cp.manifest_object(manifest) entry
    WHERE entry.disposition = 'transfer'
       OR (entry.detail ->> 'definer')::boolean AND NOT entry.before ->> 'owner' IN (
              SELECT qt001_cp.member_of((qt001_cp.document_json(manifest) ->> 'application')::name))
)
SELECT 'QT108', object.kind || ' ' || object.identity, 'a body that the analysis understands',
       (unknown ->> 'rule') || ': ' || (unknown ->> 'detail'),
       CASE unknown ->> 'rule'
           WHEN 'language' THEN 'Give it to the administrator (ALTER … OWNER TO) and retain it: '
                                'what it runs stands in no catalog.'
           ELSE 'Rewrite that statement without dynamic SQL, or retain the routine.' END
FROM object CROSS JOIN LATERAL jsonb_array_elements(object.detail -> 'unknown') unknown
UNION ALL
SELECT 'QT108', object.kind || ' ' || object.identity, 'an analysis of what its body reaches',
       'none in the manifest', 'Generate the manifest again: qt001-cp manifest generate.'
FROM object
WHERE object.kind IN ('function', 'procedure') AND object.detail -> 'reaches' IS NULL
$body_findings$;

CREATE FUNCTION qt001_cp.database_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $database_findings$
-- What the owner of the database may do, and who has CREATE on it.
WITH app AS MATERIALIZED (
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name
), object AS MATERIALIZED (
    SELECT entry.* FROM qt001_cp.manifest_object(manifest) entry WHERE entry.kind = 'database'
)
SELECT 'QT108', 'database ' || datname,
       format('a transferred database, or one that %s does not own', app.name),
       'owned by ' || pg_get_userbyid(datdba),
       'Add a rule that transfers the database: its owner may drop schemas and set search_path '
       'for everybody.'
FROM app JOIN pg_database ON datname = current_database()
     AND datdba IN (SELECT qt001_cp.application_role_oids(app.name))
WHERE NOT EXISTS (SELECT 1 FROM object WHERE object.disposition = 'transfer')
UNION ALL
SELECT DISTINCT 'QT108', 'database ' || object.name,
       format('no CREATE privilege for %s or PUBLIC: it lets them install trusted extensions',
              app.name),
       'CREATE for ' || coalesce(entry ->> 1, 'PUBLIC'),
       'Do not keep CREATE in the policy''s rule for the database.'
FROM app CROSS JOIN object
CROSS JOIN LATERAL jsonb_array_elements(coalesce(object.after, object.before) -> 'acl') entry
WHERE entry ->> 2 = 'CREATE'
  AND (entry ->> 1 IS NULL OR entry ->> 1 IN (SELECT qt001_cp.member_of(app.name)))
$database_findings$;

CREATE FUNCTION qt001_cp.inherited_privilege_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $inherited_privilege_findings$
-- Privileges on transferred objects of a role that the application role is a member of: one
-- membership is one finding, whatever hangs on it.
WITH app AS MATERIALIZED (
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name
), member AS MATERIALIZED (
    SELECT role FROM app CROSS JOIN LATERAL qt001_cp.member_of(app.name) role
    WHERE role <> app.name
)
SELECT 'QT108', format('membership of %s in %s', app.name, acl.entry ->> 1),
       'no privilege on what is transferred for a role that the application is a member of',
       format('%s on %s%s', string_agg(DISTINCT acl.entry ->> 2, ', '),
              min(object.kind || ' ' || object.identity),
              CASE WHEN count(DISTINCT (object.kind, object.identity)) > 1
                   THEN format(' and %s more', count(DISTINCT (object.kind, object.identity)) - 1)
                   ELSE '' END),
       format('REVOKE %I FROM %I;', acl.entry ->> 1, app.name)
FROM app CROSS JOIN qt001_cp.manifest_object(manifest) object
CROSS JOIN LATERAL (
    SELECT jsonb_array_elements(object.after -> 'acl')
    UNION ALL
    SELECT jsonb_array_elements(of_column -> 'acl')
    FROM jsonb_array_elements(object.after -> 'columns') of_column) acl(entry)
WHERE object.disposition = 'transfer' AND acl.entry ->> 1 IN (SELECT member.role FROM member)
GROUP BY app.name, acl.entry ->> 1
$inherited_privilege_findings$;

CREATE FUNCTION qt001_cp.overload_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $overload_findings$
-- A routine that the manifest leaves with the application, with the schema and the name of a
-- transferred one: it may fit a caller's arguments better, and is the one that is called then.
WITH application AS MATERIALIZED (
    SELECT member.oid FROM qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) member(oid)
), known AS MATERIALIZED (
    SELECT object.schema, object.name, object.identity, object.disposition
    FROM qt001_cp.manifest_object(manifest) object
    WHERE object.kind IN ('function', 'procedure', 'aggregate')
), transferred AS MATERIALIZED (
    SELECT known.* FROM known WHERE known.disposition = 'transfer'
)
SELECT 'QT108', named.type || ' ' || named.identity,
       format('no routine of the application''s with the schema and name of %s, which is '
              'transferred', min(transferred.identity)),
       'owner ' || pg_get_userbyid(routine.proowner),
       'Transfer it too by a rule of the policy, or: ALTER ROUTINE … RENAME TO another_name;'
FROM pg_proc routine
JOIN pg_namespace space ON space.oid = routine.pronamespace
JOIN transferred ON transferred.schema = space.nspname AND transferred.name = routine.proname
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, routine.oid, 0) named
WHERE routine.proowner IN (SELECT application.oid FROM application)
  AND named.identity IN (
          SELECT known.identity FROM known WHERE known.disposition <> 'transfer')
GROUP BY named.type, named.identity, routine.proowner
$overload_findings$;

CREATE FUNCTION qt001_cp.taken_for_findings(
    manifest text, nodes qt001_cp.graph_node[], walk qt001_cp.graph_step[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $taken_for_findings$
-- A routine or operator that the manifest does not know, with schema and name of one that is
-- protected or that something protected reaches: a call looks for the arguments that fit best, and
-- may take it. Whoever owns what is called may replace it anyway.
WITH original AS MATERIALIZED (
    SELECT node.classid, node.objid, node.label
    FROM unnest(walk) step JOIN unnest(nodes) node ON node.number = step.node
    WHERE node.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
), stranger AS (
    SELECT original.label, original.classid, copy.oid, copy.proowner AS owner
    FROM original JOIN pg_proc called ON called.oid = original.objid
    JOIN pg_proc copy ON copy.proname = called.proname AND copy.pronamespace = called.pronamespace
    WHERE original.classid = 'pg_proc'::regclass AND copy.proowner <> called.proowner
    UNION ALL
    SELECT original.label, original.classid, copy.oid, copy.oprowner
    FROM original JOIN pg_operator called ON called.oid = original.objid
    JOIN pg_operator copy
        ON copy.oprname = called.oprname AND copy.oprnamespace = called.oprnamespace
    WHERE original.classid = 'pg_operator'::regclass AND copy.oprowner <> called.oprowner
)
SELECT 'QT108', named.type || ' ' || named.identity,
       format('no other of the schema and name of %s, which is protected or reached by what is',
              min(stranger.label)),
       'owner ' || pg_get_userbyid(stranger.owner),
       'Find out whose it is, then DROP it, or ALTER … RENAME TO another_name;'
FROM stranger CROSS JOIN LATERAL pg_identify_object(stranger.classid, stranger.oid, 0) named
WHERE stranger.owner <> 'qt001_cp_owner'::regrole
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.manifest_object(manifest) object
                  WHERE object.kind = named.type AND object.identity = named.identity)
GROUP BY named.type, named.identity, stranger.owner
$taken_for_findings$;

CREATE FUNCTION qt001_cp.borrowed_findings(manifest text, app name, nodes qt001_cp.graph_node[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $borrowed_findings$
-- Whose body nobody has analysed as it is today. A routine that is known is judged by
-- body_findings().
SELECT 'QT108', node.label,
       format('no body that nobody has analysed, in which %s acts with the rights of who holds '
              'something protected', app),
       'SECURITY DEFINER, ' || node.ownership || coalesce(', run by ' || borrowed.through, ''),
       CASE WHEN borrowed.through IS NULL
            THEN format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC, %I; -- or generate and seal a '
                        'manifest that has it', borrowed.oid::regprocedure, app)
            ELSE format('ALTER ROUTINE %s SECURITY INVOKER; -- or generate and seal a manifest '
                        'that has it', borrowed.oid::regprocedure) END
FROM qt001_cp.borrowed_routine(manifest) borrowed
JOIN unnest(nodes) node ON node.classid = 'pg_proc'::regclass AND node.objid = borrowed.oid
WHERE NOT node.analysed
  AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_proc'::regclass
                  AND objid = borrowed.oid AND deptype = 'e')
$borrowed_findings$;

CREATE FUNCTION qt001_cp.manifest_reach_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_reach_findings$
-- What the manifest itself leaves open.
SELECT finding.* FROM qt001_cp.body_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.database_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.inherited_privilege_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.overload_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.kept_reach_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.hidden_findings(manifest) finding
UNION ALL
-- Without the barrier a function in the reader's query sees the rows that the view leaves out.
SELECT 'QT108', 'view ' || object.identity, 'a curated view WITH (security_barrier = true)',
       'a view without security_barrier',
       format('ALTER VIEW %s SET (security_barrier = true); -- then generate and seal again',
              object.identity)
FROM qt001_cp.manifest_object(manifest) object
JOIN pg_namespace ON pg_namespace.nspname = object.schema
JOIN pg_class ON pg_class.relnamespace = pg_namespace.oid AND pg_class.relname = object.name
WHERE object.curated AND NOT coalesce((
    SELECT option_value::boolean FROM pg_options_to_table(pg_class.reloptions)
    WHERE option_name = 'security_barrier'), false)
$manifest_reach_findings$;

CREATE FUNCTION qt001_cp.reach_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $reach_findings$
-- Paths from a transferred object to something that stays with the application role, and the other
-- way round; and what else the application could still do.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    graph qt001_cp.graph := qt001_cp.near_graph(manifest);
    nodes qt001_cp.graph_node[] := graph.nodes;
    edges qt001_cp.graph_edge[] := graph.edges;
    -- From what is transferred: SECURITY DEFINER routines first, they run for others. An event
    -- trigger runs in everybody's DDL, the operator's included.
    walk qt001_cp.graph_step[] := ARRAY(SELECT step FROM qt001_cp.breadth_first(
        cardinality(nodes), edges,
        ARRAY(SELECT node.number FROM unnest(nodes) node
              WHERE node.disposition = 'transfer' AND node.definer ORDER BY node.number),
        ARRAY(SELECT node.number FROM unnest(nodes) node
              WHERE node.disposition = 'transfer' OR node.kind = 'event trigger'
              ORDER BY node.number),
        ARRAY(SELECT node.number FROM unnest(nodes) node WHERE node.hostile)) step);
    usable int[] := ARRAY(
        SELECT number FROM qt001_cp.usable_node(manifest, app, nodes) number ORDER BY number);
BEGIN
    RETURN QUERY
    SELECT finding.* FROM qt001_cp.reached_application_findings(app, nodes, edges, walk) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.lent_privilege_findings(manifest, app, nodes, edges) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.dependent_findings(manifest, app, nodes, edges) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.unanalysed_findings(nodes, edges, walk) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.containing_schema_findings(manifest, app, nodes, walk) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.growth_schema_findings(manifest, app) finding
    UNION ALL
    SELECT finding.*
    FROM qt001_cp.outside_findings(manifest, app, nodes, edges, usable) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.lent_body_findings(manifest, app, nodes, edges, usable) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.give_back_findings(manifest) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.beside_application_findings(manifest, app) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.taken_for_findings(manifest, nodes, walk) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.borrowed_findings(manifest, app, nodes) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.manifest_reach_findings(manifest) finding
    UNION ALL
    SELECT finding.* FROM qt001_cp.environment_findings(manifest) finding;
END
$reach_findings$;
