-- The partitions of the ledger that belong to this stage. The downgrade drops them, and no others.
CREATE TABLE qt001_cp.document_fix7b PARTITION OF qt001_cp.document FOR VALUES IN ('fix7b');
CREATE TABLE qt001_cp.event_fix7b PARTITION OF qt001_cp.event FOR VALUES IN ('fix7b');
CREATE TABLE qt001_cp.manifest_row_fix7b PARTITION OF qt001_cp.manifest_row
    FOR VALUES IN ('fix7b');
DO $guard$
BEGIN
    PERFORM qt001_cp.guard_partition('document', 'fix7b');
    PERFORM qt001_cp.guard_partition('event', 'fix7b');
    PERFORM qt001_cp.guard_partition('manifest_row', 'fix7b');
END
$guard$;
GRANT SELECT ON qt001_cp.document_fix7b, qt001_cp.event_fix7b, qt001_cp.manifest_row_fix7b
    TO qt001_cp_author, qt001_cp_operator, qt001_cp_verifier, qt001_cp_auditor;
