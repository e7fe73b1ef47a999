-- Default privileges, and two tables and a function that were made after them and have what they
-- give.
SET client_encoding = 'UTF8';
SET ROLE directus;
ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA public GRANT SELECT ON TABLES TO reporting;
ALTER DEFAULT PRIVILEGES FOR ROLE directus IN SCHEMA qt001_data GRANT EXECUTE ON FUNCTIONS
    TO PUBLIC;
RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE reporting GRANT SELECT ON TABLES TO directus;

SET ROLE directus;
CREATE TABLE public.newsletter (
    email text PRIMARY KEY,
    since date NOT NULL DEFAULT CURRENT_DATE
);
INSERT INTO public.newsletter (email) VALUES ('noor@example.org');

CREATE TABLE public.qt001_import_batch (
    id integer PRIMARY KEY DEFAULT qt001_data.next_batch(),
    file_name text NOT NULL,
    row_count integer NOT NULL DEFAULT 0,
    imported_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE FUNCTION qt001_data.is_working_day(day date) RETURNS boolean
LANGUAGE sql STABLE STRICT
AS $$SELECT extract(isodow FROM $1) < 6 AND NOT EXISTS (SELECT 1 FROM qt001_data.holiday h WHERE h.day = $1)$$;
RESET ROLE;
