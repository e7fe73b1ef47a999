-- Stops a script before a statement: an event trigger of a superuser, in a schema of its own, so no part of the estate
-- changes. hold.at names the tag and the number of the statement; without a row every tag is told in a notice.
-- It polls, for a stage shortens lock_timeout while it takes its locks.
CREATE SCHEMA hold;
REVOKE ALL ON SCHEMA hold FROM PUBLIC;
CREATE TABLE hold.at (tag text NOT NULL, nth int NOT NULL);
CREATE FUNCTION hold.stop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $stop$
DECLARE
    point record;
    seen int;
BEGIN
    SELECT * INTO point FROM hold.at;
    IF NOT FOUND THEN
        RAISE NOTICE 'statement: %', tg_tag;
    ELSIF tg_tag = point.tag THEN
        seen := coalesce(nullif(current_setting('hold.seen', true), '')::int, 0) + 1;
        PERFORM set_config('hold.seen', seen::text, true);
        IF seen = point.nth THEN
            PERFORM pg_advisory_xact_lock_shared(43);
            WHILE NOT pg_try_advisory_xact_lock_shared(42) LOOP
                PERFORM pg_sleep(0.02);
            END LOOP;
        END IF;
    END IF;
END
$stop$;
CREATE FUNCTION hold.insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $insert$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(43);
    WHILE NOT pg_try_advisory_xact_lock_shared(42) LOOP
        PERFORM pg_sleep(0.02);
    END LOOP;
    RETURN NEW;
END
$insert$;
REVOKE ALL ON FUNCTION hold.stop(), hold.insert() FROM PUBLIC;
CREATE EVENT TRIGGER hold ON ddl_command_start EXECUTE FUNCTION hold.stop();
