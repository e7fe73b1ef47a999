-- Who could give the application back what the cutover takes: grant options and default privileges
-- of other roles. The policy decides whom it trusts ([[trusted_grantor]]).

CREATE FUNCTION qt001_cp.trusted_grantor(manifest text) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $trusted_grantor$
-- The roles that the policy trusts. What the new owner makes is the control plane's matter.
SELECT trusted.value ->> 'role'
FROM jsonb_array_elements(qt001_cp.manifest_policy(manifest) -> 'trusted_grantor') trusted
WHERE trusted.value ->> 'role' <> 'qt001_cp_owner'
$trusted_grantor$;

CREATE FUNCTION qt001_cp.held_after(manifest text)
RETURNS TABLE (kind text, identity text, owner text, attribute text, grantee text, privilege text,
               grantable boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $held_after$
-- Every ACL entry that the manifest leaves on what is transferred; attribute: the column, or NULL;
-- grantee: NULL for PUBLIC.
SELECT object.kind, object.identity, object.after ->> 'owner', acl.attribute, acl.entry ->> 1,
       acl.entry ->> 2, (acl.entry ->> 3)::boolean
FROM qt001_cp.manifest_object(manifest) object
CROSS JOIN LATERAL (
    SELECT NULL::text AS attribute, jsonb_array_elements(object.after -> 'acl') AS entry
    UNION ALL
    SELECT of_column ->> 'column', jsonb_array_elements(of_column -> 'acl')
    FROM jsonb_array_elements(object.after -> 'columns') of_column) acl
WHERE object.disposition = 'transfer' AND object.kind <> 'default acl'
$held_after$;

CREATE FUNCTION qt001_cp.grant_option_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $grant_option_findings$
-- One finding a role: who holds something WITH GRANT OPTION may pass it on after the cutover. The
-- owner of an object and a superuser need none.
WITH passed_on AS (
    SELECT held.grantee, held.kind || ' ' || held.identity AS object,
           string_agg(concat(held.privilege, ' (' || quote_ident(held.attribute) || ')'), ', '
                      ORDER BY held.attribute NULLS FIRST, held.privilege) AS privileges,
           kind.grant_noun, held.identity
    FROM qt001_cp.held_after(manifest) held
    JOIN qt001_cp.object_kind kind ON kind.kind = held.kind
    WHERE held.grantable AND held.grantee <> held.owner
      AND held.grantee NOT IN (SELECT rolname FROM pg_roles WHERE rolsuper)
      AND held.grantee NOT IN (SELECT qt001_cp.trusted_grantor(manifest))
    GROUP BY held.grantee, held.kind, held.identity, kind.grant_noun
), counted AS (
    SELECT passed_on.*, count(*) OVER (PARTITION BY passed_on.grantee) - 1 AS more,
           row_number() OVER (PARTITION BY passed_on.grantee
                              ORDER BY passed_on.object COLLATE "C") AS place
    FROM passed_on
)
SELECT 'QT108', 'role ' || counted.grantee,
       'no grant option on what is transferred, or one that the policy trusts with it',
       format('%s on %s WITH GRANT OPTION', counted.privileges, counted.object)
       || CASE WHEN counted.more > 0 THEN format(', and on %s objects more', counted.more)
               ELSE '' END,
       format('REVOKE GRANT OPTION FOR %s ON %s %s FROM %I CASCADE; -- or say in the policy why '
              'it is trusted: [[trusted_grantor]] with role = %s; then generate and seal again',
              counted.privileges, counted.grant_noun, counted.identity, counted.grantee,
              to_json(counted.grantee))
FROM counted WHERE counted.place = 1
$grant_option_findings$;

CREATE FUNCTION qt001_cp.default_privilege_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $default_privilege_findings$
-- Default privileges by which the application or PUBLIC gets what a role makes from now on, where
-- that role could hand on something protected: it owns or holds some of it, reads all data, or is a
-- superuser. What a manifest takes away is not a finding, nor what PUBLIC has by default.
WITH app_oid AS MATERIALIZED (
    SELECT qt001_cp.application_role_oids(app) AS oid
), planted AS MATERIALIZED (
    SELECT defaults.oid, defaults.defaclrole, owner.rolname, owner.rolsuper,
           string_agg(DISTINCT entry.privilege_type || ' for '
                      || CASE entry.grantee WHEN 0 THEN 'PUBLIC'
                              ELSE quote_ident(pg_get_userbyid(entry.grantee)) END, ', ') AS given
    FROM pg_default_acl defaults JOIN pg_roles owner ON owner.oid = defaults.defaclrole
    CROSS JOIN LATERAL aclexplode(defaults.defaclacl) entry
    WHERE defaults.defaclrole NOT IN (SELECT app_oid.oid FROM app_oid)
      AND (entry.grantee = 0 OR entry.grantee IN (SELECT app_oid.oid FROM app_oid))
      AND NOT (entry.grantee = 0 AND defaults.defaclnamespace = 0
               AND defaults.defaclobjtype IN ('f', 'T'))
    GROUP BY defaults.oid, defaults.defaclrole, owner.rolname, owner.rolsuper
), holder AS MATERIALIZED (
    SELECT DISTINCT held.grantee AS name FROM qt001_cp.held_after(manifest) held
    WHERE held.grantee IS NOT NULL
)
SELECT 'QT108', named.type || ' ' || named.identity,
       format('nothing for %s or PUBLIC, or a role that the policy trusts', app), planted.given,
       'Add a rule that transfers it, which takes that away, or say in the policy why it is '
       || format('trusted: [[trusted_grantor]] with role = %s; then generate and seal again.',
                 to_json(planted.rolname))
FROM planted CROSS JOIN LATERAL pg_identify_object('pg_default_acl'::regclass, planted.oid, 0) named
WHERE (planted.rolsuper OR EXISTS (
          SELECT 1 FROM qt001_cp.member_of(planted.rolname) role
          WHERE role = 'qt001_cp_owner' OR role ~ '^pg_(read|write)_all_data$'
             OR role::text IN (SELECT holder.name FROM holder)))
  AND planted.rolname NOT IN (SELECT qt001_cp.trusted_grantor(manifest))
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.manifest_object(manifest) object
                  WHERE object.disposition = 'transfer' AND object.kind = 'default acl'
                    AND object.identity = named.identity)
$default_privilege_findings$;

CREATE FUNCTION qt001_cp.give_back_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $give_back_findings$
SELECT finding.* FROM qt001_cp.grant_option_findings(manifest) finding
UNION ALL
SELECT finding.* FROM qt001_cp.default_privilege_findings(
    manifest, (qt001_cp.document_json(manifest) ->> 'application')::name) finding
$give_back_findings$;

CREATE FUNCTION qt001_cp.beside_application_findings(manifest text, app name)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $beside_application_findings$
-- Whoever can become the application holds nothing else on what is transferred, by whatever role:
-- one session has both. One finding a role that holds it, however many can take both places.
WITH beside AS MATERIALIZED (
    SELECT listed.* FROM qt001_cp.role_beside_application(app) listed
), holding AS (
    SELECT held.grantee AS role,
           format('%s on %s', min(held.privilege), min(held.kind || ' ' || held.identity))
           || CASE WHEN count(*) > 1 THEN format(', and %s privileges more', count(*) - 1)
                   ELSE '' END AS what
    FROM qt001_cp.held_after(manifest) held
    WHERE held.grantee IN (SELECT beside.role::text FROM beside)
    GROUP BY held.grantee
    UNION ALL
    SELECT beside.role::text, 'what the role may do to everything'
    FROM beside JOIN pg_roles ON pg_roles.rolname = beside.role
    WHERE pg_roles.rolsuper OR beside.role IN ('qt001_cp_owner', 'qt001_cp_ledger')
       OR beside.role IN ('pg_read_all_data', 'pg_write_all_data', 'pg_maintain',
                          'pg_execute_server_program', 'pg_read_server_files',
                          'pg_write_server_files')
)
SELECT 'QT108', 'role ' || beside.role,
       format('nothing beside %s for a role that can become it', app),
       format('%s; %s%s can become both', holding.what, quote_ident(beside.taken_by),
              CASE WHEN beside.others > 0 THEN format(' and %s others', beside.others)
                   ELSE '' END),
       CASE WHEN beside.taken_by = beside.role
            THEN format('REVOKE %I FROM %I; -- or the role in between; or what it holds itself',
                        app, beside.role)
            ELSE format('REVOKE %I FROM %I; -- or %I, or the role in between',
                        beside.role, beside.taken_by, app) END
FROM holding JOIN beside ON beside.role = holding.role::name
$beside_application_findings$;
