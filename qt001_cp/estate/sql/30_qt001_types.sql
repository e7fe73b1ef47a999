-- QT001: its second schema, its types, and the functions that the types and tables are checked
-- with.
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE SCHEMA qt001_data;
COMMENT ON SCHEMA qt001_data IS 'QT001: measurements and what they refer to';

CREATE FUNCTION public.qt001_code_is_valid(code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT code ~ '^[A-Z]{2}[0-9]{3}-[0-9]{4}$'$$;

CREATE TYPE public.qt001_state AS ENUM ('draft', 'permitted', 'applied', 'rejected');
COMMENT ON TYPE public.qt001_state IS 'Where a permit, or a source, is on its way';
CREATE TYPE public.qt001_severity AS ENUM ('info', 'warning', 'critical');

CREATE DOMAIN public.qt001_code AS text
    CONSTRAINT qt001_code_check CHECK (public.qt001_code_is_valid(VALUE));
COMMENT ON DOMAIN public.qt001_code IS 'Two letters, three digits, a hyphen, four digits';
CREATE DOMAIN public.qt001_amount AS numeric(14,2) DEFAULT 0
    CONSTRAINT qt001_amount_not_negative CHECK (VALUE >= 0);

CREATE TYPE public.qt001_actor AS (login text, at timestamptz, reason text);
CREATE TYPE qt001_data.quantity AS (value numeric, unit text);
CREATE DOMAIN qt001_data.band AS numrange CONSTRAINT band_not_empty CHECK (NOT isempty(VALUE));

CREATE FUNCTION public.qt001_severity_rank(severity public.qt001_severity) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE severity WHEN 'info' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END$$;

CREATE FUNCTION public.qt001_normalise(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT regexp_replace(lower(btrim(value)), '\s+', ' ', 'g')$$;
COMMENT ON FUNCTION public.qt001_normalise(text)
    IS 'The form in which titles are compared; an index rests on it';

CREATE FUNCTION public.qt001_line_total(quantity numeric, price numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(quantity * price, 2);

CREATE FUNCTION public.qt001_content_digest(content bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT encode(sha256(content), 'hex')$$;

CREATE FUNCTION public.qt001_payload_digest(payload jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT encode(sha256(convert_to(payload::text, 'UTF8')), 'hex')$$;

CREATE SEQUENCE public.qt001_permit_number START 1000;
COMMENT ON SEQUENCE public.qt001_permit_number IS 'Numbers on permits; gaps are allowed';
CREATE SEQUENCE qt001_data.batch_number AS integer START 100 INCREMENT 10 MAXVALUE 1000000 CYCLE;

CREATE FUNCTION public.qt001_next_permit_number() RETURNS text
LANGUAGE sql VOLATILE
AS $$SELECT 'P-' || nextval('public.qt001_permit_number'::regclass)$$;

CREATE FUNCTION qt001_data.next_batch() RETURNS integer
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT nextval('qt001_data.batch_number'::regclass)::integer;
END;

RESET ROLE;
