-- The estate, read from the catalogs at this moment: one row an object that the application role
-- owns, is granted, or reaches through PUBLIC or a role it is a member of, and each routine that
-- runs with another's rights on its behalf without anybody asking; of the system's own
-- objects, and of members of extensions, those whose ACL names it.
-- The body of this function is the one catalog query of the project: Python runs the same text on a
-- database that does not have the function yet. Its list of catalogs is made from model/kinds.py,
-- its definitions from the files in sql/definition, one a catalog.
--
-- $1 application
-- $2 everything:  also what the application role does not reach (why is empty then).
-- $3 definitions: whether to word them; without them it is owners and ACLs only, and much faster.
-- $4 numbers:     nothing but the objects with these oids. The rows come in no order.
-- $5 storages:    whether to word these too; they cost, and no gate asks for them.
--
-- acl:        [[grantor, grantee or null for PUBLIC, privilege, grantable], ...] in the order of
--             the ACL array. A NULL ACL is expanded to its default (acldefault), and one that
--             equals its default is given in the order of the default: what pg_dump does not tell
--             apart is not told apart here.
-- definition: what the object means, without owner, ACL and comment, as text; sha256 of it is the
--             digest. Nothing that the server notes beside it, and nothing that a dump loses.
-- storage:    how it is kept: what may change without changing what it means; NULL for nothing.
-- The settings below decide how PostgreSQL words a definition; whoever calls this cannot bend them.
-- Source: PostgreSQL documentation, chapter "System Catalogs"; "Privileges", section 5.8.
CREATE FUNCTION qt001_cp.live_object(
    application name, everything boolean DEFAULT false, definitions boolean DEFAULT true,
    numbers oid[] DEFAULT NULL, storages boolean DEFAULT false)
RETURNS TABLE (
    classid oid, objid oid, kind text, identity text, schema text, name text, args jsonb,
    method text, owner text, acl jsonb, acl_default boolean, columns jsonb, follows text,
    detail jsonb, definition text, why text[], storage text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
{wording}
AS $live_object$
-- long: one query, whose text also runs where no function of ours is.
WITH RECURSIVE app_role(oid) AS (
    SELECT role.oid FROM pg_roles role WHERE role.rolname = $1
    UNION
    SELECT membership.roleid
    FROM pg_auth_members membership JOIN app_role ON membership.member = app_role.oid
), app(oids) AS (
    SELECT array_agg(app_role.oid)
           || CASE WHEN bool_or(app_role.oid = database.datdba)
                   THEN ARRAY['pg_database_owner'::regrole::oid] ELSE '{}' END
    FROM app_role, pg_database database WHERE database.datname = current_database()
), space(oid, name, system) AS MATERIALIZED (
    SELECT oid, nspname, nspname ~ '^pg_' OR nspname = 'information_schema' FROM pg_namespace
    WHERE nspname <> 'qt001_cp' AND nspname !~ '^pg_(toast|temp)'
), named(classid, objid, deptype, role) AS MATERIALIZED (
    -- What the server itself has noted of the application: it owns the object, or the ACL names it.
    SELECT noted.classid, noted.objid, noted.deptype, noted.refobjid FROM pg_shdepend noted, app
    WHERE noted.refclassid = 'pg_authid'::regclass AND noted.refobjid = ANY (app.oids)
      AND noted.deptype IN ('o', 'a') AND ($4::oid[] IS NULL OR noted.objid = ANY ($4::oid[]))
      AND noted.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
), own_cast AS MATERIALIZED (
    SELECT type.oid,
           format('cast (%s as %s) context=%s method=%s function=%s',
                  format_type(made.castsource, NULL), format_type(made.casttarget, NULL),
                  made.castcontext, made.castmethod, made.castfunc::regprocedure) AS line
    FROM pg_cast made
    CROSS JOIN LATERAL (VALUES (made.castsource), (made.casttarget)) type(oid)
    WHERE made.oid >= 16384
    UNION ALL
    SELECT made.trftype,
           format('transform for language %s from=%s to=%s', language.lanname,
                  made.trffromsql::regprocedure, made.trftosql::regprocedure)
    FROM pg_transform made JOIN pg_language language ON language.oid = made.trflang
), listed(classid, objid, nsp, name, owner, acl, letter, system) AS (
{listed}
), unlisted AS MATERIALIZED (
    SELECT DISTINCT named.classid, named.objid,
           CASE named.deptype WHEN 'o' THEN named.role END AS owner
    FROM named
    WHERE NOT EXISTS (SELECT 1 FROM listed
                      WHERE listed.classid = named.classid AND listed.objid = named.objid)
), complete AS (
    -- A member of an extension goes with it; what counts of one is an ACL that names the
    -- application, as with the system's own.
    SELECT listed.*, member.objid IS NOT NULL AS member
    FROM listed
    LEFT JOIN LATERAL (
        SELECT entry.objid FROM pg_depend entry
        WHERE entry.classid = listed.classid AND entry.objid = listed.objid
          AND entry.objsubid = 0 AND entry.deptype = 'e' LIMIT 1) member ON true
    WHERE member.objid IS NULL
       OR EXISTS (SELECT 1 FROM named WHERE named.classid = listed.classid
                    AND named.objid = listed.objid AND named.deptype = 'a')
    UNION ALL
    -- A kind that the list above does not have is an object all the same, and stops whoever meets
    -- it.
    SELECT unlisted.classid, unlisted.objid, NULL::name, NULL::text, unlisted.owner,
           NULL::aclitem[], NULL::"char", false, false
    FROM unlisted
    WHERE NOT (SELECT catalog.relisshared FROM pg_class catalog
               WHERE catalog.oid = unlisted.classid)
      AND NOT (unlisted.classid = 'pg_class'::regclass AND EXISTS (
            SELECT 1 FROM pg_class LEFT JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE pg_class.oid = unlisted.objid
              AND (relkind IN ('i', 'I', 't', 'c') OR nspname ~ '^pg_(toast_)?temp_'
                   OR nspname = 'qt001_cp')))
      AND NOT (unlisted.classid = 'pg_type'::regclass AND EXISTS (
            SELECT 1 FROM pg_type JOIN pg_namespace ON pg_namespace.oid = typnamespace
            WHERE pg_type.oid = unlisted.objid
              AND (nspname ~ '^pg_t' OR typtype = 'm' OR typelem <> 0 OR typrelid <> 0)))
      AND NOT (unlisted.classid = 'pg_proc'::regclass AND EXISTS (
            SELECT 1 FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
            WHERE pg_proc.oid = unlisted.objid
              AND (nspname ~ '^pg_temp_' OR nspname = 'qt001_cp')))
      AND NOT (unlisted.classid = 'pg_namespace'::regclass AND EXISTS (
            SELECT 1 FROM pg_namespace WHERE oid = unlisted.objid
              AND (nspname ~ '^pg_(toast|temp)' OR nspname = 'qt001_cp')))
      AND NOT EXISTS (
            SELECT 1 FROM pg_depend member
            WHERE member.classid = unlisted.classid AND member.objid = unlisted.objid
              AND member.objsubid = 0 AND member.deptype = 'e')
), standard(letter, owner, acl) AS MATERIALIZED (
    SELECT few.letter, few.owner, acldefault(few.letter, few.owner)
    FROM (SELECT DISTINCT letter, owner FROM complete WHERE letter IS NOT NULL) few
), effective AS MATERIALIZED (
    SELECT complete.classid, complete.objid, complete.nsp, complete.name, complete.owner,
           complete.letter,
           complete.member OR complete.system AND complete.objid < 16384 AS system,
           CASE WHEN standard.acl IS NULL THEN complete.acl
                WHEN same.said_or_not THEN standard.acl ELSE complete.acl END AS acl,
           standard.acl IS NOT NULL AND same.said_or_not AS acl_default
    FROM complete
    LEFT JOIN standard ON standard.letter = complete.letter AND standard.owner = complete.owner
    CROSS JOIN LATERAL (
        SELECT complete.acl IS NULL
               OR complete.acl @> standard.acl AND complete.acl <@ standard.acl AS said_or_not) same
), column_acl AS MATERIALIZED (
    SELECT attrelid, attnum, attname, attacl FROM pg_attribute
    WHERE $4::oid[] IS NULL AND cardinality(attacl) > 0 AND NOT attisdropped
    UNION ALL
    SELECT attrelid, attnum, attname, attacl FROM pg_attribute
    WHERE attrelid = ANY ($4::oid[]) AND cardinality(attacl) > 0 AND NOT attisdropped
), worded(acl, items, granted, public) AS MATERIALIZED (
    -- An estate has few different ACLs: each is put into words once.
    SELECT few.acl, coalesce(said.items, '[]'), coalesce(said.granted, false),
           coalesce(said.public, false)
    FROM (SELECT effective.acl FROM effective WHERE effective.acl IS NOT NULL
          UNION SELECT column_acl.attacl FROM column_acl) few(acl)
    CROSS JOIN app
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(
                   pg_get_userbyid(item.grantor),
                   CASE WHEN item.grantee <> 0 THEN pg_get_userbyid(item.grantee) END,
                   item.privilege_type, item.is_grantable) ORDER BY item.place) AS items,
               bool_or(item.grantee = ANY (app.oids)) AS granted,
               bool_or(item.grantee = 0) AS public
        FROM aclexplode(few.acl) WITH ORDINALITY
            item(grantor, grantee, privilege_type, is_grantable, place)) said
), kin(objid) AS MATERIALIZED (
    -- A sequence that a column owns and its table change their owner together: where the
    -- application reaches one, both count.
    SELECT pair.one
    FROM (SELECT every.* FROM pg_depend every
          WHERE $4::oid[] IS NULL AND every.classid = 'pg_class'::regclass
          UNION ALL
          SELECT part.* FROM pg_depend part
          WHERE part.classid = 'pg_class'::regclass AND part.objid = ANY ($4::oid[])
          UNION ALL
          SELECT whole.* FROM pg_depend whole
          WHERE whole.refclassid = 'pg_class'::regclass AND whole.refobjid = ANY ($4::oid[])
            AND whole.classid = 'pg_class'::regclass) owning
    JOIN pg_class counter ON counter.oid = owning.objid AND counter.relkind = 'S'
    CROSS JOIN LATERAL (VALUES (owning.objid, owning.refobjid),
                               (owning.refobjid, owning.objid)) pair(one, other)
    JOIN pg_class other ON other.oid = pair.other
    CROSS JOIN app
    WHERE owning.refclassid = 'pg_class'::regclass
      AND owning.deptype IN ('a', 'i') AND owning.refobjsubid > 0
      AND (other.relowner = ANY (app.oids)
           OR EXISTS (SELECT 1 FROM aclexplode(other.relacl) item
                      WHERE item.grantee = 0 OR item.grantee = ANY (app.oids))
           OR EXISTS (SELECT 1 FROM column_acl CROSS JOIN LATERAL aclexplode(column_acl.attacl) item
                      WHERE column_acl.attrelid = other.oid
                        AND (item.grantee = 0 OR item.grantee = ANY (app.oids))))
), columned(relation, columns, reached) AS MATERIALIZED (
    SELECT column_acl.attrelid,
           jsonb_agg(jsonb_build_object('column', column_acl.attname, 'acl', worded.items)
                     ORDER BY column_acl.attnum),
           bool_or(worded.granted OR worded.public)
    FROM column_acl JOIN worded ON worded.acl = column_acl.attacl
    GROUP BY column_acl.attrelid
), unasked(objid) AS MATERIALIZED (
    SELECT DISTINCT every.routine FROM app CROSS JOIN LATERAL (
{unasked_routines}
    ) every(routine, through)
), judged AS (
    SELECT effective.*, coalesce(worded.items, '[]') AS items,
           coalesce(columned.columns, '[]') AS columns,
           array_remove(ARRAY[
               CASE WHEN effective.owner = ANY (app.oids) THEN 'owned' END,
               CASE WHEN worded.granted THEN 'granted' END,
               CASE WHEN worded.public THEN 'public' END,
               CASE WHEN columned.reached THEN 'column' END,
               CASE WHEN effective.classid = 'pg_proc'::regclass
                     AND effective.objid IN (SELECT unasked.objid FROM unasked) THEN 'fires' END,
               CASE WHEN effective.classid = 'pg_database'::regclass THEN 'database' END,
               CASE WHEN effective.name IS NULL THEN 'dependency' END], NULL) AS why
    FROM effective CROSS JOIN app
    LEFT JOIN worded ON worded.acl = effective.acl
    LEFT JOIN columned ON columned.relation = effective.objid
         AND effective.classid = 'pg_class'::regclass
)
SELECT judged.classid, judged.objid, named.type, named.identity, judged.nsp::text,
       coalesce(judged.name::text, named.identity),
       CASE WHEN judged.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass) THEN (
           SELECT coalesce(jsonb_agg(CASE WHEN type.oid IS NOT NULL THEN jsonb_build_object(
                      'schema', space.nspname, 'name', coalesce(element.typname, type.typname),
                      'array', element.oid IS NOT NULL) END ORDER BY argument.place), '[]')
           FROM (SELECT unnest(proargtypes), generate_subscripts(proargtypes, 1) FROM pg_proc
                 WHERE judged.classid = 'pg_proc'::regclass AND oid = judged.objid
                 UNION ALL
                 SELECT side.type, side.place FROM pg_operator
                 CROSS JOIN LATERAL (VALUES (oprleft, 1), (oprright, 2)) side(type, place)
                 WHERE judged.classid = 'pg_operator'::regclass AND oid = judged.objid
                ) argument(type, place)
           LEFT JOIN LATERAL (
               SELECT known.* FROM pg_type known WHERE known.oid = argument.type LIMIT 1
           ) type ON true
           LEFT JOIN pg_type element ON element.oid = type.typelem
                AND element.typarray = type.oid
           LEFT JOIN pg_namespace space
                  ON space.oid = coalesce(element.typnamespace, type.typnamespace)) END,
       CASE judged.classid
       WHEN 'pg_opclass'::regclass THEN (
           SELECT amname::text FROM pg_opclass JOIN pg_am ON pg_am.oid = opcmethod
           WHERE pg_opclass.oid = judged.objid)
       WHEN 'pg_opfamily'::regclass THEN (
           SELECT amname::text FROM pg_opfamily JOIN pg_am ON pg_am.oid = opfmethod
           WHERE pg_opfamily.oid = judged.objid) END,
       CASE WHEN judged.owner IS NOT NULL THEN pg_get_userbyid(judged.owner)::text END,
       judged.items, judged.acl_default, judged.columns,
       CASE WHEN judged.classid = 'pg_class'::regclass AND judged.letter = 's' THEN (
           SELECT (pg_identify_object('pg_class'::regclass, owning.refobjid, 0)).identity
           FROM pg_depend owning
           WHERE owning.classid = 'pg_class'::regclass AND owning.objid = judged.objid
             AND owning.objsubid = 0 AND owning.refclassid = 'pg_class'::regclass
             AND owning.deptype IN ('a', 'i') AND owning.refobjsubid > 0 LIMIT 1) END,
       CASE
       WHEN judged.classid = 'pg_proc'::regclass THEN (
           SELECT jsonb_build_object('definer', prosecdef, 'language', lanname, 'search_path', (
                      SELECT substr(setting, 13) FROM unnest(proconfig) setting
                      WHERE starts_with(setting, 'search_path=') LIMIT 1))
                  || CASE WHEN judged.system THEN '{"system": true}' ELSE '{}' END::jsonb
           FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
           WHERE pg_proc.oid = judged.objid)
       WHEN judged.classid = 'pg_default_acl'::regclass THEN (
           SELECT jsonb_build_object('on', CASE defaclobjtype
                      WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
                      WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END)
           FROM pg_default_acl WHERE oid = judged.objid)
       WHEN judged.classid = 'pg_extension'::regclass THEN (
           -- Its members stay where they are. Those that the application owns are named: it may
           -- replace or drop them.
           SELECT jsonb_build_object('members', count(*), 'owned', coalesce(
                      jsonb_agg(part.type || ' ' || part.identity
                                ORDER BY part.type COLLATE "C", part.identity COLLATE "C")
                      FILTER (WHERE own.deptype IS NOT NULL), '[]'))
           FROM pg_depend member
           LEFT JOIN named own ON own.classid = member.classid AND own.objid = member.objid
                AND own.deptype = 'o'
           CROSS JOIN LATERAL pg_identify_object(member.classid, member.objid, 0) part
           WHERE member.refclassid = 'pg_extension'::regclass AND member.refobjid = judged.objid
             AND member.deptype = 'e')
       WHEN judged.system THEN '{"system": true}'::jsonb
       WHEN judged.classid = 'pg_type'::regclass
            AND EXISTS (SELECT 1 FROM pg_type WHERE oid = judged.objid AND NOT typisdefined)
       THEN '{"shell": true}'::jsonb
       -- Its owner is that of a relation too: ALTER ... OWNER locks it.
       WHEN judged.classid = 'pg_type'::regclass
            AND EXISTS (SELECT 1 FROM pg_type WHERE oid = judged.objid AND typrelid <> 0)
       THEN '{"composite": true}'::jsonb END,
       -- A body between quotes is what somebody wrote, and stays as it is.
       CASE WHEN (strpos(texts.said[1], '''::character varying') > 0
                  OR strpos(texts.said[1], ']::text[]') > 0
                  OR strpos(texts.said[1], '])::text[]') > 0) AND (
                     judged.classid IN ('pg_class'::regclass, 'pg_type'::regclass,
                                        'pg_publication'::regclass, 'pg_statistic_ext'::regclass)
                     OR judged.classid = 'pg_proc'::regclass AND EXISTS (
                         SELECT 1 FROM pg_proc
                         WHERE oid = judged.objid AND prosqlbody IS NOT NULL))
            THEN (
                SELECT spelled.words FROM (SELECT texts.said[1] AS said) given
                CROSS JOIN LATERAL (
{one_spelling}
                ) spelled)
            ELSE texts.said[1] END,
       CASE WHEN cardinality(judged.why) = 0 AND pair.together THEN ARRAY['follows']
            ELSE judged.why END,
       nullif(texts.said[2], '')
FROM judged
CROSS JOIN LATERAL pg_identify_object(judged.classid, judged.objid, 0) named
CROSS JOIN LATERAL (
    SELECT judged.classid = 'pg_class'::regclass
           AND judged.objid IN (SELECT kin.objid FROM kin) AS together) pair
-- OFFSET 0: worded once an object, not once a column that is taken from it.
CROSS JOIN LATERAL (SELECT {definitions} AS said OFFSET 0) texts
WHERE ($2 OR cardinality(judged.why) > 0 OR pair.together)
  AND named.schema IS DISTINCT FROM 'qt001_cp'
$live_object$;

CREATE FUNCTION qt001_cp.routine_words(routine oid) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
{wording}
AS $routine_words$
-- A routine's definition, as live_object words it where the body stands between quotes.
SELECT ({routine_words}) FROM pg_proc routine WHERE routine.oid = routine_words.routine
$routine_words$;

CREATE FUNCTION qt001_cp.routine_sha256(routine oid) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
{wording}
AS $routine_sha256$
-- The digest of it: worded here too, as a call for each routine costs as much again.
SELECT encode(sha256(convert_to(({routine_words}), 'UTF8')), 'hex')
FROM pg_proc routine WHERE routine.oid = routine_sha256.routine
$routine_sha256$;
