-- What the operator's session may do: computed from the steps of the manifest and the catalogs, for exactly those
-- statements, with the GRANT to type for what it lacks. A superuser lacks nothing, but for what a statement does under
-- another role. ADR 0010.
-- Source: PostgreSQL documentation, ALTER … OWNER TO of each kind, GRANT, SET ROLE, ALTER DEFAULT PRIVILEGES,
-- "Role Membership" (22.3); each rule was run on 15 and 18.

CREATE FUNCTION qt001_cp.may_set_role(login name, target name) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $may_set_role$
-- PostgreSQL 16 and later ask for the SET option, before that any membership will do.
SELECT pg_has_role(login, target, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
$may_set_role$;

CREATE FUNCTION qt001_cp.membership_mend(target name, inherit boolean, set_role boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $membership_mend$
-- The statement that gives the session's login the rights of a role (inherit) or lets it take the role on (set_role).
SELECT CASE
    WHEN target <> 'pg_read_all_stats' AND (r.rolsuper OR target ~ '^pg_') THEN format(
        'Let a superuser run this script: %s is %s, and membership in it is no way.', target, CASE WHEN r.rolsuper THEN 'a superuser' ELSE 'a predefined role' END)
    WHEN current_setting('server_version_num')::int >= 160000 THEN format('GRANT %I TO %I WITH %s;', target, session_user,
        concat_ws(', ', CASE WHEN inherit THEN 'INHERIT TRUE' END, CASE WHEN set_role THEN 'SET TRUE' END))
    ELSE concat_ws(' ', CASE WHEN NOT pg_has_role(session_user, target, 'MEMBER') OR inherit AND s.rolinherit THEN format('GRANT %I TO %I;', target, session_user) END,
                        CASE WHEN inherit AND NOT s.rolinherit THEN format('ALTER ROLE %I INHERIT;', session_user) END) END
FROM pg_roles r, pg_roles s WHERE r.rolname = target AND s.rolname = session_user
$membership_mend$;

CREATE FUNCTION qt001_cp.owner_step(manifest text, direction text)
RETURNS TABLE (number bigint, kind text, identity text, name text, old name, new name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owner_step$
SELECT s.number, s.kind, s.identity, s.name, (s.step ->> 'from')::name, (s.step ->> 'to')::name
FROM qt001_cp.implied_step(manifest, direction) s WHERE s.step ->> 'do' = 'owner'
$owner_step$;

CREATE FUNCTION qt001_cp.container_acl(manifest text, direction text)
RETURNS TABLE (kind text, name text, grantor name, grantee name, privilege text, since bigint, until bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $container_acl$
-- Every privilege on the database and its schemas that exists while the statements run: from statement since + 1 to
-- statement until. What the manifest transfers starts as the manifest says, the rest is as it is now. grantee NULL: PUBLIC.
WITH placed AS MATERIALIZED (
    SELECT o.kind, o.name, CASE direction WHEN 'forward' THEN o.before ELSE coalesce(o.after, o.before) END -> 'acl' AS acl
    FROM qt001_cp.manifest_object(manifest) o
    WHERE o.disposition = 'transfer' AND o.kind IN ('database', 'schema')
), live(kind, name, acl) AS (
    SELECT 'database', d.datname::text, coalesce(d.datacl, acldefault('d', d.datdba)) FROM pg_database d WHERE d.datname = current_database()
    UNION ALL
    SELECT 'schema', n.nspname, coalesce(n.nspacl, acldefault('n', n.nspowner)) FROM pg_namespace n
), owned AS MATERIALIZED (
    SELECT * FROM qt001_cp.owner_step(manifest, direction) w WHERE w.kind IN ('database', 'schema')
), change(kind, name, grantor, grantee, privilege, number, present) AS (
    SELECT p.kind, p.name, (a.value ->> 0)::name, (a.value ->> 1)::name, a.value ->> 2, 0::bigint, true
    FROM placed p, jsonb_array_elements(p.acl) a(value)
    UNION ALL
    SELECT l.kind, l.name, pg_get_userbyid(a.grantor), CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END, a.privilege_type, 0, true
    FROM live l, aclexplode(l.acl) a WHERE NOT EXISTS (SELECT 1 FROM placed p WHERE p.kind = l.kind AND p.name = l.name)
    UNION ALL
    SELECT s.kind, s.name, (s.step ->> 'grantor')::name, (s.step ->> 'grantee')::name, p.value, s.number, s.step ->> 'do' = 'grant'
    FROM qt001_cp.implied_step(manifest, direction) s, jsonb_array_elements_text(s.step -> 'privileges') p(value)
    WHERE s.kind IN ('database', 'schema') AND s.step ->> 'do' <> 'owner'
), span AS (
    SELECT c.*, coalesce(lead(c.number) OVER (PARTITION BY c.kind, c.name, c.grantor, c.grantee, c.privilege ORDER BY c.number), 9223372036854775807) AS next
    FROM change c
)
-- A change of owner gives the old owner's entries, as grantor and as grantee, to the new one.
SELECT s.kind, s.name, s.grantor, s.grantee, s.privilege, s.number, least(s.next, coalesce(w.number, s.next))
FROM span s LEFT JOIN owned w ON w.kind = s.kind AND w.name = s.name AND s.number < w.number
WHERE s.present
UNION ALL
SELECT s.kind, s.name, CASE WHEN s.grantor = w.old THEN w.new ELSE s.grantor END, CASE WHEN s.grantee = w.old THEN w.new ELSE s.grantee END,
       s.privilege, w.number, s.next
FROM span s JOIN owned w ON w.kind = s.kind AND w.name = s.name AND s.number < w.number
WHERE s.present AND s.next > w.number
$container_acl$;

CREATE FUNCTION qt001_cp.operator_power_findings(manifest text, direction text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $operator_power_findings$
-- One row a cause. No row: the statements of this direction succeed, as far as powers go.
DECLARE
    login name := session_user;
    super boolean := (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = session_user);
BEGIN
    RETURN QUERY
    WITH step AS MATERIALIZED (
        SELECT s.*, coalesce((s.step ->> 'set_role')::boolean, false) AS set_role, s.step ->> 'do' = 'owner' AS moves
        FROM qt001_cp.implied_step(manifest, direction) s
    ), move AS MATERIALIZED (
        SELECT * FROM qt001_cp.owner_step(manifest, direction)
    ), thing AS MATERIALIZED (
        -- The owner of everything transferred, and when it changes; a sequence that a column owns goes with its table.
        SELECT o.kind, o.identity, CASE direction WHEN 'forward' THEN o.before ELSE o.after END ->> 'owner' AS first_owner,
               coalesce(w.number, 9223372036854775807) AS moved, w.new AS next_owner
        FROM qt001_cp.manifest_object(manifest) o
        LEFT JOIN move w ON w.identity = coalesce(o.follows, o.identity)
             AND CASE WHEN o.follows IS NULL THEN w.kind = o.kind ELSE w.kind IN (SELECT k.kind FROM qt001_cp.object_kind k WHERE k.relation) END
        WHERE o.disposition = 'transfer'
    ), database AS MATERIALIZED (
        SELECT coalesce(w.old, pg_get_userbyid(d.datdba)) AS first_owner, coalesce(w.number, 9223372036854775807) AS moved, w.new AS next_owner, d.datname
        FROM pg_database d LEFT JOIN move w ON w.kind = 'database' WHERE d.datname = current_database()
    ), acl AS MATERIALIZED (
        SELECT * FROM qt001_cp.container_acl(manifest, direction)
    ), schema_owner AS MATERIALIZED (
        SELECT n.nspname::text AS name, coalesce(w.old, pg_get_userbyid(n.nspowner)) AS first_owner,
               coalesce(w.number, 9223372036854775807) AS moved, w.new AS next_owner
        FROM pg_namespace n LEFT JOIN move w ON w.kind = 'schema' AND w.name = n.nspname
    ), right_on AS MATERIALIZED (
        -- Who needs what on a container, at which statement; who NULL: the session's login.
        SELECT s.number, CASE WHEN s.set_role THEN (s.step ->> 'grantor')::name END AS who, 'schema'::text AS kind, n.name, 'USAGE'::text AS privilege
        FROM step s CROSS JOIN LATERAL (
            SELECT s.schema AS name UNION SELECT a.value ->> 'schema' FROM jsonb_array_elements(CASE WHEN s.args IS NULL THEN '[]' ELSE s.args END) a(value)) n
        WHERE s.kind NOT IN ('database', 'schema', 'default acl') AND n.name IS NOT NULL AND n.name <> 'pg_catalog' AND (s.set_role OR NOT super)
        UNION ALL
        SELECT s.number, (s.step ->> 'to')::name, 'schema', s.schema, 'CREATE' FROM step s
        WHERE s.moves AND s.kind NOT IN ('database', 'schema') AND s.schema IS NOT NULL AND NOT super
        UNION ALL
        SELECT s.number, NULL, 'database', d.datname::text, 'CREATE' FROM step s, database d WHERE s.moves AND s.kind IN ('schema', 'subscription') AND NOT super
        UNION ALL
        SELECT s.number, (s.step ->> 'to')::name, 'database', d.datname::text, 'CREATE' FROM step s, database d WHERE s.moves AND s.kind = 'publication' AND NOT super
    ), turn AS MATERIALIZED (
        SELECT s.number FROM step s WHERE s.kind IN ('database', 'schema')
    ), epoch AS MATERIALIZED (
        -- Containers change at few statements: one question for each stretch between them.
        SELECT min(r.number) AS number, r.who, r.kind, r.name, r.privilege
        FROM right_on r
        GROUP BY r.who, r.kind, r.name, r.privilege, (SELECT count(*) FROM turn t WHERE t.number < r.number)
    ), refused AS MATERIALIZED (
        SELECT e.*, coalesce(e.who, login) AS whose FROM epoch e LEFT JOIN pg_roles h ON h.rolname = coalesce(e.who, login)
        WHERE NOT EXISTS (
            SELECT 1 FROM acl a JOIN database d ON true
            LEFT JOIN pg_roles g ON g.rolname = CASE WHEN a.grantee <> 'pg_database_owner' THEN a.grantee
                                                     WHEN e.number > d.moved THEN d.next_owner ELSE d.first_owner END
            WHERE a.kind = e.kind AND a.name = e.name AND a.privilege = e.privilege AND e.number > a.since AND e.number <= a.until
              AND (a.grantee IS NULL OR a.grantee = h.rolname OR pg_has_role(h.oid, g.oid, 'USAGE')))
          AND NOT (e.kind = 'schema' AND e.privilege = 'USAGE' AND h.oid IS NOT NULL
                   AND (pg_has_role(h.oid, 'pg_read_all_data', 'USAGE') OR pg_has_role(h.oid, 'pg_write_all_data', 'USAGE')))
    ), wanted(number, role, inherit) AS (
        -- Whose rights the session needs (inherit), and whom it has to become or to give to (SET).
        SELECT s.number, CASE WHEN s.number > t.moved THEN t.next_owner ELSE t.first_owner END::name, true
        FROM step s JOIN thing t ON t.kind = s.kind AND t.identity = s.identity
        WHERE NOT s.set_role AND s.kind <> 'default acl'
        UNION ALL
        SELECT s.number, s.name::name, current_setting('server_version_num')::int >= 160000 FROM step s WHERE NOT s.set_role AND s.kind = 'default acl'
        UNION ALL
        SELECT s.number, (s.step ->> 'grantor')::name, false FROM step s WHERE s.set_role
        UNION ALL
        SELECT s.number, (s.step ->> 'to')::name, false FROM step s WHERE s.moves
        UNION ALL
        -- What the session may not do by a grant, it may do as the container's owner.
        SELECT r.number, CASE WHEN r.kind = 'database' THEN CASE WHEN r.number > d.moved THEN d.next_owner ELSE d.first_owner END
                              WHEN r.number > o.moved THEN o.next_owner ELSE o.first_owner END, true
        FROM refused r CROSS JOIN database d LEFT JOIN schema_owner o ON r.kind = 'schema' AND o.name = r.name WHERE r.who IS NULL
        UNION ALL
        -- The rest of the script: its own files run as the owner of qt001_cp, and Alembic writes its version.
        SELECT 0, 'qt001_cp_owner', false
        UNION ALL
        SELECT 0, pg_get_userbyid(c.relowner), true FROM pg_class c WHERE c.oid = to_regclass('qt001_cp.alembic_version')
    ), resolved AS (
        SELECT min(w.number) AS number, w.inherit,
               CASE WHEN w.role <> 'pg_database_owner' THEN w.role WHEN w.number > d.moved THEN d.next_owner ELSE d.first_owner END AS role
        FROM wanted w, database d GROUP BY 3, w.inherit
    ), lacking AS (
        SELECT n.role, min(n.number) AS number, bool_or(n.inherit) AS inherit, bool_or(NOT n.inherit) AS set_role
        FROM resolved n JOIN pg_roles g ON g.rolname = n.role
        WHERE CASE WHEN n.inherit THEN NOT pg_has_role(login, n.role, 'USAGE') ELSE NOT qt001_cp.may_set_role(login, n.role) END
        GROUP BY n.role
    ), cause(number, object, expected, found, mend) AS (
        SELECT l.number, 'role ' || l.role,
               concat_ws(' and ', CASE WHEN l.inherit THEN login || ' has its rights' END, CASE WHEN l.set_role THEN login || ' may SET ROLE to it' END),
               CASE WHEN pg_has_role(login, l.role, 'MEMBER') THEN 'a membership without that' ELSE 'no membership' END,
               qt001_cp.membership_mend(l.role, l.inherit, l.set_role)
        FROM lacking l
        UNION ALL
        SELECT n.number, 'role ' || n.role, 'a role', 'no such role', 'Generate and seal a manifest of the database as it is.'
        FROM resolved n WHERE NOT EXISTS (SELECT 1 FROM pg_roles g WHERE g.rolname = n.role)
        UNION ALL
        SELECT r.number, r.kind || ' ' || r.name, r.privilege || ' for ' || r.whose, 'not held at that moment',
               format('GRANT %s ON %s %I TO %I; -- ', r.privilege, upper(r.kind), r.name, r.whose)
               || CASE WHEN direction = 'forward' THEN 'then generate and seal again'
                       -- A grant on what the manifest has moved is drift, and the restore refuses that.
                       WHEN EXISTS (SELECT 1 FROM thing t WHERE t.kind = r.kind AND t.identity = quote_ident(r.name))
                       THEN 'before FIX7b, then generate and seal again; after FIX7b let a superuser run the restore'
                       ELSE 'and REVOKE it afterwards' END
        FROM refused r CROSS JOIN database d LEFT JOIN schema_owner o ON r.kind = 'schema' AND o.name = r.name
        JOIN pg_roles g ON g.rolname = CASE WHEN r.kind = 'database' AND r.number > d.moved THEN d.next_owner WHEN r.kind = 'database' THEN d.first_owner
                                            WHEN r.number > o.moved THEN o.next_owner ELSE o.first_owner END
        -- The session itself gets it with the owner's rights, where a finding above asks for them.
        WHERE r.who IS NOT NULL OR pg_has_role(login, g.oid, 'USAGE')
        UNION ALL
        SELECT s.number, 'role ' || login, 'CREATEDB, to give a database to another owner', 'NOCREATEDB', format('ALTER ROLE %I CREATEDB;', login)
        FROM step s JOIN pg_roles r ON r.rolname = login WHERE s.moves AND s.kind = 'database' AND NOT r.rolcreatedb AND NOT super
        UNION ALL
        SELECT s.number, s.kind || ' ' || s.identity, 'a superuser, to give a publication of all tables to who is none', login || ' is none',
               'Let a superuser run this script, or retain the publication.'
        FROM step s WHERE s.moves AND NOT super AND s.kind = 'publication' AND EXISTS (
            SELECT 1 FROM pg_publication p WHERE p.pubname = s.name
              -- FOR TABLES IN SCHEMA came with PostgreSQL 15; 14 has no such catalog.
              AND (p.puballtables OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_publication'::regclass AND d.refobjid = p.oid
                                             AND d.classid = to_regclass('pg_publication_namespace'))))
        UNION ALL
        SELECT s.number, 'foreign-data wrapper ' || f.fdwname, 'USAGE for ' || (s.step ->> 'to'), 'not held',
               format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %I; -- then generate and seal again, or let a superuser run this script', f.fdwname, s.step ->> 'to')
        FROM step s JOIN pg_foreign_server v ON v.srvname = s.name JOIN pg_foreign_data_wrapper f ON f.oid = v.srvfdw
        WHERE s.moves AND s.kind = 'server' AND NOT super AND NOT has_foreign_data_wrapper_privilege((s.step ->> 'to')::name, f.oid, 'USAGE')
    )
    SELECT 'QT107'::text, c.object,
           c.expected || CASE WHEN c.number > 0 THEN format(' (statement %s: %s)', c.number, (
               SELECT t.statement FROM qt001_cp.implied_statement(manifest, direction) t WHERE t.number = c.number)) ELSE '' END,
           c.found, c.mend
    FROM (SELECT DISTINCT ON (x.object, x.expected, x.mend) x.* FROM cause x ORDER BY x.object, x.expected, x.mend, x.number) c
    ORDER BY c.number, c.object, c.mend;
END
$operator_power_findings$;

CREATE FUNCTION qt001_cp.operator_standing() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $operator_standing$
-- Under what powers the session's login acts: for the event of the cutover, so that an auditor sees it.
SELECT jsonb_build_object('superuser', r.rolsuper, 'createrole', r.rolcreaterole, 'member_of', (
    SELECT coalesce(jsonb_agg(m ORDER BY m COLLATE "C"), '[]') FROM qt001_cp.member_of(session_user) m WHERE m <> session_user))
FROM pg_roles r WHERE r.rolname = session_user
$operator_standing$;

CREATE FUNCTION qt001_cp.operator_notes(manifest text) RETURNS TABLE (note text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $operator_notes$
-- What is no finding, but somebody should know: for preflight.
WITH app(name) AS (SELECT (qt001_cp.document_json(manifest) ->> 'application')::name)
SELECT format('%s is a member of the application role. After FIX7b take it away: REVOKE %I FROM %I; FIX7c refuses, and its gate roles_apart stays closed, while it is one.',
              session_user, app.name, session_user)
FROM app WHERE app.name IN (SELECT qt001_cp.member_of(session_user)) AND app.name <> session_user
UNION ALL
SELECT format('The way back will need more: %s: expected %s, found %s. %s', f.object, f.expected, f.found, f.mend)
FROM qt001_cp.operator_power_findings(manifest, 'restore') f WHERE qt001_cp.stage() = 'fix7a'
$operator_notes$;
