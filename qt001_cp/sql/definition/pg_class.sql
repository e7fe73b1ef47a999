-- Tables, views, materialized views, foreign tables, sequences. A part a line; what a kind cannot
-- have is not looked for.
SELECT concat_ws(E'\n',
    (SELECT format('%s kind=%s persistence=%s rls=%s force=%s replident=%s options=%s '
                   'access_method=%s', named.type, relation.relkind, relation.relpersistence,
                   relation.relrowsecurity, relation.relforcerowsecurity, relation.relreplident,
                   -- Sorted: a dump writes WITH CHECK OPTION apart from the others.
                   ARRAY(SELECT option FROM unnest(relation.reloptions) option
                         WHERE option !~ '^(fillfactor|toast_tuple_target|parallel_workers'
                                         '|(log_)?autovacuum_[a-z_]+|vacuum_[a-z_]+)='
                         ORDER BY option COLLATE "C"),
                   (SELECT amname FROM pg_am WHERE pg_am.oid = relation.relam))),
    CASE WHEN relation.relreplident = 'i' THEN (
        SELECT 'replica identity ' || quote_ident(index.relname) FROM pg_index
        JOIN pg_class index ON index.oid = pg_index.indexrelid
        WHERE pg_index.indrelid = relation.oid AND pg_index.indisreplident) END,
    CASE WHEN relation.reloftype <> 0 THEN 'of ' || format_type(relation.reloftype, NULL) END,
    CASE WHEN relation.relkind = 'p'
         THEN 'partition key ' || pg_get_partkeydef(relation.oid) END,
    CASE WHEN relation.relispartition
         -- It holds no column: without the relation, nothing is opened to word it.
         THEN 'partition bound ' || pg_get_expr(relation.relpartbound, 0) END,
    (SELECT string_agg('parent ' || parent.identity, E'\n' ORDER BY inherited.inhseqno)
     FROM pg_inherits inherited
     CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, inherited.inhparent, 0) parent
     WHERE inherited.inhrelid = relation.oid),
    -- Of partitions each says whose it is, and a comparison looks for others.
    CASE WHEN relation.relkind IN ('r', 'f') AND relation.relhassubclass THEN (
        SELECT string_agg('child ' || child.identity, E'\n' ORDER BY child.identity COLLATE "C")
        FROM pg_inherits inherited
        CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, inherited.inhrelid, 0) child
        WHERE inherited.inhparent = relation.oid) END,
    CASE WHEN relation.relkind <> 'S' THEN (
        SELECT string_agg(
                   concat_ws(' ', 'column', quote_ident(attribute.attname),
                             format_type(attribute.atttypid, attribute.atttypmod),
                             CASE WHEN attribute.attcollation <> 0 THEN 'collate ' || (
                                 SELECT format('%I.%I', space.nspname, sorting.collname)
                                 FROM pg_collation sorting
                                 JOIN pg_namespace space ON space.oid = sorting.collnamespace
                                 WHERE sorting.oid = attribute.attcollation) END,
                             CASE WHEN attribute.attnotnull THEN 'not null' END,
                             'identity ' || nullif(attribute.attidentity::text, ''),
                             'generated ' || nullif(attribute.attgenerated::text, ''),
                             'default ' || pg_get_expr(
                                 preset.adbin, CASE attribute.attgenerated
                                               WHEN '' THEN 0 ELSE preset.adrelid END),
                             CASE WHEN attribute.attfdwoptions IS NOT NULL THEN 'fdw options '
                                 || ARRAY(SELECT option FROM unnest(attribute.attfdwoptions) option
                                          ORDER BY option COLLATE "C")::text END,
                             CASE WHEN NOT attribute.attislocal THEN 'inherited' END),
                   E'\n' ORDER BY attribute.attnum)
        FROM pg_attribute attribute
        LEFT JOIN pg_attrdef preset
               ON preset.adrelid = attribute.attrelid AND preset.adnum = attribute.attnum
        WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0
          AND NOT attribute.attisdropped) END,
    CASE WHEN relation.relkind IN ('r', 'p', 'f') THEN (
        -- Of a foreign key with partitions, the one that was declared; the server makes the others.
        SELECT string_agg(
                   format('constraint %I %s validated=%s deferrable=%s deferred=%s local=%s %s',
                          made.conname, made.contype, made.convalidated, made.condeferrable,
                          made.condeferred, made.conislocal,
                          CASE made.contype
                          WHEN 'n' THEN (
                              SELECT format('NOT NULL %I no inherit=%s', attribute.attname,
                                            made.connoinherit)
                              FROM pg_attribute attribute WHERE attribute.attrelid = made.conrelid
                                AND attribute.attnum = made.conkey[1])
                          ELSE pg_get_constraintdef(made.oid) END),
                   E'\n' ORDER BY made.conname COLLATE "C", made.contype)
        FROM pg_constraint made
        WHERE made.conrelid = relation.oid AND made.contype NOT IN ('t', 'x')
          AND (made.contype <> 'f' OR made.conparentid = 0)) END,
    indexed.meaning,
    CASE WHEN relation.relhastriggers THEN (
        SELECT string_agg(format('trigger %s %s', trigger.tgenabled,
                                 pg_get_triggerdef(trigger.oid)),
                          E'\n' ORDER BY trigger.tgname COLLATE "C")
        FROM pg_trigger trigger
        LEFT JOIN pg_constraint made ON made.oid = trigger.tgconstraint AND made.contype <> 't'
        -- Before 15 the trigger of a partition, made from its parent's, counts as internal.
        WHERE trigger.tgrelid = relation.oid
          AND (NOT trigger.tgisinternal OR trigger.tgparentid <> 0 AND made.oid IS NULL)) END,
    CASE WHEN relation.relhastriggers THEN (
        SELECT 'internal triggers not enabled: ' || count(*) FROM pg_trigger trigger
        LEFT JOIN pg_constraint made ON made.oid = trigger.tgconstraint AND made.contype <> 't'
        WHERE trigger.tgrelid = relation.oid AND trigger.tgisinternal AND trigger.tgenabled <> 'O'
          AND NOT (trigger.tgparentid <> 0 AND made.oid IS NULL)
        HAVING count(*) > 0) END,
    CASE WHEN relation.relhasrules THEN (
        SELECT string_agg(format('rule %s %s', rule.ev_enabled, pg_get_ruledef(rule.oid)),
                          E'\n' ORDER BY rule.rulename COLLATE "C")
        FROM pg_rewrite rule WHERE rule.ev_class = relation.oid) END,
    CASE WHEN relation.relkind IN ('r', 'p') THEN (
        SELECT string_agg(
                   format('policy %I for %s permissive=%s to %s using %s check %s', policy.polname,
                          policy.polcmd, policy.polpermissive,
                          (SELECT string_agg(CASE role WHEN 0 THEN 'public'
                                                  ELSE quote_ident(pg_get_userbyid(role)) END, ','
                                             ORDER BY pg_get_userbyid(role) COLLATE "C")
                           FROM unnest(policy.polroles) role),
                          pg_get_expr(policy.polqual, policy.polrelid),
                          pg_get_expr(policy.polwithcheck, policy.polrelid)),
                   E'\n' ORDER BY policy.polname COLLATE "C")
        FROM pg_policy policy WHERE policy.polrelid = relation.oid) END,
    CASE WHEN relation.relkind = 'S' THEN (
        SELECT format('sequence %s start=%s increment=%s min=%s max=%s cache=%s cycle=%s',
                      format_type(counter.seqtypid, NULL), counter.seqstart, counter.seqincrement,
                      counter.seqmin, counter.seqmax, counter.seqcache, counter.seqcycle)
        FROM pg_sequence counter WHERE counter.seqrelid = relation.oid) END,
    CASE WHEN relation.relkind = 'S' THEN (
        SELECT string_agg('owned by ' || owner.identity, E'\n')
        FROM pg_depend
        CROSS JOIN LATERAL pg_identify_object(pg_depend.refclassid, pg_depend.refobjid,
                                              pg_depend.refobjsubid) owner
        WHERE pg_depend.classid = 'pg_class'::regclass AND pg_depend.objid = relation.oid
          AND pg_depend.refclassid = 'pg_class'::regclass
          AND pg_depend.deptype IN ('a', 'i')) END,
    (SELECT string_agg(own_cast.line, E'\n' ORDER BY own_cast.line COLLATE "C")
     FROM own_cast WHERE own_cast.oid = relation.reltype),
    CASE WHEN relation.relkind = 'f' THEN (
        SELECT format('server %I options %s', server.srvname,
                      ARRAY(SELECT option FROM unnest(foreign_table.ftoptions) option
                            ORDER BY option COLLATE "C"))
        FROM pg_foreign_table foreign_table
        JOIN pg_foreign_server server ON server.oid = foreign_table.ftserver
        WHERE foreign_table.ftrelid = relation.oid) END) AS meaning,
CASE WHEN $5 AND relation.relkind <> 'S' THEN concat_ws(E'\n',
    (SELECT 'options ' || string_agg(option, ', ' ORDER BY option COLLATE "C")
     FROM unnest(relation.reloptions) option
     WHERE option ~ '^(fillfactor|toast_tuple_target|parallel_workers'
                    '|(log_)?autovacuum_[a-z_]+|vacuum_[a-z_]+)='),
    CASE WHEN relation.reltoastrelid <> 0 THEN (
        SELECT 'toast options ' || string_agg(option, ', ' ORDER BY option COLLATE "C")
        FROM pg_class toast CROSS JOIN LATERAL unnest(toast.reloptions) option
        WHERE toast.oid = relation.reltoastrelid) END,
    CASE WHEN relation.reltablespace <> 0 THEN (
        SELECT 'tablespace ' || quote_ident(spcname) FROM pg_tablespace
        WHERE pg_tablespace.oid = relation.reltablespace) END,
    CASE WHEN relation.relkind IN ('r', 'p', 'm', 'f') THEN (
        -- Of attoptions what can be set; the server notes other things there (pg_attver).
        SELECT string_agg(concat_ws(' ', 'column', quote_ident(attribute.attname), differing.set),
                          E'\n' ORDER BY attribute.attnum)
        FROM pg_attribute attribute JOIN pg_type ON pg_type.oid = attribute.atttypid
        CROSS JOIN LATERAL (
            SELECT nullif(concat_ws(' ',
                'storage ' || CASE WHEN attribute.attstorage <> pg_type.typstorage
                                   THEN attribute.attstorage::text END,
                'compression ' || nullif(attribute.attcompression::text, ''),
                'statistics ' || nullif(attribute.attstattarget::int, -1),
                (SELECT string_agg(option, ' ' ORDER BY option COLLATE "C")
                 FROM unnest(attribute.attoptions) option WHERE option ~ '^n_distinct')), '') AS set
        ) differing
        WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0
          AND NOT attribute.attisdropped AND differing.set IS NOT NULL) END,
    indexed.storage,
    CASE WHEN relation.relhastriggers OR relation.relhasindex OR relation.relkind = 'm' THEN (
        SELECT string_agg(format('%s %s depends on extension %I', part.type, part.identity,
                                 pg_extension.extname),
                          E'\n' ORDER BY part.type COLLATE "C", part.identity COLLATE "C")
        FROM (SELECT 'pg_class'::regclass::oid AS classid, relation.oid AS objid
              UNION ALL SELECT 'pg_class'::regclass, pg_index.indexrelid FROM pg_index
                        WHERE pg_index.indrelid = relation.oid
              UNION ALL SELECT 'pg_trigger'::regclass, pg_trigger.oid FROM pg_trigger
                        WHERE pg_trigger.tgrelid = relation.oid AND NOT pg_trigger.tgisinternal
             ) piece
        JOIN pg_depend ON pg_depend.classid = piece.classid AND pg_depend.objid = piece.objid
             AND pg_depend.refclassid = 'pg_extension'::regclass AND pg_depend.deptype = 'x'
        JOIN pg_extension ON pg_extension.oid = pg_depend.refobjid
        CROSS JOIN LATERAL pg_identify_object(piece.classid, piece.objid, 0) part) END) END
    AS storage
FROM pg_class relation
-- The index of a constraint is what the constraint says; what excludes has its operators there.
-- Plain ones, options and places are storage, as is one that was never finished: no dump writes it.
LEFT JOIN LATERAL (
    SELECT string_agg(piece.meaning, E'\n' ORDER BY index.relname COLLATE "C") AS meaning,
           string_agg(piece.storage, E'\n' ORDER BY index.relname COLLATE "C") AS storage
    FROM pg_index JOIN pg_class index ON index.oid = pg_index.indexrelid
    LEFT JOIN pg_constraint made ON made.conrelid = pg_index.indrelid
         AND made.conindid = index.oid AND made.contype IN ('p', 'u', 'x')
    CROSS JOIN LATERAL (
        SELECT (pg_index.indisvalid OR index.relkind = 'I') AND pg_index.indisready AS dumped,
               NOT pg_index.indisunique AND NOT pg_index.indisexclusion
               AND pg_index.indexprs IS NULL AND pg_index.indpred IS NULL
               AND index.relam < 16384 AND 16384 > ALL (pg_index.indclass)
               AND 16384 > ALL (pg_index.indcollation) AS plain,
               -- As pg_get_indexdef words them.
               (SELECT ' WITH (' || string_agg(
                           format('%s=%s', quote_ident(option.option_name),
                                  CASE WHEN quote_ident(option.option_value) = option.option_value
                                       THEN option.option_value
                                       ELSE quote_literal(option.option_value) END),
                           ', ' ORDER BY option.place) || ')'
                FROM unnest(index.reloptions) WITH ORDINALITY entry(setting, place)
                CROSS JOIN LATERAL (
                    SELECT split_part(entry.setting, '=', 1) AS option_name,
                           substr(entry.setting, strpos(entry.setting, '=') + 1) AS option_value,
                           entry.place) option
                WHERE index.reloptions IS NOT NULL) AS options,
               CASE WHEN index.relispartition THEN (
                   SELECT ' of ' || parent.identity FROM pg_inherits
                   CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass,
                                                         pg_inherits.inhparent, 0) parent
                   WHERE pg_inherits.inhrelid = index.oid) END AS parent) state
    CROSS JOIN LATERAL (
        SELECT CASE
               WHEN made.contype = 'x' THEN
                   format('constraint %I x deferrable=%s deferred=%s local=%s %s', made.conname,
                          made.condeferrable, made.condeferred, made.conislocal,
                          replace(pg_get_constraintdef(made.oid), coalesce(state.options, ''), ''))
               WHEN made.oid IS NOT NULL THEN
                   'index of constraint ' || quote_ident(made.conname) || state.parent
               WHEN state.dumped AND NOT state.plain THEN
                   format('index %s%s%s',
                          replace(pg_get_indexdef(index.oid), coalesce(state.options, ''), ''),
                          CASE WHEN NOT pg_index.indisvalid THEN ' not valid' END, state.parent)
               END AS meaning,
               CASE WHEN $5 THEN 'index ' || quote_ident(index.relname) || nullif(concat(
                   CASE WHEN NOT state.dumped THEN ' not finished' END,
                   CASE WHEN pg_index.indisclustered THEN ' clustered' END,
                   ' tablespace ' || (SELECT quote_ident(spcname) FROM pg_tablespace
                                      WHERE pg_tablespace.oid = index.reltablespace),
                   (SELECT string_agg(format(' statistics of column %s %s', attribute.attnum,
                                             attribute.attstattarget),
                                      '' ORDER BY attribute.attnum)
                    FROM pg_attribute attribute
                    WHERE attribute.attrelid = index.oid AND attribute.attstattarget >= 0),
                   CASE WHEN state.plain AND made.oid IS NULL
                        THEN ' ' || pg_get_indexdef(index.oid) || coalesce(state.parent, '')
                        ELSE state.options END), '') END AS storage) piece
    WHERE relation.relhasindex AND pg_index.indrelid = relation.oid) indexed ON true
WHERE relation.oid = judged.objid
