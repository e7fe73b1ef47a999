-- A web shop that migrates its own database: what is its own stays its own.
SET client_encoding = 'UTF8';

-- As the administrator sets a database up: the application may create in public.
GRANT USAGE, CREATE ON SCHEMA public TO shop;

SET ROLE shop;

CREATE TABLE public.schema_migration (
    version text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE public.customer (
    id serial PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL
);

CREATE TABLE public.purchase (
    id bigserial PRIMARY KEY,
    customer integer NOT NULL REFERENCES public.customer (id),
    total numeric(12,2) NOT NULL CHECK (total >= 0),
    placed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE VIEW public.purchases_by_customer AS
SELECT customer.name, count(*) AS purchases, sum(purchase.total) AS total
FROM public.customer JOIN public.purchase ON purchase.customer = customer.id
GROUP BY customer.name;

INSERT INTO public.schema_migration (version) VALUES ('0001_first'), ('0002_audit');
INSERT INTO public.customer (email, name) VALUES ('ann@example.org', 'Ann'), ('bob@example.org', 'Bob');
INSERT INTO public.purchase (customer, total) VALUES (1, 12.50), (2, 80.00), (1, 3.20);

RESET ROLE;
