-- Schema qt001_cp itself: who owns what stands in it, and who may do what there.

CREATE FUNCTION qt001_cp.control_schema_findings(code text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $control_schema_findings$
-- What somebody else put there could be taken for ours, and what somebody granted there, or had granted by default
-- privileges of the owner, would let him write past our routines.
WITH app(name) AS MATERIALIZED (SELECT qt001_cp.application_role()
), stranger(name) AS MATERIALIZED (SELECT m FROM app CROSS JOIN LATERAL qt001_cp.member_of(app.name) m
), held AS (
    SELECT 'pg_class'::regclass::oid AS classid, c.oid AS objid, c.relowner AS owner, x.grantee, x.privilege_type,
           x.privilege_type NOT IN ('SELECT', 'USAGE') AS writes
    FROM pg_class c CROSS JOIN LATERAL (SELECT a.* FROM aclexplode(c.relacl) a
                                        UNION ALL SELECT a.* FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = c.oid) x
    WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proowner, x.grantee, x.privilege_type, false
    FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE p.pronamespace = 'qt001_cp'::regnamespace
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, n.nspowner, x.grantee, x.privilege_type, x.privilege_type = 'CREATE'
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x WHERE n.nspname = 'qt001_cp'
)
SELECT code, i.type || ' ' || i.identity, 'owned by qt001_cp_owner', 'in schema qt001_cp, owned by ' || pg_get_userbyid(o.owner), 'Find out whose it is, then DROP it: it could be taken for one of ours.'
FROM (SELECT 'pg_proc'::regclass::oid AS classid, p.oid AS objid, p.proowner AS owner FROM pg_proc p WHERE p.pronamespace = 'qt001_cp'::regnamespace
      UNION ALL SELECT 'pg_class'::regclass, c.oid, c.relowner FROM pg_class c
      WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      UNION ALL SELECT 'pg_operator'::regclass, p.oid, p.oprowner FROM pg_operator p WHERE p.oprnamespace = 'qt001_cp'::regnamespace
      UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typowner FROM pg_type t
      WHERE t.typnamespace = 'qt001_cp'::regnamespace AND t.typrelid = 0 AND t.typelem = 0) o
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
WHERE o.owner <> 'qt001_cp_owner'::regrole
UNION ALL
SELECT code, i.type || ' ' || i.identity,
       CASE WHEN bool_or(h.writes) THEN 'written by routines of qt001_cp_owner alone' ELSE format('nothing for PUBLIC or %s', (SELECT app.name FROM app)) END,
       string_agg(DISTINCT h.privilege_type || ' for ' || coalesce(pg_get_userbyid(nullif(h.grantee, 0))::text, 'PUBLIC'), ', '),
       format('REVOKE it ON %s %s;', upper(i.type), i.identity)
FROM held h CROSS JOIN LATERAL pg_identify_object(h.classid, h.objid, 0) i
WHERE h.owner = 'qt001_cp_owner'::regrole AND h.grantee <> h.owner
  AND (h.writes OR h.grantee = 0 OR pg_get_userbyid(h.grantee) IN (SELECT s.name FROM stranger s))
GROUP BY i.type, i.identity
UNION ALL
SELECT code, 'schema qt001_cp', 'owned by qt001_cp_owner', 'owned by ' || pg_get_userbyid(n.nspowner), 'ALTER SCHEMA qt001_cp OWNER TO qt001_cp_owner;'
FROM pg_namespace n WHERE n.nspname = 'qt001_cp' AND n.nspowner <> 'qt001_cp_owner'::regrole
UNION ALL
SELECT code, 'schema qt001_cp_watch', 'owned by a superuser', 'owned by ' || r.rolname, 'DROP SCHEMA qt001_cp_watch CASCADE; -- FIX7c makes its own'
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'qt001_cp_watch' AND NOT r.rolsuper
$control_schema_findings$;
