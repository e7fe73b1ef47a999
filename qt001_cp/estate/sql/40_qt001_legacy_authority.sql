-- QT001: the authority that FIX7 is here to remove. The application owns its own gate, and the
-- gate always says yes.
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE VIEW public.qt001_readiness AS
    SELECT true AS ready, 'hard-coded'::text AS verdict, 'QT001'::text AS subject;
COMMENT ON VIEW public.qt001_readiness IS 'Is QT001 ready? Ask nobody, it is';

CREATE FUNCTION public.qt001_is_ready() RETURNS boolean
LANGUAGE sql STABLE
AS $$SELECT r.ready FROM public.qt001_readiness r$$;

-- Signs itself: the auditor is the function, and the verdict is known before the question.
CREATE FUNCTION public.qt001_self_audit(subject text, permit uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.qt001_audit_verdict (auditor, subject, verdict)
    VALUES ('qt001_self_audit', concat_ws(' ', subject, permit), 'pass');
    RETURN true;
END
$$;

RESET ROLE;
