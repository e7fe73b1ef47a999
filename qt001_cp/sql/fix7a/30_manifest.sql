-- Manifests: how they become candidates, how they are sealed, and what they say.

CREATE VIEW qt001_cp.v_event AS
SELECT seq, epoch, at, actor, verb, subject, detail, prev, digest FROM qt001_cp.event;

CREATE FUNCTION qt001_cp.put_in_force()
RETURNS TABLE (kind text, digest text, seq bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $put_in_force$
-- What the last cutover, deployment or change put in force, and by which event, as long as it was
-- not taken back: the object manifest, and since FIX7c the documents that its event names. What no
-- event has sealed is not in force.
SELECT named.kind, named.digest, named.seq FROM (
    (SELECT 'qt001.manifest.object/1' AS kind, event.subject AS digest, event.seq
     FROM qt001_cp.event
     WHERE event.verb IN ('cutover', 'deployed', 'succeeded') AND qt001_cp.stage() <> 'fix7a'
     ORDER BY event.seq DESC LIMIT 1)
    UNION ALL
    SELECT part.key, part.value, deployment.seq
    FROM qt001_cp.deployment() deployment
    CROSS JOIN LATERAL jsonb_each_text(deployment.detail -> 'documents') part
    WHERE qt001_cp.stage() = 'fix7c') named
WHERE EXISTS (SELECT 1 FROM qt001_cp.event
              WHERE event.verb = 'sealed' AND event.subject = named.digest)
$put_in_force$;

CREATE FUNCTION qt001_cp.in_force(wanted_kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $in_force$
-- The digest of the deployed manifest of a kind, such as qt001.manifest.object/1: gates, subject,
-- drift and the way back follow it, whatever is sealed beside it.
SELECT known.digest FROM qt001_cp.put_in_force() known WHERE known.kind = wanted_kind
$in_force$;

CREATE FUNCTION qt001_cp.manifest_state()
RETURNS TABLE (
    digest text, kind text, state text, proposed_by name, sealed_by name, sealed_at timestamptz
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_state$
-- All from the events: candidate; sealed, which waits to be deployed, for the first time or again
-- after it was taken back; deployed; superseded by another that was deployed since it was sealed;
-- withdrawn. What is proposed again after it was withdrawn is a
-- candidate again: the same database and policy give the same manifest.
SELECT document.digest, document.kind,
       CASE WHEN force.digest = document.digest THEN 'deployed'
            WHEN answer.verb IS NULL THEN 'candidate'
            WHEN answer.verb = 'withdrawn' AND proposal.seq > answer.seq THEN 'candidate'
            WHEN answer.verb = 'withdrawn' THEN 'withdrawn'
            WHEN EXISTS (
                SELECT 1 FROM qt001_cp.event later
                WHERE later.verb IN ('cutover', 'deployed', 'succeeded')
                  AND later.seq > answer.seq
                  -- A change that was taken back waits to be made again.
                  AND later.detail ->> 'takes_back' IS DISTINCT FROM document.digest
                  AND CASE document.kind WHEN 'qt001.manifest.object/1' THEN later.subject
                      ELSE later.detail #>> ARRAY['documents', document.kind] END
                      <> document.digest) THEN 'superseded'
            ELSE 'sealed' END,
       proposal.actor, seal.actor, seal.at
FROM qt001_cp.document
LEFT JOIN qt001_cp.put_in_force() force ON force.kind = document.kind
LEFT JOIN LATERAL (
    SELECT event.seq, event.verb FROM qt001_cp.event
    WHERE event.verb IN ('sealed', 'withdrawn') AND event.subject = document.digest
    ORDER BY event.seq DESC LIMIT 1) answer ON true
LEFT JOIN LATERAL (
    SELECT event.actor, event.at FROM qt001_cp.event
    WHERE event.verb = 'sealed' AND event.subject = document.digest
    ORDER BY event.seq DESC LIMIT 1) seal ON true
LEFT JOIN LATERAL (
    SELECT max(event.seq) AS seq, (array_agg(event.actor ORDER BY event.seq))[1] AS actor
    FROM qt001_cp.event
    WHERE event.verb = 'proposed' AND event.subject = document.digest) proposal ON true
WHERE document.kind LIKE 'qt001.manifest.%'
$manifest_state$;

CREATE VIEW qt001_cp.v_manifest AS
SELECT digest, kind, state, proposed_by, sealed_by, sealed_at FROM qt001_cp.manifest_state();

CREATE FUNCTION qt001_cp.sealed(wanted_kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $sealed$
-- The digest of the one manifest of a kind that is sealed and waits to be deployed.
SELECT manifest.digest FROM qt001_cp.manifest_state() manifest
WHERE manifest.kind = wanted_kind AND manifest.state = 'sealed'
ORDER BY manifest.sealed_at DESC LIMIT 1
$sealed$;

CREATE FUNCTION qt001_cp.reference_manifest() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $reference_manifest$
-- The object manifest that the live database is compared with: the deployed one, and before the
-- cutover the one that is sealed for it.
SELECT coalesce(qt001_cp.in_force('qt001.manifest.object/1'),
                qt001_cp.sealed('qt001.manifest.object/1'))
$reference_manifest$;

CREATE FUNCTION qt001_cp.manifest_object(manifest text)
RETURNS TABLE (
    number bigint, kind text, identity text, schema text, name text, args jsonb, method text,
    disposition text, curated boolean, definition text, follows text, detail jsonb,
    before jsonb, after jsonb, retired jsonb, ways jsonb, storage text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $manifest_object$
-- Each object is unpacked once: a long one is compressed, and every operator would unpack it anew.
SELECT entry.number, said.*
FROM qt001_cp.manifest_row entry
CROSS JOIN LATERAL jsonb_to_record(
    CASE jsonb_typeof(entry.object) WHEN 'object' THEN entry.object ELSE '{}' END) said(
    kind text, identity text, schema text, name text, args jsonb, method text,
    disposition text, curated boolean, definition text, follows text, detail jsonb,
    before jsonb, after jsonb, retired jsonb, ways jsonb, storage text)
WHERE entry.manifest = manifest_object.manifest
$manifest_object$;

CREATE FUNCTION qt001_cp.has_apply_path(manifest text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $has_apply_path$
-- Whether the policy of a manifest has an apply path; what speaks of one asks here. NULL, or what
-- no document says: as if there were one.
SELECT coalesce(qt001_cp.document_json(manifest) -> 'apply_path' <> 'null', true)
$has_apply_path$;

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

CREATE FUNCTION qt001_cp.acl_lines(acl jsonb, column_name text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $acl_lines$
-- The entries of an ACL in words, one a line.
SELECT string_agg(
           format('%s%s for %s by %s%s', entry ->> 2, ' (' || column_name || ')',
                  coalesce(entry ->> 1, 'PUBLIC'), entry ->> 0,
                  CASE WHEN (entry ->> 3)::boolean THEN ' WITH GRANT OPTION' END),
           E'\n' ORDER BY (entry ->> 1) COLLATE "C", (entry ->> 0) COLLATE "C",
                          (entry ->> 2) COLLATE "C")
FROM jsonb_array_elements(acl) entry
$acl_lines$;

CREATE FUNCTION qt001_cp.column_acl_lines(columns jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $column_acl_lines$
SELECT string_agg(qt001_cp.acl_lines(item -> 'acl', item ->> 'column'),
                  E'\n' ORDER BY (item ->> 'column') COLLATE "C")
FROM jsonb_array_elements(columns) item
$column_acl_lines$;

CREATE FUNCTION qt001_cp.line_difference(what text, wanted text, live text,
                                         OUT expected text, OUT found text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $line_difference$
-- Two texts as a finding: only the lines in which they differ, in their order, a few of them.
WITH line AS (
    SELECT side.text_of, split.line, split.place,
           row_number() OVER (PARTITION BY side.text_of, split.line ORDER BY split.place) AS again
    FROM (VALUES ('wanted', wanted), ('live', live)) side(text_of, body)
    CROSS JOIN LATERAL string_to_table(side.body, E'\n') WITH ORDINALITY split(line, place)
), differing AS (
    SELECT line.*, row_number() OVER (PARTITION BY line.text_of ORDER BY line.place) AS number
    FROM line
    WHERE NOT EXISTS (SELECT 1 FROM line other
                      WHERE other.text_of <> line.text_of AND other.line = line.line
                        AND other.again = line.again)
), said AS (
    SELECT differing.text_of,
           string_agg(CASE WHEN length(btrim(differing.line)) > 300
                           THEN left(btrim(differing.line), 300) || '...'
                           ELSE btrim(differing.line) END, '; ' ORDER BY differing.number)
               FILTER (WHERE differing.number <= 8)
           || CASE WHEN count(*) > 8 THEN format('; and %s more', count(*) - 8) ELSE '' END AS lines
    FROM differing GROUP BY differing.text_of
), both_sides AS (
    SELECT (SELECT said.lines FROM said WHERE said.text_of = 'wanted') AS less,
           (SELECT said.lines FROM said WHERE said.text_of = 'live') AS more
)
SELECT what || CASE WHEN both_sides.less IS NOT NULL THEN ' with ' || both_sides.less
                    WHEN both_sides.more IS NOT NULL THEN ' without ' || both_sides.more
                    ELSE ' in the order of the manifest' END,
       what || CASE WHEN both_sides.less IS NULL AND both_sides.more IS NULL
                    THEN ' with the same lines in another order'
                    WHEN both_sides.less IS NULL THEN ' with it'
                    WHEN both_sides.more IS NULL THEN ' without it'
                    ELSE ' with ' || both_sides.more || ' instead' END
FROM both_sides
$line_difference$;

CREATE FUNCTION qt001_cp.weighed_acl(kind text, acl jsonb, app name) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $weighed_acl$
-- An ACL as a set, without what opens nothing that is protected: that a role other than the
-- application's, and not everybody, may connect to the database and may not pass it on.
SELECT CASE WHEN kind <> 'database' THEN qt001_cp.acl_set(acl) ELSE (
    SELECT coalesce(jsonb_agg(DISTINCT entry.value), '[]') FROM jsonb_array_elements(acl) entry
    WHERE entry.value ->> 2 <> 'CONNECT' OR (entry.value ->> 3)::boolean
       OR entry.value ->> 1 IS NULL
       OR entry.value ->> 1 IN (SELECT qt001_cp.member_of(app))) END
$weighed_acl$;

CREATE FUNCTION qt001_cp.live_state(app name, numbers oid[] DEFAULT NULL)
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
FROM qt001_cp.live_object(app, false, true, numbers) live
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
      AND event.verb IN ('deployed', 'succeeded')
      AND event.subject = expected_object.manifest
    ORDER BY event.seq DESC LIMIT 1
), redefined AS MATERIALIZED (
    -- Pairs, not an object: a key would have to be ASCII.
    SELECT jsonb_object_agg(pair.value ->> 0, pair.value ->> 1) AS definitions
    FROM deployment CROSS JOIN LATERAL jsonb_array_elements(deployment.definitions) pair
), object AS (
    SELECT entry.*, entry.disposition = 'transfer' AS transferred,
           CASE WHEN expected_object.state = 'before' OR entry.disposition = 'retain'
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

CREATE FUNCTION qt001_cp.expected_source(
    manifest text, state text, wanted_number bigint, identity text
) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $expected_source$
-- The definition of one object of a manifest in words; state: as in expected_object().
SELECT coalesce(
    (SELECT pair.value ->> 2 FROM (
         SELECT event.detail -> 'definitions' AS definitions FROM qt001_cp.event
         WHERE state = 'deployed' AND event.verb IN ('deployed', 'succeeded')
           AND event.subject = expected_source.manifest
         ORDER BY event.seq DESC LIMIT 1) deployment
     CROSS JOIN LATERAL jsonb_array_elements(deployment.definitions) pair
     WHERE pair.value ->> 0 = expected_source.identity),
    (SELECT entry.texts ->> 'source' FROM qt001_cp.manifest_row entry
     WHERE entry.manifest = expected_source.manifest AND entry.number = wanted_number))
$expected_source$;

CREATE FUNCTION qt001_cp.first_major(manifest text) RETURNS int
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $first_major$
-- The oldest major version in the line of a manifest: owners and ACLs are worded as that one has
-- them, also after the server has moved to a later one.
WITH RECURSIVE line(major, predecessor) AS (
    SELECT (head ->> 'server_major')::int, head #>> '{succession,predecessor}'
    FROM qt001_cp.document_json(manifest) head
    UNION ALL
    SELECT (head ->> 'server_major')::int, head #>> '{succession,predecessor}'
    FROM line CROSS JOIN LATERAL qt001_cp.document_json(line.predecessor) head
    WHERE line.predecessor IS NOT NULL
)
SELECT min(line.major) FROM line
$first_major$;

CREATE FUNCTION qt001_cp.without_maintain(acl jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $without_maintain$
-- An ACL as it was before PostgreSQL 17 had MAINTAIN. A dump of an older server says GRANT ALL for
-- who held all that there was, and an owner holds by itself what is new, which may at any time give
-- itself the same: there MAINTAIN is no change. Whoever else holds it alone was given it.
SELECT coalesce(jsonb_agg(entry.value ORDER BY entry.place), '[]')
FROM jsonb_array_elements(acl) WITH ORDINALITY entry(value, place)
WHERE entry.value ->> 2 <> 'MAINTAIN'
   OR entry.value -> 0 <> entry.value -> 1 AND EXISTS (
    SELECT 1 FROM qt001_cp.privilege_of('table') known(privilege)
    WHERE known.privilege <> 'MAINTAIN' AND NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements(acl) other(value)
        WHERE other.value = jsonb_set(entry.value, '{2}', to_jsonb(known.privilege))))
$without_maintain$;

CREATE FUNCTION qt001_cp.coverage_pair(
    manifest text, state text, retained boolean, definitions boolean, numbers oid[]
)
RETURNS TABLE (
    kind text, identity text, grows boolean, transferred boolean, system boolean,
    in_manifest boolean,
    present boolean, in_both boolean, wanted_definition text, wanted_owner text, wanted_acl jsonb,
    wanted_columns jsonb, owner text, acl jsonb, columns jsonb, definition text, why text[],
    classid oid, objid oid, number bigint, source text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $coverage_pair$
-- What the manifest says of an object beside what there is, both ways. Every object of the manifest
-- is looked up whoever reaches it; what the manifest does not have counts where the application
-- role reaches it, and since FIX7c where the control plane's owner owns it. Once FIX7c is deployed,
-- what has not changed since is not worded again.
-- numbers: only the transferred objects, and what is new among the objects with these numbers.
WITH made AS MATERIALIZED (
    SELECT (head ->> 'application')::name AS application,
           qt001_cp.first_major(manifest) < 17 AND server.here >= 17 AS before_maintain,
           definitions AND server.major = server.here AS worded
    FROM qt001_cp.document_json(manifest) head
    CROSS JOIN LATERAL (
        SELECT (head ->> 'server_major')::int AS major,
               current_setting('server_version_num')::int / 10000 AS here) server
), wanted AS MATERIALIZED (
    SELECT object.* FROM qt001_cp.expected_object(manifest, state) object
    WHERE numbers IS NULL OR object.transferred
), live AS MATERIALIZED (
    SELECT object.classid, object.objid, object.kind, object.identity, object.owner,
           CASE WHEN made.before_maintain THEN qt001_cp.without_maintain(object.acl)
                ELSE object.acl END AS acl,
           object.columns, object.why, true AS present, object.definition
    FROM made CROSS JOIN LATERAL qt001_cp.live_object(
        made.application, true, made.worded AND state <> 'deployed', numbers) object
), asked AS MATERIALIZED (
    SELECT array_agg(live.classid ORDER BY live.classid, live.objid) AS classids,
           array_agg(live.objid ORDER BY live.classid, live.objid) AS objids
    FROM made CROSS JOIN live
    JOIN wanted ON wanted.kind = live.kind AND wanted.identity = live.identity
    WHERE made.worded AND state = 'deployed' AND (retained OR wanted.transferred)
), known AS MATERIALIZED (
    SELECT definition.* FROM asked
    CROSS JOIN LATERAL qt001_cp.live_definition(asked.classids, asked.objids) definition
    UNION ALL
    SELECT live.classid, live.objid, qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8')),
           live.definition
    FROM live WHERE live.definition IS NOT NULL
)
SELECT coalesce(wanted.kind, live.kind) AS kind,
       coalesce(wanted.identity, live.identity) AS identity,
       -- Of the control plane's owner nothing is new to somebody else's liking.
       coalesce(listed.grows, false)
           AND live.owner NOT IN ('qt001_cp_owner', 'qt001_cp_ledger') AS grows,
       coalesce(wanted.transferred, false) AS transferred, wanted.system,
       wanted.kind IS NOT NULL AS in_manifest, live.present,
       wanted.kind IS NOT NULL AND live.present AS in_both,
       wanted.definition AS wanted_definition, wanted.owner AS wanted_owner,
       CASE WHEN (SELECT made.before_maintain FROM made)
            THEN qt001_cp.without_maintain(wanted.acl) ELSE wanted.acl END AS wanted_acl,
       wanted.columns AS wanted_columns, live.owner, live.acl, live.columns, known.definition,
       live.why, live.classid, live.objid, wanted.number, known.source
FROM wanted FULL JOIN live ON live.kind = wanted.kind AND live.identity = wanted.identity
LEFT JOIN qt001_cp.object_kind listed ON listed.kind = live.kind
LEFT JOIN known ON known.classid = live.classid AND known.objid = live.objid
WHERE wanted.kind IS NOT NULL
   OR (cardinality(live.why) > 0 OR state = 'deployed' AND live.owner = 'qt001_cp_owner')
      AND NOT EXISTS (
          SELECT 1 FROM qt001_cp.manifest_object(manifest) entry
          WHERE numbers IS NOT NULL AND entry.kind = live.kind
            AND entry.identity = live.identity)
$coverage_pair$;

CREATE FUNCTION qt001_cp.coverage_aspects(
    manifest text, state text, retained boolean DEFAULT true, definitions boolean DEFAULT true,
    numbers oid[] DEFAULT NULL
)
RETURNS TABLE (
    aspect text, transferred boolean, object text, expected text, found text, mend text,
    told boolean, kind text, identity text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $coverage_aspects$
-- long: one comparison for all aspects, each object looked at once.
-- The live estate against the manifest, both ways. state: as in expected_object().
-- aspect: inventory (is it there), definition, or acl (owner, ACL, column ACLs).
-- retained: whether to compare the definitions of what is retained too. definitions: whether to
-- compare any. They belong to a major version, which words them in its own way: on another there is
-- nothing to compare, and one row says so. What has another name is told alone: everything else
-- follows from it. numbers: as in coverage_pair(). told: once the manifest is in force, no gate
-- closes for it by itself; what it reaches is a matter of reach_findings().
WITH app AS MATERIALIZED (
    -- anew: how a manifest comes to have it. Once it is in force, a new one is for a new cutover.
    SELECT (qt001_cp.document_json(manifest) ->> 'application')::name AS name,
           CASE state WHEN 'before' THEN 'generate, diff and seal a new manifest.'
                ELSE 'take FIX7 back and run it again with a manifest that has it.' END AS anew
), renamed AS MATERIALIZED (
    SELECT finding.* FROM qt001_cp.name_findings(manifest) finding
), grown AS MATERIALIZED (
    -- A partition that came and may go is judged by what it is, not by a digest; a way back, which
    -- asks for no definitions, takes what is there.
    SELECT part.identity, part.fault FROM qt001_cp.grown(manifest) part
    WHERE state <> 'before' OR NOT definitions
), gone AS MATERIALIZED (
    SELECT part.number FROM qt001_cp.growth_object(manifest) part
    WHERE state <> 'before' OR NOT definitions
)
SELECT 'inventory' AS aspect, true, renamed.object AS object, renamed.expected AS expected,
       renamed.found, renamed.mend, false AS told, NULL AS kind, NULL AS identity
FROM renamed
UNION ALL
SELECT 'definition', true, 'definitions', 'PostgreSQL ' || made.major, 'PostgreSQL ' || made.here,
       'Another major version words them in its own way, so nobody can compare them. '
       || CASE state WHEN 'deployed' THEN 'Follow the server with a change: qt001-cp status has '
              'what to type (docs/versions.md).'
          ELSE 'Go back with this manifest, then generate and seal one on this server: '
              'docs/versions.md.' END,
       false, NULL, NULL
FROM (SELECT document ->> 'server_major' AS major,
             (current_setting('server_version_num')::int / 10000)::text AS here
      FROM qt001_cp.document_json(manifest) document) made
WHERE definitions AND made.major <> made.here AND NOT EXISTS (SELECT 1 FROM renamed)
UNION ALL
SELECT difference.aspect, pair.transferred, pair.kind || ' ' || pair.identity, difference.expected,
       difference.found, difference.mend, difference.told, pair.kind, pair.identity
FROM app
CROSS JOIN qt001_cp.coverage_pair(manifest, state, retained, definitions, numbers) pair
CROSS JOIN LATERAL (
    SELECT 'inventory' AS aspect, 'an object of the manifest' AS expected,
           format('one that it does not name (%s)',
                  coalesce(nullif(array_to_string(pair.why, ', '), ''), 'owner ' || pair.owner))
               AS found,
           CASE WHEN cardinality(pair.why) > 0
                THEN 'Classify it in the policy, then ' || app.anew
                ELSE 'Find out who made it as its owner; drop it, or give it to whom it is for '
                     '(ALTER ... OWNER TO).' END AS mend,
           pair.grows AS told
    WHERE NOT pair.in_manifest
      AND NOT (pair.kind = 'table' AND pair.identity IN (SELECT grown.identity FROM grown))
    UNION ALL
    -- Default privileges that say nothing any more do not exist; the system's own objects count
    -- while the ACL names the application.
    SELECT 'inventory', 'the object of the manifest', 'no such object',
           'If it went for good, ' || app.anew, NOT pair.transferred
    WHERE pair.present IS NULL
      AND NOT (state <> 'before' AND pair.transferred
               AND (pair.kind = 'default acl' OR pair.system))
      AND pair.number NOT IN (SELECT gone.number FROM gone)
    UNION ALL
    SELECT 'definition', parts.expected, parts.found,
           'See what changed and put it back; if it is meant, ' || app.anew
               || coalesce(' ' || qt001_cp.cast_hint(pair.classid, pair.objid), ''),
           NOT pair.transferred
    FROM qt001_cp.line_difference(
        'definition', qt001_cp.expected_source(manifest, state, pair.number, pair.identity),
        pair.source) parts
    WHERE pair.in_both AND pair.wanted_definition <> pair.definition
      AND NOT (pair.kind = 'table' AND pair.identity IN (SELECT grown.identity FROM grown))
    UNION ALL
    SELECT 'acl', 'owner ' || pair.wanted_owner, 'owner ' || pair.owner,
           'Find out who changed it; then put it back, or ' || app.anew,
           NOT pair.transferred
    WHERE pair.in_both AND pair.wanted_owner IS DISTINCT FROM pair.owner
    UNION ALL
    SELECT 'acl', entries.expected, entries.found,
           'Find out who granted it; then REVOKE it, or ' || app.anew,
           NOT pair.transferred OR qt001_cp.weighed_acl(pair.kind, pair.wanted_acl, app.name)
                                   = qt001_cp.weighed_acl(pair.kind, pair.acl, app.name)
    FROM qt001_cp.line_difference('ACL', qt001_cp.acl_lines(pair.wanted_acl),
                                  qt001_cp.acl_lines(pair.acl)) entries
    WHERE pair.in_both AND pair.wanted_acl <> pair.acl
      AND qt001_cp.acl_set(pair.wanted_acl) <> qt001_cp.acl_set(pair.acl)
    UNION ALL
    SELECT 'acl', entries.expected, entries.found,
           'Find out who granted it; then REVOKE it, or ' || app.anew,
           NOT pair.transferred
    FROM qt001_cp.line_difference(
        'column ACLs', qt001_cp.column_acl_lines(pair.wanted_columns),
        qt001_cp.column_acl_lines(pair.columns)) entries
    WHERE pair.in_both AND pair.wanted_columns <> pair.columns
      AND qt001_cp.column_acl_set(pair.wanted_columns) <> qt001_cp.column_acl_set(pair.columns)
) difference
WHERE NOT EXISTS (SELECT 1 FROM renamed)
UNION ALL
SELECT 'inventory', true, part.object, part.expected, part.found, part.mend, false, NULL, NULL
FROM qt001_cp.partition_differences(manifest, state) part
WHERE definitions AND NOT EXISTS (SELECT 1 FROM renamed)
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

CREATE FUNCTION qt001_cp.every_entry(acl jsonb, columns jsonb) RETURNS SETOF jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $every_entry$
-- The entries of an ACL, and those of columns with the name of the column as a fifth part.
SELECT entry.value FROM jsonb_array_elements(acl) entry
UNION ALL
SELECT entry.value || jsonb_build_array(item.value ->> 'column')
FROM jsonb_array_elements(columns) item
CROSS JOIN LATERAL jsonb_array_elements(item.value -> 'acl') entry
$every_entry$;

CREATE FUNCTION qt001_cp.loan_of(acl jsonb, columns jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $loan_of$
-- What is granted to the control plane's owner by name, on the whole or on columns, as a set.
SELECT coalesce(jsonb_agg(DISTINCT entry), '[]')
FROM qt001_cp.every_entry(acl, columns) entry WHERE entry ->> 1 = 'qt001_cp_owner'
$loan_of$;

CREATE FUNCTION qt001_cp.loan_differences(manifest text, state text)
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $loan_differences$
-- Loans of the manifest that are not as they have to be in a state, as in expected_object().
WITH lent AS MATERIALIZED (
    SELECT object.kind, object.identity, expected ->> 'owner' AS owner,
           qt001_cp.loan_of(expected -> 'acl', expected -> 'columns') AS loan
    FROM qt001_cp.manifest_object(manifest) object
    CROSS JOIN LATERAL (
        SELECT CASE state WHEN 'before' THEN object.before ELSE object.after END AS expected) there
    WHERE object.disposition = 'lend'
), live AS MATERIALIZED (
    SELECT object.kind, object.identity, object.owner,
           qt001_cp.loan_of(object.acl, object.columns) AS loan
    FROM (SELECT 1 WHERE EXISTS (SELECT 1 FROM lent)) any_loan
    CROSS JOIN LATERAL qt001_cp.live_object(
        (qt001_cp.document_json(manifest) ->> 'application')::name, true, false) object
)
SELECT lent.kind || ' ' || lent.identity,
       format('owner %s, lent to qt001_cp_owner: %s', lent.owner, lent.loan),
       CASE WHEN live.owner IS NULL THEN 'no such object'
            ELSE format('owner %s, lent: %s', live.owner, live.loan) END,
       'Let its owner grant, or revoke, what the manifest says; see qt001-cp manifest show.'
FROM lent LEFT JOIN live ON live.kind = lent.kind AND live.identity = lent.identity
WHERE (live.owner, live.loan) IS DISTINCT FROM (lent.owner, lent.loan)
$loan_differences$;

CREATE FUNCTION qt001_cp.drift_findings(manifest text, state text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $drift_findings$
-- The same once the manifest is in force: without what is told.
SELECT 'QT102', difference.object, difference.expected, difference.found, difference.mend
FROM qt001_cp.coverage_aspects(manifest, state) difference WHERE NOT difference.told
UNION ALL
SELECT 'QT102', loan.object, loan.expected, loan.found, loan.mend
FROM qt001_cp.loan_differences(manifest, state) loan
$drift_findings$;

CREATE FUNCTION qt001_cp.transferred_findings(
    manifest text, state text, code text, definitions boolean)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $transferred_findings$
-- Of the transferred objects alone what is not only told, under another SQLSTATE; and of what lends
-- to the new owner, that loan. What else its owner does with it is his. definitions: a way back
-- does not ask for them.
SELECT code, difference.object, difference.expected, difference.found, difference.mend
FROM qt001_cp.coverage_aspects(manifest, state, false, definitions) difference
WHERE difference.transferred AND NOT difference.told
UNION ALL
SELECT code, loan.object, loan.expected, loan.found, loan.mend
FROM qt001_cp.loan_differences(manifest, state) loan
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
        HINT = coalesce(first ->> 'mend', 'See qt001-cp status.');
END
$raise_first$;

CREATE FUNCTION qt001_cp.require_pair(what text, named jsonb, hint text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $require_pair$
-- named: owner and ledger of a policy or manifest, which names the default pair by naming none. The
-- names that stand here are this database's: they came with the script of FIX7a.
DECLARE
    found text := concat_ws(', ', coalesce(named ->> 'owner', 'qt001_cp' || '_owner'),
                            coalesce(named ->> 'ledger', 'qt001_cp' || '_ledger'));
BEGIN
    IF found <> 'qt001_cp_owner, qt001_cp_ledger' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT206',
            MESSAGE = format('%s refused: expected owner and ledger role '
                             'qt001_cp_owner, qt001_cp_ledger, for which this database is '
                             'configured, found %s', what, found),
            HINT = hint;
    END IF;
END
$require_pair$;

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
    PERFORM qt001_cp.require_pair(
        'FIX7a', convert_from(policy, 'UTF8')::jsonb -> 'roles',
        'Print the script with the policy that it carries: alembic -x policy=FILE upgrade --sql.');
    PERFORM qt001_cp.record_event('configured', policy_digest, jsonb_build_object(
        'build', build, 'instance', qt001_cp.new_instance(),
        'roles', jsonb_build_object('owner', 'qt001_cp_owner', 'ledger', 'qt001_cp_ledger'),
        'duties', (
            SELECT coalesce(jsonb_object_agg(person.login, jsonb_build_object(
                       'duty', person.duty, 'person', person.person,
                       'number', qt001_cp.role_number(person.login))), '{}')
            FROM qt001_cp.person)));
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'kind', live.kind, 'identity', live.identity, 'schema', live.schema, 'name', live.name,
        'args', live.args, 'method', live.method,
        'state', jsonb_build_object('owner', live.owner, 'acl', live.acl, 'columns', live.columns),
        'definition', qt001_cp.sha256_hex(convert_to(live.definition, 'UTF8')),
        'storage', qt001_cp.sha256_hex(convert_to(live.storage, 'UTF8')),
        'follows', live.follows,
        'source', CASE WHEN live.kind IN ('function', 'procedure', 'aggregate', 'view',
                                          'materialized view') THEN live.definition END,
        'detail', live.detail, 'why', to_jsonb(live.why)
    ) ORDER BY live.kind COLLATE "C", live.identity COLLATE "C"), '[]') INTO objects
    FROM qt001_cp.live_object(qt001_cp.application_role(), storages => true) live;
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

CREATE FUNCTION qt001_cp.adopt_ledger(reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $adopt_ledger$
-- Level B, operator: takes a restored or copied ledger for this database's own. It gets a nonce of
-- its own, so that no sign-off or verification of the other one counts here.
DECLARE
    other jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    SELECT to_jsonb(finding) INTO other FROM qt001_cp.instance_findings() finding;
    IF other IS NULL OR coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = 'adopting refused: expected ' || CASE WHEN other IS NULL
                THEN 'a ledger that was restored or copied, found this database''s own'
                ELSE 'a reason, found none' END,
            HINT = 'See qt001-cp status: gate ledger_intact names a restored ledger.';
    END IF;
    RETURN qt001_cp.record_event('adopted', other ->> 'found', jsonb_build_object(
        'reason', reason, 'instance', qt001_cp.new_instance()));
END
$adopt_ledger$;

CREATE FUNCTION qt001_cp.propose_manifest(body bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $propose_manifest$
-- Level B, author: registers a candidate; of a successor also the change that brings it, and its
-- policy where that is another. Returns its digest.
DECLARE
    made text;
    kind text;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_author');
    made := qt001_cp.record_document(body);
    SELECT document.kind INTO kind FROM qt001_cp.document WHERE document.digest = made LIMIT 1;
    IF kind NOT LIKE 'qt001.manifest.%' AND kind NOT IN ('qt001.change/1', 'qt001.policy/1') THEN
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
    JOIN qt001_cp.person second ON second.person = first.person
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
            HINT = CASE candidate.state
                WHEN 'withdrawn' THEN 'The author proposes it again first: qt001-cp manifest '
                                      'generate --propose.'
                ELSE 'A sealed manifest is never changed; generate a new one.' END;
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
-- The object manifest was made for this database, and with the policy that FIX7a recorded; a
-- successor may have another one, which the author has proposed with it.
DECLARE
    doc jsonb := qt001_cp.document_json(manifest);
    policy text := (SELECT event.subject FROM qt001_cp.event
                    WHERE event.verb = 'configured' ORDER BY event.seq DESC LIMIT 1);
BEGIN
    IF doc ->> 'database' <> current_database() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT121',
            MESSAGE = format('sealing refused: manifest %s: expected one for database %s, '
                             'found one for %s', manifest, current_database(), doc ->> 'database'),
            HINT = 'Connect to the database that the manifest was generated from.';
    END IF;
    -- What follows the server to a later version is sealed before it moves, and made after.
    IF (doc ->> 'server_major')::int <> current_setting('server_version_num')::int / 10000
        AND NOT (qt001_cp.follows_server(manifest)
                 AND (doc ->> 'server_major')::int
                     > current_setting('server_version_num')::int / 10000) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT120',
            MESSAGE = format('sealing refused: manifest %s: expected one of major version %s, '
                             'found one of %s', manifest,
                             current_setting('server_version_num')::int / 10000,
                             doc ->> 'server_major'),
            HINT = 'Generate it on this server: each major version words definitions in its own '
                   'way.';
    END IF;
    IF doc ->> 'application' <> qt001_cp.application_role()
        OR doc #>> '{policy,sha256}' IS DISTINCT FROM policy AND (
            NOT doc ? 'succession'
            OR NOT EXISTS (SELECT 1 FROM qt001_cp.document
                           WHERE document.digest = doc #>> '{policy,sha256}'
                             AND document.kind = 'qt001.policy/1'
                             AND document.head #>> '{roles,application}'
                                 = doc ->> 'application')) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT206',
            MESSAGE = format('sealing refused: manifest %s: expected one made with policy %s, '
                             'as FIX7a recorded it, found policy %s', manifest, policy,
                             doc #>> '{policy,sha256}'),
            HINT = 'Generate it with the policy that FIX7a was run with, or run FIX7a again with '
                   'the new one.';
    END IF;
    PERFORM qt001_cp.require_pair(
        format('sealing: manifest %s', manifest), pair.named,
        'Let [roles] of the policy name the pair of this database, and generate it again.')
    FROM (VALUES (doc -> 'pair'),
                 (qt001_cp.document_json(doc #>> '{policy,sha256}') -> 'roles')) pair(named);
END
$require_own_manifest$;

CREATE FUNCTION qt001_cp.require_none_waits(manifest text, kind text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_none_waits$
-- One manifest of a kind at a time is sealed and waits to be deployed: nobody has to ask which. The
-- lock: of two operators who seal at once the second one sees what the first has done.
DECLARE
    waits text;
BEGIN
    PERFORM qt001_cp.take_event_lock();
    waits := qt001_cp.sealed(kind);
    IF waits IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT210',
            MESSAGE = format('sealing refused: manifest %s: expected no other %s that is sealed '
                             'and waits to be deployed, found %s', manifest, kind, waits),
            HINT = format('qt001-cp manifest withdraw %s --reason ''not wanted'' -- or deploy it.',
                          waits);
    END IF;
END
$require_none_waits$;

CREATE FUNCTION qt001_cp.seal_manifest(manifest text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $seal_manifest$
-- Level B, operator: seals a candidate after recomputing its digest, and, for an object manifest,
-- its coverage, its intent, whether what it transfers goes on working, who would find what the
-- application makes, and its statements.
DECLARE
    kind text;
    findings jsonb;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    kind := qt001_cp.require_candidate(manifest);
    IF kind = 'qt001.manifest.object/1' THEN
        PERFORM qt001_cp.require_own_manifest(manifest);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.coverage_findings(manifest, 'before') finding
        WHERE NOT qt001_cp.is_successor(manifest);
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.succession_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.gone_role_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.intent_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.unbound_rule_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings FROM (
            SELECT known.* FROM qt001_cp.growth_findings(manifest, false) known
            UNION ALL
            SELECT known.* FROM qt001_cp.growth_schema_findings(
                manifest, qt001_cp.application_role()) known) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.new_owner_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.move_findings(manifest) finding
        WHERE qt001_cp.is_successor(manifest);
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM qt001_cp.give_back_findings(manifest) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        SELECT jsonb_agg(to_jsonb(finding)) INTO findings
        FROM (SELECT known.* FROM qt001_cp.caller_path_findings(manifest) known
              UNION ALL
              SELECT known.* FROM qt001_cp.duty_path_findings(manifest) known) finding;
        PERFORM qt001_cp.raise_first('sealing', findings);
        PERFORM qt001_cp.implied_sha256(manifest, plan.direction)
        FROM (VALUES ('forward'), ('restore'), ('follow'), ('retire'), ('revive'), ('move'),
                     ('unmove'))
            plan(direction);
    END IF;
    -- Last: what is wrong with this one is told before what stands in its way.
    PERFORM qt001_cp.require_none_waits(manifest, kind);
    RETURN qt001_cp.record_event(
        'sealed', manifest, jsonb_build_object('kind', kind)
            || CASE WHEN kind = 'qt001.manifest.object/1'
                    THEN jsonb_build_object('names', qt001_cp.manifest_names(manifest))
                    ELSE '{}' END);
END
$seal_manifest$;

CREATE FUNCTION qt001_cp.withdraw_manifest(manifest text, reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $withdraw_manifest$
-- Level B, operator: a sealed manifest that waits is not wanted. It can be proposed and sealed
-- again. What is in force cannot be withdrawn: only going back takes it out of force.
DECLARE
    known record;
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    PERFORM qt001_cp.take_event_lock();
    SELECT listed.* INTO known
    FROM qt001_cp.manifest_state() listed WHERE listed.digest = manifest;
    IF known.state IS DISTINCT FROM 'sealed' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = format('withdrawing refused: manifest %s: expected one that is sealed and '
                             'waits to be deployed, found %s', manifest,
                             CASE WHEN known.state IS NULL THEN 'none'
                                  WHEN known.state = 'deployed' THEN 'the deployed one'
                                  ELSE format('a %s one', known.state) END),
            HINT = CASE known.state
                WHEN 'deployed' THEN 'It is in force: gates and the way back follow it. Only going '
                                     'back takes it out of force: see docs/operator.md'
                WHEN 'candidate' THEN 'Nothing follows from a candidate: leave it as it is.'
                ELSE 'See which one waits: qt001-cp status' END;
    END IF;
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = format('withdrawing refused: manifest %s: expected a reason, found none',
                             manifest),
            HINT = format('qt001-cp manifest withdraw %s --reason ''not wanted''', manifest);
    END IF;
    RETURN qt001_cp.record_event('withdrawn', manifest, jsonb_build_object(
        'kind', known.kind, 'reason', btrim(reason)));
END
$withdraw_manifest$;

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
    PERFORM qt001_cp.raise_first('registering', (
        SELECT jsonb_agg(to_jsonb(finding)) FROM qt001_cp.seal_findings(manifest) finding));
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
