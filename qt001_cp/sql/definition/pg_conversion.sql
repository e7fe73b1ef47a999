-- Conversions between encodings.
SELECT format('conversion from %s to %s function %s default=%s',
              pg_encoding_to_char(conversion.conforencoding),
              pg_encoding_to_char(conversion.contoencoding), conversion.conproc::regproc,
              conversion.condefault) AS meaning,
       NULL::text AS storage
FROM pg_conversion conversion WHERE conversion.oid = judged.objid
