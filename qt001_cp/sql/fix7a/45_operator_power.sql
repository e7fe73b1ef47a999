-- What the operator's session may do: computed from the steps of the manifest and the catalogs, for
-- exactly those statements, with the GRANT to type for what it lacks. A superuser lacks nothing,
-- but for what a statement does under another role. ADR 0010. Source: PostgreSQL documentation,
-- ALTER … OWNER TO of each kind, GRANT, SET ROLE, ALTER DEFAULT PRIVILEGES, "Role Membership"
-- (22.3); each rule was run on 15 and 18.

CREATE FUNCTION qt001_cp.may_set_role(login name, target name) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $may_set_role$
-- PostgreSQL 16 and later ask for the SET option, before that any membership will do.
SELECT pg_has_role(login, target, CASE WHEN current_setting('server_version_num')::int >= 160000
                                       THEN 'SET' ELSE 'MEMBER' END)
$may_set_role$;

CREATE FUNCTION qt001_cp.membership_hint(target name, inherit boolean, set_role boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $membership_hint$
-- The statement that gives the session's login the rights of a role (inherit) or lets it take the
-- role on (set_role).
SELECT CASE
    WHEN target <> 'pg_read_all_stats' AND (wanted.rolsuper OR target ~ '^pg_') THEN format(
        'Let a superuser run this script: %s is %s, and nobody should be made a member of it.',
        target, CASE WHEN wanted.rolsuper THEN 'a superuser' ELSE 'a predefined role' END)
    WHEN current_setting('server_version_num')::int >= 160000 THEN format(
        'GRANT %I TO %I WITH %s;', target, session_user,
        concat_ws(', ', CASE WHEN inherit THEN 'INHERIT TRUE' END,
                        CASE WHEN set_role THEN 'SET TRUE' END))
    ELSE concat_ws(' ',
        CASE WHEN NOT pg_has_role(session_user, target, 'MEMBER') OR inherit AND login.rolinherit
             THEN format('GRANT %I TO %I;', target, session_user) END,
        CASE WHEN inherit AND NOT login.rolinherit
             THEN format('ALTER ROLE %I INHERIT;', session_user) END) END
FROM pg_roles wanted CROSS JOIN pg_roles login
WHERE wanted.rolname = target AND login.rolname = session_user
$membership_hint$;

CREATE FUNCTION qt001_cp.owner_step(manifest text, direction text)
RETURNS TABLE (number bigint, kind text, identity text, name text, old name, new name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owner_step$
SELECT implied.number, implied.kind, implied.identity, implied.name,
       (implied.step ->> 'from')::name, (implied.step ->> 'to')::name
FROM qt001_cp.implied_step(manifest, direction) implied WHERE implied.step ->> 'do' = 'owner'
$owner_step$;

CREATE FUNCTION qt001_cp.container_acl(manifest text, direction text)
RETURNS TABLE (kind text, name text, grantor name, grantee name, privilege text, since bigint,
               until bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $container_acl$
-- Every privilege on the database and its schemas that exists while the statements run: from
-- statement since + 1 to statement until. What the manifest transfers starts as the manifest says,
-- the rest is as it is now. grantee NULL: PUBLIC.
WITH transferred AS MATERIALIZED (
    SELECT object.kind, object.name,
           CASE direction WHEN 'forward' THEN object.before
                ELSE coalesce(object.after, object.before) END -> 'acl' AS acl
    FROM qt001_cp.manifest_object(manifest) object
    WHERE object.disposition = 'transfer' AND object.kind IN ('database', 'schema')
      -- A change moves them from how they are.
      AND NOT (direction IN ('move', 'unmove') AND object.ways ? direction)
), live(kind, name, acl) AS (
    SELECT 'database', datname::text, coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
), owner AS MATERIALIZED (
    SELECT moved.* FROM qt001_cp.owner_step(manifest, direction) moved
    WHERE moved.kind IN ('database', 'schema')
), change(kind, name, grantor, grantee, privilege, number, present) AS (
    SELECT transferred.kind, transferred.name, (entry ->> 0)::name, (entry ->> 1)::name,
           entry ->> 2, 0::bigint, true
    FROM transferred CROSS JOIN LATERAL jsonb_array_elements(transferred.acl) entry
    UNION ALL
    SELECT live.kind, live.name, pg_get_userbyid(entry.grantor),
           CASE WHEN entry.grantee <> 0 THEN pg_get_userbyid(entry.grantee) END,
           entry.privilege_type, 0, true
    FROM live CROSS JOIN LATERAL aclexplode(live.acl) entry
    WHERE NOT EXISTS (SELECT 1 FROM transferred
                      WHERE transferred.kind = live.kind AND transferred.name = live.name)
    UNION ALL
    SELECT implied.kind, implied.name, (implied.step ->> 'grantor')::name,
           (implied.step ->> 'grantee')::name, privilege, implied.number,
           implied.step ->> 'do' = 'grant'
    FROM qt001_cp.implied_step(manifest, direction) implied
    CROSS JOIN LATERAL jsonb_array_elements_text(implied.step -> 'privileges') privilege
    WHERE implied.kind IN ('database', 'schema') AND implied.step ->> 'do' <> 'owner'
), span AS (
    SELECT change.*, coalesce(
        lead(change.number) OVER (
            PARTITION BY change.kind, change.name, change.grantor, change.grantee, change.privilege
            ORDER BY change.number), 9223372036854775807) AS next
    FROM change
)
-- A change of owner gives the old owner's entries, as grantor and as grantee, to the new one.
SELECT span.kind, span.name, span.grantor, span.grantee, span.privilege, span.number,
       least(span.next, coalesce(owner.number, span.next))
FROM span LEFT JOIN owner ON owner.kind = span.kind AND owner.name = span.name
     AND span.number < owner.number
WHERE span.present
UNION ALL
SELECT span.kind, span.name,
       CASE WHEN span.grantor = owner.old THEN owner.new ELSE span.grantor END,
       CASE WHEN span.grantee = owner.old THEN owner.new ELSE span.grantee END,
       span.privilege, owner.number, span.next
FROM span JOIN owner ON owner.kind = span.kind AND owner.name = span.name
     AND span.number < owner.number
WHERE span.present AND span.next > owner.number
$container_acl$;

CREATE FUNCTION qt001_cp.operator_power_findings(manifest text, direction text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $operator_power_findings$
-- long: one question, whose parts share what they compute of the steps; it is rewritten elsewhere.
-- One row a cause. No row: the statements of this direction succeed, as far as powers go.
DECLARE
    login name := session_user;
    super boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = session_user);
    never bigint := 9223372036854775807;
BEGIN
    RETURN QUERY
    WITH step AS MATERIALIZED (
        SELECT implied.*, coalesce((implied.step ->> 'set_role')::boolean, false) AS set_role,
               implied.step ->> 'do' = 'owner' AS moves
        FROM qt001_cp.implied_step(manifest, direction) implied
    ), move AS MATERIALIZED (
        SELECT moved.* FROM qt001_cp.owner_step(manifest, direction) moved
    ), object AS MATERIALIZED (
        -- The owner of all that is transferred or lent, and when it changes; a column's sequence
        -- goes with its table.
        SELECT entry.kind, entry.identity,
               coalesce(move.old::text, CASE direction WHEN 'forward' THEN entry.before
                                             ELSE coalesce(entry.after, entry.before) END
                                        ->> 'owner') AS first_owner,
               coalesce(move.number, never) AS moved, move.new AS next_owner
        FROM qt001_cp.manifest_object(manifest) entry
        LEFT JOIN move ON move.identity = coalesce(entry.follows, entry.identity)
             AND CASE WHEN entry.follows IS NULL THEN move.kind = entry.kind
                      ELSE move.kind IN (SELECT known.kind FROM qt001_cp.object_kind known
                                         WHERE known.relation) END
        WHERE entry.disposition IN ('transfer', 'lend') OR entry.ways ?| '{move,unmove}'
    ), database AS MATERIALIZED (
        SELECT coalesce(move.old, pg_get_userbyid(datdba)) AS first_owner,
               coalesce(move.number, never) AS moved, move.new AS next_owner, datname
        FROM pg_database LEFT JOIN move ON move.kind = 'database' WHERE datname = current_database()
    ), acl AS MATERIALIZED (
        SELECT entry.* FROM qt001_cp.container_acl(manifest, direction) entry
    ), schema_owner AS MATERIALIZED (
        SELECT nspname::text AS name, coalesce(move.old, pg_get_userbyid(nspowner)) AS first_owner,
               coalesce(move.number, never) AS moved, move.new AS next_owner
        FROM pg_namespace LEFT JOIN move ON move.kind = 'schema' AND move.name = nspname
    ), needed AS MATERIALIZED (
        -- Who needs what on a container, at which statement; who NULL: the session's login.
        SELECT step.number, CASE WHEN step.set_role THEN (step.step ->> 'grantor')::name END AS who,
               'schema'::text AS kind, used.name, 'USAGE'::text AS privilege
        FROM step CROSS JOIN LATERAL (
            SELECT step.schema AS name
            UNION
            SELECT argument ->> 'schema' FROM jsonb_array_elements(
                CASE WHEN step.args IS NULL THEN '[]' ELSE step.args END) argument) used
        WHERE step.kind NOT IN ('database', 'schema', 'default acl')
          AND used.name IS NOT NULL AND used.name <> 'pg_catalog' AND (step.set_role OR NOT super)
        UNION ALL
        SELECT step.number, (step.step ->> 'to')::name, 'schema', step.schema, 'CREATE' FROM step
        WHERE step.moves AND step.kind NOT IN ('database', 'schema') AND step.schema IS NOT NULL
          AND NOT super
          -- In a change the owner of the schema lends it (lend_create).
          AND NOT (direction IN ('move', 'unmove') AND EXISTS (
              SELECT 1 FROM pg_namespace
              WHERE nspname = step.schema AND nspowner = to_regrole('qt001_cp_owner')))
        UNION ALL
        SELECT step.number, NULL, 'database', database.datname::text, 'CREATE'
        FROM step CROSS JOIN database
        WHERE step.moves AND step.kind IN ('schema', 'subscription') AND NOT super
        UNION ALL
        SELECT step.number, (step.step ->> 'to')::name, 'database', database.datname::text, 'CREATE'
        FROM step CROSS JOIN database
        WHERE step.moves AND step.kind = 'publication' AND NOT super
    ), turn AS MATERIALIZED (
        SELECT step.number FROM step WHERE step.kind IN ('database', 'schema')
    ), stretch AS MATERIALIZED (
        -- Containers change at few statements: one question for each stretch between them.
        SELECT min(needed.number) AS number, needed.who, needed.kind, needed.name, needed.privilege
        FROM needed
        GROUP BY needed.who, needed.kind, needed.name, needed.privilege,
                 (SELECT count(*) FROM turn WHERE turn.number < needed.number)
    ), refused AS MATERIALIZED (
        SELECT stretch.*, coalesce(stretch.who, login) AS whose
        FROM stretch LEFT JOIN pg_roles holder ON holder.rolname = coalesce(stretch.who, login)
        WHERE NOT EXISTS (
            SELECT 1 FROM acl CROSS JOIN database
            LEFT JOIN pg_roles grantee ON grantee.rolname = CASE
                WHEN acl.grantee <> 'pg_database_owner' THEN acl.grantee
                WHEN stretch.number > database.moved THEN database.next_owner
                ELSE database.first_owner END
            WHERE acl.kind = stretch.kind AND acl.name = stretch.name
              AND acl.privilege = stretch.privilege
              AND stretch.number > acl.since AND stretch.number <= acl.until
              AND (acl.grantee IS NULL OR acl.grantee = holder.rolname
                   OR pg_has_role(holder.oid, grantee.oid, 'USAGE')))
          AND NOT (stretch.kind = 'schema' AND stretch.privilege = 'USAGE'
                   AND holder.oid IS NOT NULL
                   AND (pg_has_role(holder.oid, 'pg_read_all_data', 'USAGE')
                        OR pg_has_role(holder.oid, 'pg_write_all_data', 'USAGE')))
    ), wanted(number, role, inherit) AS (
        -- Whose rights the session needs (inherit), and whom it has to become or to give to (SET).
        SELECT step.number, CASE WHEN step.number > object.moved THEN object.next_owner
                                 ELSE object.first_owner END::name, true
        FROM step JOIN object ON object.kind = step.kind AND object.identity = step.identity
        WHERE NOT step.set_role AND step.kind <> 'default acl'
        UNION ALL
        SELECT step.number, step.name::name, current_setting('server_version_num')::int >= 160000
        FROM step WHERE NOT step.set_role AND step.kind = 'default acl'
        UNION ALL
        SELECT step.number, (step.step ->> 'grantor')::name, false FROM step WHERE step.set_role
        UNION ALL
        SELECT step.number, (step.step ->> 'to')::name, false FROM step WHERE step.moves
        UNION ALL
        -- What the session may not do by a grant, it may do as the container's owner.
        SELECT refused.number, CASE
            WHEN refused.kind = 'database' AND refused.number > database.moved
            THEN database.next_owner
            WHEN refused.kind = 'database' THEN database.first_owner
            WHEN refused.number > schema_owner.moved THEN schema_owner.next_owner
            ELSE schema_owner.first_owner END, true
        FROM refused CROSS JOIN database
        LEFT JOIN schema_owner ON refused.kind = 'schema' AND schema_owner.name = refused.name
        WHERE refused.who IS NULL
        UNION ALL
        -- The rest of FIX7c's scripts: the ledger's own files run as its role, the sources of the
        -- apply path are written as their owner's.
        SELECT 0, part.role, false
        FROM (VALUES ('qt001_cp_ledger'::name), ('qt001_cp_owner')) part(role)
        WHERE direction IN ('retire', 'revive')
    ), resolved AS (
        SELECT min(wanted.number) AS number, wanted.inherit, CASE
            WHEN wanted.role <> 'pg_database_owner' THEN wanted.role
            WHEN wanted.number > database.moved THEN database.next_owner
            ELSE database.first_owner END AS role
        FROM wanted CROSS JOIN database GROUP BY 3, wanted.inherit
    ), lacking AS (
        SELECT resolved.role, min(resolved.number) AS number, bool_or(resolved.inherit) AS inherit,
               bool_or(NOT resolved.inherit) AS set_role
        FROM resolved JOIN pg_roles ON pg_roles.rolname = resolved.role
        WHERE CASE WHEN resolved.inherit THEN NOT pg_has_role(login, resolved.role, 'USAGE')
                   ELSE NOT qt001_cp.may_set_role(login, resolved.role) END
        GROUP BY resolved.role
    ), cause(number, object, expected, found, mend) AS (
        SELECT lacking.number, 'role ' || lacking.role,
               format('a membership by which %s %s', login, concat_ws(' and ',
                   CASE WHEN lacking.inherit THEN 'has its rights' END,
                   CASE WHEN lacking.set_role THEN 'may SET ROLE to it' END)),
               CASE WHEN pg_has_role(login, lacking.role, 'MEMBER')
                    THEN 'a membership without that' ELSE 'no membership' END,
               qt001_cp.membership_hint(lacking.role, lacking.inherit, lacking.set_role)
        FROM lacking
        UNION ALL
        SELECT resolved.number, 'role ' || resolved.role, 'a role', 'no such role',
               'Generate and seal a manifest of the database as it is.'
        FROM resolved
        WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE pg_roles.rolname = resolved.role)
        UNION ALL
        SELECT refused.number, refused.kind || ' ' || refused.name,
               refused.privilege || ' for ' || refused.whose,
               'no such privilege when the statement runs',
               format('GRANT %s ON %s %I TO %I; -- ', refused.privilege, upper(refused.kind),
                      refused.name, refused.whose)
               || CASE WHEN direction = 'forward' THEN 'then generate and seal again'
                       -- A grant on what the manifest has moved is drift, and the restore refuses
                       -- it.
                       WHEN EXISTS (SELECT 1 FROM object WHERE object.kind = refused.kind
                                    AND object.identity = quote_ident(refused.name))
                       THEN 'before FIX7b, then generate and seal again; after FIX7b let a '
                            'superuser run the restore'
                       ELSE 'and REVOKE it afterwards' END
        FROM refused CROSS JOIN database
        LEFT JOIN schema_owner ON refused.kind = 'schema' AND schema_owner.name = refused.name
        JOIN pg_roles container_owner ON container_owner.rolname = CASE
            WHEN refused.kind = 'database' AND refused.number > database.moved
            THEN database.next_owner
            WHEN refused.kind = 'database' THEN database.first_owner
            WHEN refused.number > schema_owner.moved THEN schema_owner.next_owner
            ELSE schema_owner.first_owner END
        -- The session itself gets it with the owner's rights, where a finding above asks for them.
        WHERE refused.who IS NOT NULL OR pg_has_role(login, container_owner.oid, 'USAGE')
        UNION ALL
        SELECT step.number, 'role ' || login, 'CREATEDB, to give a database to another owner',
               'NOCREATEDB', format('ALTER ROLE %I CREATEDB;', login)
        FROM step JOIN pg_roles ON pg_roles.rolname = login
        WHERE step.moves AND step.kind = 'database' AND NOT pg_roles.rolcreatedb AND NOT super
        UNION ALL
        SELECT step.number, step.kind || ' ' || step.identity,
               'a superuser, to give a publication of all tables to a role that is not one',
               login || ', not a superuser',
               'Let a superuser run this script, or retain the publication.'
        FROM step WHERE step.moves AND NOT super AND step.kind = 'publication' AND EXISTS (
            SELECT 1 FROM pg_publication WHERE pubname = step.name
              -- FOR TABLES IN SCHEMA came with PostgreSQL 15; 14 has no such catalog.
              AND (puballtables OR EXISTS (
                  SELECT 1 FROM pg_depend
                  WHERE refclassid = 'pg_publication'::regclass AND refobjid = pg_publication.oid
                    AND classid = to_regclass('pg_publication_namespace'))))
        UNION ALL
        SELECT step.number, 'foreign-data wrapper ' || fdwname,
               'USAGE for ' || (step.step ->> 'to'), 'no such privilege',
               format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %I; -- then generate and seal '
                      'again, or let a superuser run this script', fdwname, step.step ->> 'to')
        FROM step JOIN pg_foreign_server ON srvname = step.name
        JOIN pg_foreign_data_wrapper ON pg_foreign_data_wrapper.oid = srvfdw
        WHERE step.moves AND step.kind = 'server' AND NOT super
          AND NOT has_foreign_data_wrapper_privilege(
                  (step.step ->> 'to')::name, pg_foreign_data_wrapper.oid, 'USAGE')
    ), single AS (
        SELECT DISTINCT ON (cause.object, cause.expected, cause.mend) cause.*
        FROM cause ORDER BY cause.object, cause.expected, cause.mend, cause.number
    )
    SELECT 'QT107'::text, single.object,
           single.expected || CASE WHEN single.number > 0 THEN format(
               ' (statement %s: %s)', single.number, (
                   SELECT implied.statement
                   FROM qt001_cp.implied_statement(manifest, direction) implied
                   WHERE implied.number = single.number)) ELSE '' END,
           single.found, single.mend
    FROM single ORDER BY single.number, single.object, single.mend;
END
$operator_power_findings$;

CREATE FUNCTION qt001_cp.operator_standing() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $operator_standing$
-- Under what powers the session's login acts: for the event of the cutover, so that an auditor sees
-- it.
SELECT jsonb_build_object('superuser', rolsuper, 'createrole', rolcreaterole, 'member_of', (
    SELECT coalesce(jsonb_agg(role ORDER BY role COLLATE "C"), '[]')
    FROM qt001_cp.member_of(session_user) role WHERE role <> session_user))
FROM pg_roles WHERE rolname = session_user
$operator_standing$;

CREATE FUNCTION qt001_cp.operator_notes(manifest text) RETURNS TABLE (note text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $operator_notes$
-- What is not a finding, but somebody should know: for preflight.
SELECT format('%1$s is a member of the application role. After FIX7b take it away: '
              'REVOKE %2$I FROM %1$I; until then FIX7c refuses, and its gate roles_apart stays '
              'closed.', session_user, app.name)
FROM (SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name) app
WHERE app.name IN (SELECT qt001_cp.member_of(session_user)) AND app.name <> session_user
UNION ALL
SELECT format('%1$s is a member of qt001_cp_owner, by which it could replace the writer. Outside a '
              'change take it away: REVOKE qt001_cp_owner FROM %2$I;', session_user, session_user)
FROM pg_roles login
WHERE login.rolname = session_user AND NOT login.rolsuper
  AND 'qt001_cp_owner' IN (SELECT qt001_cp.member_of(session_user))
UNION ALL
SELECT format('FIX7c, its way back and that of FIX7a need %s; lend it for the script, by the '
              'administrator, and take it back: %s Afterwards: REVOKE %I FROM %I;',
              finding.object, finding.mend, substr(finding.object, 6), session_user)
FROM qt001_cp.operator_power_findings(manifest, 'retire') finding
WHERE qt001_cp.stage() <> 'fix7c' AND starts_with(finding.object, 'role ')
UNION ALL
SELECT format('The restore will need more: %s: expected %s, found %s. %s',
              finding.object, finding.expected, finding.found, finding.mend)
FROM qt001_cp.operator_power_findings(manifest, 'restore') finding
WHERE qt001_cp.stage() = 'fix7a'
$operator_notes$;
