-- The ledger: documents by digest, and a hash-chained list of events. What is true follows from
-- these two alone. It never forgets: taking a stage back is an event too, and nothing but the
-- downgrade to base takes the ledger away. Nothing here uses a database sequence: those have a
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

CREATE FUNCTION qt001_cp.epoch_opener() RETURNS TABLE (verb text, comes_from text, stage text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $epoch_opener$
-- The events that open an epoch: the stage that was deployed before, and the one from there on. A
-- change of what is protected ('succeeded', forward or back) leaves the stage as it is, and so does
-- a release of the product ('released', forward or back).
VALUES ('cutover', 'fix7a', 'fix7b'), ('deployed', 'fix7b', 'fix7c'),
       ('succeeded', 'fix7c', 'fix7c'), ('released', 'fix7c', 'fix7c'),
       ('undeployed', 'fix7c', 'fix7b'), ('restored', 'fix7b', 'fix7a')
$epoch_opener$;

CREATE FUNCTION qt001_cp.epoch() RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $epoch$
-- How many cutovers, deployments and ways back there have been. Each event holds the number that it
-- was written in, one that opens an epoch the new one.
SELECT coalesce((SELECT event.epoch FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1), 0)
$epoch$;

CREATE FUNCTION qt001_cp.stage() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $stage$
-- The highest stage that is deployed: the one that the event which opened this epoch leads to. In a
-- copy without rows what FIX7c has made says it.
SELECT coalesce((
    SELECT opener.stage
    FROM (SELECT event.verb FROM qt001_cp.event
          ORDER BY event.epoch DESC, event.seq LIMIT 1) first
    JOIN qt001_cp.epoch_opener() opener ON opener.verb = first.verb),
    CASE WHEN to_regclass('qt001_cp.v_fix7_gate') IS NULL THEN 'fix7a' ELSE 'fix7c' END)
$stage$;

CREATE FUNCTION qt001_cp.revision() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $revision$
-- The product's revision that is deployed, as Alembic names it: the stage, or at FIX7c the release
-- that came last.
SELECT CASE WHEN known.stage <> 'fix7c' THEN known.stage ELSE coalesce((
    SELECT event.detail ->> 'to' FROM qt001_cp.event
    WHERE event.verb = 'released' ORDER BY event.seq DESC LIMIT 1), known.stage) END
FROM qt001_cp.stage() known(stage)
$revision$;

CREATE TABLE qt001_cp.document (
    digest text PRIMARY KEY,
    kind text NOT NULL,
    body bytea NOT NULL,
    head jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by name NOT NULL,
    CONSTRAINT document_digest CHECK (digest = encode(sha256(body), 'hex')),
    CONSTRAINT document_kind CHECK (kind ~ '^qt001\.[a-z._-]+/[0-9]+$')
);
-- What a login has written in the last hour.
CREATE INDEX document_of_login ON qt001_cp.document (recorded_by, recorded_at);

CREATE TABLE qt001_cp.event (
    seq bigint PRIMARY KEY,
    epoch bigint NOT NULL,
    at timestamptz NOT NULL,
    actor name NOT NULL,
    verb text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    prev text NOT NULL,
    digest text NOT NULL,
    CONSTRAINT event_digest_shape CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT event_verb CHECK (verb IN (
        'configured', 'captured', 'proposed', 'sealed', 'restore_registered', 'content_recorded',
        'rehearsal_recorded', 'cutover', 'restored', 'deployed', 'undeployed', 'evidence_imported',
        'bound', 'signed', 'refused', 'verified', 'scanned', 'adopted', 'withdrawn', 'changing',
        'changed', 'succeeded', 'released', 'kept', 'duty_given', 'duty_revoked',
        'partition_added', 'partition_dropped'))
);
-- The last event of a verb, the first of an epoch, what a login has written in the last hour, and
-- what somebody made: a schedule writes events for years, and none of these reads them.
CREATE INDEX event_of_verb ON qt001_cp.event (verb, seq);
CREATE INDEX event_of_epoch ON qt001_cp.event (epoch DESC, seq);
CREATE INDEX event_of_login ON qt001_cp.event (actor, at);
CREATE INDEX event_made ON qt001_cp.event (seq)
    WHERE verb NOT IN ('signed', 'refused', 'verified', 'scanned');

-- The objects of a manifest, each a row, unpacked once from the document when it is recorded.
CREATE TABLE qt001_cp.manifest_row (
    manifest text NOT NULL,
    number bigint NOT NULL,
    object jsonb NOT NULL,
    -- Its definition in words, apart: no gate has to read past it.
    texts jsonb NOT NULL,
    PRIMARY KEY (manifest, number)
);

-- Tables that are only locked; nobody else has a privilege on them. Anybody can take, and keep, an
-- advisory lock.
CREATE TABLE qt001_cp.event_lock ();
COMMENT ON TABLE qt001_cp.event_lock IS 'A lock: events are written one after the other.';
CREATE TABLE qt001_cp.stage_lock ();
COMMENT ON TABLE qt001_cp.stage_lock IS 'A lock: one session at a time runs a stage.';

CREATE FUNCTION qt001_cp.event_digest(
    seq bigint, epoch bigint, at timestamptz, actor name, verb text, subject text, detail jsonb,
    prev text
) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $event_digest$
SELECT qt001_cp.sha256_hex(convert_to(qt001_cp.jcs(jsonb_build_object(
    'seq', seq, 'epoch', epoch, 'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'actor', actor,
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

CREATE FUNCTION qt001_cp.take_event_lock() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $take_event_lock$
-- Whoever has written an event and not ended holds it: a duty, never the application. Nobody waits
-- for that one for ever: ten seconds, or what the caller has set.
DECLARE
    given text := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', CASE given WHEN '0' THEN '10s' ELSE given END, true);
    LOCK TABLE qt001_cp.event_lock IN EXCLUSIVE MODE;
    PERFORM set_config('lock_timeout', given, true);
EXCEPTION WHEN lock_not_available THEN
    PERFORM qt001_cp.refuse_wait('event', 'qt001_cp.event_lock'::regclass);
END
$take_event_lock$;

CREATE FUNCTION qt001_cp.stamp_event() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $stamp_event$
-- Number, epoch, time, actor and hash are the server's, whatever the INSERT says; so is who the
-- actor was when it was done (detail.by): persons join and leave, what they did stays done.
DECLARE
    head record;
    opener record;
BEGIN
    PERFORM qt001_cp.take_event_lock();
    SELECT event.seq, event.epoch, event.digest INTO head
    FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1;
    SELECT known.comes_from INTO opener FROM qt001_cp.epoch_opener() known
    WHERE known.verb = NEW.verb;
    IF opener.comes_from <> qt001_cp.stage() THEN
        RAISE EXCEPTION USING ERRCODE = 'QT204',
            MESSAGE = format('event %s refused: expected stage %s, found stage %s',
                             NEW.verb, opener.comes_from, qt001_cp.stage()),
            HINT = 'The scripts of the stages write it, each once: see qt001-cp status.';
    END IF;
    NEW.seq := coalesce(head.seq, 0) + 1;
    NEW.epoch := coalesce(head.epoch, 0) + (opener.comes_from IS NOT NULL)::int;
    NEW.prev := coalesce(head.digest, repeat('0', 64));
    NEW.at := clock_timestamp();
    NEW.actor := session_user;
    NEW.detail := NEW.detail || jsonb_build_object('by', (
        SELECT jsonb_build_object('duty', person.duty, 'person', person.person)
        FROM (SELECT) one LEFT JOIN qt001_cp.person ON person.login = session_user));
    NEW.digest := qt001_cp.event_digest(
        NEW.seq, NEW.epoch, NEW.at, NEW.actor, NEW.verb, NEW.subject, NEW.detail, NEW.prev);
    RETURN NEW;
END
$stamp_event$;

CREATE TRIGGER stamp BEFORE INSERT ON qt001_cp.document
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_document();
CREATE TRIGGER stamp BEFORE INSERT ON qt001_cp.event
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.stamp_event();

-- Append-only for everybody: rows by a row trigger, TRUNCATE by a statement trigger, all of them in
-- a replica session too.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON qt001_cp.document
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON qt001_cp.event
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON qt001_cp.manifest_row
    FOR EACH ROW EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.document
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.event
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON qt001_cp.manifest_row
    FOR EACH STATEMENT EXECUTE FUNCTION qt001_cp.refuse_change();
ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER stamp;
ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE qt001_cp.document ENABLE ALWAYS TRIGGER never_truncated;
ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER stamp;
ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE qt001_cp.event ENABLE ALWAYS TRIGGER never_truncated;
ALTER TABLE qt001_cp.manifest_row ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE qt001_cp.manifest_row ENABLE ALWAYS TRIGGER never_truncated;

CREATE FUNCTION qt001_cp.record_document(body bytea) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $record_document$
-- Keeps a document once; returns its digest. Not an entry point: only the owner's functions may.
DECLARE
    wanted text := encode(sha256(body), 'hex');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.document WHERE document.digest = wanted) THEN
        PERFORM qt001_cp.require_document_room(body, false);
        INSERT INTO qt001_cp.document (digest, body) VALUES (wanted, body);
        INSERT INTO qt001_cp.manifest_row (manifest, number, object, texts)
        SELECT document.digest, object.number,
               CASE jsonb_typeof(object.value)
               WHEN 'object' THEN object.value - '{source,storage_source}'::text[]
               ELSE object.value END,
               (SELECT coalesce(jsonb_object_agg(part.name, object.value -> part.name), '{}')
                FROM unnest('{source,storage_source}'::text[]) part(name)
                WHERE jsonb_typeof(object.value) = 'object' AND object.value ? part.name)
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
    PERFORM qt001_cp.require_event_room(record_event.detail, record_event.subject);
    INSERT INTO qt001_cp.event (verb, subject, detail)
    VALUES (record_event.verb, record_event.subject, record_event.detail)
    RETURNING event.digest INTO made;
    RETURN made;
END
$record_event$;

CREATE FUNCTION qt001_cp.deployment() RETURNS TABLE (seq bigint, subject text, detail jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $deployment$
-- The event that put the manifests of FIX7c in force last: its deployment, or the last change since
-- then, forward or back.
SELECT event.seq, event.subject, event.detail FROM qt001_cp.event
WHERE event.verb IN ('deployed', 'succeeded') ORDER BY event.seq DESC LIMIT 1
$deployment$;

CREATE FUNCTION qt001_cp.system_identifier() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $system_identifier$
-- Level A, with the ledger role's rights, so that all see the same: the cluster's identifier; NULL
-- where it cannot be read.
BEGIN
    IF has_function_privilege('pg_control_system()', 'EXECUTE') THEN
        RETURN (SELECT control.system_identifier::text FROM pg_control_system() control);
    END IF;
    RETURN NULL;
END
$system_identifier$;

CREATE FUNCTION qt001_cp.timeline() RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $timeline$
-- Level A, with the ledger role's rights: the timeline of the server's log, which is another once a
-- standby was promoted or a backup restored to a point in time; NULL where it cannot be read.
BEGIN
    IF NOT pg_is_in_recovery() THEN
        RETURN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int;
    END IF;
    RETURN (SELECT control.timeline_id FROM pg_control_checkpoint() control);
EXCEPTION WHEN insufficient_privilege THEN
    RETURN NULL;
END
$timeline$;

CREATE FUNCTION qt001_cp.instance() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $instance$
-- Which instance of the ledger this is: its nonce, and what a copy of it has otherwise: the numbers
-- of the database and of the table of events, the cluster's identifier.
SELECT jsonb_build_object(
    'nonce', (SELECT event.detail #>> '{instance,nonce}' FROM qt001_cp.event
              WHERE event.verb IN ('configured', 'adopted') ORDER BY event.seq DESC LIMIT 1),
    'database', (SELECT pg_database.oid::text FROM pg_database
                 WHERE pg_database.datname = current_database()),
    'ledger', 'qt001_cp.event'::regclass::oid::text,
    'system', qt001_cp.system_identifier())
$instance$;

CREATE FUNCTION qt001_cp.new_instance() RETURNS jsonb
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $new_instance$
-- This one, with a nonce of its own from here on.
SELECT qt001_cp.instance() || jsonb_build_object('nonce', gen_random_uuid()::text)
$new_instance$;

CREATE FUNCTION qt001_cp.instance_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $instance_findings$
-- A ledger that was restored or copied forgets what was recorded after the copy was made: a
-- refusal, before all.
SELECT 'QT207', 'ledger of database ' || current_database(),
       format('the ledger that this database was given at %s (database %s, table %s)',
              known.at, known.instance ->> 'database', known.instance ->> 'ledger'),
       format('a restored or copied one (database %s, table %s)',
              live.instance ->> 'database', live.instance ->> 'ledger'),
       'Find out what it forgets, from the head that was kept elsewhere; then, as the operator: '
       'SELECT qt001_cp.adopt_ledger(''why''); and let verifier, scanner and auditor act again.'
FROM (
    SELECT event.at, event.detail -> 'instance' AS instance FROM qt001_cp.event
    WHERE event.verb IN ('configured', 'adopted') ORDER BY event.seq DESC LIMIT 1) known
CROSS JOIN (SELECT qt001_cp.instance() AS instance) live
WHERE (known.instance ->> 'database', known.instance ->> 'ledger')
      IS DISTINCT FROM (live.instance ->> 'database', live.instance ->> 'ledger')
$instance_findings$;

CREATE FUNCTION qt001_cp.document_json(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $document_json$
-- A document without its list of objects: that of an object manifest stands in manifest_row.
SELECT document.head FROM qt001_cp.document WHERE document.digest = wanted
$document_json$;
