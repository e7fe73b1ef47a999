-- QT001: the tables in its second schema.
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE TABLE qt001_data.unit (
    symbol text PRIMARY KEY,
    name text NOT NULL,
    base text REFERENCES qt001_data.unit (symbol),
    factor numeric NOT NULL DEFAULT 1 CHECK (factor > 0)
);

CREATE TABLE qt001_data.location (
    id text PRIMARY KEY,
    river text NOT NULL,
    kilometre numeric(6,2) NOT NULL CHECK (kilometre >= 0),
    UNIQUE (river, kilometre)
);

CREATE TABLE qt001_data.sensor (
    id serial PRIMARY KEY,
    code public.qt001_code NOT NULL UNIQUE,
    unit text NOT NULL REFERENCES qt001_data.unit (symbol),
    location text REFERENCES qt001_data.location (id),
    allowed qt001_data.band NOT NULL DEFAULT numrange(0, NULL),
    calibrated qt001_data.quantity,
    source bigint REFERENCES public.qt001_source (id)
);

CREATE TABLE qt001_data.measurement (
    sensor integer NOT NULL REFERENCES qt001_data.sensor (id),
    taken_on date NOT NULL,
    ordinal integer NOT NULL DEFAULT 1,
    value numeric NOT NULL,
    batch integer NOT NULL DEFAULT qt001_data.next_batch(),
    PRIMARY KEY (sensor, taken_on, ordinal)
) PARTITION BY RANGE (taken_on);
COMMENT ON TABLE qt001_data.measurement IS 'One partition a year';
CREATE TABLE qt001_data.measurement_2025 PARTITION OF qt001_data.measurement
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE qt001_data.measurement_2026 PARTITION OF qt001_data.measurement
    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE qt001_data.measurement_2027 PARTITION OF qt001_data.measurement
    FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE INDEX measurement_batch ON qt001_data.measurement (batch);

CREATE TABLE qt001_data.calibration (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor integer NOT NULL REFERENCES qt001_data.sensor (id) ON DELETE CASCADE,
    reviewer integer REFERENCES public.qt001_reviewer (id),
    done_on date NOT NULL,
    shift qt001_data.quantity NOT NULL,
    UNIQUE (sensor, done_on)
);

CREATE TABLE qt001_data.rejected_row (
    id bigserial PRIMARY KEY,
    raw jsonb NOT NULL,
    severity public.qt001_severity NOT NULL DEFAULT 'warning',
    reason text NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE qt001_data.holiday (
    day date PRIMARY KEY,
    name text NOT NULL
);

RESET ROLE;
