CREATE OR REPLACE FUNCTION public.qt001_refresh_statistics() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- It writes with the owner's rights and others may call it: a Level-B entry point like the apply path.
    PERFORM qt001_cp.require_acceptance('refresh_statistics');
    REFRESH MATERIALIZED VIEW public.qt001_source_statistics;
END
$$;
