-- Whether time has run back while the chain was written.

CREATE FUNCTION qt001_cp.clock_step()
RETURNS TABLE (seq bigint, at timestamptz, before timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $clock_step$
-- Events that are dated more than a second before the one that stands before them: somebody set
-- the server's clock back, and ages and expiry were judged by another time. It is told, and closes
-- nothing: the chain cannot be written anew.
SELECT link.seq, link.at, link.before
FROM (SELECT event.seq, event.at, lag(event.at) OVER (ORDER BY event.seq) AS before
      FROM qt001_cp.event) link
WHERE link.at < link.before - interval '1 second'
$clock_step$;
