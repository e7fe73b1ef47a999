CREATE OR REPLACE FUNCTION till.settle(amount numeric, note text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM qt001_cp.require_acceptance('apply');
    RETURN till.ring_up(settle.amount);
END
$$;
