-- The ledger: documents by digest, and a hash-chained list of events. What is true follows from
-- these two alone. Both are partitioned by stage: the downgrade of a stage drops its partitions,
-- and the chain before it stands as it was. Nothing here uses a database sequence: those have a
-- state of their own.

CREATE FUNCTION qt001_cp.jcs(doc jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $jcs$
-- RFC 8785 for the documents of this project: ASCII keys, integers below 2^53, no floats.
DECLARE
    kind text := jsonb_typeof(doc);
    value numeric;
BEGIN
    IF kind = 'object' THEN
        IF EXISTS (SELECT 1 FROM jsonb_object_keys(doc) name WHERE name ~ '[^\u0001-\u007f]') THEN
            RAISE EXCEPTION USING ERRCODE = 'QT202',
                MESSAGE = 'document refused: expected keys in ASCII, found other characters',
                HINT = 'Take the file as qt001-cp wrote it.';
        END IF;
        RETURN '{' || coalesce((
            SELECT string_agg(to_json(member.key)::text || ':' || qt001_cp.jcs(member.value), ','
                              ORDER BY member.key COLLATE "C")
            FROM jsonb_each(doc) member), '') || '}';
    ELSIF kind = 'array' THEN
        RETURN '[' || coalesce((
            SELECT string_agg(qt001_cp.jcs(element.value), ',' ORDER BY element.position)
            FROM jsonb_array_elements(doc) WITH ORDINALITY element(value, position)), '') || ']';
    ELSIF kind = 'string' THEN
        RETURN to_json(doc #>> '{}')::text;
    ELSIF kind = 'number' THEN
        value := (doc #>> '{}')::numeric;
        IF value <> trunc(value) OR abs(value) > 9007199254740991 THEN
            RAISE EXCEPTION USING ERRCODE = 'QT202',
                MESSAGE = format('document refused: expected integers below 2^53, found %s', value),
                HINT = 'Write it as a string.';
        END IF;
        RETURN trunc(value)::text;
    END IF;
    RETURN doc::text;
END
$jcs$;

CREATE FUNCTION qt001_cp.sha256_hex(body bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $sha256_hex$ SELECT encode(sha256(body), 'hex') $sha256_hex$;

CREATE FUNCTION qt001_cp.stage() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $stage$
-- The highest stage that is deployed: the one whose partition of the ledger exists.
SELECT CASE WHEN to_regclass('qt001_cp.event_fix7c') IS NOT NULL THEN 'fix7c'
            WHEN to_regclass('qt001_cp.event_fix7b') IS NOT NULL THEN 'fix7b'
            ELSE 'fix7a' END
$stage$;

CREATE TABLE qt001_cp.document (
    stage text NOT NULL,
    digest text NOT NULL,
    kind text NOT NULL,
    body bytea NOT NULL,
    head jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by name NOT NULL,
    PRIMARY KEY (stage, digest),
    CONSTRAINT document_digest CHECK (digest = encode(sha256(body), 'hex')),
    CONSTRAINT document_kind CHECK (kind ~ '^qt001\.[a-z._-]+/[0-9]+$')
) PARTITION BY LIST (stage);

CREATE TABLE qt001_cp.event (
    stage text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor name NOT NULL,
    verb text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    prev text NOT NULL,
    digest text NOT NULL,
    PRIMARY KEY (stage, seq),
    CONSTRAINT event_digest_shape CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT event_verb CHECK (verb IN (
        'configured', 'captured', 'proposed', 'sealed', 'restore_registered', 'rehearsal_recorded',
        'cutover', 'deployed', 'evidence_imported', 'bound', 'signed', 'refused', 'verified',
        'scanned'))
) PARTITION BY LIST (stage);

-- The objects of a manifest, each a row, unpacked once from the document when it is recorded.
CREATE TABLE qt001_cp.manifest_row (
    stage text NOT NULL,
    manifest text NOT NULL,
    number bigint NOT NULL,
    object jsonb NOT NULL,
    PRIMARY KEY (stage, manifest, number)
) PARTITION BY LIST (stage);

CREATE TABLE qt001_cp.manifest_row_fix7a PARTITION OF qt001_cp.manifest_row FOR VALUES IN ('fix7a');
CREATE TABLE qt001_cp.document_fix7a PARTITION OF qt001_cp.document FOR VALUES IN ('fix7a');
CREATE TABLE qt001_cp.event_fix7a PARTITION OF qt001_cp.event FOR VALUES IN ('fix7a');

-- Tables that are only locked; nobody else has a privilege on them. Anybody can take, and keep, an
-- advisory lock.
CREATE TABLE qt001_cp.event_lock ();
COMMENT ON TABLE qt001_cp.event_lock IS 'A lock: events are written one after the other.';
CREATE TABLE qt001_cp.stage_lock ();
COMMENT ON TABLE qt001_cp.stage_lock IS 'A lock: one session at a time runs a stage.';

CREATE FUNCTION qt001_cp.event_digest(
    seq bigint, stage text, at timestamptz, actor name, verb text, subject text, detail jsonb,
    prev text
) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $event_digest$
SELECT qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(jsonb_build_object(
    'seq', seq, 'stage', stage, 'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'actor', actor,
    'verb', verb, 'subject', subject, 'detail', detail, 'prev', prev)), 'UTF8'))
$event_digest$;

CREATE FUNCTION qt001_cp.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_change$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT201',
        MESSAGE = format(
            '%s of qt001_cp.%s is refused: the ledger is append-only, for its owner too',
            TG_OP, TG_TABLE_NAME),
        HINT = 'Record a new document or event that supersedes the old one.';
END
$refuse_change$;

CREATE FUNCTION qt001_cp.head_of(doc jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $head_of$
-- The objects of an object manifest are unpacked to rows; everything else is read as it is.
SELECT CASE WHEN doc ->> 'schema' = 'qt001.manifest.object/1' THEN doc - 'objects' ELSE doc END
$head_of$;

CREATE FUNCTION qt001_cp.stamp_document() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $stamp_document$
DECLARE
    text_form text;
    doc jsonb;
BEGIN
    BEGIN
        text_form := convert_from(NEW.body, 'UTF8');
        doc := text_form::jsonb;
    EXCEPTION WHEN OTHERS THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202',
            MESSAGE = 'document refused: expected JSON in UTF-8, found ' || SQLERRM,
            HINT = 'Take the file as qt001-cp wrote it.';
    END;
    IF jsonb_typeof(doc) <> 'object' OR qt001_cp.jcs(doc) <> text_form THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202',
            MESSAGE = 'document refused: expected the canonical form (RFC 8785), found another one',
            HINT = 'Take the file as qt001-cp wrote it: its bytes are what is sealed.';
    END IF;
    IF NEW.digest IS DISTINCT FROM encode(sha256(NEW.body), 'hex') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT203',
            MESSAGE = format('document refused: expected digest %s, found %s',
                             encode(sha256(NEW.body), 'hex'), NEW.digest),
            HINT = 'Compare with sha256sum of the file.';
    END IF;
    IF coalesce(doc ->> 'schema', '') !~ '^qt001\.[a-z._-]+/[0-9]+$' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202',
            MESSAGE = format('document refused: expected a known kind, such as '
                             'qt001.evidence.capability/1, found %s',
                             coalesce(to_json(left(doc ->> 'schema', 80))::text, 'none')),
            HINT = 'Take the file as qt001-cp wrote it, or see docs/author.md for evidence.';
    END IF;
    NEW.kind := doc ->> 'schema';
    NEW.head := qt001_cp.head_of(doc);
    NEW.recorded_at := clock_timestamp();
    NEW.recorded_by := session_user;
    RETURN NEW;
END
$stamp_document$;

CREATE FUNCTION qt001_cp.stamp_event() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $stamp_event$
-- Number, time, actor and hash are the server's, whatever the INSERT says.
DECLARE
    head record;
BEGIN
    LOCK TABLE qt001_cp.event_lock IN EXCLUSIVE MODE;
    SELECT event.seq, event.digest INTO head FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1;
    IF NEW.stage <> qt001_cp.stage() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = format('event refused: expected stage %s, found stage %s',
                             qt001_cp.stage(), NEW.stage),
            HINT = 'Events belong to the highest stage that is deployed.';
    END IF;
    NEW.seq := coalesce(head.seq, 0) + 1;
    NEW.prev := coalesce(head.digest, repeat('0', 64));
    NEW.at := clock_timestamp();
    NEW.actor := session_user;
    NEW.digest := qt001_cp.event_digest(
        NEW.seq, NEW.stage, NEW.at, NEW.actor, NEW.verb, NEW.subject, NEW.detail, NEW.prev);
    RETURN NEW;
END
$stamp_event$;

CREATE TRIGGER stamp BEFORE INSERT ON qt001_cp.document
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_document();
CREATE TRIGGER stamp BEFORE INSERT ON qt001_cp.event
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_event();

CREATE FUNCTION qt001_cp.guard_partition(parent text, stage text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $guard_partition$
-- Makes a table append-only: rows by a row trigger, TRUNCATE by a statement trigger, both also in a
-- replica session.
DECLARE
    part text := format('qt001_cp.%I', parent || '_' || stage);
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_change()', part);
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change()', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER never_truncated', part);
    IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = part::regclass AND tgname = 'stamp') THEN
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER stamp', part);
    END IF;
END
$guard_partition$;

CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.document
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.event
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER never_truncated;
ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER never_truncated;
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.manifest_row
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.manifest_row ENABLE ALWAYS TRIGGER never_truncated;
DO $guard$
BEGIN
    PERFORM qt001_cp.guard_partition('document', 'fix7a');
    PERFORM qt001_cp.guard_partition('event', 'fix7a');
    PERFORM qt001_cp.guard_partition('manifest_row', 'fix7a');
END
$guard$;

CREATE FUNCTION qt001_cp.record_document(body bytea) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $record_document$
-- Keeps a document once; returns its digest. Not an entry point: only the owner's functions may.
DECLARE
    wanted text := encode(sha256(body), 'hex');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.document WHERE document.digest = wanted) THEN
        INSERT INTO qt001_cp.document (stage, digest, kind, body, head, recorded_at, recorded_by)
        VALUES (qt001_cp.stage(), wanted, '', body, '{}', clock_timestamp(), session_user);
        INSERT INTO qt001_cp.manifest_row (stage, manifest, number, object)
        SELECT document.stage, document.digest, object.number, object.value
        FROM qt001_cp.document
        CROSS JOIN LATERAL convert_from(document.body, 'UTF8') written
        CROSS JOIN LATERAL jsonb_array_elements(written::jsonb -> 'objects')
            WITH ORDINALITY object(value, number)
        WHERE document.digest = wanted AND document.kind = 'qt001.manifest.object/1';
    END IF;
    RETURN wanted;
END
$record_document$;

CREATE FUNCTION qt001_cp.record_event(verb text, subject text, detail jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $record_event$
DECLARE
    made text;
BEGIN
    INSERT INTO qt001_cp.event (stage, seq, at, actor, verb, subject, detail, prev, digest)
    VALUES (qt001_cp.stage(), 0, clock_timestamp(), session_user, record_event.verb,
            record_event.subject, record_event.detail, '', '')
    RETURNING event.digest INTO made;
    RETURN made;
END
$record_event$;

CREATE FUNCTION qt001_cp.document_json(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $document_json$
-- A document without its list of objects: that of an object manifest stands in manifest_row.
SELECT document.head FROM qt001_cp.document WHERE document.digest = wanted LIMIT 1
$document_json$;

CREATE FUNCTION qt001_cp.unpacked_findings(wanted text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $unpacked_findings$
-- What was unpacked from a document is what its bytes say.
WITH stored AS MATERIALIZED (
    SELECT document.kind, document.head, convert_from(document.body, 'UTF8')::jsonb AS body
    FROM qt001_cp.document WHERE document.digest = wanted LIMIT 1
), said AS (
    SELECT object.number, object.value
    FROM stored
    CROSS JOIN LATERAL jsonb_array_elements(stored.body -> 'objects')
        WITH ORDINALITY object(value, number)
    WHERE stored.kind = 'qt001.manifest.object/1'
), unpacked AS (
    SELECT manifest_row.number, manifest_row.object
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

CREATE FUNCTION qt001_cp.chain_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $chain_findings$
-- The chain of events, recomputed from their contents.
WITH chain AS (
    SELECT event.*, lag(event.digest, 1, repeat('0', 64)) OVER (ORDER BY event.seq) AS before,
           row_number() OVER (ORDER BY event.seq) AS number
    FROM qt001_cp.event
)
SELECT 'QT205', 'event ' || chain.seq, format('number %s after %s', chain.number, chain.before),
       format('number %s after %s, with digest %s', chain.seq, chain.prev, chain.digest),
       'Somebody has edited the ledger: compare it with the last exported head of the chain.'
FROM chain
WHERE chain.prev <> chain.before OR chain.seq <> chain.number
   OR chain.digest <> qt001_cp.event_digest(
          chain.seq, chain.stage, chain.at, chain.actor, chain.verb, chain.subject, chain.detail,
          chain.prev)
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
    WHERE event.verb NOT IN ('signed', 'refused', 'verified', 'scanned') AND name.digest IS NOT NULL
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
SELECT 'QT205', format('trigger %s on qt001_cp.%s', trigger.tgname, relation.relname),
       'a trigger that is enabled always', 'state ' || trigger.tgenabled::text,
       format('ALTER TABLE qt001_cp.%I ENABLE ALWAYS TRIGGER %I', relation.relname, trigger.tgname)
FROM pg_trigger trigger JOIN pg_class relation ON relation.oid = trigger.tgrelid
WHERE relation.relnamespace = 'qt001_cp'::regnamespace
  AND relation.relname ~ '^(document|event|manifest_row)_fix7' AND trigger.tgenabled <> 'A'
UNION ALL
SELECT 'QT205', 'qt001_cp.' || relation.relname,
       'triggers append_only, never_truncated'
           || CASE WHEN relation.relname ~ '^manifest_row' THEN '' ELSE ', stamp' END,
       coalesce('triggers ' || string_agg(trigger.tgname, ', ' ORDER BY trigger.tgname),
                'no trigger'),
       'Restore the triggers from the revision that made the table.'
FROM pg_class relation
LEFT JOIN pg_trigger trigger
    ON trigger.tgrelid = relation.oid
    AND trigger.tgname IN ('append_only', 'never_truncated', 'stamp')
WHERE relation.relnamespace = 'qt001_cp'::regnamespace
  AND relation.relname ~ '^(document|event|manifest_row)_fix7' AND relation.relkind = 'r'
GROUP BY relation.relname
HAVING count(trigger.oid) <> CASE WHEN relation.relname ~ '^manifest_row' THEN 2 ELSE 3 END
$ledger_trigger_findings$;

CREATE FUNCTION qt001_cp.ledger_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ledger_findings$
SELECT finding.* FROM qt001_cp.chain_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.document_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.ledger_trigger_findings() finding
$ledger_findings$;
