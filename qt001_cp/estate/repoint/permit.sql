CREATE OR REPLACE FUNCTION public.qt001_permit(payload jsonb) RETURNS uuid
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
    PERFORM qt001_cp.require_acceptance('permit');

    IF payload ? 'permit' THEN
        UPDATE public.qt001_permit_record p
        SET state = 'permitted', payload_digest = public.qt001_payload_digest(payload)
        WHERE p.id = (payload ->> 'permit')::uuid AND p.state = 'draft'
        RETURNING p.id INTO permit_id;
        IF permit_id IS NULL THEN
            RAISE EXCEPTION 'there is no draft permit %', payload ->> 'permit' USING ERRCODE = 'no_data_found';
        END IF;
    ELSE
        INSERT INTO public.qt001_permit_record (payload_digest, state, requested_by)
        VALUES (public.qt001_payload_digest(payload), 'permitted', session_user)
        RETURNING id INTO permit_id;
    END IF;
    RETURN permit_id;
END
$$;
