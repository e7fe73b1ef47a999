-- What status tells: how something is kept that was kept in another way when it was sealed, which
-- closes no gate, and what the application may do beyond its manifest.

CREATE FUNCTION qt001_cp.storage_changes()
RETURNS TABLE (object text, expected text, found text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $storage_changes$
-- Of the transferred objects of the sealed manifest, on the major version that it was made on.
WITH manifest AS MATERIALIZED (
    SELECT digest, (head ->> 'application')::name AS application
    FROM qt001_cp.reference_manifest() digest
    CROSS JOIN LATERAL qt001_cp.document_json(digest) head
    WHERE (head ->> 'server_major')::int = current_setting('server_version_num')::int / 10000
), live AS MATERIALIZED (
    SELECT object.kind, object.identity, object.storage
    FROM manifest CROSS JOIN LATERAL qt001_cp.live_object(
        manifest.application, true, false, NULL, true) object
)
SELECT entry.kind || ' ' || entry.identity, parts.expected, parts.found
FROM manifest
CROSS JOIN LATERAL qt001_cp.manifest_object(manifest.digest) entry
JOIN live ON live.kind = entry.kind AND live.identity = entry.identity
CROSS JOIN LATERAL qt001_cp.line_difference('storage', (
    SELECT kept.texts ->> 'storage_source' FROM qt001_cp.manifest_row kept
    WHERE kept.manifest = manifest.digest AND kept.number = entry.number), live.storage) parts
WHERE entry.disposition = 'transfer'
  AND entry.storage IS DISTINCT FROM qt001_cp.sha256_hex(convert_to(live.storage, 'UTF8'))
ORDER BY entry.number
$storage_changes$;

CREATE FUNCTION qt001_cp.timeline_changes()
RETURNS TABLE (object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $timeline_changes$
-- A copy that has the identifier of the cluster it comes from has another timeline, where it was
-- promoted or restored to a point in time. After a failover that is what was wanted.
SELECT 'server of database ' || current_database(),
       format('timeline %s, as when %s by %s at %s', answer.detail ->> 'timeline', answer.verb,
              answer.actor, answer.at),
       format('timeline %s: a standby was promoted, or a backup was restored to a point in time',
              live.timeline),
       'Make sure that the server it comes from runs no more, and that nothing is forgotten: '
       'qt001-cp audit --database DSN --head FILE; then sign again: qt001-cp sign --help'
FROM (SELECT event.* FROM qt001_cp.event
      WHERE event.verb IN ('signed', 'refused') ORDER BY event.seq DESC LIMIT 1) answer
CROSS JOIN (SELECT qt001_cp.timeline()::text AS timeline) live
WHERE answer.detail ->> 'timeline' <> live.timeline
$timeline_changes$;

CREATE FUNCTION qt001_cp.beyond_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $beyond_findings$
-- What the application role can do after the cutover that its manifest does not leave it; where a
-- name is gone, that.
BEGIN
    IF EXISTS (SELECT 1 FROM qt001_cp.name_findings(manifest)) THEN
        RETURN QUERY SELECT finding.* FROM qt001_cp.name_findings(manifest) finding;
        RETURN;
    END IF;
    RETURN QUERY SELECT finding.* FROM qt001_cp.containment_findings(manifest) finding;
END
$beyond_findings$;
