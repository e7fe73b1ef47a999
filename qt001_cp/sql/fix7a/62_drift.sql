-- The live database against the sealed object manifest, in the state that the deployed stage calls
-- for.

CREATE FUNCTION qt001_cp.expected_state() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $expected_state$
SELECT CASE qt001_cp.stage() WHEN 'fix7a' THEN 'before'
                             WHEN 'fix7b' THEN 'after'
                             ELSE 'deployed' END
$expected_state$;

CREATE FUNCTION qt001_cp.drift()
RETURNS TABLE (object text, expected text, found text, aspect text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET lock_timeout = '10s'
AS $drift$
-- What is not as it was sealed. aspect: inventory, definition or acl (the owner and every ACL), as
-- coverage_aspects() has it; after the cutover without what is only told, and with what something
-- new, granted or changed reaches (reach).
DECLARE
    manifest text := qt001_cp.reference_manifest();
    state text := qt001_cp.expected_state();
BEGIN
    IF manifest IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT difference.object, difference.expected, difference.found, difference.aspect
    FROM qt001_cp.coverage_aspects(manifest, state) difference
    WHERE state = 'before' OR NOT difference.told;
    -- Where a name is gone, that alone: the rest cannot be asked, or follows from it.
    IF state <> 'before' AND NOT EXISTS (SELECT 1 FROM qt001_cp.name_findings(manifest)) THEN
        RETURN QUERY
        SELECT loan.object, loan.expected, loan.found, 'acl'
        FROM qt001_cp.loan_differences(manifest, state) loan
        UNION ALL
        SELECT finding.object, finding.expected, finding.found, 'reach'
        FROM qt001_cp.reach_findings(manifest) finding
        UNION ALL
        SELECT finding.object, finding.expected, finding.found, 'reach'
        FROM qt001_cp.duty_path_findings(manifest) finding;
    END IF;
EXCEPTION WHEN lock_not_available THEN
    PERFORM qt001_cp.refuse_wait('drift');
END
$drift$;

CREATE FUNCTION qt001_cp.policy_rule(manifest text)
RETURNS TABLE (number bigint, kinds jsonb, schema text, name text, identity text,
               disposition text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $policy_rule$
-- The rules of the policy that the manifest was made with, in their order; schema and name as
-- patterns of LIKE, NULL where the rule does not ask.
SELECT rule.number,
       CASE jsonb_typeof(rule.value -> 'kind') WHEN 'string'
            THEN jsonb_build_array(rule.value -> 'kind') ELSE rule.value -> 'kind' END,
       qt001_cp.like_pattern(rule.value ->> 'schema'), qt001_cp.like_pattern(rule.value ->> 'name'),
       rule.value ->> 'identity', rule.value ->> 'disposition'
FROM qt001_cp.document_json(manifest) head
CROSS JOIN LATERAL jsonb_array_elements(
    qt001_cp.document_json(head #>> '{policy,sha256}') -> 'rule')
    WITH ORDINALITY rule(value, number)
$policy_rule$;

CREATE FUNCTION qt001_cp.told_differences(retained boolean)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $told_differences$
-- New and newly granted objects that no retain rule of the sealed policy decides, and what is
-- another on retained ones. retained: their definitions too, which words those that have changed.
WITH manifest AS MATERIALIZED (
    SELECT digest, qt001_cp.expected_state() AS state,
           (qt001_cp.document_json(digest) ->> 'application')::name AS application
    FROM qt001_cp.reference_manifest() digest WHERE digest IS NOT NULL
), rule AS MATERIALIZED (
    SELECT known.* FROM manifest CROSS JOIN LATERAL qt001_cp.policy_rule(manifest.digest) known
), live AS MATERIALIZED (
    SELECT seen.kind, seen.identity, seen.schema, seen.name
    FROM manifest CROSS JOIN LATERAL qt001_cp.live_object(manifest.application, false, false) seen
    WHERE manifest.state <> 'before'
)
SELECT difference.object, difference.expected, difference.found,
       CASE WHEN decided.disposition = 'transfer'
            THEN format('Rule %s of the policy transfers it: generate and seal a manifest.',
                        decided.number)
            ELSE difference.mend END
FROM manifest
CROSS JOIN LATERAL
    qt001_cp.coverage_aspects(manifest.digest, manifest.state, told_differences.retained) difference
LEFT JOIN live ON difference.aspect = 'inventory' AND live.kind = difference.kind
     AND live.identity = difference.identity
LEFT JOIN LATERAL (
    SELECT rule.disposition, rule.number FROM rule
    WHERE live.kind IS NOT NULL
      AND (rule.kinds IS NULL OR rule.kinds ? live.kind)
      AND CASE WHEN rule.identity IS NOT NULL THEN rule.identity = live.identity
               ELSE (rule.schema IS NULL OR live.schema LIKE rule.schema)
                    AND (rule.name IS NULL OR live.name LIKE rule.name) END
    ORDER BY rule.number LIMIT 1) decided ON true
WHERE manifest.state <> 'before' AND difference.told
  AND decided.disposition IS DISTINCT FROM 'retain'
$told_differences$;

CREATE FUNCTION qt001_cp.told()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET lock_timeout = '2s'
AS $told$
-- What has changed since the cutover without a gate that closes for it, and what is kept in another
-- way. Where somebody keeps a lock on something of his own, without the definitions.
BEGIN
    RETURN QUERY
    SELECT difference.* FROM qt001_cp.told_differences(true) difference
    UNION ALL
    SELECT kept.object, kept.expected, kept.found,
           'How it is kept decides nothing that is protected; the next manifest has it.'
    FROM qt001_cp.storage_changes() kept WHERE qt001_cp.expected_state() <> 'before'
    UNION ALL
    SELECT came.* FROM qt001_cp.grown_lines() came WHERE qt001_cp.expected_state() <> 'before'
    UNION ALL
    SELECT login.object, login.expected, login.found, login.mend
    FROM qt001_cp.changed_login() login WHERE NOT login.other
    UNION ALL
    SELECT moved.* FROM qt001_cp.timeline_changes() moved;
EXCEPTION WHEN lock_not_available THEN
    RETURN QUERY
    SELECT difference.* FROM qt001_cp.told_differences(false) difference
    UNION ALL
    SELECT moved.* FROM qt001_cp.timeline_changes() moved;
END
$told$;

CREATE FUNCTION qt001_cp.drifted_state()
RETURNS TABLE (object jsonb, live jsonb, sealed jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $drifted_state$
-- Every object of the manifest whose owner or ACL is another: what it is, its state now, and the
-- sealed one, all as in the manifest. It is what "alembic check" makes its operations of.
WITH manifest AS MATERIALIZED (
    SELECT digest, (qt001_cp.document_json(digest) ->> 'application')::name AS application
    FROM qt001_cp.reference_manifest() digest WHERE digest IS NOT NULL
), wanted AS MATERIALIZED (
    SELECT expected.* FROM manifest
    CROSS JOIN LATERAL qt001_cp.expected_object(manifest.digest, qt001_cp.expected_state()) expected
), entry AS MATERIALIZED (
    SELECT object.*
    FROM manifest CROSS JOIN LATERAL qt001_cp.manifest_object(manifest.digest) object
), live AS MATERIALIZED (
    SELECT object.kind, object.identity, object.owner, object.acl, object.columns
    FROM manifest CROSS JOIN LATERAL qt001_cp.live_object(manifest.application, true, false) object
)
SELECT jsonb_build_object(
           'kind', entry.kind, 'identity', entry.identity, 'schema', entry.schema,
           'name', entry.name, 'args', entry.args, 'method', entry.method, 'detail', entry.detail,
           'follows', entry.follows),
       jsonb_build_object('owner', live.owner, 'acl', live.acl, 'columns', live.columns),
       jsonb_build_object('owner', wanted.owner, 'acl', wanted.acl, 'columns', wanted.columns)
FROM wanted JOIN live ON live.kind = wanted.kind AND live.identity = wanted.identity
JOIN entry ON entry.number = wanted.number
WHERE wanted.owner <> live.owner
   OR qt001_cp.acl_set(wanted.acl) <> qt001_cp.acl_set(live.acl)
   OR qt001_cp.column_acl_set(wanted.columns) <> qt001_cp.column_acl_set(live.columns)
ORDER BY wanted.number
$drifted_state$;
