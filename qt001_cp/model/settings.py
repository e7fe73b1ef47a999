"""PostgreSQL's settings that a session may change for itself, by what they could do to code that is protected.

Every one that a supported major version has stands in exactly one of the four lists below; ``tests/acceptance/
test_session_settings.py`` holds them against ``pg_settings`` of each version, so a new one is looked at before it counts
as harmless. Source: PostgreSQL's documentation, chapter "Server Configuration".
"""

from __future__ import annotations

from typing import Final

HARMLESS: Final = frozenset(
    """
    application_name backend_flush_after backtrace_functions client_connection_check_interval client_min_messages
    commit_delay commit_siblings compute_query_id constraint_exclusion cpu_index_tuple_cost cpu_operator_cost
    cpu_tuple_cost cursor_tuple_fraction deadlock_timeout debug_discard_caches debug_logical_replication_streaming
    debug_parallel_query debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten
    default_statistics_target effective_cache_size effective_io_concurrency enable_async_append enable_bitmapscan
    enable_distinct_reordering enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin
    enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin
    enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate
    enable_partitionwise_join enable_presorted_aggregate enable_self_join_elimination enable_seqscan enable_sort
    enable_tidscan escape_string_warning exit_on_error file_copy_method force_parallel_mode from_collapse_limit geqo
    geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_pending_list_limit
    hash_mem_multiplier icu_validation_level idle_in_transaction_session_timeout idle_session_timeout
    ignore_system_indexes io_combine_limit jit jit_above_cost jit_debugging_support jit_dump_bitcode jit_expressions
    jit_inline_above_cost jit_optimize_above_cost jit_profiling_support jit_tuple_deforming join_collapse_limit
    lc_messages lock_timeout log_connections log_disconnections log_duration log_error_verbosity log_lock_failures
    log_executor_stats log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement log_min_messages
    log_parameter_max_length log_parameter_max_length_on_error log_parser_stats log_planner_stats
    log_replication_commands log_statement log_statement_sample_rate log_statement_stats log_temp_files
    log_transaction_sample_rate logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem
    max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather max_stack_depth
    md5_password_warnings min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
    parallel_setup_cost parallel_tuple_cost password_encryption plan_cache_mode plpgsql.extra_warnings
    plpgsql.print_strict_params post_auth_delay random_page_cost recursive_worktable_factor scram_iterations
    seq_page_cost statement_timeout stats_fetch_consistency synchronize_seqscans tcp_keepalives_count
    tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_buffers temp_file_limit trace_notify trace_sort
    track_activities track_cost_delay_timing track_counts track_functions track_io_timing track_wal_io_timing
    transaction_timeout update_process_title vacuum_buffer_usage_limit vacuum_cost_delay vacuum_cost_limit
    vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age vacuum_freeze_min_age
    vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate vacuum_multixact_failsafe_age
    vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age vacuum_truncate wal_compression
    wal_consistency_checking wal_init_zero wal_recycle wal_sender_timeout wal_skip_threshold work_mem
    """.split()
)
"""How fast, how long, in which words, and what is logged; never what is read or written."""

FORMATS: Final = frozenset(
    """
    bytea_output client_encoding DateStyle default_text_search_config extra_float_digits IntervalStyle lc_monetary
    lc_numeric lc_time TimeZone timezone_abbreviations xmlbinary
    """.split()
)
"""How a value is read from text and written as text: a client's choice, and many have one. A body that turns text into
dates, times or numbers carries SET for those that it relies on (docs/policy.md)."""

ASKED: Final = {
    "array_nulls": "on",
    "backslash_quote": "safe_encoding",
    "gin_fuzzy_search_limit": "0",
    "ignore_checksum_failure": "off",
    "plpgsql.check_asserts": "on",
    "plpgsql.extra_errors": "none",
    "plpgsql.variable_conflict": "error",
    "quote_all_identifiers": "off",
    "session_replication_role": "origin",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "xmloption": "content",
    "zero_damaged_pages": "off",
}
"""What a text of the body means, which rows it finds, whether its triggers, foreign keys and ASSERTs count, → the value with
which it was reviewed. The guard refuses a call where another one is in force; what the routine carries SET for is."""

OF_SUPERUSERS: Final = frozenset(
    {"ignore_checksum_failure", "plpgsql.variable_conflict", "session_replication_role", "zero_damaged_pages"}
)
"""Of these, what nobody but a superuser may set, or who was granted it: the owner of a routine may not carry SET for it."""

PINNED: Final = {name: value for name, value in ASKED.items() if name not in OF_SUPERUSERS}
"""What the routines of the apply path carry SET for, beside search_path."""

ELSEWHERE: Final = {
    "allow_in_place_tablespaces": "for CREATE TABLESPACE",
    "allow_system_table_mods": "for DDL of a superuser",
    "check_function_bodies": "for CREATE FUNCTION",
    "createrole_self_grant": "for CREATE ROLE",
    "default_table_access_method": "for CREATE TABLE",
    "default_tablespace": "for CREATE TABLE",
    "default_toast_compression": "how a value is stored, not which",
    "default_transaction_deferrable": "of a transaction that has not begun",
    "default_transaction_isolation": "the guard asks for the isolation of this transaction",
    "default_transaction_read_only": "of a transaction that has not begun",
    "dynamic_library_path": "for LOAD and functions in C; a superuser's",
    "event_triggers": "for DDL; a superuser's",
    "extension_control_path": "for CREATE EXTENSION; a superuser's",
    "lo_compat_privileges": "a superuser's; large objects have gates of their own",
    "local_preload_libraries": "libraries that the server's administrator has put into $libdir/plugins",
    "output_plugin_libraries": "for logical decoding; a superuser's",
    "restrict_nonsystem_relation_kind": "makes an error of an access, never another access",
    "row_security": "makes an error of a query whose rows a policy would leave out",
    "search_path": "gate 5 asks that every routine of the apply path carries its own",
    "session_preload_libraries": "read when the session begins; a superuser's",
    "synchronous_commit": "how durable a commit is when the server dies, not what it holds",
    "temp_tablespaces": "for temporary tables",
    "transaction_deferrable": "of SERIALIZABLE, which the guard refuses",
    "transaction_isolation": "the guard asks for READ COMMITTED",
    "transaction_read_only": "makes an error of a write",
}
"""What a guarded call need not be asked for, and why."""

_LOWER: Final = frozenset(name.lower() for name in HARMLESS | FORMATS) | {
    "default_toast_compression", "synchronous_commit", "transaction",
}  # fmt: skip
"""Small letters; with those of the last list that change nothing for who calls. SET TRANSACTION has no name of its own."""


def may_be_set(name: str, value: str | None) -> bool:
    """Whether a routine may carry, or run, SET of this setting without becoming another than it seems.

    ``name`` in small letters; ``value`` None where it is not one constant. A name with a prefix that is no setting of
    PL/pgSQL's is a variable of somebody's own.
    """
    if name in ASKED:
        return value == ASKED[name]
    return name in _LOWER or ("." in name and not name.startswith("plpgsql."))
