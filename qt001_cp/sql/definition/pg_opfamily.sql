-- Operator families, with what all their classes have.
SELECT concat_ws(E'\n', 'operator family',
    (SELECT string_agg(
                format('operator %s %s purpose=%s sort=%s', member.amopstrategy,
                       member.amopopr::regoperator, member.amoppurpose,
                       CASE WHEN member.amopsortfamily <> 0 THEN (
                           pg_identify_object('pg_opfamily'::regclass, member.amopsortfamily, 0)
                       ).identity END),
                E'\n' ORDER BY member.amopstrategy,
                               member.amopopr::regoperator::text COLLATE "C")
     FROM pg_amop member WHERE member.amopfamily = judged.objid),
    (SELECT string_agg(
                format('function %s (%s, %s) %s', member.amprocnum,
                       format_type(member.amproclefttype, NULL),
                       format_type(member.amprocrighttype, NULL), member.amproc::regprocedure),
                E'\n' ORDER BY member.amprocnum, member.amproc::regprocedure::text COLLATE "C",
                               format_type(member.amproclefttype, NULL) COLLATE "C",
                               format_type(member.amprocrighttype, NULL) COLLATE "C")
     FROM pg_amproc member WHERE member.amprocfamily = judged.objid)) AS meaning,
    NULL::text AS storage
