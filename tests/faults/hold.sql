-- Stops a script before a statement: an event trigger that waits for advisory lock 42 at the n-th command of a kind.
-- It belongs to a superuser, in a schema of its own, so no part of the estate changes.
CREATE SCHEMA hold;
REVOKE ALL ON SCHEMA hold FROM PUBLIC;
CREATE TABLE hold.at (tag text NOT NULL, nth int NOT NULL);
CREATE FUNCTION hold.stop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $stop$
DECLARE
    seen int;
BEGIN
    IF EXISTS (SELECT 1 FROM hold.at a WHERE a.tag = tg_tag) THEN
        seen := coalesce(nullif(current_setting('hold.seen', true), '')::int, 0) + 1;
        PERFORM set_config('hold.seen', seen::text, true);
        IF EXISTS (SELECT 1 FROM hold.at a WHERE a.tag = tg_tag AND a.nth = seen) THEN
            PERFORM pg_advisory_xact_lock_shared(42);
        END IF;
    END IF;
END
$stop$;
REVOKE ALL ON FUNCTION hold.stop() FROM PUBLIC;
CREATE EVENT TRIGGER hold ON ddl_command_start EXECUTE FUNCTION hold.stop();
