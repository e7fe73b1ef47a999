-- What could run with the new owner's rights, or undo the cutover: edges between objects, each with its reason.

CREATE FUNCTION qt001_cp.path_schemas(path text) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $path_schemas$
-- The schemas that a value of search_path names, as PostgreSQL reads it: a quoted name may hold commas and blanks.
SELECT coalesce(array_agg(coalesce(replace(m[1], '""', '"'), lower(m[2])) ORDER BY n), '{}')
FROM regexp_matches(path, '"((?:[^"]|"")*)"|([^",[:space:]]+)', 'g') WITH ORDINALITY r(m, n)
$path_schemas$;

CREATE VIEW qt001_cp.v_part AS
-- Catalog rows that are a part of an object with an owner: an index, toast table, constraint, default, trigger, rule or
-- policy of its table, a row or array type of its table or element, an operator or function of its operator family.
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
SELECT 'pg_catalog.pg_amop'::regclass, a.oid, 'pg_catalog.pg_opfamily'::regclass, a.amopfamily FROM pg_catalog.pg_amop a
UNION ALL
SELECT 'pg_catalog.pg_amproc'::regclass, a.oid, 'pg_catalog.pg_opfamily'::regclass, a.amprocfamily FROM pg_catalog.pg_amproc a
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, t.oid, 'pg_catalog.pg_class'::regclass, c.oid
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_class c ON c.oid = t.typrelid WHERE c.relkind <> 'c'
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, e.typarray,
       CASE WHEN c.relkind <> 'c' THEN 'pg_catalog.pg_class'::regclass ELSE 'pg_catalog.pg_type'::regclass END,
       CASE WHEN c.relkind <> 'c' THEN c.oid ELSE coalesce(g.rngtypid, e.oid) END
FROM pg_catalog.pg_type e LEFT JOIN pg_catalog.pg_class c ON c.oid = e.typrelid
LEFT JOIN pg_catalog.pg_range g ON g.rngmultitypid = e.oid AND pg_catalog.current_setting('server_version_num')::int >= 170000
WHERE e.typarray <> 0
UNION ALL
SELECT 'pg_catalog.pg_type'::regclass, g.rngmultitypid, 'pg_catalog.pg_type'::regclass, g.rngtypid FROM pg_catalog.pg_range g
WHERE pg_catalog.current_setting('server_version_num')::int >= 170000
UNION ALL
SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'pg_catalog.pg_type'::regclass, c.reltype FROM pg_catalog.pg_class c WHERE c.relkind = 'c';

CREATE FUNCTION qt001_cp.catalog_edge()
RETURNS TABLE (from_class oid, from_id oid, to_class oid, to_id oid, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $catalog_edge$
-- Every dependency between objects of this database that are not the system's own, lifted to the objects with owners.
-- pg_depend knows defaults, checks, triggers, rules, policies, foreign keys, inheritance, types, BEGIN ATOMIC bodies,
-- operator classes, collations, text search, foreign servers, extensions. What it does not know is added below.
WITH lifted AS (
    SELECT coalesce(f.classid, d.classid) AS from_class, coalesce(f.objid, d.objid) AS from_id,
           coalesce(t.classid, d.refclassid) AS to_class, coalesce(t.objid, d.refobjid) AS to_id,
           (SELECT c.relname FROM pg_class c WHERE c.oid = d.classid) AS via, d.classid AS via_class, d.objid AS via_id
    FROM pg_depend d
    LEFT JOIN qt001_cp.v_part f ON f.class = d.classid AND f.id = d.objid
    LEFT JOIN qt001_cp.v_part t ON t.class = d.refclassid AND t.id = d.refobjid
    WHERE d.objid >= 16384 AND (d.refobjid >= 16384 OR d.refclassid = 'pg_extension'::regclass)
      AND d.refclassid <> 'pg_namespace'::regclass
)
SELECT DISTINCT l.from_class, l.from_id, l.to_class, l.to_id,
       CASE WHEN l.to_class = 'pg_extension'::regclass THEN 'belongs to' ELSE
       CASE l.via WHEN 'pg_constraint' THEN 'constraint ' || (SELECT k.conname FROM pg_constraint k WHERE k.oid = l.via_id)
                  WHEN 'pg_trigger' THEN (SELECT CASE WHEN t.tgisinternal THEN 'constraint ' || k.conname ELSE 'trigger ' || t.tgname END
                                          FROM pg_trigger t LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint WHERE t.oid = l.via_id)
                  WHEN 'pg_rewrite' THEN 'its query or rule'
                  WHEN 'pg_policy' THEN 'policy ' || (SELECT y.polname FROM pg_policy y WHERE y.oid = l.via_id)
                  WHEN 'pg_attrdef' THEN 'a default or generated column'
                  WHEN 'pg_publication_rel' THEN 'publishes'
                  WHEN 'pg_amop' THEN 'an operator of it'
                  WHEN 'pg_amproc' THEN 'a function of it'
                  WHEN 'pg_statistic_ext' THEN 'statistics'
                  ELSE 'its definition' END END
FROM lifted l
WHERE (l.from_class, l.from_id) <> (l.to_class, l.to_id)
UNION
-- What is written to a parent arrives in its children.
SELECT 'pg_class'::regclass, h.inhparent, 'pg_class'::regclass, h.inhrelid, 'partition or child'
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE c.relkind IN ('r', 'p', 'f')
UNION
-- A cast is found by its types, in every body that converts one into the other; that of a table's row by the table.
SELECT coalesce(v.classid, 'pg_type'::regclass), coalesce(v.objid, t.oid), 'pg_proc'::regclass, k.castfunc,
       format('cast of %s to %s', format_type(k.castsource, NULL), format_type(k.casttarget, NULL))
FROM pg_cast k JOIN pg_type t ON t.oid IN (k.castsource, k.casttarget)
LEFT JOIN qt001_cp.v_part v ON v.class = 'pg_type'::regclass AND v.id = t.oid WHERE k.oid >= 16384 AND k.castfunc >= 16384
UNION
-- A cast between two of the server's own types is found in any body. One that is written down parsed has it in pg_depend.
SELECT 'pg_proc'::regclass, p.oid, 'pg_proc'::regclass, k.castfunc,
       format('cast of %s to %s', format_type(k.castsource, NULL), format_type(k.casttarget, NULL))
FROM pg_cast k JOIN pg_proc p ON p.oid >= 16384 JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
WHERE k.oid >= 16384 AND k.castfunc >= 16384 AND k.castsource < 16384 AND k.casttarget < 16384 AND p.oid <> k.castfunc
UNION
-- Sorting, grouping and comparing of a type take its default operator class.
SELECT coalesce(v.classid, 'pg_type'::regclass), coalesce(v.objid, c.opcintype), 'pg_opclass'::regclass, c.oid, 'its default operator class'
FROM pg_opclass c LEFT JOIN qt001_cp.v_part v ON v.class = 'pg_type'::regclass AND v.id = c.opcintype WHERE c.opcdefault AND c.oid >= 16384
UNION
-- Whoever analyses the table runs the expressions of its statistics.
SELECT 'pg_class'::regclass, s.stxrelid, 'pg_statistic_ext'::regclass, s.oid, 'statistics' FROM pg_statistic_ext s
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

CREATE FUNCTION qt001_cp.session_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $session_findings$
-- What was begun before the cutover and could end after it (what begins later waits for it, or lock_relations() for that): by the
-- application role, by a role it is a member of, or by a login that is a member of it and took it on. In another database
-- too where it writes: roles, memberships and the settings of this database are there as well as here. Whether a session is in a transaction is hidden (NULL) from who is neither
-- a member of its login nor of pg_read_all_stats: a session that cannot be seen into is a finding too.
BEGIN
    IF qt001_cp.application_has_no_session(manifest) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH suspect AS MATERIALIZED (
        SELECT r.oid, r.rolname FROM pg_roles r
        WHERE r.rolname IN (SELECT k FROM qt001_cp.related_roles((qt001_cp.document_json(manifest) ->> 'application')::name) k)
    )
    SELECT 'QT108'::text, 'prepared transaction ' || x.gid, 'none in this database, none of the application in another'::text,
           format('prepared by %s%s', x.owner, CASE WHEN x.database <> current_database() THEN ' in ' || x.database END), format('ROLLBACK PREPARED %L; -- in database %s', x.gid, x.database)
    FROM pg_prepared_xacts x WHERE x.database = current_database() OR x.owner IN (SELECT u.rolname FROM suspect u)
    UNION ALL
    SELECT 'QT108', format('session %s of %s', s.pid, s.usename), 'no open transaction of the application during the cutover',
           'in a transaction since ' || s.xact_start || CASE WHEN s.datname <> current_database() THEN ' in database ' || s.datname ELSE '' END,
           format('SELECT pg_terminate_backend(%s); -- or wait', s.pid)
    FROM pg_stat_activity s JOIN suspect u ON u.oid = s.usesysid
    WHERE (s.datname = current_database() OR s.backend_xid IS NOT NULL) AND s.xact_start < now() AND s.pid <> pg_backend_pid()
    UNION ALL
    SELECT 'QT108', format('session %s of %s', s.pid, s.usename), 'no open transaction of the application during the cutover',
           'hidden from ' || current_user, qt001_cp.membership_mend('pg_read_all_stats', true, false)
    FROM pg_stat_activity s JOIN suspect u ON u.oid = s.usesysid
    WHERE s.pid <> pg_backend_pid() AND NOT pg_has_role(s.usesysid, 'USAGE') AND NOT pg_has_role('pg_read_all_stats', 'USAGE');
END
$session_findings$;
