-- The database. Columns differ between major versions: which provider sorts, and how, by the row
-- as JSON. Settings that decide how fast, how long or in which words are no part of what it means.
-- What is set for one role is that role's matter, which may set it for itself: precondition 8
-- judges what decides what runs, or as whom.
SELECT concat_ws(E'\n',
    format('database encoding=%s collate=%s ctype=%s', pg_encoding_to_char(database.encoding),
           database.datcollate, database.datctype),
    'locale provider ' || concat_ws(' ', fields ->> 'datlocprovider',
                                    coalesce(fields ->> 'datlocale', fields ->> 'daticulocale'),
                                    fields ->> 'daticurules'),
    CASE WHEN database.datistemplate THEN 'is a template' END,
    (SELECT string_agg('setting for all: ' || entry, E'\n' ORDER BY entry COLLATE "C")
     FROM pg_db_role_setting setting CROSS JOIN LATERAL unnest(setting.setconfig) entry
     WHERE setting.setdatabase = database.oid AND setting.setrole = 0
       AND lower(split_part(entry, '=', 1)) <> ALL ('{harmless_settings}'::text[]))) AS meaning,
    concat_ws(E'\n',
        'connection limit ' || nullif(database.datconnlimit, -1),
        (SELECT string_agg(format('setting for %s: %s',
                                  CASE setting.setrole WHEN 0 THEN 'all'
                                       ELSE quote_ident(pg_get_userbyid(setting.setrole)) END,
                                  entry),
                           E'\n' ORDER BY pg_get_userbyid(setting.setrole) COLLATE "C",
                                          entry COLLATE "C")
         FROM pg_db_role_setting setting CROSS JOIN LATERAL unnest(setting.setconfig) entry
         WHERE setting.setdatabase = database.oid
           AND NOT (setting.setrole <> 0 AND starts_with(entry, 'search_path='))
           AND (setting.setrole <> 0
                OR lower(split_part(entry, '=', 1)) = ANY ('{harmless_settings}'::text[]))),
        'tablespace ' || (SELECT quote_ident(spcname) FROM pg_tablespace
                          WHERE pg_tablespace.oid = database.dattablespace
                            AND spcname <> 'pg_default')) AS storage
FROM pg_database database CROSS JOIN LATERAL to_jsonb(database) fields
WHERE database.oid = judged.objid
