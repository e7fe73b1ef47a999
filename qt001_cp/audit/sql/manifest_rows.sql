SELECT r.manifest, r.object FROM qt001_cp.manifest_row r ORDER BY r.manifest, r.number
