SELECT seq, epoch, at, actor::text, verb, subject, detail, prev, digest
FROM qt001_cp.event ORDER BY seq
