-- Where the application may make objects after the cutover, and who holds something protected.

CREATE FUNCTION qt001_cp.writable_schema(manifest text) RETURNS TABLE (schema text, grantee text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $writable_schema$
-- The schemas in which the application, or everybody (NULL), may make objects: of what is
-- transferred the manifest says it, of all others the catalogs as they are now. grantee: by which
-- role, that of its owner included.
WITH member AS MATERIALIZED (
    SELECT role::text AS name
    FROM qt001_cp.member_of((qt001_cp.document_json(manifest) ->> 'application')::name) role
), transferred AS MATERIALIZED (
    SELECT object.name, object.after FROM qt001_cp.manifest_object(manifest) object
    WHERE object.kind = 'schema' AND object.disposition = 'transfer'
), creator(schema, grantee) AS (
    SELECT transferred.name, transferred.after ->> 'owner' FROM transferred
    UNION ALL
    SELECT transferred.name, entry ->> 1
    FROM transferred CROSS JOIN LATERAL jsonb_array_elements(transferred.after -> 'acl') entry
    WHERE entry ->> 2 = 'CREATE'
    UNION ALL
    SELECT live.nspname, pg_get_userbyid(live.nspowner) FROM pg_namespace live
    WHERE live.nspname NOT IN (SELECT transferred.name FROM transferred)
    UNION ALL
    SELECT live.nspname, CASE WHEN entry.grantee <> 0 THEN pg_get_userbyid(entry.grantee) END
    FROM pg_namespace live CROSS JOIN LATERAL aclexplode(live.nspacl) entry
    WHERE entry.privilege_type = 'CREATE'
      AND live.nspname NOT IN (SELECT transferred.name FROM transferred)
)
SELECT DISTINCT creator.schema, creator.grantee FROM creator
WHERE creator.schema !~ '^pg_(toast|temp)'
  AND (creator.grantee IS NULL OR creator.grantee IN (SELECT member.name FROM member))
$writable_schema$;

CREATE FUNCTION qt001_cp.protected_holder(manifest text) RETURNS SETOF oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $protected_holder$
-- The roles, without the application's, by whose rights something protected can be read or changed:
-- to whom the manifest leaves more than a place to connect, a name to look up, or a curated view,
-- who may act as one of these, who has a login on another server, and who needs no grant.
WITH grantee AS MATERIALIZED (
    SELECT DISTINCT acl.entry ->> 1 AS role
    FROM qt001_cp.manifest_object(manifest) object CROSS JOIN LATERAL (
        SELECT jsonb_array_elements(object.after -> 'acl')
        UNION ALL
        SELECT jsonb_array_elements(of_column -> 'acl')
        FROM jsonb_array_elements(object.after -> 'columns') of_column) acl(entry)
    WHERE object.disposition = 'transfer'
      AND acl.entry ->> 2 NOT IN ('CONNECT', 'TEMPORARY', 'USAGE')
      AND NOT (object.curated AND acl.entry ->> 2 = 'SELECT')
)
SELECT holder.oid FROM pg_roles holder
WHERE holder.oid NOT IN (SELECT qt001_cp.application_role_oids(
          (qt001_cp.document_json(manifest) ->> 'application')::name))
  AND (holder.rolsuper OR holder.rolbypassrls
       OR holder.oid IN (SELECT mapping.umuser FROM pg_user_mappings mapping)
       OR EXISTS (
          SELECT 1 FROM qt001_cp.member_of(holder.rolname) role
          WHERE role IN (SELECT grantee.role FROM grantee)
             OR role IN ('qt001_cp_owner', 'qt001_cp_ledger', 'pg_read_all_data',
                         'pg_write_all_data', 'pg_maintain')))
$protected_holder$;

CREATE FUNCTION qt001_cp.written_for(members oid[]) RETURNS TABLE (relation oid, acted boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $written_for$
-- Relations into which these roles' writes lead, and in which something then runs with another's
-- rights: those that a SECURITY DEFINER routine of others watches; and (acted) those of others that
-- a foreign key's action writes, which it does as their owner. Looked for from there upwards: by
-- parents, other actions, views and rules, to what the roles may write. due: that an action begins
-- the way is still to be found.
WITH RECURSIVE way(target, acted, relation, due) AS (
    SELECT pg_trigger.tgrelid, false, pg_trigger.tgrelid, false
    FROM pg_proc routine
    JOIN pg_depend use ON use.refclassid = 'pg_proc'::regclass AND use.refobjid = routine.oid
         AND use.classid = 'pg_trigger'::regclass
    JOIN pg_trigger ON pg_trigger.oid = use.objid
    WHERE routine.prosecdef AND routine.oid >= 16384 AND routine.proowner <> ALL (members)
    UNION
    -- A foreign key is held by triggers: from there, as most tables have none.
    SELECT other.oid, true, other.oid, true
    FROM (SELECT DISTINCT held.tgrelid FROM pg_trigger held OFFSET 0) held
    CROSS JOIN LATERAL (
        SELECT class.oid FROM pg_class class
        WHERE class.oid = held.tgrelid AND class.oid >= 16384 AND class.relkind IN ('r', 'p')
          AND class.relowner <> ALL (members) LIMIT 1) other
    UNION
    SELECT way.target, way.acted, step.relation, false
    FROM way CROSS JOIN LATERAL (
        SELECT pg_constraint.confrelid FROM pg_constraint
        WHERE pg_constraint.conrelid = way.relation AND pg_constraint.contype = 'f'
          AND (pg_constraint.confdeltype IN ('c', 'n', 'd')
               OR pg_constraint.confupdtype IN ('c', 'n', 'd'))
        UNION ALL
        SELECT pg_inherits.inhparent FROM pg_inherits
        WHERE pg_inherits.inhrelid = way.relation AND NOT way.due
        UNION ALL
        SELECT pg_rewrite.ev_class
        FROM pg_depend use JOIN pg_rewrite ON pg_rewrite.oid = use.objid
        WHERE use.refclassid = 'pg_class'::regclass AND use.refobjid = way.relation
          AND use.classid = 'pg_rewrite'::regclass AND NOT way.due) step(relation)
)
SELECT way.target, bool_or(way.acted)
FROM way JOIN pg_class written ON written.oid = way.relation
WHERE NOT way.due AND (written.relowner = ANY (members) OR EXISTS (
    SELECT 1 FROM (
        SELECT written.relacl
        UNION ALL
        SELECT attacl FROM pg_attribute WHERE attrelid = written.oid AND attacl IS NOT NULL
    ) held(acl)
    CROSS JOIN LATERAL aclexplode(held.acl) entry
    WHERE entry.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
      AND (entry.grantee = 0 OR entry.grantee = ANY (members))))
GROUP BY way.target
$written_for$;

CREATE FUNCTION qt001_cp.acted_relation(manifest text, app name) RETURNS TABLE (relation oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $acted_relation$
-- Tables that a foreign key's action writes when the application writes its own, with the rights of
-- an owner who holds something protected.
SELECT target.relation
FROM qt001_cp.written_for(ARRAY(SELECT qt001_cp.application_role_oids(app))) target
JOIN pg_class ON pg_class.oid = target.relation
WHERE target.acted AND pg_class.relowner IN (SELECT qt001_cp.protected_holder(manifest))
$acted_relation$;

CREATE FUNCTION qt001_cp.unasked_routine(members oid[]) RETURNS TABLE (routine oid, through text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $unasked_routine$
-- Routines of others that run with another's rights on these roles' behalf, and of which PostgreSQL
-- asks nobody for EXECUTE: what a write fires, with its owner's rights or, where a foreign key's
-- action wrote, those of the table's owner; the parts of an aggregate that they may execute; and
-- what compares or makes values of a type.
WITH written AS MATERIALIZED (
    SELECT target.relation, target.acted FROM qt001_cp.written_for(members) target
)
SELECT routine.oid,
       format('trigger %I on %s', pg_trigger.tgname, pg_trigger.tgrelid::regclass)
FROM written JOIN pg_trigger ON pg_trigger.tgrelid = written.relation
JOIN pg_proc routine ON routine.oid = pg_trigger.tgfoid
WHERE (routine.prosecdef OR written.acted) AND routine.oid >= 16384
  AND routine.proowner <> ALL (members)
UNION
SELECT routine.oid, format('aggregate %s', whole.oid::regprocedure)
FROM pg_proc routine
JOIN pg_depend use ON use.refclassid = 'pg_proc'::regclass AND use.refobjid = routine.oid
     AND use.classid = 'pg_proc'::regclass
JOIN pg_proc whole ON whole.oid = use.objid AND whole.prokind = 'a'
WHERE routine.prosecdef AND routine.oid >= 16384 AND routine.proowner <> ALL (members)
  AND EXISTS (SELECT 1
              FROM aclexplode(coalesce(whole.proacl, acldefault('f', whole.proowner))) entry
              WHERE entry.grantee = 0 OR entry.grantee = ANY (members))
UNION
SELECT routine.oid, pg_describe_object(use.classid, use.objid, 0)
FROM pg_proc routine
JOIN pg_depend use ON use.refclassid = 'pg_proc'::regclass AND use.refobjid = routine.oid
     AND use.classid IN ('pg_amproc'::regclass, 'pg_opclass'::regclass, 'pg_type'::regclass)
WHERE routine.prosecdef AND routine.oid >= 16384 AND routine.proowner <> ALL (members)
$unasked_routine$;

CREATE FUNCTION qt001_cp.borrowed_routine(manifest text)
RETURNS TABLE (oid oid, owner oid, through text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $borrowed_routine$
-- SECURITY DEFINER routines of others by which the application acts with the rights of somebody who
-- holds something protected: those that it may execute, in a schema that it may look into or
-- through something that was made with them; and those of which nobody is asked for EXECUTE.
-- through: what leads to one of these; NULL where the application calls it.
WITH application AS MATERIALIZED (
    SELECT member.oid FROM qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) member(oid)
), candidate AS MATERIALIZED (
    SELECT routine.oid, routine.proowner, routine.pronamespace FROM pg_proc routine
    WHERE routine.prosecdef AND routine.oid >= 16384
      AND routine.proowner NOT IN ('qt001_cp_owner'::regrole, 'qt001_cp_ledger'::regrole)
      AND routine.pronamespace <> 'qt001_cp'::regnamespace
      AND routine.proowner NOT IN (SELECT application.oid FROM application)
      AND routine.proowner IN (SELECT qt001_cp.protected_holder(manifest))
), unasked AS (
    SELECT every.routine, min(every.through) AS through
    FROM qt001_cp.unasked_routine(ARRAY(SELECT application.oid FROM application)) every
    GROUP BY every.routine
), callable AS MATERIALIZED (
    SELECT candidate.oid FROM candidate WHERE EXISTS (
      SELECT 1 FROM application
      WHERE has_function_privilege(application.oid, candidate.oid, 'EXECUTE')
        AND (has_schema_privilege(application.oid, candidate.pronamespace, 'USAGE')
             OR EXISTS (SELECT 1 FROM pg_depend user_of
                        WHERE user_of.refclassid = 'pg_proc'::regclass
                          AND user_of.refobjid = candidate.oid)))
)
SELECT candidate.oid, candidate.proowner, CASE WHEN callable.oid IS NULL THEN unasked.through END
FROM candidate LEFT JOIN callable ON callable.oid = candidate.oid
LEFT JOIN unasked ON unasked.routine = candidate.oid
WHERE callable.oid IS NOT NULL OR unasked.routine IS NOT NULL
$borrowed_routine$;
