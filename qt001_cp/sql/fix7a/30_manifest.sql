-- Manifests: how they become candidates, how they are sealed, and what they say.

CREATE VIEW qt001_cp.v_event AS
SELECT seq, stage, at, actor, verb, subject, detail, prev, digest FROM qt001_cp.event;

CREATE FUNCTION qt001_cp.manifest_state()
RETURNS TABLE (
    digest text, kind text, state text, proposed_by name, sealed_by name, sealed_at timestamptz
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_state$
-- candidate, sealed, or superseded by a newer sealed one of the same kind: all from the events.
SELECT document.digest, document.kind,
       CASE WHEN seal.seq IS NULL THEN 'candidate'
            WHEN seal.seq = max(seal.seq) OVER (PARTITION BY document.kind) THEN 'sealed'
            ELSE 'superseded' END,
       proposal.actor, seal.actor, seal.at
FROM qt001_cp.document
LEFT JOIN LATERAL (
    SELECT event.seq, event.actor, event.at FROM qt001_cp.event
    WHERE event.verb = 'sealed' AND event.subject = document.digest
    ORDER BY event.seq DESC LIMIT 1) seal ON true
LEFT JOIN LATERAL (
    SELECT event.actor FROM qt001_cp.event
    WHERE event.verb = 'proposed' AND event.subject = document.digest
    ORDER BY event.seq LIMIT 1) proposal ON true
WHERE document.kind LIKE 'qt001.manifest.%'
$manifest_state$;

CREATE VIEW qt001_cp.v_manifest AS
SELECT digest, kind, state, proposed_by, sealed_by, sealed_at FROM qt001_cp.manifest_state();

CREATE FUNCTION qt001_cp.sealed(wanted_kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $sealed$
-- The digest of the sealed, not superseded manifest of a kind, such as qt001.manifest.object/1.
SELECT manifest.digest FROM qt001_cp.manifest_state() manifest
WHERE manifest.kind = wanted_kind AND manifest.state = 'sealed'
$sealed$;

CREATE FUNCTION qt001_cp.manifest_object(manifest text)
RETURNS TABLE (
    number bigint, kind text, identity text, schema text, name text, args jsonb, method text,
    disposition text, curated boolean, definition text, source text, follows text, detail jsonb,
    before jsonb, after jsonb, retired jsonb, ways jsonb
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_object$
SELECT entry.number, entry.object ->> 'kind', entry.object ->> 'identity',
       entry.object ->> 'schema', entry.object ->> 'name', nullif(entry.object -> 'args', 'null'),
       entry.object ->> 'method', entry.object ->> 'disposition',
       (entry.object ->> 'curated')::boolean, entry.object ->> 'definition',
       entry.object ->> 'source', entry.object ->> 'follows',
       nullif(entry.object -> 'detail', 'null'), entry.object -> 'before',
       nullif(entry.object -> 'after', 'null'), nullif(entry.object -> 'retired', 'null'),
       entry.object -> 'ways'
FROM qt001_cp.manifest_row entry WHERE entry.manifest = manifest_object.manifest
$manifest_object$;

CREATE FUNCTION qt001_cp.acl_set(acl jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $acl_set$
-- An ACL as a set: the order of its entries says nothing about what it allows.
SELECT coalesce(jsonb_agg(DISTINCT entry.value), '[]') FROM jsonb_array_elements(acl) entry
$acl_set$;

CREATE FUNCTION qt001_cp.column_acl_set(columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $column_acl_set$
SELECT coalesce(jsonb_agg(jsonb_build_array(item.value ->> 'column',
                                            qt001_cp.acl_set(item.value -> 'acl'))
                          ORDER BY item.value ->> 'column' COLLATE "C"), '[]')
FROM jsonb_array_elements(columns) item
$column_acl_set$;

CREATE FUNCTION qt001_cp.live_state(app name)
RETURNS TABLE (
    kind text, identity text, owner text, acl jsonb, columns jsonb, definition text, detail jsonb,
    why text[], present boolean
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $live_state$
SELECT live.kind, live.identity, live.owner, qt001_cp.acl_set(live.acl),
       qt001_cp.column_acl_set(live.columns),
       qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8')), live.detail, live.why, true
FROM qt001_cp.live_object(app) live
$live_state$;

CREATE FUNCTION qt001_cp.cast_hint(class oid, id oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $cast_hint$
-- Casts from or to a type, or the row type of a relation: whoever owns the other of the two types
-- may have made one.
SELECT 'Casts on it, which the owner of the other type may have made: '
       || string_agg(format('DROP CAST (%s AS %s);', format_type(castsource, NULL),
                            format_type(casttarget, NULL)), ' ' ORDER BY pg_cast.oid)
FROM pg_cast
WHERE pg_cast.oid >= 16384
  AND (SELECT CASE class WHEN 'pg_type'::regclass THEN id
                         WHEN 'pg_class'::regclass
                         THEN (SELECT reltype FROM pg_class WHERE pg_class.oid = id) END)
      IN (castsource, casttarget)
$cast_hint$;

CREATE FUNCTION qt001_cp.expected_object(manifest text, state text)
RETURNS TABLE (
    number bigint, kind text, identity text, transferred boolean, system boolean, definition text,
    owner text, acl jsonb, columns jsonb
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $expected_object$
-- The objects of a manifest as they have to be. state: 'before' the cutover, 'after' it, or
-- 'deployed' by FIX7c, when the sources of the apply path are new and the legacy authority is
-- retired.
WITH deployment AS (
    SELECT event.detail -> 'definitions' AS definitions FROM qt001_cp.event
    WHERE expected_object.state = 'deployed'
      AND event.verb = 'deployed' AND event.subject = expected_object.manifest
    ORDER BY event.seq DESC LIMIT 1
), redefined AS MATERIALIZED (
    -- Pairs, not an object: a key would have to be ASCII.
    SELECT jsonb_object_agg(pair.value ->> 0, pair.value ->> 1) AS definitions
    FROM deployment CROSS JOIN LATERAL jsonb_array_elements(deployment.definitions) pair
), object AS (
    SELECT entry.*, entry.disposition = 'transfer' AS transferred,
           CASE WHEN expected_object.state = 'before' OR entry.disposition <> 'transfer'
                THEN entry.before
                WHEN expected_object.state = 'deployed' THEN coalesce(entry.retired, entry.after)
                ELSE entry.after END AS expected
    FROM qt001_cp.manifest_object(manifest) entry
)
SELECT object.number, object.kind, object.identity, object.transferred,
       coalesce((object.detail ->> 'system')::boolean, false),
       coalesce(redefined.definitions ->> object.identity, object.definition),
       object.expected ->> 'owner', object.expected -> 'acl', object.expected -> 'columns'
FROM object CROSS JOIN redefined
$expected_object$;

CREATE FUNCTION qt001_cp.coverage_aspects(
    manifest text, state text, definitions boolean DEFAULT true
)
RETURNS TABLE (
    aspect text, transferred boolean, object text, expected text, found text, mend text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $coverage_aspects$
-- The live estate against the manifest, both ways. state: as in expected_object().
-- aspect: inventory (is it there), definition, or acl (owner, ACL, column ACLs).
-- Every object of the manifest is looked up whoever reaches it; what the manifest does not have
-- counts where the application role reaches it. definitions: whether to compare those too.
WITH wanted AS MATERIALIZED (
    SELECT object.* FROM qt001_cp.expected_object(manifest, state) object
), live AS MATERIALIZED (
    SELECT object.classid, object.objid, object.kind, object.identity, object.owner, object.acl,
           object.columns, object.why, true AS present,
           qt001_cp.sha256_hex(convert_to(object.definition, 'UTF8')) AS definition
    FROM qt001_cp.live_object(
        (qt001_cp.document_json(manifest) ->> 'application')::name, true, definitions) object
), pair AS (
    SELECT coalesce(wanted.kind, live.kind) AS kind,
           coalesce(wanted.identity, live.identity) AS identity,
           coalesce(wanted.transferred, false) AS transferred, wanted.system,
           wanted.kind IS NOT NULL AS in_manifest, live.present,
           wanted.kind IS NOT NULL AND live.present AS in_both,
           wanted.definition AS wanted_definition, wanted.owner AS wanted_owner,
           wanted.acl AS wanted_acl, wanted.columns AS wanted_columns,
           live.owner, live.acl, live.columns, live.definition, live.why, live.classid, live.objid
    FROM wanted FULL JOIN live ON live.kind = wanted.kind AND live.identity = wanted.identity
    WHERE wanted.kind IS NOT NULL OR cardinality(live.why) > 0
)
SELECT difference.aspect, pair.transferred, pair.kind || ' ' || pair.identity, difference.expected,
       difference.found, difference.mend
FROM pair CROSS JOIN LATERAL (
    SELECT 'inventory' AS aspect, 'an object of the manifest' AS expected,
           format('one that it does not name (%s)', array_to_string(pair.why, ', ')) AS found,
           'Classify it in the policy, then generate, diff and seal a new manifest.' AS mend
    WHERE NOT pair.in_manifest
    UNION ALL
    -- Default privileges that say nothing any more do not exist; the system's own objects count
    -- while the ACL names the application.
    SELECT 'inventory', 'the object of the manifest', 'no such object',
           'If it went for good, generate, diff and seal a new manifest.'
    WHERE pair.present IS NULL
      AND NOT (state <> 'before' AND pair.transferred
               AND (pair.kind = 'default acl' OR pair.system))
    UNION ALL
    SELECT 'definition', 'definition ' || pair.wanted_definition, 'definition ' || pair.definition,
           'See what changed (qt001-cp manifest diff); if it is meant, generate and seal a new '
           'manifest.' || coalesce(' ' || qt001_cp.cast_hint(pair.classid, pair.objid), '')
    WHERE pair.in_both AND pair.wanted_definition <> pair.definition
    UNION ALL
    SELECT 'acl', 'owner ' || pair.wanted_owner, 'owner ' || pair.owner,
           'Find out who changed it; then put it back, or generate and seal a new manifest.'
    WHERE pair.in_both AND pair.wanted_owner IS DISTINCT FROM pair.owner
    UNION ALL
    SELECT 'acl', 'ACL ' || qt001_cp.acl_set(pair.wanted_acl)::text,
           'ACL ' || qt001_cp.acl_set(pair.acl)::text,
           'Find out who granted it; then REVOKE it, or generate and seal a new manifest.'
    WHERE pair.in_both AND pair.wanted_acl <> pair.acl
      AND qt001_cp.acl_set(pair.wanted_acl) <> qt001_cp.acl_set(pair.acl)
    UNION ALL
    SELECT 'acl', 'column ACLs ' || qt001_cp.column_acl_set(pair.wanted_columns)::text,
           'column ACLs ' || qt001_cp.column_acl_set(pair.columns)::text,
           'Find out who granted it; then REVOKE it, or generate and seal a new manifest.'
    WHERE pair.in_both AND pair.wanted_columns <> pair.columns
      AND qt001_cp.column_acl_set(pair.wanted_columns) <> qt001_cp.column_acl_set(pair.columns)
) difference
ORDER BY 3, 4
$coverage_aspects$;

CREATE FUNCTION qt001_cp.coverage_findings(manifest text, state text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $coverage_findings$
SELECT 'QT102', difference.object, difference.expected, difference.found, difference.mend
FROM qt001_cp.coverage_aspects(manifest, state) difference
$coverage_findings$;

CREATE FUNCTION qt001_cp.transferred_findings(manifest text, state text, code text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $transferred_findings$
-- The same for the transferred objects alone, under another SQLSTATE.
SELECT code, difference.object, difference.expected, difference.found, difference.mend
FROM qt001_cp.coverage_aspects(manifest, state) difference WHERE difference.transferred
$transferred_findings$;

CREATE FUNCTION qt001_cp.raise_first(what text, findings jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $raise_first$
-- Raises the first of [{sqlstate, object, expected, found, mend}, ...]; the DETAIL lists the rest.
DECLARE
    first jsonb := findings -> 0;
BEGIN
    IF first IS NULL THEN
        RETURN;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = first ->> 'sqlstate',
        MESSAGE = format('%s refused: %s: expected %s, found %s', what, first ->> 'object',
                         first ->> 'expected', first ->> 'found'),
        DETAIL = (
            SELECT format('%s finding(s):', jsonb_array_length(findings)) || string_agg(
                       format(E'\n  [%s] %s: expected %s, found %s',
                              finding.value ->> 'sqlstate', finding.value ->> 'object',
                              finding.value ->> 'expected', finding.value ->> 'found'),
                       '' ORDER BY finding.position)
            FROM jsonb_array_elements(findings) WITH ORDINALITY finding(value, position)
            WHERE finding.position <= 20),
        HINT = first ->> 'mend';
END
$raise_first$;

CREATE FUNCTION qt001_cp.configure(policy bytea, build text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $configure$
-- FIX7a's own: records the policy and captures owners, ACLs and sources of the estate as they are.
DECLARE
    policy_digest text := qt001_cp.record_document(policy);
    objects jsonb;
    inventory text;
BEGIN
    PERFORM qt001_cp.record_event('configured', policy_digest, jsonb_build_object('build', build));
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'kind', live.kind, 'identity', live.identity, 'schema', live.schema, 'name', live.name,
        'args', live.args, 'method', live.method,
        'state', jsonb_build_object('owner', live.owner, 'acl', live.acl, 'columns', live.columns),
        'definition', qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8')),
        'follows', live.follows,
        'source', CASE WHEN live.kind IN ('function', 'procedure', 'aggregate', 'view',
                                          'materialized view') THEN live.definition END,
        'detail', live.detail, 'why', to_jsonb(live.why)
    ) ORDER BY live.kind COLLATE "C", live.identity COLLATE "C"), '[]') INTO objects
    FROM qt001_cp.live_object(qt001_cp.application_role()) live;
    inventory := qt001_cp.jcs(jsonb_build_object(
        'schema', 'qt001.inventory/1', 'database', current_database(),
        'server_version', current_setting('server_version_num')::int,
        'application', qt001_cp.application_role(), 'objects', objects));
    PERFORM qt001_cp.note_run_step('configure');
    RETURN qt001_cp.record_event(
        'captured', qt001_cp.record_document(convert_to(inventory, 'UTF8')),
        jsonb_build_object('policy', policy_digest));
END
$configure$;

CREATE FUNCTION qt001_cp.propose_manifest(body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $propose_manifest$
-- Level B, author: registers a candidate. Returns its digest.
DECLARE
    made text;
    kind text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_author');
    made := qt001_cp.record_document(body);
    SELECT document.kind INTO kind FROM qt001_cp.document WHERE document.digest = made LIMIT 1;
    IF kind NOT LIKE 'qt001.manifest.%' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202',
            MESSAGE = format('proposing refused: document %s: expected a manifest, found kind %s',
                             made, kind),
            HINT = 'Pass a file that qt001-cp manifest generate wrote.';
    END IF;
    PERFORM qt001_cp.record_event('proposed', made, '{}');
    RETURN made;
END
$propose_manifest$;

CREATE FUNCTION qt001_cp.same_person(one name, other name) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $same_person$
-- Whether two logins are one, or stand for one person in qt001_cp.person.
SELECT one = other OR EXISTS (
    SELECT 1 FROM qt001_cp.person first
    JOIN qt001_cp.person second ON lower(btrim(second.person)) = lower(btrim(first.person))
    WHERE first.login = one AND second.login = other)
$same_person$;

CREATE FUNCTION qt001_cp.require_candidate(manifest text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_candidate$
-- The manifest is a candidate of another person than the session's, and its bytes have its digest.
-- Returns its kind.
DECLARE
    candidate record;
BEGIN
    SELECT known.* INTO candidate
    FROM qt001_cp.manifest_state() known WHERE known.digest = manifest;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT101',
            MESSAGE = format('sealing refused: manifest %s: expected a candidate, found none',
                             manifest),
            HINT = 'The author proposes it first: qt001-cp manifest generate --propose.';
    END IF;
    IF candidate.state <> 'candidate' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = format('sealing refused: manifest %s: expected a candidate, found a %s one',
                             manifest, candidate.state),
            HINT = 'A sealed manifest is never changed; generate a new one.';
    END IF;
    IF qt001_cp.same_person(candidate.proposed_by, session_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107',
            MESSAGE = format('sealing refused: manifest %s: expected another person than its '
                             'author, found %s', manifest,
                             CASE WHEN candidate.proposed_by = session_user THEN session_user::text
                                  ELSE format('the person behind %s and %s', candidate.proposed_by,
                                              session_user) END),
            HINT = 'Let the operator seal what the author made.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.document
                   WHERE document.digest = manifest
                     AND document.digest = encode(sha256(document.body), 'hex')) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT203',
            MESSAGE = format('sealing refused: manifest %s: expected bytes with this digest, '
                             'found others', manifest),
            HINT = 'The ledger was edited: run qt001-cp verify.';
    END IF;
    RETURN candidate.kind;
END
$require_candidate$;

CREATE FUNCTION qt001_cp.require_own_manifest(manifest text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_own_manifest$
-- The object manifest was made for this database, and with the policy that FIX7a recorded.
DECLARE
    head jsonb := qt001_cp.document_json(manifest);
    policy text := (SELECT event.subject FROM qt001_cp.event
                    WHERE event.verb = 'configured' ORDER BY event.seq DESC LIMIT 1);
BEGIN
    IF head ->> 'database' <> current_database() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT121',
            MESSAGE = format('sealing refused: manifest %s: expected one for database %s, '
                             'found one for %s', manifest, current_database(), head ->> 'database'),
            HINT = 'Connect to the database that the manifest was generated from.';
    END IF;
    IF head ->> 'application' <> qt001_cp.application_role()
        OR head #>> '{policy,sha256}' IS DISTINCT FROM policy THEN
        RAISE EXCEPTION USING ERRCODE = 'QT206',
            MESSAGE = format('sealing refused: manifest %s: expected one made with policy %s, '
                             'as FIX7a recorded it, found policy %s', manifest, policy,
                             head #>> '{policy,sha256}'),
            HINT = 'Generate it with the policy that FIX7a was run with, or run FIX7a again with '
                   'the new one.';
    END IF;
END
$require_own_manifest$;

CREATE FUNCTION qt001_cp.seal_manifest(manifest text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $seal_manifest$
-- Level B, operator: seals a candidate after recomputing its digest, and, for an object manifest,
-- its coverage, its intent and its statements.
DECLARE
    kind text;
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    kind := qt001_cp.require_candidate(manifest);
    IF kind = 'qt001.manifest.object/1' THEN
        PERFORM qt001_cp.require_own_manifest(manifest);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.coverage_findings(manifest, 'before') finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.intent_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        PERFORM qt001_cp.implied_sha256(manifest, plan.direction)
        FROM (VALUES ('forward'), ('restore'), ('retire'), ('revive')) plan(direction);
    END IF;
    RETURN qt001_cp.record_event('sealed', manifest, jsonb_build_object('kind', kind));
END
$seal_manifest$;

CREATE FUNCTION qt001_cp.register_restore(manifest text, restore_sha256 text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $register_restore$
-- Level B, operator: registers the restore script of a sealed manifest by the sha256 of its
-- statements, one a line. The server renders the same statements from the manifest and compares.
DECLARE
    implied text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    implied := qt001_cp.implied_sha256(manifest, 'restore');
    IF qt001_cp.sealed('qt001.manifest.object/1') IS DISTINCT FROM manifest THEN
        RAISE EXCEPTION USING ERRCODE = 'QT101',
            MESSAGE = format('registering refused: manifest %s: expected the sealed object '
                             'manifest, found that %s is sealed', manifest,
                             coalesce(qt001_cp.sealed('qt001.manifest.object/1'), 'none')),
            HINT = 'Seal it first: qt001-cp manifest seal.';
    END IF;
    IF implied IS DISTINCT FROM restore_sha256 THEN
        RAISE EXCEPTION USING ERRCODE = 'QT103',
            MESSAGE = format('registering refused: restore script of manifest %s: expected '
                             'sha256 %s, found %s', manifest, implied, restore_sha256),
            HINT = 'Generate the restore script from this manifest again.';
    END IF;
    RETURN qt001_cp.record_event('restore_registered', manifest,
                                 jsonb_build_object('sha256', implied));
END
$register_restore$;

CREATE FUNCTION qt001_cp.record_rehearsal(body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $record_rehearsal$
-- Level B, operator: records what PostgreSQL answered in a no-go rehearsal of exactly one manifest.
-- It decides nothing: qt001_cp.rehearsal_findings() reads the cases.
DECLARE
    made text;
    rehearsal jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    made := qt001_cp.record_document(body);
    rehearsal := qt001_cp.document_json(made);
    IF rehearsal ->> 'schema' <> 'qt001.rehearsal/1' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202',
            MESSAGE = format('recording refused: document %s: expected a rehearsal record '
                             '(qt001.rehearsal/1), found kind %s', made, rehearsal ->> 'schema'),
            HINT = 'Pass the nogo.json of qt001-cp rehearse.';
    END IF;
    PERFORM qt001_cp.raise_first('recording', (
        SELECT jsonb_agg(to_jsonb(finding)) FROM qt001_cp.record_findings(rehearsal) finding));
    RETURN qt001_cp.record_event('rehearsal_recorded', rehearsal ->> 'manifest',
                                 jsonb_build_object('document', made));
END
$record_rehearsal$;
