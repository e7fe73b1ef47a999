-- What the application role could do through what it keeps: a change that a foreign key passes on
-- to another protected table, or that a view, rule, trigger or body carries to the apply path.

CREATE FUNCTION qt001_cp.left_to_application(manifest text)
RETURNS TABLE (kind text, identity text, privilege text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $left_to_application$
-- What the manifest leaves to the application role or PUBLIC of each transferred object that is not
-- the system's, on the whole or on a column.
SELECT DISTINCT object.kind, object.identity, entry.value ->> 2
FROM (SELECT qt001_cp.document_json(manifest) ->> 'application' AS name) app
CROSS JOIN qt001_cp.manifest_object(manifest) object
CROSS JOIN LATERAL (
    SELECT item.value FROM jsonb_array_elements(object.after -> 'acl') item
    UNION ALL
    SELECT item.value FROM jsonb_array_elements(object.after -> 'columns') part
    CROSS JOIN LATERAL jsonb_array_elements(part.value -> 'acl') item) entry(value)
WHERE object.disposition = 'transfer' AND object.kind <> 'default acl'
  AND (entry.value ->> 1 IS NULL OR entry.value ->> 1 = app.name)
  AND NOT coalesce((object.detail ->> 'system')::boolean, false)
$left_to_application$;

CREATE FUNCTION qt001_cp.kept_cascade_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $kept_cascade_findings$
-- A foreign key does as its own table's owner what the referenced row's DELETE or UPDATE asks for.
WITH kept AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.left_to_application(manifest) listed WHERE listed.kind = 'table'
)
SELECT 'QT108', 'table ' || referenced.identity,
       format('no %s left to the application where foreign key %s of %s passes it on', done.verb,
              quote_ident(held.conname), referencing.identity),
       format('%s is left, and ON %s %s does %s there', done.verb, done.verb,
              CASE done.action WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                               ELSE 'SET DEFAULT' END, done.becomes),
       format('Do not keep %s in the policy''s rule for it, or make the foreign key one without an '
              'action.', done.verb)
FROM pg_constraint held
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, held.confrelid, 0) referenced
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, held.conrelid, 0) referencing
CROSS JOIN LATERAL (VALUES
    ('DELETE', held.confdeltype, CASE held.confdeltype WHEN 'c' THEN 'DELETE' ELSE 'UPDATE' END),
    ('UPDATE', held.confupdtype, 'UPDATE')) done(verb, action, becomes)
WHERE held.contype = 'f' AND done.action IN ('c', 'n', 'd')
  AND (referenced.identity, done.verb) IN (SELECT kept.identity, kept.privilege FROM kept)
  AND (referencing.identity, done.becomes) NOT IN (
          SELECT kept.identity, kept.privilege FROM kept)
  AND referencing.identity IN (SELECT entry.identity FROM qt001_cp.manifest_object(manifest) entry
                               WHERE entry.kind = 'table' AND entry.disposition = 'transfer')
$kept_cascade_findings$;

CREATE FUNCTION qt001_cp.carries()
RETURNS TABLE (kind text, identity text, to_kind text, to_identity text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $carries$
-- Where a write goes on to: what a view is written through to and what a rule does, the function of
-- a trigger, the table of a foreign key with an action.
WITH step AS (
    SELECT rewrite.ev_class AS relation, entry.refclassid AS classid, entry.refobjid AS objid
    FROM pg_rewrite rewrite
    JOIN pg_depend entry ON entry.classid = 'pg_rewrite'::regclass AND entry.objid = rewrite.oid
    WHERE entry.refclassid = 'pg_class'::regclass AND entry.refobjid <> rewrite.ev_class
      AND rewrite.oid >= 16384
    UNION
    SELECT fired.tgrelid, 'pg_proc'::regclass, fired.tgfoid
    FROM pg_trigger fired WHERE NOT fired.tgisinternal
    UNION
    SELECT held.confrelid, 'pg_class'::regclass, held.conrelid FROM pg_constraint held
    WHERE held.contype = 'f' AND (held.confdeltype IN ('c', 'n', 'd')
                                  OR held.confupdtype IN ('c', 'n', 'd'))
)
SELECT start.type, start.identity, goal.type, goal.identity
FROM step
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, step.relation, 0) start
CROSS JOIN LATERAL pg_identify_object(step.classid, step.objid, 0) goal
$carries$;

CREATE FUNCTION qt001_cp.kept_reach_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $kept_reach_findings$
-- Writes, and calls of SECURITY DEFINER routines, that are left to the application role and come,
-- with the new owner's rights, to what it keeps nothing of.
WITH RECURSIVE object AS MATERIALIZED (
    SELECT entry.kind, entry.identity, entry.detail
    FROM qt001_cp.manifest_object(manifest) entry WHERE entry.disposition = 'transfer'
), closed AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.closed_to_application(manifest) listed
), start AS MATERIALIZED (
    SELECT kept.kind, kept.identity, min(kept.privilege) AS privilege
    FROM qt001_cp.left_to_application(manifest) kept
    WHERE kept.privilege IN ('INSERT', 'UPDATE', 'DELETE')
       OR kept.privilege = 'EXECUTE' AND EXISTS (
              SELECT 1 FROM object
              WHERE object.kind = kept.kind AND object.identity = kept.identity
                AND (object.detail ->> 'definer')::boolean)
    GROUP BY kept.kind, kept.identity
), edge AS MATERIALIZED (
    SELECT carried.* FROM qt001_cp.carries() carried
    WHERE EXISTS (SELECT 1 FROM start) AND EXISTS (SELECT 1 FROM closed)
    UNION
    SELECT object.kind, object.identity, reached.value ->> 'kind', reached.value ->> 'identity'
    FROM object CROSS JOIN LATERAL jsonb_array_elements(
        coalesce(object.detail -> 'reaches', '[]')) reached
    WHERE reached.value ->> 'verb' IN ('writes', 'calls')
), walk AS (
    SELECT start.kind AS from_kind, start.identity AS from_identity, start.privilege, start.kind,
           start.identity FROM start
    UNION
    SELECT walk.from_kind, walk.from_identity, walk.privilege, edge.to_kind, edge.to_identity
    FROM walk JOIN edge ON edge.kind = walk.kind AND edge.identity = walk.identity
)
SELECT DISTINCT 'QT108', walk.from_kind || ' ' || walk.from_identity,
       format('nothing left to the application that leads to %s %s', walk.kind, walk.identity),
       format('%s is left, and %s is %s', walk.privilege, walk.identity, closed.why),
       format('Do not keep %s in the policy''s rule for it.', walk.privilege)
FROM walk JOIN closed ON closed.kind = walk.kind AND closed.identity = walk.identity
UNION ALL
SELECT cascade.* FROM qt001_cp.kept_cascade_findings(manifest) cascade
$kept_reach_findings$;
