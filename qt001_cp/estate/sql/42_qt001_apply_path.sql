-- QT001: the apply path. gateway -> permit, apply -> writer. Definer's rights, pinned search
-- path, no dynamic SQL.
SET client_encoding = 'UTF8';
SET ROLE directus;

-- The authoritative writer: one payload becomes a revision of one source, its lines, a log row
-- and a ledger entry.
CREATE FUNCTION public.qt001_write(payload jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source_id bigint;
    source_revision integer;
    line_sum numeric;
BEGIN
    IF EXISTS (SELECT 1 FROM public.qt001_switch s WHERE s.name IN ('apply', 'readiness') AND s.state = 'blocked') THEN
        RAISE EXCEPTION 'QT001 writer is blocked' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT public.qt001_is_ready() THEN
        RAISE EXCEPTION 'QT001 is not ready' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

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
COMMENT ON FUNCTION public.qt001_write(jsonb) IS 'The authoritative writer';

-- Makes a permit for the payload, or claims the draft that the payload names.
CREATE FUNCTION public.qt001_permit(payload jsonb) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    permit_id uuid;
BEGIN
    IF EXISTS (SELECT 1 FROM public.qt001_switch s WHERE s.name IN ('apply', 'readiness') AND s.state = 'blocked') THEN
        RAISE EXCEPTION 'QT001 permits are blocked' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT (SELECT r.ready FROM public.qt001_readiness r) THEN
        RAISE EXCEPTION 'QT001 is not ready' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

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

-- Uses a permit up: exactly once, and only for the payload that it was made for.
CREATE FUNCTION public.qt001_apply(permit uuid, payload jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    slip public.qt001_permit_record;
    source_id bigint;
BEGIN
    IF EXISTS (SELECT 1 FROM public.qt001_switch s WHERE s.name IN ('apply', 'readiness') AND s.state = 'blocked') THEN
        RAISE EXCEPTION 'QT001 apply is blocked' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT public.qt001_self_audit('apply', permit) THEN
        RAISE EXCEPTION 'QT001 failed its audit' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

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

-- The way in.
CREATE FUNCTION public.qt001_gateway(payload jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    permit_id uuid;
BEGIN
    IF EXISTS (SELECT 1 FROM public.qt001_switch s WHERE s.name IN ('apply', 'readiness') AND s.state = 'blocked') THEN
        RAISE EXCEPTION 'QT001 gateway is blocked' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT public.qt001_is_ready() THEN
        RAISE EXCEPTION 'QT001 is not ready' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    permit_id := public.qt001_permit(payload);
    RETURN public.qt001_apply(permit_id, payload);
END
$$;
COMMENT ON FUNCTION public.qt001_gateway(jsonb)
    IS 'The way into QT001: {"code", "title", "severity", "reviewer", "reason", "lines"}';

RESET ROLE;
