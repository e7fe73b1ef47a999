-- What could run with the new owner's rights, or undo the cutover: edges between objects, each with its reason.

CREATE VIEW qt001_cp.v_part AS
-- Catalog rows that are a part of an object with an owner: an index, toast table, constraint, default, trigger, rule or
-- policy of its table, a row or array type of its table or element.
SELECT 'pg_catalog.pg_class'::regclass::oid AS class, x.indexrelid AS id, 'pg_catalog.pg_class'::regclass::oid AS classid, x.indrelid AS objid
FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class t ON t.oid = x.indrelid WHERE t.relkind <> 't'
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, t.reltoastrelid, 'pg_catalog.pg_class'::regclass, t.oid
FROM pg_catalog.pg_class t WHERE t.reltoastrelid <> 0
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, x.indexrelid, 'pg_catalog.pg_class'::regclass, t.oid
FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class t ON t.reltoastrelid = x.indrelid
UNION ALL
SELECT 'pg_catalog.pg_constraint'::regclass, k.oid, 'pg_catalog.pg_class'::regclass, k.conrelid
FROM pg_catalog.pg_constraint k WHERE k.conrelid <> 0
UNION ALL
SELECT 'pg_catalog.pg_constraint'::regclass, k.oid, 'pg_catalog.pg_type'::regclass, k.contypid
FROM pg_catalog.pg_constraint k WHERE k.contypid <> 0
UNION ALL
SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid, 'pg_catalog.pg_class'::regclass, d.adrelid FROM pg_catalog.pg_attrdef d
UNION ALL
SELECT 'pg_catalog.pg_trigger'::regclass, t.oid, 'pg_catalog.pg_class'::regclass, t.tgrelid FROM pg_catalog.pg_trigger t
UNION ALL
SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid, 'pg_catalog.pg_class'::regclass, r.ev_class FROM pg_catalog.pg_rewrite r
UNION ALL
SELECT 'pg_catalog.pg_policy'::regclass, y.oid, 'pg_catalog.pg_class'::regclass, y.polrelid FROM pg_catalog.pg_policy y
UNION ALL
SELECT 'pg_catalog.pg_publication_rel'::regclass, r.oid, 'pg_catalog.pg_publication'::regclass, r.prpubid FROM pg_catalog.pg_publication_rel r
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'pg_catalog.pg_class'::regclass, c.oid
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_class c ON c.oid = t.typrelid WHERE c.relkind <> 'c'
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, e.typarray,
       CASE WHEN c.relkind <> 'c' THEN 'pg_catalog.pg_class'::regclass ELSE 'pg_catalog.pg_type'::regclass END,
       CASE WHEN c.relkind <> 'c' THEN c.oid ELSE e.oid END
FROM pg_catalog.pg_type e LEFT JOIN pg_catalog.pg_class c ON c.oid = e.typrelid WHERE e.typarray <> 0
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, g.rngmultitypid, 'pg_catalog.pg_type'::regclass, g.rngtypid FROM pg_catalog.pg_range g
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'pg_catalog.pg_type'::regclass, c.reltype FROM pg_catalog.pg_class c WHERE c.relkind = 'c';

CREATE FUNCTION qt001_cp.catalog_edge()
RETURNS TABLE (from_class oid, from_id oid, to_class oid, to_id oid, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $catalog_edge$
-- Every dependency between objects of this database that are not the system's own, lifted to the objects with owners.
-- pg_depend knows defaults, checks, triggers, rules, policies, foreign keys, inheritance, types, BEGIN ATOMIC bodies.
WITH lifted AS (
    SELECT coalesce(f.classid, d.classid) AS from_class, coalesce(f.objid, d.objid) AS from_id,
           coalesce(t.classid, d.refclassid) AS to_class, coalesce(t.objid, d.refobjid) AS to_id,
           (SELECT c.relname FROM pg_class c WHERE c.oid = d.classid) AS via, d.classid AS via_class, d.objid AS via_id
    FROM pg_depend d
    LEFT JOIN qt001_cp.v_part f ON f.class = d.classid AND f.id = d.objid
    LEFT JOIN qt001_cp.v_part t ON t.class = d.refclassid AND t.id = d.refobjid
    WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype <> 'e'
      AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
)
SELECT DISTINCT l.from_class, l.from_id, l.to_class, l.to_id,
       CASE l.via WHEN 'pg_constraint' THEN 'constraint ' || (SELECT k.conname FROM pg_constraint k WHERE k.oid = l.via_id)
                  WHEN 'pg_trigger' THEN 'trigger ' || (SELECT t.tgname FROM pg_trigger t WHERE t.oid = l.via_id)
                  WHEN 'pg_rewrite' THEN 'its query or rule'
                  WHEN 'pg_policy' THEN 'policy ' || (SELECT y.polname FROM pg_policy y WHERE y.oid = l.via_id)
                  WHEN 'pg_attrdef' THEN 'a default or generated column'
                  ELSE 'its definition' END
FROM lifted l
WHERE (l.from_class, l.from_id) <> (l.to_class, l.to_id)
UNION
-- What is written to a parent arrives in its children.
SELECT 'pg_class'::regclass, h.inhparent, 'pg_class'::regclass, h.inhrelid, 'partition or child'
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE c.relkind IN ('r', 'p', 'f')
$catalog_edge$;

CREATE FUNCTION qt001_cp.live_identity(app name)
RETURNS TABLE (classid oid, objid oid, kind text, identity text, owner text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $live_identity$
-- The estate and what the control plane's owner holds of it, by identity.
SELECT l.classid, l.objid, l.kind, l.identity, l.owner FROM qt001_cp.live_object(app) l
UNION
SELECT l.classid, l.objid, l.kind, l.identity, l.owner FROM qt001_cp.live_object('qt001_cp_owner') l
WHERE l.identity NOT LIKE 'qt001\_cp.%'
$live_identity$;

CREATE FUNCTION qt001_cp.reach_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $reach_findings$
-- Paths from a transferred object to something that stays with the application role, and the other way round.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    mine oid[];
BEGIN
    -- Whatever these roles own stays under the application role's hand.
    SELECT array_agg(r.oid) INTO mine FROM pg_roles r
    WHERE r.rolname IN (SELECT qt001_cp.member_of(app)) AND r.rolname !~ '^pg_';
    RETURN QUERY
    WITH RECURSIVE live AS MATERIALIZED (
        SELECT l.classid, l.objid, l.kind, l.identity, l.owner FROM qt001_cp.live_identity(app) l
    ), place AS MATERIALIZED (
        SELECT o.kind, o.identity, o.disposition, o.detail, o.schema, o.name, o.args, o.after, o.before,
               i.classid, i.objid
        FROM qt001_cp.manifest_object(manifest) o LEFT JOIN live i ON i.kind = o.kind AND i.identity = o.identity
    ), hostile AS MATERIALIZED (
        SELECT l.classid, l.objid, l.kind, l.identity FROM live l
        JOIN pg_roles r ON r.rolname = l.owner
        WHERE r.oid = ANY (mine) AND l.kind NOT IN ('database', 'schema', 'default acl')
          AND NOT EXISTS (SELECT 1 FROM place p WHERE p.kind = l.kind AND p.identity = l.identity AND p.disposition = 'transfer')
    ), guarded AS MATERIALIZED (
        SELECT p.classid, p.objid, p.kind, p.identity FROM place p
        WHERE p.disposition = 'transfer' AND p.classid IS NOT NULL AND p.kind NOT IN ('database', 'schema', 'default acl')
    ), analysed AS (
        -- What the bodies of routines reach, from the analysis that the manifest carries, bound to its definition digest.
        SELECT p.classid AS from_class, p.objid AS from_id, t.classid AS to_class, t.objid AS to_id, r.value ->> 'verb' AS reason
        FROM place p, jsonb_array_elements(p.detail -> 'reaches') r(value)
        JOIN live t ON t.kind = r.value ->> 'kind' AND t.identity = r.value ->> 'identity'
        WHERE p.disposition = 'transfer'
    ), edge AS MATERIALIZED (
        SELECT * FROM qt001_cp.catalog_edge()
        UNION
        SELECT * FROM analysed
    ), walk(classid, objid, path, ids, done) AS (
        SELECT g.classid, g.objid, g.kind || ' ' || g.identity, ARRAY[g.objid], false FROM guarded g
        UNION ALL
        SELECT e.to_class, e.to_id,
               w.path || ' → ' || e.reason || ' → ' || i.type || ' ' || i.identity, w.ids || e.to_id,
               EXISTS (SELECT 1 FROM hostile h WHERE h.classid = e.to_class AND h.objid = e.to_id)
        FROM walk w JOIN edge e ON e.from_class = w.classid AND e.from_id = w.objid
        CROSS JOIN LATERAL pg_identify_object(e.to_class, e.to_id, 0) i
        WHERE NOT w.done AND NOT e.to_id = ANY (w.ids)
          AND NOT EXISTS (SELECT 1 FROM guarded g WHERE g.classid = e.to_class AND g.objid = e.to_id)
    )
    SELECT 'QT108'::text, w.path, 'nothing that ' || app || ' still owns on the way'::text, 'owned by ' || app,
           'Transfer the object at the end of the path too, or cut the path.'::text
    FROM walk w WHERE w.done
    UNION ALL
    SELECT 'QT108', h.kind || ' ' || h.identity || ' → ' || e.reason || ' → ' || g.kind || ' ' || g.identity,
           'no hold of a retained object on a transferred one', 'owned by ' || app, 'Transfer it too, or drop the dependency.'
    FROM hostile h JOIN edge e ON e.from_class = h.classid AND e.from_id = h.objid
    JOIN guarded g ON g.classid = e.to_class AND g.objid = e.to_id
    UNION ALL
    SELECT 'QT108', p.kind || ' ' || p.identity, 'a body that the analysis understands',
           (u.value ->> 'rule') || ': ' || (u.value ->> 'detail'), 'Rewrite that statement without dynamic SQL, or retain the routine.'
    FROM place p, jsonb_array_elements(p.detail -> 'unknown') u(value) WHERE p.disposition = 'transfer'
    UNION ALL
    SELECT 'QT108', p.kind || ' ' || p.identity, 'an analysis of what its body reaches', 'none in the manifest',
           'Generate the manifest again: qt001-cp manifest generate.'
    FROM place p WHERE p.disposition = 'transfer' AND p.kind IN ('function', 'procedure') AND p.detail -> 'reaches' IS NULL
    UNION ALL
    -- The schema's owner may drop what others own in it; the database's owner is behind pg_database_owner.
    SELECT DISTINCT 'QT108', 'schema ' || n.nspname, 'transferred, or owned by somebody else than ' || app,
           'owned by ' || pg_get_userbyid(n.nspowner) || ', holds transferred objects', 'Add a rule that transfers the schema.'
    FROM place p JOIN pg_namespace n ON n.nspname = p.schema
    WHERE p.disposition = 'transfer' AND p.kind <> 'default acl'
      AND (n.nspowner = ANY (mine) OR (n.nspowner = 'pg_database_owner'::regrole AND EXISTS (
            SELECT 1 FROM place d WHERE d.kind = 'database' AND d.disposition <> 'transfer' AND d.before ->> 'owner' = app)))
      AND NOT EXISTS (SELECT 1 FROM place s WHERE s.kind = 'schema' AND s.name = p.schema AND s.disposition = 'transfer')
    UNION ALL
    SELECT 'QT108', 'database ' || d.datname, 'transferred, or owned by somebody else than ' || app, 'owned by ' || app,
           'Add a rule that transfers the database: its owner may drop schemas and set search_path for everybody.'
    FROM pg_database d
    WHERE d.datname = current_database() AND d.datdba = ANY (mine)
      AND NOT EXISTS (SELECT 1 FROM place p WHERE p.kind = 'database' AND p.disposition = 'transfer')
    UNION ALL
    SELECT DISTINCT 'QT108', 'schema ' || s.name, format('no CREATE for %s or PUBLIC', app),
           'CREATE stays with ' || coalesce(a.value ->> 1, 'PUBLIC'), 'Do not keep CREATE in the rule of this schema.'
    FROM place s, jsonb_array_elements(coalesce(s.after, s.before) -> 'acl') a(value)
    WHERE s.kind = 'schema' AND a.value ->> 2 = 'CREATE'
      AND (a.value ->> 1 IS NULL OR a.value ->> 1 IN (SELECT qt001_cp.member_of(app)))
      AND EXISTS (SELECT 1 FROM place p WHERE p.schema = s.name AND p.disposition = 'transfer' AND p.kind <> 'default acl')
    UNION ALL
    SELECT 'QT108', 'event trigger ' || t.evtname, 'not under the hand of ' || app,
           format('owner %s, function %s', pg_get_userbyid(t.evtowner), t.evtfoid::regprocedure), format('DROP EVENT TRIGGER %I;', t.evtname)
    FROM pg_event_trigger t JOIN pg_proc f ON f.oid = t.evtfoid WHERE t.evtowner = ANY (mine) OR f.proowner = ANY (mine)
    UNION ALL
    SELECT 'QT108', format('a role with privileges on %s %s', p.kind, p.identity), format('not %s, nor a role it is a member of', app),
           m || ' holds ' || (a.value ->> 2), format('REVOKE %I FROM %I;', m, app)
    FROM place p, jsonb_array_elements(p.after -> 'acl') a(value) JOIN qt001_cp.member_of(app) m ON m = a.value ->> 1
    WHERE p.disposition = 'transfer' AND m <> app;
END
$reach_findings$;

CREATE FUNCTION qt001_cp.session_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $session_findings$
-- What was begun before the cutover and could end after it. What begins later waits for it, or during_lock for that.
SELECT 'QT108', 'prepared transaction ' || x.gid, 'none in this database', 'prepared by ' || x.owner,
       format('ROLLBACK PREPARED %L;', x.gid)
FROM pg_prepared_xacts x WHERE x.database = current_database()
UNION ALL
SELECT 'QT108', format('session %s of %s', s.pid, s.usename), 'no open transaction of the application during the cutover',
       'in a transaction since ' || s.xact_start, format('SELECT pg_terminate_backend(%s); -- or wait', s.pid)
FROM pg_stat_activity s
WHERE s.datname = current_database() AND s.xact_start < now() AND s.pid <> pg_backend_pid()
  AND s.usename IN (SELECT qt001_cp.member_of((qt001_cp.document_json(manifest) ->> 'application')::name))
$session_findings$;
