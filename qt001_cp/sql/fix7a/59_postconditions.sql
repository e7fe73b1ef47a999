-- What is checked when the statements have run, by contents: who may do what, and what has changed.

CREATE TABLE qt001_cp.owner_acl_snapshot (
    classid oid NOT NULL,
    objid oid NOT NULL,
    objsubid int NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (classid, objid, objsubid)
);
COMMENT ON TABLE qt001_cp.owner_acl_snapshot IS
    'Owners and ACLs of everything in the database, as this run found them.';

CREATE FUNCTION qt001_cp.owner_acl()
RETURNS TABLE (classid oid, objid oid, objsubid int, state text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owner_acl$
-- Owner and ACL of every object of the database and of the database itself, the system's included.
-- The list of catalogs is made from model/kinds.py.
WITH space(oid, name, system) AS (
    SELECT oid, nspname, false FROM pg_namespace
    WHERE nspname <> 'qt001_cp' AND nspname !~ '^pg_(toast_)?temp'
)
{owner_acl}
UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum, attacl::text FROM pg_attribute
WHERE attacl IS NOT NULL AND NOT attisdropped
$owner_acl$;

CREATE FUNCTION qt001_cp.owner_acl_changed() RETURNS TABLE (classid oid, objid oid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $owner_acl_changed$
-- The objects of the whole database whose owner or ACL is another than in the snapshot, a part
-- counted with its whole.
SELECT DISTINCT coalesce(part.classid, difference.classid) AS classid,
       coalesce(part.objid, difference.objid) AS objid
FROM (SELECT classid, objid FROM qt001_cp.owner_acl_snapshot before
      FULL JOIN qt001_cp.owner_acl() now USING (classid, objid, objsubid)
      WHERE before.state IS DISTINCT FROM
            coalesce(now.state,
                     CASE WHEN before.state IS NOT NULL AND objsubid <> 0 THEN '' END)
     ) difference
LEFT JOIN qt001_cp.v_part part ON part.class = difference.classid AND part.id = difference.objid
$owner_acl_changed$;

CREATE FUNCTION qt001_cp.changed_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $changed_findings$
-- The objects of the whole database whose owner or ACL this transaction changed are the manifest's,
-- and no others. A sequence that a column owns goes with its table: one that came after the cutover
-- is no reason to stay. What comes and goes is looked at by itself.
WITH changed AS (
    SELECT changed.classid, changed.objid FROM qt001_cp.owner_acl_changed() changed
), wanted AS MATERIALIZED (
    SELECT object.kind, object.identity FROM qt001_cp.manifest_object(manifest) object
    WHERE object.disposition IN ('transfer', 'lend') AND object.kind <> 'default acl'
      AND (object.before ->> 'owner' <> object.after ->> 'owner'
           OR qt001_cp.acl_set(object.before -> 'acl') <> qt001_cp.acl_set(object.after -> 'acl')
           OR qt001_cp.column_acl_set(object.before -> 'columns')
              <> qt001_cp.column_acl_set(object.after -> 'columns'))
      AND object.number NOT IN (
          SELECT grows.number FROM qt001_cp.growth_object(manifest) grows)
), followed AS (
    SELECT counter.oid, moved.identity
    FROM pg_depend owning
    JOIN pg_class counter ON counter.oid = owning.objid AND counter.relkind = 'S'
    JOIN pg_class counted
        ON counted.oid = owning.refobjid AND counted.relowner = counter.relowner
    CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, counted.oid, 0) moved
    WHERE owning.classid = 'pg_class'::regclass AND owning.refclassid = 'pg_class'::regclass
      AND owning.deptype IN ('a', 'i') AND owning.refobjsubid > 0
), named AS (
    SELECT object.type AS kind, object.identity
    FROM changed CROSS JOIN LATERAL pg_identify_object(changed.classid, changed.objid, 0) object
    WHERE object.type <> 'default acl' AND object.identity IS NOT NULL
      AND object.schema IS DISTINCT FROM 'qt001_cp'
      AND NOT (changed.classid = 'pg_class'::regclass AND object.type = 'table'
               AND changed.objid IN (
                   SELECT grows.oid FROM qt001_cp.growth_table(manifest) grows))
      AND NOT (object.type = 'sequence'
               AND object.identity NOT IN (SELECT wanted.identity FROM wanted)
               AND EXISTS (
                   SELECT 1 FROM followed JOIN wanted ON wanted.identity = followed.identity
                   WHERE changed.classid = 'pg_class'::regclass AND followed.oid = changed.objid))
)
SELECT 'QT112',
       coalesce(named.kind, wanted.kind) || ' ' || coalesce(named.identity, wanted.identity),
       CASE WHEN wanted.kind IS NULL THEN 'owner and ACL untouched'
            ELSE 'owner or ACL changed by this transaction' END,
       CASE WHEN wanted.kind IS NULL THEN 'changed' ELSE 'untouched' END,
       'Run only the printed script, alone in its transaction.'
FROM named FULL JOIN wanted ON wanted.kind = named.kind AND wanted.identity = named.identity
WHERE named.kind IS NULL OR wanted.kind IS NULL
$changed_findings$;

CREATE FUNCTION qt001_cp.has_some_column(role name, relation oid, privileges text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $has_some_column$
-- has_any_column_privilege(), which does not ask about the system columns, and these.
SELECT has_any_column_privilege(role, relation, privileges) OR EXISTS (
    SELECT 1 FROM pg_attribute
    WHERE attrelid = relation AND attnum < 0 AND attacl IS NOT NULL
      AND has_column_privilege(role, relation, attnum, privileges))
$has_some_column$;

CREATE FUNCTION qt001_cp.effective_privileges(role name, classid oid, objid oid, kind text)
    RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $effective_privileges$
-- The privileges that a role has on an object by any route, as PostgreSQL's own has_*_privilege
-- answer; OWNER where it is the owner's, or a member of the owner.
SELECT known.privilege FROM qt001_cp.privilege_of(kind) known(privilege)
WHERE CASE effective_privileges.classid
      WHEN 'pg_class'::regclass THEN
          CASE WHEN kind = 'sequence' THEN has_sequence_privilege(role, objid, known.privilege)
               ELSE has_table_privilege(role, objid, known.privilege) END
      WHEN 'pg_proc'::regclass THEN has_function_privilege(role, objid, known.privilege)
      WHEN 'pg_type'::regclass THEN has_type_privilege(role, objid, known.privilege)
      WHEN 'pg_namespace'::regclass THEN has_schema_privilege(role, objid, known.privilege)
      WHEN 'pg_database'::regclass THEN has_database_privilege(role, objid, known.privilege)
      WHEN 'pg_tablespace'::regclass THEN has_tablespace_privilege(role, objid, known.privilege)
      WHEN 'pg_foreign_server'::regclass THEN has_server_privilege(role, objid, known.privilege)
      WHEN 'pg_foreign_data_wrapper'::regclass
          THEN has_foreign_data_wrapper_privilege(role, objid, known.privilege)
      -- Of an untrusted language it says yes to everybody, though only superusers can use one.
      WHEN 'pg_language'::regclass THEN has_language_privilege(role, objid, known.privilege)
          AND (SELECT language.lanpltrusted FROM pg_language language
               WHERE language.oid = effective_privileges.objid)
      -- has_largeobject_privilege exists since 18 only.
      WHEN 'pg_largeobject'::regclass THEN EXISTS (
          SELECT 1
          FROM pg_largeobject_metadata large CROSS JOIN LATERAL
              aclexplode(coalesce(large.lomacl, acldefault('L', large.lomowner))) entry
          WHERE large.oid = effective_privileges.objid AND entry.privilege_type = known.privilege
            AND (entry.grantee = 0 OR pg_has_role(role, entry.grantee, 'USAGE')))
      ELSE true END
UNION
SELECT known.privilege FROM qt001_cp.privilege known
WHERE known.of_columns AND effective_privileges.classid = 'pg_class'::regclass
  AND kind <> 'sequence'
  AND qt001_cp.has_some_column(role, objid, known.privilege)
UNION
-- pg_shdepend names the owner of every kind. Default privileges belong to their role for good: what
-- the role makes itself may start with what it likes.
SELECT 'OWNER' FROM pg_shdepend owned
WHERE kind <> 'default acl' AND owned.classid = effective_privileges.classid
  AND owned.objid = effective_privileges.objid
  AND owned.deptype = 'o' AND owned.refclassid = 'pg_authid'::regclass
  AND owned.dbid = CASE WHEN (SELECT catalog.relisshared FROM pg_class catalog
                              WHERE catalog.oid = effective_privileges.classid)
                        THEN 0
                        ELSE (SELECT database.oid FROM pg_database database
                              WHERE database.datname = current_database()) END
  AND pg_has_role(role, owned.refobjid, 'MEMBER')
$effective_privileges$;

CREATE FUNCTION qt001_cp.revoked_privileges(app name, kind text, after_acl jsonb)
RETURNS TABLE (kept text[], revoked text, revoked_columns text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $revoked_privileges$
-- What a manifest leaves the application role of an object, and all else that it could have of it
-- or of its columns, each as has_*_privilege() takes a list. NULL: nothing.
BEGIN
    kept := ARRAY(SELECT DISTINCT (entry.value ->> 2) COLLATE "C"
                  FROM jsonb_array_elements(after_acl) entry(value)
                  WHERE entry.value ->> 1 IS NULL OR entry.value ->> 1 = app ORDER BY 1);
    revoked := (SELECT string_agg(known.privilege, ', ')
                FROM qt001_cp.privilege_of(kind) known(privilege)
                WHERE known.privilege <> ALL (kept));
    revoked_columns := (SELECT string_agg(known.privilege, ', ') FROM qt001_cp.privilege known
                        WHERE known.of_columns AND known.privilege <> ALL (kept));
    RETURN NEXT;
END
$revoked_privileges$;

CREATE FUNCTION qt001_cp.has_any_privilege(role name, classid oid, objid oid, kind text, owner name,
                                           revoked text, revoked_columns text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $has_any_privilege$
-- Whether a role has one of these privileges on an object, or is its owner: the one question that
-- decides in most cases whether effective_privileges() has to be asked. NULL: nothing was revoked.
BEGIN
    RETURN pg_has_role(role, owner, 'MEMBER') OR coalesce(CASE classid
        WHEN 'pg_class'::regclass THEN
            CASE WHEN kind = 'sequence' THEN has_sequence_privilege(role, objid, revoked)
                 ELSE has_table_privilege(role, objid, revoked)
                      OR qt001_cp.has_some_column(role, objid, revoked_columns) END
        WHEN 'pg_proc'::regclass THEN has_function_privilege(role, objid, revoked)
        WHEN 'pg_type'::regclass THEN has_type_privilege(role, objid, revoked)
        WHEN 'pg_namespace'::regclass THEN has_schema_privilege(role, objid, revoked)
        WHEN 'pg_database'::regclass THEN has_database_privilege(role, objid, revoked)
        ELSE true END, false);
END
$has_any_privilege$;

CREATE FUNCTION qt001_cp.only_kept_columns(
    app name, relation oid, privilege text, columns jsonb) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $only_kept_columns$
-- Whether a role has a privilege on columns alone that the manifest leaves to it or to PUBLIC.
SELECT CASE WHEN privilege NOT IN (SELECT known.privilege FROM qt001_cp.privilege known
                                   WHERE known.of_columns) THEN false
            WHEN has_table_privilege(app, relation, privilege) THEN false
            ELSE NOT EXISTS (
    SELECT 1 FROM pg_attribute attribute
    WHERE attribute.attrelid = only_kept_columns.relation
      AND NOT attribute.attisdropped
      AND has_column_privilege(app, relation, attribute.attnum, privilege)
      AND NOT EXISTS (
          SELECT 1 FROM jsonb_array_elements(columns) part
          CROSS JOIN LATERAL jsonb_array_elements(part.value -> 'acl') entry
          WHERE part.value ->> 'column' = attribute.attname AND entry.value ->> 2 = privilege
            AND (entry.value ->> 1 IS NULL OR entry.value ->> 1 = app))) END
$only_kept_columns$;

CREATE FUNCTION qt001_cp.excess_privilege_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $excess_privilege_findings$
-- What the application role can still do to each transferred object, by any route, beyond what the
-- manifest leaves it.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT object.classid, object.objid, object.kind, object.identity, object.owner
        FROM qt001_cp.live_object(
            app, true, false, qt001_cp.protected_numbers(manifest)) object
    ), suspect AS MATERIALIZED (
        -- One question an object; which privilege it is comes after.
        SELECT object.kind, object.identity, live.classid, live.objid, privilege.kept,
               object.after -> 'columns' AS columns
        FROM qt001_cp.manifest_object(manifest) object
        JOIN live ON live.kind = object.kind AND live.identity = object.identity
        CROSS JOIN LATERAL
            qt001_cp.revoked_privileges(app, object.kind, object.after -> 'acl') privilege
        WHERE object.disposition = 'transfer'
          AND qt001_cp.has_any_privilege(app, live.classid, live.objid, object.kind,
                                         live.owner::name, privilege.revoked,
                                         privilege.revoked_columns)
    )
    SELECT 'QT111'::text, suspect.kind || ' ' || suspect.identity,
           coalesce('only ' || nullif(array_to_string(suspect.kept, ', '), ''), 'no privilege')
               || ' for ' || app,
           app || ' has ' || has.privilege,
           format('See who granted %s and why the cutover left it.', has.privilege)
    FROM suspect
    CROSS JOIN LATERAL qt001_cp.effective_privileges(
        app, suspect.classid, suspect.objid, suspect.kind) has(privilege)
    WHERE has.privilege <> ALL (suspect.kept)
      AND NOT CASE WHEN suspect.classid = 'pg_class'::regclass AND suspect.columns <> '[]'
                   THEN qt001_cp.only_kept_columns(app, suspect.objid, has.privilege,
                                                   suspect.columns)
                   ELSE false END;
END
$excess_privilege_findings$;

CREATE FUNCTION qt001_cp.containment_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $containment_findings$
-- What the application role can do after the cutover that the manifest does not leave it: its
-- effective privileges, its attributes and memberships, what it reaches, and who would find what it
-- makes.
SELECT finding.* FROM qt001_cp.excess_privilege_findings(manifest) finding
UNION ALL
SELECT finding.*
FROM (SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS role) application
CROSS JOIN LATERAL qt001_cp.application_power_findings(application.role) finding
UNION ALL
SELECT finding.* FROM qt001_cp.reach_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.duty_path_findings(manifest) finding
$containment_findings$;

CREATE FUNCTION qt001_cp.transfer_summary(manifest text, direction text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $transfer_summary$
-- objects: how many are transferred; line, for the operator: what they are, of how many the owner,
-- how many GRANT and REVOKE.
SELECT jsonb_build_object('objects', coalesce(sum(of_kind.objects), 0),
    'line', format('%s objects (%s), the owner of %s, %s steps of GRANT and REVOKE',
                   sum(of_kind.objects),
                   string_agg(format('%s %s', of_kind.objects, of_kind.kind), ', '
                              ORDER BY of_kind.kind COLLATE "C"),
                   sum(of_kind.owners), sum(of_kind.steps)))
FROM (SELECT object.kind, count(*) AS objects,
             count(*) FILTER (WHERE object.ways #> ARRAY[direction, 'owner'] <> 'null') AS owners,
             sum(jsonb_array_length(object.ways #> ARRAY[direction, 'pre'])
                 + jsonb_array_length(object.ways #> ARRAY[direction, 'post'])) AS steps
      FROM qt001_cp.manifest_object(manifest) object
      WHERE object.disposition = 'transfer' GROUP BY object.kind) of_kind
$transfer_summary$;
