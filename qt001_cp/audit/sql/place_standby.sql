-- The timeline of the last checkpoint that was replayed.
SELECT control.timeline_id AS timeline FROM pg_catalog.pg_control_checkpoint() control
