-- Definitions without a lock: wording a view, a rule, a policy or a parsed body opens each relation
-- that it reads, and one of those may be the application's, which may lock it and stay. What has
-- the catalog rows that it had when FIX7c was deployed is what it was then, and is not worded again
-- (docs/adr/0021).
-- Source: PostgreSQL documentation, chapter "System Catalogs"; "Explicit Locking" (13.3).

CREATE FUNCTION qt001_cp.definition_rows(numbers oid[])
RETURNS TABLE (classid oid, objid oid, rows text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $definition_rows$
-- Of each relation, statistics object and routine with a parsed body among these: the sha256 of all
-- catalog rows that define it, without owner, ACL, storage and the marks that the server keeps.
-- Other kinds are worded without opening a relation, and are not here.
WITH relation AS MATERIALIZED (
    SELECT class.* FROM pg_class class
    WHERE class.oid = ANY (numbers) AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
), line(classid, objid, words) AS (
    SELECT 'pg_class'::regclass::oid, relation.oid,
           (to_jsonb(relation) - qt001_cp.storage_columns()::text[]
                               - '{relowner,relacl,relhassubclass,relnatts}'::text[])::text
    FROM relation
    UNION ALL
    SELECT 'pg_class'::regclass, attribute.attrelid,
           (to_jsonb(attribute) - '{attacl,attstattarget,attcacheoff}'::text[])::text
    FROM relation JOIN pg_attribute attribute ON attribute.attrelid = relation.oid
    WHERE attribute.attnum > 0
    UNION ALL
    SELECT 'pg_class'::regclass, value.adrelid, to_jsonb(value)::text
    FROM relation JOIN pg_attrdef value ON value.adrelid = relation.oid
    UNION ALL
    SELECT 'pg_class'::regclass, rule.conrelid, to_jsonb(rule)::text
    FROM relation JOIN pg_constraint rule ON rule.conrelid = relation.oid
    UNION ALL
    SELECT 'pg_class'::regclass, index.indrelid, concat(
               (to_jsonb(index) - '{indisclustered,indcheckxmin}'::text[])::text,
               named.relname, named.reloptions, named.relam)
    FROM relation JOIN pg_index index ON index.indrelid = relation.oid
    JOIN pg_class named ON named.oid = index.indexrelid
    UNION ALL
    -- Keys of others on it make triggers of the server's own.
    SELECT 'pg_class'::regclass, trigger.tgrelid, to_jsonb(trigger)::text
    FROM relation JOIN pg_trigger trigger ON trigger.tgrelid = relation.oid
    WHERE NOT trigger.tgisinternal OR trigger.tgenabled <> 'O'
    UNION ALL
    SELECT 'pg_class'::regclass, rule.ev_class, to_jsonb(rule)::text
    FROM relation JOIN pg_rewrite rule ON rule.ev_class = relation.oid
    UNION ALL
    SELECT 'pg_class'::regclass, policy.polrelid, to_jsonb(policy)::text
    FROM relation JOIN pg_policy policy ON policy.polrelid = relation.oid
    UNION ALL
    SELECT 'pg_class'::regclass, relation.oid, to_jsonb(parent)::text
    FROM relation JOIN pg_inherits parent ON relation.oid IN (parent.inhrelid, parent.inhparent)
    UNION ALL
    SELECT 'pg_class'::regclass, away.ftrelid, to_jsonb(away)::text
    FROM relation JOIN pg_foreign_table away ON away.ftrelid = relation.oid
    UNION ALL
    SELECT 'pg_class'::regclass, parts.partrelid, to_jsonb(parts)::text
    FROM relation JOIN pg_partitioned_table parts ON parts.partrelid = relation.oid
    UNION ALL
    SELECT 'pg_class'::regclass, relation.oid, to_jsonb(own)::text
    FROM relation JOIN pg_cast own ON relation.reltype IN (own.castsource, own.casttarget)
    WHERE relation.reltype <> 0
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, statistics.oid,
           (to_jsonb(statistics) - 'stxowner')::text
    FROM pg_statistic_ext statistics WHERE statistics.oid = ANY (numbers)
    UNION ALL
    SELECT 'pg_proc'::regclass, routine.oid, (to_jsonb(routine) - '{proowner,proacl}'::text[])::text
    FROM pg_proc routine WHERE routine.oid = ANY (numbers) AND routine.prosqlbody IS NOT NULL
)
SELECT line.classid, line.objid, qt001_cp.sha256_hex(convert_to(
           string_agg(line.words, E'\n' ORDER BY line.words COLLATE "C"), 'UTF8'))
FROM line GROUP BY line.classid, line.objid
$definition_rows$;

CREATE FUNCTION qt001_cp.deployed_rows() RETURNS TABLE (rows text, definition text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $deployed_rows$
-- The digests of catalog rows that FIX7c found when it was deployed, or a change has left, each
-- with that of the definition.
SELECT pair.value ->> 0, pair.value ->> 1
FROM qt001_cp.deployment() deployment
CROSS JOIN LATERAL jsonb_array_elements(
    qt001_cp.document_json(deployment.detail ->> 'document') -> 'definitions') pair
$deployed_rows$;

CREATE FUNCTION qt001_cp.live_definition(classids oid[], objids oid[])
RETURNS TABLE (classid oid, objid oid, definition text, source text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $live_definition$
-- The digest of the definition of each of these objects, two arrays side by side. Worded, and in
-- source, is only what has other rows than at the deployment.
WITH asked AS MATERIALIZED (
    SELECT asked.* FROM unnest(classids, objids) asked(classid, objid)
), deployed AS MATERIALIZED (
    SELECT DISTINCT known.rows, known.definition FROM qt001_cp.deployed_rows() known
), unchanged AS MATERIALIZED (
    SELECT asked.classid, asked.objid, deployed.definition
    FROM qt001_cp.definition_rows(
             CASE WHEN EXISTS (SELECT 1 FROM deployed) THEN objids ELSE '{}' END) live
    JOIN deployed ON deployed.rows = live.rows
    JOIN asked ON asked.classid = live.classid AND asked.objid = live.objid
), other AS MATERIALIZED (
    SELECT asked.* FROM asked
    WHERE NOT EXISTS (SELECT 1 FROM unchanged
                      WHERE unchanged.classid = asked.classid AND unchanged.objid = asked.objid)
)
SELECT unchanged.*, NULL FROM unchanged
UNION ALL
SELECT live.classid, live.objid, qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8')),
       live.definition
FROM qt001_cp.live_object(
         qt001_cp.application_role(), true, true, ARRAY(SELECT other.objid FROM other)) live
JOIN other ON other.classid = live.classid AND other.objid = live.objid
$live_definition$;

CREATE FUNCTION qt001_cp.routine_definition(routine oid) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $routine_definition$
-- The same of one routine.
SELECT CASE WHEN live.prosqlbody IS NULL THEN qt001_cp.routine_sha256(live.oid) ELSE (
           SELECT known.definition
           FROM qt001_cp.live_definition(ARRAY['pg_proc'::regclass::oid], ARRAY[live.oid]) known)
       END
FROM pg_proc live WHERE live.oid = routine
$routine_definition$;
