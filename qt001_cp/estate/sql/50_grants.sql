-- Grants on QT001, as years of tickets leave them. The order of the statements is the order of the
-- ACL entries. No entry on a QT001 object has the application role as its grantee and another role as
-- its grantor: a change of owner there and back would merge such an entry with the owner's own.
SET client_encoding = 'UTF8';
SET ROLE directus;

-- The apply path: nobody but the service comes in, and only at the gateway.
REVOKE EXECUTE ON FUNCTION public.qt001_gateway(jsonb), public.qt001_permit(jsonb),
    public.qt001_apply(uuid, jsonb), public.qt001_write(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.qt001_gateway(jsonb) TO qt001_service;
REVOKE EXECUTE ON FUNCTION public.qt001_self_audit(text, uuid), public.qt001_refresh_statistics()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.qt001_refresh_statistics() TO qt001_service;
REVOKE EXECUTE ON PROCEDURE public.qt001_close_stale(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE public.qt001_close_stale(integer, integer) TO qt001_service;

-- What reporting needs, and may pass on.
GRANT USAGE ON SCHEMA qt001_data TO reporting WITH GRANT OPTION;
GRANT USAGE ON SCHEMA qt001_data TO qt001_service;
GRANT SELECT ON public.qt001_source, public.qt001_write_log, public."qt001 Ledger",
    qt001_data.measurement, public.qt001_ledger_balance, public.qt001_recent_writes,
    public.qt001_source_statistics, qt001_data.unit
    TO reporting WITH GRANT OPTION;
GRANT SELECT, USAGE ON SEQUENCE public.qt001_permit_number TO reporting WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION public.qt001_describe(public.qt001_state), public.qt001_normalise(text)
    TO reporting WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION public.qt001_case_visible(boolean, text),
    public.qt001_severity_rank(public.qt001_severity) TO reporting, qt001_service;
GRANT EXECUTE ON FUNCTION public.qt001_sum_positive(numeric) TO reporting, intern;
GRANT USAGE ON TYPE public.qt001_state TO reporting WITH GRANT OPTION;
REVOKE USAGE ON TYPE public.qt001_severity FROM PUBLIC;
GRANT USAGE ON TYPE public.qt001_severity TO qt001_service;
GRANT USAGE ON DOMAIN public.qt001_code TO intern, qt001_service;

-- Several grantees, PUBLIC in the middle of them.
GRANT SELECT ON public.qt001_case TO reporting WITH GRANT OPTION;
GRANT SELECT ON public.qt001_case TO PUBLIC;
GRANT SELECT, UPDATE ON public.qt001_case TO qt001_service;
GRANT SELECT ON public.qt001_setting TO intern;
GRANT SELECT ON public.qt001_setting TO PUBLIC;
GRANT INSERT, SELECT, UPDATE ON public.qt001_setting TO qt001_service;
GRANT SELECT, REFERENCES ON public.qt001_setting TO reporting;
GRANT SELECT ON public.qt001_status, public.qt001_source_register TO PUBLIC;
GRANT SELECT ON public."qt001 open cases" TO qt001_service, PUBLIC, reporting;
GRANT SELECT ON public."qt001_Prüfung" TO PUBLIC;
GRANT SELECT, INSERT ON public.qt001_note TO PUBLIC;
GRANT USAGE ON SEQUENCE qt001_data.batch_number TO PUBLIC;
GRANT SELECT ON SEQUENCE public.qt001_queue_id_seq TO PUBLIC, reporting;
GRANT TRUNCATE, TRIGGER ON public.qt001_queue TO qt001_service;

-- Columns.
GRANT SELECT (login, display_name) ON public.qt001_reviewer TO reporting;
GRANT SELECT (display_name) ON public.qt001_reviewer TO PUBLIC;
GRANT SELECT (display_name), UPDATE (display_name) ON public.qt001_reviewer TO qt001_service;
GRANT UPDATE (note) ON public."qt001 ""draft"" note" TO PUBLIC;
GRANT SELECT ("what it's about", note) ON public."qt001 ""draft"" note"
    TO reporting WITH GRANT OPTION;
GRANT UPDATE (note), INSERT (note) ON public."qt001 ""draft"" note" TO qt001_service;
GRANT SELECT ("Befund – kurz") ON public."qt001_Prüfung" TO reporting;
GRANT REFERENCES (symbol) ON qt001_data.unit TO intern;

-- The owner took from itself what it never means to do.
REVOKE TRUNCATE ON public.qt001_audit_log FROM directus;
REVOKE UPDATE, DELETE ON public.qt001_write_log FROM directus;
GRANT SELECT ON public.qt001_audit_log TO reporting;

-- Reporting passes on.
RESET ROLE;
SET ROLE reporting;
GRANT USAGE ON SCHEMA qt001_data TO intern;
GRANT SELECT ON public.qt001_source, public."qt001 Ledger", qt001_data.measurement,
    public.qt001_ledger_balance TO intern;
GRANT SELECT ON public.qt001_case TO intern WITH GRANT OPTION;
GRANT SELECT ON SEQUENCE public.qt001_permit_number TO intern;
GRANT EXECUTE ON FUNCTION public.qt001_describe(public.qt001_state) TO intern;
GRANT USAGE ON TYPE public.qt001_state TO intern;
GRANT SELECT (note) ON public."qt001 ""draft"" note" TO intern;
-- PUBLIC reads the units by a grant that is not the owner's: a REVOKE by the owner leaves it.
GRANT SELECT ON qt001_data.unit TO PUBLIC;
RESET ROLE;

-- Grants on what Directus keeps.
SET ROLE directus;
GRANT SELECT ON public.articles, public.articles_published, public.orders, public."Order Items",
    public."Übersicht" TO reporting;
GRANT SELECT ON public.articles_published TO PUBLIC;
GRANT SELECT (id, first_name, last_name) ON public.directus_users TO reporting;
RESET ROLE;
