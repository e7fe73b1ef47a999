-- QT001: views. The first three are the curated ones: plain, security barriers, nothing but QT001's
-- tables in them, and no function of QT001 (who reads a view needs EXECUTE on what it calls).
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE VIEW public.qt001_status WITH (security_barrier = true) AS
    SELECT s.name, s.state,
           (SELECT count(*) FROM public.qt001_source) AS sources,
           (SELECT max(w.written_at) FROM public.qt001_write_log w) AS last_write
    FROM public.qt001_switch s;
COMMENT ON VIEW public.qt001_status IS 'Curated: the switches, and how much there is';

CREATE VIEW public.qt001_source_register WITH (security_barrier = true) AS
    SELECT s.code, s.title, s.state, s.severity, s.revision, s.updated_at
    FROM public.qt001_source s
    WHERE s.state IN ('permitted', 'applied');
COMMENT ON VIEW public.qt001_source_register IS 'Curated: the register without bodies and actors';
COMMENT ON COLUMN public.qt001_source_register.code IS 'As printed on the sheet';

CREATE VIEW public."qt001 open cases" WITH (security_barrier = true) AS
    SELECT c.id, s.code AS source, c.severity, c.subject, c.opened_at
    FROM public.qt001_case c LEFT JOIN public.qt001_source s ON s.id = c.source
    WHERE c.closed_at IS NULL AND NOT c.confidential;
COMMENT ON VIEW public."qt001 open cases" IS 'Curated: open cases that are not confidential';

CREATE VIEW public.qt001_permit_queue AS
    SELECT p.number, p.state, p.requested_by, p.requested_at
    FROM public.qt001_permit_record p WHERE p.state IN ('draft', 'permitted');

CREATE VIEW public.qt001_ledger_balance AS
    SELECT s.code, public.qt001_sum_positive(e."Amount"::numeric) AS balance, count(*) AS entries
    FROM public."qt001 Ledger" e JOIN public.qt001_source s ON s.id = e.source
    GROUP BY s.code;

CREATE VIEW public.qt001_recent_writes AS
    SELECT w.id, s.code, w.revision, w.written_by, w.written_at
    FROM public.qt001_write_log w JOIN public.qt001_source s ON s.id = w.source
    ORDER BY w.id DESC LIMIT 100;

CREATE VIEW public.qt001_audit_trail AS
    SELECT a.id, a.at, a.actor, a.relation, a.operation, public.qt001_describe(a.after) AS what
    FROM public.qt001_audit_log a;

CREATE VIEW public.qt001_case_age AS
    SELECT c.id, c.subject, public.qt001_severity_rank(c.severity) AS rank,
           public.qt001_days_open(c.opened_at, coalesce(c.closed_at, CURRENT_TIMESTAMP)) AS days
    FROM public.qt001_case c;

-- A view on a view, and one that may be written: its rule sends what is inserted to the table.
CREATE VIEW public.qt001_case_overdue AS
    SELECT a.id, a.subject, a.days FROM public.qt001_case_age a WHERE a.rank >= 2 AND a.days > 30;
CREATE VIEW public.qt001_note AS
    SELECT n.id, n.source, n."what it's about" AS about, n.note FROM public."qt001 ""draft"" note" n;
CREATE RULE qt001_note_insert AS ON INSERT TO public.qt001_note DO INSTEAD
    INSERT INTO public."qt001 ""draft"" note" (source, "what it's about", note) VALUES (NEW.source, NEW.about, NEW.note);

CREATE VIEW public.qt001_reviewer_load AS
    SELECT r.display_name, count(s.id) AS sources
    FROM public.qt001_reviewer r LEFT JOIN public.qt001_source s ON s.reviewer = r.id
    GROUP BY r.id, r.display_name;

CREATE VIEW qt001_data.measurement_latest AS
    SELECT s.id AS sensor, s.code, s.unit, qt001_data.latest(s.id) AS value FROM qt001_data.sensor s;
CREATE VIEW qt001_data.out_of_band AS
    SELECT m.sensor, m.taken_on, m.ordinal, m.value
    FROM qt001_data.measurement m JOIN qt001_data.sensor s ON s.id = m.sensor
    WHERE NOT (s.allowed @> m.value);

CREATE VIEW qt001_data.calibration_due AS
    SELECT s.id AS sensor, s.code, max(k.done_on) AS last_done
    FROM qt001_data.sensor s LEFT JOIN qt001_data.calibration k ON k.sensor = s.id
    GROUP BY s.id, s.code
    HAVING max(k.done_on) IS NULL OR max(k.done_on) < CURRENT_DATE - 365;

CREATE MATERIALIZED VIEW public.qt001_source_statistics AS
    SELECT s.state, s.severity, count(*) AS sources, sum(public.qt001_severity_rank(s.severity)) AS weight
    FROM public.qt001_source s GROUP BY s.state, s.severity
WITH NO DATA;
CREATE UNIQUE INDEX qt001_source_statistics_key ON public.qt001_source_statistics (state, severity);
COMMENT ON MATERIALIZED VIEW public.qt001_source_statistics
    IS 'Refreshed by qt001_refresh_statistics()';

CREATE MATERIALIZED VIEW qt001_data.measurement_monthly AS
    SELECT m.sensor, to_char(m.taken_on, 'YYYY-MM') AS month, avg(m.value) AS mean, count(*) AS readings
    FROM qt001_data.measurement m GROUP BY m.sensor, to_char(m.taken_on, 'YYYY-MM')
WITH NO DATA;

RESET ROLE;
