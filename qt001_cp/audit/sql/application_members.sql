-- Who can become the application role without being a superuser or having a duty, and every role
-- whose place that one can take: itself, and what it is a member of, but for what the application
-- is a member of too. One member for each such role. A membership with neither INHERIT nor SET
-- (since PostgreSQL 16) is the right to grant, which an administrator (CREATEROLE) gets with each
-- role that he makes; anybody else can use it.
WITH RECURSIVE direct AS (
    SELECT entry.member, entry.roleid
    FROM pg_catalog.pg_auth_members entry
    JOIN pg_catalog.pg_roles member ON member.oid = entry.member
    WHERE NOT member.rolcreaterole
       OR coalesce((pg_catalog.to_jsonb(entry) ->> 'inherit_option')::pg_catalog.bool, true)
       OR coalesce((pg_catalog.to_jsonb(entry) ->> 'set_option')::pg_catalog.bool, true)
), application AS (
    SELECT oid FROM pg_catalog.pg_roles WHERE rolname = %s
), becomes(oid) AS (
    SELECT oid FROM application
    UNION
    SELECT direct.member FROM becomes JOIN direct ON direct.roleid = becomes.oid
), place(member, role) AS (
    SELECT oid, oid FROM becomes
    UNION
    SELECT place.member, direct.roleid FROM place JOIN direct ON direct.member = place.role
), duty AS (
    SELECT place.member FROM place JOIN pg_catalog.pg_roles role ON role.oid = place.role
    WHERE role.rolname IN ('qt001_cp_author', 'qt001_cp_operator', 'qt001_cp_verifier',
                           'qt001_cp_auditor')
)
SELECT pg_catalog.min(member.rolname::pg_catalog.text) AS member,
       role.rolname::pg_catalog.text AS role
FROM place
JOIN pg_catalog.pg_roles member ON member.oid = place.member AND NOT member.rolsuper
JOIN pg_catalog.pg_roles role ON role.oid = place.role
WHERE place.member NOT IN (SELECT oid FROM application)
  AND place.member NOT IN (SELECT duty.member FROM duty)
  AND place.role NOT IN (
      SELECT own.role FROM place own JOIN application ON application.oid = own.member)
GROUP BY role.rolname
ORDER BY role.rolname
