"""Functions that do more than their arguments show: they run text as SQL, change settings, or leave the database.

A list can only hold what is known; what is not on it stays a risk. ``pg_notify``, advisory locks and ``xpath`` are
left out on purpose: they reach no object.
"""

from __future__ import annotations

import re
from typing import Final

from qt001_cp.analyse.words import words

RUNS_SQL: Final[dict[str, int]] = {
    "query_to_xml": 0, "query_to_xmlschema": 0, "query_to_xml_and_xmlschema": 0, "ts_stat": 0, "ts_rewrite": 1,
    "crosstab": 0, "crosstabn": 0, "crosstab2": 0, "crosstab3": 0, "crosstab4": 0,
}  # fmt: skip
"""Functions with an argument (its position) that is itself a query; a constant one is followed as well."""

_CATALOG: Final = words(
    """
    query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
    table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
    schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
    set_config pg_reload_conf currtid currtid2
    lo_import lo_export lo_put lo_get lo_create lo_creat lo_unlink lo_open lo_from_bytea loread lowrite
    lo_truncate lo_truncate64
    pg_read_file pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
    pg_ls_archive_statusdir pg_ls_logicalsnapdir pg_ls_logicalmapdir pg_ls_replslotdir pg_current_logfile
    pg_terminate_backend pg_cancel_backend pg_rotate_logfile pg_promote pg_switch_wal pg_create_restore_point
    pg_backup_start pg_backup_stop pg_wal_replay_pause pg_wal_replay_resume
    pg_create_physical_replication_slot pg_create_logical_replication_slot pg_drop_replication_slot
    pg_copy_physical_replication_slot pg_copy_logical_replication_slot pg_replication_slot_advance
    pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes
    pg_logical_slot_peek_binary_changes pg_logical_emit_message
    pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_session_setup
    pg_replication_origin_advance pg_replication_origin_xact_setup
    pg_input_is_valid pg_input_error_info pg_import_system_collations pg_extension_config_dump
    brin_summarize_new_values brin_summarize_range brin_desummarize_range gin_clean_pending_list
    pg_restore_relation_stats pg_restore_attribute_stats pg_clear_relation_stats pg_clear_attribute_stats
    pg_log_backend_memory_contexts pg_nextoid
    """
)
_EXTENSION: Final = re.compile(
    r"dblink\w*|crosstab\w*|connectby|xpath_table|pg_file_\w+|pg_logdir_ls|postgres_fdw_\w+|http(_\w+)?"
    r"|pg_background_\w+|lo_manage|check_primary_key|check_foreign_key|autoinc"
    r"|pg_execute_server_program|cron_\w+|plpy_\w+|set_curcfg"
)
_SCHEMAS: Final = frozenset({"cron", "pglogical", "pgagent", "dbms_sql", "dbms_job", "utl_file"})


def is_sink(schema: str | None, name: str, arguments: int) -> bool:
    """Whether a call of this name may reach more than the analyser can see."""
    if schema in _SCHEMAS:
        return True
    if schema in (None, "pg_catalog"):
        if name in _CATALOG or name.startswith("binary_upgrade_"):
            return True
        if name == "ts_stat" or (name == "ts_rewrite" and arguments == 2):
            return True
    return _EXTENSION.fullmatch(name) is not None


def pattern() -> str:
    """All of them as one regular expression of PostgreSQL, for what the catalogs keep parsed."""
    names = sorted({*_CATALOG, *RUNS_SQL})
    return f"^({'|'.join(names)}|binary_upgrade_[a-z0-9_]+|{_EXTENSION.pattern.replace(chr(92) + 'w', '[a-z0-9_]')})$"


SEQUENCE_VERBS: Final = {
    "nextval": "writes", "setval": "writes", "currval": "reads", "pg_sequence_last_value": "reads",
    "pg_sequence_parameters": "uses", "pg_get_sequence_data": "reads",
}  # fmt: skip

REGCLASS_ARGUMENT: Final = words(
    """
    to_regclass pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_relation_filenode
    pg_relation_filepath pg_get_serial_sequence pg_relation_is_updatable pg_relation_is_publishable
    pg_partition_tree pg_partition_ancestors pg_partition_root table_to_xml table_to_xmlschema
    table_to_xml_and_xmlschema
    """
)
"""Functions whose first argument names a relation, also as a plain string."""

SENSITIVE_SETTINGS: Final = words(
    """
    role session_authorization session_replication_role row_security default_transaction_read_only
    transaction_read_only check_function_bodies event_triggers session_preload_libraries local_preload_libraries
    dynamic_library_path default_tablespace default_table_access_method allow_system_table_mods zero_damaged_pages
    xmloption standard_conforming_strings quote_all_identifiers temp_tablespaces
    """
)
