-- QT001: triggers and their functions, and row level security.
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE FUNCTION public.qt001_touch() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := CURRENT_TIMESTAMP;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.qt001_guard() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state = 'applied' THEN
            RAISE EXCEPTION 'source % is applied and cannot be deleted', OLD.code USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.code IS DISTINCT FROM OLD.code OR NEW.revision < OLD.revision THEN
        RAISE EXCEPTION 'source %: neither the code nor the revision goes back', OLD.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.qt001_audit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.qt001_audit_log (actor, relation, operation, before, after)
    VALUES (session_user, format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), TG_OP,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.qt001_audit() IS 'Writes the audit log with the rights of its owner';

CREATE FUNCTION public.qt001_append_only() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %: this log is append only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION public.qt001_enqueue() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.qt001_queue (write_log) VALUES (NEW.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION qt001_data.measurement_check() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_data.sensor s WHERE s.id = NEW.sensor AND s.allowed @> NEW.value) THEN
        RAISE EXCEPTION 'value % of sensor % is outside its band', NEW.value, NEW.sensor USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER qt001_source_touch BEFORE UPDATE ON public.qt001_source
    FOR EACH ROW EXECUTE FUNCTION public.qt001_touch();
CREATE TRIGGER qt001_source_guard BEFORE UPDATE OR DELETE ON public.qt001_source
    FOR EACH ROW EXECUTE FUNCTION public.qt001_guard();
CREATE TRIGGER qt001_source_audit AFTER INSERT OR UPDATE OR DELETE ON public.qt001_source
    FOR EACH ROW EXECUTE FUNCTION public.qt001_audit();
COMMENT ON TRIGGER qt001_source_audit ON public.qt001_source
    IS 'Every change of the register, with its actor';
CREATE TRIGGER qt001_permit_audit AFTER UPDATE OF state ON public.qt001_permit_record
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION public.qt001_audit();
CREATE TRIGGER qt001_setting_touch BEFORE UPDATE ON public.qt001_setting
    FOR EACH ROW EXECUTE FUNCTION public.qt001_touch();
CREATE TRIGGER qt001_write_log_append_only BEFORE UPDATE OR DELETE ON public.qt001_write_log
    FOR EACH ROW EXECUTE FUNCTION public.qt001_append_only();
CREATE TRIGGER qt001_write_log_enqueue AFTER INSERT ON public.qt001_write_log
    FOR EACH ROW EXECUTE FUNCTION public.qt001_enqueue();
CREATE TRIGGER qt001_audit_log_append_only BEFORE UPDATE OR DELETE ON public.qt001_audit_log
    FOR EACH ROW EXECUTE FUNCTION public.qt001_append_only();
CREATE TRIGGER qt001_audit_log_no_truncate BEFORE TRUNCATE ON public.qt001_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION public.qt001_append_only();
CREATE TRIGGER "ledger: append only" BEFORE UPDATE OR DELETE ON public."qt001 Ledger"
    FOR EACH ROW EXECUTE FUNCTION public.qt001_append_only();
CREATE TRIGGER measurement_check BEFORE INSERT OR UPDATE ON qt001_data.measurement
    FOR EACH ROW EXECUTE FUNCTION qt001_data.measurement_check();

ALTER TABLE public.qt001_case ENABLE ROW LEVEL SECURITY;
CREATE POLICY qt001_case_readers ON public.qt001_case FOR SELECT TO reporting, qt001_service
    USING (public.qt001_case_visible(confidential, handler));
CREATE POLICY qt001_case_handlers ON public.qt001_case FOR UPDATE TO qt001_service
    USING (handler = current_user) WITH CHECK (handler = current_user);

RESET ROLE;
