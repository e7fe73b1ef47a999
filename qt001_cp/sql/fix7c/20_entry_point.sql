-- The registry: every Level-B entry point with the Level-A guard that it calls first. Its
-- completeness is a gate. A Level-A routine that needs the owner's rights to read stands here too,
-- without a guard: it is STABLE and reads.
CREATE TABLE qt001_cp.entry_point (
    identity text PRIMARY KEY,
    guard text,
    purpose text NOT NULL
);
INSERT INTO qt001_cp.entry_point (identity, guard, purpose) VALUES
    ('qt001_cp.propose_manifest(pg_catalog.bytea)', 'qt001_cp.require_duty',
     'author: registers a candidate manifest'),
    ('qt001_cp.adopt_ledger(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: takes a restored ledger for this database''s own'),
    ('qt001_cp.system_identifier()', NULL,
     'Level A: the cluster''s identifier'),
    ('qt001_cp.timeline()', NULL,
     'Level A: the timeline of the server''s log'),
    ('qt001_cp.seal_manifest(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: seals a manifest'),
    ('qt001_cp.withdraw_manifest(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: withdraws a sealed manifest that waits'),
    ('qt001_cp.register_restore(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: registers a restore script'),
    ('qt001_cp.record_content(pg_catalog.text,pg_catalog.jsonb)', 'qt001_cp.require_duty',
     'operator: records the digests of rows when a manifest is sealed'),
    ('qt001_cp.record_rehearsal(pg_catalog.bytea)', 'qt001_cp.require_duty',
     'operator: records a no-go rehearsal'),
    ('qt001_cp.start_run(pg_catalog.text,pg_catalog.text,pg_catalog.text,pg_catalog.text)',
     'qt001_cp.require_duty', 'operator: begins a script'),
    ('qt001_cp.note_step(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: a step of a script has run'),
    ('qt001_cp.lock_stage()', 'qt001_cp.require_duty',
     'operator: one stage at a time'),
    ('qt001_cp.take_snapshot(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: the catalogs as a stage found them'),
    ('qt001_cp.prepare_statements(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: the statements of FIX7c, rendered once'),
    ('qt001_cp.cutover_end(pg_catalog.text,boolean,boolean)', 'qt001_cp.require_duty',
     'operator: postconditions of FIX7b'),
    ('qt001_cp.restore_end(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: postconditions of the restore'),
    ('qt001_cp.deploy_end(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: postconditions of FIX7c'),
    ('qt001_cp.undeploy_end(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: postconditions of its downgrade'),
    ('qt001_cp.import_evidence(pg_catalog.bytea)', 'qt001_cp.require_duty',
     'author: imports evidence'),
    ('qt001_cp.bind_evidence(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty',
     'author: binds evidence to a requirement'),
    ('qt001_cp.sign_off(pg_catalog.text,pg_catalog.text,integer)', 'qt001_cp.require_duty',
     'auditor: signs a subject'),
    ('qt001_cp.refuse_sign_off(pg_catalog.text,pg_catalog.text)', 'qt001_cp.require_duty',
     'auditor: refuses a subject'),
    ('qt001_cp.verify()', 'qt001_cp.require_duty',
     'verifier: the scheduled verification'),
    ('qt001_cp.scan()', 'qt001_cp.require_duty',
     'verifier: the scheduled scan, its pair'),
    ('qt001_cp.finish_run(pg_catalog.text,pg_catalog.text[],pg_catalog.text)',
     'qt001_cp.require_duty', 'operator: ends a script'),
    ('qt001_cp.change_begin(pg_catalog.bytea,pg_catalog.text,pg_catalog.text)',
     'qt001_cp.require_duty',
     'operator: begins to try a change'),
    ('qt001_cp.change_documents(pg_catalog.bytea,pg_catalog.bytea,pg_catalog.bytea,'
     'pg_catalog.bytea)', 'qt001_cp.require_duty',
     'operator: the documents that belong to a successor'),
    ('qt001_cp.release_begin(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: begins a release of the product'),
    ('qt001_cp.release_end(pg_catalog.text)', 'qt001_cp.require_duty',
     'operator: postconditions of a release'),
    ('qt001_cp.keep_change(pg_catalog.bytea)', 'qt001_cp.require_duty',
     'operator: the emergency way of a change'),
    ('qt001_cp.refuse_change_wait()', NULL,
     'Level A: who holds what a change waits for'),
    ('qt001_cp.change_end()', 'qt001_cp.require_duty',
     'operator: postconditions of a change'),
    ('qt001_cp.note_change_text(pg_catalog.text)', 'qt001_cp.require_change',
     'owner role: the text that runs is that of the change'),
    ('qt001_cp.run_change(pg_catalog.text)', 'qt001_cp.require_change',
     'operator: runs the text of a change as the owner role'),
    ('qt001_cp.note_lent(pg_catalog.text)', 'qt001_cp.require_text_run',
     'owner role: what it lends while a change gives something back'),
    ('qt001_cp.lend_create(pg_catalog.text)', 'qt001_cp.require_text_run',
     'operator: lends CREATE on a schema of the owner role, and takes it back'),
    ('qt001_cp.add_partition(pg_catalog.text,pg_catalog.text,pg_catalog.text[],pg_catalog.text[])',
     'qt001_cp.require_growth', 'operator: makes a partition of a range as the owner role'),
    ('qt001_cp.add_list_partition(pg_catalog.text,pg_catalog.text,pg_catalog.text[])',
     'qt001_cp.require_growth', 'operator: makes a partition of a list as the owner role'),
    ('qt001_cp.drop_partition(pg_catalog.text)', 'qt001_cp.require_growth',
     'operator: drops a partition as the owner role'),
    ('qt001_cp.note_partition(pg_catalog.text,pg_catalog.text,pg_catalog.text,pg_catalog.text)',
     'qt001_cp.require_growth', 'owner role: the partition that comes or goes'),
    ('qt001_cp.require_growth()', NULL,
     'Level A: who may make partitions, and where'),
    ('qt001_cp.partition_name(pg_catalog.text)', NULL,
     'Level A: whose partition it is'),
    ('qt001_cp.require_partition(pg_catalog.text)', NULL,
     'Level A: that it is a partition and nothing more'),
    ('qt001_cp.require_text_run()', NULL,
     'Level A: that the text of a change has run in this transaction'),
    ('qt001_cp.require_change()', NULL,
     'Level A: that a change has begun in this transaction'),
    ('qt001_cp.require_run(pg_catalog.text)', NULL,
     'Level A: that a script has begun in this transaction'),
    ('qt001_cp.source_rows(pg_catalog.text)', NULL,
     'Level A: counts rows of the source tables');

CREATE FUNCTION qt001_cp.plain_declarations(section text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $plain_declarations$
-- Whether what stands before BEGIN runs nothing: each declaration is a name and a type, with its
-- schema or of pg_catalog, or the row type of a relation. A domain has its CHECK asked as soon as
-- there is the variable; an initial value, a cursor and %TYPE (which may be a domain) are not
-- plain, and neither is what is not known here.
WITH declared(words) AS (
    SELECT btrim(regexp_replace(regexp_replace(lower(piece.text),
               '\s+', ' ', 'g'), ' ?(\([0-9, ]+\)|\[[0-9]*\])', '', 'g'))
    FROM regexp_split_to_table(regexp_replace(section, '^\s*declare\M', '', 'i'), ';')
         WITH ORDINALITY piece(text, number)
), variable AS (
    SELECT declared.words, regexp_match(declared.words, '^[a-z_][a-z0-9_]* (.+)$') AS type
    FROM declared WHERE declared.words <> ''
)
SELECT section ~* '^\s*($|declare\M.*;\s*$)' AND NOT EXISTS (
    SELECT 1 FROM variable
    WHERE (variable.type[1] ~ '^([a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]* ?% ?rowtype$'
           OR variable.type[1] IN ('record', 'int', 'decimal', 'dec', 'float')
           OR EXISTS (
               SELECT 1 FROM pg_type JOIN pg_namespace space ON space.oid = pg_type.typnamespace
               WHERE pg_type.typtype IN ('b', 'c', 'e', 'r', 'm')
                 AND pg_type.typname = regexp_replace(variable.type[1], '^[a-z0-9_]+\.', '')
                 AND variable.type[1] IN (space.nspname || '.' || pg_type.typname,
                     CASE space.nspname WHEN 'pg_catalog' THEN pg_type.typname::text END))
           -- As the standard spells it: bigint, double precision. Asked last: of each of its own.
           OR EXISTS (
               SELECT 1 FROM pg_type
               WHERE pg_type.typtype IN ('b', 'c', 'e', 'r', 'm') AND pg_type.oid < 16384
                 AND pg_type.typnamespace = 'pg_catalog'::regnamespace
                 AND variable.type[1] = format_type(pg_type.oid, NULL))) IS NOT TRUE)
$plain_declarations$;

CREATE FUNCTION qt001_cp.first_call(source text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $first_call$
-- The function that a PL/pgSQL body calls before anything else can run, and whose error nothing in
-- it can catch. NULL where that is not plain to see: a quote, a label or a declaration that may run
-- something before BEGIN, an argument that is no literal, anything between the call and its
-- semicolon (PERFORM f() WHERE false calls nothing), an exception handler, a block comment (they
-- nest, no pattern can follow them).
SELECT CASE WHEN source !~ '/\*'
             AND source !~* '\mexception\M(\s|--[^\n\r]*[\n\r])*\mwhen\M'
             AND qt001_cp.plain_declarations(body.part[1])
       THEN substring(body.part[2] FROM
           '^\s*PERFORM\s+([a-z0-9_]+\.[a-z0-9_]+)\s*\(\s*(?:''[^''\\]*''\s*)?\)\s*;') END
FROM regexp_match(regexp_replace(source, '--[^\n\r]*', '', 'g'),
                  '(?i)^(.*?)\mbegin\M(.*)$') body(part)
$first_call$;

CREATE FUNCTION qt001_cp.analysed_writers(manifest text) RETURNS TABLE (identity text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $analysed_writers$
-- The routines that write, as the analysis says: by themselves, by something unknown in them, or by
-- what they call, but not through a guard.
WITH RECURSIVE analysed AS MATERIALIZED (
    SELECT routine ->> 'identity' AS identity, routine -> 'edges' AS edges,
           routine -> 'unknown' <> '[]' OR routine -> 'edges' @> '[{"verb": "writes"}]' AS writes
    FROM qt001_cp.analysis_routine(manifest) routine
), writer(identity) AS (
    SELECT analysed.identity FROM analysed WHERE analysed.writes
    UNION
    SELECT analysed.identity
    FROM writer JOIN analysed
    ON analysed.edges @> jsonb_build_array(jsonb_build_object('identity', writer.identity))
    WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point guarded
                      WHERE guarded.identity = writer.identity AND guarded.guard IS NOT NULL)
)
SELECT writer.identity FROM writer
$analysed_writers$;

CREATE FUNCTION qt001_cp.guard_findings()
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $guard_findings$
-- A second routine with the name of a guard could be the one that is called.
SELECT 'QT301', 'guard ' || counted.guard, 'one routine of that name, in schema qt001_cp',
       counted.routines || ' of that name', 'DROP the others.'
FROM (SELECT registered.guard, count(DISTINCT routine.oid) AS routines
      FROM qt001_cp.entry_point registered
      LEFT JOIN pg_proc routine ON routine.pronamespace = 'qt001_cp'::regnamespace
          AND 'qt001_cp.' || routine.proname = registered.guard
      WHERE registered.guard IS NOT NULL GROUP BY registered.guard) counted
WHERE counted.routines <> 1
$guard_findings$;

CREATE FUNCTION qt001_cp.entry_point_findings(manifest text)
RETURNS TABLE (sqlstate text, object text, expected text, found text, mend text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $entry_point_findings$
-- Outside of qt001_cp a routine is no writer where the analysis of exactly this definition says so.
-- What nobody has analysed counts as a writer.
WITH routine AS MATERIALIZED (
    SELECT live.oid, object.identity, live.prosecdef, live.prosrc, live.provolatile, space.nspname,
           live.proowner, live.proacl, language.lanname
    FROM pg_proc live
    JOIN pg_namespace space ON space.oid = live.pronamespace
    JOIN pg_language language ON language.oid = live.prolang
    CROSS JOIN LATERAL pg_identify_object('pg_proc'::regclass, live.oid, 0) object
    WHERE live.proowner IN (to_regrole('qt001_cp_owner'), to_regrole('qt001_cp_ledger'))
)
SELECT 'QT301', 'routine ' || routine.identity, 'a registered Level-B entry point',
       'SECURITY DEFINER, executable by others, not registered',
       'Register it with the guard that it calls first, or REVOKE EXECUTE on it.'
FROM routine
WHERE routine.prosecdef
  -- The guard of the apply path is called by it, and is no entry point itself.
  AND NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point registered
                  WHERE registered.identity = routine.identity
                     OR routine.oid = 'qt001_cp.require_acceptance(text)'::regprocedure)
  AND (routine.nspname = 'qt001_cp'
       OR routine.identity IN (
              SELECT writer.identity FROM qt001_cp.analysed_writers(manifest) writer)
       OR NOT EXISTS (SELECT 1 FROM qt001_cp.analysis_routine(manifest) analysed
                      WHERE analysed ->> 'identity' = routine.identity
                        AND analysed ->> 'definition'
                            = qt001_cp.routine_definition(routine.oid)))
  AND EXISTS (
      SELECT 1
      FROM aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) entry
      WHERE entry.grantee <> routine.proowner)
UNION ALL
SELECT 'QT301', 'routine ' || (part.value ->> 'identity'), 'a registered Level-B entry point',
       'on the apply path, not registered', 'Take FIX7c back and deploy it again.'
FROM jsonb_array_elements(qt001_cp.document_json(manifest) -> 'repoint') part
WHERE NOT EXISTS (SELECT 1 FROM qt001_cp.entry_point registered
                  WHERE registered.identity = part.value ->> 'identity')
UNION ALL
SELECT 'QT301', 'entry point ' || registered.identity,
       'a routine of the control plane that calls ' || registered.guard || ' first',
       CASE WHEN routine.oid IS NULL THEN 'no such routine'
            ELSE 'first call: ' || coalesce(qt001_cp.first_call(routine.prosrc),
                                            'another, or not plain to see') END,
       'Put the guard first, or take the routine out of the registry.'
FROM qt001_cp.entry_point registered LEFT JOIN routine ON routine.identity = registered.identity
WHERE registered.guard IS NOT NULL
  AND (routine.oid IS NULL OR routine.lanname <> 'plpgsql'
       OR qt001_cp.first_call(routine.prosrc) IS DISTINCT FROM registered.guard)
UNION ALL
SELECT 'QT301', 'entry point ' || registered.identity, 'a STABLE routine of qt001_cp',
       coalesce('volatility ' || routine.provolatile::text, 'no such routine'),
       'Give it a guard and register it as Level B.'
FROM qt001_cp.entry_point registered LEFT JOIN routine ON routine.identity = registered.identity
WHERE registered.guard IS NULL
  AND (routine.oid IS NULL OR routine.provolatile = 'v' OR routine.nspname <> 'qt001_cp')
UNION ALL
SELECT finding.* FROM qt001_cp.guard_findings() finding
UNION ALL
SELECT finding.* FROM qt001_cp.control_schema_findings('QT301') finding
$entry_point_findings$;
