-- The statements that a manifest implies, rendered here from its steps, independently of the Python that printed them.

CREATE FUNCTION qt001_cp.quote_always(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $quote_always$
-- Quotes every identifier; one with invisible characters is written in the U& form. Twin of emit/quoting.py.
SELECT CASE WHEN name ~ '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]'
THEN 'U&"' || (
    SELECT string_agg(CASE
        WHEN c ~ '[\U000e0000-\U000e007f]' THEN '\+' || upper(lpad(to_hex(ascii(c)), 6, '0'))
        WHEN c ~ '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]'
            THEN '\' || upper(lpad(to_hex(ascii(c)), 4, '0'))
        WHEN c = '"' THEN '""' WHEN c = '\' THEN '\\' ELSE c END, '' ORDER BY ord)
    FROM regexp_split_to_table(name, '') WITH ORDINALITY s(c, ord)) || '"'
ELSE '"' || replace(name, '"', '""') || '"' END
$quote_always$;

CREATE FUNCTION qt001_cp.type_list(args jsonb, mode text DEFAULT '') RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $type_list$
SELECT '(' || coalesce(string_agg(CASE WHEN a.value = 'null' THEN 'NONE' ELSE
           mode || qt001_cp.quote_always(a.value ->> 'schema') || '.' || qt001_cp.quote_always(a.value ->> 'name')
           || CASE WHEN (a.value ->> 'array')::boolean THEN '[]' ELSE '' END END, ', ' ORDER BY a.ord), '') || ')'
FROM jsonb_array_elements(args) WITH ORDINALITY a(value, ord)
$type_list$;

CREATE FUNCTION qt001_cp.address(form text, schema text, name text, args jsonb, method text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $address$
-- An object as a statement names it; the form stands in qt001_cp.object_kind. Twin of emit/statements.py.
BEGIN
    CASE form
    WHEN 'name' THEN RETURN qt001_cp.quote_always(name);
    WHEN 'number' THEN
        IF name ~ '^[0-9]{1,10}$' THEN RETURN name; END IF;
    WHEN 'operator' THEN
        IF name ~ '^[-+*/<>=~!@#%^&|`?]{1,63}$' AND name !~ '--|/\*' THEN
            RETURN qt001_cp.quote_always(schema) || '.' || name || ' ' || qt001_cp.type_list(args);
        END IF;
    WHEN 'routine' THEN RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name) || qt001_cp.type_list(args);
    -- Without a mode, PROCEDURE and ROUTINE are also looked for by all arguments, those of OUT included, and two may fit.
    WHEN 'in routine' THEN RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name) || qt001_cp.type_list(args, 'IN ');
    WHEN 'method' THEN
        RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name) || ' USING ' || qt001_cp.quote_always(method);
    WHEN 'default' THEN RETURN NULL;
    WHEN 'qualified' THEN RETURN qt001_cp.quote_always(schema) || '.' || qt001_cp.quote_always(name);
    END CASE;
    RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = format('%L is no name of form %s', name, form),
        HINT = 'Generate the manifest again: qt001-cp manifest generate.';
END
$address$;

CREATE FUNCTION qt001_cp.refuse_keyword(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $refuse_keyword$
-- A word that stands in a statement without quotes is one of a few.
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'QT202', MESSAGE = format('%L is no privilege, and no kind of default privileges', word),
        HINT = 'Generate the manifest again: qt001-cp manifest generate.';
END
$refuse_keyword$;

CREATE FUNCTION qt001_cp.implied_step(manifest text, direction text)
RETURNS TABLE (
    number bigint, kind text, identity text, schema text, name text, args jsonb, method text, detail jsonb, step jsonb,
    locks_first boolean
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $implied_step$
-- direction: 'forward' or 'restore' for FIX7b, 'retire' or 'revive' for the legacy authority in FIX7c. The order is the lock order of plan/order.py.
WITH object AS (
    SELECT o.*, k.relation OR coalesce(o.detail ? 'composite', false) AS locks, k.container, o.ways -> direction AS way,
           k.relation AND NOT jsonb_path_exists(o.ways -> direction -> 'pre', '$[*] ? (@.set_role == true)') AS late
    FROM qt001_cp.manifest_object(manifest) o JOIN qt001_cp.object_kind k ON k.kind = o.kind
    WHERE o.disposition = 'transfer' AND o.ways -> direction <> 'null'
), step AS (
    SELECT CASE WHEN o.late THEN 2 ELSE 0 END AS phase,
           (NOT o.late AND CASE WHEN direction IN ('forward', 'retire') THEN o.container ELSE NOT o.container END)::int AS weight, o.*, s.value AS step, s.ord
    FROM object o, jsonb_array_elements(o.way -> 'pre') WITH ORDINALITY s(value, ord)
    UNION ALL
    SELECT CASE WHEN o.locks THEN 3 ELSE 1 END, (NOT o.container)::int, o.*, o.way -> 'owner', 1 FROM object o WHERE o.way -> 'owner' <> 'null'
    UNION ALL
    SELECT 4, 0, o.*, s.value, s.ord FROM object o, jsonb_array_elements(o.way -> 'post') WITH ORDINALITY s(value, ord)
)
SELECT row_number() OVER (ORDER BY s.phase, s.weight, s.number, s.ord), s.kind, s.identity, s.schema, s.name, s.args, s.method, s.detail, s.step,
       s.phase >= 2 AND direction IN ('forward', 'restore')
FROM step s
$implied_step$;

CREATE FUNCTION qt001_cp.implied_statement(manifest text, direction text)
RETURNS TABLE (number bigint, statement text, locks_first boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $implied_statement$
WITH privilege(words) AS MATERIALIZED (
    SELECT array_agg(DISTINCT p) FROM qt001_cp.object_kind k, unnest(k.privileges) p
), step AS (
    SELECT s.*, k.alter_noun, k.grant_noun, qt001_cp.address(k.address, s.schema, s.name, s.args, s.method) AS address
    FROM qt001_cp.implied_step(manifest, direction) s JOIN qt001_cp.object_kind k ON k.kind = s.kind
), worded AS (
    SELECT s.*,
           (SELECT string_agg(CASE WHEN p.value = ANY (w.words) THEN p.value ELSE qt001_cp.refuse_keyword(p.value) END
                              || CASE WHEN s.step ->> 'column' IS NULL THEN ''
                                              ELSE ' (' || qt001_cp.quote_always(s.step ->> 'column') || ')' END, ', ' ORDER BY p.ord)
            FROM jsonb_array_elements_text(s.step -> 'privileges') WITH ORDINALITY p(value, ord)) AS listed,
           CASE WHEN s.step ->> 'grantee' IS NULL THEN 'PUBLIC' ELSE qt001_cp.quote_always(s.step ->> 'grantee') END AS grantee,
           CASE WHEN s.kind = 'default acl' THEN CASE WHEN s.detail ->> 'on' IN ('TABLES', 'SEQUENCES', 'FUNCTIONS', 'TYPES', 'SCHEMAS', 'LARGE OBJECTS')
                                                      THEN s.detail ->> 'on' ELSE qt001_cp.refuse_keyword(s.detail ->> 'on') END
                ELSE s.grant_noun || ' ' || s.address END AS target
    FROM step s CROSS JOIN privilege w
), line AS (
    SELECT w.*,
           CASE w.step ->> 'do'
           WHEN 'owner' THEN 'ALTER ' || w.alter_noun || ' ' || w.address || ' OWNER TO ' || qt001_cp.quote_always(w.step ->> 'to') || ';'
           ELSE CASE WHEN w.kind = 'default acl' THEN 'ALTER DEFAULT PRIVILEGES FOR ROLE ' || qt001_cp.quote_always(w.name)
                     || CASE WHEN w.schema IS NULL THEN '' ELSE ' IN SCHEMA ' || qt001_cp.quote_always(w.schema) END || ' ' ELSE '' END
                || CASE w.step ->> 'do'
                   WHEN 'revoke' THEN 'REVOKE ' || w.listed || ' ON ' || w.target || ' FROM ' || w.grantee || ';'
                   ELSE 'GRANT ' || w.listed || ' ON ' || w.target || ' TO ' || w.grantee
                        || CASE WHEN (w.step ->> 'grantable')::boolean THEN ' WITH GRANT OPTION;' ELSE ';' END END
           END AS body
    FROM worded w
)
SELECT l.number,
       CASE WHEN (l.step ->> 'set_role')::boolean
            THEN 'SET LOCAL ROLE ' || qt001_cp.quote_always(l.step ->> 'grantor') || '; ' || l.body || ' RESET ROLE;'
            ELSE l.body END, l.locks_first
FROM line l ORDER BY 1
$implied_statement$;

CREATE FUNCTION qt001_cp.implied_sha256(manifest text, direction text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $implied_sha256$
SELECT qt001_cp.sha256_hex(convert_to(coalesce(string_agg(s.statement || E'\n', '' ORDER BY s.number), ''), 'UTF8'))
FROM qt001_cp.implied_statement(manifest, direction) s
$implied_sha256$;

CREATE FUNCTION qt001_cp.require_rendered(what text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $require_rendered$
-- The begin function of this script has run in this transaction: it renders the statements.
BEGIN
    IF NOT EXISTS (SELECT 1 FROM qt001_cp.run_statement rendered WHERE rendered.xid = pg_current_xact_id()) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('%s refused: expected the preconditions before it in this transaction, found none', what),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
END
$require_rendered$;

CREATE FUNCTION qt001_cp.require_statements(manifest text, direction text, query text, first_number bigint, last_number bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $require_statements$
-- query: current_query() of the block that calls this, so the very text that runs. It has to be, to the letter, the
-- block that emit/script.py prints: the statements first_number..last_number that the manifest implies, and no more,
-- each on its line; how many of them one EXECUTE runs makes no difference.
DECLARE
    tag text := '$qt001_' || left(manifest, 16) || '$';
    run text := '$run_' || left(manifest, 16) || '$';
    head text := format(E'DO %s\nBEGIN\nPERFORM qt001_cp.require_statements(%L, %L, pg_catalog.current_query(), %s, %s);\n'
                        'EXECUTE %s\n', tag, manifest, direction, first_number, last_number, run);
    tail text := format(E'\n%s;\nEND\n%s', run, tag);
    script text := replace(query, format(E'\n%1$s;\nEXECUTE %1$s\n', run), E'\n');
    implied text[];
    written text[];
    wrong bigint;
BEGIN
    PERFORM qt001_cp.note_step(format('statements %s to %s', first_number, last_number));
    PERFORM qt001_cp.require_rendered(format('statements %s to %s', first_number, last_number));
    IF EXISTS (SELECT 1 FROM qt001_cp.run_statement rendered
               WHERE rendered.xid = pg_current_xact_id() AND rendered.locks_first
                 AND rendered.number BETWEEN first_number AND last_number)
        AND NOT EXISTS (SELECT 1 FROM qt001_cp.run WHERE run.xid = pg_current_xact_id() AND 'lock_relations' = ANY (run.steps))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'QT112',
            MESSAGE = format('statements %s to %s refused: expected lock_relations() before them in this transaction, found none',
                             first_number, last_number),
            HINT = 'Run only the printed script, as it is, alone in its transaction.';
    END IF;
    SELECT array_agg(rendered.statement ORDER BY rendered.number) INTO implied
    FROM qt001_cp.run_statement rendered
    WHERE rendered.xid = pg_current_xact_id() AND rendered.number BETWEEN first_number AND last_number;
    -- In front of the block there may be comments, behind it what psql and drivers leave of the statement's end.
    IF left(script, strpos(script, head) - 1) ~ '^(\s|--[^\n]*\n)*$'
            AND rtrim(substr(script, strpos(script, head)), E' ;\n') = head || array_to_string(implied, E'\n') || tail THEN
        RAISE NOTICE '%', format('statements %s to %s of %s', first_number, last_number,
            (SELECT max(rendered.number) FROM qt001_cp.run_statement rendered WHERE rendered.xid = pg_current_xact_id()));
        RETURN;
    END IF;
    written := string_to_array(split_part(substr(script, strpos(script, head) + length(head)), tail, 1), E'\n');
    SELECT min(n) INTO wrong
    FROM generate_series(1, greatest(cardinality(written), cardinality(implied))) n WHERE written[n] IS DISTINCT FROM implied[n];
    RAISE EXCEPTION USING ERRCODE = 'QT103',
        MESSAGE = CASE WHEN wrong IS NULL THEN format('the script holds more than what manifest %s implies', manifest)
                  WHEN rtrim(written[wrong], E'\r') = implied[wrong] THEN
                      format('statement %s of the script ends with a carriage return: expected lines that end with LF, '
                             'found CR LF', first_number + wrong - 1)
                  ELSE format('statement %s of the script is not what manifest %s implies: expected %s, found %s',
                              first_number + wrong - 1, manifest, coalesce(implied[wrong], 'no statement'),
                              coalesce(written[wrong], 'no statement')) END,
        HINT = 'Print the script again from the sealed manifest: alembic upgrade (or downgrade) --sql.';
END
$require_statements$;

CREATE FUNCTION qt001_cp.require_last_statement(manifest text, direction text, done bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $require_last_statement$
-- All statements of this direction have run: as many as the manifest implies.
DECLARE
    implied bigint := (SELECT count(*) FROM qt001_cp.run_statement rendered WHERE rendered.xid = pg_current_xact_id());
BEGIN
    PERFORM qt001_cp.note_step(format('%s statements', done));
    IF done IS DISTINCT FROM implied THEN
        RAISE EXCEPTION USING ERRCODE = 'QT103',
            MESSAGE = format('the script holds %s statements, manifest %s implies %s', done, manifest, implied),
            HINT = 'Print the script again from the sealed manifest: alembic upgrade (or downgrade) --sql.';
    END IF;
END
$require_last_statement$;
