CREATE OR REPLACE FUNCTION public.qt001_gateway(payload jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET array_nulls = on
SET backslash_quote = 'safe_encoding'
SET gin_fuzzy_search_limit = 0
SET plpgsql.check_asserts = on
SET plpgsql.extra_errors = 'none'
SET quote_all_identifiers = off
SET standard_conforming_strings = on
SET transform_null_equals = off
SET xmloption = 'content'
AS $$
DECLARE
    permit_id uuid;
BEGIN
    -- Real-time gate: raises QT301 unless FIX7 acceptance holds at this moment. Nothing happens before it.
    PERFORM qt001_cp.require_acceptance('gateway');

    permit_id := public.qt001_permit(payload);
    RETURN public.qt001_apply(permit_id, payload);
END
$$;
