-- What CREATE OR REPLACE says of a routine, with one spelling of the presets of its arguments. The
-- body is to the letter what somebody wrote; of one that PostgreSQL has parsed see live_object.
SELECT CASE WHEN routine.pronargdefaults > 0 AND routine.prosqlbody IS NULL
                 AND strpos(whole.said, 'ARRAY[') > 0
            THEN (SELECT CASE WHEN starts_with(whole.said, head.name || given.said)
                              THEN head.name || spelled.words
                                   || substr(whole.said, length(head.name || given.said) + 1)
                              ELSE whole.said END
                  FROM (SELECT pg_get_function_arguments(routine.oid) AS said) given
                  CROSS JOIN (
                      SELECT format('CREATE OR REPLACE %s %I.%I(', CASE routine.prokind
                                        WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
                                    space.nspname, routine.proname) AS name
                      FROM pg_namespace space WHERE space.oid = routine.pronamespace) head
                  CROSS JOIN LATERAL (
{one_spelling}
                  ) spelled)
            ELSE whole.said END
FROM (SELECT pg_get_functiondef(routine.oid) AS said) whole
