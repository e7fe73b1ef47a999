-- What stands beside the objects: publications, subscriptions, user mappings, settings, search
-- paths, privileges on the system's own objects. One function a concern, joined by
-- environment_findings().

CREATE FUNCTION qt001_cp.publication_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $publication_findings$
-- Also FOR ALL TABLES and TABLES IN SCHEMA, which no edge of the catalog says.
WITH object AS MATERIALIZED (
    SELECT entry.kind, entry.schema, entry.name
    FROM qt001_cp.manifest_object(manifest) entry
    WHERE entry.disposition = 'transfer' AND entry.kind IN ('table', 'publication')
)
SELECT 'QT108', 'publication ' || publication.pubname,
       format('a publication that %s does not own, or without transferred tables', app),
       format('owned by %s, publishes %I.%I', pg_get_userbyid(publication.pubowner),
              min(published.schemaname), min(published.tablename)),
       format('DROP PUBLICATION %I;', publication.pubname)
FROM pg_publication publication
JOIN pg_publication_tables published ON published.pubname = publication.pubname
JOIN object ON object.kind = 'table' AND object.schema = published.schemaname
     AND object.name = published.tablename
WHERE publication.pubowner IN (SELECT qt001_cp.application_role_oids(app))
  AND NOT EXISTS (SELECT 1 FROM object
                  WHERE object.kind = 'publication' AND object.name = publication.pubname)
GROUP BY publication.pubname, publication.pubowner
$publication_findings$;

CREATE FUNCTION qt001_cp.subscription_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $subscription_findings$
SELECT 'QT108', 'subscription ' || subname, format('a subscription that %s does not own', app),
       format('owned by %s, who chooses the publisher whose changes it writes',
              pg_get_userbyid(subowner)),
       format('ALTER SUBSCRIPTION %1$I OWNER TO CURRENT_USER; -- as the administrator; or '
              'DROP SUBSCRIPTION %1$I;', subname)
FROM pg_subscription
WHERE subowner IN (SELECT qt001_cp.application_role_oids(app))
  AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.manifest_object(manifest) object
                  WHERE object.disposition = 'transfer' AND object.kind = 'subscription'
                    AND object.name = subname)
$subscription_findings$;

CREATE FUNCTION qt001_cp.user_mapping_findings(app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $user_mapping_findings$
SELECT 'QT108', format('user mapping for %s on server %s', usename, srvname),
       format('none for %s, a role it is a member of, or PUBLIC', app),
       'a login on another server with rights that are not its own',
       format('DROP USER MAPPING FOR %s SERVER %I;',
              CASE WHEN umuser = 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname)
FROM pg_user_mappings
WHERE umuser = 0 OR umuser IN (SELECT qt001_cp.application_role_oids(app))
$user_mapping_findings$;

CREATE FUNCTION qt001_cp.stored_setting(app name, callers name[] DEFAULT '{}')
RETURNS TABLE (name text, value text, whose text, reset text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $stored_setting$
-- Settings that are in force in sessions of this database: for every role, for ours, these callers
-- and who has a duty, and for the application. Where the application itself looks for names is its
-- own matter, and that somebody becomes it from the first moment.
WITH ours AS (
    SELECT pg_roles.oid FROM pg_roles WHERE pg_roles.rolname IN (
        SELECT duty.role FROM qt001_cp.duty()
        UNION ALL
        SELECT known.login FROM qt001_cp.assigned_duties() known
        UNION ALL
        SELECT unnest(callers)
        UNION ALL
        SELECT edge.member FROM qt001_cp.membership() edge
        WHERE edge.role IN ('qt001_cp_owner', 'qt001_cp_ledger'))
), setting AS (
    SELECT setdatabase, setrole, split_part(entry, '=', 1) AS name,
           substr(entry, strpos(entry, '=') + 1) AS value
    FROM pg_db_role_setting CROSS JOIN LATERAL unnest(setconfig) entry
    WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
)
SELECT setting.name, setting.value,
       CASE setting.setrole WHEN 0 THEN 'every role' ELSE pg_get_userbyid(setting.setrole) END,
       concat_ws(' ', 'ALTER',
           CASE WHEN setting.setrole <> 0 THEN format('ROLE %I', pg_get_userbyid(setting.setrole))
                WHEN setting.setdatabase = 0 THEN 'ROLE ALL' END,
           CASE WHEN setting.setdatabase <> 0 AND setting.setrole <> 0 THEN 'IN' END,
           CASE WHEN setting.setdatabase <> 0 THEN format('DATABASE %I', current_database()) END,
           'RESET', setting.name) || ';'
FROM setting
WHERE setting.setrole = 0 OR setting.setrole IN (SELECT ours.oid FROM ours)
   OR setting.name <> 'search_path' AND NOT (setting.name = 'role' AND setting.value = app)
      AND setting.setrole IN (SELECT qt001_cp.application_role_oids(app))
$stored_setting$;

CREATE FUNCTION qt001_cp.setting_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $setting_findings$
-- Who may call the apply path, too: a trigger that asks for ORIGIN does not fire for a replica.
SELECT 'QT108', format('setting %s for %s', setting.name, setting.whose),
       'no setting that decides what runs, or as whom', setting.value, setting.reset
FROM qt001_cp.stored_setting(
    app, ARRAY(SELECT qt001_cp.apply_path_caller(manifest)::name)) setting
WHERE setting.name IN (
    'role', 'session_authorization', 'session_replication_role', 'session_preload_libraries',
    'local_preload_libraries', 'dynamic_library_path', 'lo_compat_privileges', 'event_triggers',
    'allow_system_table_mods', 'ignore_system_indexes', 'standard_conforming_strings')
$setting_findings$;

CREATE FUNCTION qt001_cp.stored_search_path_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $stored_search_path_findings$
-- What a login with a duty finds in the end is a matter of duty_path_findings().
WITH writable AS MATERIALIZED (
    SELECT creator.schema FROM qt001_cp.writable_schema(manifest) creator
)
SELECT 'QT108', 'setting search_path for ' || setting.whose,
       'pg_catalog first where it is named, pg_temp last, and no schema in which the application '
       'may create objects', setting.value, setting.reset
FROM qt001_cp.stored_setting(app) setting
CROSS JOIN LATERAL qt001_cp.path_schemas(setting.value) path(schemas)
WHERE setting.name = 'search_path' AND (
         array_position(path.schemas, 'pg_catalog') > 1
      OR array_position(path.schemas, 'pg_temp') < cardinality(path.schemas)
      OR EXISTS (SELECT 1 FROM writable WHERE writable.schema = ANY (path.schemas))
         AND setting.whose NOT IN (SELECT known.login FROM qt001_cp.assigned_duties() known))
$stored_search_path_findings$;

CREATE FUNCTION qt001_cp.writable_path(manifest text, logins name[])
RETURNS TABLE (login name, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $writable_path$
-- Those of the logins whose sessions look for names where the application may make objects: one of
-- its own takes their unqualified call, an overload fits better than what they mean, and it runs
-- with their rights. Where CREATE may not stay, that is the finding: containing_schema_findings().
-- mend: the same path without these schemas, and without what does not exist.
WITH shut AS MATERIALIZED (
    SELECT DISTINCT object.schema FROM qt001_cp.manifest_object(manifest) object
    WHERE object.disposition = 'transfer'
      AND (object.kind IN ('function', 'procedure', 'aggregate', 'type', 'operator', 'view')
           OR object.kind IN ('table', 'sequence') AND qt001_cp.has_apply_path(manifest))
), writable AS MATERIALIZED (
    SELECT creator.schema, coalesce(creator.grantee, 'PUBLIC') AS grantee
    FROM qt001_cp.writable_schema(manifest) creator
    WHERE NOT EXISTS (SELECT 1 FROM shut WHERE shut.schema = creator.schema)
), looks AS MATERIALIZED (
    SELECT known.rolname, qt001_cp.default_search_path(known.rolname) AS path
    FROM pg_roles known WHERE known.rolname = ANY (logins) AND known.rolcanlogin
)
SELECT looks.rolname,
       format('search_path %s, and CREATE on %s', array_to_string(looks.path, ', '),
              string_agg(format('schema %s for %s', writable.schema, writable.grantee), ', '
                         ORDER BY writable.schema, writable.grantee)),
       format('ALTER ROLE %I IN DATABASE %I SET search_path = %s;', looks.rolname,
              current_database(), coalesce((
                  SELECT string_agg(quote_ident(kept.schema), ', ' ORDER BY
                             kept.schema <> 'pg_catalog', kept.schema = 'pg_temp', kept.position)
                  FROM unnest(looks.path) WITH ORDINALITY kept(schema, position)
                  WHERE kept.schema NOT IN (SELECT writable.schema FROM writable)
                    AND (kept.schema = 'pg_temp'
                         OR kept.schema IN (SELECT space.nspname FROM pg_namespace space))),
                  ''''''))
FROM looks JOIN writable ON writable.schema = ANY (looks.path)
GROUP BY looks.rolname, looks.path
$writable_path$;

CREATE FUNCTION qt001_cp.apply_path_caller(manifest text) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $apply_path_caller$
-- The logins that may call the apply path after the cutover, by whatever role. Not who acts as its
-- owner or is a superuser: these may anything, and count by their duty.
WITH head AS MATERIALIZED (
    SELECT qt001_cp.document_json(manifest) AS doc
), entry AS MATERIALIZED (
    SELECT part ->> 'identity' AS identity
    FROM head CROSS JOIN LATERAL jsonb_array_elements(head.doc -> 'repoint') part
    UNION
    SELECT head.doc #>> ARRAY['apply_path', part]
    FROM head CROSS JOIN unnest('{gateway,permit,apply,writer}'::text[]) part
), grantee AS MATERIALIZED (
    SELECT DISTINCT granted ->> 1 AS role
    FROM qt001_cp.manifest_object(manifest) object
    CROSS JOIN LATERAL jsonb_array_elements(object.after -> 'acl') granted
    WHERE object.disposition = 'transfer' AND object.kind IN ('function', 'procedure')
      AND object.identity IN (SELECT entry.identity FROM entry)
      AND granted ->> 2 = 'EXECUTE' AND granted ->> 1 IS DISTINCT FROM 'qt001_cp_owner'
)
SELECT caller.rolname FROM head
JOIN pg_roles caller ON caller.rolcanlogin AND NOT caller.rolsuper
     AND caller.rolname <> head.doc ->> 'application'
WHERE caller.rolname IN (
          SELECT edge.member FROM qt001_cp.membership() edge
          WHERE edge.role IN (SELECT grantee.role FROM grantee WHERE grantee.role IS NOT NULL))
   OR EXISTS (SELECT 1 FROM grantee WHERE grantee.role IS NULL)
$apply_path_caller$;

CREATE FUNCTION qt001_cp.caller_path_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $caller_path_findings$
SELECT 'QT108', 'role ' || looks.login,
       format('no schema in which %s may create objects on the default search_path of who may '
              'call the apply path', qt001_cp.document_json(manifest) ->> 'application'),
       looks.found, looks.mend
FROM qt001_cp.writable_path(
    manifest, ARRAY(SELECT qt001_cp.apply_path_caller(manifest))) looks
$caller_path_findings$;

CREATE FUNCTION qt001_cp.duty_path_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $duty_path_findings$
-- A superuser with a duty too. No part of environment_findings(), which are asked before FIX7a is
-- there, and who has a duty with it.
SELECT 'QT108', 'role ' || looks.login,
       format('no schema in which %s may create objects on the default search_path of who has a '
              'duty', qt001_cp.document_json(manifest) ->> 'application'),
       looks.found, looks.mend
FROM qt001_cp.writable_path(
    manifest, ARRAY(SELECT known.login FROM qt001_cp.assigned_duties() known)) looks
$duty_path_findings$;

CREATE FUNCTION qt001_cp.system_acl() RETURNS TABLE (classid oid, objid oid, sub int, acl aclitem[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $system_acl$
-- ACLs of the objects whose privileges initdb or an extension has set itself (pg_init_privs): who
-- may read files, passwords and large objects, or connect elsewhere. sub: the column, or 0.
-- Rendered from CATALOGS of model/kinds.py.
{preset_acls}
UNION ALL
SELECT 'pg_class'::regclass, attrelid, attnum, attacl FROM pg_attribute
WHERE attacl IS NOT NULL AND attrelid IN (SELECT objoid FROM pg_init_privs)
$system_acl$;

CREATE FUNCTION qt001_cp.system_privilege_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $system_privilege_findings$
-- What the manifest takes away from the application role is not a finding.
WITH surplus AS MATERIALIZED (
    SELECT object.classid, object.objid, object.sub, entry.grantee, entry.privilege_type
    FROM qt001_cp.system_acl() object
    JOIN pg_init_privs ON classoid = object.classid AND objoid = object.objid AND objsubid = 0
    CROSS JOIN LATERAL aclexplode(object.acl) entry
    WHERE object.acl IS NOT NULL
      AND (entry.grantee = 0 OR entry.grantee IN (SELECT qt001_cp.application_role_oids(app)))
      AND NOT EXISTS (
          SELECT 1 FROM pg_init_privs CROSS JOIN LATERAL aclexplode(initprivs) initial
          WHERE classoid = object.classid AND objoid = object.objid
            AND objsubid IN (0, object.sub) AND initial.grantee IN (0, entry.grantee)
            AND initial.privilege_type = entry.privilege_type)
)
SELECT 'QT108', named.type || ' ' || named.identity,
       format('no privileges for %s or PUBLIC beyond those that the server came with', app),
       string_agg(surplus.privilege_type || ' for ' || CASE surplus.grantee
           WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(surplus.grantee) END, ', '),
       'Revoke them: they reach beyond the data of this database.'
FROM surplus
CROSS JOIN LATERAL pg_identify_object(surplus.classid, surplus.objid, surplus.sub) named
WHERE NOT (surplus.grantee = (SELECT oid FROM pg_roles WHERE rolname = app) AND EXISTS (
          SELECT 1 FROM qt001_cp.manifest_object(manifest) object
          JOIN pg_identify_object(surplus.classid, surplus.objid, 0) whole
            ON whole.type = object.kind AND whole.identity = object.identity
          WHERE object.disposition = 'transfer'))
GROUP BY named.type, named.identity
$system_privilege_findings$;

CREATE FUNCTION qt001_cp.environment_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $environment_findings$
WITH app AS MATERIALIZED (
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name
)
SELECT finding.*
FROM app CROSS JOIN LATERAL qt001_cp.publication_findings(manifest, app.name) finding
UNION ALL
SELECT finding.*
FROM app CROSS JOIN LATERAL qt001_cp.subscription_findings(manifest, app.name) finding
UNION ALL
SELECT finding.* FROM app CROSS JOIN LATERAL qt001_cp.user_mapping_findings(app.name) finding
UNION ALL
SELECT finding.* FROM app CROSS JOIN LATERAL qt001_cp.setting_findings(manifest, app.name) finding
UNION ALL
SELECT finding.*
FROM app CROSS JOIN LATERAL qt001_cp.stored_search_path_findings(manifest, app.name) finding
UNION ALL
SELECT finding.* FROM qt001_cp.caller_path_findings(manifest) finding
UNION ALL
SELECT finding.*
FROM app CROSS JOIN LATERAL qt001_cp.system_privilege_findings(manifest, app.name) finding
$environment_findings$;
