-- Enums, domains, composite, range and base types.
SELECT concat_ws(E'\n',
    format('type %s category=%s', type.typtype, type.typcategory),
    CASE WHEN NOT type.typisdefined THEN 'only a shell' END,
    (SELECT string_agg('label ' || quote_literal(label.enumlabel), E'\n'
                       ORDER BY label.enumsortorder)
     FROM pg_enum label WHERE label.enumtypid = type.oid),
    CASE WHEN type.typtype = 'd' THEN format('domain %s not null=%s default=%s collation=%s',
        format_type(type.typbasetype, type.typtypmod), type.typnotnull,
        pg_get_expr(type.typdefaultbin, 0), (
            SELECT format('%I.%I', space.nspname, sorting.collname) FROM pg_collation sorting
            JOIN pg_namespace space ON space.oid = sorting.collnamespace
            WHERE sorting.oid = type.typcollation)) END,
    (SELECT string_agg(format('constraint %I validated=%s %s', made.conname, made.convalidated,
                              pg_get_constraintdef(made.oid)),
                       E'\n' ORDER BY made.conname COLLATE "C")
     FROM pg_constraint made WHERE made.contypid = type.oid),
    CASE WHEN type.typrelid <> 0 THEN (
        SELECT string_agg(
                   concat_ws(' ', 'attribute', quote_ident(attribute.attname),
                             format_type(attribute.atttypid, attribute.atttypmod),
                             'collate ' || (
                                 SELECT format('%I.%I', space.nspname, sorting.collname)
                                 FROM pg_collation sorting
                                 JOIN pg_namespace space ON space.oid = sorting.collnamespace
                                 WHERE sorting.oid = attribute.attcollation)),
                   E'\n' ORDER BY attribute.attnum)
        FROM pg_attribute attribute
        WHERE attribute.attrelid = type.typrelid AND attribute.attnum > 0
          AND NOT attribute.attisdropped) END,
    (SELECT format('range of %s opclass %s collation %s canonical %s diff %s multirange %s',
                   format_type(range.rngsubtype, NULL),
                   (pg_identify_object('pg_opclass'::regclass, range.rngsubopc, 0)).identity,
                   (SELECT format('%I.%I', space.nspname, sorting.collname)
                    FROM pg_collation sorting
                    JOIN pg_namespace space ON space.oid = sorting.collnamespace
                    WHERE sorting.oid = range.rngcollation),
                   range.rngcanonical::regproc, range.rngsubdiff::regproc,
                   format_type(range.rngmultitypid, NULL))
     FROM pg_range range WHERE range.rngtypid = type.oid),
    CASE WHEN type.typtype = 'b' THEN format(
        'base input %s output %s receive %s send %s modin %s modout %s analyze %s subscript %s '
        'length=%s by value=%s align=%s storage=%s preferred=%s delimiter=%s element=%s default=%s '
        'collatable=%s',
        type.typinput, type.typoutput, type.typreceive, type.typsend, type.typmodin,
        type.typmodout, type.typanalyze, type.typsubscript, type.typlen, type.typbyval,
        type.typalign, type.typstorage, type.typispreferred, type.typdelim,
        format_type(type.typelem, NULL), type.typdefault, type.typcollation <> 0) END,
    (SELECT string_agg(own_cast.line, E'\n' ORDER BY own_cast.line COLLATE "C")
     FROM own_cast WHERE own_cast.oid = type.oid)) AS meaning,
    NULL::text AS storage
FROM pg_type type WHERE type.oid = judged.objid
