-- The graph of what runs, reads or goes with what, and the walk through it: linear in nodes and
-- edges, one shortest path a node, never all paths.

-- ownership: whose it is, in words. disposition: of the manifest; NULL where it does not name the
-- object. definer: a SECURITY DEFINER routine. owned: by the application role, or a role that it is
-- a member of. hostile: not transferred, and the application's own, or another role's relation that
-- the application or PUBLIC may change: its rows decide, cascade, or fire a trigger. runs: may run
-- the application's code, or has been looked at from there. lends: others run or read through it
-- with its owner's privileges, and that owner is neither the application nor ours. analysed: the
-- manifest says what its body, as it is today, reaches. held: the manifest retains it, or the
-- application or PUBLIC holds something on it now.
CREATE TYPE qt001_cp.graph_node AS (
    number int, classid oid, objid oid, kind text, label text, ownership text, schema oid,
    disposition text, definer boolean, owned boolean, hostile boolean, runs boolean, lends boolean,
    analysed boolean, held boolean
);

-- From an object to what it runs, reads, or goes with. label: in words, with an arrow on each side.
CREATE TYPE qt001_cp.graph_edge AS (number int, source int, target int, label text);

-- edge: the one by which the node was first reached; NULL where the walk began.
CREATE TYPE qt001_cp.graph_step AS (node int, edge int);

CREATE FUNCTION qt001_cp.breadth_first(
    nodes int, edges qt001_cp.graph_edge[], roots int[], later_roots int[], ends int[])
RETURNS SETOF qt001_cp.graph_step
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $breadth_first$
-- One step for each node that is reached. nodes: how many there are, numbered from 1. edges:
-- numbered from 1 in the order of their sources. later_roots: for what the roots have not reached.
-- The walk does not go on from the nodes in ends.
DECLARE
    source int[] := ARRAY(SELECT edge.source FROM unnest(edges) edge ORDER BY edge.number);
    target int[] := ARRAY(SELECT edge.target FROM unnest(edges) edge ORDER BY edge.number);
    edge_count int := cardinality(source);
    first_edge int[] := array_fill(NULL::int, ARRAY[greatest(nodes, 1)]);
    queue int[] := first_edge;
    is_end boolean[] := array_fill(false, ARRAY[greatest(nodes, 1)]);
    is_reached boolean[] := is_end;
    head int := 1;
    tail int := 0;
    node int;
    edge int;
BEGIN
    FOR number IN REVERSE edge_count..1 LOOP
        first_edge[source[number]] := number;
    END LOOP;
    FOREACH node IN ARRAY ends LOOP
        is_end[node] := true;
    END LOOP;
    FOR round IN 1..2 LOOP
        FOREACH node IN ARRAY CASE round WHEN 1 THEN roots ELSE later_roots END LOOP
            IF NOT is_reached[node] THEN
                is_reached[node] := true;
                tail := tail + 1;
                queue[tail] := node;
                RETURN NEXT (node, NULL::int);
            END IF;
        END LOOP;
        WHILE head <= tail LOOP
            node := queue[head];
            head := head + 1;
            edge := CASE WHEN is_end[node] THEN NULL ELSE first_edge[node] END;
            WHILE edge <= edge_count AND source[edge] = node LOOP
                IF NOT is_reached[target[edge]] THEN
                    is_reached[target[edge]] := true;
                    tail := tail + 1;
                    queue[tail] := target[edge];
                    RETURN NEXT (target[edge], edge);
                END IF;
                edge := edge + 1;
            END LOOP;
        END LOOP;
    END LOOP;
END
$breadth_first$;

CREATE FUNCTION qt001_cp.walked_path(
    nodes qt001_cp.graph_node[], edges qt001_cp.graph_edge[], walk qt001_cp.graph_step[],
    ends int[])
RETURNS TABLE (node int, path text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $walked_path$
-- The path from where the walk began to each of the ends, in words. Here as in all that reads the
-- graph nothing is joined row by row: the planner does not know how many rows an array has.
WITH RECURSIVE reached AS MATERIALIZED (
    SELECT step.node, step.edge, edge.source
    FROM unnest(walk) step LEFT JOIN unnest(edges) edge ON edge.number = step.edge
), back(goal, node, edge, source, depth) AS (
    SELECT goal, reached.node, reached.edge, reached.source, 0
    FROM unnest(ends) goal JOIN reached ON reached.node = goal
    UNION ALL
    SELECT back.goal, reached.node, reached.edge, reached.source, back.depth + 1
    FROM back JOIN reached ON reached.node = back.source
)
SELECT back.goal, string_agg(concat(edge.label, node.label), '' ORDER BY back.depth DESC)
FROM back JOIN unnest(nodes) node ON node.number = back.node
LEFT JOIN unnest(edges) edge ON edge.number = back.edge
GROUP BY back.goal
$walked_path$;
