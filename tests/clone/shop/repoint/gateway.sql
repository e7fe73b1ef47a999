CREATE OR REPLACE FUNCTION till.counter(amount numeric) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM qt001_cp.require_acceptance('gateway');
    RETURN till.settle(counter.amount, till.slip('counter'));
END
$$;
