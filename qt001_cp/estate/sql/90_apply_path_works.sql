-- QT001 at work, one last time before FIX7: the switches are opened, the gateway is used by its owner
-- and by the service, what arrived is counted, and both switches are blocked. They stay blocked.
SET client_encoding = 'UTF8';
SET ROLE directus;
UPDATE public.qt001_switch SET state = 'open' WHERE name IN ('apply', 'readiness');

SELECT public.qt001_gateway('{"code": "QT001-0001", "title": "Water level,  upper weir",
    "reason": "yearly sheet", "lines": [{"description": "Reading", "quantity": 12, "price": 4.50},
                                        {"description": "Travel", "price": 31.20}]}');
SELECT public.qt001_gateway('{"code": "QT001-0003", "title": "Discharge, lower weir",
    "severity": "critical", "reviewer": "ada", "reason": "new source",
    "lines": [{"description": "Survey", "price": 840}]}');
RESET ROLE;
SET ROLE qt001_service;
SELECT public.qt001_gateway('{"code": "QT001-0001", "title": "Water level, upper weir",
    "reason": "travel was free"}');
RESET ROLE;

SET ROLE directus;
INSERT INTO public.qt001_permit_record (id, payload_digest, requested_by) VALUES
    ('5a1e0012-0000-4000-8000-000000000001', repeat('0', 64), 'ada'),
    ('5a1e0012-0000-4000-8000-000000000002', repeat('0', 64), 'joerg');
SELECT public.qt001_gateway('{"permit": "5a1e0012-0000-4000-8000-000000000001",
    "code": "QT001-0004", "title": "Rainfall, station 4",
    "lines": [{"description": "Gauge", "quantity": 1, "price": 129.9}]}');

DO $$
DECLARE
    found text;
BEGIN
    SELECT concat_ws(' ',
        (SELECT count(*) FROM public.qt001_source WHERE state = 'applied'),
        (SELECT revision FROM public.qt001_source WHERE code = 'QT001-0001'),
        (SELECT count(*) FROM public.qt001_source_line),
        (SELECT count(*) FROM public.qt001_permit_record WHERE state = 'applied'),
        (SELECT count(*) FROM public.qt001_apply_log WHERE outcome = 'written'),
        (SELECT count(*) FROM public.qt001_write_log),
        (SELECT count(*) FROM public.qt001_queue),
        (SELECT sum("Amount") FROM public."qt001 Ledger"),
        (SELECT count(*) FROM public.qt001_audit_verdict
         WHERE auditor = 'qt001_self_audit' AND verdict = 'pass'))
    INTO found;
    IF found <> '3 3 2 4 4 4 4 1055.10 4' THEN
        RAISE EXCEPTION 'the apply path did not do its work: %', found;
    END IF;
END
$$;

SELECT public.qt001_refresh_statistics();
UPDATE public.qt001_switch SET state = 'blocked' WHERE name IN ('apply', 'readiness');

-- Blocked is blocked, for the owner too.
DO $$
BEGIN
    PERFORM public.qt001_gateway('{"code": "QT001-0005", "title": "Too late"}');
    RAISE EXCEPTION 'the gateway is open' USING ERRCODE = 'assert_failure';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    NULL;
END
$$;
RESET ROLE;
