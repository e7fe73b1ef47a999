SELECT manifest, object FROM qt001_cp.manifest_row ORDER BY manifest, number
