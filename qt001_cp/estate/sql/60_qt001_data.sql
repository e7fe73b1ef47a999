-- QT001: what was there before the gateway: settings, people, units, sensors, measurements, cases.
SET client_encoding = 'UTF8';
SET ROLE directus;

INSERT INTO public.qt001_switch (name, state) VALUES ('apply', 'blocked'), ('readiness', 'blocked');
INSERT INTO public.qt001_setting (key, value) VALUES
    ('retention', '{"years": 10}'), ('sheet', '{"prefix": "QT001", "locale": "de-DE"}');
INSERT INTO public.qt001_reviewer (login, display_name, email, active) VALUES
    ('ada', 'Ada Berger', 'ada@example.org', true),
    ('joerg', 'Jörg Šimek', 'joerg@example.org', true),
    ('mia', 'Mia O''Neil', NULL, false);
INSERT INTO public."qt001_Prüfung" (id, "Prüfer", "geprüft am", "Befund – kurz") VALUES
    (1, 1, '2026-04-30', 'in Ordnung'), (2, 2, NULL, NULL);

INSERT INTO public.qt001_source (code, title, state, severity, reviewer) VALUES
    ('QT001-0001', 'Water level, upper weir', 'draft', 'info', NULL),
    ('QT001-0002', 'Water level, lower weir', 'rejected', 'critical', 1);
INSERT INTO public.qt001_template (name, body, fields) VALUES
    ('receipt', 'Source {code} was received: {title}', '{code,title}');
INSERT INTO public.qt001_attachment (source, file_name, content) VALUES
    (1, 'sheet-1.txt', convert_to('upper weir, left bank', 'UTF8'));
INSERT INTO public.qt001_note (source, about, note) VALUES
    (1, 'the scale', 'Read from the left bank'),
    (NULL, 'general', 'The "old" forms are still about');
INSERT INTO public.qt001_case (source, severity, subject, confidential, handler, opened_at,
    closed_at) VALUES
    (1, 'info', 'Scale is hard to read', false, NULL, '2026-02-01 08:00:00+00', NULL),
    (2, 'critical', 'Readings were copied', true, 'qt001_service', '2026-03-15 08:00:00+00', NULL),
    (2, 'warning', 'Sheet was lost and found', false, NULL, '2025-12-01 08:00:00+00',
     '2025-12-09 08:00:00+00');

INSERT INTO qt001_data.unit (symbol, name, base, factor) VALUES
    ('m', 'metre', NULL, 1), ('cm', 'centimetre', 'm', 0.01),
    ('m³/s', 'cubic metre a second', NULL, 1);
INSERT INTO qt001_data.location (id, river, kilometre) VALUES
    ('upper weir', 'Elbe', 55.6), ('lower weir', 'Elbe', 61.25), ('station 4', 'Mulde', 12);
INSERT INTO qt001_data.sensor (code, unit, location, allowed, calibrated, source) VALUES
    ('WL001-0001', 'cm', 'upper weir', '[0,900]', '(312.5,cm)', 1),
    ('WL001-0002', 'm', 'lower weir', '[0,9.5]', '(2.75,m)', 2),
    ('DI001-0001', 'm³/s', 'lower weir', '[0,)', NULL, NULL);
INSERT INTO qt001_data.calibration (sensor, reviewer, done_on, shift) VALUES
    (1, 1, '2025-10-01', '(-0.5,cm)'), (2, 2, '2024-02-29', '(0,m)');
INSERT INTO qt001_data.measurement (sensor, taken_on, ordinal, value) VALUES
    (1, '2025-12-31', 1, 287), (1, '2026-01-01', 1, 291), (1, '2026-01-01', 2, 290.5),
    (1, '2026-06-01', 1, 240), (2, '2026-06-01', 1, 2.41), (3, '2026-06-01', 1, 18.2);
INSERT INTO qt001_data.holiday (day, name) VALUES
    ('2026-01-01', 'New Year'), ('2026-05-01', 'Labour Day');
CALL qt001_data.reject('{"sensor": 9, "value": "n/a"}', 'no such sensor');
INSERT INTO public.qt001_import_batch (file_name, row_count) VALUES ('levels-2026-06.csv', 6);

REFRESH MATERIALIZED VIEW qt001_data.measurement_monthly;

RESET ROLE;
