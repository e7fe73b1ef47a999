-- What a move of the server to another major version asks for, said before it and after it.

CREATE FUNCTION qt001_cp.server_change()
RETURNS TABLE (major int, revision text, state text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $server_change$
-- The change that follows the server from what is deployed now: the sealed one, else one that is
-- proposed, of this server's version before others. state: candidate; sealed, without its no-go
-- record; ready.
SELECT said.major, qt001_cp.document_json(head #>> '{succession,change}') ->> 'revision',
       CASE WHEN known.state <> 'sealed' THEN 'candidate'
            WHEN EXISTS (SELECT 1 FROM qt001_cp.rehearsal_findings(known.digest)) THEN 'sealed'
            ELSE 'ready' END
FROM qt001_cp.manifest_state() known
CROSS JOIN LATERAL qt001_cp.document_json(known.digest) head
CROSS JOIN LATERAL (
    SELECT (head ->> 'server_major')::int AS major,
           current_setting('server_version_num')::int / 10000 AS here) said
WHERE known.kind = 'qt001.manifest.object/1' AND known.state IN ('candidate', 'sealed')
  AND head #>> '{succession,predecessor}' = qt001_cp.in_force('qt001.manifest.object/1')
  AND qt001_cp.follows_server(known.digest)
ORDER BY known.state DESC, said.major = said.here DESC, said.major DESC
LIMIT 1
$server_change$;

CREATE FUNCTION qt001_cp.server_mend(
    here int, deployed int, wanted int, ready int, revision text, state text, newest text
)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $server_mend$
-- What to type next. wanted: the version that a change has to be prepared for; ready: the one that
-- a change is there for, as far as state says; newest: the revision that is in force.
SELECT CASE
    WHEN state = 'candidate' AND ready = wanted THEN format(
        'qt001-cp manifest seal changes/%1$s/object.json && qt001-cp evidence import '
        'changes/%1$s/nogo.json --rehearsal -- both with --database of the operator', revision)
    WHEN state = 'sealed' AND ready = wanted THEN format(
        'qt001-cp evidence import changes/%s/nogo.json --rehearsal -- with --database of the '
        'operator', revision)
    WHEN ready = wanted THEN format(
        '%salembic -c changes/alembic.ini -x manifest=changes/%2$s/object.json upgrade %3$s:%2$s '
        '--sql > %2$s.sql', CASE WHEN here <> ready THEN 'After the move: ' END, revision, newest)
    WHEN here > deployed THEN format(
        'Prepare a change from a dump that was made before it moved: qt001-cp change new '
        'server_%1$s --server && qt001-cp change prepare server_%1$s --dump DUMP --roles ROLES '
        '--postgres %1$s. Where there is none: --source DSN of this server instead, and what is '
        'here now counts as what was deployed (qt001-cp manifest diff says what); or go back: '
        'docs/versions.md', wanted)
    WHEN here < deployed THEN
        'A server does not move back: go back with FIX7 instead, docs/versions.md'
    WHEN wanted IS NULL THEN
        'Before pg_upgrade, or dump and restore, to a later one: a release of qt001-cp that knows '
        'it.'
    ELSE format(
        'Before pg_upgrade, or dump and restore, to a later one such as %1$s: qt001-cp change new '
        'server_%1$s --server && qt001-cp change prepare server_%1$s --source DSN --postgres %1$s; '
        'then propose and seal it (docs/versions.md)', wanted)
    END
$server_mend$;

CREATE FUNCTION qt001_cp.server_notes()
RETURNS TABLE (server int, deployed int, prepared int, state text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $server_notes$
-- One row where an object manifest is in force: the major version of the server beside that of the
-- manifest, and what to do before the one becomes another, or since it has. state: stays, prepared
-- (a change is proposed or sealed, something is missing), ready, moved. No verdict: gates ask the
-- definitions.
WITH force AS MATERIALIZED (
    SELECT current_setting('server_version_num')::int / 10000 AS here,
           (head ->> 'server_major')::int AS major, qt001_cp.stage() AS stage,
           coalesce(qt001_cp.document_json(head #>> '{succession,change}') ->> 'revision', 'fix7c')
               AS newest
    FROM qt001_cp.in_force('qt001.manifest.object/1') deployed(digest)
    CROSS JOIN LATERAL qt001_cp.document_json(deployed.digest) head
    WHERE deployed.digest IS NOT NULL
), known AS (
    SELECT force.*, change.major AS ready, change.revision, change.state,
           CASE WHEN force.here <> force.major THEN force.here
                WHEN change.major > force.here THEN change.major
                WHEN force.here < {newest_major} THEN {newest_major} END AS wanted
    FROM force LEFT JOIN qt001_cp.server_change() change ON force.stage = 'fix7c'
)
SELECT known.here, known.major, CASE WHEN known.state = 'ready' THEN known.ready END,
       CASE WHEN known.here <> known.major THEN 'moved'
            WHEN known.state = 'ready' THEN 'ready'
            WHEN known.state IS NOT NULL THEN 'prepared' ELSE 'stays' END,
       format('PostgreSQL %s, %s', known.here,
           CASE WHEN known.here <> known.major
                THEN format('what is deployed speaks of PostgreSQL %s%s', known.major,
                            ': no definition can be compared')
                ELSE 'as what is deployed: nothing has to be done while it stays' END)
       || CASE WHEN known.state = 'ready'
               THEN format('; change %s is ready for PostgreSQL %s', known.revision, known.ready)
               WHEN known.state = 'sealed'
               THEN format('; change %s for PostgreSQL %s is sealed, without its no-go record',
                           known.revision, known.ready)
               WHEN known.state IS NOT NULL
               THEN format('; change %s for PostgreSQL %s is proposed, not sealed',
                           known.revision, known.ready)
               ELSE '' END,
       CASE WHEN known.stage <> 'fix7c' AND known.here <> known.major
            THEN 'Go back (alembic downgrade fix7a, printed with this manifest), then generate and '
                 'seal one on this server: docs/versions.md'
            WHEN known.stage <> 'fix7c'
            THEN 'Before pg_upgrade, or dump and restore, to a later one: go on to FIX7c, where a '
                 'change follows the server, or go back to FIX7a.'
            ELSE qt001_cp.server_mend(known.here, known.major, known.wanted, known.ready,
                                      known.revision, known.state, known.newest) END
FROM known
$server_notes$;
