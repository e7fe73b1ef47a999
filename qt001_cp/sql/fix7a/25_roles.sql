-- Who is who. Identity is session_user; a duty is a row of this database (qt001_cp.person), its
-- role only gives EXECUTE; membership is what pg_auth_members says, at any depth, never
-- pg_has_role(): a superuser "has" every role. What the operator's session may do is another
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

CREATE FUNCTION qt001_cp.configured_pair() RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $configured_pair$
-- Owner and ledger role by the names for which FIX7a was configured.
BEGIN
    RETURN (SELECT event.detail -> 'roles'
            FROM qt001_cp.event WHERE event.verb = 'configured' ORDER BY event.seq DESC LIMIT 1);
END
$configured_pair$;

CREATE FUNCTION qt001_cp.pair_beside() RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $pair_beside$
-- Other databases of this cluster in which the same owner or ledger role owns something. A member
-- of the one could write what is protected there, too, and while the other is lent for one of them,
-- a gate of each is closed.
SELECT DISTINCT database.datname
FROM pg_shdepend belonging JOIN pg_database database ON database.oid = belonging.dbid
WHERE belonging.refclassid = 'pg_authid'::regclass AND belonging.deptype = 'o'
  AND belonging.refobjid IN (to_regrole('qt001_cp_owner'), to_regrole('qt001_cp_ledger'))
  AND database.datname <> current_database()
ORDER BY 1
$pair_beside$;

CREATE FUNCTION qt001_cp.is_rehearsal() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $is_rehearsal$
-- Only the operator's bootstrap marks a database. One that was renamed or cloned is not marked.
SELECT coalesce(bool_or(rehearsal AND database = current_database()), false) FROM qt001_cp.bootstrap
$is_rehearsal$;

CREATE FUNCTION qt001_cp.duty_of(some_login name) RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $duty_of$
-- The role of the login's duty in this database; NULL where it has none.
SELECT ('qt001_cp_' || person.duty)::name FROM qt001_cp.person WHERE person.login = some_login
$duty_of$;

CREATE FUNCTION qt001_cp.role_number(role name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $role_number$
SELECT pg_roles.oid::text FROM pg_roles WHERE pg_roles.rolname = role
$role_number$;

CREATE FUNCTION qt001_cp.record_duty() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $record_duty$
-- Who gets a duty in this database and who loses one is an event, with the number that the login
-- has in this cluster. It is written past the room that duties have for theirs: only who may write
-- the ledger gives one.
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO qt001_cp.event (verb, subject, detail)
        SELECT 'duty_revoked', person.login,
               jsonb_build_object('duty', person.duty, 'person', person.person)
        FROM qt001_cp.person ORDER BY person.login;
        RETURN NULL;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        INSERT INTO qt001_cp.event (verb, subject, detail)
        VALUES ('duty_revoked', OLD.login,
                jsonb_build_object('duty', OLD.duty, 'person', OLD.person));
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO qt001_cp.event (verb, subject, detail)
        VALUES ('duty_given', NEW.login, jsonb_build_object(
            'duty', NEW.duty, 'person', NEW.person, 'number', qt001_cp.role_number(NEW.login),
            'system', qt001_cp.system_identifier()));
    END IF;
    RETURN NULL;
END
$record_duty$;

CREATE TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON qt001_cp.person
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.record_duty();
CREATE TRIGGER recorded_truncate BEFORE TRUNCATE ON qt001_cp.person
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.record_duty();
ALTER TABLE qt001_cp.person ENABLE ALWAYS TRIGGER recorded;
ALTER TABLE qt001_cp.person ENABLE ALWAYS TRIGGER recorded_truncate;

CREATE FUNCTION qt001_cp.given_number(login name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $given_number$
-- The number that a login had when it was given its duty, where this cluster gave it; of who had
-- one before FIX7a, when FIX7a came.
SELECT CASE WHEN given.system = qt001_cp.system_identifier() THEN given.number END
FROM (
    SELECT event.seq, event.detail ->> 'number' AS number, event.detail ->> 'system' AS system
    FROM qt001_cp.event
    WHERE event.verb = 'duty_given' AND event.subject = given_number.login
    UNION ALL
    SELECT event.seq, event.detail #>> ARRAY['duties', given_number.login, 'number'],
           event.detail #>> '{instance,system}'
    FROM qt001_cp.event
    WHERE event.verb = 'configured' AND event.detail -> 'duties' ? given_number.login) given
ORDER BY given.seq DESC LIMIT 1
$given_number$;

CREATE FUNCTION qt001_cp.changed_login()
RETURNS TABLE (object text, expected text, found text, mend text, other boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $changed_login$
-- Logins that are not those that were given their duty. other: somebody else has the name now.
SELECT 'role ' || person.login, 'the login that was given duty ' || person.duty,
       CASE WHEN renamed.rolname IS NOT NULL AND same.oid IS NULL
            THEN format('role %I, which is it by another name', renamed.rolname)
            WHEN renamed.rolname IS NOT NULL
            THEN format('another role of this name; it is role %I now', renamed.rolname)
            WHEN same.oid IS NOT NULL THEN 'another role of this name'
            ELSE 'no role of this name' END,
       CASE WHEN renamed.rolname IS NOT NULL AND same.oid IS NULL
            THEN format('ALTER ROLE %I RENAME TO %I;', renamed.rolname, person.login)
            WHEN same.oid IS NOT NULL
            THEN format('DELETE FROM qt001_cp.person WHERE login = %L; -- or, where it is the same '
                        'person: UPDATE qt001_cp.person SET login = login WHERE login = %L;',
                        person.login, person.login)
            ELSE format('DELETE FROM qt001_cp.person WHERE login = %L;', person.login) END,
       same.oid IS NOT NULL
FROM qt001_cp.person
CROSS JOIN LATERAL qt001_cp.given_number(person.login) given(number)
LEFT JOIN pg_roles renamed ON renamed.oid::text = given.number AND renamed.rolname <> person.login
LEFT JOIN pg_roles same ON same.rolname = person.login
WHERE given.number IS NOT NULL AND given.number IS DISTINCT FROM same.oid::text
$changed_login$;

CREATE FUNCTION qt001_cp.require_duty(duty text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $require_duty$
-- The session's login has this duty in this database, and is not the application role.
DECLARE
    had name := qt001_cp.duty_of(session_user);
    number text := qt001_cp.given_number(session_user);
BEGIN
    IF had = duty::name AND number <> qt001_cp.role_number(session_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('login %s refused: expected the login that was given duty %s (number '
                             '%s), found another one of this name (number %s)', session_user,
                             substr(duty, 10), number, qt001_cp.role_number(session_user)),
            HINT = format('Where it is the same person, an administrator says so: UPDATE '
                          'qt001_cp.person SET login = login WHERE login = %L;', session_user);
    END IF;
    IF had IS DISTINCT FROM duty::name THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('login %s refused: expected duty %s in this database, found %s',
                             session_user, substr(duty, 10), coalesce(substr(had, 10), 'none')),
            HINT = CASE WHEN had IS NULL THEN format(
                'An administrator gives it: GRANT %I TO %I; INSERT INTO qt001_cp.person '
                '(login, person, duty) VALUES (%L, ''…'', %L);', duty, session_user, session_user,
                substr(duty, 10))
                ELSE 'Use the login of somebody who has it: one duty a login in a database.' END;
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

CREATE FUNCTION qt001_cp.assigned_duties() RETURNS TABLE (login name, duties name[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $assigned_duties$
-- Every login that has a duty in this database.
SELECT person.login, array_agg(('qt001_cp_' || person.duty)::name ORDER BY person.duty)
FROM qt001_cp.person GROUP BY person.login
$assigned_duties$;

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
    SELECT holder.rolname, holder.rolcanlogin, assigned.duties
    FROM app JOIN edge joined ON joined.role = app.name AND joined.member <> app.name
    JOIN pg_roles holder ON holder.rolname = joined.member
    JOIN (SELECT known.login, known.duties FROM qt001_cp.assigned_duties() known
          UNION ALL SELECT duty.role, ARRAY[duty.role] FROM qt001_cp.duty()) assigned
    ON assigned.login = holder.rolname
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

CREATE FUNCTION qt001_cp.duty_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $duty_findings$
-- One duty a login and a person in this database, and none for the application role. Verifier and
-- scanner are not the work of persons.
SELECT 'QT107', 'role ' || assigned.login, 'at most one duty in this database',
       array_to_string(assigned.duties, ', '),
       format('DELETE FROM qt001_cp.person WHERE login = %L AND duty <> ''…'';', assigned.login)
FROM qt001_cp.assigned_duties() assigned WHERE cardinality(assigned.duties) > 1
UNION ALL
SELECT 'QT107', 'person ' || person.person, 'at most one of author, operator and auditor',
       string_agg(format('qt001_cp_%s by login %s', person.duty, person.login), ', '
                  ORDER BY person.login, person.duty),
       'Let somebody else do one of the two, with a login of their own.'
FROM qt001_cp.person WHERE person.duty <> 'verifier'
GROUP BY person.person HAVING count(DISTINCT person.duty) > 1
UNION ALL
SELECT 'QT107', 'person ' || to_json(person.person)::text, 'an identifier', 'another text',
       format('UPDATE qt001_cp.person SET person = ''…'' WHERE login = %L;', person.login)
FROM qt001_cp.person WHERE person.person COLLATE "C" !~ '^[a-z0-9][a-z0-9._@-]*$'
UNION ALL
SELECT 'QT107', 'role ' || person.login, 'no duty, as the application role',
       'qt001_cp_' || person.duty,
       format('DELETE FROM qt001_cp.person WHERE login = %L;', person.login)
FROM qt001_cp.person WHERE person.login = (SELECT qt001_cp.application_role())
UNION ALL
SELECT 'QT107', login.object, login.expected, login.found, login.mend
FROM qt001_cp.changed_login() login WHERE login.other
$duty_findings$;

CREATE FUNCTION qt001_cp.becomes_application(app name) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $becomes_application$
-- Roles that can become the application role, a lease of an hour among them: what they may do
-- besides, the application may. A superuser needs no membership; who has a duty is a matter of
-- application_member_findings(). An operator of another database of the cluster is the application
-- role for the time of its cutover, as one of this database is.
WITH edge AS MATERIALIZED (
    SELECT membership.member, membership.role FROM qt001_cp.membership()
)
SELECT edge.member FROM edge
JOIN pg_roles role ON role.rolname = edge.member
WHERE edge.role = app AND edge.member <> app AND NOT role.rolsuper
  AND edge.member NOT IN (SELECT assigned.login FROM qt001_cp.assigned_duties() assigned)
  AND edge.member NOT IN (SELECT elsewhere.member FROM edge elsewhere
                          WHERE elsewhere.role = 'qt001_cp_operator')
$becomes_application$;

CREATE FUNCTION qt001_cp.role_beside_application(app name)
RETURNS TABLE (role name, taken_by name, others bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $role_beside_application$
-- The roles whose place somebody can take who can become the application, but the application
-- itself cannot; taken_by: one of them, others: how many more there are.
WITH edge AS MATERIALIZED (
    SELECT membership.member, membership.role FROM qt001_cp.membership()
), becomes AS MATERIALIZED (
    SELECT name FROM qt001_cp.becomes_application(app) name
)
SELECT edge.role, min(edge.member), count(*) - 1
FROM edge JOIN becomes ON becomes.name = edge.member
WHERE edge.role NOT IN (SELECT own.role FROM edge own WHERE own.member = app)
GROUP BY edge.role
$role_beside_application$;

CREATE FUNCTION qt001_cp.may_become(target name) RETURNS TABLE (login name, adopts boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $may_become$
-- Every role without SUPERUSER that may act as the target, through whatever chain of memberships;
-- adopts is false where it may only make somebody a member (PostgreSQL 16 and later: ADMIN, without
-- INHERIT and SET). A superuser may anything.
BEGIN
    RETURN QUERY
    WITH RECURSIVE link AS MATERIALIZED (
        SELECT direct.roleid, direct.member, direct.admin_option,
               coalesce((to_jsonb(direct) ->> 'inherit_option')::boolean, true)
               OR coalesce((to_jsonb(direct) ->> 'set_option')::boolean, true) AS adopts
        FROM pg_auth_members direct
    ), down(oid, adopts) AS (
        SELECT pg_roles.oid, true FROM pg_roles WHERE pg_roles.rolname = target
        UNION
        SELECT link.member, down.adopts AND link.adopts
        FROM down JOIN link ON link.roleid = down.oid
        WHERE link.adopts OR link.admin_option
    )
    SELECT role.rolname, bool_or(down.adopts)
    FROM down JOIN pg_roles role ON role.oid = down.oid
    WHERE NOT role.rolsuper AND role.rolname <> target GROUP BY role.rolname;
END
$may_become$;

CREATE FUNCTION qt001_cp.control_role_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $control_role_findings$
-- The control plane's own roles: they exist, have no power, and only operators and the ledger's
-- own role are the owner's.
WITH edge AS MATERIALIZED (
    SELECT membership.member, membership.role FROM qt001_cp.membership()
), control(role) AS (
    SELECT duty.role FROM qt001_cp.duty()
    UNION ALL VALUES ('qt001_cp_owner'), ('qt001_cp_ledger')
)
SELECT 'QT107', 'role ' || edge.member, 'no membership in qt001_cp_owner', 'a member',
       format('REVOKE qt001_cp_owner FROM %I; -- or the role in between', edge.member)
FROM edge
WHERE edge.role = 'qt001_cp_owner' AND edge.member <> edge.role
  AND NOT EXISTS (SELECT 1 FROM edge duty JOIN pg_roles role ON role.rolname = duty.member
                  WHERE duty.member = edge.member
                    AND (duty.role = 'qt001_cp_ledger'
                         OR duty.role = 'qt001_cp_operator'
                            AND (role.rolsuper
                                 -- Who may only make somebody an operator is none.
                                 OR duty.member IN (
                                     SELECT may.login
                                     FROM qt001_cp.may_become('qt001_cp_operator') may
                                     WHERE may.adopts))))
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
       'psql -v ON_ERROR_STOP=1 -v owner=qt001_cp_owner -v ledger=qt001_cp_ledger '
       '-f scripts/bootstrap.sql'
FROM control WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE pg_roles.rolname = control.role)
$control_role_findings$;

CREATE FUNCTION qt001_cp.administrator() RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $administrator$
-- Who ran the bootstrap; where that is no superuser, it may lend the ledger role.
SELECT bootstrap.actor FROM qt001_cp.bootstrap ORDER BY bootstrap.at LIMIT 1
$administrator$;

CREATE FUNCTION qt001_cp.ledger_member_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ledger_member_findings$
-- Nobody who is no superuser can write what decides: the ledger role has no member, but while the
-- administrator lends it for FIX7a, FIX7c, a release and their way back. Who may lend it is the
-- administrator alone, who has no duty.
WITH administrator AS MATERIALIZED (
    SELECT coalesce(qt001_cp.administrator(), '') AS name
), near AS MATERIALIZED (
    SELECT may.* FROM qt001_cp.may_become('qt001_cp_ledger') may
), helper AS MATERIALIZED (
    SELECT may.login
    FROM administrator JOIN pg_roles role ON role.rolname = administrator.name AND NOT role.rolsuper
    CROSS JOIN LATERAL qt001_cp.may_become(administrator.name) may
    UNION
    SELECT role.rolname FROM administrator JOIN pg_roles role ON role.rolname = administrator.name
    WHERE NOT role.rolsuper
)
SELECT 'QT107', 'role ' || near.login, 'no membership in qt001_cp_ledger',
       'a member that inherits it or may SET ROLE to it',
       format('REVOKE qt001_cp_ledger FROM %I; -- or the role in between', near.login)
FROM near WHERE near.adopts
UNION ALL
SELECT 'QT107', 'role ' || near.login,
       format('no right to lend qt001_cp_ledger but the administrator''s (%s)', administrator.name),
       'ADMIN OPTION',
       format('REVOKE ADMIN OPTION FOR qt001_cp_ledger FROM %I; -- or the role in between',
              near.login)
FROM near CROSS JOIN administrator
WHERE NOT near.adopts AND near.login NOT IN (SELECT helper.login FROM helper)
UNION ALL
SELECT 'QT107', 'role ' || helper.login,
       format('no duty beside the right to lend qt001_cp_ledger, as or for the administrator (%s)',
              administrator.name),
       'duty ' || array_to_string(assigned.duties, ', '),
       format('DELETE FROM qt001_cp.person WHERE login = %L; -- or let another role administer',
              helper.login)
FROM helper CROSS JOIN administrator
JOIN qt001_cp.assigned_duties() assigned ON assigned.login = helper.login
UNION ALL
-- Before 16 CREATEROLE is enough to become a member of every role that is no superuser.
SELECT 'QT107', 'role ' || role.rolname,
       format('NOCREATEROLE, as everybody but the administrator (%s)', administrator.name),
       'CREATEROLE, by which it can make itself a member of qt001_cp_ledger',
       format('ALTER ROLE %I NOCREATEROLE;', role.rolname)
FROM pg_roles role CROSS JOIN administrator
WHERE current_setting('server_version_num')::int < 160000
  AND role.rolcreaterole AND NOT role.rolsuper AND role.rolname <> administrator.name
  AND (role.rolcanlogin
       OR EXISTS (SELECT 1 FROM pg_auth_members member WHERE member.roleid = role.oid))
$ledger_member_findings$;

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
       OR role.rolbypassrls OR name IN ('qt001_cp_owner', 'qt001_cp_ledger')
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
