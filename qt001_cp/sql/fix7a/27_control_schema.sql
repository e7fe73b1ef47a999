-- Schema qt001_cp itself: who owns what is in it, and who has which privileges on it.

CREATE FUNCTION qt001_cp.control_noted(class oid) RETURNS SETOF oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $control_noted$
-- What of a catalog stands in schema qt001_cp, as the server has noted it: the catalogs of
-- relations and types have no index by schema, and most of their rows are others'.
-- Source: recordDependencyOn() of the namespace, heap_create_with_catalog() in catalog/heap.c and
-- GenerateTypeDependencies() in catalog/pg_type.c.
SELECT DISTINCT noted.objid FROM pg_depend noted
WHERE noted.refclassid = 'pg_namespace'::regclass
  AND noted.refobjid = 'qt001_cp'::regnamespace AND noted.classid = class
$control_noted$;

CREATE FUNCTION qt001_cp.control_relation() RETURNS SETOF pg_class
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $control_relation$
-- The relations in schema qt001_cp: those that are noted, the indexes of these, and what a
-- composite type is made of.
WITH noted AS MATERIALIZED (
    SELECT known.oid FROM qt001_cp.control_noted('pg_class'::regclass) known(oid)
), own(oid) AS (
    SELECT noted.oid FROM noted
    UNION ALL
    SELECT index.indexrelid FROM noted CROSS JOIN LATERAL (
        SELECT listed.indexrelid FROM pg_index listed WHERE listed.indrelid = noted.oid OFFSET 0
    ) index
    UNION ALL
    SELECT type.typrelid FROM qt001_cp.control_noted('pg_type'::regclass) known(oid)
    CROSS JOIN LATERAL (
        SELECT listed.typrelid FROM pg_type listed WHERE listed.oid = known.oid OFFSET 0) type
    WHERE type.typrelid <> 0
)
SELECT class.* FROM own CROSS JOIN LATERAL (
    SELECT listed.* FROM pg_class listed WHERE listed.oid = own.oid OFFSET 0) class
$control_relation$;

CREATE FUNCTION qt001_cp.control_object()
RETURNS TABLE (classid oid, objid oid, owner oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $control_object$
-- The routines, relations, operators and types in schema qt001_cp.
SELECT 'pg_proc'::regclass, oid, proowner
FROM pg_proc WHERE pronamespace = 'qt001_cp'::regnamespace
UNION ALL
SELECT 'pg_class'::regclass, oid, relowner
FROM qt001_cp.control_relation() WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'pg_operator'::regclass, oid, oprowner
FROM pg_operator WHERE oprnamespace = 'qt001_cp'::regnamespace
UNION ALL
SELECT 'pg_type'::regclass, type.oid, type.typowner
FROM qt001_cp.control_noted('pg_type'::regclass) noted(oid)
CROSS JOIN LATERAL (
    SELECT listed.* FROM pg_type listed WHERE listed.oid = noted.oid OFFSET 0) type
WHERE type.typrelid = 0 AND type.typelem = 0
$control_object$;

CREATE FUNCTION qt001_cp.control_privilege()
RETURNS TABLE (classid oid, objid oid, owner oid, grantee oid, privilege text, writes boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $control_privilege$
-- Every privilege on schema qt001_cp and what is in it, by its ACLs. writes: by it the grantee
-- could write without our routines.
SELECT 'pg_class'::regclass, relation.oid, relation.relowner, entry.grantee, entry.privilege_type,
       entry.privilege_type NOT IN ('SELECT', 'USAGE')
FROM qt001_cp.control_relation() relation
CROSS JOIN LATERAL (
    SELECT whole.grantee, whole.privilege_type FROM aclexplode(relation.relacl) whole
    UNION ALL
    SELECT part.grantee, part.privilege_type
    FROM pg_attribute attribute CROSS JOIN LATERAL aclexplode(attribute.attacl) part
    WHERE attribute.attrelid = relation.oid
) entry
WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'pg_proc'::regclass, routine.oid, routine.proowner, entry.grantee, entry.privilege_type,
       false
FROM pg_proc routine
CROSS JOIN LATERAL aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) entry
WHERE routine.pronamespace = 'qt001_cp'::regnamespace
UNION ALL
SELECT 'pg_namespace'::regclass, namespace.oid, namespace.nspowner, entry.grantee,
       entry.privilege_type, entry.privilege_type = 'CREATE'
FROM pg_namespace namespace
CROSS JOIN LATERAL aclexplode(coalesce(namespace.nspacl, acldefault('n', namespace.nspowner))) entry
WHERE namespace.nspname = 'qt001_cp'
$control_privilege$;

CREATE FUNCTION qt001_cp.control_schema_findings(code text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $control_schema_findings$
-- What somebody else put there could be taken for ours. Whoever was granted something there, or
-- gets it by default privileges of the owner, could write past our routines.
WITH app(name) AS MATERIALIZED (
    SELECT qt001_cp.application_role()
), stranger(name) AS MATERIALIZED (
    SELECT role FROM app CROSS JOIN LATERAL qt001_cp.member_of(app.name) role
)
SELECT code, address.type || ' ' || address.identity, 'owner qt001_cp_ledger',
       'owner ' || pg_get_userbyid(object.owner),
       'Find out whose it is, then DROP it: in schema qt001_cp it could be taken for one of ours.'
FROM qt001_cp.control_object() object
CROSS JOIN LATERAL pg_identify_object(object.classid, object.objid, 0) address
WHERE object.owner <> 'qt001_cp_ledger'::regrole
  -- What runs a team's text, lends CREATE around what it gives back, or makes partitions is the
  -- owner role's: it has no other rights.
  AND (object.owner = 'qt001_cp_owner'::regrole AND object.objid IN (
          to_regprocedure('qt001_cp.run_change(text)'),
          to_regprocedure('qt001_cp.lend_create(text)'),
          to_regprocedure('qt001_cp.add_partition(text, text, text[], text[])'),
          to_regprocedure('qt001_cp.add_list_partition(text, text, text[])'),
          to_regprocedure('qt001_cp.drop_partition(text)'))) IS NOT TRUE
UNION ALL
SELECT code, address.type || ' ' || address.identity,
       CASE WHEN bool_or(entry.writes) THEN 'privileges to write for qt001_cp_ledger alone'
            ELSE format('no privilege for PUBLIC or %s', (SELECT app.name FROM app)) END,
       string_agg(DISTINCT entry.privilege || ' for '
                  || coalesce(pg_get_userbyid(nullif(entry.grantee, 0)), 'PUBLIC'), ', '),
       format('REVOKE it ON %s %s;', upper(address.type), address.identity)
FROM qt001_cp.control_privilege() entry
CROSS JOIN LATERAL pg_identify_object(entry.classid, entry.objid, 0) address
WHERE entry.owner IN ('qt001_cp_ledger'::regrole, 'qt001_cp_owner'::regrole)
  AND entry.grantee <> entry.owner
  -- Alembic writes which revision is deployed as the operator; a trigger asks for the script.
  AND NOT (entry.objid = 'qt001_cp.alembic_version'::regclass
           AND entry.grantee = 'qt001_cp_operator'::regrole
           AND entry.privilege IN ('INSERT', 'UPDATE', 'DELETE'))
  AND (entry.writes OR entry.grantee = 0
       OR pg_get_userbyid(entry.grantee) IN (SELECT stranger.name FROM stranger))
GROUP BY address.type, address.identity
UNION ALL
SELECT code, 'schema qt001_cp', 'owner qt001_cp_ledger', 'owner ' || pg_get_userbyid(nspowner),
       'ALTER SCHEMA qt001_cp OWNER TO qt001_cp_ledger;'
FROM pg_namespace WHERE nspname = 'qt001_cp' AND nspowner <> 'qt001_cp_ledger'::regrole
UNION ALL
SELECT code, 'schema qt001_cp_watch', 'an owner with SUPERUSER', 'owner ' || owner.rolname,
       'DROP SCHEMA qt001_cp_watch CASCADE; -- FIX7c makes its own'
FROM pg_namespace namespace JOIN pg_roles owner ON owner.oid = namespace.nspowner
WHERE namespace.nspname = 'qt001_cp_watch' AND NOT owner.rolsuper
$control_schema_findings$;
