-- The segment of the ledger that belongs to this stage. The downgrade drops it; the chain before it
-- stands.
CREATE TABLE qt001_cp.document_fix7c PARTITION OF qt001_cp.document FOR VALUES IN ('fix7c');
CREATE TABLE qt001_cp.event_fix7c PARTITION OF qt001_cp.event FOR VALUES IN ('fix7c');
CREATE TABLE qt001_cp.manifest_row_fix7c PARTITION OF qt001_cp.manifest_row FOR VALUES IN ('fix7c');
DO $guard$
BEGIN
    PERFORM qt001_cp.guard_partition('document', 'fix7c');
    PERFORM qt001_cp.guard_partition('event', 'fix7c');
    PERFORM qt001_cp.guard_partition('manifest_row', 'fix7c');
END
$guard$;
GRANT SELECT ON qt001_cp.document_fix7c, qt001_cp.event_fix7c, qt001_cp.manifest_row_fix7c
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
