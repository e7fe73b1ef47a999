-- What stands beside the objects: publications, subscriptions, user mappings, settings, privileges on the system itself.

CREATE FUNCTION qt001_cp.system_acl() RETURNS TABLE (classid oid, objid oid, sub int, acl aclitem[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $system_acl$
-- ACLs of the objects whose privileges initdb or an extension has set itself (pg_init_privs): who may read files,
-- passwords and large objects, or connect elsewhere. sub: the column, or 0.
SELECT 'pg_class'::regclass::oid, c.oid, 0, c.relacl FROM pg_class c
UNION ALL SELECT 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl FROM pg_attribute a WHERE a.attacl IS NOT NULL
UNION ALL SELECT 'pg_proc'::regclass, p.oid, 0, p.proacl FROM pg_proc p
UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, 0, f.fdwacl FROM pg_foreign_data_wrapper f
UNION ALL SELECT 'pg_language'::regclass, l.oid, 0, l.lanacl FROM pg_language l
$system_acl$;

CREATE FUNCTION qt001_cp.environment_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $environment_findings$
WITH doc AS MATERIALIZED (
    SELECT d.app, coalesce(qt001_cp.application_role_oids(d.app), '{}') AS mine
    FROM (SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS app) d
), place AS MATERIALIZED (SELECT o.* FROM qt001_cp.manifest_object(manifest) o
), ours(oid) AS MATERIALIZED (
    -- The control plane's roles, and who holds a duty.
    SELECT r.oid FROM pg_roles r WHERE EXISTS (
        SELECT 1 FROM qt001_cp.member_of(r.rolname) m WHERE m IN (SELECT d.role FROM qt001_cp.duty() d UNION ALL SELECT 'qt001_cp_owner'))
), setting AS MATERIALIZED (
    SELECT s.setdatabase, s.setrole, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
    FROM doc, pg_db_role_setting s, unnest(s.setconfig) c
    WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      AND (s.setrole = 0 OR s.setrole IN (SELECT o.oid FROM ours o)
           -- Where the application itself looks for names is its own matter.
           OR (s.setrole = ANY (doc.mine) AND NOT starts_with(c, 'search_path=')))
), part AS MATERIALIZED (
    SELECT s.*, qt001_cp.path_schemas(s.value) AS schemas FROM setting s WHERE s.name = 'search_path'
), open_schema(name) AS MATERIALIZED (
    SELECT n.nspname FROM doc, pg_namespace n
    WHERE n.nspowner = ANY (doc.mine) AND NOT EXISTS (SELECT 1 FROM place p WHERE p.kind = 'schema' AND p.name = n.nspname AND p.disposition = 'transfer')
    UNION
    SELECT p.name FROM doc, place p, jsonb_array_elements(coalesce(p.after, p.before) -> 'acl') a(value)
    WHERE p.kind = 'schema' AND a.value ->> 2 = 'CREATE' AND (a.value ->> 1 IS NULL OR a.value ->> 1 IN (SELECT qt001_cp.member_of(doc.app)))
)
-- Also FOR ALL TABLES and TABLES IN SCHEMA, which no edge of the catalog says.
SELECT 'QT108', 'publication ' || p.pubname, 'out of the hand of ' || doc.app || ', or without transferred tables',
       format('owned by %s, publishes %I.%I', pg_get_userbyid(p.pubowner), min(t.schemaname), min(t.tablename)), format('DROP PUBLICATION %I;', p.pubname)
FROM doc JOIN pg_publication p ON p.pubowner = ANY (doc.mine) JOIN pg_publication_tables t ON t.pubname = p.pubname
JOIN place o ON o.disposition = 'transfer' AND o.schema = t.schemaname AND o.name = t.tablename AND o.kind = 'table'
WHERE NOT EXISTS (SELECT 1 FROM place x WHERE x.kind = 'publication' AND x.name = p.pubname AND x.disposition = 'transfer')
GROUP BY doc.app, p.pubname, p.pubowner
UNION ALL
SELECT 'QT108', 'subscription ' || s.subname, 'out of the hand of ' || doc.app, 'owned by ' || pg_get_userbyid(s.subowner) || ': writes what a publisher of its choice sends',
       format('ALTER SUBSCRIPTION %I OWNER TO …; -- or DROP SUBSCRIPTION', s.subname)
FROM doc JOIN pg_subscription s ON s.subowner = ANY (doc.mine) AND s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
WHERE NOT EXISTS (SELECT 1 FROM place x WHERE x.kind = 'subscription' AND x.name = s.subname AND x.disposition = 'transfer')
UNION ALL
SELECT 'QT108', format('user mapping for %s on server %s', m.usename, m.srvname), format('none for %s, a role it is a member of, or PUBLIC', doc.app),
       'it logs in elsewhere with rights that are not its own', format('DROP USER MAPPING FOR %s SERVER %I;', CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END, m.srvname)
FROM doc JOIN pg_user_mappings m ON m.umuser = 0 OR m.umuser = ANY (doc.mine)
UNION ALL
SELECT 'QT108', format('setting %s for %s', s.name, CASE s.setrole WHEN 0 THEN 'every role' ELSE pg_get_userbyid(s.setrole) END),
       'none that decides what runs, or as whom', s.value,
       format('ALTER %s RESET %s;', CASE WHEN s.setrole = 0 THEN format('DATABASE %I', current_database()) ELSE format('ROLE %I', pg_get_userbyid(s.setrole)) END, s.name)
FROM setting s
WHERE s.name IN ('role', 'session_authorization', 'session_replication_role', 'session_preload_libraries', 'local_preload_libraries',
                 'dynamic_library_path', 'lo_compat_privileges', 'event_triggers', 'allow_system_table_mods', 'ignore_system_indexes',
                 'standard_conforming_strings')
UNION ALL
SELECT 'QT108', 'setting search_path for ' || CASE p.setrole WHEN 0 THEN 'every role' ELSE pg_get_userbyid(p.setrole) END,
       'pg_catalog first where it is named, pg_temp last, no schema that the application may write', p.value,
       format('ALTER %s RESET search_path;', CASE WHEN p.setrole = 0 THEN format('DATABASE %I', current_database()) ELSE format('ROLE %I', pg_get_userbyid(p.setrole)) END)
FROM part p
WHERE array_position(p.schemas, 'pg_catalog') > 1 OR array_position(p.schemas, 'pg_temp') < cardinality(p.schemas)
   OR EXISTS (SELECT 1 FROM unnest(p.schemas) x JOIN open_schema o ON o.name = x)
UNION ALL
SELECT 'QT108', i.type || ' ' || i.identity, format('no more for %s or PUBLIC than the server came with', doc.app),
       string_agg(x.privilege_type || ' for ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END, ', '),
       'REVOKE it: it reads or runs more than the database''s own data.'
FROM doc JOIN qt001_cp.system_acl() a ON a.acl IS NOT NULL
JOIN pg_init_privs b ON b.classoid = a.classid AND b.objoid = a.objid AND b.objsubid = 0
CROSS JOIN LATERAL aclexplode(a.acl) x CROSS JOIN LATERAL pg_identify_object(a.classid, a.objid, a.sub) i
WHERE (x.grantee = 0 OR x.grantee = ANY (doc.mine))
  AND NOT EXISTS (SELECT 1 FROM pg_init_privs z CROSS JOIN LATERAL aclexplode(z.initprivs) y
                  WHERE z.classoid = a.classid AND z.objoid = a.objid AND z.objsubid IN (0, a.sub)
                    AND y.grantee IN (0, x.grantee) AND y.privilege_type = x.privilege_type)
  -- Where the manifest takes it away, nothing is left.
  AND NOT (x.grantee = (SELECT r.oid FROM pg_roles r WHERE r.rolname = doc.app) AND EXISTS (
        SELECT 1 FROM pg_identify_object(a.classid, a.objid, 0) w JOIN place o ON o.kind = w.type AND o.identity = w.identity
        WHERE o.disposition = 'transfer'))
GROUP BY doc.app, i.type, i.identity
$environment_findings$;

CREATE FUNCTION qt001_cp.open_session_findings(manifest text, keep boolean DEFAULT false)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $open_session_findings$
-- Sessions that began before the cutover, idle ones too: a cursor WITH HOLD and a SET ROLE outlive it, and nobody else
-- can see either. One without a database replicates the whole server, and goes on when the attribute has been taken away. One that is just ending has a second to be gone. It needs no privilege: every role may see who is
-- connected where. keep: the operator lets those stay that began after the sealing; what a cursor of theirs holds they
-- could read until now, and an older role they cannot have.
DECLARE
    logins name[];
    since timestamptz := CASE WHEN keep THEN (SELECT max(e.at) FROM qt001_cp.event e WHERE e.verb = 'sealed' AND e.subject = manifest) END;
BEGIN
    IF qt001_cp.application_has_no_session(manifest) THEN
        RETURN;
    END IF;
    logins := ARRAY(SELECT r.rolname FROM qt001_cp.related_roles((qt001_cp.document_json(manifest) ->> 'application')::name) k JOIN pg_roles r ON r.rolname = k
                    WHERE NOT r.rolsuper AND NOT EXISTS (SELECT 1 FROM qt001_cp.membership(r.rolname) m WHERE m.role IN (SELECT y.role FROM qt001_cp.duty() y)));
    FOR i IN 1..20 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF NOT EXISTS (SELECT 1 FROM pg_stat_activity s
                       WHERE coalesce(s.datname = current_database(), true) AND s.pid <> pg_backend_pid() AND s.usename = ANY (logins)
                         AND (s.backend_start > since AND s.datname IS NOT NULL) IS NOT TRUE) THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN QUERY
    SELECT 'QT108'::text, format('session %s of %s', s.pid, s.usename), CASE WHEN keep THEN 'no session of the application that began before the sealing' ELSE 'no session of the application that began before the cutover' END,
           'connected' || coalesce(' since ' || s.backend_start::text, '') || CASE WHEN s.datname IS NULL THEN ', for replication' ELSE '' END,
           format('SELECT pg_terminate_backend(%s); -- or print the script with -x sessions=keep: idle ones may stay then', s.pid)
    FROM pg_stat_activity s
    WHERE coalesce(s.datname = current_database(), true) AND s.pid <> pg_backend_pid() AND s.usename = ANY (logins)
      AND (s.backend_start > since AND s.datname IS NOT NULL) IS NOT TRUE;
END
$open_session_findings$;
