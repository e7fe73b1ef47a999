-- One spelling of a list that a varchar was compared with, in given.said: PostgreSQL writes it in
-- one way before a dump and in another after it.
-- (ARRAY['a'::character varying])::text[], and then ARRAY[('a'::character varying)::text]; of
-- statistics both without the parentheses. Of constants all are ARRAY['a'::character varying] here;
-- of whatever else each element has its cast, which is the same for every type.
SELECT CASE WHEN marked.said IS NULL THEN plain.said
       ELSE regexp_replace(translate(regexp_replace(regexp_replace(
                marked.said, format(each.element, listed.element, chr(2)), '\1(\2)::text', 'g'),
                format(each.element, listed.element, chr(3)), '\1\2::text', 'g'),
                chr(2) || chr(3), ''), listed.each_constant, '\1\2', 'g') END AS words
FROM (SELECT '''(?:[^'']|'''')*''' AS text, '"(?:[^"]|"")*"' AS name,
             '''(?:[^'']|'''')*''::character varying(?:\(\d+\))?' AS constant) quoted
-- What stands in parentheses, four deep.
CROSS JOIN LATERAL (SELECT format('\((?:[^()''"]|%s|%s)*\)', text, name) AS inside) one
CROSS JOIN LATERAL (SELECT format('\((?:[^()''"]|%s|%s|%s)*\)', text, name, one.inside)) two(inside)
CROSS JOIN LATERAL (
    SELECT format('\((?:[^()''"]|%s|%s|%s)*\)', text, name, two.inside)) three(inside)
CROSS JOIN LATERAL (
    SELECT format('\((?:[^()''"]|%s|%s|%s)*\)', text, name, three.inside)) four(inside)
CROSS JOIN LATERAL (
    SELECT format('(?:[^][()''",]|%s|%s|%s|\[[^][]*\])+', text, name, four.inside) AS element,
           format('\((%1$s)\)::text(?=(?:, \(%1$s\)::text)*\])'
                  '|(%1$s)::text(?=(?:, %1$s::text)*\])', constant) AS each_constant,
           format('\((ARRAY\[%1$s(?:, %1$s)*\])\)::text\[\]'
                  '|(ARRAY\[%1$s(?:, %1$s)*\])::text\[\]', constant) AS of_constants) listed
CROSS JOIN LATERAL (
    SELECT CASE WHEN strpos(given.said, '''::character varying') = 0 THEN given.said
           ELSE regexp_replace(regexp_replace(given.said, listed.each_constant, '\1\2', 'g'),
                               listed.of_constants, '\1\2', 'g') END AS said) plain
-- The end of a list whose elements still need the cast: chr(2) with parentheses, chr(3) without.
CROSS JOIN LATERAL (
    SELECT CASE WHEN strpos(plain.said, ']::text[]') > 0 OR strpos(plain.said, '])::text[]') > 0
                THEN regexp_replace(regexp_replace(
                    plain.said,
                    format('\((ARRAY\[%1$s(?:, %1$s)*\])\)::text\[\]', listed.element),
                    '\1' || chr(2), 'g'),
                    format('(ARRAY\[%1$s(?:, %1$s)*\])::text\[\]', listed.element),
                    '\1' || chr(3), 'g') END AS said) marked
CROSS JOIN (SELECT '(ARRAY\[|, )(%1$s)(?=(?:, %1$s)*\]%2$s)' AS element) each
