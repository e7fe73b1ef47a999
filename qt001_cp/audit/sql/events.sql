SELECT e.seq, e.stage, e.at, e.actor::text, e.verb, e.subject, e.detail, e.prev, e.digest FROM qt001_cp.event e ORDER BY e.seq
