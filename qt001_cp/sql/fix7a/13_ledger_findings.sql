-- Whether the ledger is as it was written: the chain of events, the documents, the triggers that
-- keep both.

CREATE FUNCTION qt001_cp.unpacked_findings(wanted text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $unpacked_findings$
-- What was unpacked from a document is what its bytes say.
WITH stored AS MATERIALIZED (
    SELECT document.kind, document.head, convert_from(document.body, 'UTF8')::jsonb AS body
    FROM qt001_cp.document WHERE document.digest = wanted
), said AS (
    SELECT object.number, object.value
    FROM stored
    CROSS JOIN LATERAL jsonb_array_elements(stored.body -> 'objects')
        WITH ORDINALITY object(value, number)
    WHERE stored.kind = 'qt001.manifest.object/1'
), unpacked AS (
    SELECT manifest_row.number,
           CASE jsonb_typeof(manifest_row.object)
           WHEN 'object' THEN manifest_row.object || manifest_row.texts
           ELSE manifest_row.object END AS object
    FROM qt001_cp.manifest_row WHERE manifest_row.manifest = wanted
)
SELECT 'QT205', 'document ' || wanted, 'the head that its bytes say', 'another head',
       'Somebody has edited the document: restore it from a backup.'
FROM stored WHERE stored.head IS DISTINCT FROM qt001_cp.head_of(stored.body)
UNION ALL
SELECT 'QT205', 'document ' || wanted,
       'a document of kind ' || coalesce(stored.body ->> 'schema', 'none'),
       'a document of kind ' || stored.kind,
       'Somebody has edited the document: restore it from a backup.'
FROM stored WHERE stored.kind IS DISTINCT FROM stored.body ->> 'schema'
UNION ALL
SELECT 'QT205', format('object %s of manifest %s', coalesce(said.number, unpacked.number), wanted),
       'the row that the document says',
       CASE WHEN said.number IS NULL THEN 'a row too many'
            WHEN unpacked.number IS NULL THEN 'a missing row'
            ELSE 'another text' END,
       'Somebody has edited the rows of the manifest: restore them from a backup.'
FROM said FULL JOIN unpacked ON unpacked.number = said.number
WHERE said.value IS DISTINCT FROM unpacked.object
$unpacked_findings$;

CREATE FUNCTION qt001_cp.chain_findings(
    since bigint DEFAULT 0, head text DEFAULT repeat('0', 64))
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $chain_findings$
-- The chain of events, recomputed from their contents: numbers without a hole, each after the one
-- before it, in the epoch that the events before it have opened. since, head: number and digest of
-- the event behind which it begins; by default the whole.
WITH chain AS (
    SELECT event.*, lag(event.digest, 1, head) OVER (ORDER BY event.seq) AS before,
           since + row_number() OVER (ORDER BY event.seq) AS number,
           lag(event.epoch, 1, coalesce(
               (SELECT last.epoch FROM qt001_cp.event last WHERE last.seq = since), 0))
           OVER (ORDER BY event.seq) + (opener.verb IS NOT NULL)::int AS due
    FROM qt001_cp.event LEFT JOIN qt001_cp.epoch_opener() opener ON opener.verb = event.verb
    WHERE event.seq > since
)
SELECT 'QT205', 'event ' || chain.seq,
       format('number %s in epoch %s after %s', chain.number, chain.due, chain.before),
       format('number %s in epoch %s after %s, with digest %s', chain.seq, chain.epoch, chain.prev,
              chain.digest),
       'Somebody has edited the ledger: compare it with the last exported head of the chain.'
FROM chain
WHERE chain.prev <> chain.before OR chain.seq <> chain.number OR chain.epoch <> chain.due
   OR chain.digest <> qt001_cp.event_digest(
          chain.seq, chain.epoch, chain.at, chain.actor, chain.verb, chain.subject, chain.detail,
          chain.prev)
UNION ALL
SELECT 'QT205', 'event ' || step.seq, format('%s at stage %s', step.verb, step.comes_from),
       format('%s at stage %s', step.verb, step.found),
       'Somebody has edited the ledger: compare it with the last exported head of the chain.'
FROM (SELECT event.seq, event.verb, opener.comes_from,
             lag(opener.stage, 1, 'fix7a') OVER (ORDER BY event.seq) AS found
      FROM qt001_cp.event JOIN qt001_cp.epoch_opener() opener ON opener.verb = event.verb
      -- Said for the index, which none of them is outside of.
      WHERE event.verb NOT IN ('signed', 'refused', 'verified', 'scanned')) step
WHERE step.found <> step.comes_from
$chain_findings$;

CREATE FUNCTION qt001_cp.document_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $document_findings$
-- The documents: their bytes, that each one is there which an event names, and who recorded it.
WITH named AS MATERIALIZED (
    SELECT event.seq, event.at, event.actor, name.digest
    FROM qt001_cp.event
    CROSS JOIN LATERAL (VALUES (event.subject), (event.detail ->> 'document')) name(digest)
    WHERE event.verb NOT IN ('signed', 'refused', 'verified', 'scanned')
      AND event.verb NOT IN ('adopted', 'duty_given', 'duty_revoked', 'partition_added',
                             'partition_dropped')
      AND name.digest IS NOT NULL
)
SELECT 'QT205', 'document ' || document.digest, 'bytes with digest ' || document.digest,
       'bytes with digest ' || encode(sha256(document.body), 'hex'),
       'Somebody has edited the document: restore it from a backup.'
FROM qt001_cp.document WHERE document.digest <> encode(sha256(document.body), 'hex')
UNION ALL
SELECT 'QT205', 'document ' || named.digest,
       format('the document that event %s names', min(named.seq)), 'no document',
       'Somebody has deleted the document: restore it from a backup.'
FROM named
WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.document WHERE document.digest = named.digest)
GROUP BY named.digest
UNION ALL
-- A document is recorded by who writes the first event that names it, before that event.
SELECT 'QT205', 'document ' || document.digest,
       format('a document recorded by %s before %s', first.actor, first.at),
       format('one recorded by %s at %s', document.recorded_by, document.recorded_at),
       'Somebody has edited who recorded the document, or when: restore it from a backup.'
FROM qt001_cp.document
CROSS JOIN LATERAL (SELECT named.actor, named.at FROM named
                    WHERE named.digest = document.digest ORDER BY named.seq LIMIT 1) first
WHERE document.recorded_by <> first.actor OR document.recorded_at > first.at
UNION ALL
SELECT finding.*
FROM qt001_cp.document CROSS JOIN LATERAL qt001_cp.unpacked_findings(document.digest) finding
$document_findings$;

CREATE FUNCTION qt001_cp.ledger_trigger_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ledger_trigger_findings$
-- The triggers that keep the tables of the ledger append-only.
WITH wanted AS (
    SELECT 'qt001_cp.document'::regclass AS relation, name
    FROM unnest('{append_only,never_truncated,stamp}'::name[]) name
    UNION ALL
    SELECT 'qt001_cp.event'::regclass, name
    FROM unnest('{append_only,never_truncated,stamp}'::name[]) name
    UNION ALL
    SELECT 'qt001_cp.manifest_row'::regclass, name
    FROM unnest('{append_only,never_truncated}'::name[]) name
)
SELECT 'QT205', format('trigger %s on %s', wanted.name, wanted.relation),
       'a trigger that is enabled always', coalesce('state ' || trigger.tgenabled::text, 'none'),
       CASE WHEN trigger.oid IS NULL THEN 'Restore it from the revision that made the table.'
            ELSE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', wanted.relation, wanted.name) END
FROM wanted LEFT JOIN pg_trigger trigger
ON trigger.tgrelid = wanted.relation AND trigger.tgname = wanted.name
WHERE trigger.tgenabled IS DISTINCT FROM 'A'
$ledger_trigger_findings$;

CREATE FUNCTION qt001_cp.ledger_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ledger_findings$
-- The whole of it: for the verifier, and for whoever wants to know.
SELECT finding.* FROM qt001_cp.chain_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.document_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.ledger_trigger_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.instance_findings() finding
$ledger_findings$;

CREATE FUNCTION qt001_cp.checkpoint() RETURNS TABLE (seq bigint, digest text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $checkpoint$
-- The event up to which the last verification has recomputed the whole chain and found the ledger
-- in order, in this instance. No row: there was none, or it found something. The event that says so
-- stands behind that one: whoever rests on it recomputes it too.
SELECT (last.detail #>> '{checkpoint,seq}')::bigint, last.detail #>> '{checkpoint,digest}'
FROM (SELECT event.seq, event.detail FROM qt001_cp.event
      WHERE event.verb = 'verified' ORDER BY event.seq DESC LIMIT 1) last
WHERE last.detail #>> '{by,duty}' = 'verifier'
  AND last.detail -> 'instance' = qt001_cp.instance()
  AND (last.detail #>> '{checkpoint,seq}')::bigint < last.seq
$checkpoint$;

CREATE FUNCTION qt001_cp.recent_ledger_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $recent_ledger_findings$
-- What a gate looks at, each time: the chain behind the last checkpoint, however long it is before
-- that, and all documents, which the other gates read. Without a checkpoint the whole.
SELECT finding.*
FROM (SELECT) one LEFT JOIN qt001_cp.checkpoint() known ON true
CROSS JOIN LATERAL qt001_cp.chain_findings(
    coalesce(known.seq, 0), coalesce(known.digest, repeat('0', 64))) finding
UNION ALL
SELECT finding.* FROM qt001_cp.document_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.ledger_trigger_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.instance_findings() finding
$recent_ledger_findings$;
