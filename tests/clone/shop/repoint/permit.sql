CREATE OR REPLACE FUNCTION till.slip(note text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM qt001_cp.require_acceptance('permit');
    RETURN note;
END
$$;
