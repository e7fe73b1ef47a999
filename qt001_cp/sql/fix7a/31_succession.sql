-- Successors: object manifests that are deployed in the place of another by a change of what is
-- protected, while it stays protected (docs/adr/0032).

CREATE FUNCTION qt001_cp.is_successor(manifest text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $is_successor$
SELECT coalesce(qt001_cp.document_json(manifest) ? 'succession', false)
$is_successor$;

CREATE FUNCTION qt001_cp.predecessor(manifest text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $predecessor$
SELECT qt001_cp.document_json(manifest) #>> '{succession,predecessor}'
$predecessor$;

CREATE FUNCTION qt001_cp.change_of(manifest text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $change_of$
-- The document of the change that brings a successor; NULL for a manifest of a cutover.
SELECT qt001_cp.document_json(manifest) #>> '{succession,change}'
$change_of$;

CREATE FUNCTION qt001_cp.ancestry(manifest text) RETURNS TABLE (number int, digest text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ancestry$
-- The manifest, the one before it, and so on to the one that was made for a cutover. A digest is in
-- no document that it is the digest of: the line has an end.
WITH RECURSIVE line(number, digest) AS (
    SELECT 1, manifest
    UNION ALL
    SELECT line.number + 1, earlier.digest
    FROM line CROSS JOIN LATERAL qt001_cp.predecessor(line.digest) earlier(digest)
    WHERE earlier.digest IS NOT NULL
)
SELECT line.number, line.digest FROM line
$ancestry$;

CREATE FUNCTION qt001_cp.follows_server(manifest text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $follows_server$
-- Whether a successor is its predecessor on another major version of the server.
SELECT coalesce(mine.head -> 'server_major' <> theirs.head -> 'server_major', false)
FROM qt001_cp.document_json(manifest) mine(head)
CROSS JOIN qt001_cp.document_json(qt001_cp.predecessor(manifest)) theirs(head)
$follows_server$;

CREATE FUNCTION qt001_cp.server_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $server_findings$
-- On another major version everything is what it was, word by word of that version: the same
-- objects, owners, ACLs and ways back, the same policy, and a text that does nothing.
WITH side AS MATERIALIZED (
    SELECT said.mine, entry.object - '{definition,storage}'::text[] AS object,
           (entry.object ->> 'kind') || ' ' || (entry.object ->> 'identity') AS name
    FROM (VALUES (server_findings.manifest, true),
                 (qt001_cp.predecessor(server_findings.manifest), false)) said(digest, mine)
    JOIN qt001_cp.manifest_row entry ON entry.manifest = said.digest
)
SELECT 'QT103', coalesce(mine.name, theirs.name),
       'as in predecessor ' || qt001_cp.predecessor(server_findings.manifest)
           || ', but for its definition', 'another',
       'Let the author make it again: qt001-cp change prepare'
FROM (SELECT side.* FROM side WHERE side.mine) mine
FULL JOIN (SELECT side.* FROM side WHERE NOT side.mine) theirs ON theirs.name = mine.name
WHERE mine.object IS DISTINCT FROM qt001_cp.settled(theirs.object)
UNION ALL
SELECT 'QT103', 'manifest ' || server_findings.manifest,
       'one that says nothing but its server_major otherwise than its predecessor', 'another',
       'Let the author make it again: qt001-cp change prepare'
FROM qt001_cp.document_json(server_findings.manifest) mine(head)
CROSS JOIN qt001_cp.document_json(qt001_cp.predecessor(server_findings.manifest)) theirs(head)
WHERE mine.head - '{server_major,succession}'::text[]
      IS DISTINCT FROM theirs.head - '{server_major,succession}'::text[]
UNION ALL
SELECT 'QT103', 'change ' || (change.head ->> 'revision'),
       'a text that does nothing, as the server has moved: SELECT pg_catalog.version();',
       left(change.head ->> way.name, 200),
       'An upgrade and a change are two changes: qt001-cp change new NAME --server'
FROM qt001_cp.document_json(qt001_cp.change_of(server_findings.manifest)) change(head)
CROSS JOIN (VALUES ('forward'), ('back')) way(name)
WHERE regexp_replace(change.head ->> way.name, '^\s*--.*$\n?', '', 'gn')
      <> 'SELECT pg_catalog.version();' || chr(10)
$server_findings$;

CREATE FUNCTION qt001_cp.inherited_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $inherited_findings$
-- What a successor may not say otherwise than its predecessor: what the owner's text cannot change,
-- and what the way back goes to.
WITH side AS MATERIALIZED (
    SELECT said.mine, entry.object, entry.object ->> 'kind' AS kind,
           entry.object ->> 'identity' AS identity
    FROM (VALUES (inherited_findings.manifest, true),
                 (qt001_cp.predecessor(inherited_findings.manifest), false)) said(digest, mine)
    JOIN qt001_cp.manifest_row entry ON entry.manifest = said.digest
), heir AS MATERIALIZED (
    SELECT rule.value ->> 'back_to' AS name
    FROM jsonb_array_elements(
        qt001_cp.manifest_policy(inherited_findings.manifest) -> 'rule') rule
    WHERE rule.value ? 'back_to'
), pair AS (
    SELECT coalesce(mine.kind, theirs.kind) || ' ' || coalesce(mine.identity, theirs.identity)
               AS object, mine.object AS mine, theirs.object AS theirs
    FROM (SELECT side.* FROM side WHERE side.mine) mine
    FULL JOIN (SELECT side.* FROM side WHERE NOT side.mine) theirs
    ON theirs.kind = mine.kind AND theirs.identity = mine.identity
), fault AS (
    -- What the change moves is a matter of move_intent_findings().
    SELECT pair.object, CASE
        WHEN pair.mine -> 'ways' ?| '{move,unmove}' THEN NULL
        WHEN pair.theirs IS NULL THEN CASE
            WHEN pair.mine ->> 'disposition' <> 'transfer'
              OR pair.mine #>> '{after,owner}' IS DISTINCT FROM 'qt001_cp_owner'
              OR pair.mine -> 'retired' <> 'null'
              OR (CASE WHEN pair.mine #>> '{before,owner}' = 'qt001_cp_owner'
                       THEN pair.mine -> 'ways' = '{}'
                       ELSE pair.mine #>> '{before,owner}' IN (SELECT heir.name FROM heir)
                        AND (pair.mine -> 'ways') - 'restore' = '{}' END) IS NOT TRUE
            THEN 'an object born since, which qt001_cp_owner has before and after, without steps, '
                 'or before whom a rule of the policy names (back_to), with a way back alone'
            END
        WHEN pair.theirs ->> 'disposition' <> 'transfer' THEN CASE
            WHEN pair.mine IS DISTINCT FROM qt001_cp.settled(pair.theirs)
            THEN 'an object that no change touches' END
        WHEN pair.mine IS NOT NULL THEN CASE
            WHEN pair.mine ->> 'disposition' <> 'transfer'
              OR pair.mine -> 'before' IS DISTINCT FROM pair.theirs -> 'before'
              OR pair.mine -> 'retired' IS DISTINCT FROM pair.theirs -> 'retired'
            THEN 'disposition, before and retired' END END AS part
    FROM pair
)
SELECT 'QT103', fault.object, fault.part || ' as in predecessor '
           || qt001_cp.predecessor(inherited_findings.manifest), 'another',
       'Let the author make it again: qt001-cp change prepare'
FROM fault
WHERE fault.part IS NOT NULL AND NOT qt001_cp.follows_server(inherited_findings.manifest)
UNION ALL
SELECT 'QT103', part.name || ' of manifest ' || inherited_findings.manifest,
       left(coalesce(theirs.head -> part.name, 'null')::text, 200),
       left(coalesce(mine.head -> part.name, 'null')::text, 200),
       'Let the author make it again: qt001-cp change prepare'
FROM qt001_cp.document_json(inherited_findings.manifest) mine(head)
CROSS JOIN qt001_cp.document_json(qt001_cp.predecessor(inherited_findings.manifest)) theirs(head)
CROSS JOIN unnest('{database,application,apply_path,blocked,legacy}'::text[])
    part(name)
WHERE mine.head -> part.name IS DISTINCT FROM theirs.head -> part.name
UNION ALL
-- Without FIX7c the same routines are in force with the same sources.
SELECT 'QT103', 'repoint of manifest ' || inherited_findings.manifest,
       'the routines of its predecessor, with their sources from before FIX7c', 'others',
       'Let the author make it again: qt001-cp change prepare'
FROM (SELECT jsonb_agg(part.value - 'after' ORDER BY part.value ->> 'identity') AS parts
      FROM jsonb_array_elements(
          qt001_cp.document_json(inherited_findings.manifest) -> 'repoint') part) mine
CROSS JOIN (SELECT jsonb_agg(part.value - 'after' ORDER BY part.value ->> 'identity') AS parts
      FROM jsonb_array_elements(qt001_cp.document_json(
          qt001_cp.predecessor(inherited_findings.manifest)) -> 'repoint') part) theirs
WHERE mine.parts IS DISTINCT FROM theirs.parts
$inherited_findings$;

CREATE FUNCTION qt001_cp.succession_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $succession_findings$
-- A successor is of what is deployed now, and of a change that the author has proposed. Nothing for
-- a manifest of a cutover.
SELECT 'QT122', 'stage', 'fix7c', qt001_cp.stage(),
       'A change is made where FIX7c is deployed; before, generate a manifest of the cutover.'
WHERE qt001_cp.is_successor(manifest) AND qt001_cp.stage() <> 'fix7c'
UNION ALL
SELECT 'QT101', 'predecessor of manifest ' || manifest,
       'the one that is deployed: '
           || coalesce(qt001_cp.in_force('qt001.manifest.object/1'), 'none'),
       coalesce(qt001_cp.predecessor(manifest), 'none'),
       'Prepare the change on a copy of what is deployed now: qt001-cp change prepare'
WHERE qt001_cp.is_successor(manifest) AND qt001_cp.stage() = 'fix7c'
  AND qt001_cp.predecessor(manifest)
      IS DISTINCT FROM qt001_cp.in_force('qt001.manifest.object/1')
UNION ALL
SELECT 'QT101', 'change ' || coalesce(qt001_cp.change_of(manifest), 'of manifest ' || manifest),
       'one that the author has proposed', 'none',
       'The author proposes it with its manifest: qt001-cp change propose FOLDER'
WHERE qt001_cp.is_successor(manifest) AND NOT EXISTS (
    SELECT 1 FROM qt001_cp.document
    WHERE document.digest = qt001_cp.change_of(manifest) AND document.kind = 'qt001.change/1')
UNION ALL
SELECT finding.* FROM qt001_cp.inherited_findings(manifest) finding
WHERE qt001_cp.is_successor(manifest)
UNION ALL
SELECT finding.* FROM qt001_cp.move_intent_findings(manifest) finding
WHERE qt001_cp.is_successor(manifest)
UNION ALL
SELECT finding.* FROM qt001_cp.born_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.server_findings(manifest) finding
WHERE qt001_cp.follows_server(manifest)
$succession_findings$;
