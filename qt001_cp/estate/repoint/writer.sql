CREATE OR REPLACE FUNCTION public.qt001_write(payload jsonb) RETURNS bigint
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
    source_id bigint;
    source_revision integer;
    line_sum numeric;
BEGIN
    -- Real-time gate: raises QT301 unless FIX7 acceptance holds at this moment. Nothing happens before it.
    PERFORM qt001_cp.require_acceptance('writer');

    INSERT INTO public.qt001_source AS s (code, title, state, severity, body, actor, reviewer)
    VALUES ((payload ->> 'code')::public.qt001_code,
            payload ->> 'title',
            'applied',
            coalesce((payload ->> 'severity')::public.qt001_severity, 'info'),
            coalesce(payload -> 'body', '{}'),
            public.qt001_actor_of(payload ->> 'reason'),
            (SELECT r.id FROM public.qt001_reviewer r WHERE r.login = payload ->> 'reviewer' AND r.active))
    ON CONFLICT (code) DO UPDATE
        SET title = excluded.title, state = excluded.state, severity = excluded.severity, body = excluded.body,
            actor = excluded.actor, reviewer = excluded.reviewer, revision = s.revision + 1
    RETURNING s.id, s.revision INTO source_id, source_revision;

    DELETE FROM public.qt001_source_line l WHERE l.source = source_id;
    INSERT INTO public.qt001_source_line (source, line, description, quantity, price)
    SELECT source_id, x.n, x.item ->> 'description', coalesce((x.item ->> 'quantity')::numeric, 1),
           (x.item ->> 'price')::public.qt001_amount
    FROM jsonb_array_elements(coalesce(payload -> 'lines', '[]')) WITH ORDINALITY AS x(item, n);

    INSERT INTO public.qt001_write_log (source, revision, payload, written_by)
    VALUES (source_id, source_revision, payload, session_user);

    SELECT public.qt001_sum_positive(l.total) INTO line_sum FROM public.qt001_source_line l WHERE l.source = source_id;
    INSERT INTO public."qt001 Ledger" (source, "Amount") VALUES (source_id, line_sum);
    RETURN source_id;
END
$$;
