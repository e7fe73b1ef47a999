-- Subscriptions. Whether one is enabled is a state, which no dump writes; how it connects holds a
-- password. A column that this major version does not have is the NULL of the list before.
SELECT worded.meaning, NULL::text AS storage
FROM (VALUES (NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text))
    absent(subtwophasestate, subdisableonerr, subpasswordrequired, subrunasowner, suborigin,
           subfailover)
CROSS JOIN LATERAL (
    SELECT format('subscription publications %s slot %s binary=%s streaming=%s commit=%s '
                  'two phase=%s disable on error=%s password required=%s as owner=%s origin=%s '
                  'failover=%s',
                  ARRAY(SELECT name FROM unnest(subpublications) name ORDER BY name COLLATE "C"),
                  subslotname, subbinary, substream, subsynccommit, subtwophasestate::text <> 'd',
                  subdisableonerr, subpasswordrequired, subrunasowner, suborigin, subfailover)
           AS meaning
    FROM pg_subscription WHERE pg_subscription.oid = judged.objid) worded
