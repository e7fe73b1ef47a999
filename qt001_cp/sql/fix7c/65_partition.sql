-- Partitions of what the policy lets grow, made and dropped by a schedule. The owner role's
-- functions: they have its rights and no more, and compose what they run by themselves.

CREATE FUNCTION qt001_cp.require_growth() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $require_growth$
-- Level A, with the ledger role's rights: an operator's login, where FIX7c is deployed.
BEGIN
    PERFORM qt001_cp.require_duty('qt001_cp_operator');
    IF qt001_cp.deployed_manifest() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT122',
            MESSAGE = format('partition refused: stage: expected fix7c, found %s',
                             qt001_cp.stage()),
            HINT = 'Before FIX7c the owner of the table makes its partitions: see qt001-cp status';
    END IF;
END
$require_growth$;

CREATE FUNCTION qt001_cp.partition_name(partition text)
RETURNS TABLE (parent text, schema text, name text, known oid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $partition_name$
-- Level A, with the ledger role's rights: whose partition it is, by the policy in force. partition:
-- schema and name, as SQL writes them. known: its number where there is such a table.
DECLARE
    path text[];
BEGIN
    PERFORM qt001_cp.require_growth();
    path := qt001_cp.name_parts(partition);
    RETURN QUERY
    SELECT growth.parent, path[1], path[2], (
        SELECT relation.oid FROM pg_class relation
        JOIN pg_namespace space ON space.oid = relation.relnamespace
        WHERE space.nspname = path[1] AND relation.relname = path[2])
    FROM qt001_cp.growth(qt001_cp.deployed_manifest()) growth
    WHERE cardinality(path) = 2 AND growth.schema = path[1] AND path[2] LIKE growth.pattern;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT313',
            MESSAGE = format('partition refused: table %s: expected schema and name as [[growth]] '
                             'of the policy has them, found none: %s', partition, coalesce((
                SELECT string_agg(format('%s in schema %s for %s', growth.glob, growth.schema,
                                         growth.parent), ', ' ORDER BY growth.parent)
                FROM qt001_cp.growth(qt001_cp.deployed_manifest()) growth), 'nothing may grow')),
            HINT = 'What the policy lets grow is changed by a change: qt001-cp change new NAME';
    END IF;
END
$partition_name$;

CREATE FUNCTION qt001_cp.note_partition(
    verb text, parent text, partition text, statement text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $note_partition$
-- Level B, the owner's: whose partition it is that is about to come or go is in the ledger. Gives
-- the statement back: there is none without an event.
DECLARE
    whose record;
BEGIN
    PERFORM qt001_cp.require_growth();
    SELECT found.* INTO whose FROM qt001_cp.partition_name(partition) found
    WHERE found.parent = coalesce(note_partition.parent, found.parent) LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'QT313',
            MESSAGE = format('partition refused: table %s: expected a name of a table that grows, '
                             'as the policy has it, found it is none of %s', partition, parent),
            HINT = 'What the policy lets grow is changed by a change: qt001-cp change new NAME';
    END IF;
    IF verb = 'partition_added' AND whose.known IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT313',
            MESSAGE = format('partition refused: table %s: expected no table of that name, found '
                             'one of %s', partition, (
                SELECT pg_get_userbyid(relation.relowner) FROM pg_class relation
                WHERE relation.oid = whose.known)),
            HINT = 'Find out whose it is. It is never taken for a partition: DROP or rename it.';
    END IF;
    IF verb = 'partition_dropped' AND NOT EXISTS (
        SELECT 1 FROM qt001_cp.grown(qt001_cp.deployed_manifest()) grown
        WHERE grown.oid = whose.known AND grown.fault IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'QT313',
            MESSAGE = format('partition refused: table %s: expected a partition of %s, or a table '
                             'that was one, found %s', partition, whose.parent,
                             CASE WHEN whose.known IS NULL THEN 'no such table'
                                  ELSE 'another kind of table, or not qt001_cp_owner''s' END),
            HINT = 'See which there are: SELECT * FROM '
                   'qt001_cp.grown(qt001_cp.reference_manifest());';
    END IF;
    PERFORM qt001_cp.record_event(verb, partition, jsonb_build_object(
        'table', whose.parent, 'statement', statement,
        'object_manifest', qt001_cp.deployed_manifest()));
    RETURN statement;
END
$note_partition$;

CREATE FUNCTION qt001_cp.require_partition(partition text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $require_partition$
-- Level A, with the ledger role's rights: what has been made is a partition, and nothing more.
DECLARE
    made record;
BEGIN
    SELECT grown.* INTO made
    FROM qt001_cp.partition_name(partition) found
    JOIN qt001_cp.grown(qt001_cp.deployed_manifest()) grown ON grown.oid = found.known
    WHERE grown.attached;
    IF NOT FOUND OR made.fault IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'QT313',
            MESSAGE = format('partition refused: table %s: expected a partition and nothing more, '
                             'found %s', partition, coalesce(made.fault, 'none')),
            HINT = 'Default privileges of qt001_cp_owner may give it to others: \ddp';
    END IF;
END
$require_partition$;

CREATE FUNCTION qt001_cp.partition_bound(bound text[], without text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $partition_bound$
-- A bound in words: each value is a constant, and NULL what stands for none.
SELECT '(' || string_agg(coalesce(quote_literal(part.value), without), ', '
                         ORDER BY part.place) || ')'
FROM unnest(bound) WITH ORDINALITY part(value, place)
$partition_bound$;

CREATE FUNCTION qt001_cp.make_partition(parent text, partition text, bound text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $make_partition$
-- With the rights of who asks, which are the owner role's. bound: what stands behind FOR VALUES.
DECLARE
    statement text := qt001_cp.note_partition(
        'partition_added', parent, partition,
        format('CREATE TABLE %s PARTITION OF %s FOR VALUES %s', qt001_cp.quoted_path(partition),
               qt001_cp.quoted_path(parent), bound));
BEGIN
    PERFORM qt001_cp.execute_change(statement);
    PERFORM qt001_cp.require_partition(partition);
    RETURN statement;
END
$make_partition$;

CREATE FUNCTION qt001_cp.add_partition(
    parent text, partition text, lower text[], upper text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $add_partition$
-- Level B, operator, with the owner role's rights: a partition of a range, from lower (NULL:
-- MINVALUE) to upper (NULL: MAXVALUE), a value a column of the partition key. Gives the statement.
BEGIN
    PERFORM qt001_cp.require_growth();
    RETURN qt001_cp.make_partition(
        parent, partition, format('FROM %s TO %s', qt001_cp.partition_bound(lower, 'MINVALUE'),
                                  qt001_cp.partition_bound(upper, 'MAXVALUE')));
END
$add_partition$;

CREATE FUNCTION qt001_cp.add_list_partition(
    parent text, partition text, accepted text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $add_list_partition$
-- Level B, operator, with the owner role's rights: a partition of a list of values.
BEGIN
    PERFORM qt001_cp.require_growth();
    RETURN qt001_cp.make_partition(
        parent, partition, 'IN ' || qt001_cp.partition_bound(accepted, 'NULL'));
END
$add_list_partition$;

CREATE FUNCTION qt001_cp.drop_partition(partition text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $drop_partition$
-- Level B, operator, with the owner role's rights: drops a partition, or a table that was detached.
-- Its rows are gone.
DECLARE
    statement text;
BEGIN
    PERFORM qt001_cp.require_growth();
    statement := qt001_cp.note_partition(
        'partition_dropped', NULL, partition,
        'DROP TABLE ' || qt001_cp.quoted_path(partition));
    PERFORM qt001_cp.execute_change(statement);
    RETURN statement;
END
$drop_partition$;

CREATE FUNCTION qt001_cp.name_parts(said text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $name_parts$
-- The parts of a name as SQL writes it. Whatever else is said is refused.
BEGIN
    RETURN parse_ident(said);
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE EXCEPTION USING ERRCODE = 'QT313',
        MESSAGE = format('partition refused: name %L: expected schema and name, as SQL writes '
                         'them, found something else', said),
        HINT = 'See which there are: SELECT * FROM '
               'qt001_cp.grown(qt001_cp.reference_manifest());';
END
$name_parts$;

CREATE FUNCTION qt001_cp.quoted_path(said text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $quoted_path$
-- A name as SQL writes it, each of its parts quoted where it has to be.
SELECT string_agg(quote_ident(part.name), '.' ORDER BY part.place)
FROM unnest(qt001_cp.name_parts(said)) WITH ORDINALITY part(name, place)
$quoted_path$;
