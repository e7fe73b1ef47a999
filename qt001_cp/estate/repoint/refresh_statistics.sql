CREATE OR REPLACE FUNCTION public.qt001_refresh_statistics() RETURNS void
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
BEGIN
    -- It writes with the owner's rights and others may call it: a Level-B entry point like the apply path.
    PERFORM qt001_cp.require_acceptance('refresh_statistics');
    REFRESH MATERIALIZED VIEW public.qt001_source_statistics;
END
$$;
