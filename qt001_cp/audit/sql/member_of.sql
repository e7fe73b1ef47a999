SELECT r.rolname::text AS name FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(%s, r.oid, 'MEMBER')
