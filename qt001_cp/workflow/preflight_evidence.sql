-- What each precondition was asked of, by its number: %(digest)s, %(restore)s. No row: it was not asked, because an earlier one
-- answered no and there is nothing to ask about. No verdict is made here.
WITH given AS (SELECT %(digest)s::text AS manifest, %(restore)s::boolean AS restore
), doc AS (
    SELECT g.manifest, g.restore, qt001_cp.document_json(g.manifest) AS j,
           qt001_cp.in_force('qt001.manifest.object/1') AS ran
    FROM given g
), asked AS (SELECT d.* FROM doc d WHERE d.j IS NOT NULL AND (NOT d.restore OR d.ran = d.manifest)
), last AS (
    SELECT DISTINCT ON (e.verb) e.verb, e.detail, format('by %%s at %%s', e.actor, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC') AS who
    FROM doc d JOIN qt001_cp.event e ON e.subject = d.manifest
    WHERE e.verb IN ('sealed', 'restore_registered', 'rehearsal_recorded', 'cutover', 'succeeded') ORDER BY e.verb, e.seq DESC
), object AS MATERIALIZED (
    SELECT count(*) AS every, count(*) FILTER (WHERE o.disposition = 'transfer') AS moved,
           count(*) FILTER (WHERE o.definition IS NOT NULL) AS defined
    FROM asked a CROSS JOIN LATERAL qt001_cp.manifest_object(a.manifest) o
)
SELECT 0 AS number, format('PostgreSQL %%s, database %%s at %%s', current_setting('server_version'), current_database(), qt001_cp.stage()) AS evidence
UNION ALL
SELECT 1, CASE WHEN d.restore THEN 'cut over ' ELSE 'sealed ' END || l.who
FROM doc d JOIN last l ON l.verb = CASE WHEN NOT d.restore THEN 'sealed' WHEN qt001_cp.is_successor(d.manifest) THEN 'succeeded' ELSE 'cutover' END
UNION ALL
SELECT 2, CASE WHEN a.restore THEN format('%%s transferred objects: owner and ACL', o.moved)
               ELSE format('%%s objects: identity, owner, ACL; %%s of them have a definition digest; %%s are to be transferred', o.every, o.defined, o.moved)
                    || coalesce((SELECT '; rows when sealed: ' || string_agg(format('%%s sha256 %%s%%s', t.key,
                           coalesce(t.value ->> 'digest', 'none'), CASE WHEN (t.value ->> 'frozen')::boolean THEN ' (frozen)' ELSE '' END),
                           ', ' ORDER BY t.key COLLATE "C") FROM jsonb_each(qt001_cp.content_sealed(a.manifest)) t), '') END
FROM asked a, object o
UNION ALL
SELECT 3, format('sha256 %%s, registered %%s', l.detail ->> 'sha256', l.who) FROM asked a JOIN last l ON l.verb = 'restore_registered'
UNION ALL
SELECT 4, format('%%s SECURITY DEFINER routines in this database', (
    SELECT count(*) FROM pg_catalog.pg_proc p WHERE p.prosecdef AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace))
FROM asked a WHERE NOT a.restore
UNION ALL
SELECT 5, format('record %%s of %%s cases, imported %%s', l.detail ->> 'document',
                 jsonb_array_length(qt001_cp.document_json(l.detail ->> 'document') -> 'cases'), l.who)
FROM asked a JOIN last l ON l.verb = 'rehearsal_recorded' WHERE NOT a.restore
UNION ALL
SELECT 6, string_agg(format('%%s: %%s %%s', b.value ->> 'what', b.value ->> 'table', b.value ->> 'key'), '; ' ORDER BY b.ordinality)
FROM asked a CROSS JOIN LATERAL jsonb_array_elements(a.j -> 'blocked') WITH ORDINALITY b WHERE NOT a.restore HAVING count(*) > 0
UNION ALL
SELECT 6, 'not asked: no apply path' FROM asked a WHERE NOT a.restore AND NOT qt001_cp.has_apply_path(a.manifest)
UNION ALL
SELECT 7, format('%%s%%s, member of %%s', session_user, CASE WHEN (s.j ->> 'superuser')::boolean THEN ' (superuser)' ELSE '' END, (
    SELECT coalesce(string_agg(m, ', ' ORDER BY m COLLATE "C"), 'nothing') FROM jsonb_array_elements_text(s.j -> 'member_of') m WHERE starts_with(m, 'qt001_cp_')))
FROM asked a, (SELECT qt001_cp.operator_standing() AS j) s
UNION ALL
SELECT 8, format('%%s objects that move, walked through the catalogs and the analysis of the manifest; sessions of the application role now: %%s',
                 o.moved, (SELECT count(*) FROM pg_catalog.pg_stat_activity s WHERE s.usename = a.j ->> 'application' AND s.datname = current_database()))
FROM asked a, object o WHERE NOT a.restore
UNION ALL
SELECT 9, format('%%s objects that move: what running them needs of others, and who asks who runs it', o.moved)
FROM asked a, object o WHERE NOT a.restore
UNION ALL
SELECT 10, format('%%s lock slots needed, %%s of %%s free', e.needed, e.free, e.capacity)
FROM asked a CROSS JOIN LATERAL qt001_cp.lock_estimate(a.manifest) e
ORDER BY 1
