-- Who is who. Identity is session_user; membership is what pg_auth_members says, at any depth,
-- never pg_has_role(): a superuser "has" every role. What the operator's session may do is another
-- question: 45_operator_power.sql.

CREATE FUNCTION qt001_cp.membership(login name DEFAULT NULL) RETURNS TABLE (member name, role name)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $membership$
-- The login, or without one every role, with itself and with every role it is a member of, at any
-- depth. PostgreSQL 16 and later: a membership with neither INHERIT nor SET is the right to grant.
-- CREATE ROLE gives it to its creator; an administrator (CREATEROLE) is not a member by it, anybody
-- else could use it to become one.
BEGIN
    RETURN QUERY
    WITH RECURSIVE up(login, oid) AS (
        SELECT pg_roles.oid, pg_roles.oid FROM pg_roles
        WHERE membership.login IS NULL OR pg_roles.rolname = membership.login
        UNION
        SELECT up.login, direct.roleid
        FROM up JOIN pg_auth_members direct ON direct.member = up.oid
        JOIN pg_roles member ON member.oid = direct.member
        WHERE coalesce((to_jsonb(direct) ->> 'inherit_option')::boolean, true)
           OR (to_jsonb(direct) ->> 'set_option')::boolean OR NOT member.rolcreaterole
    )
    SELECT pg_get_userbyid(up.login), pg_get_userbyid(up.oid) FROM up;
END
$membership$;

CREATE FUNCTION qt001_cp.member_of(login name) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $member_of$
-- The role itself and every role it is a member of, at any depth.
SELECT membership.role FROM qt001_cp.membership(login) WHERE login IS NOT NULL
$member_of$;

CREATE FUNCTION qt001_cp.related_roles(login name) RETURNS SETOF name
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $related_roles$
-- The role itself, every role whose place it can take, and every role that can take its place.
BEGIN
    RETURN QUERY
    SELECT DISTINCT CASE WHEN edge.member = login THEN edge.role ELSE edge.member END
    FROM qt001_cp.membership() edge WHERE login IN (edge.member, edge.role);
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
    RETURN (SELECT (qt001_cp.document_json(event.subject) #>> '{roles,application}')::name
            FROM qt001_cp.event WHERE event.verb = 'configured' ORDER BY event.seq DESC LIMIT 1);
END
$application_role$;

CREATE FUNCTION qt001_cp.is_rehearsal() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $is_rehearsal$
-- Only the operator's bootstrap marks a database. One that was renamed or cloned is not marked.
SELECT coalesce(bool_or(rehearsal AND database = current_database()), false) FROM qt001_cp.bootstrap
$is_rehearsal$;

CREATE FUNCTION qt001_cp.require_duty(duty text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $require_duty$
-- The session's login has this duty, no other one, and is not the application role.
DECLARE
    duties name[] := ARRAY(SELECT membership.role FROM qt001_cp.membership(session_user)
                           WHERE membership.role IN (SELECT known.role FROM qt001_cp.duty() known)
                           ORDER BY membership.role);
BEGIN
    IF NOT duty::name = ANY (duties) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('login %s refused: expected a member of %s, found %s',
                             session_user, duty,
                             coalesce('a member of ' || nullif(array_to_string(duties, ', '), ''),
                                      'a login without duty')),
            HINT = format('An administrator makes a login its member: GRANT %I TO login;', duty);
    END IF;
    IF cardinality(duties) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('login %s refused: expected one duty, found %s',
                             session_user, array_to_string(duties, ', ')),
            HINT = 'Use one login a person and a duty; REVOKE the others.';
    END IF;
    IF session_user = qt001_cp.application_role() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format(
                'login %s refused: expected the login of a person, found the application role',
                session_user),
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
-- Nobody with a duty, and no duty's role, is the application role by membership. cutover: but for
-- an operator's login that is a direct member and by no other way, as one without superuser has to
-- be while FIX7b or its restore runs (ADR 0010).
WITH app(name) AS MATERIALIZED (
    SELECT qt001_cp.application_role()
), edge AS MATERIALIZED (
    SELECT membership.member, membership.role FROM qt001_cp.membership()
), member AS (
    SELECT holder.rolname, holder.rolcanlogin, array_agg(duty.role ORDER BY duty.role) AS duties
    FROM app JOIN edge joined ON joined.role = app.name AND joined.member <> app.name
    JOIN pg_roles holder ON holder.rolname = joined.member
    JOIN edge assigned ON assigned.member = holder.rolname
    JOIN qt001_cp.duty() ON duty.role = assigned.role
    GROUP BY holder.rolname, holder.rolcanlogin
)
SELECT 'QT107', 'role ' || member.rolname,
       format('no membership in %s, the application role', app.name),
       'a member with duty ' || array_to_string(member.duties, ', '),
       format('REVOKE %I FROM %I;%s', app.name, coalesce(intermediate.role, member.rolname),
              CASE WHEN intermediate.role IS NOT NULL THEN ' -- the role in between' ELSE '' END)
FROM app CROSS JOIN member
LEFT JOIN LATERAL (
    SELECT first.role
    FROM edge first JOIN edge second ON second.member = first.role AND second.role = app.name
    WHERE first.member = member.rolname AND first.role NOT IN (member.rolname, app.name)
    ORDER BY first.role LIMIT 1) intermediate ON true
WHERE NOT (cutover AND member.duties = ARRAY['qt001_cp_operator'::name] AND member.rolcanlogin
           AND intermediate.role IS NULL)
$application_member_findings$;

CREATE FUNCTION qt001_cp.assigned_duties() RETURNS TABLE (login name, duties name[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $assigned_duties$
-- Every role that has a duty, with all of its duties.
SELECT edge.member, array_agg(edge.role ORDER BY edge.role)
FROM qt001_cp.membership() edge WHERE edge.role IN (SELECT duty.role FROM qt001_cp.duty())
GROUP BY edge.member
$assigned_duties$;

CREATE FUNCTION qt001_cp.duty_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $duty_findings$
-- One duty a login and a person, and none for the application role.
WITH assigned AS MATERIALIZED (
    SELECT holder.* FROM qt001_cp.assigned_duties() holder
)
SELECT 'QT107', 'role ' || assigned.login, 'at most one duty',
       array_to_string(assigned.duties, ', '),
       format('REVOKE %I FROM %I; -- or the role in between', assigned.duties[1], assigned.login)
FROM assigned WHERE cardinality(assigned.duties) > 1
UNION ALL
-- By person too, whatever the logins are called. Verifier and scanner are not the work of persons.
SELECT 'QT107', 'person ' || min(person.person), 'at most one of author, operator and auditor',
       string_agg(format('%s by login %s', duty.role, assigned.login), ', '
                  ORDER BY assigned.login, duty.role),
       'Let somebody else do one of the two, with a login of their own.'
FROM qt001_cp.person JOIN assigned ON assigned.login = person.login
CROSS JOIN LATERAL unnest(assigned.duties) duty(role)
WHERE duty.role <> 'qt001_cp_verifier'
GROUP BY lower(btrim(person.person)) HAVING count(DISTINCT duty.role) > 1
UNION ALL
SELECT 'QT107', 'role ' || assigned.login, 'no duty, as the application role',
       array_to_string(assigned.duties, ', '),
       format('REVOKE %I FROM %I;', assigned.duties[1], assigned.login)
FROM assigned WHERE assigned.login = (SELECT qt001_cp.application_role())
$duty_findings$;

CREATE FUNCTION qt001_cp.control_role_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $control_role_findings$
-- The owner's role and those of the duties: they exist, have no power, and only operators own.
WITH edge AS MATERIALIZED (
    SELECT membership.member, membership.role FROM qt001_cp.membership()
), control(role) AS (
    SELECT duty.role FROM qt001_cp.duty() UNION ALL SELECT 'qt001_cp_owner'
)
SELECT 'QT107', 'role ' || edge.member, 'no membership in qt001_cp_owner', 'a member',
       format('REVOKE qt001_cp_owner FROM %I; -- or the role in between', edge.member)
FROM edge
WHERE edge.role = 'qt001_cp_owner' AND edge.member <> edge.role
  AND NOT EXISTS (SELECT 1 FROM edge duty
                  WHERE duty.member = edge.member AND duty.role = 'qt001_cp_operator')
UNION ALL
-- Whoever could log in as a duty itself would be nobody: a login is a person's, and a member.
SELECT 'QT107', 'role ' || role.rolname,
       'neither LOGIN, SUPERUSER, CREATEROLE, REPLICATION nor BYPASSRLS',
       concat_ws(', ', CASE WHEN role.rolcanlogin THEN 'LOGIN' END,
                 CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
                 CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
                 CASE WHEN role.rolreplication THEN 'REPLICATION' END,
                 CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END),
       format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;',
              role.rolname)
FROM pg_roles role WHERE role.rolname IN (SELECT control.role FROM control)
  AND (role.rolcanlogin OR role.rolsuper OR role.rolcreaterole OR role.rolreplication
       OR role.rolbypassrls)
UNION ALL
SELECT 'QT107', 'role ' || control.role, 'a role', 'no such role',
       'psql -v ON_ERROR_STOP=1 -f scripts/bootstrap.sql'
FROM control WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE pg_roles.rolname = control.role)
$control_role_findings$;

CREATE FUNCTION qt001_cp.roles_apart_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $roles_apart_findings$
SELECT finding.* FROM qt001_cp.duty_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.control_role_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.application_member_findings(true) finding
$roles_apart_findings$;

CREATE FUNCTION qt001_cp.parameter_grants()
RETURNS TABLE (parameter text, grantee name, privilege text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $parameter_grants$
-- SET and ALTER SYSTEM on parameters of the server, granted since PostgreSQL 15; NULL is PUBLIC.
-- Before, there are none.
BEGIN
    IF to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
        RETURN QUERY
        SELECT parname, CASE WHEN entry.grantee <> 0 THEN pg_get_userbyid(entry.grantee) END,
               entry.privilege_type
        FROM pg_catalog.pg_parameter_acl CROSS JOIN LATERAL aclexplode(paracl) entry;
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
SELECT 'QT108', 'role ' || app, 'neither SUPERUSER, CREATEROLE, REPLICATION nor BYPASSRLS',
       concat_ws(', ', CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
                 CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
                 CASE WHEN role.rolreplication THEN 'REPLICATION' END,
                 CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END),
       format('ALTER ROLE %I NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS;', app)
FROM pg_roles role
WHERE role.rolname = app
  AND (role.rolsuper OR role.rolcreaterole OR role.rolreplication OR role.rolbypassrls)
UNION ALL
SELECT 'QT108', 'role ' || app, 'a role', 'no such role', 'Name the application role in the policy.'
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE pg_roles.rolname = app)
UNION ALL
SELECT 'QT108', 'role ' || app, 'no membership in ' || role.rolname,
       'a member, directly or through another role',
       format('REVOKE %I FROM %I; -- or the role in between', role.rolname, app)
FROM qt001_cp.member_of(app) name JOIN pg_roles role ON role.rolname = name
WHERE name <> app
  AND (name ~ '^pg_' OR role.rolsuper OR role.rolcreaterole OR role.rolreplication
       OR role.rolbypassrls OR name = 'qt001_cp_owner'
       OR name IN (SELECT duty.role FROM qt001_cp.duty()))
UNION ALL
-- With session_replication_role alone it would write past triggers and foreign keys.
SELECT 'QT108', 'parameter ' || granted.parameter, format('no privilege for %s or PUBLIC', app),
       format('%s for %s', granted.privilege, coalesce(granted.grantee, 'PUBLIC')),
       format('REVOKE %s ON PARAMETER %s FROM %s;', granted.privilege, granted.parameter,
              coalesce(quote_ident(granted.grantee), 'PUBLIC'))
FROM qt001_cp.parameter_grants() granted
WHERE granted.grantee IS NULL OR granted.grantee IN (SELECT qt001_cp.member_of(app))
$application_power_findings$;
