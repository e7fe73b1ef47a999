-- Languages.
SELECT format('language trusted=%s handler %s inline %s validator %s', language.lanpltrusted,
              language.lanplcallfoid::regproc, language.laninline::regproc,
              language.lanvalidator::regproc) AS meaning,
       NULL::text AS storage
FROM pg_language language WHERE language.oid = judged.objid
