-- QT001: routines that are not on the apply path, overloads among them.
SET client_encoding = 'UTF8';
SET ROLE directus;

-- Four functions of one name. A literal goes to the one for text, unless it says that it is a
-- state.
CREATE FUNCTION public.qt001_describe(state public.qt001_state) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
AS $$SELECT 'state: ' || state::text$$;
CREATE FUNCTION public.qt001_describe(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
AS $$SELECT 'text: ' || value$$;
CREATE FUNCTION public.qt001_describe(value integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
AS $$SELECT 'number: ' || value$$;
CREATE FUNCTION public.qt001_describe(value jsonb, depth integer DEFAULT 1) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
BEGIN
    RETURN format('%s of depth %s', jsonb_typeof(value), depth);
END
$$;
COMMENT ON FUNCTION public.qt001_describe(public.qt001_state) IS 'The overload for the enum';

CREATE FUNCTION public.qt001_first_of(VARIADIC candidates text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$SELECT c FROM unnest(candidates) WITH ORDINALITY AS x(c, n) WHERE c IS NOT NULL ORDER BY n LIMIT 1$$;

CREATE FUNCTION public.qt001_days_open(opened timestamptz,
    closed timestamptz DEFAULT CURRENT_TIMESTAMP, grace integer DEFAULT 0)
RETURNS integer
LANGUAGE sql STABLE
AS $$SELECT greatest(0, extract(day FROM closed - opened)::integer - grace)$$;

CREATE FUNCTION public.qt001_actor_of(reason text) RETURNS public.qt001_actor
LANGUAGE sql STABLE
AS $$SELECT ROW(session_user::text, CURRENT_TIMESTAMP, reason)::public.qt001_actor$$;

CREATE FUNCTION public.qt001_case_visible(confidential boolean, handler text) RETURNS boolean
LANGUAGE sql STABLE
AS $$SELECT NOT confidential OR handler = current_user$$;

CREATE FUNCTION public.qt001_sum_positive_step(state numeric, value numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT coalesce(state, 0) + greatest(coalesce(value, 0), 0)$$;
CREATE AGGREGATE public.qt001_sum_positive(numeric) (
    SFUNC = public.qt001_sum_positive_step, STYPE = numeric, INITCOND = '0'
);
COMMENT ON AGGREGATE public.qt001_sum_positive(numeric) IS 'Like sum, deaf to what is below zero';

CREATE FUNCTION public.qt001_lines_of(code public.qt001_code)
RETURNS TABLE (line integer, description text, total numeric)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT l.line, l.description, l.total
    FROM public.qt001_source_line l JOIN public.qt001_source s ON s.id = l.source
    WHERE s.code = qt001_lines_of.code
    ORDER BY l.line;
END;

CREATE FUNCTION public.qt001_find(title text) RETURNS SETOF public.qt001_source
LANGUAGE sql STABLE ROWS 5
AS $$SELECT s.* FROM public.qt001_source s WHERE public.qt001_normalise(s.title) = public.qt001_normalise($1)$$;

-- The one routine of QT001 with EXECUTE, of a constant string. It is not on the apply path.
CREATE FUNCTION public.qt001_refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE 'REFRESH MATERIALIZED VIEW public.qt001_source_statistics';
END
$$;

CREATE FUNCTION public.qt001_render(template text, payload jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    result text;
    field text;
BEGIN
    SELECT t.body INTO result FROM public.qt001_template t WHERE t.name = template;
    FOREACH field IN ARRAY (SELECT t.fields FROM public.qt001_template t WHERE t.name = template) LOOP
        result := replace(result, '{' || field || '}', coalesce(payload ->> field, '?'));
    END LOOP;
    RETURN result;
END
$$;

CREATE PROCEDURE public.qt001_close_stale(days integer DEFAULT 90, INOUT closed integer DEFAULT 0)
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE public.qt001_case SET closed_at = CURRENT_TIMESTAMP
    WHERE closed_at IS NULL AND severity = 'info' AND opened_at < CURRENT_TIMESTAMP - make_interval(days => days);
    GET DIAGNOSTICS closed = ROW_COUNT;
END
$$;

CREATE FUNCTION qt001_data.unit_factor(symbol text) RETURNS numeric
LANGUAGE sql STABLE STRICT
AS $$SELECT u.factor FROM qt001_data.unit u WHERE u.symbol = $1$$;

CREATE FUNCTION qt001_data.convert(value qt001_data.quantity, target text)
    RETURNS qt001_data.quantity
LANGUAGE plpgsql STABLE STRICT
AS $$
DECLARE
    result qt001_data.quantity;
BEGIN
    result.value := value.value * qt001_data.unit_factor(value.unit) / qt001_data.unit_factor(target);
    result.unit := target;
    RETURN result;
END
$$;

CREATE FUNCTION qt001_data.latest(sensor integer) RETURNS numeric
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT m.value FROM qt001_data.measurement m
    WHERE m.sensor = latest.sensor ORDER BY m.taken_on DESC, m.ordinal DESC LIMIT 1;
END;

CREATE FUNCTION qt001_data.distance(a text, b text) RETURNS numeric
LANGUAGE sql STABLE STRICT
AS $$
    SELECT abs(x.kilometre - y.kilometre)
    FROM qt001_data.location x JOIN qt001_data.location y ON y.river = x.river
    WHERE x.id = a AND y.id = b
$$;

CREATE PROCEDURE qt001_data.reject(raw jsonb, reason text)
LANGUAGE sql
AS $$INSERT INTO qt001_data.rejected_row (raw, reason) VALUES ($1, $2)$$;

RESET ROLE;
