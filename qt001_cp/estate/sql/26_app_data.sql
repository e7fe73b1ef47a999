-- Rows of the magazine and the shop.
SET client_encoding = 'UTF8';
SET ROLE directus;

INSERT INTO public.categories (name, parent) VALUES
    ('Nature', NULL), ('Rivers', 1), ('Outdoor gear', NULL);

INSERT INTO public.articles (status, user_created, title, body, cover, category) VALUES
    ('published', '5a1e0003-0000-4000-8000-000000000002', 'A beginning', 'It began with rain.',
     '5a1e0006-0000-4000-8000-000000000002', 1),
    ('draft', '5a1e0003-0000-4000-8000-000000000003', 'Down the Elbe', 'Day one.', NULL, 2),
    ('archived', '5a1e0003-0000-4000-8000-000000000001', 'Boots, tested', 'Seven pairs.', NULL, 3);
INSERT INTO public.articles_translations (articles_id, languages_code, title, body) VALUES
    (1, 'de-DE', 'Ein Anfang', 'Es begann mit Regen.');
INSERT INTO public.tags (name) VALUES ('rain'), ('rivers'), ('Saxony');
INSERT INTO public.articles_tags (articles_id, tags_id) VALUES (1, 1), (2, 2), (2, 3);
INSERT INTO public.redirects (url_from, url_to) VALUES ('/elbe', '/articles/down-the-elbe');

INSERT INTO public.products (sku, name, price, category, picture) VALUES
    ('BOOT-1', 'Walking boot', 129.90, 3, NULL),
    ('TENT-2', 'Tent for two', 249.00, 3, '5a1e0006-0000-4000-8000-000000000001'),
    ('MUG-1', 'Enamel mug', 9.50, 3, NULL);
INSERT INTO public."Größe" (product, "Bezeichnung", "Maß in cm") VALUES
    (1, '42', 27.0), (1, '43', 27.7);

INSERT INTO public.customers (id, name, email, country, account) VALUES
    ('5a1e0011-0000-4000-8000-000000000001', 'Ada Berger', 'ada@example.org', 'AT',
     '5a1e0003-0000-4000-8000-000000000001'),
    ('5a1e0011-0000-4000-8000-000000000002', 'Noor Haddad', 'noor@example.org', 'DE', NULL);
INSERT INTO public.orders (customer, status, placed_on) VALUES
    ('5a1e0011-0000-4000-8000-000000000001', 'paid', '2026-05-02'),
    ('5a1e0011-0000-4000-8000-000000000002', 'open', '2026-05-30');
INSERT INTO public."Order Items" ("Order", "Line No", product, quantity, price) VALUES
    (1, 1, 1, 1, 129.90), (1, 2, 3, 2, 9.50), (2, 1, 2, 1, 249.00);

INSERT INTO public.page_views (viewed_on, path, visitor) VALUES
    ('2025-11-11', '/a-beginning', NULL),
    ('2026-05-30', '/a-beginning', '5a1e0011-0000-4000-8000-000000000002'),
    ('2026-06-01', '/shop', NULL);

REFRESH MATERIALIZED VIEW public.products_sold;

RESET ROLE;
