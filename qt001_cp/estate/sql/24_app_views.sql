-- Views of the magazine and the shop. Directus keeps them.
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE VIEW public.articles_published AS
    SELECT a.id, a.title, a.slug, c.name AS category, u.first_name AS author
    FROM public.articles a
    LEFT JOIN public.categories c ON c.id = a.category
    LEFT JOIN public.directus_users u ON u.id = a.user_created
    WHERE a.status = 'published';

CREATE VIEW public."Übersicht" AS
    SELECT o.id AS "Auftrag", k.name AS "Kunde", o.status AS "Zustand", o.total AS "Summe"
    FROM public.orders o JOIN public.customers k ON k.id = o.customer;

CREATE VIEW public.customers_by_country AS
    SELECT k.country, count(*) AS customers FROM public.customers k GROUP BY k.country;

CREATE MATERIALIZED VIEW public.products_sold AS
    SELECT p.id AS product, p.name, coalesce(sum(i.quantity), 0) AS quantity
    FROM public.products p LEFT JOIN public."Order Items" i ON i.product = p.id
    GROUP BY p.id, p.name
WITH NO DATA;
CREATE UNIQUE INDEX products_sold_product ON public.products_sold (product);

RESET ROLE;
