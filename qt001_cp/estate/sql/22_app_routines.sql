-- Functions and triggers of the magazine and the shop. Directus keeps them.
SET client_encoding = 'UTF8';
SET ROLE directus;

CREATE FUNCTION public.slugify(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
AS $$SELECT trim(BOTH '-' FROM regexp_replace(lower(value), '[^a-z0-9]+', '-', 'g'))$$;

CREATE FUNCTION public.articles_slug() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.slug IS NULL THEN
        NEW.slug := public.slugify(NEW.title);
    END IF;
    NEW.date_updated := CURRENT_TIMESTAMP;
    RETURN NEW;
END
$$;
CREATE TRIGGER articles_slug BEFORE INSERT OR UPDATE ON public.articles
    FOR EACH ROW EXECUTE FUNCTION public.articles_slug();

CREATE FUNCTION public.orders_total() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE public.orders o
    SET total = (SELECT coalesce(sum(i.quantity * i.price), 0) FROM public."Order Items" i WHERE i."Order" = o.id)
    WHERE o.id = coalesce(NEW."Order", OLD."Order");
    RETURN NULL;
END
$$;
CREATE TRIGGER "order items total" AFTER INSERT OR UPDATE OR DELETE ON public."Order Items"
    FOR EACH ROW EXECUTE FUNCTION public.orders_total();

CREATE FUNCTION public.next_invoice() RETURNS text
LANGUAGE sql
AS $$SELECT 'R-' || nextval('public.invoice_number'::regclass)$$;

-- Counts the rows of one collection; the name of the collection comes from the Directus dashboard.
CREATE FUNCTION public.articles_count(collection text) RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    n bigint;
BEGIN
    IF collection NOT IN ('articles', 'categories', 'articles_translations') THEN
        RAISE EXCEPTION 'unknown collection %', collection;
    END IF;
    EXECUTE format('SELECT count(*) FROM public.%I', collection) INTO n;
    RETURN n;
END
$$;

CREATE PROCEDURE public.orders_cancel_stale(older_than integer DEFAULT 30)
LANGUAGE sql
AS $$
    UPDATE public.orders SET status = 'cancelled' WHERE status = 'open' AND placed_on < CURRENT_DATE - older_than;
$$;

RESET ROLE;
