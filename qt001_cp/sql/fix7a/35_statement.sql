-- The statements that a manifest implies, rendered here from its steps, independently of the Python
-- that printed them.

CREATE FUNCTION qt001_cp.quote_always(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $quote_always$
-- Quotes every identifier; one with invisible characters is written in the U& form. Twin of
-- emit/quoting.py.
SELECT CASE WHEN name ~ invisible.characters THEN 'U&"' || (
    SELECT string_agg(CASE
        WHEN letter ~ invisible.characters AND ascii(letter) > 65535
            THEN '\+' || upper(lpad(to_hex(ascii(letter)), 6, '0'))
        WHEN letter ~ invisible.characters
            THEN '\' || upper(lpad(to_hex(ascii(letter)), 4, '0'))
        WHEN letter = '"' THEN '""'
        WHEN letter = '\' THEN '\\'
        ELSE letter END, '' ORDER BY position)
    FROM regexp_split_to_table(name, '') WITH ORDINALITY split(letter, position)) || '"'
ELSE '"' || replace(name, '"', '""') || '"' END
FROM (SELECT '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f'
             '\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]') invisible(characters)
$quote_always$;

CREATE FUNCTION qt001_cp.type_list(args jsonb, mode text DEFAULT '') RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $type_list$
SELECT '(' || coalesce(string_agg(
           CASE WHEN type.value = 'null' THEN 'NONE'
                ELSE mode || qt001_cp.quote_always(type.value ->> 'schema') || '.'
                    || qt001_cp.quote_always(type.value ->> 'name')
                    || CASE WHEN (type.value ->> 'array')::boolean THEN '[]' ELSE '' END END,
           ', ' ORDER BY type.position), '') || ')'
FROM jsonb_array_elements(args) WITH ORDINALITY type(value, position)
$type_list$;

CREATE FUNCTION qt001_cp.address(form text, schema text, name text, args jsonb, method text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $address$
-- An object as a statement names it; the form stands in qt001_cp.object_kind. Twin of
-- emit/statements.py.
BEGIN
    CASE form
    WHEN 'name' THEN
        RETURN qt001_cp.quote_always(name);
    WHEN 'number' THEN
        IF name ~ '^[0-9]{1,10}$' THEN
            RETURN name;
        END IF;
    WHEN 'operator' THEN
        IF name ~ '^[-+*/<>=~!@#%^&|`?]{1,63}$' AND name !~ '--|/\*' THEN
            RETURN qt001_cp.quote_always(schema) || '.' || name || ' ' || qt001_cp.type_list(args);
        END IF;
    WHEN 'routine' THEN
        RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name)
            || qt001_cp.type_list(args);
    WHEN 'in routine' THEN
        -- Without a mode, PROCEDURE and ROUTINE are also looked for by all arguments, those of OUT
        -- included, and two may fit.
        RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name)
            || qt001_cp.type_list(args, 'IN ');
    WHEN 'method' THEN
        RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name)
            || ' USING ' || qt001_cp.quote_always(method);
    WHEN 'default' THEN
        RETURN NULL;
    WHEN 'qualified' THEN
        RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name);
    END CASE;
    RAISE EXCEPTION USING ERRCODE = 'QT202',
        MESSAGE = format('manifest refused: name %L: expected a name of form %s, found another',
                         name, form),
        HINT = 'Generate the manifest again: qt001-cp manifest generate.';
END
$address$;

CREATE FUNCTION qt001_cp.refuse_keyword(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $refuse_keyword$
-- A word that stands in a statement without quotes is one of a few.
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT202',
        MESSAGE = format('manifest refused: word %L: expected a privilege, or a kind of default '
                         'privileges, found neither', word),
        HINT = 'Generate the manifest again: qt001-cp manifest generate.';
END
$refuse_keyword$;

CREATE FUNCTION qt001_cp.implied_step(manifest text, direction text)
RETURNS TABLE (
    number bigint, kind text, identity text, schema text, name text, args jsonb, method text,
    detail jsonb, step jsonb, locks_first boolean
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $implied_step$
-- direction: 'forward' or 'restore' for FIX7b, 'retire' or 'revive' for the legacy authority in
-- FIX7c, 'move' or 'unmove' for a change; 'follow' is the restore of partitions that come and go,
-- of those that are there, and no part of 'restore'. The order is the lock order of plan/order.py.
-- late: its privileges wait for the locks. takes: the steps lead to the control plane's owner; in a
-- change these come before its text, and the others behind it.
WITH grows AS MATERIALIZED (
    SELECT known.schema, known.pattern FROM qt001_cp.growth(manifest) known
), object AS (
    SELECT entry.*, entry.ways -> way.name AS plan, kind.container,
           direction IN ('forward', 'retire')
               OR direction IN ('move', 'unmove')
                  AND (entry.disposition = 'transfer') = (direction = 'move') AS takes,
           kind.relation OR coalesce(entry.detail ? 'composite', false) AS locks,
           kind.relation AND NOT jsonb_path_exists(entry.ways -> way.name -> 'pre',
                                                   '$[*] ? (@.set_role == true)') AS late
    FROM (SELECT CASE direction WHEN 'follow' THEN 'restore' ELSE direction END AS name) way
    CROSS JOIN qt001_cp.manifest_object(manifest) entry
    JOIN qt001_cp.object_kind kind ON kind.kind = entry.kind
    WHERE entry.ways -> way.name <> 'null'
      AND (entry.disposition IN ('transfer', 'lend') OR direction IN ('move', 'unmove'))
      AND (way.name <> 'restore' OR (direction = 'follow') = (
          entry.kind = 'table' AND EXISTS (
              SELECT 1 FROM grows
              WHERE grows.schema = entry.schema AND entry.name LIKE grows.pattern)))
      AND (direction <> 'follow' OR EXISTS (
          SELECT 1 FROM pg_namespace space
          JOIN pg_class relation ON relation.relnamespace = space.oid
          WHERE space.nspname = entry.schema AND relation.relname = entry.name
            AND relation.relkind = 'r'))
), step AS (
    SELECT CASE WHEN object.late THEN 2 ELSE 0 END AS phase,
           (NOT object.late AND object.container = object.takes)::int AS weight,
           object.*, item.value AS step, item.position
    FROM object CROSS JOIN LATERAL jsonb_array_elements(object.plan -> 'pre')
        WITH ORDINALITY item(value, position)
    UNION ALL
    SELECT CASE WHEN object.locks THEN 3 ELSE 1 END, (NOT object.container)::int,
           object.*, object.plan -> 'owner', 1
    FROM object WHERE object.plan -> 'owner' <> 'null'
    UNION ALL
    SELECT 4, 0, object.*, item.value, item.position
    FROM object CROSS JOIN LATERAL jsonb_array_elements(object.plan -> 'post')
        WITH ORDINALITY item(value, position)
)
SELECT row_number() OVER (ORDER BY direction IN ('move', 'unmove') AND NOT step.takes, step.phase,
                                   step.weight, step.number, step.position),
       step.kind, step.identity, step.schema, step.name, step.args, step.method, step.detail,
       step.step,
       step.phase >= 2 AND direction IN ('forward', 'restore') OR direction IN ('move', 'unmove')
FROM step
$implied_step$;

CREATE FUNCTION qt001_cp.implied_statement(manifest text, direction text)
RETURNS TABLE (number bigint, statement text, locks_first boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $implied_statement$
WITH known(privileges) AS MATERIALIZED (
    SELECT array_agg(DISTINCT privilege)
    FROM qt001_cp.object_kind CROSS JOIN LATERAL unnest(object_kind.privileges) privilege
), step AS (
    SELECT implied.*, kind.alter_noun, kind.grant_noun,
           implied.kind = 'default acl' AS of_defaults,
           qt001_cp.address(kind.address, implied.schema, implied.name, implied.args,
                            implied.method) AS address,
           CASE WHEN implied.step ->> 'column' IS NULL THEN ''
                ELSE ' (' || qt001_cp.quote_always(implied.step ->> 'column') || ')'
                END AS of_column
    FROM qt001_cp.implied_step(manifest, direction) implied
    JOIN qt001_cp.object_kind kind ON kind.kind = implied.kind
), part AS (
    SELECT step.*,
           (SELECT string_agg(CASE WHEN item.value = ANY (known.privileges) THEN item.value
                                   ELSE qt001_cp.refuse_keyword(item.value) END || step.of_column,
                              ', ' ORDER BY item.position)
            FROM jsonb_array_elements_text(step.step -> 'privileges')
                WITH ORDINALITY item(value, position)) AS privileges,
           CASE WHEN step.step ->> 'grantee' IS NULL THEN 'PUBLIC'
                ELSE qt001_cp.quote_always(step.step ->> 'grantee') END AS grantee,
           CASE WHEN NOT step.of_defaults THEN step.grant_noun || ' ' || step.address
                WHEN step.detail ->> 'on' IN ('TABLES', 'SEQUENCES', 'FUNCTIONS', 'TYPES',
                                              'SCHEMAS', 'LARGE OBJECTS')
                THEN step.detail ->> 'on'
                ELSE qt001_cp.refuse_keyword(step.detail ->> 'on') END AS target,
           CASE WHEN NOT step.of_defaults THEN ''
                ELSE 'ALTER DEFAULT PRIVILEGES FOR ROLE ' || qt001_cp.quote_always(step.name)
                    || coalesce(' IN SCHEMA ' || qt001_cp.quote_always(step.schema), '') || ' '
                END AS prefix
    FROM step CROSS JOIN known
), line AS (
    SELECT part.*,
           CASE part.step ->> 'do'
           WHEN 'owner' THEN 'ALTER ' || part.alter_noun || ' ' || part.address || ' OWNER TO '
               || qt001_cp.quote_always(part.step ->> 'to') || ';'
           WHEN 'revoke' THEN part.prefix || 'REVOKE ' || part.privileges || ' ON ' || part.target
               || ' FROM ' || part.grantee || ';'
           ELSE part.prefix || 'GRANT ' || part.privileges || ' ON ' || part.target
               || ' TO ' || part.grantee
               || CASE WHEN (part.step ->> 'grantable')::boolean THEN ' WITH GRANT OPTION;'
                       ELSE ';' END
           END AS body
    FROM part
)
SELECT line.number,
       CASE WHEN (line.step ->> 'set_role')::boolean
            THEN 'SET LOCAL ROLE ' || qt001_cp.quote_always(line.step ->> 'grantor') || '; '
                || line.body || ' RESET ROLE;'
            ELSE line.body END,
       line.locks_first
FROM line ORDER BY 1
$implied_statement$;

CREATE FUNCTION qt001_cp.implied_sha256(manifest text, direction text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $implied_sha256$
SELECT qt001_cp.sha256_hex(convert_to(coalesce(
    string_agg(implied.statement || E'\n', '' ORDER BY implied.number), ''), 'UTF8'))
FROM qt001_cp.implied_statement(manifest, direction) implied
$implied_sha256$;

CREATE FUNCTION qt001_cp.require_rendered(what text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $require_rendered$
-- The begin function of this script has run in this transaction: it renders the statements.
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.run_statement rendered
                   WHERE rendered.xid = pg_current_xact_id()) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: expected the preconditions before it in this '
                             'transaction, found none', what),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
END
$require_rendered$;

CREATE FUNCTION qt001_cp.require_locks_before(first_number bigint, last_number bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $require_locks_before$
-- Where one of these statements needs a lock of a relation, lock_relations() has run.
BEGIN
    IF EXISTS (SELECT 1 FROM qt001_cp.run_statement rendered
               WHERE rendered.xid = pg_current_xact_id() AND rendered.locks_first
                 AND rendered.number BETWEEN first_number AND last_number)
        AND NOT EXISTS (SELECT 1 FROM qt001_cp.run
                        WHERE run.xid = pg_current_xact_id() AND 'lock_relations' = ANY (run.steps))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('statements %s to %s refused: expected lock_relations() before them '
                             'in this transaction, found none', first_number, last_number),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
END
$require_locks_before$;

CREATE FUNCTION qt001_cp.refuse_statements(
    manifest text, first_number bigint, implied text[], written text[]
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $refuse_statements$
-- Says which statement of a block is the first that differs. Both lists begin with first_number.
DECLARE
    wrong record;
BEGIN
    SELECT first_number + pair.position - 1 AS number, pair.implied, pair.written INTO wrong
    FROM unnest(implied, written) WITH ORDINALITY pair(implied, written, position)
    WHERE pair.written IS DISTINCT FROM pair.implied
    ORDER BY pair.position LIMIT 1;
    RAISE EXCEPTION USING ERRCODE = 'QT103',
        MESSAGE = CASE
            WHEN wrong.number IS NULL
            THEN format('script refused: manifest %s: expected the statements that it implies, '
                        'found more than these', manifest)
            WHEN rtrim(wrong.written, E'\r') = wrong.implied
            THEN format('script refused: statement %s of manifest %s: expected a line that ends '
                        'with LF, found CR LF (a carriage return)', wrong.number, manifest)
            ELSE format('script refused: statement %s of manifest %s: expected %s, found %s',
                        wrong.number, manifest, coalesce(wrong.implied, 'no statement'),
                        coalesce(wrong.written, 'no statement')) END,
        HINT = 'Print the script again from the sealed manifest: alembic upgrade (or downgrade) '
               '--sql.';
END
$refuse_statements$;

CREATE FUNCTION qt001_cp.require_statements(
    manifest text, direction text, query text, first_number bigint, last_number bigint
)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $require_statements$
-- query: current_query() of the block that calls this, so the very text that runs. It has to be, to
-- the letter, the block that emit/script.py prints: the statements first_number..last_number that
-- the manifest implies, and no more, each on its line; how many of them one EXECUTE runs makes no
-- difference.
DECLARE
    tag text := '$qt001_' || left(manifest, 16) || '$';
    run text := '$run_' || left(manifest, 16) || '$';
    head text := format(E'DO %s\nBEGIN\nPERFORM qt001_cp.require_statements('
                        '%L, %L, pg_catalog.current_query(), %s, %s);\nEXECUTE %s\n',
                        tag, manifest, direction, first_number, last_number, run);
    tail text := format(E'\n%s;\nEND\n%s', run, tag);
    script text := replace(query, format(E'\n%1$s;\nEXECUTE %1$s\n', run), E'\n');
    implied text[];
BEGIN
    PERFORM qt001_cp.note_step(format('statements %s to %s', first_number, last_number));
    PERFORM qt001_cp.require_rendered(
        format('statements %s to %s', first_number, last_number));
    PERFORM qt001_cp.require_locks_before(first_number, last_number);
    SELECT array_agg(rendered.statement ORDER BY rendered.number) INTO implied
    FROM qt001_cp.run_statement rendered
    WHERE rendered.xid = pg_current_xact_id()
      AND rendered.number BETWEEN first_number AND last_number;
    -- In front of the block there may be comments, behind it what psql and drivers leave of the
    -- statement's end.
    IF (left(script, strpos(script, head) - 1) ~ '^(\s|--[^\n]*\n)*$'
        AND rtrim(substr(script, strpos(script, head)), E' ;\n')
            = head || array_to_string(implied, E'\n') || tail) IS NOT TRUE THEN
        PERFORM qt001_cp.refuse_statements(
            manifest, first_number, implied, string_to_array(split_part(
                substr(script, strpos(script, head) + length(head)), tail, 1), E'\n'));
    END IF;
    RAISE NOTICE 'statements % to % of %', first_number, last_number, (
        SELECT max(rendered.number) FROM qt001_cp.run_statement rendered
        WHERE rendered.xid = pg_current_xact_id());
END
$require_statements$;

CREATE FUNCTION qt001_cp.require_last_statement(manifest text, direction text, done bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_last_statement$
-- All statements of this direction have run: as many as the manifest implies.
DECLARE
    implied bigint := (SELECT count(*) FROM qt001_cp.run_statement rendered
                       WHERE rendered.xid = pg_current_xact_id());
BEGIN
    PERFORM qt001_cp.note_step(format('%s statements', done));
    IF done IS DISTINCT FROM implied THEN
        RAISE EXCEPTION USING ERRCODE = 'QT103',
            MESSAGE = format('script refused: manifest %s: expected %s statements, found %s',
                             manifest, implied, done),
            HINT = 'Print the script again from the sealed manifest: alembic upgrade (or '
                   'downgrade) --sql.';
    END IF;
END
$require_last_statement$;
