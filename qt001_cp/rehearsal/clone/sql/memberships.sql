-- Memberships with their options; inherit_option and set_option are there since PostgreSQL 16. Readable by everybody.
SELECT g.rolname AS role, m.rolname AS member, b.rolname AS grantor, a.admin_option,
       (pg_catalog.to_jsonb(a) ->> 'inherit_option')::pg_catalog.bool AS inherits,
       (pg_catalog.to_jsonb(a) ->> 'set_option')::pg_catalog.bool AS sets
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles g ON g.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
LEFT JOIN pg_catalog.pg_roles b ON b.oid = a.grantor
-- What initdb itself granted is in the clone already.
WHERE a.member >= 16384 OR a.member = 10
ORDER BY g.rolname COLLATE pg_catalog."C", m.rolname COLLATE pg_catalog."C", b.rolname COLLATE pg_catalog."C"
