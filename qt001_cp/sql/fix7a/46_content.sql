-- The rows of what is protected, by digest, at sealing and in the cutover: whoever forges rows in
-- between is found where the policy calls a table frozen, and leaves two digests otherwise.

CREATE FUNCTION qt001_cp.content_table(manifest text)
RETURNS TABLE (identity text, schema name, name name, relation oid, frozen boolean, bytes bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $content_table$
-- The tables that the policy calls frozen, and the source tables of the apply path. relation: NULL
-- where it is gone, is no plain or partitioned table, or has a part in another database. bytes:
-- without indexes and long values, of all parts.
WITH frozen AS (
    SELECT entry.value ->> 'identity' AS identity
    FROM jsonb_array_elements(qt001_cp.manifest_policy(manifest) -> 'frozen') entry
), listed AS (
    SELECT frozen.identity FROM frozen
    UNION
    SELECT source.value FROM jsonb_array_elements_text(
        qt001_cp.document_json(manifest) #> '{apply_path,source_tables}') source
)
SELECT listed.identity, space.nspname, relation.relname,
       CASE WHEN NOT EXISTS (
           SELECT 1 FROM pg_partition_tree(relation.oid) part
           JOIN pg_class ON pg_class.oid = part.relid AND pg_class.relkind = 'f')
       THEN relation.oid END,
       listed.identity IN (SELECT frozen.identity FROM frozen),
       (SELECT sum(pg_relation_size(part.oid))::bigint FROM (
            SELECT relation.oid WHERE relation.oid IS NOT NULL
            UNION SELECT tree.relid FROM pg_partition_tree(relation.oid) tree) part)
FROM listed
LEFT JOIN qt001_cp.manifest_object(manifest) object
       ON object.kind = 'table' AND object.identity = listed.identity
LEFT JOIN pg_namespace space ON space.nspname = object.schema
LEFT JOIN pg_class relation ON relation.relnamespace = space.oid
      AND relation.relname = object.name AND relation.relkind IN ('r', 'p')
$content_table$;

CREATE FUNCTION qt001_cp.run_by_reading(targets oid[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $run_by_reading$
-- What of somebody's own a SELECT on these tables would run, as whoever reads: the planner
-- evaluates what is constant in expressions of indexes, statistics and partition keys. NULL:
-- nothing.
SELECT format('%s, whose expression calls %s: reading the table would run it', depended.owner,
              pg_describe_object(used.refclassid, used.refobjid, 0))
FROM (SELECT 'pg_class'::regclass, entry.indexrelid,
             format('index %s', entry.indexrelid::regclass)
      FROM pg_index entry
      WHERE entry.indrelid = ANY (targets)
        AND (entry.indexprs IS NOT NULL OR entry.indpred IS NOT NULL)
      UNION ALL
      SELECT 'pg_statistic_ext'::regclass, entry.oid, format('statistics %I', entry.stxname)
      FROM pg_statistic_ext entry
      WHERE entry.stxrelid = ANY (targets) AND entry.stxexprs IS NOT NULL
      UNION ALL
      SELECT 'pg_class'::regclass, entry.partrelid,
             format('partition key of %s', entry.partrelid::regclass)
      FROM pg_partitioned_table entry
      WHERE entry.partrelid = ANY (targets) AND entry.partexprs IS NOT NULL)
    depended(classid, objid, owner)
JOIN pg_depend used ON used.classid = depended.classid AND used.objid = depended.objid
WHERE used.refobjid >= 16384
  AND used.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
LIMIT 1
$run_by_reading$;

CREATE FUNCTION qt001_cp.hold_still(schema name, name name, only_itself boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $hold_still$
-- Until the transaction ends nobody makes an index, statistics or a trigger on the table; its rows
-- are read and written as ever. The session needs more than SELECT on it: its owner's right, which
-- the cutover needs too. On a standby, or in a transaction that only reads, nothing stronger than a
-- reader's lock can be had.
DECLARE
    target text := format('%s%I.%I', CASE WHEN only_itself THEN 'ONLY ' ELSE '' END, schema, name);
BEGIN
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', target);
EXCEPTION WHEN read_only_sql_transaction THEN
    EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', target);
END
$hold_still$;

CREATE FUNCTION qt001_cp.content_digest(target oid, schema name, name name, OUT digest text,
                                        OUT problem text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET row_security = off
SET constraint_exclusion = off
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET bytea_output = 'hex'
SET extra_float_digits = 1
SET lc_monetary = 'C'
SET xmlbinary = 'base64'
AS $content_digest$
-- sha256 of all rows, in no order: of 4,096 parts, each of the digests of its rows. problem: why
-- there is none. As in blocked_row() no function, cast or policy of the application runs: a row is
-- put into words by the output of its types, under a lock, when the name is known to mean the
-- table.
BEGIN
    PERFORM qt001_cp.hold_still(schema, name, false);
    IF to_regclass(format('%I.%I', schema, name)) IS DISTINCT FROM target::regclass THEN
        problem := 'another relation in its place';
        RETURN;
    END IF;
    problem := qt001_cp.run_by_reading(ARRAY(
        WITH RECURSIVE read(oid) AS (
            SELECT target
            UNION
            SELECT child.inhrelid FROM pg_inherits child JOIN read ON child.inhparent = read.oid
        )
        SELECT read.oid FROM read));
    IF problem IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format($words$
        SELECT encode(sha256(convert_to(coalesce(
            string_agg(part.digest, '' ORDER BY part.head COLLATE "C"), ''), 'UTF8')), 'hex')
        FROM (SELECT left(line.digest, 3) AS head, encode(sha256(convert_to(
                  string_agg(line.digest, '' ORDER BY line.digest COLLATE "C"), 'UTF8')), 'hex')
                  AS digest
              FROM (SELECT encode(sha256(convert_to(format('%%s', ROW(entry.*)), 'UTF8')), 'hex')
                           AS digest
                    FROM %I.%I entry) line
              GROUP BY left(line.digest, 3)) part
        $words$, schema, name) INTO digest;
EXCEPTION
    WHEN insufficient_privilege OR undefined_table THEN
        problem := SQLERRM;
END
$content_digest$;

CREATE FUNCTION qt001_cp.content_now(manifest text, frozen_only boolean DEFAULT false)
RETURNS jsonb
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $content_now$
-- {identity: {digest, problem, frozen}}, as far as the session may read. A cutover does not wait
-- for the rows of a large source table: those of more than 64 MB are left out, frozen ones never.
SELECT coalesce(jsonb_object_agg(listed.identity, jsonb_build_object(
           'digest', content.digest, 'frozen', listed.frozen,
           'problem', CASE WHEN listed.relation IS NULL THEN 'no such plain table of this database'
                           WHEN listed.left_out THEN 'more than 64 MB, and not frozen'
                           ELSE content.problem END)), '{}')
FROM (SELECT known.*, NOT known.frozen AND coalesce(known.bytes, 0) > 67108864 AS left_out
      FROM qt001_cp.content_table(manifest) known) listed
LEFT JOIN LATERAL qt001_cp.content_digest(listed.relation, listed.schema, listed.name) content
       ON listed.relation IS NOT NULL AND NOT listed.left_out
WHERE listed.frozen OR NOT frozen_only
$content_now$;

CREATE FUNCTION qt001_cp.content_sealed(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $content_sealed$
-- What was recorded when it was sealed, the last time where it was withdrawn and sealed again;
-- NULL: nothing.
SELECT event.detail -> 'tables' FROM qt001_cp.event
WHERE event.verb = 'content_recorded' AND event.subject = manifest
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.event again
                  WHERE again.verb = 'sealed' AND again.subject = manifest
                    AND again.seq > event.seq)
ORDER BY event.seq DESC LIMIT 1
$content_sealed$;

CREATE FUNCTION qt001_cp.content_findings(manifest text, content jsonb)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $content_findings$
-- Frozen tables whose rows, as content_now() has them, are not those of the sealing.
SELECT 'QT102', 'rows of table ' || frozen.key,
       coalesce('sha256 ' || sealed.digest, 'a digest recorded when the manifest was sealed'),
       coalesce('sha256 ' || (frozen.value ->> 'digest'), frozen.value ->> 'problem'),
       CASE WHEN frozen.value ->> 'digest' IS NULL
            THEN qt001_cp.membership_hint(relation.owner, true, false)
            ELSE 'Find out who changed them; put them back, or generate and seal a new one.' END
FROM jsonb_each(content) frozen
CROSS JOIN LATERAL (SELECT qt001_cp.content_sealed(manifest) #>> ARRAY[frozen.key, 'digest']
                           AS digest) sealed
LEFT JOIN LATERAL (
    SELECT pg_get_userbyid(pg_class.relowner) AS owner
    FROM qt001_cp.content_table(manifest) listed JOIN pg_class ON pg_class.oid = listed.relation
    WHERE listed.identity = frozen.key) relation ON true
WHERE (frozen.value ->> 'frozen')::boolean
  AND (sealed.digest IS NULL OR sealed.digest IS DISTINCT FROM frozen.value ->> 'digest')
$content_findings$;

CREATE FUNCTION qt001_cp.record_content(manifest text, content jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $record_content$
-- Level B, operator: what content_now() says in the operator's session, when the manifest is
-- sealed. Recorded once: the first answer counts.
DECLARE
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
        SELECT seal.* FROM qt001_cp.seal_findings(manifest) seal
        UNION ALL
        SELECT 'QT204', 'manifest ' || manifest, 'rows that nobody has recorded', 'a record',
               'A sealed manifest is never changed; generate a new one.'
        WHERE qt001_cp.content_sealed(manifest) IS NOT NULL
        UNION ALL
        SELECT 'QT102', 'rows of table ' || listed.identity, 'a digest of them',
               coalesce(content #>> ARRAY[listed.identity, 'problem'], 'none'),
               'Seal it as somebody who may read the table: GRANT its owner to the operator.'
        FROM qt001_cp.content_table(manifest) listed
        WHERE listed.frozen AND content #>> ARRAY[listed.identity, 'digest'] IS NULL
        UNION ALL
        SELECT 'QT102', 'frozen table ' || listed.identity, 'one that is transferred',
               'one that stays with the application',
               'Add a rule that transfers it, or take it out of [[frozen]] of the policy.'
        FROM qt001_cp.content_table(manifest) listed
        WHERE listed.frozen AND NOT EXISTS (
            SELECT 1 FROM qt001_cp.manifest_object(manifest) object
            WHERE object.kind = 'table' AND object.identity = listed.identity
              AND object.disposition = 'transfer')) finding;
    PERFORM qt001_cp.raise_first('sealing', findings);
    RETURN qt001_cp.record_event('content_recorded', manifest, jsonb_build_object('tables', (
        SELECT coalesce(jsonb_object_agg(listed.identity, content -> listed.identity), '{}')
        FROM qt001_cp.content_table(manifest) listed)));
END
$record_content$;
