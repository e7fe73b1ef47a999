-- Takes away what this stage made, the last first; without CASCADE.
DROP TABLE qt001_cp.manifest_row_fix7b;
DROP TABLE qt001_cp.event_fix7b;
DROP TABLE qt001_cp.document_fix7b;
