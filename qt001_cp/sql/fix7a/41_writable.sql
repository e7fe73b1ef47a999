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

CREATE FUNCTION qt001_cp.borrowed_routine(manifest text) RETURNS TABLE (oid oid, owner oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $borrowed_routine$
-- SECURITY DEFINER routines of others by which the application, when it calls one, acts with the
-- rights of somebody who holds something protected. It may call what it may execute, in a schema
-- that it may look into, or through something that was made with it.
WITH application AS MATERIALIZED (
    SELECT member.oid FROM qt001_cp.application_role_oids(
        (qt001_cp.document_json(manifest) ->> 'application')::name) member(oid)
), candidate AS MATERIALIZED (
    SELECT routine.oid, routine.proowner, routine.pronamespace FROM pg_proc routine
    WHERE routine.prosecdef AND routine.oid >= 16384
      AND routine.proowner NOT IN ('qt001_cp_owner'::regrole, 'qt001_cp_ledger'::regrole)
      AND routine.pronamespace <> 'qt001_cp'::regnamespace
      AND routine.proowner NOT IN (SELECT application.oid FROM application)
)
SELECT candidate.oid, candidate.proowner FROM candidate
WHERE candidate.proowner IN (SELECT qt001_cp.protected_holder(manifest))
  AND EXISTS (
      SELECT 1 FROM application
      WHERE has_function_privilege(application.oid, candidate.oid, 'EXECUTE')
        AND (has_schema_privilege(application.oid, candidate.pronamespace, 'USAGE')
             OR EXISTS (SELECT 1 FROM pg_depend user_of
                        WHERE user_of.refclassid = 'pg_proc'::regclass
                          AND user_of.refobjid = candidate.oid)))
$borrowed_routine$;
