-- What a change moves: what the application has becomes protected by it, or what is protected is
-- the application's again, in the same transaction as its text (docs/adr/0032).

CREATE FUNCTION qt001_cp.moved_object(manifest text)
RETURNS TABLE (
    kind text, identity text, schema text, name text, follows text, disposition text,
    taken boolean, before jsonb, after jsonb, definition text, ways jsonb
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $moved_object$
-- The objects that the change of a successor moves; taken: to the control plane's owner, otherwise
-- back to whose they were.
SELECT object.kind, object.identity, object.schema, object.name, object.follows, object.disposition,
       object.disposition = 'transfer', object.before, object.after, object.definition, object.ways
FROM qt001_cp.manifest_object(manifest) object WHERE object.ways ?| '{move,unmove}'
$moved_object$;

CREATE FUNCTION qt001_cp.moves(manifest text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $moves$
SELECT EXISTS (SELECT 1 FROM qt001_cp.moved_object(manifest))
$moves$;

CREATE FUNCTION qt001_cp.settled(object jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $settled$
-- An object of a manifest without the steps of the change that has moved it.
SELECT object #- '{ways,move}' #- '{ways,unmove}'
$settled$;

CREATE FUNCTION qt001_cp.move_intent_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $move_intent_findings$
-- A successor moves what its policy says, all of it and nothing else. What is given back is, to the
-- letter, what the predecessor would give back: nothing that was born since, nothing of the apply
-- path, no legacy authority. A column's sequence goes with its table.
WITH policy AS MATERIALIZED (
    SELECT qt001_cp.document_json(head #>> '{policy,sha256}') AS document
    FROM qt001_cp.document_json(manifest) head
), mine AS MATERIALIZED (
    SELECT object.*, object.ways ?| '{move,unmove}' AS moved,
           qt001_cp.deciding_rule(policy.document, object.kind, object.schema, object.name,
                                  object.identity) ->> 'disposition' AS decided
    FROM policy CROSS JOIN qt001_cp.manifest_object(manifest) object
), pair AS MATERIALIZED (
    SELECT mine.*, theirs.disposition AS was, theirs.before AS had, theirs.ways AS led,
           theirs.retired AS gone
    FROM mine LEFT JOIN qt001_cp.manifest_object(qt001_cp.predecessor(manifest)) theirs
    ON theirs.kind = mine.kind AND theirs.identity = mine.identity
), fault AS (
    SELECT pair.kind, pair.identity, said.expected, said.found
    FROM pair CROSS JOIN LATERAL (
        SELECT 'disposition ' || coalesce(pair.decided, 'none') || ', as the policy decides'
                   AS expected,
               CASE WHEN pair.moved THEN 'moved, and disposition ' ELSE 'disposition ' END
                   || pair.disposition AS found
        WHERE pair.disposition IS DISTINCT FROM pair.decided
          AND (pair.moved OR pair.was IN ('retain', 'transfer') AND pair.decided <> 'lend'
                             AND pair.before ->> 'owner' <> 'qt001_cp_owner'
                             AND EXISTS (
                   SELECT 1 FROM qt001_cp.live_object(qt001_cp.application_role()) live
                   WHERE live.kind = pair.kind AND live.identity = pair.identity))
        UNION ALL
        SELECT 'a way there and a way back', 'one of them alone'
        WHERE pair.moved AND NOT pair.ways ?& '{move,unmove}'
        UNION ALL
        SELECT 'what is not transferred yet', 'what is transferred already'
        WHERE pair.moved AND pair.disposition = 'transfer' AND pair.was = 'transfer'
        UNION ALL
        SELECT 'something of the application''s to take', 'owner ' || (pair.before ->> 'owner')
        WHERE pair.moved AND pair.disposition = 'transfer'
          AND pair.before ->> 'owner' IN ('qt001_cp_owner', 'qt001_cp_ledger')
        UNION ALL
        SELECT 'what the predecessor has taken from the application, and would give back so',
               'another state or way'
        WHERE pair.moved AND pair.disposition <> 'transfer'
          AND (pair.disposition <> 'retain' OR pair.was IS DISTINCT FROM 'transfer'
               OR pair.had ->> 'owner' = 'qt001_cp_owner'
               OR pair.before IS DISTINCT FROM pair.had OR pair.after IS NOT NULL
               OR pair.ways -> 'move' IS DISTINCT FROM pair.led -> 'restore'
               OR pair.led ? 'forward' AND pair.ways -> 'unmove' <> pair.led -> 'forward')
        UNION ALL
        SELECT 'nothing given back of the apply path, its sources and evidence', closed.why
        FROM qt001_cp.closed_to_application(qt001_cp.predecessor(manifest)) closed
        WHERE pair.moved AND pair.disposition <> 'transfer'
          AND closed.kind = pair.kind AND closed.identity = pair.identity
        UNION ALL
        SELECT 'no legacy authority given back', 'retired by FIX7c'
        WHERE pair.moved AND pair.disposition <> 'transfer' AND pair.gone IS NOT NULL
        UNION ALL
        SELECT 'the disposition of ' || pair.follows || ', to whose column it belongs',
               'disposition ' || pair.disposition
        FROM mine followed
        WHERE followed.identity = pair.follows AND followed.disposition <> pair.disposition
          AND (followed.moved OR pair.moved)) said
)
SELECT 'QT103', fault.kind || ' ' || fault.identity, fault.expected, fault.found,
       'Let the author make it again: qt001-cp change prepare NAME --policy FILE'
FROM fault
$move_intent_findings$;

CREATE FUNCTION qt001_cp.moved_state(manifest text, taken boolean)
RETURNS TABLE (
    kind text, identity text, before jsonb, wanted text, owner text, acl jsonb, columns jsonb,
    definition text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $moved_state$
-- What a change takes, or gives back, as it is now, beside what it was before the cutover, or the
-- change that took it (before). wanted: its definition by the manifest.
WITH live AS MATERIALIZED (
    SELECT moved.kind, moved.identity, moved.before, moved.definition AS wanted, object.classid,
           object.objid, object.owner, object.acl, object.columns
    FROM qt001_cp.moved_object(manifest) moved
    LEFT JOIN qt001_cp.live_object(qt001_cp.application_role(), true, false) object
    ON object.kind = moved.kind AND object.identity = moved.identity
    WHERE moved.taken = moved_state.taken
), worded AS MATERIALIZED (
    SELECT object.classid, object.objid, object.definition
    FROM qt001_cp.live_object(qt001_cp.application_role(), true, true, ARRAY(
        SELECT live.objid FROM live WHERE live.objid IS NOT NULL)) object
)
SELECT live.kind, live.identity, live.before, live.wanted, live.owner, live.acl, live.columns,
       qt001_cp.sha256_hex(convert_to(worded.definition, 'UTF8'))
FROM live
LEFT JOIN worded ON worded.classid = live.classid AND worded.objid = live.objid
$moved_state$;

CREATE FUNCTION qt001_cp.moved_state_findings(manifest text, taken boolean, code text, how text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $moved_state_findings$
-- Of what a change takes, or gives back: owner and ACLs that are not the application's, as the
-- manifest has them. how: what mends it.
SELECT code, state.kind || ' ' || state.identity, difference.expected, difference.found, how
FROM qt001_cp.moved_state(manifest, taken) state
CROSS JOIN LATERAL (
    SELECT 'owner ' || (state.before ->> 'owner') AS expected,
           coalesce('owner ' || state.owner, 'no such object') AS found
    WHERE state.owner IS DISTINCT FROM state.before ->> 'owner'
    UNION ALL
    SELECT entries.expected, entries.found
    FROM qt001_cp.line_difference('ACL', qt001_cp.acl_lines(state.before -> 'acl'),
                                  qt001_cp.acl_lines(state.acl)) entries
    WHERE state.owner = state.before ->> 'owner'
      AND qt001_cp.acl_set(state.before -> 'acl') <> qt001_cp.acl_set(state.acl)
    UNION ALL
    SELECT entries.expected, entries.found
    FROM qt001_cp.line_difference('column ACLs',
                                  qt001_cp.column_acl_lines(state.before -> 'columns'),
                                  qt001_cp.column_acl_lines(state.columns)) entries
    WHERE state.owner = state.before ->> 'owner'
      AND qt001_cp.column_acl_set(state.before -> 'columns')
          <> qt001_cp.column_acl_set(state.columns)) difference
$moved_state_findings$;

CREATE FUNCTION qt001_cp.born_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $born_findings$
-- What a change brings into the world was not there before, whoever has it: no CREATE OR REPLACE
-- passes over something that stands under that name.
SELECT 'QT310', live.kind || ' ' || live.identity, 'nothing under this name before the change',
       'an object of ' || live.owner,
       'See whose it is; drop or rename it, or give what is new another name.'
FROM qt001_cp.manifest_object(manifest) object
JOIN qt001_cp.live_object(qt001_cp.application_role(), true, false) live
ON live.kind = object.kind AND live.identity = object.identity
WHERE qt001_cp.is_successor(manifest) AND object.disposition = 'transfer'
  AND NOT object.ways ?| '{move,unmove}'
  AND NOT EXISTS (
      SELECT 1 FROM qt001_cp.manifest_object(qt001_cp.predecessor(manifest)) theirs
      WHERE theirs.kind = object.kind AND theirs.identity = object.identity)
$born_findings$;

CREATE FUNCTION qt001_cp.move_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $move_findings$
-- What is asked of a successor that moves something, when it is sealed and when the change begins:
-- what it takes is the application's, as it was found on the copy, and can be protected there, as
-- for a cutover. What ties something that is given back its text may untie: the gates ask at the
-- end.
SELECT finding.*
FROM qt001_cp.moved_state_findings(
    manifest, true, 'QT310', 'Put it back, or prepare the change again on a new copy.') finding
UNION ALL
SELECT finding.* FROM qt001_cp.reach_findings(manifest) finding
WHERE EXISTS (SELECT 1 FROM qt001_cp.moved_object(manifest) moved WHERE moved.taken)
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.moved_object(manifest) given
                  WHERE NOT given.taken
                    AND (finding.object || ' ' || finding.found || ' ')
                        ~ ('(^|\s)' || regexp_replace(given.identity, '(\W)', '\\\1', 'g')
                           || '([\s,:;]|$)'))
$move_findings$;
