-- Tables that grow: the policy names them, and their partitions come and go without a change. What
-- such a partition may be is asked of the catalogs; no digest of it stands in a manifest in force.

CREATE FUNCTION qt001_cp.like_pattern(glob text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $like_pattern$
-- A pattern of the policy, which knows * and ?, as LIKE has it.
SELECT translate(regexp_replace(glob, '([\\%_])', '\\\1', 'g'), '*?', '%_')
$like_pattern$;

CREATE FUNCTION qt001_cp.growth(manifest text)
RETURNS TABLE (parent text, parent_oid oid, schema text, glob text, pattern text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $growth$
-- The tables that grow, and the names of their partitions. pattern: as LIKE has it.
SELECT grown.value ->> 'table', relation.oid, grown.value ->> 'schema', grown.value ->> 'name',
       qt001_cp.like_pattern(grown.value ->> 'name')
FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'growth') grown
LEFT JOIN LATERAL (
    SELECT live.oid FROM pg_class live
    CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, live.oid, 0) named
    WHERE live.relkind = 'p' AND named.identity = grown.value ->> 'table') relation ON true
$growth$;

CREATE FUNCTION qt001_cp.growth_object(manifest text)
RETURNS TABLE (parent text, number bigint, identity text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $growth_object$
-- The tables of the manifest under the names of what grows: they may be gone. EXISTS: where nothing
-- grows no object is unpacked.
WITH known AS MATERIALIZED (
    SELECT growth.* FROM qt001_cp.growth(manifest) growth
)
SELECT known.parent, entry.number, entry.identity
FROM known JOIN qt001_cp.manifest_object(growth_object.manifest) entry
    ON entry.schema = known.schema AND entry.name LIKE known.pattern
WHERE entry.kind = 'table' AND EXISTS (SELECT 1 FROM known)
$growth_object$;

CREATE FUNCTION qt001_cp.growth_table(manifest text)
RETURNS TABLE (oid oid, owner oid, identity text, parent text, parent_oid oid, glob text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $growth_table$
-- The live tables under the names of what grows, anybody's. parent_oid: of a partition of it; NULL
-- where it is none.
SELECT relation.oid, relation.relowner, named.identity, known.parent, inherited.inhparent,
       known.glob
FROM qt001_cp.growth(manifest) known
JOIN pg_namespace space ON space.nspname = known.schema
JOIN pg_class relation ON relation.relnamespace = space.oid AND relation.relkind IN ('r', 'p', 'f')
     AND relation.relname LIKE known.pattern
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, relation.oid, 0) named
LEFT JOIN pg_inherits inherited
       ON inherited.inhrelid = relation.oid AND inherited.inhparent = known.parent_oid
$growth_table$;

CREATE FUNCTION qt001_cp.own_privileges_only(relation oid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $own_privileges_only$
-- Whether nobody but its owner has a privilege on it, or on a column of it.
SELECT NOT EXISTS (
    SELECT 1 FROM pg_class known CROSS JOIN LATERAL aclexplode(known.relacl) entry
    WHERE known.oid = relation AND entry.grantee <> known.relowner)
   AND NOT EXISTS (
    SELECT 1 FROM pg_attribute attribute CROSS JOIN LATERAL aclexplode(attribute.attacl) entry
    WHERE attribute.attrelid = relation)
$own_privileges_only$;

CREATE FUNCTION qt001_cp.partition_fault(part oid, parent oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
{wording}
SET jit = off
AS $partition_fault$
-- long: all that can hang on a table, each once.
-- What a table has that CREATE TABLE ... PARTITION OF would not have given it; NULL: nothing. One
-- that was detached (parent NULL) has no trigger, rule or child of its own, and nothing refers to
-- it. Indexes without a meaning may be there, as beside any protected table.
SELECT CASE
    WHEN known.relkind <> 'r' THEN 'it is no plain table'
    WHEN known.reloftype <> 0 THEN 'it is of a type'
    WHEN known.relpersistence <> coalesce(above.relpersistence, 'p') THEN 'it is UNLOGGED'
    WHEN known.relrowsecurity OR known.relforcerowsecurity OR EXISTS (
        SELECT 1 FROM pg_policy WHERE polrelid = part) THEN 'it has row security of its own'
    WHEN known.relreplident NOT IN ('d', coalesce(above.relreplident, 'd'))
        THEN 'it has a replica identity of its own'
    WHEN known.relam NOT IN (
        (SELECT method.oid FROM pg_am method WHERE method.amname = 'heap'),
        coalesce(above.relam, 0))
        THEN 'it has a table access method of its own'
    WHEN EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = part) THEN 'it has a rule'
    WHEN EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = part) THEN 'it has a child'
    WHEN EXISTS (
        SELECT 1 FROM pg_inherits WHERE inhrelid = part AND inhparent IS DISTINCT FROM parent)
        THEN 'it is a child of another table'
    WHEN EXISTS (
        SELECT 1 FROM pg_cast JOIN pg_type ON pg_type.typrelid = part
        WHERE pg_type.oid IN (castsource, casttarget)
           OR pg_type.typarray IN (castsource, casttarget)) THEN 'there is a cast of its rows'
    WHEN EXISTS (SELECT 1 FROM pg_publication_rel WHERE prrelid = part)
        THEN 'a publication names it'
    ELSE coalesce(trigger.fault, made.fault, attribute.fault, index.fault) END
FROM pg_class known LEFT JOIN pg_class above ON above.oid = parent
LEFT JOIN LATERAL (
    SELECT min('trigger ' || quote_ident(own.tgname) || ' is its own, or is not enabled as its '
               'table''s') AS fault
    FROM pg_trigger own LEFT JOIN pg_trigger of_parent ON of_parent.oid = own.tgparentid
    WHERE own.tgrelid = part AND NOT CASE
        WHEN own.tgparentid <> 0 THEN coalesce(own.tgenabled = of_parent.tgenabled, false)
        ELSE own.tgisinternal AND own.tgenabled = 'O' END) trigger ON true
LEFT JOIN LATERAL (
    SELECT min('constraint ' || quote_ident(own.conname) || ' is not its table''s') AS fault
    FROM pg_constraint own
    WHERE own.conrelid = part AND CASE
              WHEN own.contype = 't' THEN true
              WHEN own.contype = 'n' OR parent IS NULL THEN false
              WHEN own.contype IN ('f', 'p', 'u') THEN own.conparentid = 0
              ELSE own.coninhcount = 0 END
       OR own.conparentid = 0 AND own.confrelid = part AND own.conrelid <> part
          -- What refers to it has a trigger on it: these are few.
          AND own.oid IN (SELECT tgconstraint FROM pg_trigger WHERE tgrelid = part)) made ON true
LEFT JOIN LATERAL (
    SELECT min('column ' || quote_ident(own.attname) || ' is not as in its table') AS fault
    FROM pg_attribute own
    LEFT JOIN pg_attribute of_parent
           ON of_parent.attrelid = parent AND of_parent.attname = own.attname
    LEFT JOIN pg_attrdef preset ON preset.adrelid = part AND preset.adnum = own.attnum
    LEFT JOIN pg_attrdef of_table
           ON of_table.adrelid = parent AND of_table.adnum = of_parent.attnum
    WHERE own.attrelid = part AND own.attnum > 0 AND NOT own.attisdropped AND parent IS NOT NULL
      AND (of_parent.attnum IS NULL OR own.atttypid <> of_parent.atttypid
           OR own.atttypmod <> of_parent.atttypmod OR own.attcollation <> of_parent.attcollation
           OR own.attnotnull < of_parent.attnotnull
           OR own.attgenerated <> of_parent.attgenerated
           OR own.attidentity NOT IN ('', of_parent.attidentity)
           OR pg_get_expr(preset.adbin, preset.adrelid)
              <> coalesce(pg_get_expr(of_table.adbin, of_table.adrelid), ''))) attribute ON true
LEFT JOIN LATERAL (
    SELECT min('index ' || quote_ident(named.relname) || ' is its own, and has a meaning') AS fault
    FROM pg_index own JOIN pg_class named ON named.oid = own.indexrelid
    WHERE own.indrelid = part AND parent IS NOT NULL AND NOT named.relispartition
      AND (own.indisunique OR own.indisexclusion OR own.indexprs IS NOT NULL
           OR own.indpred IS NOT NULL OR named.relam >= 16384
           OR 16384 <= ANY (own.indclass) OR 16384 <= ANY (own.indcollation))) index ON true
WHERE known.oid = part
$partition_fault$;

CREATE FUNCTION qt001_cp.grown(manifest text)
RETURNS TABLE (oid oid, identity text, parent text, attached boolean, fault text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $grown$
-- The control plane's owner's tables under the names of what grows. fault: why one is no partition
-- that came and may go; NULL where it is. Whose privileges the manifest has, these are compared.
-- Under the names of two that grow it is of the one whose partition it is.
SELECT DISTINCT ON (named.oid)
       named.oid, named.identity, named.parent, named.parent_oid IS NOT NULL,
       CASE WHEN NOT qt001_cp.own_privileges_only(named.oid)
             AND named.identity NOT IN (
                 SELECT sealed.identity FROM qt001_cp.growth_object(manifest) sealed)
            THEN 'others have privileges on it'
            ELSE qt001_cp.partition_fault(named.oid, named.parent_oid) END
FROM qt001_cp.growth_table(manifest) named
WHERE named.owner = to_regrole('qt001_cp_owner')
ORDER BY named.oid, named.parent_oid NULLS LAST, named.parent COLLATE "C"
$grown$;

CREATE FUNCTION qt001_cp.partition_differences(manifest text, state text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $partition_differences$
-- Partitions of transferred tables that neither the manifest names nor a role of its own brings
-- into the comparison: what somebody else has attached. And what came under a name of growth, and
-- is more than a partition.
SELECT 'table ' || part.identity, 'no partition that the manifest does not name',
       format('a partition of %s, owned by %s', entry.identity,
              pg_get_userbyid(relation.relowner)),
       format('Find out who attached it: ALTER TABLE %s DETACH PARTITION %s;', entry.identity,
              part.identity)
FROM qt001_cp.manifest_object(manifest) entry
JOIN pg_namespace space ON space.nspname = entry.schema
JOIN pg_class above ON above.relnamespace = space.oid AND above.relname = entry.name
     AND above.relkind = 'p'
JOIN pg_inherits inherited ON inherited.inhparent = above.oid
JOIN pg_class relation ON relation.oid = inherited.inhrelid
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, relation.oid, 0) part
WHERE entry.kind = 'table' AND entry.disposition = 'transfer'
  AND relation.relowner IS DISTINCT FROM to_regrole('qt001_cp_owner')
  AND (state <> 'before' OR relation.relowner <> above.relowner)
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.manifest_object(manifest) listed
                  WHERE listed.identity = part.identity)
UNION ALL
SELECT 'table ' || grown.identity,
       format('a partition of %s and nothing more, or a table that was one', grown.parent),
       grown.fault,
       'Find out who made it so; put it back, or drop it.'
FROM qt001_cp.grown(manifest) grown WHERE state <> 'before' AND grown.fault IS NOT NULL
$partition_differences$;

CREATE FUNCTION qt001_cp.growth_findings(manifest text, made boolean DEFAULT true)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $growth_findings$
-- What may grow is a partitioned table that is transferred, and whose rows nobody counts; what is
-- under the names of its partitions is one, and no more than that. made: the change that makes one
-- has run; before it, what its manifest has and no earlier one need not be there.
WITH known AS MATERIALIZED (
    SELECT growth.* FROM qt001_cp.growth(manifest) growth
), counted AS MATERIALIZED (
    SELECT source.value #>> '{}' AS identity, 'a source table' AS word
    FROM jsonb_array_elements(
        qt001_cp.document_json(manifest) #> '{apply_path,source_tables}') source
    UNION ALL
    SELECT frozen.value ->> 'identity', 'frozen'
    FROM jsonb_array_elements(qt001_cp.manifest_policy(manifest) -> 'frozen') frozen
)
SELECT 'QT103', 'manifest ' || manifest, 'growth as the policy has it',
       left(coalesce(head -> 'growth', '[]')::text, 200),
       'The manifest is not what its policy implies: let the author generate it again.'
FROM qt001_cp.document_json(manifest) head
WHERE coalesce(head -> 'growth', '[]') IS DISTINCT FROM coalesce((
    SELECT jsonb_agg(rule.value - 'reason' ORDER BY rule.value ->> 'table' COLLATE "C",
                     rule.value ->> 'schema' COLLATE "C", rule.value ->> 'name' COLLATE "C")
    FROM jsonb_array_elements(qt001_cp.manifest_policy(manifest) -> 'growth') rule), '[]')
UNION ALL
SELECT 'QT206', 'growth of ' || known.parent, 'a partitioned table that is transferred',
       CASE WHEN known.parent_oid IS NULL THEN 'no such partitioned table'
            ELSE 'one that is not' END,
       'Write it into the policy as qt001-cp inventory prints it, or transfer it.'
FROM known
WHERE NOT EXISTS (
    SELECT 1 FROM qt001_cp.manifest_object(manifest) entry
    WHERE entry.kind = 'table' AND entry.identity = known.parent
      AND entry.disposition = 'transfer')
   OR known.parent_oid IS NULL AND (
       growth_findings.made OR qt001_cp.predecessor(manifest) IS NULL OR EXISTS (
           SELECT 1 FROM qt001_cp.manifest_object(qt001_cp.predecessor(manifest)) earlier
           WHERE earlier.kind = 'table' AND earlier.identity = known.parent))
UNION ALL
SELECT 'QT206', 'growth of ' || known.parent, 'a table whose rows no gate counts',
       counted.word, 'Take it out of growth: dropping a partition loses rows that it counts.'
FROM known JOIN counted ON counted.identity = known.parent
UNION ALL
SELECT 'QT206', 'table ' || part.identity,
       format('a partition of %s and nothing more', part.parent),
       CASE WHEN part.parent_oid IS NULL THEN 'it is no partition of it'
            ELSE qt001_cp.partition_fault(part.oid, part.parent_oid) END,
       format('Take it out of growth (name = %s), or put it right before the manifest is '
              'generated.', to_json(part.glob))
FROM qt001_cp.growth_table(manifest) part
WHERE part.parent IN (SELECT known.parent FROM known WHERE known.parent_oid IS NOT NULL)
  AND EXISTS (SELECT 1 FROM qt001_cp.manifest_object(manifest) entry
              WHERE entry.kind = 'table' AND entry.identity = part.identity
                AND entry.disposition = 'transfer')
  -- Once it is in force, one may be detached.
  AND (part.parent_oid IS NULL AND NOT qt001_cp.is_successor(manifest)
       OR qt001_cp.partition_fault(part.oid, part.parent_oid) IS NOT NULL)
$growth_findings$;

CREATE FUNCTION qt001_cp.growth_schema_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $growth_schema_findings$
-- Where partitions are made nobody of the application makes a table: its name would be in the way,
-- or it would be taken for one.
SELECT DISTINCT 'QT108', 'schema ' || known.schema,
       format('no CREATE privilege for %s or PUBLIC: partitions of %s are made there', app,
              known.parent),
       'CREATE for ' || coalesce(writable.grantee, 'PUBLIC'),
       format('Do not keep it in the policy''s rule for this schema; of another''s schema: REVOKE '
              'CREATE ON SCHEMA %I FROM %s;', known.schema,
              coalesce(quote_ident(writable.grantee), 'PUBLIC'))
FROM qt001_cp.growth(manifest) known
JOIN qt001_cp.writable_schema(manifest) writable ON writable.schema = known.schema
$growth_schema_findings$;

CREATE FUNCTION qt001_cp.grown_lines()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $grown_lines$
-- Which partitions have come and gone since the manifest in force, for who asks what is new.
WITH manifest AS MATERIALIZED (
    SELECT digest FROM qt001_cp.reference_manifest() digest WHERE digest IS NOT NULL
), sealed AS MATERIALIZED (
    SELECT known.* FROM manifest CROSS JOIN LATERAL qt001_cp.growth_object(manifest.digest) known
), live AS MATERIALIZED (
    SELECT grown.* FROM manifest CROSS JOIN LATERAL qt001_cp.grown(manifest.digest) grown
), difference AS (
    SELECT coalesce(live.parent, sealed.parent) AS parent,
           string_agg(coalesce(live.identity, sealed.identity), ', '
                      ORDER BY coalesce(live.identity, sealed.identity) COLLATE "C") AS names,
           sealed.identity IS NULL AS came, count(*) AS number
    FROM live FULL JOIN sealed ON sealed.parent = live.parent AND sealed.identity = live.identity
    WHERE live.identity IS NULL OR sealed.identity IS NULL
    GROUP BY 1, sealed.identity IS NULL
)
SELECT 'table ' || difference.parent, 'the partitions of the manifest',
       string_agg(format('%s %s (%s)', difference.number,
                         CASE WHEN difference.came THEN 'new' ELSE 'gone' END,
                         CASE WHEN length(difference.names) > 300
                              THEN left(difference.names, 300) || '...'
                              ELSE difference.names END),
                  '; ' ORDER BY difference.came DESC),
       'Nothing: the policy lets it grow.'
FROM difference GROUP BY difference.parent
$grown_lines$;

CREATE FUNCTION qt001_cp.partition_statement(manifest text)
RETURNS TABLE (number bigint, statement text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $partition_statement$
-- The way back of what grows, as it is now: what the cutover found has its own way; what came since
-- gets the owner and the privileges that its table had.
WITH known AS MATERIALIZED (
    SELECT entry.identity, entry.before
    FROM qt001_cp.manifest_object(manifest) entry
    WHERE entry.kind = 'table' AND entry.disposition = 'transfer'
), younger AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY grown.identity COLLATE "C") AS place,
           qt001_cp.quote_always(space.nspname) || '.' || qt001_cp.quote_always(relation.relname)
               AS address,
           above.before
    FROM qt001_cp.grown(manifest) grown
    JOIN known above ON above.identity = grown.parent
    JOIN pg_class relation ON relation.oid = grown.oid
    JOIN pg_namespace space ON space.oid = relation.relnamespace
    LEFT JOIN known own ON own.identity = grown.identity
    WHERE coalesce(own.before ->> 'owner', 'qt001_cp_owner') = 'qt001_cp_owner'
)
SELECT implied.number, implied.statement
FROM qt001_cp.implied_statement(manifest, 'follow') implied
UNION ALL
SELECT 1000000000 + younger.place * 1000,
       format('ALTER TABLE %s OWNER TO %s;', younger.address,
              qt001_cp.quote_always(younger.before ->> 'owner'))
FROM younger
UNION ALL
SELECT 1000000000 + younger.place * 1000 + entry.place,
       -- Who has passed a privilege on does it again.
       format(CASE WHEN entry.value -> 0 = younger.before -> 'owner' THEN '%2$s'
                   ELSE 'SET LOCAL ROLE %1$s; %2$s RESET ROLE;' END,
              qt001_cp.quote_always(entry.value ->> 0),
              format('GRANT %s ON TABLE %s TO %s%s;', entry.value ->> 2, younger.address,
                     coalesce(qt001_cp.quote_always(entry.value ->> 1), 'PUBLIC'),
                     CASE WHEN (entry.value ->> 3)::boolean THEN ' WITH GRANT OPTION'
                          ELSE '' END))
FROM younger
CROSS JOIN LATERAL jsonb_array_elements(younger.before -> 'acl') WITH ORDINALITY entry(value, place)
WHERE entry.value ->> 1 IS DISTINCT FROM younger.before ->> 'owner'
ORDER BY 1
$partition_statement$;

CREATE FUNCTION qt001_cp.follow_partitions(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $follow_partitions$
-- The partitions of what grows go back with their table.
DECLARE
    line record;
BEGIN
    PERFORM qt001_cp.note_step('follow_partitions');
    FOR line IN
        SELECT implied.statement FROM qt001_cp.partition_statement(manifest) implied
        ORDER BY implied.number
    LOOP
        EXECUTE line.statement;
    END LOOP;
END
$follow_partitions$;
