-- The foreign keys that the policy keeps although they cross the border of what is protected.

CREATE FUNCTION qt001_cp.manifest_policy(manifest text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $manifest_policy$
-- The policy that the manifest was made with, as FIX7a recorded it.
SELECT qt001_cp.document_json(qt001_cp.document_json(manifest) #>> '{policy,sha256}')
$manifest_policy$;

CREATE FUNCTION qt001_cp.action_word(action "char") RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $action_word$
-- What a foreign key does, of pg_constraint.
SELECT CASE action WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
                   WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END
$action_word$;

CREATE FUNCTION qt001_cp.kept_foreign_key(manifest text)
RETURNS TABLE (source oid, target oid, label text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET jit = off
AS $kept_foreign_key$
-- The foreign keys that the policy keeps across the border ([[kept_foreign_key]]), as long as they
-- are what it says; both ways, as pg_depend has them. Where another one between the same tables has
-- its name, both count as not kept.
WITH held AS (
    SELECT known.oid, known.conname, known.conrelid, known.confrelid
    FROM jsonb_array_elements(qt001_cp.manifest_policy(manifest) -> 'kept_foreign_key') kept
    JOIN pg_constraint known ON known.contype = 'f' AND known.conname = kept ->> 'name'
    CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, known.conrelid, 0) of_table
    CROSS JOIN LATERAL pg_identify_object('pg_class'::regclass, known.confrelid, 0) referenced
    WHERE of_table.identity = kept ->> 'table' AND referenced.identity = kept ->> 'references'
      AND qt001_cp.action_word(known.confdeltype) = kept ->> 'on_delete'
      AND qt001_cp.action_word(known.confupdtype) = kept ->> 'on_update'
)
SELECT way.source, way.target, ' → constraint ' || held.conname || ' → '
FROM held
CROSS JOIN LATERAL (VALUES (held.conrelid, held.confrelid), (held.confrelid, held.conrelid))
    way(source, target)
WHERE NOT EXISTS (
    SELECT FROM pg_constraint other
    WHERE other.conname = held.conname AND other.oid <> held.oid
      AND other.conrelid IN (held.conrelid, held.confrelid))
$kept_foreign_key$;
