-- What could run with the new owner's rights, or undo the cutover: edges between objects, each with
-- its reason.

CREATE FUNCTION qt001_cp.path_schemas(path text) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $path_schemas$
-- The schemas that a value of search_path names, as PostgreSQL reads it: a quoted name may hold
-- commas and blanks.
SELECT coalesce(array_agg(coalesce(replace(name.parts[1], '""', '"'), lower(name.parts[2]))
                          ORDER BY name.position), '{}')
FROM regexp_matches(path, '"((?:[^"]|"")*)"|([^",[:space:]]+)', 'g')
     WITH ORDINALITY name(parts, position)
$path_schemas$;

CREATE VIEW qt001_cp.v_part AS
-- Catalog rows that are a part of an object with an owner: an index, toast table, constraint,
-- default, trigger, rule or policy of its table, a row or array type of its table or element, an
-- operator or function of its operator family. class, id: the part. classid, objid: the object.
SELECT 'pg_catalog.pg_class'::regclass::oid AS class, pg_index.indexrelid AS id,
       'pg_catalog.pg_class'::regclass::oid AS classid, pg_index.indrelid AS objid
FROM pg_catalog.pg_index JOIN pg_catalog.pg_class indexed ON indexed.oid = pg_index.indrelid
WHERE indexed.relkind <> 't'
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, reltoastrelid, 'pg_catalog.pg_class'::regclass, oid
FROM pg_catalog.pg_class WHERE reltoastrelid <> 0
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, pg_index.indexrelid,
       'pg_catalog.pg_class'::regclass, toasted.oid
FROM pg_catalog.pg_index
JOIN pg_catalog.pg_class toasted ON toasted.reltoastrelid = pg_index.indrelid
UNION ALL
SELECT 'pg_catalog.pg_constraint'::regclass, oid, 'pg_catalog.pg_class'::regclass, conrelid
FROM pg_catalog.pg_constraint WHERE conrelid <> 0
UNION ALL
SELECT 'pg_catalog.pg_constraint'::regclass, oid, 'pg_catalog.pg_type'::regclass, contypid
FROM pg_catalog.pg_constraint WHERE contypid <> 0
UNION ALL
SELECT 'pg_catalog.pg_attrdef'::regclass, oid, 'pg_catalog.pg_class'::regclass, adrelid
FROM pg_catalog.pg_attrdef
UNION ALL
SELECT 'pg_catalog.pg_trigger'::regclass, oid, 'pg_catalog.pg_class'::regclass, tgrelid
FROM pg_catalog.pg_trigger
UNION ALL
SELECT 'pg_catalog.pg_rewrite'::regclass, oid, 'pg_catalog.pg_class'::regclass, ev_class
FROM pg_catalog.pg_rewrite
UNION ALL
SELECT 'pg_catalog.pg_policy'::regclass, oid, 'pg_catalog.pg_class'::regclass, polrelid
FROM pg_catalog.pg_policy
UNION ALL
SELECT 'pg_catalog.pg_publication_rel'::regclass, oid,
       'pg_catalog.pg_publication'::regclass, prpubid
FROM pg_catalog.pg_publication_rel
UNION ALL
SELECT 'pg_catalog.pg_amop'::regclass, oid, 'pg_catalog.pg_opfamily'::regclass, amopfamily
FROM pg_catalog.pg_amop
UNION ALL
SELECT 'pg_catalog.pg_amproc'::regclass, oid, 'pg_catalog.pg_opfamily'::regclass, amprocfamily
FROM pg_catalog.pg_amproc
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, pg_type.oid, 'pg_catalog.pg_class'::regclass, pg_class.oid
FROM pg_catalog.pg_type JOIN pg_catalog.pg_class ON pg_class.oid = pg_type.typrelid
WHERE pg_class.relkind <> 'c'
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, element.typarray,
       CASE WHEN relation.relkind <> 'c' THEN 'pg_catalog.pg_class'::regclass
            ELSE 'pg_catalog.pg_type'::regclass END,
       CASE WHEN relation.relkind <> 'c' THEN relation.oid
            ELSE coalesce(pg_range.rngtypid, element.oid) END
FROM pg_catalog.pg_type element
LEFT JOIN pg_catalog.pg_class relation ON relation.oid = element.typrelid
LEFT JOIN pg_catalog.pg_range ON pg_range.rngmultitypid = element.oid
     AND pg_catalog.current_setting('server_version_num')::int >= 170000
WHERE element.typarray <> 0
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, rngmultitypid, 'pg_catalog.pg_type'::regclass, rngtypid
FROM pg_catalog.pg_range WHERE pg_catalog.current_setting('server_version_num')::int >= 170000
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, oid, 'pg_catalog.pg_type'::regclass, reltype
FROM pg_catalog.pg_class WHERE relkind = 'c';

CREATE FUNCTION qt001_cp.catalog_edge()
RETURNS TABLE (from_class oid, from_id oid, to_class oid, to_id oid, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $catalog_edge$
-- Every dependency between objects of this database that are not the system's own, lifted to the
-- objects with owners. pg_depend knows defaults, checks, triggers, rules, policies, foreign keys,
-- inheritance, types, BEGIN ATOMIC bodies, operator classes, collations, text search, foreign
-- servers, extensions. What it does not know is added below.
WITH lifted AS (
    SELECT coalesce(source.classid, entry.classid) AS from_class,
           coalesce(source.objid, entry.objid) AS from_id,
           coalesce(target.classid, entry.refclassid) AS to_class,
           coalesce(target.objid, entry.refobjid) AS to_id,
           (SELECT relname FROM pg_class WHERE oid = entry.classid) AS via, entry.objid AS via_id
    FROM pg_depend entry
    LEFT JOIN qt001_cp.v_part source ON source.class = entry.classid AND source.id = entry.objid
    LEFT JOIN qt001_cp.v_part target
           ON target.class = entry.refclassid AND target.id = entry.refobjid
    WHERE entry.objid >= 16384 AND entry.refclassid <> 'pg_namespace'::regclass
      AND (entry.refobjid >= 16384 OR entry.refclassid = 'pg_extension'::regclass)
)
SELECT DISTINCT lifted.from_class, lifted.from_id, lifted.to_class, lifted.to_id,
       CASE WHEN lifted.to_class = 'pg_extension'::regclass THEN 'belongs to' ELSE CASE lifted.via
           WHEN 'pg_constraint' THEN (
               SELECT 'constraint ' || conname FROM pg_constraint WHERE oid = lifted.via_id)
           WHEN 'pg_trigger' THEN (
               SELECT coalesce(CASE WHEN tgisinternal THEN 'constraint ' || conname END,
                               'trigger ' || tgname)
               FROM pg_trigger LEFT JOIN pg_constraint ON pg_constraint.oid = tgconstraint
               WHERE pg_trigger.oid = lifted.via_id)
           WHEN 'pg_rewrite' THEN 'its query or rule'
           WHEN 'pg_policy' THEN (
               SELECT 'policy ' || polname FROM pg_policy WHERE oid = lifted.via_id)
           WHEN 'pg_attrdef' THEN 'a default or generated column'
           WHEN 'pg_publication_rel' THEN 'publishes'
           WHEN 'pg_amop' THEN 'an operator of it'
           WHEN 'pg_amproc' THEN 'a function of it'
           WHEN 'pg_statistic_ext' THEN 'statistics'
           ELSE 'its definition' END END
FROM lifted
WHERE (lifted.from_class, lifted.from_id) <> (lifted.to_class, lifted.to_id)
UNION
-- What is written to a parent arrives in its children.
SELECT 'pg_class'::regclass, inhparent, 'pg_class'::regclass, inhrelid, 'partition or child'
FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE child.relkind IN ('r', 'p', 'f')
UNION
-- A cast is found by its types, in every body that converts one into the other; that of a table's
-- row by the table.
SELECT coalesce(whole.classid, 'pg_type'::regclass), coalesce(whole.objid, type.oid),
       'pg_proc'::regclass, castfunc,
       format('cast of %s to %s', format_type(castsource, NULL), format_type(casttarget, NULL))
FROM pg_cast JOIN pg_type type ON type.oid IN (castsource, casttarget)
LEFT JOIN qt001_cp.v_part whole ON whole.class = 'pg_type'::regclass AND whole.id = type.oid
WHERE pg_cast.oid >= 16384 AND castfunc >= 16384
UNION
-- A cast between two of the server's own types is found in any body. One that is written down
-- parsed has it in pg_depend.
SELECT 'pg_proc'::regclass, routine.oid, 'pg_proc'::regclass, castfunc,
       format('cast of %s to %s', format_type(castsource, NULL), format_type(casttarget, NULL))
FROM pg_cast JOIN pg_proc routine ON routine.oid >= 16384 AND routine.oid <> castfunc
JOIN pg_language ON pg_language.oid = routine.prolang AND lanname NOT IN ('internal', 'c')
WHERE pg_cast.oid >= 16384 AND castfunc >= 16384 AND castsource < 16384 AND casttarget < 16384
UNION
-- Sorting, grouping and comparing of a type take its default operator class.
SELECT coalesce(whole.classid, 'pg_type'::regclass), coalesce(whole.objid, opcintype),
       'pg_opclass'::regclass, pg_opclass.oid, 'its default operator class'
FROM pg_opclass
LEFT JOIN qt001_cp.v_part whole ON whole.class = 'pg_type'::regclass AND whole.id = opcintype
WHERE opcdefault AND pg_opclass.oid >= 16384
UNION
-- Whoever analyses the table runs the expressions of its statistics.
SELECT 'pg_class'::regclass, stxrelid, 'pg_statistic_ext'::regclass, oid, 'statistics'
FROM pg_statistic_ext
$catalog_edge$;

CREATE FUNCTION qt001_cp.live_identity(app name)
RETURNS TABLE (classid oid, objid oid, kind text, identity text, owner text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $live_identity$
-- The estate and what the control plane's owner owns of it, by identity.
SELECT object.classid, object.objid, object.kind, object.identity, object.owner
FROM qt001_cp.live_object(app, false, false) object
UNION
SELECT object.classid, object.objid, object.kind, object.identity, object.owner
FROM qt001_cp.live_object('qt001_cp_owner', false, false) object
WHERE object.identity NOT LIKE 'qt001\_cp.%'
$live_identity$;
