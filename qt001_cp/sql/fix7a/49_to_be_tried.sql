-- What a no-go record has to try, object by object: all that a cutover protects; of a change what
-- it changes and what stands around that, and for the rest the earlier records count. docs/adr/0040

CREATE FUNCTION qt001_cp.record_of(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $record_of$
-- The no-go record of exactly this manifest that was imported last; NULL: none.
SELECT qt001_cp.document_json(event.detail ->> 'document')
FROM qt001_cp.event
WHERE event.verb = 'rehearsal_recorded' AND event.subject = manifest
ORDER BY event.seq DESC LIMIT 1
$record_of$;

CREATE FUNCTION qt001_cp.tried_case(record jsonb)
RETURNS TABLE (family text, name text, role text, object text, expected jsonb, sqlstate text,
               state_before text, state_after text, refused boolean)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $tried_case$
-- The cases of a no-go record. refused: for the right reason, and the state is unchanged.
SELECT entry ->> 'family', entry ->> 'name', entry ->> 'role', entry ->> 'object',
       entry -> 'expected', entry ->> 'sqlstate', entry ->> 'state_before', entry ->> 'state_after',
       coalesce(entry -> 'expected' @> to_jsonb(entry ->> 'sqlstate'), false)
           AND coalesce(entry ->> 'state_before', '') <> ''
           AND coalesce(entry ->> 'state_before' = entry ->> 'state_after', false)
FROM jsonb_array_elements(record -> 'cases') entry
$tried_case$;

CREATE FUNCTION qt001_cp.denied_role() RETURNS SETOF text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $denied_role$
-- Who has to be denied everything that the manifest does not leave him, each by a case of his own.
VALUES {denied_roles}
$denied_role$;

CREATE FUNCTION qt001_cp.denied_object(manifest text)
RETURNS TABLE (object text, says jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $denied_object$
-- The transferred objects that somebody can be denied, and what a denial rests on: what the object
-- is, its owner and its ACL, before FIX7c and after it.
SELECT entry.kind || ' ' || entry.identity, jsonb_build_array(
    entry.definition, entry.after, entry.retired, entry.curated, entry.detail, part.value)
FROM qt001_cp.manifest_object(manifest) entry
LEFT JOIN jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') part
ON part.value ->> 'identity' = entry.identity AND entry.kind IN ('function', 'procedure')
WHERE entry.disposition = 'transfer' AND entry.kind <> 'default acl'
$denied_object$;

CREATE FUNCTION qt001_cp.tried_before(manifest text) RETURNS TABLE (object text, says jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $tried_before$
-- What the records of the manifests before this one have tried, by every role and in vain, and as
-- what.
SELECT earlier.object, earlier.says
FROM qt001_cp.ancestry(manifest) line
CROSS JOIN LATERAL (
    SELECT tried.object FROM qt001_cp.tried_case(qt001_cp.record_of(line.digest)) tried
    WHERE tried.family = 'acl_denials'
    GROUP BY tried.object
    HAVING bool_and(tried.refused)
       AND array_agg(tried.role) @> ARRAY(SELECT qt001_cp.denied_role())) tried
JOIN LATERAL qt001_cp.denied_object(line.digest) earlier ON earlier.object = tried.object
WHERE line.number > 1
$tried_before$;

CREATE FUNCTION qt001_cp.around(manifest text, labels text[]) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $around$
-- These objects, what is protected and reaches them, and what is protected and reached by them, by
-- the graph of 42_reach_findings. Not through what others own: they would decide what is tried.
WITH RECURSIVE graph AS MATERIALIZED (
    SELECT near.nodes, near.edges FROM qt001_cp.near_graph(manifest) near
), node AS MATERIALIZED (
    SELECT node.number, node.label FROM graph CROSS JOIN LATERAL unnest(graph.nodes) node
    WHERE node.disposition = 'transfer' OR node.label = ANY (labels)
), step AS MATERIALIZED (
    SELECT way.here, way.there, way.down
    FROM graph CROSS JOIN LATERAL unnest(graph.edges) edge
    CROSS JOIN LATERAL (VALUES (edge.source, edge.target, true), (edge.target, edge.source, false))
        way(here, there, down)
), walked(number, down) AS (
    SELECT node.number, way.down FROM node CROSS JOIN (VALUES (true), (false)) way(down)
    WHERE node.label = ANY (labels)
    UNION
    SELECT node.number, walked.down
    FROM walked JOIN step ON step.here = walked.number AND step.down = walked.down
    JOIN node ON node.number = step.there
)
SELECT node.label FROM walked JOIN node USING (number)
$around$;

CREATE FUNCTION qt001_cp.to_be_tried(manifest text) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $to_be_tried$
-- The objects that the record of exactly this manifest has to try. All, of a manifest that was made
-- for a cutover or for another major version; of another successor what it protects otherwise than
-- its predecessor, what is around that, and what no earlier record has tried as what it is.
WITH whole AS MATERIALIZED (
    SELECT qt001_cp.predecessor(manifest) IS NULL OR qt001_cp.follows_server(manifest) AS said
), mine AS MATERIALIZED (
    SELECT denied.* FROM qt001_cp.denied_object(manifest) denied
), changed AS MATERIALIZED (
    SELECT object FROM mine
    FULL JOIN (SELECT denied.*
               FROM qt001_cp.denied_object(qt001_cp.predecessor(manifest)) denied) theirs
    USING (object)
    WHERE mine.says IS DISTINCT FROM theirs.says
), tried AS (
    SELECT earlier.object, earlier.says FROM whole
    CROSS JOIN LATERAL qt001_cp.tried_before(manifest) earlier WHERE NOT whole.said
), near AS (
    SELECT around.object FROM whole
    CROSS JOIN LATERAL qt001_cp.around(manifest, ARRAY(SELECT changed.object FROM changed))
        around(object)
    WHERE NOT whole.said
)
SELECT mine.object FROM mine CROSS JOIN whole
WHERE whole.said
   OR mine.object IN (SELECT changed.object FROM changed)
   OR mine.object IN (SELECT near.object FROM near)
   OR NOT EXISTS (SELECT 1 FROM tried
                  WHERE tried.object = mine.object AND tried.says = mine.says)
$to_be_tried$;
