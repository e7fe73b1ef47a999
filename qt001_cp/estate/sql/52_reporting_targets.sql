-- A table of another role: reporting gave it to directus with grant option, and directus passed
-- it on.
SET client_encoding = 'UTF8';

CREATE TABLE public.reporting_targets (
    month date PRIMARY KEY,
    target numeric(12,2) NOT NULL
);
ALTER TABLE public.reporting_targets OWNER TO reporting;
COMMENT ON TABLE public.reporting_targets IS 'What reporting expects of a month';
INSERT INTO public.reporting_targets VALUES ('2026-05-01', 400), ('2026-06-01', 500);

SET ROLE reporting;
GRANT SELECT, INSERT ON public.reporting_targets TO directus WITH GRANT OPTION;
RESET ROLE;
SET ROLE directus;
GRANT SELECT ON public.reporting_targets TO intern;
RESET ROLE;
