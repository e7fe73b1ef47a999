CREATE OR REPLACE FUNCTION till.ring_up(amount numeric) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made bigint;
BEGIN
    PERFORM qt001_cp.require_acceptance('writer');
    INSERT INTO till."Receipt" (amount) VALUES (ring_up.amount) RETURNING id INTO made;
    RETURN made;
END
$$;
