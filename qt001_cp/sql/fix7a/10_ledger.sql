-- The ledger: documents by digest, and a hash-chained list of events. What is true follows from these two alone.
-- Both are partitioned by stage: the downgrade of a stage drops the partitions of that stage, and the chain before it
-- stands as it was. Nothing here uses a database sequence: those have a state of their own.

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
        IF EXISTS (SELECT 1 FROM jsonb_object_keys(doc) k WHERE k ~ '[^\u0001-\u007f]') THEN
            RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = 'a key of the document is not ASCII';
        END IF;
        RETURN '{' || coalesce((SELECT string_agg(to_json(e.key)::text || ':' || qt001_cp.jcs(e.value), ','
                                                  ORDER BY e.key COLLATE "C") FROM jsonb_each(doc) e), '') || '}';
    ELSIF kind = 'array' THEN
        RETURN '[' || coalesce((SELECT string_agg(qt001_cp.jcs(e.value), ',' ORDER BY e.ord)
                                FROM jsonb_array_elements(doc) WITH ORDINALITY e(value, ord)), '') || ']';
    ELSIF kind = 'string' THEN
        RETURN to_json(doc #>> '{}')::text;
    ELSIF kind = 'number' THEN
        value := (doc #>> '{}')::numeric;
        IF value <> trunc(value) OR abs(value) > 9007199254740991 THEN
            RAISE EXCEPTION USING ERRCODE = 'QT202',
                MESSAGE = format('%s is no integer below 2^53', value), HINT = 'Write it as a string.';
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
    CONSTRAINT event_verb CHECK (verb IN ('configured', 'captured', 'proposed', 'sealed', 'restore_registered',
        'rehearsal_recorded', 'cutover', 'deployed', 'evidence_imported', 'bound', 'signed', 'refused', 'verified', 'scanned'))
) PARTITION BY LIST (stage);

-- The objects of a manifest, each a row, unpacked once from the document when it is recorded: whoever asks reads rows.
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

-- Nothing but locks, on tables where nobody else has a privilege: an advisory lock anybody can take, and keep.
CREATE TABLE qt001_cp.event_lock ();
COMMENT ON TABLE qt001_cp.event_lock IS 'A lock: events are written one after the other.';
CREATE TABLE qt001_cp.stage_lock ();
COMMENT ON TABLE qt001_cp.stage_lock IS 'A lock: one session at a time runs a stage.';

CREATE FUNCTION qt001_cp.event_digest(seq bigint, stage text, at timestamptz, actor name, verb text, subject text,
                                      detail jsonb, prev text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $event_digest$
SELECT qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(jsonb_build_object(
    'seq', seq, 'stage', stage, 'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'actor', actor, 'verb', verb,
    'subject', subject, 'detail', detail, 'prev', prev)), 'UTF8'))
$event_digest$;

CREATE FUNCTION qt001_cp.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_change$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT201',
        MESSAGE = format('%s of qt001_cp.%s is refused: the ledger is append-only, for its owner too', TG_OP, TG_TABLE_NAME),
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
        RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = 'the document is not JSON in UTF-8: ' || SQLERRM,
            HINT = 'Take the file as qt001-cp wrote it.';
    END;
    IF jsonb_typeof(doc) <> 'object' OR qt001_cp.jcs(doc) <> text_form THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = 'the document is not in canonical form (RFC 8785)',
            HINT = 'Take the file as qt001-cp wrote it: its bytes are what is sealed.';
    END IF;
    IF NEW.digest IS DISTINCT FROM encode(sha256(NEW.body), 'hex') THEN
        RAISE EXCEPTION USING ERRCODE = 'QT203',
            MESSAGE = format('the digest of the document is %s, not %s', encode(sha256(NEW.body), 'hex'), NEW.digest),
            HINT = 'Compare with sha256sum of the file.';
    END IF;
    IF coalesce(doc ->> 'schema', '') !~ '^qt001\.[a-z._-]+/[0-9]+$' THEN
        RAISE EXCEPTION USING ERRCODE = 'QT202',
            MESSAGE = format('the document is of no kind that is known here: expected a schema such as qt001.evidence.capability/1, found %s',
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
    SELECT e.seq, e.digest INTO head FROM qt001_cp.event e ORDER BY e.seq DESC LIMIT 1;
    IF NEW.stage <> qt001_cp.stage() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = format('an event of stage %s cannot be written in stage %s', NEW.stage, qt001_cp.stage()),
            HINT = 'Events belong to the highest stage that is deployed.';
    END IF;
    NEW.seq := coalesce(head.seq, 0) + 1;
    NEW.prev := coalesce(head.digest, repeat('0', 64));
    NEW.at := clock_timestamp();
    NEW.actor := session_user;
    NEW.digest := qt001_cp.event_digest(NEW.seq, NEW.stage, NEW.at, NEW.actor, NEW.verb, NEW.subject, NEW.detail, NEW.prev);
    RETURN NEW;
END
$stamp_event$;

CREATE TRIGGER stamp BEFORE INSERT ON qt001_cp.document FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_document();
CREATE TRIGGER stamp BEFORE INSERT ON qt001_cp.event FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_event();

CREATE FUNCTION qt001_cp.guard_partition(parent text, stage text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $guard_partition$
-- Append-only, on one table: rows by a row trigger, TRUNCATE by a statement trigger, both also in a replica session.
DECLARE
    part text := format('qt001_cp.%I', parent || '_' || stage);
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_change()', part);
    EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change()', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', part);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER never_truncated', part);
    IF EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = part::regclass AND t.tgname = 'stamp') THEN
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER stamp', part);
    END IF;
END
$guard_partition$;

CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.document FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.event FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER never_truncated;
ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER never_truncated;
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.manifest_row FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
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
-- Keeps a document once; returns its digest. Not an entry point: only the owner's functions reach it.
DECLARE
    wanted text := encode(sha256(body), 'hex');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.document d WHERE d.digest = wanted) THEN
        INSERT INTO qt001_cp.document (stage, digest, kind, body, head, recorded_at, recorded_by)
        VALUES (qt001_cp.stage(), wanted, '', body, '{}', clock_timestamp(), session_user);
        INSERT INTO qt001_cp.manifest_row (stage, manifest, number, object)
        SELECT d.stage, d.digest, o.number, o.value
        FROM qt001_cp.document d, jsonb_array_elements(convert_from(d.body, 'UTF8')::jsonb -> 'objects') WITH ORDINALITY o(value, number)
        WHERE d.digest = wanted AND d.kind = 'qt001.manifest.object/1';
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
    VALUES (qt001_cp.stage(), 0, clock_timestamp(), session_user, record_event.verb, record_event.subject,
            record_event.detail, '', '')
    RETURNING event.digest INTO made;
    RETURN made;
END
$record_event$;

CREATE FUNCTION qt001_cp.document_json(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $document_json$
-- A document without its list of objects: that of an object manifest stands in manifest_row.
SELECT d.head FROM qt001_cp.document d WHERE d.digest = wanted LIMIT 1
$document_json$;

CREATE FUNCTION qt001_cp.unpacked_findings(wanted text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $unpacked_findings$
-- What was unpacked from a document is what its bytes say.
WITH doc AS MATERIALIZED (
    SELECT d.kind, d.head, convert_from(d.body, 'UTF8')::jsonb AS body FROM qt001_cp.document d WHERE d.digest = wanted LIMIT 1
), said AS (
    SELECT o.number, o.value FROM doc d, jsonb_array_elements(d.body -> 'objects') WITH ORDINALITY o(value, number)
    WHERE d.kind = 'qt001.manifest.object/1'
)
SELECT 'QT205', 'document ' || wanted, 'unpacked as its bytes say', 'another head', 'Somebody has edited the document.'
FROM doc d WHERE d.head IS DISTINCT FROM qt001_cp.head_of(d.body)
UNION ALL
SELECT 'QT205', 'document ' || wanted, 'of kind ' || coalesce(d.body ->> 'schema', 'none'), 'of kind ' || d.kind, 'Somebody has edited the document.'
FROM doc d WHERE d.kind IS DISTINCT FROM d.body ->> 'schema'
UNION ALL
SELECT 'QT205', format('object %s of manifest %s', coalesce(s.number, r.number), wanted), 'unpacked as the document says',
       CASE WHEN s.number IS NULL THEN 'one too many' WHEN r.number IS NULL THEN 'missing' ELSE 'another text' END,
       'Somebody has edited the rows of the manifest.'
FROM said s FULL JOIN (SELECT m.number, m.object FROM qt001_cp.manifest_row m WHERE m.manifest = wanted) r ON r.number = s.number
WHERE s.value IS DISTINCT FROM r.object
$unpacked_findings$;

CREATE FUNCTION qt001_cp.ledger_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $ledger_findings$
-- The chain and the documents, recomputed from their contents.
WITH chain AS (
    SELECT e.*, lag(e.digest, 1, repeat('0', 64)) OVER (ORDER BY e.seq) AS before, row_number() OVER (ORDER BY e.seq) AS number
    FROM qt001_cp.event e
), named AS MATERIALIZED (
    SELECT e.seq, e.at, e.actor, n.digest FROM qt001_cp.event e CROSS JOIN LATERAL (VALUES (e.subject), (e.detail ->> 'document')) n(digest)
    WHERE e.verb NOT IN ('signed', 'refused', 'verified', 'scanned') AND n.digest IS NOT NULL
)
SELECT 'QT205', 'event ' || c.seq, 'number ' || c.number || ' after ' || c.before,
       'number ' || c.seq || ' after ' || c.prev || ', digest ' || c.digest,
       'Compare with the last exported head of the chain: somebody has edited the ledger.'
FROM chain c
WHERE c.prev <> c.before OR c.seq <> c.number
   OR c.digest <> qt001_cp.event_digest(c.seq, c.stage, c.at, c.actor, c.verb, c.subject, c.detail, c.prev)
UNION ALL
SELECT 'QT205', 'document ' || d.digest, d.digest, encode(sha256(d.body), 'hex'), 'Somebody has edited the document.'
FROM qt001_cp.document d WHERE d.digest <> encode(sha256(d.body), 'hex')
UNION ALL
SELECT 'QT205', 'document ' || n.digest, 'kept, because event ' || min(n.seq) || ' names it', 'none', 'Somebody has deleted the document: restore it from a backup.'
FROM named n WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.document d WHERE d.digest = n.digest) GROUP BY n.digest
UNION ALL
-- A document is recorded by who writes the first event that names it, before that event.
SELECT 'QT205', 'document ' || d.digest, format('recorded by %s before %s', f.actor, f.at), format('recorded by %s at %s', d.recorded_by, d.recorded_at),
       'Somebody has edited who recorded the document, or when.'
FROM qt001_cp.document d CROSS JOIN LATERAL (SELECT n.actor, n.at FROM named n WHERE n.digest = d.digest ORDER BY n.seq LIMIT 1) f
WHERE d.recorded_by <> f.actor OR d.recorded_at > f.at
UNION ALL
SELECT f.* FROM qt001_cp.document d CROSS JOIN LATERAL qt001_cp.unpacked_findings(d.digest) f
UNION ALL
SELECT 'QT205', format('trigger %s on qt001_cp.%s', t.tgname, c.relname), 'enabled always', 'state ' || t.tgenabled::text,
       format('ALTER TABLE qt001_cp.%I ENABLE ALWAYS TRIGGER %I', c.relname, t.tgname)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relname ~ '^(document|event|manifest_row)_fix7' AND t.tgenabled <> 'A'
UNION ALL
SELECT 'QT205', 'qt001_cp.' || c.relname, 'triggers append_only, never_truncated' || CASE WHEN c.relname ~ '^manifest_row' THEN '' ELSE ', stamp' END,
       coalesce(string_agg(t.tgname, ', '), 'none'),
       'Restore the triggers from the revision that made the table.'
FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname IN ('append_only', 'never_truncated', 'stamp')
WHERE c.relnamespace = 'qt001_cp'::regnamespace AND c.relname ~ '^(document|event|manifest_row)_fix7' AND c.relkind = 'r'
GROUP BY c.relname HAVING count(t.oid) <> CASE WHEN c.relname ~ '^manifest_row' THEN 2 ELSE 3 END
$ledger_findings$;
