SELECT digest, kind, body FROM qt001_cp.document ORDER BY digest
