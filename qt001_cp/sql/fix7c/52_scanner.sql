-- The scanner, the verifier's pair: another login, another schedule, and none of the functions that
-- the gates use. It reads what the server keeps beside the catalogs of the objects (pg_shdepend),
-- asks has_*_privilege, and recomputes digests from the bytes. A fault in one of the two is seen by
-- the other.

CREATE FUNCTION qt001_cp.scan_application(manifest text) RETURNS TABLE (oid oid, rolname name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_application$
-- The application role as the bytes of the manifest name it.
SELECT role.oid, role.rolname
FROM qt001_cp.document
JOIN pg_roles role ON role.rolname = convert_from(document.body, 'UTF8')::jsonb ->> 'application'
WHERE document.digest = scan_application.manifest
$scan_application$;

CREATE FUNCTION qt001_cp.scan_wanted(manifest text)
RETURNS TABLE (kind text, identity text, disposition text, follows text, curated boolean,
               system boolean, state jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_wanted$
-- The objects of the manifest, each in the state that it has to be in after FIX7c.
SELECT entry.object ->> 'kind', entry.object ->> 'identity', entry.object ->> 'disposition',
       entry.object ->> 'follows', (entry.object ->> 'curated')::boolean,
       coalesce((entry.object -> 'detail' ->> 'system')::boolean, false),
       coalesce(nullif(entry.object -> 'retired', 'null'), nullif(entry.object -> 'after', 'null'),
                entry.object -> 'before')
FROM qt001_cp.manifest_row entry
WHERE entry.manifest = scan_wanted.manifest AND entry.object ->> 'kind' <> 'default acl'
$scan_wanted$;

CREATE FUNCTION qt001_cp.scan_grows(manifest text, schema text, name text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_grows$
-- Whether a table of this name comes and goes, as the head of the manifest says.
SELECT EXISTS (
    SELECT 1 FROM qt001_cp.document
    CROSS JOIN LATERAL jsonb_array_elements(document.head -> 'growth') grown
    WHERE document.digest = scan_grows.manifest AND grown.value ->> 'schema' = scan_grows.schema
      -- Of a pattern only * and ? say more than themselves.
      AND scan_grows.name ~ ('^' || replace(replace(
              regexp_replace(grown.value ->> 'name', '([][\\.^$+(){}|])', '\\\1', 'g'),
              '*', '.*'), '?', '.') || '$'))
$scan_grows$;

CREATE FUNCTION qt001_cp.scan_dependency()
RETURNS TABLE (deptype "char", role oid, kind text, identity text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_dependency$
-- Who owns what ('o'), and who is named in whose ACL ('a'), in this database.
-- Source: PostgreSQL documentation, pg_shdepend.
WITH here AS (
    SELECT database.oid FROM pg_database database WHERE database.datname = current_database()
)
SELECT dependency.deptype, dependency.refobjid, object.type, object.identity
FROM here CROSS JOIN pg_shdepend dependency
CROSS JOIN LATERAL pg_identify_object(dependency.classid, dependency.objid, 0) object
WHERE dependency.refclassid = 'pg_authid'::regclass AND dependency.deptype IN ('o', 'a')
  AND (dependency.dbid = here.oid OR dependency.classid = 'pg_tablespace'::regclass
       OR dependency.classid = 'pg_database'::regclass AND dependency.objid = here.oid
       OR dependency.classid = 'pg_subscription'::regclass AND dependency.objid IN (
           SELECT subscription.oid FROM pg_subscription subscription
           WHERE subscription.subdbid = here.oid))
$scan_dependency$;

CREATE FUNCTION qt001_cp.scan_owners(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_owners$
WITH dependency AS MATERIALIZED (
    SELECT noted.* FROM qt001_cp.scan_dependency() noted
), wanted AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.scan_wanted(manifest) listed
), application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
)
SELECT wanted.kind || ' ' || wanted.identity, 'owner ' || (wanted.state ->> 'owner'),
       coalesce('owner ' || pg_get_userbyid(max(owned.role)), 'no such object of anybody'),
       'qt001-cp audit, and find out who did it'
FROM wanted LEFT JOIN dependency owned
ON owned.deptype = 'o' AND owned.kind = wanted.kind AND owned.identity = wanted.identity
WHERE wanted.disposition = 'transfer' AND wanted.follows IS NULL
GROUP BY wanted.kind, wanted.identity, wanted.state, wanted.system
-- Nothing is kept there of what the first superuser owns (10): a row would name another owner.
HAVING count(owned.role) FILTER (WHERE pg_get_userbyid(owned.role) = wanted.state ->> 'owner') = 0
   AND NOT (wanted.system AND count(owned.role) = 0
            AND wanted.state ->> 'owner' = pg_get_userbyid(10))
   AND NOT (count(owned.role) = 0 AND wanted.kind = 'table'
            AND qt001_cp.scan_grows(scan_owners.manifest, (parse_ident(wanted.identity))[1],
                                    (parse_ident(wanted.identity))[2]))
UNION ALL
SELECT DISTINCT named.kind || ' ' || named.identity, 'no privilege for ' || application.rolname,
       'an ACL that names ' || application.rolname,
       format('REVOKE ALL ON … FROM %I;', application.rolname)
FROM dependency named JOIN application ON application.oid = named.role
JOIN wanted ON wanted.kind = named.kind AND wanted.identity = named.identity
WHERE named.deptype = 'a' AND wanted.disposition = 'transfer'
  AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(wanted.state -> 'acl') entry
      WHERE application.rolname IN (entry ->> 0, entry ->> 1))
  AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(wanted.state -> 'columns') attribute
      CROSS JOIN LATERAL jsonb_array_elements(attribute -> 'acl') entry
      WHERE application.rolname IN (entry ->> 0, entry ->> 1))
$scan_owners$;

CREATE FUNCTION qt001_cp.scan_kept_key(manifest text) RETURNS SETOF oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_kept_key$
-- The foreign keys that the policy keeps, where they are still what it says.
SELECT known.oid
FROM pg_constraint known
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, known.conrelid, 0) referring
CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, known.confrelid, 0) referred
CROSS JOIN (SELECT ARRAY['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT']) word(list)
WHERE known.contype = 'f'
  AND jsonb_build_object(
          'table', referring.identity, 'name', known.conname, 'references', referred.identity,
          'on_delete', word.list[strpos('arcnd', known.confdeltype::text)],
          'on_update', word.list[strpos('arcnd', known.confupdtype::text)])
      IN (SELECT kept.value - 'reason' FROM jsonb_array_elements(
              qt001_cp.manifest_policy(manifest) -> 'kept_foreign_key') kept)
$scan_kept_key$;

CREATE FUNCTION qt001_cp.scan_touching(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_touching$
-- long: one query over all that the server has noted.
-- What the server has noted between something that the application owns and something of the new
-- owner's, either way, but for queries on curated views and kept foreign keys; and routines of
-- others with the schema and name of a transferred one, which the manifest does not name. What the
-- application's default privileges would give on what it makes in a transferred schema gives
-- nothing on what is there, and its own that lies in one touches nothing but its place.
WITH here AS (
    SELECT database.oid FROM pg_database database WHERE database.datname = current_database()
), application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
), holding AS MATERIALIZED (
    SELECT owned.classid, owned.objid, owned.refobjid = application.oid AS of_application
    FROM here CROSS JOIN application JOIN pg_shdepend owned
    ON owned.deptype = 'o' AND owned.dbid = here.oid
    AND owned.refobjid IN (application.oid, 'qt001_cp_owner'::regrole)
), kept(class, id) AS MATERIALIZED (
    SELECT 'pg_constraint'::regclass, known FROM qt001_cp.scan_kept_key(manifest) known
    UNION ALL
    SELECT 'pg_trigger'::regclass, trigger.oid
    FROM qt001_cp.scan_kept_key(manifest) known JOIN pg_trigger trigger ON tgconstraint = known
), part(class, id, relation) AS (
    SELECT 'pg_rewrite'::regclass, rewrite.oid, rewrite.ev_class FROM pg_rewrite rewrite
    WHERE rewrite.oid >= 16384
    UNION ALL
    SELECT 'pg_trigger'::regclass, trigger.oid, trigger.tgrelid FROM pg_trigger trigger
    WHERE trigger.oid >= 16384
    UNION ALL
    SELECT 'pg_constraint'::regclass, known.oid, known.conrelid FROM pg_constraint known
    WHERE known.oid >= 16384 AND known.conrelid <> 0
    UNION ALL
    SELECT 'pg_attrdef'::regclass, preset.oid, preset.adrelid FROM pg_attrdef preset
    WHERE preset.oid >= 16384
    UNION ALL
    SELECT 'pg_policy'::regclass, policy.oid, policy.polrelid FROM pg_policy policy
    WHERE policy.oid >= 16384
    UNION ALL
    SELECT 'pg_type'::regclass, relation.reltype, relation.oid FROM pg_class relation
    WHERE relation.reltype >= 16384
), need AS (
    SELECT dependency.classid AS via,
           CASE WHEN source.id IS NULL THEN dependency.classid ELSE 'pg_class'::regclass END
               AS from_class,
           coalesce(source.relation, dependency.objid) AS from_id,
           CASE WHEN target.id IS NULL THEN dependency.refclassid ELSE 'pg_class'::regclass END
               AS to_class,
           coalesce(target.relation, dependency.refobjid) AS to_id
    FROM pg_depend dependency
    LEFT JOIN part source ON source.class = dependency.classid AND source.id = dependency.objid
    LEFT JOIN part target
        ON target.class = dependency.refclassid AND target.id = dependency.refobjid
    WHERE dependency.objid >= 16384 AND dependency.refobjid >= 16384
      AND (dependency.classid, dependency.objid) NOT IN (SELECT kept.class, kept.id FROM kept)
), touching AS (
    SELECT DISTINCT needing.type || ' ' || needing.identity AS needing,
           needed.type || ' ' || needed.identity AS needed
    FROM need
    JOIN holding source ON source.classid = need.from_class AND source.objid = need.from_id
    JOIN holding target ON target.classid = need.to_class AND target.objid = need.to_id
    CROSS JOIN LATERAL pg_identify_object(need.from_class, need.from_id, 0) needing
    CROSS JOIN LATERAL pg_identify_object(need.to_class, need.to_id, 0) needed
    WHERE source.of_application <> target.of_application
      AND need.from_class <> 'pg_default_acl'::regclass
      AND NOT (source.of_application AND need.to_class = 'pg_namespace'::regclass)
      AND needing.schema IS DISTINCT FROM 'qt001_cp' AND needed.schema IS DISTINCT FROM 'qt001_cp'
      AND NOT (source.of_application AND need.via = 'pg_rewrite'::regclass AND EXISTS (
              SELECT 1 FROM qt001_cp.scan_wanted(manifest) view
              WHERE view.curated AND view.kind = needed.type AND view.identity = needed.identity))
)
SELECT touching.needing, 'nothing between what was transferred and what the application owns',
       'it depends on ' || touching.needed, 'Drop the dependency: see qt001-cp status.'
FROM touching
UNION ALL
SELECT stranger.type || ' ' || stranger.identity,
       'no other of the schema and name of a transferred routine',
       'owner ' || pg_get_userbyid(copy.proowner), 'DROP it, or rename it.'
FROM pg_proc original
JOIN pg_proc copy ON copy.pronamespace = original.pronamespace AND copy.proname = original.proname
CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, copy.oid, 0) stranger
WHERE original.proowner = 'qt001_cp_owner'::regrole AND copy.proowner <> original.proowner
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.scan_wanted(manifest) wanted
                  WHERE wanted.kind = stranger.type AND wanted.identity = stranger.identity)
$scan_touching$;

CREATE FUNCTION qt001_cp.scan_table_privilege()
RETURNS TABLE (privilege text, since int, of_columns boolean)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $scan_table_privilege$
-- The privileges on tables and views, the scanner's own list: since which major version there is
-- each, and whether it can be granted on columns. A test holds it equal to model/kinds.py.
VALUES ('INSERT', 0, true), ('SELECT', 0, true), ('UPDATE', 0, true), ('DELETE', 0, false),
       ('TRUNCATE', 0, false), ('REFERENCES', 0, true), ('TRIGGER', 0, false),
       ('MAINTAIN', 17, false)
$scan_table_privilege$;

CREATE FUNCTION qt001_cp.scan_effective_privilege(role oid, relation oid)
RETURNS TABLE (privilege text, of_column name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_effective_privilege$
-- What the server lets a role do to a relation, by whatever route: on the whole (of_column NULL),
-- or else on which columns. A privilege that this server does not know is not asked for: its name
-- is an error.
WITH known AS (
    SELECT listed.privilege, listed.of_columns,
           CASE WHEN listed.since * 10000 > current_setting('server_version_num')::int THEN NULL
                ELSE has_table_privilege(role, relation, listed.privilege) END AS whole
    FROM qt001_cp.scan_table_privilege() listed
)
SELECT known.privilege, NULL::name FROM known WHERE known.whole
UNION ALL
SELECT known.privilege, attribute.attname
FROM known JOIN pg_attribute attribute
ON attribute.attrelid = relation AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE CASE WHEN known.of_columns AND NOT known.whole
           THEN has_column_privilege(role, relation, attribute.attnum, known.privilege)
           ELSE false END
$scan_effective_privilege$;

CREATE FUNCTION qt001_cp.scan_other_privilege(role oid, class oid, object oid) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_other_privilege$
-- The same for what is neither a relation with rows nor a routine.
SELECT known.privilege
FROM (VALUES ('pg_class'::regclass, 'USAGE'), ('pg_class', 'SELECT'), ('pg_class', 'UPDATE'),
             ('pg_type', 'USAGE'), ('pg_namespace', 'USAGE'), ('pg_namespace', 'CREATE'),
             ('pg_database', 'CREATE'), ('pg_database', 'TEMPORARY'), ('pg_database', 'CONNECT'),
             ('pg_language', 'USAGE'), ('pg_foreign_server', 'USAGE'),
             ('pg_largeobject', 'SELECT'), ('pg_largeobject', 'UPDATE')) known(class, privilege)
WHERE known.class = scan_other_privilege.class AND CASE known.class
    WHEN 'pg_class'::regclass THEN has_sequence_privilege(role, object, known.privilege)
    WHEN 'pg_type'::regclass THEN has_type_privilege(role, object, known.privilege)
    WHEN 'pg_namespace'::regclass THEN has_schema_privilege(role, object, known.privilege)
    WHEN 'pg_database'::regclass THEN has_database_privilege(role, object, known.privilege)
    WHEN 'pg_language'::regclass THEN has_language_privilege(role, object, known.privilege)
        AND (SELECT language.lanpltrusted FROM pg_language language
             WHERE language.oid = scan_other_privilege.object)
    WHEN 'pg_foreign_server'::regclass THEN has_server_privilege(role, object, known.privilege)
    ELSE EXISTS (
        SELECT 1 FROM pg_largeobject_metadata large
        CROSS JOIN LATERAL aclexplode(coalesce(large.lomacl, acldefault('L', large.lomowner))) entry
        WHERE large.oid = scan_other_privilege.object AND entry.privilege_type = known.privilege
          AND (entry.grantee = 0 OR pg_has_role(role, entry.grantee, 'USAGE'))) END
$scan_other_privilege$;

CREATE FUNCTION qt001_cp.scan_owned() RETURNS TABLE (classid oid, oid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $scan_owned$
-- What the new owner owns and others could hold a privilege on.
SELECT owned.class, owned.oid
FROM (SELECT 'pg_class'::regclass, relation.oid, relation.relowner FROM pg_class relation
      WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      UNION ALL
      SELECT 'pg_proc'::regclass, routine.oid, routine.proowner FROM pg_proc routine
      UNION ALL
      SELECT 'pg_type'::regclass, type.oid, type.typowner FROM pg_type type
      WHERE type.typcategory <> 'A'
        AND (type.typrelid = 0 OR type.typrelid IN (SELECT composite.oid FROM pg_class composite
                                                    WHERE composite.relkind = 'c'))
      UNION ALL
      SELECT 'pg_namespace'::regclass, space.oid, space.nspowner FROM pg_namespace space
      UNION ALL
      SELECT 'pg_database'::regclass, database.oid, database.datdba FROM pg_database database
      WHERE database.datname = current_database()
      UNION ALL
      SELECT 'pg_language'::regclass, language.oid, language.lanowner FROM pg_language language
      UNION ALL
      SELECT 'pg_foreign_server'::regclass, server.oid, server.srvowner
      FROM pg_foreign_server server
      UNION ALL
      SELECT 'pg_largeobject'::regclass, large.oid, large.lomowner
      FROM pg_largeobject_metadata large) owned(class, oid, owner)
WHERE owned.owner = 'qt001_cp_owner'::regrole
$scan_owned$;

CREATE FUNCTION qt001_cp.scan_left(state jsonb, application name)
RETURNS TABLE (privilege text, of_column text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $scan_left$
-- What a state of the manifest leaves to the application role, by name or through PUBLIC.
SELECT entry.value ->> 2, NULL FROM jsonb_array_elements(state -> 'acl') entry
WHERE entry.value ->> 1 IS NULL OR entry.value ->> 1 = application
UNION
SELECT entry.value ->> 2, part.value ->> 'column'
FROM jsonb_array_elements(state -> 'columns') part
CROSS JOIN LATERAL jsonb_array_elements(part.value -> 'acl') entry
WHERE entry.value ->> 1 IS NULL OR entry.value ->> 1 = application
$scan_left$;

CREATE FUNCTION qt001_cp.scan_privileges(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_privileges$
-- What the application role may do, by whatever route, to what was transferred, beyond what the
-- sealed state after FIX7c leaves to it.
WITH application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
), wanted AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.scan_wanted(manifest) listed WHERE listed.disposition = 'transfer'
), target AS MATERIALIZED (
    SELECT owned.classid, owned.oid, object.type AS kind, object.identity,
           coalesce(wanted.state, '{"acl": [], "columns": []}') AS state,
           object.type IN ('table', 'view', 'materialized view', 'foreign table') AS with_rows
    FROM qt001_cp.scan_owned() owned
    CROSS JOIN LATERAL pg_identify_object(owned.classid, owned.oid, 0) object
    LEFT JOIN wanted ON wanted.kind = object.type AND wanted.identity = object.identity
    -- A table that came since is nobody's but its owner's.
    WHERE wanted.kind IS NOT NULL OR object.type = 'table' AND object.schema <> 'qt001_cp'
), excess AS (
    SELECT target.kind, target.identity, target.state, application.rolname,
           has.privilege || coalesce(' (' || quote_ident(has.of_column) || ')', '') AS privilege
    FROM target CROSS JOIN application
    CROSS JOIN LATERAL qt001_cp.scan_effective_privilege(application.oid, target.oid) has
    WHERE target.with_rows
      AND NOT EXISTS (SELECT 1
                      FROM qt001_cp.scan_left(target.state, application.rolname) kept
                      WHERE kept.privilege = has.privilege
                        AND (kept.of_column IS NULL OR kept.of_column = has.of_column))
    UNION ALL
    SELECT target.kind, target.identity, target.state, application.rolname, has.privilege
    FROM target CROSS JOIN application
    CROSS JOIN LATERAL qt001_cp.scan_other_privilege(
        application.oid, target.classid, target.oid) has(privilege)
    WHERE NOT target.with_rows AND target.classid <> 'pg_proc'::regclass
      AND has.privilege NOT IN (
              SELECT kept.privilege
              FROM qt001_cp.scan_left(target.state, application.rolname) kept)
)
SELECT excess.kind || ' ' || excess.identity,
       coalesce('only ' || (
           SELECT string_agg(kept.privilege || coalesce(' (' || quote_ident(kept.of_column) || ')',
                                                        ''),
                             ', ' ORDER BY kept.privilege, kept.of_column)
           FROM qt001_cp.scan_left(excess.state, excess.rolname) kept), 'no privilege')
           || ' for ' || excess.rolname,
       excess.rolname || ' may ' || string_agg(excess.privilege, ', ' ORDER BY excess.privilege),
       'qt001-cp audit; then REVOKE it from the role that passes it on'
FROM excess GROUP BY excess.kind, excess.identity, excess.state, excess.rolname
UNION ALL
SELECT target.kind || ' ' || target.identity, 'no EXECUTE beyond the manifest',
       application.rolname || ' may EXECUTE it',
       format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC;', target.identity)
FROM target CROSS JOIN application
WHERE target.classid = 'pg_proc'::regclass
  AND has_function_privilege(application.oid, target.oid, 'EXECUTE')
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.scan_left(target.state, application.rolname) kept)
$scan_privileges$;

CREATE FUNCTION qt001_cp.scan_roles(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_roles$
-- Attributes of the application role, and of every role that it is a member of, that get around an
-- ACL; and the roles that it must not be a member of: the new owner, the duties, the server's own.
WITH application AS (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
), suspect AS (
    SELECT application.rolname AS application, role.rolname, concat_ws(', ',
               CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
               CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
               CASE WHEN role.rolreplication THEN 'REPLICATION' END,
               CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END) AS attributes
    FROM application JOIN pg_roles role ON pg_has_role(application.oid, role.oid, 'MEMBER')
)
SELECT 'role ' || suspect.rolname, 'no SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS',
       suspect.attributes,
       format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;',
              suspect.rolname)
FROM suspect WHERE suspect.rolname = suspect.application AND suspect.attributes <> ''
UNION ALL
SELECT 'role ' || suspect.application, 'no membership of ' || suspect.rolname,
       'a member, directly or through another role',
       format('REVOKE %I FROM %I; -- or the role in between', suspect.rolname, suspect.application)
FROM suspect
WHERE suspect.rolname <> suspect.application
  AND (suspect.attributes <> '' OR suspect.rolname ~ '^(pg_|qt001_cp_)')
$scan_roles$;

CREATE FUNCTION qt001_cp.scan_members(manifest text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_members$
-- Roles named in the ACL of a transferred object whose place somebody can take who can become the
-- application, but has no duty. Since 16 a membership that neither inherits nor sets is none.
WITH application AS MATERIALIZED (
    SELECT role.* FROM qt001_cp.scan_application(manifest) role
), named AS MATERIALIZED (
    SELECT noted.role, min(noted.kind || ' ' || noted.identity) AS object, count(*) - 1 AS more
    FROM qt001_cp.scan_dependency() noted
    JOIN qt001_cp.scan_wanted(manifest) wanted
      ON wanted.kind = noted.kind AND wanted.identity = noted.identity
    WHERE noted.deptype = 'a' AND wanted.disposition = 'transfer'
    GROUP BY noted.role
), becomes AS MATERIALIZED (
    SELECT role.oid, role.rolname FROM application JOIN pg_roles role
        ON role.oid <> application.oid AND NOT role.rolsuper
    WHERE CASE WHEN current_setting('server_version_num')::int < 160000
               THEN pg_has_role(role.oid, application.oid, 'MEMBER')
               ELSE pg_has_role(role.oid, application.oid, 'USAGE')
                    OR pg_has_role(role.oid, application.oid, 'SET') END
      AND NOT EXISTS (
          SELECT 1 FROM pg_roles duty
          WHERE duty.rolname IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier',
                                 'qt001_cp_auditor')
            AND pg_has_role(role.oid, duty.oid, 'MEMBER'))
)
SELECT 'role ' || pg_get_userbyid(named.role),
       'nobody who can become ' || application.rolname || ' has its place',
       format('its privileges on %s and %s objects more; %s has both', named.object, named.more,
              min(becomes.rolname)),
       format('REVOKE %I FROM %I; -- or the role in between', application.rolname,
              min(becomes.rolname))
FROM named CROSS JOIN application
JOIN becomes ON pg_has_role(becomes.oid, named.role, 'MEMBER')
WHERE NOT pg_has_role(application.oid, named.role, 'MEMBER')
GROUP BY named.role, named.object, named.more, application.rolname
$scan_members$;

CREATE FUNCTION qt001_cp.scan_sources()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $scan_sources$
-- The apply path runs the bodies of the readiness manifest that the last deployment or change
-- names, where it was sealed, looked up by name as a caller does, and each asks the guard.
WITH readiness AS (
    SELECT convert_from(document.body, 'UTF8')::jsonb AS doc
    FROM (SELECT event.detail #>> '{documents,qt001.manifest.readiness/1}' AS readiness
          FROM qt001_cp.event WHERE event.verb IN ('deployed', 'succeeded')
          ORDER BY event.seq DESC LIMIT 1) deployment
    JOIN qt001_cp.document ON document.digest = deployment.readiness
    WHERE EXISTS (SELECT 1 FROM qt001_cp.event
                  WHERE event.verb = 'sealed' AND event.subject = document.digest)
), wanted AS (
    SELECT source ->> 'identity' AS identity, source ->> 'body_sha256' AS sha256
    FROM readiness CROSS JOIN LATERAL jsonb_array_elements(readiness.doc -> 'repoint') source
), live AS (
    SELECT wanted.identity, wanted.sha256 AS wanted_sha256, routine.prosrc, routine.prosecdef,
           encode(sha256(convert_to(routine.prosrc, 'UTF8')), 'hex') AS sha256
    FROM wanted LEFT JOIN pg_proc routine ON routine.oid = to_regprocedure(wanted.identity)
)
SELECT 'routine ' || live.identity, 'a SECURITY DEFINER routine with body ' || live.wanted_sha256,
       coalesce('body ' || live.sha256, 'no such routine'), 'Take FIX7c back and deploy it again.'
FROM live WHERE live.sha256 IS DISTINCT FROM live.wanted_sha256 OR live.prosecdef IS NOT TRUE
UNION ALL
SELECT 'routine ' || live.identity, 'a call of qt001_cp.require_acceptance', 'none',
       'Take FIX7c back and deploy it again.'
FROM live WHERE live.prosrc IS NOT NULL AND live.prosrc !~ '\mqt001_cp\.require_acceptance\s*\('
UNION ALL
SELECT 'apply path', 'sources named by a sealed readiness manifest', 'none',
       'Take FIX7c back and deploy it with its documents.'
WHERE NOT EXISTS (SELECT 1 FROM wanted)
  AND NOT EXISTS (
      SELECT 1 FROM readiness
      JOIN qt001_cp.document ON document.digest = readiness.doc ->> 'object_manifest'
      WHERE convert_from(document.body, 'UTF8')::jsonb -> 'apply_path' = 'null')
$scan_sources$;

CREATE FUNCTION qt001_cp.scan_ledger()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $scan_ledger$
-- Numbers without a hole, each event after the one before it, each document with the digest of its
-- bytes, and a trigger that is enabled always for each way of changing a table of the ledger.
SELECT 'event ' || link.seq,
       format('number %s after %s', link.number, coalesce(link.before, repeat('0', 64))),
       format('number %s after %s', link.seq, link.prev),
       'Restore the ledger from a backup; compare it with the head that was kept elsewhere.'
FROM (SELECT event.seq, event.prev, row_number() OVER (ORDER BY event.seq) AS number,
             lag(event.digest) OVER (ORDER BY event.seq) AS before FROM qt001_cp.event) link
WHERE link.seq <> link.number OR link.prev <> coalesce(link.before, repeat('0', 64))
UNION ALL
SELECT 'document ' || document.digest, 'a body with this sha256',
       'a body with sha256 ' || encode(sha256(document.body), 'hex'),
       'Restore the ledger from a backup.'
FROM qt001_cp.document WHERE encode(sha256(document.body), 'hex') <> document.digest
UNION ALL
SELECT 'document ' || event.subject, format('the document that event %s names', min(event.seq)),
       'none', 'Restore the ledger from a backup.'
FROM qt001_cp.event LEFT JOIN qt001_cp.document ON document.digest = event.subject
WHERE event.verb IN ('configured', 'captured', 'proposed', 'sealed', 'withdrawn',
                     'evidence_imported', 'bound')
  AND document.digest IS NULL
GROUP BY event.subject
UNION ALL
SELECT 'table ' || kept.name,
       'a trigger that is always enabled and refuses ' || refused.command, 'none',
       format('ALTER TABLE %s ENABLE ALWAYS TRIGGER …;', kept.name)
FROM (VALUES ('qt001_cp.event'::regclass), ('qt001_cp.document'), ('qt001_cp.manifest_row'))
     kept(name)
CROSS JOIN (VALUES (8, 'DELETE'), (16, 'UPDATE'), (32, 'TRUNCATE')) refused(bit, command)
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger
                  WHERE pg_trigger.tgrelid = kept.name AND pg_trigger.tgenabled = 'A'
                    AND pg_trigger.tgtype & refused.bit <> 0
                    AND pg_trigger.tgfoid = 'qt001_cp.refuse_change()'::regprocedure)
$scan_ledger$;

CREATE FUNCTION qt001_cp.overdue(verb text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $overdue$
-- One watches the other: the last run of 'verified' or 'scanned', since the deployment at the
-- latest, is not older than max_age_seconds of the readiness manifest.
SELECT watched.object, format('a run in the last %s s', readiness.max_age),
       CASE WHEN last.at > clock_timestamp()
                THEN format('the last at %s, which is in the future', last.at)
            WHEN last.ran THEN 'the last at ' || last.at
            ELSE 'none since the deployment at ' || last.at END,
       watched.mend
FROM (VALUES
    ('verified', 'scheduled verifier',
     'qt001-cp verify (as the verifier); see why its schedule did not run it'),
    ('scanned', 'scheduled scanner',
     'qt001-cp scan (as the scanner); see why its schedule did not run it')
    ) watched(verb, object, mend)
CROSS JOIN (
    SELECT (qt001_cp.document_json(qt001_cp.in_force('qt001.manifest.readiness/1'))
            #>> '{verifier,max_age_seconds}')::bigint AS max_age) readiness
CROSS JOIN LATERAL (
    SELECT event.at, event.verb = watched.verb AS ran FROM qt001_cp.event
    WHERE event.verb IN (watched.verb, 'deployed', 'succeeded')
    ORDER BY event.seq DESC LIMIT 1) last
WHERE watched.verb = overdue.verb
  AND (readiness.max_age IS NULL
       OR last.at < clock_timestamp() - make_interval(secs => readiness.max_age)
       OR last.at > clock_timestamp())
$overdue$;

CREATE FUNCTION qt001_cp.scan() RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
AS $scan$
-- Level B, verifier: the scheduled scan. Records what it found, but on a hot standby; the login has
-- to be another one than the verifier's. That the verifier is late is told, and no fault of this
-- run.
DECLARE
    manifest text;
    findings jsonb;
    late jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_verifier');
    SELECT event.subject INTO manifest FROM qt001_cp.event
    WHERE event.verb IN ('deployed', 'succeeded') ORDER BY event.seq DESC LIMIT 1;
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'gate', finding.part, 'sqlstate', 'QT301', 'object', finding.object,
               'expected', finding.expected, 'found', finding.found, 'mend', finding.mend)), '[]')
    INTO findings FROM (
        SELECT 'owners and ACLs' AS part, owner.* FROM qt001_cp.scan_owners(manifest) owner
        UNION ALL
        SELECT 'what touches', touching.* FROM qt001_cp.scan_touching(manifest) touching
        UNION ALL
        SELECT 'privileges', excess.* FROM qt001_cp.scan_privileges(manifest) excess
        UNION ALL
        SELECT 'roles', role.* FROM qt001_cp.scan_roles(manifest) role
        UNION ALL
        SELECT 'roles', 'role ' || named.application, 'the application role of the manifest',
               'no role of this name', 'ALTER ROLE ... RENAME TO it, or see who dropped it.'
        FROM (SELECT convert_from(document.body, 'UTF8')::jsonb ->> 'application' AS application
              FROM qt001_cp.document WHERE document.digest = manifest) named
        WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = named.application)
        UNION ALL
        SELECT 'roles', member.* FROM qt001_cp.scan_members(manifest) member
        UNION ALL
        SELECT 'apply path', source.* FROM qt001_cp.scan_sources() source
        UNION ALL
        SELECT 'ledger', fault.* FROM qt001_cp.scan_ledger() fault
        UNION ALL
        SELECT 'deployment', 'object manifest', 'one that FIX7c has deployed', 'none',
               'alembic upgrade fix7c'
        WHERE manifest IS NULL) finding;
    SELECT coalesce(jsonb_agg(to_jsonb(verifier) || jsonb_build_object(
               'gate', 'the other of the pair', 'sqlstate', 'QT301')), '[]') INTO late
    FROM qt001_cp.overdue('verified') verifier;
    IF pg_is_in_recovery() THEN
        RETURN findings || late;
    END IF;
    PERFORM qt001_cp.record_event('scanned', coalesce(manifest, ''),
        jsonb_build_object('findings', jsonb_array_length(findings),
                           'instance', qt001_cp.instance(), 'first', (
            SELECT coalesce(jsonb_agg(shown.value), '[]')
            FROM (SELECT listed.value FROM jsonb_array_elements(findings) listed LIMIT 10) shown)));
    RETURN findings || late;
END
$scan$;
