-- Memberships with their options; inherit_option and set_option are there since PostgreSQL 16.
-- Readable by everybody.
SELECT granted.rolname AS role, member.rolname AS member, grantor.rolname AS grantor,
       membership.admin_option,
       (pg_catalog.to_jsonb(membership) ->> 'inherit_option')::pg_catalog.bool AS inherits,
       (pg_catalog.to_jsonb(membership) ->> 'set_option')::pg_catalog.bool AS sets
FROM pg_catalog.pg_auth_members membership
JOIN pg_catalog.pg_roles granted ON granted.oid = membership.roleid
JOIN pg_catalog.pg_roles member ON member.oid = membership.member
LEFT JOIN pg_catalog.pg_roles grantor ON grantor.oid = membership.grantor
-- What initdb itself granted is in the clone already.
WHERE membership.member >= 16384 OR membership.member = 10
ORDER BY granted.rolname COLLATE pg_catalog."C", member.rolname COLLATE pg_catalog."C",
         grantor.rolname COLLATE pg_catalog."C"
