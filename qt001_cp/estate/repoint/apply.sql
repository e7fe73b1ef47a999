CREATE OR REPLACE FUNCTION public.qt001_apply(permit uuid, payload jsonb) RETURNS jsonb
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
    slip public.qt001_permit_record;
    source_id bigint;
BEGIN
    -- Real-time gate: raises QT301 unless FIX7 acceptance holds at this moment. Nothing happens before it.
    PERFORM qt001_cp.require_acceptance('apply');

    SELECT p.* INTO slip FROM public.qt001_permit_record p WHERE p.id = permit FOR UPDATE;
    IF NOT FOUND OR slip.state <> 'permitted' OR slip.payload_digest <> public.qt001_payload_digest(payload) THEN
        RAISE EXCEPTION 'permit % does not permit this', permit USING ERRCODE = 'insufficient_privilege';
    END IF;
    source_id := public.qt001_write(payload);
    UPDATE public.qt001_permit_record p SET state = 'applied', used_at = CURRENT_TIMESTAMP WHERE p.id = permit;
    INSERT INTO public.qt001_apply_log (permit, source, outcome) VALUES (permit, source_id, 'written');
    RETURN jsonb_build_object('permit', slip.number, 'source', source_id, 'outcome', 'written');
END
$$;
