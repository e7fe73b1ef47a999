-- Who is who. Identity is session_user; membership is what pg_auth_members says, at any depth, never pg_has_role():
-- a superuser "has" every role. What the operator's session may do is another question: 45_operator_power.sql.

CREATE FUNCTION qt001_cp.membership(login name DEFAULT NULL) RETURNS TABLE (member name, role name)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $membership$
-- The login, or without one every role, with itself and with every role it is a member of, at any depth. PostgreSQL 16 and
-- later: a membership with neither INHERIT nor SET is the right to grant. CREATE ROLE gives it to its creator; an
-- administrator (CREATEROLE) is no member by it, anybody else could use it to become one.
BEGIN
    RETURN QUERY
    WITH RECURSIVE up(login, oid) AS (
        SELECT r.oid, r.oid FROM pg_roles r WHERE membership.login IS NULL OR r.rolname = membership.login
        UNION
        SELECT up.login, m.roleid FROM up JOIN pg_auth_members m ON m.member = up.oid JOIN pg_roles r ON r.oid = m.member
        WHERE coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true) OR (to_jsonb(m) ->> 'set_option')::boolean
           OR NOT r.rolcreaterole
    )
    SELECT pg_get_userbyid(up.login), pg_get_userbyid(up.oid) FROM up;
END
$membership$;

CREATE FUNCTION qt001_cp.member_of(login name) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $member_of$
-- The role itself and every role it is a member of, at any depth.
SELECT m.role FROM qt001_cp.membership(login) m WHERE login IS NOT NULL
$member_of$;

CREATE FUNCTION qt001_cp.related_roles(login name) RETURNS SETOF name
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $related_roles$
-- The role itself, every role whose place it can take, and every role that can take its place.
BEGIN
    RETURN QUERY
    SELECT DISTINCT CASE WHEN m.member = login THEN m.role ELSE m.member END FROM qt001_cp.membership() m WHERE login IN (m.member, m.role);
END
$related_roles$;

CREATE FUNCTION qt001_cp.duty() RETURNS TABLE (role name)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $duty$
VALUES ('qt001_cp_author'::name), ('qt001_cp_operator'), ('qt001_cp_verifier'), ('qt001_cp_auditor')
$duty$;

CREATE FUNCTION qt001_cp.application_role() RETURNS name
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $application_role$
BEGIN
    RETURN (SELECT (qt001_cp.document_json(e.subject) #>> '{roles,application}')::name
            FROM qt001_cp.event e WHERE e.verb = 'configured' ORDER BY e.seq DESC LIMIT 1);
END
$application_role$;

CREATE FUNCTION qt001_cp.is_rehearsal() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $is_rehearsal$
-- Only the operator's bootstrap marks a database. A database that was renamed or cloned is not marked by it.
SELECT coalesce(bool_or(b.rehearsal AND b.database = current_database()), false) FROM qt001_cp.bootstrap b
$is_rehearsal$;

CREATE FUNCTION qt001_cp.require_duty(duty text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $require_duty$
-- The session's login holds this duty, no other one, and has nothing to do with the application role.
DECLARE
    held name[] := ARRAY(SELECT m.role FROM qt001_cp.membership(session_user) m
                         WHERE m.role IN (SELECT d.role FROM qt001_cp.duty() d) ORDER BY m.role);
BEGIN
    IF NOT duty::name = ANY (held) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('%s is no member of %s', session_user, duty),
            HINT = format('Connect as a login that an administrator made a member: GRANT %I TO <login>;', duty);
    END IF;
    IF cardinality(held) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('%s holds more than one duty: %s', session_user, array_to_string(held, ', ')),
            HINT = 'Use one login a person and a duty; REVOKE the others.';
    END IF;
    IF session_user = qt001_cp.application_role() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107', MESSAGE = format('%s is the application role', session_user),
            HINT = 'Connect as a person.';
    END IF;
END
$require_duty$;

CREATE FUNCTION qt001_cp.application_member_findings(cutover boolean)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $application_member_findings$
-- Nobody with a duty, and no duty's role, is the application role by membership. cutover: but for an operator's login that
-- is a direct member and by no other way, as one without superuser has to be while FIX7b or its restore runs (ADR 0010).
WITH app(name) AS MATERIALIZED (SELECT qt001_cp.application_role()
), edge AS MATERIALIZED (SELECT x.member, x.role FROM qt001_cp.membership() x
), member AS (
    SELECT r.rolname, r.rolcanlogin, array_agg(d.role ORDER BY d.role) AS duties
    FROM app JOIN edge a ON a.role = app.name AND a.member <> app.name JOIN pg_roles r ON r.rolname = a.member
    JOIN edge e ON e.member = r.rolname JOIN qt001_cp.duty() d ON d.role = e.role
    GROUP BY r.rolname, r.rolcanlogin
)
SELECT 'QT107', 'role ' || m.rolname, 'not ' || app.name || ', the application role', 'a member of it; duty ' || array_to_string(m.duties, ', '),
       format('REVOKE %I FROM %I;%s', app.name, coalesce(b.role, m.rolname), CASE WHEN b.role IS NOT NULL THEN ' -- the role in between' ELSE '' END)
FROM app, member m
LEFT JOIN LATERAL (SELECT x.role FROM edge x JOIN edge y ON y.member = x.role AND y.role = app.name
                   WHERE x.member = m.rolname AND x.role NOT IN (m.rolname, app.name) ORDER BY x.role LIMIT 1) b ON true
WHERE NOT (cutover AND m.duties = ARRAY['qt001_cp_operator'::name] AND m.rolcanlogin AND b.role IS NULL)
$application_member_findings$;

CREATE FUNCTION qt001_cp.roles_apart_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $roles_apart_findings$
WITH app(name) AS MATERIALIZED (SELECT qt001_cp.application_role()
), edge AS MATERIALIZED (SELECT x.member, x.role FROM qt001_cp.membership() x
), held AS (
    SELECT m.member AS login, array_agg(m.role ORDER BY m.role) AS duties
    FROM edge m WHERE m.role IN (SELECT d.role FROM qt001_cp.duty() d)
    GROUP BY m.member
)
SELECT 'QT107', 'role ' || h.login, 'at most one duty', array_to_string(h.duties, ', '),
       format('REVOKE %I FROM %I; -- or the role in between', h.duties[1], h.login)
FROM held h WHERE cardinality(h.duties) > 1
UNION ALL
-- By person too, whatever the logins are called. Verifier and scanner are no persons' work.
SELECT 'QT107', 'person ' || min(p.person), 'at most one of author, operator and auditor', string_agg(format('%s by login %s', d.role, h.login), ', ' ORDER BY h.login, d.role),
       'Let somebody else do one of the two, with a login of their own.'
FROM qt001_cp.person p JOIN held h ON h.login = p.login CROSS JOIN LATERAL unnest(h.duties) d(role)
WHERE d.role <> 'qt001_cp_verifier'
GROUP BY lower(btrim(p.person)) HAVING count(DISTINCT d.role) > 1
UNION ALL
SELECT 'QT107', 'role ' || app.name, 'no duty', array_to_string(h.duties, ', '), format('REVOKE %I FROM %I;', h.duties[1], app.name)
FROM app JOIN held h ON h.login = app.name
UNION ALL
SELECT 'QT107', 'role ' || m.member, 'not a member of qt001_cp_owner', 'a member',
       format('REVOKE qt001_cp_owner FROM %I; -- or the role in between', m.member)
FROM edge m
WHERE m.role = 'qt001_cp_owner' AND m.member <> m.role
  AND NOT EXISTS (SELECT 1 FROM edge o WHERE o.member = m.member AND o.role = 'qt001_cp_operator')
UNION ALL
-- Whoever could log in as a duty itself would be nobody: a login is a person's, and a member.
SELECT 'QT107', 'role ' || r.rolname, 'NOLOGIN, no superuser, no CREATEROLE, REPLICATION or BYPASSRLS', concat_ws(', ',
           CASE WHEN r.rolcanlogin THEN 'LOGIN' END, CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END),
       format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;', r.rolname)
FROM pg_roles r WHERE r.rolname IN (SELECT d.role FROM qt001_cp.duty() d UNION ALL SELECT 'qt001_cp_owner')
  AND (r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
UNION ALL
SELECT 'QT107', 'role ' || d.role, 'present', 'missing', 'Run scripts/bootstrap.sql.'
FROM (SELECT d.role FROM qt001_cp.duty() d UNION ALL SELECT 'qt001_cp_owner') d
WHERE NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = d.role)
UNION ALL
SELECT f.* FROM qt001_cp.application_member_findings(true) f
$roles_apart_findings$;

CREATE FUNCTION qt001_cp.parameter_grants()
RETURNS TABLE (parameter text, grantee name, privilege text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $parameter_grants$
-- SET and ALTER SYSTEM on parameters of the server, granted since PostgreSQL 15; NULL is PUBLIC. Before, there are none.
BEGIN
    IF to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
        RETURN QUERY SELECT a.parname, CASE WHEN x.grantee <> 0 THEN pg_get_userbyid(x.grantee) END, x.privilege_type
        FROM pg_catalog.pg_parameter_acl a, aclexplode(a.paracl) x;
    END IF;
END
$parameter_grants$;

CREATE FUNCTION qt001_cp.application_power_findings(app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $application_power_findings$
-- Attributes and memberships by which the application role would get around every ACL.
SELECT 'QT108', 'role ' || app, 'no SUPERUSER, CREATEROLE, REPLICATION, BYPASSRLS', concat_ws(', ',
           CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END),
       format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;', app)
FROM pg_roles r
WHERE r.rolname = app AND (r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
UNION ALL
SELECT 'QT108', 'role ' || app, 'a role', 'no such role', 'Name the application role in the policy.'
WHERE NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = app)
UNION ALL
SELECT 'QT108', 'role ' || app, 'not a member of ' || m, 'a member, directly or through another role',
       format('REVOKE %I FROM %I; -- or the role in between', m, app)
FROM qt001_cp.member_of(app) m JOIN pg_roles r ON r.rolname = m
WHERE m <> app AND (m ~ '^pg_' OR r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
                    OR m = 'qt001_cp_owner' OR m IN (SELECT d.role FROM qt001_cp.duty() d))
UNION ALL
-- With session_replication_role alone it would write past triggers and foreign keys.
SELECT 'QT108', 'parameter ' || g.parameter, format('no privilege for %s or PUBLIC', app),
       format('%s holds %s', coalesce(g.grantee, 'PUBLIC'), g.privilege),
       format('REVOKE %s ON PARAMETER %s FROM %s;', g.privilege, g.parameter, coalesce(quote_ident(g.grantee), 'PUBLIC'))
FROM qt001_cp.parameter_grants() g
WHERE g.grantee IS NULL OR g.grantee IN (SELECT qt001_cp.member_of(app))
$application_power_findings$;
