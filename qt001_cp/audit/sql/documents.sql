SELECT d.digest, d.kind, d.body FROM qt001_cp.document d ORDER BY d.digest, d.stage
