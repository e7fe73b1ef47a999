-- The downgrade to base takes the ledger away. Somebody keeps it first: the script carries the head
-- of an export, and the server compares.

CREATE FUNCTION qt001_cp.require_export(head text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_export$
-- Only FIX7a's downgrade calls it. head: the digest of the last event of the export; behind it may
-- stand the ways back that have led here, so that one command takes all stages back. Nobody writes
-- an event between this and the end of the transaction.
DECLARE
    last record;
BEGIN
    PERFORM qt001_cp.take_event_lock();
    SELECT event.seq, event.digest INTO last FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1;
    IF NOT EXISTS (
        SELECT 1 FROM qt001_cp.event exported
        WHERE exported.digest = require_export.head AND NOT EXISTS (
            SELECT 1 FROM qt001_cp.event later
            WHERE later.seq > exported.seq AND later.verb NOT IN ('undeployed', 'restored'))) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT209',
            MESSAGE = format('downgrade to base refused: ledger of database %s: expected an export '
                             'of it up to its last event, number %s with digest %s, found %s',
                             current_database(), last.seq, last.digest,
                             coalesce('one that ends with digest ' || require_export.head, 'none')),
            HINT = 'It would be gone for good: qt001-cp ledger export --out ledger.jsonl '
                   '--database …, keep the file, then alembic -x ledger=ledger.jsonl downgrade '
                   'base (or with fix7a:base --sql).';
    END IF;
    PERFORM qt001_cp.note_run_step('require_export');
END
$require_export$;
