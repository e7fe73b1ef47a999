-- Reachability in a graph of numbered nodes: linear in nodes and edges, one shortest path a node, never all paths.

CREATE FUNCTION qt001_cp.breadth_first(nodes int, edge_from int[], edge_to int[], roots int[], later int[], stop boolean[])
RETURNS int[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $breadth_first$
-- For each node the number of the edge by which it was first reached: 0 for a root, NULL where nothing reaches it.
-- edge_from is sorted. Where stop is true the walk ends. later: roots for what the first ones have not reached.
DECLARE
    via int[] := array_fill(NULL::int, ARRAY[greatest(nodes, 1)]);
    first int[] := via;
    queue int[] := via;
    edges int := coalesce(array_length(edge_from, 1), 0);
    head int := 1;
    tail int := 0;
    node int;
    edge int;
BEGIN
    FOR i IN REVERSE edges..1 LOOP
        first[edge_from[i]] := i;
    END LOOP;
    FOR round IN 1..2 LOOP
        FOREACH node IN ARRAY CASE round WHEN 1 THEN roots ELSE later END LOOP
            IF via[node] IS NULL THEN
                via[node] := 0;
                tail := tail + 1;
                queue[tail] := node;
            END IF;
        END LOOP;
        WHILE head <= tail LOOP
            node := queue[head];
            head := head + 1;
            edge := CASE WHEN stop[node] THEN NULL ELSE first[node] END;
            WHILE edge <= edges AND edge_from[edge] = node LOOP
                IF via[edge_to[edge]] IS NULL THEN
                    via[edge_to[edge]] := edge;
                    tail := tail + 1;
                    queue[tail] := edge_to[edge];
                END IF;
                edge := edge + 1;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN via;
END
$breadth_first$;

CREATE FUNCTION qt001_cp.walked_path(via int[], edge_from int[], edge_label text[], node_label text[], ends int[])
RETURNS TABLE (node int, path text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $walked_path$
-- The path from a root to each of the ends, in words.
WITH RECURSIVE step(goal, node, depth) AS (
    SELECT e, e, 0 FROM unnest(ends) e
    UNION ALL
    SELECT s.goal, edge_from[via[s.node]], s.depth + 1 FROM step s WHERE via[s.node] > 0
)
SELECT s.goal, string_agg(CASE WHEN via[s.node] > 0 THEN edge_label[via[s.node]] ELSE '' END || node_label[s.node], '' ORDER BY s.depth DESC)
FROM step s GROUP BY s.goal
$walked_path$;
