-- Operators.
SELECT format('operator result %s function %s commutator %s negator %s restrict %s join %s '
              'merges=%s hashes=%s',
              format_type(operator.oprresult, NULL), operator.oprcode::regproc,
              operator.oprcom::regoperator, operator.oprnegate::regoperator,
              operator.oprrest::regproc, operator.oprjoin::regproc, operator.oprcanmerge,
              operator.oprcanhash) AS meaning,
       NULL::text AS storage
FROM pg_operator operator WHERE operator.oid = judged.objid
