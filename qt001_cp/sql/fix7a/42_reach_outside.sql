-- What leaves the database on the application's behalf, with another role's rights: foreign tables
-- and their servers, and bodies that nobody has analysed. A foreign table may lead back here.

CREATE FUNCTION qt001_cp.usable_node(manifest text, app name, nodes qt001_cp.graph_node[])
RETURNS SETOF int
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $usable_node$
-- Relations and routines that the application may use after the cutover, in schemas that it may
-- use: its own, and those on which it, PUBLIC or a role whose place it can take holds a privilege.
-- Of what is transferred the manifest says who; of the rest the catalogs.
WITH holder AS MATERIALIZED (
    SELECT member.oid, pg_get_userbyid(member.oid)::text AS name
    FROM qt001_cp.application_role_oids(app) member(oid)
), space AS MATERIALIZED (
    SELECT pg_namespace.oid FROM pg_namespace
    WHERE EXISTS (SELECT 1 FROM holder
                  WHERE has_schema_privilege(holder.oid, pg_namespace.oid, 'USAGE'))
), left_by_manifest AS MATERIALIZED (
    SELECT DISTINCT object.kind || ' ' || object.identity AS label
    FROM qt001_cp.manifest_object(manifest) object
    CROSS JOIN LATERAL (
        SELECT jsonb_array_elements(object.after -> 'acl')
        UNION ALL
        SELECT jsonb_array_elements(of_column -> 'acl')
        FROM jsonb_array_elements(object.after -> 'columns') of_column) acl(entry)
    WHERE object.disposition = 'transfer'
      AND (acl.entry ->> 1 IS NULL OR acl.entry ->> 1 IN (SELECT holder.name FROM holder))
), number AS MATERIALIZED (
    SELECT ARRAY(SELECT node.objid FROM unnest(nodes) node) AS ids
), live AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid AS classid, pg_class.oid AS objid, pg_class.relacl AS acl
    FROM number JOIN pg_class ON pg_class.oid = ANY (number.ids)
    WHERE pg_class.relacl IS NOT NULL
    UNION ALL
    SELECT 'pg_class'::regclass, pg_attribute.attrelid, pg_attribute.attacl
    FROM number JOIN pg_attribute ON pg_attribute.attrelid = ANY (number.ids)
    WHERE pg_attribute.attacl IS NOT NULL
    UNION ALL
    SELECT 'pg_proc'::regclass, pg_proc.oid,
           coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))
    FROM number JOIN pg_proc ON pg_proc.oid = ANY (number.ids)
), granted AS MATERIALIZED (
    SELECT DISTINCT live.classid, live.objid FROM live CROSS JOIN LATERAL aclexplode(live.acl) entry
    WHERE entry.grantee = 0 OR entry.grantee IN (SELECT holder.oid FROM holder)
)
SELECT node.number
FROM unnest(nodes) node
JOIN space ON space.oid = node.schema
LEFT JOIN granted ON granted.classid = node.classid AND granted.objid = node.objid
LEFT JOIN left_by_manifest ON left_by_manifest.label = node.label
WHERE node.classid IN ('pg_class'::regclass, 'pg_proc'::regclass)
  AND CASE WHEN node.disposition = 'transfer' THEN left_by_manifest.label IS NOT NULL
           ELSE node.owned OR granted.objid IS NOT NULL END
$usable_node$;

CREATE FUNCTION qt001_cp.server_words(server oid, OUT found text, OUT options jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $server_words$
-- Where a foreign server leads and as whom, in words; its options as [[outside]] of the policy has
-- them.
SELECT concat_ws(', ',
           format('server %I of wrapper %I', pg_foreign_server.srvname, wrapper.fdwname),
           'options ' || nullif(array_to_string(pg_foreign_server.srvoptions, ' '), ''),
           'with the login of ' || (
               SELECT string_agg(mapping.usename, ', ' ORDER BY mapping.usename)
               FROM pg_user_mappings mapping WHERE mapping.srvid = pg_foreign_server.oid)),
       (SELECT coalesce(jsonb_agg(option ORDER BY option COLLATE "C"), '[]')
        FROM unnest(pg_foreign_server.srvoptions) option)
FROM pg_foreign_server JOIN pg_foreign_data_wrapper wrapper ON wrapper.oid = srvfdw
WHERE pg_foreign_server.oid = server
$server_words$;

CREATE FUNCTION qt001_cp.outside_findings(
    manifest text, app name, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[],
    usable int[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $outside_findings$
-- One path to each server that a foreign table leads to, from what the application may use. A
-- wrapper without a handler reads and writes nothing. What the policy lets pass it names with the
-- server's options: with others it may lead somewhere else.
DECLARE
    servers int[] := ARRAY(
        SELECT node.number FROM unnest(nodes) node
        JOIN pg_foreign_server ON pg_foreign_server.oid = node.objid
        JOIN pg_foreign_data_wrapper ON pg_foreign_data_wrapper.oid = pg_foreign_server.srvfdw
        WHERE node.classid = 'pg_foreign_server'::regclass
          AND pg_foreign_data_wrapper.fdwhandler <> 0);
    walk qt001_cp.graph_step[];
BEGIN
    IF servers = '{}' THEN
        RETURN;
    END IF;
    walk := ARRAY(SELECT step FROM qt001_cp.breadth_first(
        cardinality(nodes), edges, usable, '{}', servers) step);
    RETURN QUERY
    WITH reached AS MATERIALIZED (
        SELECT node.number, node.objid
        FROM unnest(walk) step JOIN unnest(nodes) node ON node.number = step.node
        WHERE step.node = ANY (servers)
    )
    SELECT 'QT108'::text, walked.path,
           format('nothing that %s may use and that leaves the database', app), server.found,
           format('Revoke what %s or PUBLIC may do with the first object of the path, or say in '
                  'the policy where the server leads, [[outside]] with options = %s, then '
                  'generate and seal again.', app, server.options)
    FROM reached
    JOIN pg_foreign_server ON pg_foreign_server.oid = reached.objid
    CROSS JOIN LATERAL qt001_cp.server_words(reached.objid) server
    JOIN qt001_cp.walked_path(nodes, edges, walk, ARRAY(SELECT number FROM reached)) walked
      ON walked.node = reached.number
    WHERE NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements(qt001_cp.manifest_policy(manifest) -> 'outside') outside
        WHERE outside ->> 'server' = pg_foreign_server.srvname
          AND outside -> 'options' @> server.options
          AND server.options @> (outside -> 'options'));
END
$outside_findings$;

CREATE FUNCTION qt001_cp.lent_body_findings(
    manifest text, app name, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[],
    usable int[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $lent_body_findings$
-- Bodies that nobody has analysed and that run with another role's rights when the application
-- calls: behind a SECURITY DEFINER routine that it may execute or that is a trigger's, behind a
-- materialized view that it may read, and behind a table that a foreign key's action writes with
-- the rights of an owner who holds something protected. What leaves the database does so in a body.
-- A routine that the manifest knows is judged by body_findings().
DECLARE
    lending int[] := ARRAY(
        SELECT node.number FROM unnest(nodes) node
        LEFT JOIN unnest(usable) used(number) ON used.number = node.number
        LEFT JOIN pg_proc ON node.classid = 'pg_proc'::regclass AND pg_proc.oid = node.objid
        LEFT JOIN qt001_cp.acted_relation(manifest, app) acted
               ON node.classid = 'pg_class'::regclass AND acted.relation = node.objid
        LEFT JOIN (SELECT DISTINCT pg_trigger.tgfoid
                   FROM pg_trigger JOIN unnest(nodes) watched
                        ON watched.classid = 'pg_class'::regclass
                       AND watched.objid = pg_trigger.tgrelid
                   JOIN unnest(usable) target(number) ON target.number = watched.number) fired
               ON fired.tgfoid = pg_proc.oid
        WHERE NOT node.owned AND node.disposition IS DISTINCT FROM 'transfer'
          AND CASE WHEN pg_proc.prosecdef
                   THEN used.number IS NOT NULL OR fired.tgfoid IS NOT NULL
                   ELSE acted.relation IS NOT NULL
                        OR used.number IS NOT NULL AND node.kind = 'materialized view' END);
    walk qt001_cp.graph_step[];
BEGIN
    IF lending = '{}' THEN
        RETURN;
    END IF;
    walk := ARRAY(SELECT step FROM qt001_cp.breadth_first(
        cardinality(nodes), edges, lending, '{}',
        ARRAY(SELECT node.number FROM unnest(nodes) node WHERE node.hostile)) step);
    RETURN QUERY
    SELECT finding.* FROM qt001_cp.unanalysed_findings(nodes, edges, walk) finding
    WHERE finding.object NOT IN (SELECT node.label FROM unnest(nodes) node WHERE node.definer);
END
$lent_body_findings$;
