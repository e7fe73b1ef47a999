-- What is transferred goes on working: what it needs of others when it runs, as whom it runs, and
-- whether that role will hold it after the plan; contract, section 4, precondition 9. ADR 0024.
-- Sources: PostgreSQL documentation, "Rules and Privileges" (41.5), CREATE VIEW (security_invoker),
-- CREATE POLICY, GRANT; each rule was run on 15 and 18.

-- An edge along which code runs with the new owner's rights. asked: the privileges that it needs on
-- the target; those of them that the owner of before holds are what the new one has to hold. named:
-- the body finds the target by its name, in a schema. running: the new owner is current_user there.
-- owners: with whose rights it runs before the cutover.
CREATE TYPE qt001_cp.run_edge AS (
    number int, source int, target int, label text, asked text[], named boolean, running boolean,
    owners name[]
);

CREATE FUNCTION qt001_cp.owner_before(manifest text) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $owner_before$
SELECT DISTINCT (object.before ->> 'owner')::name
FROM qt001_cp.manifest_object(manifest) object
JOIN pg_roles ON pg_roles.rolname = object.before ->> 'owner'
WHERE object.disposition = 'transfer' AND object.before ->> 'owner' <> 'qt001_cp_owner'
$owner_before$;

CREATE FUNCTION qt001_cp.asked_privileges(reason text, kind text, writes boolean) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $asked_privileges$
-- What an edge for this reason to an object of this kind asks for. writes: a rule, or a view that
-- somebody may write through. NULL: nothing, and nothing runs behind it.
SELECT CASE
    WHEN reason ~ '^(partition or child|publishes|belongs to)' THEN NULL
    WHEN kind IN ('function', 'procedure', 'aggregate')
        THEN CASE WHEN reason ~ '^trigger ' THEN '{}' ELSE '{EXECUTE}' END
    WHEN kind = 'sequence' THEN '{USAGE,SELECT,UPDATE}'
    WHEN kind IN ('table', 'view', 'materialized view', 'foreign table') THEN CASE
        WHEN reason = 'writes' OR reason = 'its query or rule' AND writes
            THEN '{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'
        WHEN reason IN ('reads', 'its query or rule') OR reason ~ '^policy ' THEN '{SELECT}' END
    WHEN kind IN ('type', 'server') THEN '{USAGE}'
    WHEN kind IN ('schema', 'database', 'extension') THEN NULL
    ELSE '{}' END::text[]
$asked_privileges$;

CREATE FUNCTION qt001_cp.run_edges(
    manifest text, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[])
RETURNS SETOF qt001_cp.run_edge
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $run_edges$
-- Of all edges those along which the rights of whoever runs the source are asked for. What runs
-- with another owner's rights ends there: a SECURITY DEFINER routine, what a view or a rule of
-- somebody else reads. RI triggers run as the owner of the table that they look into, the functions
-- of a view as its reader, trigger functions, defaults and checks as whoever writes.
WITH owner AS MATERIALIZED (
    SELECT array_agg(old) AS names FROM qt001_cp.owner_before(manifest) old
), node AS MATERIALIZED (
    SELECT node.number, node.kind, node.disposition IS NOT DISTINCT FROM 'transfer' AS moved,
           CASE WHEN node.disposition = 'transfer' THEN ARRAY[(object.before ->> 'owner')::name]
                ELSE owner.names END AS owners,
           coalesce(pg_proc.prosecdef, false) AS definer,
           coalesce(pg_class.relforcerowsecurity, false) AS forced,
           node.kind = 'table' AS is_table, coalesce((
               SELECT option_value::boolean FROM pg_options_to_table(pg_class.reloptions)
               WHERE option_name = 'security_invoker'), false) AS for_reader
    FROM owner CROSS JOIN unnest(nodes) node
    LEFT JOIN qt001_cp.manifest_object(manifest) object
           ON object.kind || ' ' || object.identity = node.label
    LEFT JOIN pg_class ON node.classid = 'pg_class'::regclass AND pg_class.oid = node.objid
    LEFT JOIN pg_proc ON node.classid = 'pg_proc'::regclass AND pg_proc.oid = node.objid
), written AS MATERIALIZED (
    -- Views through which others, or a body, write, and relations with a rule of their own.
    SELECT node.number FROM unnest(nodes) node
    JOIN qt001_cp.manifest_object(manifest) object
      ON object.kind || ' ' || object.identity = node.label
    CROSS JOIN LATERAL jsonb_array_elements(object.after -> 'acl') entry
    WHERE node.kind = 'view' AND entry ->> 1 IS DISTINCT FROM object.after ->> 'owner'
      AND entry ->> 2 IN ('INSERT', 'UPDATE', 'DELETE')
    UNION
    SELECT edge.target FROM unnest(edges) edge WHERE edge.label = ' → writes '
    UNION
    SELECT node.number FROM unnest(nodes) node JOIN pg_rewrite
      ON node.classid = 'pg_class'::regclass AND pg_rewrite.ev_class = node.objid
     AND pg_rewrite.ev_type <> '1'
), edge AS (
    SELECT edge.*, reason.words AS reason, source.owners, target.kind AS target_kind,
           reason.words IN ('reads', 'writes', 'calls', 'uses') AS named,
           CASE WHEN source.moved
                THEN reason.words !~ '^policy ' OR source.forced
                ELSE NOT source.definer
                     AND NOT (reason.words = 'its query or rule' AND NOT source.for_reader
                              AND target.kind NOT IN ('function', 'aggregate'))
                     AND NOT (source.is_table AND target.kind IN ('type', 'server'))
                     AND (NOT source.is_table OR reason.words ~ '^policy '
                          OR edge.source IN (SELECT written.number FROM written)) END AS runs,
           edge.source IN (SELECT written.number FROM written) AS writes
    FROM unnest(edges) edge
    JOIN node source ON source.number = edge.source JOIN node target ON target.number = edge.target
    CROSS JOIN LATERAL (
        SELECT btrim(regexp_replace(edge.label, '^ → |( →)? $', '', 'g')) AS words) reason
)
SELECT edge.number, edge.source, edge.target, edge.label,
       qt001_cp.asked_privileges(edge.reason, edge.target_kind, edge.writes), edge.named,
       true, edge.owners
FROM edge
WHERE edge.runs
  AND qt001_cp.asked_privileges(edge.reason, edge.target_kind, edge.writes) IS NOT NULL
$run_edges$;

CREATE FUNCTION qt001_cp.walked_nodes(
    nodes qt001_cp.graph_node[], edges qt001_cp.run_edge[], roots int[])
RETURNS SETOF int
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $walked_nodes$
SELECT step.node
FROM qt001_cp.breadth_first(
    cardinality(nodes),
    ARRAY(SELECT (row_number() OVER (ORDER BY edge.source, edge.number), edge.source, edge.target,
                  edge.label)::qt001_cp.graph_edge FROM unnest(edges) edge),
    roots, '{}', '{}') step
$walked_nodes$;

CREATE FUNCTION qt001_cp.running_nodes(
    nodes qt001_cp.graph_node[], edges qt001_cp.run_edge[])
RETURNS SETOF int
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $running_nodes$
-- Where the new owner is current_user: behind routines with SECURITY DEFINER, tables (defaults,
-- checks, indexes, triggers: the new owner writes them), materialized views and aggregates.
SELECT qt001_cp.walked_nodes(nodes, edges, ARRAY(
    SELECT node.number FROM unnest(nodes) node
    LEFT JOIN pg_proc ON node.classid = 'pg_proc'::regclass AND pg_proc.oid = node.objid
    WHERE node.disposition = 'transfer'
      AND (node.kind IN ('table', 'foreign table', 'materialized view', 'aggregate')
           OR pg_proc.prosecdef)
    ORDER BY node.number))
$running_nodes$;

CREATE FUNCTION qt001_cp.run_needs(
    nodes qt001_cp.graph_node[], edges qt001_cp.run_edge[], acting int[])
RETURNS SETOF qt001_cp.run_edge
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $run_needs$
-- The edges on which the new owner's rights decide: those of what runs as the new owner, and what a
-- view reads that only others read.
DECLARE
    reading qt001_cp.run_edge[] := ARRAY(
        SELECT edge FROM unnest(edges) edge
        JOIN unnest(nodes) source ON source.number = edge.source
        JOIN unnest(nodes) target ON target.number = edge.target
        WHERE source.kind = 'view' AND target.kind NOT IN ('function', 'aggregate')
              AND NOT EXISTS (SELECT 1 FROM pg_class CROSS JOIN LATERAL
                                  pg_options_to_table(pg_class.reloptions) view_option
                              WHERE pg_class.oid = source.objid
                                AND view_option.option_name = 'security_invoker'
                                AND view_option.option_value::boolean)
           OR edge.label LIKE ' → policy %');
    viewed int[] := ARRAY(SELECT qt001_cp.walked_nodes(nodes, reading, ARRAY(
        SELECT node.number FROM unnest(nodes) node
        WHERE node.disposition = 'transfer' AND node.kind = 'view'
          AND node.number <> ALL (acting)
        ORDER BY node.number)));
BEGIN
    RETURN QUERY SELECT edge.* FROM unnest(edges) edge WHERE edge.source = ANY (acting);
    RETURN QUERY SELECT edge.number, edge.source, edge.target, edge.label, edge.asked, edge.named,
                        false, edge.owners
                 FROM unnest(reading) edge
                 WHERE edge.source = ANY (viewed) AND edge.source <> ALL (acting);
END
$run_needs$;

CREATE FUNCTION qt001_cp.holds(
    role name, classid oid, objid oid, kind text, privilege text, whole boolean)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $holds$
-- Whether a role, or 'public', holds a privilege by any route, at this moment; not whole: on a
-- column is enough.
SELECT coalesce(CASE classid
    WHEN 'pg_class'::regclass THEN CASE
        WHEN kind = 'sequence' THEN has_sequence_privilege(role, objid, privilege)
        WHEN whole OR privilege IN ('DELETE', 'TRUNCATE')
        THEN has_table_privilege(role, objid, privilege)
        ELSE has_any_column_privilege(role, objid, privilege) END
    WHEN 'pg_proc'::regclass THEN has_function_privilege(role, objid, privilege)
    WHEN 'pg_type'::regclass THEN has_type_privilege(role, objid, privilege)
    WHEN 'pg_namespace'::regclass THEN has_schema_privilege(role, objid, privilege)
    WHEN 'pg_foreign_server'::regclass THEN has_server_privilege(role, objid, privilege)
    END, false)
$holds$;

CREATE FUNCTION qt001_cp.lacking_columns(
    old name, new name, relation oid, privilege text, planned text[])
RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $lacking_columns$
-- Where the old role holds a privilege on columns alone: those on which the new one neither holds
-- it nor will by the plan. NULL: the old one holds it on the whole relation.
SELECT CASE WHEN NOT has_table_privilege(old, relation, privilege) THEN ARRAY(
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
      AND has_column_privilege(old, relation, attnum, privilege)
      AND NOT has_column_privilege(new, relation, attnum, privilege)
      AND attname::text <> ALL (planned)
    ORDER BY attnum) END
$lacking_columns$;

CREATE FUNCTION qt001_cp.owner_after() RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $owner_after$
-- The new owner, as has_*_privilege() takes it: before the bootstrap it holds what PUBLIC does.
SELECT coalesce((SELECT rolname FROM pg_roles WHERE rolname = 'qt001_cp_owner'), 'public')
$owner_after$;

CREATE TYPE qt001_cp.asked_privilege AS (
    classid oid, objid oid, kind text, label text, privilege text, old name, path text, more bigint
);

CREATE FUNCTION qt001_cp.asked_of_others(
    manifest text, nodes qt001_cp.graph_node[], needs qt001_cp.run_edge[])
RETURNS SETOF qt001_cp.asked_privilege
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $asked_of_others$
-- Every privilege that running what is transferred needs on what is not. old: with whose rights it
-- runs before the cutover. path: one need; more: how many others. Where the object is the
-- application's, precondition 8 has said so.
WITH app AS MATERIALIZED (
    SELECT oid FROM qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) oid
), used AS MATERIALIZED (
    SELECT target.classid, target.objid, target.kind, target.label, need.privilege, edge.owners,
           source.label || edge.label || target.label AS path
    FROM unnest(needs) edge JOIN unnest(nodes) source ON source.number = edge.source
    JOIN unnest(nodes) target ON target.number = edge.target
    CROSS JOIN LATERAL unnest(edge.asked) need(privilege)
    WHERE target.disposition IS DISTINCT FROM 'transfer' AND NOT target.owned
    UNION ALL
    -- What is named in a body, or by the trigger of a foreign key, is looked up in its schema.
    SELECT 'pg_namespace'::regclass, pg_namespace.oid, 'schema',
           'schema ' || quote_ident(nspname), 'USAGE', edge.owners,
           source.label || edge.label || target.label
    FROM unnest(needs) edge JOIN unnest(nodes) source ON source.number = edge.source
    JOIN unnest(nodes) target ON target.number = edge.target
    JOIN pg_namespace ON pg_namespace.oid = target.schema
    WHERE edge.named
    UNION ALL
    SELECT 'pg_namespace'::regclass, pg_namespace.oid, 'schema',
           'schema ' || quote_ident(nspname), 'USAGE', ARRAY[pg_get_userbyid(node_owner.oid)],
           node.label || ' → a foreign key'
    FROM unnest(nodes) node JOIN pg_namespace ON pg_namespace.oid = node.schema
    JOIN pg_constraint ON contype = 'f' AND node.objid IN (conrelid, confrelid)
    CROSS JOIN LATERAL (SELECT relowner AS oid FROM pg_class WHERE oid = node.objid) node_owner
    WHERE node.classid = 'pg_class'::regclass AND node.disposition = 'transfer'
)
SELECT used.classid, used.objid, used.kind, used.label, used.privilege, old,
       min(used.path COLLATE "C") AS path, count(DISTINCT used.path) - 1 AS more
FROM used CROSS JOIN LATERAL unnest(used.owners) old
-- Of a schema of the application's precondition 8 says that it has to be transferred.
WHERE NOT (used.kind = 'schema' AND EXISTS (
    SELECT 1 FROM pg_namespace WHERE oid = used.objid AND (
        nspowner IN (SELECT app.oid FROM app)
        OR nspowner = 'pg_database_owner'::regrole
           AND EXISTS (SELECT 1 FROM pg_database WHERE datname = current_database()
                       AND datdba IN (SELECT app.oid FROM app)))))
GROUP BY used.classid, used.objid, used.kind, used.label, used.privilege, old
$asked_of_others$;

CREATE FUNCTION qt001_cp.lack_findings(
    manifest text, nodes qt001_cp.graph_node[], needs qt001_cp.run_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $lack_findings$
-- What is asked of others, and the owner of before holds, and the new one will not.
WITH asked AS MATERIALIZED (
    SELECT * FROM qt001_cp.asked_of_others(manifest, nodes, needs)
), planned AS MATERIALIZED (
    SELECT object.kind || ' ' || object.identity AS label, entry ->> 2 AS privilege,
           entry ->> 4 AS column_name
    FROM qt001_cp.manifest_object(manifest) object
    CROSS JOIN LATERAL qt001_cp.every_entry(object.after -> 'acl', object.after -> 'columns') entry
    WHERE entry ->> 1 = 'qt001_cp_owner'
), missing AS (
    SELECT asked.*,
           CASE WHEN asked.classid = 'pg_class'::regclass AND asked.kind <> 'sequence'
                     AND asked.privilege NOT IN ('DELETE', 'TRUNCATE')
                THEN qt001_cp.lacking_columns(
                    asked.old, new, asked.objid, asked.privilege, ARRAY(
                        SELECT planned.column_name FROM planned
                        WHERE (planned.label, planned.privilege) = (asked.label, asked.privilege)
                          AND planned.column_name IS NOT NULL)) END AS columns
    FROM asked CROSS JOIN qt001_cp.owner_after() new
    WHERE NOT qt001_cp.holds(new, asked.classid, asked.objid, asked.kind, asked.privilege, true)
      AND (asked.label, asked.privilege) NOT IN (
          SELECT label, privilege FROM planned WHERE column_name IS NULL)
      AND asked.old IN (SELECT rolname FROM pg_roles)
      AND qt001_cp.holds(asked.old, asked.classid, asked.objid, asked.kind, asked.privilege, false)
), lacking AS (
    SELECT missing.label, missing.kind, missing.path, missing.more,
           missing.privilege || coalesce(' (' || (
               SELECT string_agg(quote_ident(column_name), ', ')
               FROM unnest(missing.columns) column_name) || ')', '') AS privilege
    FROM missing WHERE missing.columns IS DISTINCT FROM '{}'
)
SELECT 'QT114', lacking.label,
       string_agg(DISTINCT lacking.privilege, ', ') || ' for qt001_cp_owner',
       'none after the cutover; needed by ' || min(lacking.path)
           || CASE WHEN max(lacking.more) > 0
                   THEN format(', and %s more', max(lacking.more)) ELSE '' END,
       format('GRANT %s ON %s %s TO qt001_cp_owner; -- then generate and seal again; or lend it in '
              'the policy: disposition = "lend"',
              string_agg(DISTINCT lacking.privilege, ', '),
              coalesce(kind.grant_noun, upper(lacking.kind)),
              substr(lacking.label, length(lacking.kind) + 2))
FROM lacking LEFT JOIN qt001_cp.object_kind kind ON kind.kind = lacking.kind
GROUP BY lacking.label, lacking.kind, kind.grant_noun
$lack_findings$;

CREATE FUNCTION qt001_cp.mapping_findings(
    manifest text, nodes qt001_cp.graph_node[], needs qt001_cp.run_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $mapping_findings$
-- A foreign table is read with the user mapping of whoever reads it, a view's owner among them.
WITH read AS MATERIALIZED (
    -- owner: who reads it before the cutover, itself or as a view's owner.
    SELECT node.objid, node.label, pg_get_userbyid(pg_class.relowner) AS owner
    FROM unnest(nodes) node JOIN pg_class ON pg_class.oid = node.objid
    WHERE node.kind = 'foreign table' AND node.disposition = 'transfer'
    UNION
    SELECT node.objid, node.label, old
    FROM unnest(needs) edge JOIN unnest(nodes) node ON node.number = edge.target
    CROSS JOIN LATERAL unnest(edge.owners) old
    WHERE node.kind = 'foreign table' AND 'SELECT' = ANY (edge.asked)
)
SELECT 'QT114', format('server %I', srvname), 'a user mapping for qt001_cp_owner',
       format('one for %s only, and %s is read with it', read.owner, min(read.label)),
       format('CREATE USER MAPPING FOR qt001_cp_owner SERVER %I OPTIONS (…); -- as the server''s '
              'owner, with the options of that for %s; then generate and seal again',
              srvname, read.owner)
FROM read JOIN pg_foreign_table ON ftrelid = read.objid
JOIN pg_foreign_server ON pg_foreign_server.oid = ftserver
WHERE EXISTS (SELECT 1 FROM pg_user_mappings mapping
              WHERE mapping.srvid = ftserver AND mapping.usename = read.owner)
  AND NOT EXISTS (SELECT 1 FROM pg_user_mappings mapping
                  WHERE mapping.srvid = ftserver
                    AND (mapping.umuser = 0 OR mapping.usename = 'qt001_cp_owner'))
GROUP BY srvname, read.owner
$mapping_findings$;

CREATE FUNCTION qt001_cp.asked_policies(role name, relation oid, owner name) RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $asked_policies$
-- The policies that decide what a role sees of a relation with row security, whose owner it is or
-- has the rights of where the last argument says so; NULL: it passes by.
SELECT CASE
    WHEN who.rolsuper OR who.rolbypassrls THEN NULL
    WHEN NOT pg_class.relforcerowsecurity
         AND (owner = role OR who.oid IS NOT NULL AND to_regrole(quote_ident(owner)) IS NOT NULL
              AND pg_has_role(who.oid, owner, 'USAGE')) THEN NULL
    ELSE ARRAY(SELECT pg_policy.oid FROM pg_policy
               WHERE polrelid = relation AND EXISTS (
                   SELECT 1 FROM unnest(polroles) named(oid)
                   WHERE CASE WHEN named.oid = 0 THEN true
                              WHEN who.oid IS NULL THEN false
                              ELSE pg_has_role(who.oid, named.oid, 'USAGE') END)
               ORDER BY pg_policy.oid) END
FROM pg_class LEFT JOIN pg_roles who ON who.rolname = role WHERE pg_class.oid = relation
$asked_policies$;

CREATE FUNCTION qt001_cp.asks_who(words text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $asks_who$
-- Whether code asks who runs it, or what a role may; not in comments, texts and quoted names.
SELECT regexp_replace(
           words, '''(?:[^'']|'''')*''|"[^"]*"|--[^\n]*|/[*](?:[^*]|[*]+[^*/])*[*]+/|[.]\s*user\M',
           ' ', 'g')
       ~* ('\m(current_user|session_user|current_role|user|system_user|pg_has_role'
           '|has_[a-z_]+_privilege)\M')
$asks_who$;

CREATE FUNCTION qt001_cp.row_security_findings(
    manifest text, nodes qt001_cp.graph_node[], needs qt001_cp.run_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET quote_all_identifiers = off
SET jit = off
AS $row_security_findings$
-- Relations with row security that the new owner reads or writes, or that the application goes on
-- reading by what the policy keeps: the policies that decide are other ones afterwards, and rows
-- vanish without an error.
WITH relation AS MATERIALIZED (
    SELECT node.number, node.label, node.objid, node.disposition IS NOT DISTINCT FROM 'transfer'
           AS moved, pg_get_userbyid(pg_class.relowner) AS owner
    FROM unnest(nodes) node JOIN pg_class ON pg_class.oid = node.objid AND pg_class.relrowsecurity
    WHERE node.classid = 'pg_class'::regclass
), change AS (
    -- Who asks before, who after, and as whose table.
    SELECT relation.*, edge.old, 'qt001_cp_owner'::name AS new, edge.path
    FROM relation CROSS JOIN LATERAL (
        SELECT old, min(source.label || edge.label || relation.label) AS path
        FROM unnest(needs) edge JOIN unnest(nodes) source ON source.number = edge.source
        CROSS JOIN LATERAL unnest(edge.owners) old
        WHERE edge.target = relation.number AND 'SELECT' = ANY (edge.asked) GROUP BY old) edge
    WHERE qt001_cp.holds(edge.old, 'pg_class'::regclass, relation.objid, 'table', 'SELECT', false)
    UNION ALL
    SELECT relation.*, app.name, app.name, 'what the policy keeps for ' || app.name
    FROM relation
    CROSS JOIN (SELECT qt001_cp.document_json(manifest) ->> 'application' AS name) app
    JOIN qt001_cp.manifest_object(manifest) object
      ON object.kind || ' ' || object.identity = relation.label
    WHERE relation.moved AND EXISTS (
        SELECT 1 FROM jsonb_array_elements(object.after -> 'acl') entry
        WHERE entry ->> 1 = app.name)
), asked AS (
    SELECT change.*,
           qt001_cp.asked_policies(change.old::name, change.objid, change.owner) AS before,
           qt001_cp.asked_policies(change.new::name, change.objid,
                                   CASE WHEN change.moved THEN 'qt001_cp_owner'
                                        ELSE change.owner END) AS after
    FROM change
), said AS (
    SELECT asked.*, (
        SELECT string_agg(quote_ident(polname), ', ' ORDER BY polname) FROM pg_policy
        WHERE pg_policy.oid = ANY (asked.before) AND pg_policy.oid <> ALL (asked.after)) AS lost,
        (SELECT string_agg(format('ALTER POLICY %I ON %s TO %s, %I;', polname,
                                  substr(asked.label, 7), (
                               SELECT string_agg(quote_ident(pg_get_userbyid(named)), ', ')
                               FROM unnest(polroles) named), asked.new), ' ' ORDER BY polname)
         FROM pg_policy WHERE pg_policy.oid = ANY (asked.before)
                          AND pg_policy.oid <> ALL (asked.after)) AS alter,
        (SELECT string_agg(quote_ident(polname), ', ' ORDER BY polname) FROM pg_policy
         WHERE pg_policy.oid = ANY (asked.after)) AS decides
    FROM asked WHERE asked.before IS DISTINCT FROM asked.after
)
SELECT 'QT114', 'row security of ' || said.label,
       format('%s sees the rows that %s saw', said.new, said.old),
       CASE WHEN said.after IS NULL THEN 'all rows afterwards: no policy is asked any more'
            WHEN said.before IS NULL THEN 'no policy was asked before; afterwards '
                || coalesce('those of policy ' || said.decides, 'none at all')
            ELSE coalesce('policy ' || said.lost || ' is not asked any more',
                          'afterwards those of policy ' || said.decides) END
           || '; needed by ' || said.path,
       CASE WHEN said.lost IS NOT NULL
            THEN said.alter || ' -- as the table''s owner; then generate and seal again'
            ELSE format('CREATE POLICY … ON %s TO %I USING (…); -- as the table''s owner; then '
                        'generate and seal again', substr(said.label, 7), said.new) END
FROM said
$row_security_findings$;

CREATE FUNCTION qt001_cp.asking_policy_findings(
    manifest text, nodes qt001_cp.graph_node[], needs qt001_cp.run_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
{wording}
SET jit = off
AS $asking_policy_findings$
-- A policy that asks who reads, where the old owner reads before and the new one afterwards: other
-- rows, and no error. One that names the new owner has thought of it.
WITH policy AS MATERIALIZED (
    SELECT node.number, node.label, node.objid, node.disposition IS NOT DISTINCT FROM 'transfer'
           AS moved, pg_get_userbyid(pg_class.relowner) AS owner, pg_policy.oid, polname,
           concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
           AS words
    FROM unnest(nodes) node JOIN pg_class ON pg_class.oid = node.objid AND relrowsecurity
    JOIN pg_policy ON polrelid = node.objid
    WHERE node.classid = 'pg_class'::regclass
)
SELECT 'QT114', format('policy %I on %s', policy.polname, policy.label),
       format('a policy that shows qt001_cp_owner the rows that %s saw', old),
       format('one that asks who reads; needed by %s', min(source.label || edge.label
                                                           || policy.label)),
       format('ALTER POLICY %I ON %s USING (… OR current_user = ''qt001_cp_owner''); -- as the '
              'table''s owner; then generate and seal again',
              policy.polname, substr(policy.label, length('table ') + 1))
FROM unnest(needs) edge JOIN unnest(nodes) source ON source.number = edge.source
JOIN policy ON policy.number = edge.target
CROSS JOIN LATERAL unnest(edge.owners) old
WHERE edge.running AND 'SELECT' = ANY (edge.asked) AND qt001_cp.asks_who(policy.words)
  AND strpos(policy.words, 'qt001_cp_owner') = 0
  AND policy.oid = ANY (qt001_cp.asked_policies(old, policy.objid, policy.owner))
  AND policy.oid = ANY (qt001_cp.asked_policies(
          'qt001_cp_owner', policy.objid,
          CASE WHEN policy.moved THEN 'qt001_cp_owner' ELSE policy.owner END))
GROUP BY policy.polname, policy.label, old
$asking_policy_findings$;

CREATE FUNCTION qt001_cp.node_expression(nodes qt001_cp.graph_node[])
RETURNS TABLE (number int, part text, words text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
{wording}
SET jit = off
AS $node_expression$
-- The code of what is transferred, as it is written down: bodies, views, defaults, checks, those of
-- the domains of columns, policies, rules, conditions of triggers, expressions of indexes.
WITH moved AS MATERIALIZED (
    SELECT node.number, node.classid, node.objid, node.kind
    FROM unnest(nodes) node WHERE node.disposition = 'transfer'
), relation AS MATERIALIZED (
    SELECT moved.number, moved.objid, moved.kind FROM moved
    WHERE moved.classid = 'pg_class'::regclass
), domain AS MATERIALIZED (
    SELECT moved.number, moved.objid AS type FROM moved WHERE moved.classid = 'pg_type'::regclass
    UNION
    SELECT relation.number, atttypid FROM relation
    JOIN pg_attribute ON attrelid = relation.objid AND attnum > 0 AND NOT attisdropped
)
SELECT moved.number, 'its body', CASE WHEN prosqlbody IS NULL THEN prosrc
                                      ELSE pg_get_function_sqlbody(pg_proc.oid) END
FROM moved JOIN pg_proc ON moved.classid = 'pg_proc'::regclass AND pg_proc.oid = moved.objid
WHERE prokind <> 'a'
UNION ALL
SELECT relation.number, 'its query', pg_get_viewdef(relation.objid) FROM relation
WHERE relation.kind IN ('view', 'materialized view')
UNION ALL
SELECT relation.number, 'the default of column ' || quote_ident(attname), pg_get_expr(adbin, 0)
FROM relation JOIN pg_attrdef ON adrelid = relation.objid
JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum AND attgenerated = ''
UNION ALL
SELECT relation.number, 'check ' || quote_ident(conname), pg_get_constraintdef(pg_constraint.oid)
FROM relation JOIN pg_constraint ON conrelid = relation.objid AND contype = 'c'
UNION ALL
SELECT domain.number, format('check %I of domain %s', conname, format_type(contypid, NULL)),
       pg_get_constraintdef(pg_constraint.oid)
FROM domain JOIN pg_constraint ON contypid = domain.type AND contype = 'c'
UNION ALL
SELECT domain.number, 'the default of domain ' || format_type(pg_type.oid, NULL),
       pg_get_expr(typdefaultbin, 0)
FROM domain JOIN pg_type ON pg_type.oid = domain.type AND typtype = 'd'
     AND typdefaultbin IS NOT NULL
UNION ALL
SELECT relation.number, 'policy ' || quote_ident(polname),
       concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM relation JOIN pg_policy ON polrelid = relation.objid
UNION ALL
SELECT relation.number, 'rule ' || quote_ident(rulename), pg_get_ruledef(pg_rewrite.oid)
FROM relation JOIN pg_rewrite ON ev_class = relation.objid AND ev_type <> '1'
UNION ALL
SELECT relation.number, 'trigger ' || quote_ident(tgname), pg_get_triggerdef(pg_trigger.oid)
FROM relation JOIN pg_trigger ON tgrelid = relation.objid AND tgqual IS NOT NULL
UNION ALL
SELECT relation.number, 'an index', pg_get_indexdef(indexrelid)
FROM relation JOIN pg_index ON indrelid = relation.objid
WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
$node_expression$;

CREATE FUNCTION qt001_cp.role_questions(
    manifest text, nodes qt001_cp.graph_node[], edges qt001_cp.run_edge[], acting int[])
RETURNS TABLE (label text, asking text, comparing text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $role_questions$
-- What is transferred and asks who runs it, or what somebody may. asking: the parts that do.
-- comparing: the parts that hold the application's name as a text, of itself or of a table that it
-- reaches, where it runs as the new owner; NULL: none.
WITH app AS MATERIALIZED (
    SELECT qt001_cp.document_json(manifest) ->> 'application' AS name
), part AS MATERIALIZED (
    SELECT expression.number, expression.part,
           qt001_cp.asks_who(expression.words) AS asks,
           strpos(expression.words, quote_literal(app.name)) > 0
           OR strpos(expression.words, '''' || quote_ident(app.name) || '''') > 0 AS compares
    FROM app CROSS JOIN qt001_cp.node_expression(nodes) expression
), node AS MATERIALIZED (
    SELECT node.number, node.label,
           string_agg(part.part, ', ' ORDER BY part.part) FILTER (WHERE part.asks) AS asking,
           string_agg(part.part, ', ' ORDER BY part.part) FILTER (WHERE part.compares) AS comparing
    FROM part JOIN unnest(nodes) node ON node.number = part.number
    WHERE part.asks OR part.compares
    GROUP BY node.number, node.label
)
SELECT asker.label, asker.asking,
       CASE WHEN asker.number = ANY (acting) THEN nullif(concat_ws(', ', asker.comparing, (
           SELECT string_agg(format('%s of %s', table_node.comparing, table_node.label), ', ')
           FROM node table_node
           WHERE table_node.comparing IS NOT NULL AND table_node.number IN (
               SELECT edge.target FROM unnest(edges) edge WHERE edge.source = asker.number
                  AND edge.label = ' → writes '))), '') END
FROM node asker WHERE asker.asking IS NOT NULL
$role_questions$;

CREATE FUNCTION qt001_cp.reader_findings(
    manifest text, nodes qt001_cp.graph_node[], edges qt001_cp.run_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $reader_findings$
-- A view's functions run as its reader: whoever reads it, or writes a table with such a default,
-- check or policy, has to go on holding EXECUTE of what is transferred.
WITH object AS MATERIALIZED (
    SELECT node.number, node.objid, entry.kind || ' ' || entry.identity AS label, entry.kind,
           entry.after -> 'acl' AS acl
    FROM qt001_cp.manifest_object(manifest) entry
    JOIN unnest(nodes) node ON node.label = entry.kind || ' ' || entry.identity
    WHERE entry.disposition = 'transfer'
), use AS (
    SELECT DISTINCT user_entry ->> 1 AS role, source.label AS source, target.label, target.objid,
           target.acl, target.kind
    FROM unnest(edges) edge
    JOIN object source ON source.number = edge.source AND source.kind IN ('view', 'table')
    JOIN object target ON target.number = edge.target AND target.kind IN ('function', 'aggregate')
    CROSS JOIN LATERAL jsonb_array_elements(source.acl) user_entry
    WHERE 'EXECUTE' = ANY (edge.asked) AND user_entry ->> 1 <> 'qt001_cp_owner'
      AND user_entry ->> 2 = CASE source.kind WHEN 'view' THEN 'SELECT' ELSE 'INSERT' END
)
SELECT 'QT114', use.label, 'EXECUTE for ' || use.role,
       format('none after the cutover; %s runs it as whoever uses it, and that is %s', use.source,
              use.role),
       format('Let the rule of the policy that transfers it keep it: keep = [{ grantee = "%s", '
              'privileges = ["EXECUTE"] }]; or grant it to %s by name, then generate and seal '
              'again.',
              CASE WHEN use.role = app.name THEN 'application' ELSE 'public' END, use.role)
FROM use CROSS JOIN (SELECT qt001_cp.document_json(manifest) ->> 'application' AS name) app
WHERE has_function_privilege(use.role::name, use.objid, 'EXECUTE')
  AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(use.acl) entry
      WHERE entry ->> 2 = 'EXECUTE'
        AND (entry ->> 1 IS NULL OR entry ->> 1 IN (SELECT qt001_cp.member_of(use.role::name))))
$reader_findings$;

CREATE FUNCTION qt001_cp.third_role_needs(
    manifest text, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[])
RETURNS TABLE (source text, role name, as_owner boolean, classid oid, objid oid, kind text,
               label text, after jsonb, privilege text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $third_role_needs$
-- What stays with a third role and uses what is transferred, and with whose rights: its owner's a
-- view, a materialized view, a SECURITY DEFINER routine; those of whoever reads or writes it the
-- functions of a view, the defaults, checks and trigger functions of a table, and what these call.
WITH RECURSIVE app AS MATERIALIZED (
    SELECT qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) AS oid
), moved AS MATERIALIZED (
    SELECT node.number, node.classid, node.objid, node.kind, node.label, object.after
    FROM qt001_cp.manifest_object(manifest) object
    JOIN unnest(nodes) node ON node.label = object.kind || ' ' || object.identity
    WHERE object.disposition = 'transfer'
), staying AS MATERIALIZED (
    SELECT node.number, node.label, node.kind, coalesce(relowner, proowner) AS owner, relacl,
           coalesce(prosecdef, false) OR relkind = 'm' OR relkind = 'v' AND NOT coalesce((
               SELECT option_value::boolean FROM pg_options_to_table(reloptions)
               WHERE option_name = 'security_invoker'), false) AS for_owner,
           node.kind IN ('function', 'procedure', 'aggregate') AND NOT prosecdef AS for_caller,
           prosqlbody IS NOT NULL AS parsed
    FROM unnest(nodes) node
    LEFT JOIN pg_class ON node.classid = 'pg_class'::regclass AND pg_class.oid = node.objid
    LEFT JOIN pg_proc ON node.classid = 'pg_proc'::regclass AND pg_proc.oid = node.objid
    WHERE node.disposition IS DISTINCT FROM 'transfer' AND NOT node.owned
      AND coalesce(relowner, proowner) IS NOT NULL
), step AS MATERIALIZED (
    SELECT edge.source, edge.target, btrim(regexp_replace(edge.label, '^ → |( →)? $', '', 'g'))
               AS reason
    FROM unnest(edges) edge
), used(number, role, as_owner) AS (
    SELECT staying.number, staying.owner, true FROM staying WHERE staying.for_owner
    UNION
    SELECT staying.number, user_of.role, false
    FROM staying CROSS JOIN LATERAL (
        SELECT staying.owner
        UNION
        SELECT entry.grantee FROM aclexplode(staying.relacl) entry
        WHERE entry.privilege_type = ANY (CASE staying.kind WHEN 'view' THEN '{SELECT}'
                                          ELSE '{INSERT,UPDATE,DELETE}' END::text[])) user_of(role)
    WHERE staying.kind IN ('view', 'table', 'foreign table')
    UNION
    -- A function of a view runs as its reader, what a routine calls as itself does.
    SELECT callee.number, used.role, false
    FROM used JOIN staying ON staying.number = used.number
    JOIN step ON step.source = used.number
    JOIN staying callee ON callee.number = step.target AND callee.for_caller
    WHERE NOT (used.as_owner AND staying.kind = 'view')
)
SELECT DISTINCT staying.label, role.rolname, used.as_owner, moved.classid, moved.objid, moved.kind,
       moved.label, moved.after, need.privilege
FROM used JOIN staying ON staying.number = used.number
JOIN pg_roles role ON role.oid = used.role AND NOT role.rolsuper
JOIN step ON step.source = used.number JOIN moved ON moved.number = step.target
CROSS JOIN LATERAL unnest(qt001_cp.asked_privileges(
    -- What a parsed body uses, the catalogs know; with which verb they do not.
    CASE WHEN staying.parsed AND step.reason = 'its definition' THEN 'writes' ELSE step.reason END,
    moved.kind, EXISTS (
        SELECT 1 FROM aclexplode(staying.relacl) entry
        WHERE entry.grantee <> staying.owner
          AND entry.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')))) need(privilege)
WHERE used.role NOT IN (SELECT app.oid FROM app)
  AND (staying.kind <> 'view'
       OR used.as_owner = (moved.kind NOT IN ('function', 'aggregate')))
$third_role_needs$;

CREATE FUNCTION qt001_cp.third_role_findings(
    manifest text, nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[])
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $third_role_findings$
-- Of these what a role holds today through PUBLIC or the application alone: the plan takes it from
-- both.
WITH asked AS MATERIALIZED (
    SELECT need.* FROM qt001_cp.third_role_needs(manifest, nodes, edges) need
), left_to AS (
    -- What the role will hold by name, or still through PUBLIC; of a column: on that one.
    SELECT asked.*, ARRAY(
        SELECT coalesce(entry ->> 4, '') FROM qt001_cp.every_entry(
            asked.after -> 'acl', asked.after -> 'columns') entry
        WHERE entry ->> 2 = asked.privilege
          AND (entry ->> 1 IS NULL OR entry ->> 1 IN (
                  SELECT qt001_cp.member_of(asked.role)))) AS columns
    FROM asked
), lost AS (
    -- columns: NULL for the whole.
    SELECT left_to.*, CASE WHEN left_to.classid = 'pg_class'::regclass
           AND left_to.kind <> 'sequence' AND left_to.privilege NOT IN ('DELETE', 'TRUNCATE')
           AND NOT has_table_privilege(left_to.role, left_to.objid, left_to.privilege) THEN ARRAY(
               SELECT quote_ident(attname) FROM pg_attribute
               WHERE attrelid = left_to.objid AND attnum > 0 AND NOT attisdropped
                 AND has_column_privilege(left_to.role, attrelid, attnum, left_to.privilege)
                 AND attname::text <> ALL (left_to.columns)
               ORDER BY attnum) END AS gone
    FROM left_to
    WHERE '' <> ALL (left_to.columns) AND qt001_cp.holds(
        left_to.role, left_to.classid, left_to.objid, left_to.kind, left_to.privilege, false)
), worded AS (
    SELECT lost.source, lost.role, lost.as_owner, lost.kind, lost.label, string_agg(
               lost.privilege || coalesce(' (' || array_to_string(lost.gone, ', ') || ')', ''),
               ', ' ORDER BY lost.privilege) AS privileges
    FROM lost WHERE lost.gone IS DISTINCT FROM '{}'
    GROUP BY lost.source, lost.role, lost.as_owner, lost.kind, lost.label
)
SELECT 'QT114', worded.label, worded.privileges || ' for ' || worded.role,
       format('none after the cutover: the plan takes it from PUBLIC and from the application, and '
              '%s runs with the rights of %s, %s', worded.source, worded.role,
              CASE WHEN worded.as_owner THEN 'its owner' ELSE 'who uses it' END),
       format('GRANT %s ON %s %s TO %I; -- as its owner; then generate and seal again',
              worded.privileges, coalesce(kind.grant_noun, upper(worded.kind)),
              substr(worded.label, length(worded.kind) + 2), worded.role)
FROM worded LEFT JOIN qt001_cp.object_kind kind ON kind.kind = worded.kind
$third_role_findings$;

-- acting: the nodes that the new owner runs; all_edges: those of the others, too.
CREATE TYPE qt001_cp.run_graph AS (
    nodes qt001_cp.graph_node[], edges qt001_cp.run_edge[], acting int[],
    all_edges qt001_cp.graph_edge[]
);

CREATE FUNCTION qt001_cp.near_run(manifest text) RETURNS qt001_cp.run_graph
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $near_run$
-- What runs what, of all that is near.
DECLARE
    graph qt001_cp.graph := qt001_cp.near_graph(manifest);
    run qt001_cp.run_graph;
BEGIN
    run.nodes := graph.nodes;
    run.all_edges := graph.edges;
    run.edges := ARRAY(
        SELECT edge FROM qt001_cp.run_edges(manifest, graph.nodes, graph.edges) edge);
    run.acting := ARRAY(SELECT qt001_cp.running_nodes(run.nodes, run.edges));
    RETURN run;
END
$near_run$;

CREATE FUNCTION qt001_cp.new_owner_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $new_owner_findings$
-- Precondition 9: what would stop working, or would answer otherwise, because its owner is another.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    run qt001_cp.run_graph := qt001_cp.near_run(manifest);
    nodes qt001_cp.graph_node[] := run.nodes;
    edges qt001_cp.run_edge[] := run.edges;
    needs qt001_cp.run_edge[] := ARRAY(
        SELECT need FROM qt001_cp.run_needs(nodes, edges, run.acting) need);
BEGIN
    RETURN QUERY SELECT finding.* FROM qt001_cp.lack_findings(manifest, nodes, needs) finding;
    RETURN QUERY SELECT finding.* FROM qt001_cp.mapping_findings(manifest, nodes, needs) finding;
    RETURN QUERY
    SELECT finding.* FROM qt001_cp.row_security_findings(manifest, nodes, needs) finding;
    RETURN QUERY
    SELECT finding.* FROM qt001_cp.asking_policy_findings(manifest, nodes, needs) finding;
    RETURN QUERY SELECT finding.* FROM qt001_cp.reader_findings(manifest, nodes, edges) finding;
    RETURN QUERY
    SELECT finding.* FROM qt001_cp.third_role_findings(manifest, nodes, run.all_edges) finding;
    RETURN QUERY
    SELECT 'QT114'::text, question.label,
           format('no comparison of who runs it with %s, who will not', app),
           format('%s asks who runs it, and %s has the name of %s', question.asking,
                  question.comparing, app),
           format('Let it name qt001_cp_owner, or both, in place of %L; then generate and seal '
                  'again.', app)
    FROM qt001_cp.role_questions(manifest, nodes, edges, run.acting) question
    WHERE question.comparing IS NOT NULL;
END
$new_owner_findings$;

CREATE FUNCTION qt001_cp.new_owner_notes(manifest text) RETURNS TABLE (note text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $new_owner_notes$
-- What is not a finding, but somebody should know: what asks who runs it, and what stays with the
-- application and works with what goes.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    run qt001_cp.run_graph := qt001_cp.near_run(manifest);
BEGIN
    RETURN QUERY
    SELECT format('%s: %s asks who runs it, or what a role may: where the new owner runs it the '
                  'answer is qt001_cp_owner, no more %s.', question.label, question.asking, app)
    FROM qt001_cp.role_questions(manifest, run.nodes, run.edges, run.acting) question
    WHERE question.comparing IS NULL ORDER BY 1;
    RETURN QUERY
    SELECT format('%s %s stays with %s and %s: it stops working, unless the application reads a '
                  'curated view instead, the policy transfers it too, or it is rewritten.',
                  object.kind, object.identity, object.before ->> 'owner',
                  string_agg(format('%s %s %s', touched ->> 'verb', touched ->> 'kind',
                                    touched ->> 'identity'), ', ' ORDER BY touched ->> 'identity'))
    FROM qt001_cp.manifest_object(manifest) object
    CROSS JOIN LATERAL jsonb_array_elements(object.detail -> 'touches') touched
    WHERE object.disposition <> 'transfer'
    GROUP BY object.kind, object.identity, object.before ->> 'owner' ORDER BY 1;
END
$new_owner_notes$;
