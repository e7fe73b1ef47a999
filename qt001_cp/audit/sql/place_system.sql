-- The identifier of the cluster, which a physical copy has too.
SELECT control.system_identifier::pg_catalog.text AS system
FROM pg_catalog.pg_control_system() control
