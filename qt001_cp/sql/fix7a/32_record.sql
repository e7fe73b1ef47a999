-- What a no-go record has to be, at the door: a record that cannot be read would close a
-- precondition and a gate for good.

CREATE FUNCTION qt001_cp.utc_timestamp(said text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $utc_timestamp$
-- A timestamp in UTC as documents write it, or NULL. The input of timestamptz would take 'now' and
-- 'today' too, which never grow old, and a time without a zone, which means what the session's zone
-- makes of it.
BEGIN
    IF said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$' THEN
        RETURN said::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$utc_timestamp$;

CREATE FUNCTION qt001_cp.listed(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $listed$
-- The value where it is a list, else an empty one: what is not a list is a finding of its own.
SELECT CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END
$listed$;

CREATE FUNCTION qt001_cp.record_case_findings(number bigint, one jsonb)
RETURNS TABLE (object text, expected text, found text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $record_case_findings$
-- What is wrong with one case of a record, by its place in the document.
SELECT format('cases[%s]', number), 'an object', jsonb_typeof(one)
WHERE jsonb_typeof(one) <> 'object'
UNION ALL
SELECT format('cases[%s].%s', number, key), 'a text', coalesce(jsonb_typeof(one -> key), 'nothing')
FROM unnest(ARRAY['family', 'name', 'role', 'object', 'sqlstate', 'message', 'state_before',
                  'state_after']) key
WHERE jsonb_typeof(one) = 'object' AND jsonb_typeof(one -> key) IS DISTINCT FROM 'string'
UNION ALL
SELECT format('cases[%s].family', number), 'a no-go family', one ->> 'family'
WHERE jsonb_typeof(one -> 'family') = 'string'
  AND one ->> 'family' <> ALL ('{nogo_families}'::text[])
UNION ALL
SELECT format('cases[%s].%s', number, key), 'a name', 'an empty text'
FROM unnest(ARRAY['name', 'role']) key
WHERE jsonb_typeof(one -> key) = 'string' AND btrim(one ->> key) = ''
UNION ALL
SELECT format('cases[%s].sqlstate', number),
       'five letters or digits, and perhaps "(another reason)"', one ->> 'sqlstate'
WHERE jsonb_typeof(one -> 'sqlstate') = 'string'
  AND one ->> 'sqlstate' !~ '^[0-9A-Z]{5}( \(another reason\))?$'
UNION ALL
SELECT format('cases[%s].%s', number, key), 'a sha256, or an empty text', left(one ->> key, 80)
FROM unnest(ARRAY['state_before', 'state_after']) key
WHERE jsonb_typeof(one -> key) = 'string' AND one ->> key !~ '^([0-9a-f]{64})?$'
UNION ALL
SELECT format('cases[%s].expected', number), 'a list of SQLSTATEs',
       coalesce(left(one ->> 'expected', 80), 'nothing')
WHERE jsonb_typeof(one) = 'object'
  AND NOT (jsonb_typeof(one -> 'expected') IS NOT DISTINCT FROM 'array'
           AND one -> 'expected' <> '[]'
           AND NOT jsonb_path_exists(one -> 'expected', '$[*] ? (@.type() != "string")')
           AND NOT EXISTS (
               SELECT 1
               FROM jsonb_array_elements_text(qt001_cp.listed(one -> 'expected')) code
               WHERE code !~ '^[0-9A-Z]{5}$'))
$record_case_findings$;

CREATE FUNCTION qt001_cp.record_findings(doc jsonb)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $record_findings$
-- What is wrong with a no-go record, by its place. What its cases say is another matter:
-- rehearsal_findings() reads them.
WITH part AS (
    SELECT 'manifest' AS object,
           'the digest of an object manifest that was proposed in this database' AS expected,
           coalesce(doc ->> 'manifest', 'nothing') AS found
    WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.document
                      WHERE document.digest = doc ->> 'manifest'
                        AND document.kind = 'qt001.manifest.object/1')
    UNION ALL
    SELECT format('producer.%s', key), 'a text', coalesce(doc -> 'producer' ->> key, 'nothing')
    FROM unnest(ARRAY['name', 'version']) key
    WHERE jsonb_typeof(doc -> 'producer' -> key) IS DISTINCT FROM 'string'
       OR btrim(doc -> 'producer' ->> key) = ''
    UNION ALL
    SELECT 'server', 'a text', coalesce(jsonb_typeof(doc -> 'server'), 'nothing')
    WHERE jsonb_typeof(doc -> 'server') IS DISTINCT FROM 'string'
    UNION ALL
    SELECT 'produced_at', 'a time in UTC that has passed, such as 2026-01-31T12:00:00Z',
           coalesce(doc ->> 'produced_at', 'nothing')
    WHERE (qt001_cp.utc_timestamp(doc ->> 'produced_at')
           <= clock_timestamp() + interval '5 minutes') IS NOT TRUE
    UNION ALL
    SELECT 'cases', 'a list of cases', coalesce(jsonb_typeof(doc -> 'cases'), 'nothing')
    WHERE jsonb_typeof(doc -> 'cases') IS DISTINCT FROM 'array' OR doc -> 'cases' = '[]'
    UNION ALL
    SELECT finding.*
    FROM jsonb_array_elements(qt001_cp.listed(doc -> 'cases')) WITH ORDINALITY one(value, number)
    CROSS JOIN LATERAL qt001_cp.record_case_findings(one.number - 1, one.value) finding
)
SELECT 'QT202', part.object, part.expected, part.found,
       'Take the nogo.json that qt001-cp rehearse wrote for this manifest.'
FROM part
$record_findings$;
