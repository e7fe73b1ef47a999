"""Functions of which more is known than that they are not harmless: they run a text as SQL, or leave the database.

That a function is harmless is said by :mod:`qt001_cp.analyse.core`, never by its absence here.
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
    if schema in (None, "pg_catalog") and name in RUNS_SQL:
        return name != "ts_rewrite" or arguments == 2
    return _EXTENSION.fullmatch(name) is not None


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
