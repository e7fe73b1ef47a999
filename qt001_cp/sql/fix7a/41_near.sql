-- What lies near the protected objects: the part of the catalogs that a gate has to look at. It
-- does not grow with what the application makes beside them.

CREATE FUNCTION qt001_cp.application_role_oids(app name) RETURNS SETOF oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $application_role_oids$
-- The application role and every role that it is a member of, whatever the options of the
-- membership: who may administer a role may grant it to itself; and the same of who can become the
-- application. What these own stays under the application's control.
SELECT oid FROM pg_roles
WHERE rolname !~ '^pg_'
  AND (rolname IN (SELECT qt001_cp.member_of(app))
       OR rolname IN (SELECT beside.role FROM qt001_cp.role_beside_application(app) beside))
$application_role_oids$;

CREATE FUNCTION qt001_cp.named_object(manifest text) RETURNS TABLE (class oid, id oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $named_object$
-- What stands under the schema and the name of something transferred, and of a routine that the
-- manifest's analysis speaks of, whoever owns it; overloads too. The branches are made from
-- CATALOGS of model/kinds.py.
WITH wanted AS MATERIALIZED (
    SELECT DISTINCT object.schema, object.name FROM qt001_cp.manifest_object(manifest) object
    WHERE object.disposition = 'transfer' OR object.detail -> 'reaches' IS NOT NULL
)
{named_objects}
$named_object$;

CREATE FUNCTION qt001_cp.protected_numbers(manifest text) RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $protected_numbers$
-- The numbers of all that a comparison with the manifest in force can close a gate by: what the
-- control plane's owner owns, what stands under the name of something transferred, what is of a
-- kind of which a new one closes, and what of the application's is of a kind that is not known.
SELECT ARRAY(
    SELECT named.id FROM qt001_cp.named_object(manifest) named
    UNION
    SELECT owned.objid FROM pg_shdepend owned
    WHERE owned.refclassid = 'pg_authid'::regclass AND owned.deptype = 'o'
      AND owned.refobjid = to_regrole('qt001_cp_owner')
      AND owned.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    UNION
    -- Catalog by catalog: the application may own a great deal of what is known.
    SELECT noted.objid
    FROM (SELECT catalog.oid FROM pg_class catalog
          WHERE catalog.oid < 16384 AND catalog.oid NOT IN ({known_classes}) OFFSET 0) unknown
    CROSS JOIN LATERAL (
        SELECT entry.objid, entry.refclassid, entry.refobjid FROM pg_shdepend entry
        WHERE entry.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
          AND entry.classid = unknown.oid OFFSET 0) noted
    WHERE noted.refclassid = 'pg_authid'::regclass
      AND noted.refobjid IN (SELECT qt001_cp.application_role_oids(
              (qt001_cp.document_json(manifest) ->> 'application')::name))
    UNION
    {closing_objects}
)
$protected_numbers$;

CREATE FUNCTION qt001_cp.reached_object(reached jsonb) RETURNS TABLE (class oid, id oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $reached_object$
-- What stands under the names in [{"kind", "identity"}, ...] of an analysis; overloads too.
WITH word AS MATERIALIZED (
    SELECT DISTINCT substring(entry ->> 'identity' FROM
        '^((?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*))') AS said
    FROM jsonb_array_elements(reached) entry
), wanted AS MATERIALIZED (
    SELECT path.parts[1] AS schema, path.parts[2] AS name
    FROM word CROSS JOIN LATERAL parse_ident(word.said) path(parts) WHERE word.said IS NOT NULL
)
{named_objects}
$reached_object$;

CREATE FUNCTION qt001_cp.near_root(manifest text, reached jsonb)
RETURNS TABLE (class oid, id oid, downwards boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $near_root$
-- Where the walk of near_object() begins. downwards: to what it needs, or to what needs it. What
-- third roles own is looked into too: somebody may act with their rights.
WITH application AS MATERIALIZED (
    SELECT qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) AS oid
), protected AS MATERIALIZED (
    SELECT named.class, named.id FROM qt001_cp.named_object(manifest) named
    UNION
    SELECT owned.classid, owned.objid FROM pg_shdepend owned
    WHERE owned.refclassid = 'pg_authid'::regclass AND owned.deptype = 'o'
      AND owned.refobjid = to_regrole('qt001_cp_owner')
      AND owned.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT protected.class, protected.id, way.downwards
FROM protected CROSS JOIN (VALUES (true), (false)) way(downwards)
UNION ALL
SELECT 'pg_foreign_server'::regclass, pg_foreign_server.oid, false FROM pg_foreign_server
UNION ALL
SELECT 'pg_event_trigger'::regclass, pg_event_trigger.oid, true FROM pg_event_trigger
UNION ALL
SELECT 'pg_proc'::regclass, castfunc, true FROM pg_cast WHERE castfunc >= 16384
UNION ALL
-- A body finds operators by its search path, and no row says which.
SELECT 'pg_operator'::regclass, pg_operator.oid, true FROM pg_operator
WHERE pg_operator.oid >= 16384
UNION ALL
SELECT found.class, found.id, true
FROM qt001_cp.reached_object(reached || (
    SELECT coalesce(jsonb_agg(edge), '[]') FROM qt001_cp.manifest_object(manifest) object
    CROSS JOIN LATERAL jsonb_array_elements(object.detail -> 'reaches') edge)) found
UNION ALL
-- First whose it is: most relations are the application's.
SELECT 'pg_class'::regclass, relation.oid, true
FROM (SELECT class.oid, class.relkind, class.relnamespace FROM pg_class class
      WHERE class.relowner <> ALL (ARRAY(SELECT application.oid FROM application))
      OFFSET 0) relation
WHERE relation.oid >= 16384 AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND relation.relnamespace <> 'qt001_cp'::regnamespace
UNION ALL
SELECT 'pg_proc'::regclass, routine.oid, way.downwards
FROM pg_proc routine CROSS JOIN (VALUES (true), (false)) way(downwards)
WHERE routine.oid >= 16384 AND routine.prosecdef
  AND routine.proowner NOT IN (SELECT application.oid FROM application)
  AND routine.pronamespace <> 'qt001_cp'::regnamespace
$near_root$;

CREATE FUNCTION qt001_cp.near_object(manifest text, reached jsonb DEFAULT '[]')
RETURNS TABLE (class oid, id oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $near_object$
-- long: two walks, each of which goes by every way that an edge knows.
-- Catalog rows, objects and their parts, that something protected may reach or that may reach
-- something protected: more than the edges of 40_dependency lead to, never less. The walk down goes
-- no further at what the application owns: that is a finding already. reached: what another
-- analysis says that bodies reach.
WITH RECURSIVE application AS MATERIALIZED (
    SELECT qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) AS oid
), root AS MATERIALIZED (
    SELECT DISTINCT start.class, start.id, start.downwards
    FROM qt001_cp.near_root(manifest, reached) start
), down(class, id) AS (
    SELECT root.class, root.id FROM root WHERE root.downwards
    UNION
    SELECT step.class, step.id
    FROM down CROSS JOIN LATERAL (
        SELECT needed.refclassid, needed.refobjid FROM pg_depend needed
        WHERE needed.classid = down.class AND needed.objid = down.id
          AND needed.refclassid <> 'pg_namespace'::regclass
          AND (needed.refobjid >= 16384 OR needed.refclassid = 'pg_extension'::regclass)
        UNION ALL
        SELECT part.classid, part.objid FROM pg_depend part
        WHERE part.refclassid = down.class AND part.refobjid = down.id
          AND part.deptype IN ('a', 'i') AND part.refclassid <> 'pg_namespace'::regclass
        UNION ALL
        SELECT 'pg_trigger'::regclass, pg_trigger.oid FROM pg_trigger
        WHERE down.class = 'pg_class'::regclass AND pg_trigger.tgrelid = down.id
        UNION ALL
        SELECT 'pg_class'::regclass, pg_inherits.inhrelid FROM pg_inherits
        WHERE down.class = 'pg_class'::regclass AND pg_inherits.inhparent = down.id
        UNION ALL
        SELECT 'pg_proc'::regclass, pg_cast.castfunc FROM pg_cast
        WHERE down.class = 'pg_type'::regclass AND pg_cast.castfunc >= 16384
          AND down.id IN (pg_cast.castsource, pg_cast.casttarget)
        UNION ALL
        SELECT 'pg_opclass'::regclass, pg_opclass.oid FROM pg_opclass
        WHERE down.class = 'pg_type'::regclass AND pg_opclass.opcdefault
          AND pg_opclass.opcintype = down.id AND pg_opclass.oid >= 16384
    ) step(class, id)
    WHERE EXISTS (SELECT 1 FROM root WHERE root.class = down.class AND root.id = down.id)
       OR CASE down.class
          -- Scalar: looked up one by one.
          WHEN 'pg_class'::regclass THEN coalesce((
              SELECT stop.relowner FROM pg_class stop
              WHERE stop.oid = down.id AND stop.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')), 0)
              NOT IN (SELECT application.oid FROM application)
          WHEN 'pg_proc'::regclass THEN coalesce((
              SELECT stop.proowner FROM pg_proc stop WHERE stop.oid = down.id), 0)
              NOT IN (SELECT application.oid FROM application)
          ELSE true END
), up(class, id) AS (
    SELECT root.class, root.id FROM root WHERE NOT root.downwards
    UNION
    SELECT step.class, step.id
    FROM up CROSS JOIN LATERAL (
        SELECT needing.classid, needing.objid FROM pg_depend needing
        WHERE needing.refclassid = up.class AND needing.refobjid = up.id
          AND needing.refclassid <> 'pg_namespace'::regclass AND needing.objid >= 16384
        UNION ALL
        SELECT whole.refclassid, whole.refobjid FROM pg_depend whole
        WHERE whole.classid = up.class AND whole.objid = up.id AND whole.deptype IN ('a', 'i')
          AND whole.refclassid <> 'pg_namespace'::regclass AND whole.refobjid >= 16384
        UNION ALL
        SELECT 'pg_class'::regclass, pg_trigger.tgrelid FROM pg_trigger
        WHERE up.class = 'pg_trigger'::regclass AND pg_trigger.oid = up.id
        UNION ALL
        SELECT 'pg_type'::regclass, type.oid
        FROM pg_cast CROSS JOIN LATERAL (VALUES (castsource), (casttarget)) type(oid)
        WHERE up.class = 'pg_proc'::regclass AND pg_cast.castfunc = up.id
        UNION ALL
        SELECT 'pg_type'::regclass, pg_opclass.opcintype FROM pg_opclass
        WHERE up.class = 'pg_opclass'::regclass AND pg_opclass.oid = up.id
    ) step(class, id)
)
SELECT down.class, down.id FROM down
UNION
SELECT up.class, up.id FROM up
$near_object$;

-- The same rows, side by side.
CREATE TYPE qt001_cp.near_rows AS (classes oid[], ids oid[]);

CREATE FUNCTION qt001_cp.near_protected(manifest text) RETURNS qt001_cp.near_rows
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $near_protected$
SELECT array_agg(near.class ORDER BY near.class, near.id),
       array_agg(near.id ORDER BY near.class, near.id)
FROM qt001_cp.near_object(manifest) near
$near_protected$;

CREATE FUNCTION qt001_cp.near_part(classes oid[], ids oid[])
RETURNS TABLE (class oid, id oid, classid oid, objid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = on
SET jit = off
AS $near_part$
-- The rows of v_part for these catalog rows, looked up one by one.
WITH near AS MATERIALIZED (
    SELECT row_of.class, row_of.id FROM unnest(classes, ids) row_of(class, id)
)
SELECT near.class, near.id, 'pg_class'::regclass::oid, pg_index.indrelid
FROM near JOIN pg_index ON pg_index.indexrelid = near.id
JOIN pg_class indexed ON indexed.oid = pg_index.indrelid AND indexed.relkind <> 't'
WHERE near.class = 'pg_class'::regclass
UNION ALL
SELECT near.class, near.id, CASE WHEN pg_constraint.conrelid <> 0 THEN 'pg_class'::regclass
                                 ELSE 'pg_type'::regclass END,
       CASE WHEN pg_constraint.conrelid <> 0 THEN pg_constraint.conrelid
            ELSE pg_constraint.contypid END
FROM near JOIN pg_constraint ON pg_constraint.oid = near.id
WHERE near.class = 'pg_constraint'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_class'::regclass, pg_attrdef.adrelid
FROM near JOIN pg_attrdef ON pg_attrdef.oid = near.id WHERE near.class = 'pg_attrdef'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_class'::regclass, pg_trigger.tgrelid
FROM near JOIN pg_trigger ON pg_trigger.oid = near.id WHERE near.class = 'pg_trigger'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_class'::regclass, pg_rewrite.ev_class
FROM near JOIN pg_rewrite ON pg_rewrite.oid = near.id WHERE near.class = 'pg_rewrite'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_class'::regclass, pg_policy.polrelid
FROM near JOIN pg_policy ON pg_policy.oid = near.id WHERE near.class = 'pg_policy'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_publication'::regclass, pg_publication_rel.prpubid
FROM near JOIN pg_publication_rel ON pg_publication_rel.oid = near.id
WHERE near.class = 'pg_publication_rel'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_opfamily'::regclass, pg_amop.amopfamily
FROM near JOIN pg_amop ON pg_amop.oid = near.id WHERE near.class = 'pg_amop'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_opfamily'::regclass, pg_amproc.amprocfamily
FROM near JOIN pg_amproc ON pg_amproc.oid = near.id WHERE near.class = 'pg_amproc'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_class'::regclass, pg_class.oid
FROM near JOIN pg_type ON pg_type.oid = near.id
JOIN pg_class ON pg_class.oid = pg_type.typrelid AND pg_class.relkind <> 'c'
WHERE near.class = 'pg_type'::regclass
UNION ALL
SELECT near.class, near.id,
       CASE WHEN relation.relkind <> 'c' THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END,
       CASE WHEN relation.relkind <> 'c' THEN relation.oid
            ELSE coalesce(pg_range.rngtypid, element.oid) END
FROM near JOIN pg_type listed ON listed.oid = near.id
JOIN pg_type element ON element.oid = listed.typelem AND element.typarray = listed.oid
LEFT JOIN pg_class relation ON relation.oid = element.typrelid
LEFT JOIN pg_range ON pg_range.rngmultitypid = element.oid
     AND current_setting('server_version_num')::int >= 170000
WHERE near.class = 'pg_type'::regclass
UNION ALL
SELECT near.class, near.id, 'pg_type'::regclass, pg_range.rngtypid
FROM near JOIN pg_range ON pg_range.rngmultitypid = near.id
WHERE near.class = 'pg_type'::regclass AND current_setting('server_version_num')::int >= 170000
UNION ALL
SELECT near.class, near.id, 'pg_type'::regclass, pg_class.reltype
FROM near JOIN pg_class ON pg_class.oid = near.id AND pg_class.relkind = 'c'
WHERE near.class = 'pg_class'::regclass
$near_part$;

CREATE FUNCTION qt001_cp.near_edge(classes oid[], ids oid[])
RETURNS TABLE (from_class oid, from_id oid, to_class oid, to_id oid, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET enable_nestloop = off
SET jit = off
AS $near_edge$
-- The edges of catalog_edge() between these catalog rows: its very text, which asks for these rows
-- and their parts alone. Rows are looked up one by one where it says so and joined row by row
-- nowhere else: the planner does not know how many an array has.
{near_edges}
$near_edge$;
