-- What the recorded policy keeps of each object for the application role and PUBLIC, decided here
-- by the first rule that matches it; and what nobody may keep, whatever a policy says.

CREATE FUNCTION qt001_cp.never_kept() RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $never_kept$
-- Privileges that no policy keeps. A test holds it equal to NEVER_KEPT in model/kinds.py.
SELECT ARRAY['MAINTAIN', 'REFERENCES', 'TRIGGER', 'TRUNCATE']
$never_kept$;

CREATE FUNCTION qt001_cp.matches_pattern(name text, pattern text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $matches_pattern$
-- A pattern of the policy, in which only * and ? are special; NULL matches everything.
SELECT pattern IS NULL OR coalesce(name LIKE replace(replace(regexp_replace(
           pattern, '([\\%_])', '\\\1', 'g'), '*', '%'), '?', '_') COLLATE "C", false)
$matches_pattern$;

CREATE FUNCTION qt001_cp.deciding_rule(
    policy jsonb, kind text, schema text, name text, identity text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $deciding_rule$
-- The first rule of a policy that matches an object, as model/policy.py reads it.
SELECT rule.value
FROM jsonb_array_elements(policy -> 'rule') WITH ORDINALITY rule(value, position)
WHERE CASE jsonb_typeof(rule.value -> 'kind')
      WHEN 'string' THEN rule.value ->> 'kind' = deciding_rule.kind
      WHEN 'array' THEN rule.value -> 'kind' @> to_jsonb(deciding_rule.kind) ELSE true END
  AND CASE WHEN rule.value ? 'identity' THEN rule.value ->> 'identity' = deciding_rule.identity
           ELSE qt001_cp.matches_pattern(deciding_rule.schema, rule.value ->> 'schema')
                AND qt001_cp.matches_pattern(deciding_rule.name, rule.value ->> 'name') END
ORDER BY rule.position LIMIT 1
$deciding_rule$;

CREATE FUNCTION qt001_cp.kept_by_rule(rule jsonb)
RETURNS TABLE (of_application boolean, privilege text, of_column text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $kept_by_rule$
-- What a rule keeps; a bare word is a privilege of the application role. of_column: NULL for the
-- whole object.
SELECT jsonb_typeof(kept.value) = 'string' OR kept.value ->> 'grantee' = 'application',
       privilege.value, part.name
FROM jsonb_array_elements(coalesce(rule -> 'keep', '[]')) kept
CROSS JOIN LATERAL jsonb_array_elements_text(
    CASE jsonb_typeof(kept.value) WHEN 'string' THEN jsonb_build_array(kept.value)
         ELSE kept.value -> 'privileges' END) privilege
LEFT JOIN LATERAL jsonb_array_elements_text(
    CASE jsonb_typeof(kept.value) WHEN 'object' THEN kept.value -> 'columns' END) part(name) ON true
$kept_by_rule$;

CREATE FUNCTION qt001_cp.keeps(
    policy jsonb, kind text, schema text, name text, identity text, of_application boolean,
    privilege text, of_column text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $keeps$
-- Whether the policy says that the application role, or PUBLIC, keeps this privilege of an object.
SELECT EXISTS (
    SELECT 1
    FROM qt001_cp.kept_by_rule(qt001_cp.deciding_rule(policy, kind, schema, name, identity)) kept
    WHERE kept.of_application = keeps.of_application AND kept.privilege = keeps.privilege
      AND kept.of_column IS NOT DISTINCT FROM keeps.of_column)
$keeps$;

CREATE FUNCTION qt001_cp.needed_by_inserting()
RETURNS TABLE (relation text, kind text, identity text, privilege text, definer boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $needed_by_inserting$
-- What a row of a table needs beside the table itself, of whoever inserts it: USAGE on the
-- sequences of its defaults (an identity column asks for none), and EXECUTE on the functions of its
-- defaults, generated columns, checks and indexes that are not the system's own. definer: that
-- function runs with its owner's rights.
WITH part AS (
    SELECT 'pg_attrdef'::regclass AS classid, held.oid, held.adrelid AS relation
    FROM pg_attrdef held
    UNION ALL
    SELECT 'pg_constraint'::regclass, held.oid, held.conrelid
    FROM pg_constraint held WHERE held.contype = 'c' AND held.conrelid <> 0
    UNION ALL
    SELECT 'pg_class'::regclass, held.indexrelid, held.indrelid FROM pg_index held
), used AS (
    SELECT DISTINCT part.relation, entry.refclassid, entry.refobjid
    FROM part JOIN pg_depend entry ON entry.classid = part.classid AND entry.objid = part.oid
    WHERE entry.refobjid >= 16384
      AND entry.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
)
SELECT owner_of.identity, needed.type, needed.identity,
       CASE WHEN routine.oid IS NULL THEN 'USAGE' ELSE 'EXECUTE' END,
       coalesce(routine.prosecdef, false)
FROM used
LEFT JOIN pg_class sequence
ON used.refclassid = 'pg_class'::regclass AND sequence.oid = used.refobjid
   AND sequence.relkind = 'S'
LEFT JOIN pg_proc routine
ON used.refclassid = 'pg_proc'::regclass AND routine.oid = used.refobjid
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, used.relation, 0) owner_of
CROSS JOIN LATERAL pg_identify_object(used.refclassid, used.refobjid, 0) needed
WHERE sequence.oid IS NOT NULL OR routine.oid IS NOT NULL
$needed_by_inserting$;

CREATE FUNCTION qt001_cp.closed_to_application(manifest text)
RETURNS TABLE (kind text, identity text, why text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $closed_to_application$
-- Of what the application role keeps nothing: the apply path, its sources and its evidence. The
-- routines of the apply path and what their bodies write; the readiness; the source tables; the
-- legacy authority; the tables that say what is blocked. Empty without an apply path.
WITH head AS MATERIALIZED (
    SELECT qt001_cp.document_json(manifest) AS doc
), object AS MATERIALIZED (
    SELECT entry.kind, entry.identity, entry.detail
    FROM qt001_cp.manifest_object(manifest) entry WHERE entry.disposition = 'transfer'
), repointed AS (
    SELECT part.value ->> 'identity' AS identity
    FROM head CROSS JOIN LATERAL jsonb_array_elements(head.doc -> 'repoint') part
), named(identity, why) AS (
    SELECT repointed.identity, 'the apply path' FROM repointed
    UNION ALL
    SELECT head.doc #>> '{apply_path,readiness}', 'the readiness' FROM head
    UNION ALL
    SELECT source.value, 'a source table of the apply path'
    FROM head CROSS JOIN LATERAL jsonb_array_elements_text(
        coalesce(nullif(head.doc -> 'apply_path', 'null') -> 'source_tables', '[]')) source
    UNION ALL
    SELECT item.value ->> 'identity', 'legacy authority'
    FROM head CROSS JOIN LATERAL jsonb_array_elements(head.doc -> 'legacy') item
    UNION ALL
    SELECT item.value ->> 'table', 'what says that the apply path is blocked'
    FROM head CROSS JOIN LATERAL jsonb_array_elements(head.doc -> 'blocked') item
    UNION ALL
    SELECT edge.value ->> 'identity', 'written by the apply path'
    FROM object JOIN repointed ON repointed.identity = object.identity
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(object.detail -> 'reaches', '[]')) edge
    WHERE edge.value ->> 'verb' = 'writes'
)
SELECT object.kind, object.identity, min(named.why)
FROM object JOIN named ON named.identity = object.identity
GROUP BY object.kind, object.identity
$closed_to_application$;

CREATE FUNCTION qt001_cp.is_curated(manifest text, view text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $is_curated$
SELECT coalesce(bool_or(object.curated), false)
FROM qt001_cp.manifest_object(manifest) object
WHERE object.kind = 'view' AND object.identity = is_curated.view
$is_curated$;
