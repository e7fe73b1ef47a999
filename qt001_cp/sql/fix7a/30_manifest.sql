-- Manifests: how they become candidates, how they are sealed, and what they say.

CREATE VIEW qt001_cp.v_event AS
SELECT e.seq, e.stage, e.at, e.actor, e.verb, e.subject, e.detail, e.prev, e.digest FROM qt001_cp.event e;

CREATE FUNCTION qt001_cp.manifest_state()
RETURNS TABLE (digest text, kind text, state text, proposed_by name, sealed_by name, sealed_at timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_state$
-- candidate, sealed, or superseded by a newer sealed one of the same kind: all from the events.
SELECT d.digest, d.kind,
       CASE WHEN s.seq IS NULL THEN 'candidate'
            WHEN s.seq = max(s.seq) OVER (PARTITION BY d.kind) THEN 'sealed'
            ELSE 'superseded' END,
       p.actor, s.actor, s.at
FROM qt001_cp.document d
LEFT JOIN LATERAL (SELECT e.seq, e.actor, e.at FROM qt001_cp.event e
                   WHERE e.verb = 'sealed' AND e.subject = d.digest ORDER BY e.seq DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT e.actor FROM qt001_cp.event e
                   WHERE e.verb = 'proposed' AND e.subject = d.digest ORDER BY e.seq LIMIT 1) p ON true
WHERE d.kind LIKE 'qt001.manifest.%'
$manifest_state$;

CREATE VIEW qt001_cp.v_manifest AS
SELECT m.digest, m.kind, m.state, m.proposed_by, m.sealed_by, m.sealed_at FROM qt001_cp.manifest_state() m;

CREATE FUNCTION qt001_cp.sealed(wanted_kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $sealed$
-- The digest of the sealed, not superseded manifest of a kind, such as qt001.manifest.object/1.
SELECT m.digest FROM qt001_cp.manifest_state() m WHERE m.kind = wanted_kind AND m.state = 'sealed'
$sealed$;

CREATE FUNCTION qt001_cp.manifest_object(manifest text)
RETURNS TABLE (
    number bigint, kind text, identity text, schema text, name text, args jsonb, method text, disposition text, curated boolean,
    definition text, source text, follows text, detail jsonb, before jsonb, after jsonb, retired jsonb, ways jsonb
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_object$
SELECT o.number, o.object ->> 'kind', o.object ->> 'identity', o.object ->> 'schema', o.object ->> 'name',
       nullif(o.object -> 'args', 'null'), o.object ->> 'method', o.object ->> 'disposition', (o.object ->> 'curated')::boolean,
       o.object ->> 'definition', o.object ->> 'source', o.object ->> 'follows', nullif(o.object -> 'detail', 'null'),
       o.object -> 'before', nullif(o.object -> 'after', 'null'), nullif(o.object -> 'retired', 'null'), o.object -> 'ways'
FROM qt001_cp.manifest_row o WHERE o.manifest = manifest_object.manifest
$manifest_object$;

CREATE FUNCTION qt001_cp.acl_set(acl jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $acl_set$
-- An ACL as a set: the order of its entries says nothing about what it allows.
SELECT coalesce(jsonb_agg(DISTINCT i.value), '[]') FROM jsonb_array_elements(acl) i
$acl_set$;

CREATE FUNCTION qt001_cp.column_acl_set(columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $column_acl_set$
SELECT coalesce(jsonb_agg(jsonb_build_array(c.value ->> 'column', qt001_cp.acl_set(c.value -> 'acl'))
                          ORDER BY c.value ->> 'column' COLLATE "C"), '[]')
FROM jsonb_array_elements(columns) c
$column_acl_set$;

CREATE FUNCTION qt001_cp.live_state(app name)
RETURNS TABLE (
    kind text, identity text, owner text, acl jsonb, columns jsonb, definition text, detail jsonb, why text[], present boolean
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $live_state$
SELECT l.kind, l.identity, l.owner, qt001_cp.acl_set(l.acl), qt001_cp.column_acl_set(l.columns),
       qt001_cp.sha256_hex(convert_to(l.definition, 'UTF8')), l.detail, l.why, true
FROM qt001_cp.live_object(app) l
$live_state$;

CREATE FUNCTION qt001_cp.cast_hint(class oid, id oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $cast_hint$
-- Casts from or to a type, or the row type of a relation: whoever owns the other of the two types may have made one.
SELECT 'Casts on it, which the owner of the other type may have made: ' || string_agg(format('DROP CAST (%s AS %s);', format_type(k.castsource, NULL), format_type(k.casttarget, NULL)), ' ' ORDER BY k.oid)
FROM pg_cast k
WHERE k.oid >= 16384 AND (SELECT CASE class WHEN 'pg_type'::regclass THEN id
                                 WHEN 'pg_class'::regclass THEN (SELECT c.reltype FROM pg_class c WHERE c.oid = id) END) IN (k.castsource, k.casttarget)
$cast_hint$;

CREATE FUNCTION qt001_cp.coverage_aspects(manifest text, moment text, definitions boolean DEFAULT true)
RETURNS TABLE (aspect text, transferred boolean, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $coverage_aspects$
-- The live estate against the manifest, both ways. moment: 'before' the cutover, 'after' it, or 'deployed' by FIX7c,
-- when the sources of the apply path are new and the legacy authority is retired.
-- aspect: inventory (is it there), definition, or acl (owner, ACL, column ACLs).
-- Every object of the manifest is looked up whoever reaches it; what the manifest does not have counts where the
-- application role reaches it. definitions: whether to compare those too.
DECLARE
    app name := (qt001_cp.document_json(manifest) ->> 'application')::name;
    redefined jsonb := '{}';
BEGIN
    IF moment = 'deployed' THEN
        -- Pairs, not an object: a key would have to be ASCII.
        SELECT jsonb_object_agg(d.value ->> 0, d.value ->> 1) INTO redefined
        FROM (SELECT e.detail FROM qt001_cp.event e WHERE e.verb = 'deployed' AND e.subject = manifest ORDER BY e.seq DESC LIMIT 1) e,
             jsonb_array_elements(e.detail -> 'definitions') d;
    END IF;
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT o.*, o.disposition = 'transfer' AS moved, coalesce(redefined ->> o.identity, o.definition) AS definition_now,
               CASE WHEN moment = 'before' OR o.disposition <> 'transfer' THEN o.before
                    WHEN moment = 'deployed' THEN coalesce(o.retired, o.after)
                    ELSE o.after END AS state
        FROM qt001_cp.manifest_object(manifest) o
    ), live AS MATERIALIZED (
        SELECT l.classid, l.objid, l.kind, l.identity, l.owner, l.acl, l.columns, l.why, true AS present,
               qt001_cp.sha256_hex(convert_to(l.definition, 'UTF8')) AS definition
        FROM qt001_cp.live_object(app, true, definitions) l
    ), pair AS (
        SELECT coalesce(w.kind, l.kind) AS the_kind, coalesce(w.identity, l.identity) AS the_identity,
               coalesce(w.moved, false) AS moved, w.state, w.definition_now, (w.detail ->> 'system')::boolean AS system,
               w.kind IS NOT NULL AS in_manifest, l.present, l.owner, l.acl, l.columns, l.definition, l.why, l.classid, l.objid
        FROM wanted w FULL JOIN live l ON l.kind = w.kind AND l.identity = w.identity
        WHERE w.kind IS NOT NULL OR cardinality(l.why) > 0
    )
    SELECT d.aspect, p.moved, p.the_kind || ' ' || p.the_identity, d.expected, d.found, d.mend
    FROM pair p CROSS JOIN LATERAL (
        SELECT 'inventory'::text AS aspect, 'not in the estate, or named in the manifest'::text AS expected,
               format('in the estate (%s), not in the manifest', array_to_string(p.why, ', ')) AS found,
               'Classify it in the policy, then generate, diff and seal a new manifest.'::text AS mend
        WHERE NOT p.in_manifest
        UNION ALL
        -- Default privileges that say nothing any more do not exist; the system's own objects count while the ACL names
        -- the application.
        SELECT 'inventory', 'present', 'missing', 'If it went for good, generate, diff and seal a new manifest.'
        WHERE p.present IS NULL AND NOT (moment <> 'before' AND p.moved AND (p.the_kind = 'default acl' OR coalesce(p.system, false)))
        UNION ALL
        SELECT 'definition', 'definition ' || p.definition_now, 'definition ' || p.definition,
               'See what changed (qt001-cp manifest diff); if it is meant, generate and seal a new manifest.'
               || coalesce(' ' || qt001_cp.cast_hint(p.classid, p.objid), '')
        WHERE p.in_manifest AND p.present AND p.definition_now <> p.definition
        UNION ALL
        SELECT 'acl', 'owner ' || (p.state ->> 'owner'), 'owner ' || p.owner, 'See who changed it; then put it back or seal a new manifest.'
        WHERE p.in_manifest AND p.present AND p.state ->> 'owner' IS DISTINCT FROM p.owner
        UNION ALL
        SELECT 'acl', 'ACL ' || qt001_cp.acl_set(p.state -> 'acl')::text, 'ACL ' || qt001_cp.acl_set(p.acl)::text,
               'See who granted it; then REVOKE it or seal a new manifest.'
        WHERE p.in_manifest AND p.present AND p.state -> 'acl' <> p.acl AND qt001_cp.acl_set(p.state -> 'acl') <> qt001_cp.acl_set(p.acl)
        UNION ALL
        SELECT 'acl', 'column ACLs ' || qt001_cp.column_acl_set(p.state -> 'columns')::text,
               'column ACLs ' || qt001_cp.column_acl_set(p.columns)::text, 'See who granted it; then REVOKE it or seal a new manifest.'
        WHERE p.in_manifest AND p.present AND p.state -> 'columns' <> p.columns
          AND qt001_cp.column_acl_set(p.state -> 'columns') <> qt001_cp.column_acl_set(p.columns)
    ) d
    ORDER BY 3, 4;
END
$coverage_aspects$;

CREATE FUNCTION qt001_cp.coverage_findings(manifest text, moment text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $coverage_findings$
SELECT 'QT102', c.object, c.expected, c.found, c.mend FROM qt001_cp.coverage_aspects(manifest, moment) c
$coverage_findings$;

CREATE FUNCTION qt001_cp.transferred_findings(manifest text, moment text, code text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $transferred_findings$
-- The same for the transferred objects alone, under another SQLSTATE.
SELECT code, c.object, c.expected, c.found, c.mend FROM qt001_cp.coverage_aspects(manifest, moment) c WHERE c.transferred
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
        MESSAGE = format('%s refused: %s: expected %s, found %s', what, first ->> 'object', first ->> 'expected', first ->> 'found'),
        DETAIL = (SELECT format('%s finding(s):', jsonb_array_length(findings)) || string_agg(format(E'\n  [%s] %s: expected %s, found %s',
                      f.value ->> 'sqlstate', f.value ->> 'object', f.value ->> 'expected', f.value ->> 'found'), '' ORDER BY f.ord)
                  FROM jsonb_array_elements(findings) WITH ORDINALITY f(value, ord) WHERE f.ord <= 20),
        HINT = first ->> 'mend';
END
$raise_first$;

CREATE FUNCTION qt001_cp.configure(policy bytea, build text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $configure$
-- FIX7a's own: records the policy and captures owners, ACLs and sources of the estate as they are now.
DECLARE
    policy_digest text := qt001_cp.record_document(policy);
    inventory bytea;
BEGIN
    PERFORM qt001_cp.record_event('configured', policy_digest, jsonb_build_object('build', build));
    SELECT convert_to(qt001_cp.jcs(jsonb_build_object(
        'schema', 'qt001.inventory/1', 'database', current_database(),
        'server_version', current_setting('server_version_num')::int, 'application', qt001_cp.application_role(),
        'objects', coalesce(jsonb_agg(jsonb_build_object(
            'kind', l.kind, 'identity', l.identity, 'schema', l.schema, 'name', l.name, 'args', l.args, 'method', l.method,
            'state', jsonb_build_object('owner', l.owner, 'acl', l.acl, 'columns', l.columns),
            'definition', qt001_cp.sha256_hex(convert_to(l.definition, 'UTF8')), 'follows', l.follows,
            'source', CASE WHEN l.kind IN ('function', 'procedure', 'aggregate', 'view', 'materialized view') THEN l.definition END,
            'detail', l.detail, 'why', to_jsonb(l.why)) ORDER BY l.kind COLLATE "C", l.identity COLLATE "C"), '[]'))), 'UTF8')
    INTO inventory
    FROM qt001_cp.live_object(qt001_cp.application_role()) l;
    PERFORM qt001_cp.note_run_step('configure');
    RETURN qt001_cp.record_event('captured', qt001_cp.record_document(inventory), jsonb_build_object('policy', policy_digest));
END
$configure$;

CREATE FUNCTION qt001_cp.propose_manifest(body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $propose_manifest$
-- Level B, author: registers a candidate. Returns its digest.
DECLARE
    made text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_author');
    made := qt001_cp.record_document(body);
    IF (SELECT d.kind FROM qt001_cp.document d WHERE d.digest = made LIMIT 1) NOT LIKE 'qt001.manifest.%' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = 'the document is no manifest',
            HINT = 'Pass a file that qt001-cp manifest generate wrote.';
    END IF;
    PERFORM qt001_cp.record_event('proposed', made, '{}');
    RETURN made;
END
$propose_manifest$;

CREATE FUNCTION qt001_cp.seal_manifest(manifest text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $seal_manifest$
-- Level B, operator: seals a candidate after recomputing its digest, and, for an object manifest, its coverage.
DECLARE
    state record;
    findings jsonb;
    doc jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT m.* INTO state FROM qt001_cp.manifest_state() m WHERE m.digest = manifest;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT101', MESSAGE = format('no candidate manifest has the digest %s', manifest),
            HINT = 'The author proposes it first: qt001-cp manifest generate --propose.';
    END IF;
    IF state.state <> 'candidate' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204', MESSAGE = format('manifest %s is %s already', manifest, state.state),
            HINT = 'A sealed manifest is never changed; generate a new one.';
    END IF;
    IF state.proposed_by = session_user OR EXISTS (
            SELECT 1 FROM qt001_cp.person a JOIN qt001_cp.person b ON lower(btrim(b.person)) = lower(btrim(a.person))
            WHERE a.login = state.proposed_by AND b.login = session_user) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT107', MESSAGE = format('%s proposed this manifest and cannot seal it',
                CASE WHEN state.proposed_by = session_user THEN session_user::text
                     ELSE format('the person behind %s and %s', state.proposed_by, session_user) END),
            HINT = 'Let the operator seal what the author made.';
    END IF;
    PERFORM 1 FROM qt001_cp.document d WHERE d.digest = manifest AND d.digest = encode(sha256(d.body), 'hex');
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT203', MESSAGE = format('the stored bytes of %s do not have that digest', manifest),
            HINT = 'Run qt001-cp verify: the ledger was edited.';
    END IF;
    doc := qt001_cp.document_json(manifest);
    IF state.kind = 'qt001.manifest.object/1' THEN
        IF doc ->> 'database' <> current_database() THEN
            RAISE EXCEPTION USING ERRCODE = 'QT121',
                MESSAGE = format('the manifest is for database %s, this is %s', doc ->> 'database', current_database()),
                HINT = 'Connect to the database that the manifest was generated from.';
        END IF;
        IF doc ->> 'application' <> qt001_cp.application_role() OR doc #>> '{policy,sha256}' IS DISTINCT FROM (
                SELECT e.subject FROM qt001_cp.event e WHERE e.verb = 'configured' ORDER BY e.seq DESC LIMIT 1) THEN
            RAISE EXCEPTION USING ERRCODE = 'QT206',
                MESSAGE = format('the manifest was made with policy %s, FIX7a recorded another', doc #>> '{policy,sha256}'),
                HINT = 'Generate it with the policy that FIX7a was run with, or run FIX7a again with the new one.';
        END IF;
        SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.coverage_findings(manifest, 'before') f;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(f)) INTO findings FROM qt001_cp.intent_findings(manifest) f;
        PERFORM qt001_cp.raise_first('sealing', findings);
        PERFORM qt001_cp.implied_sha256(manifest, w.direction) FROM (VALUES ('forward'), ('restore'), ('retire'), ('revive')) w(direction);
    END IF;
    RETURN qt001_cp.record_event('sealed', manifest, jsonb_build_object('kind', state.kind));
END
$seal_manifest$;

CREATE FUNCTION qt001_cp.register_restore(manifest text, restore_sha256 text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $register_restore$
-- Level B, operator: registers the restore script of a sealed manifest by the sha256 of its statements, one a line.
-- The server renders the same statements from the manifest and compares.
DECLARE
    implied text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    implied := qt001_cp.implied_sha256(manifest, 'restore');
    IF qt001_cp.sealed('qt001.manifest.object/1') IS DISTINCT FROM manifest THEN
        RAISE EXCEPTION USING ERRCODE = 'QT101', MESSAGE = format('%s is not the sealed object manifest', manifest),
            HINT = 'Seal it first: qt001-cp manifest seal.';
    END IF;
    IF implied IS DISTINCT FROM restore_sha256 THEN
        RAISE EXCEPTION USING ERRCODE = 'QT103',
            MESSAGE = format('the restore script %s is not what manifest %s implies (%s)', restore_sha256, manifest, implied),
            HINT = 'Generate the restore script from this manifest again.';
    END IF;
    RETURN qt001_cp.record_event('restore_registered', manifest, jsonb_build_object('sha256', implied));
END
$register_restore$;

CREATE FUNCTION qt001_cp.record_rehearsal(body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $record_rehearsal$
-- Level B, operator: records what PostgreSQL answered in a no-go rehearsal of exactly one manifest. It judges itself
-- nothing: qt001_cp.rehearsal_findings reads the cases.
DECLARE
    made text;
    doc jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    made := qt001_cp.record_document(body);
    doc := qt001_cp.document_json(made);
    IF doc ->> 'schema' <> 'qt001.rehearsal/1' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = format('%s is no rehearsal record', doc ->> 'schema'),
            HINT = 'Pass the nogo.json of qt001-cp rehearse.';
    END IF;
    PERFORM qt001_cp.raise_first('recording', (SELECT jsonb_agg(to_jsonb(finding)) FROM qt001_cp.record_findings(doc) finding));
    RETURN qt001_cp.record_event('rehearsal_recorded', doc ->> 'manifest', jsonb_build_object('document', made));
END
$record_rehearsal$;
