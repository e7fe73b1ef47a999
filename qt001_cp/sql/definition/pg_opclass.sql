-- Operator classes; their operators and functions stand with the family.
SELECT format('operator class for %s default=%s key=%s family %s',
              format_type(class.opcintype, NULL), class.opcdefault,
              format_type(class.opckeytype, NULL),
              (pg_identify_object('pg_opfamily'::regclass, class.opcfamily, 0)).identity)
       AS meaning,
       NULL::text AS storage
FROM pg_opclass class WHERE class.oid = judged.objid
