"""The catalogs whose rows define something, for the comparison of a run with what it found (``qt001_cp.catalog_row``).

Source: PostgreSQL documentation, chapter "System Catalogs".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Which: TypeAlias = Literal["all", "made", "relation", "space"]
"""Rows that count: all; those not made by initdb; parts of such a relation; those in a schema, not made by initdb."""


@dataclass(frozen=True)
class DefiningCatalog:
    """``key``: the column with the object's number. ``sub``: an SQL expression that tells rows of one object apart.
    ``parent``: the column that names the relation or the schema, where ``which`` asks for it. ``condition``: in place of it.
    ``named``: whether ``pg_identify_object`` has a name for a row of it.
    """

    table: str
    key: str = "oid"
    which: Which = "all"
    parent: str | None = None
    sub: str = "0"
    condition: str | None = None
    named: bool = True


_THIS_DATABASE: Final = "(SELECT b.oid FROM pg_database b WHERE b.datname = current_database())"

DEFINING: Final = (
    DefiningCatalog("pg_attribute", "attrelid", "relation", "attrelid", sub="attnum", condition="entry.attnum > 0", named=False),
    DefiningCatalog("pg_attrdef", which="relation", parent="adrelid"),
    DefiningCatalog("pg_index", "indexrelid", "relation", "indexrelid", named=False),
    DefiningCatalog("pg_inherits", "inhrelid", sub="inhparent::bigint", named=False),
    DefiningCatalog("pg_partitioned_table", "partrelid", named=False),
    DefiningCatalog("pg_sequence", "seqrelid", "relation", "seqrelid", named=False),
    DefiningCatalog("pg_foreign_table", "ftrelid", named=False),
    DefiningCatalog("pg_trigger", which="relation", parent="tgrelid"),
    DefiningCatalog("pg_rewrite", which="relation", parent="ev_class"),
    DefiningCatalog("pg_policy"),
    DefiningCatalog("pg_constraint", which="space", parent="connamespace"),
    DefiningCatalog("pg_proc", which="space", parent="pronamespace"),
    DefiningCatalog("pg_aggregate", "aggfnoid", "made", named=False),
    DefiningCatalog("pg_type", which="space", parent="typnamespace"),
    DefiningCatalog("pg_enum", named=False),
    DefiningCatalog("pg_range", "rngtypid", "made", named=False),
    DefiningCatalog("pg_namespace", condition="entry.oid IN (SELECT space.oid FROM space)"),
    DefiningCatalog("pg_default_acl"),
    DefiningCatalog("pg_cast", which="made"),
    DefiningCatalog("pg_operator", which="made"),
    DefiningCatalog("pg_opclass", which="made"),
    DefiningCatalog("pg_opfamily", which="made"),
    DefiningCatalog("pg_amop", which="made"),
    DefiningCatalog("pg_amproc", which="made"),
    DefiningCatalog("pg_collation", which="made"),
    DefiningCatalog("pg_conversion", which="made"),
    DefiningCatalog("pg_transform"),
    DefiningCatalog("pg_statistic_ext"),
    DefiningCatalog("pg_ts_config", which="made"),
    DefiningCatalog("pg_ts_dict", which="made"),
    DefiningCatalog("pg_ts_parser", which="made"),
    DefiningCatalog("pg_ts_template", which="made"),
    DefiningCatalog("pg_event_trigger"),
    DefiningCatalog("pg_extension"),
    DefiningCatalog("pg_language", which="made"),
    DefiningCatalog("pg_foreign_data_wrapper"),
    DefiningCatalog("pg_foreign_server"),
    DefiningCatalog("pg_publication"),
    DefiningCatalog("pg_publication_rel"),
    DefiningCatalog("pg_auth_members", "roleid", sub="member::bigint * 4294967296 + entry.grantor::bigint", named=False),
    DefiningCatalog("pg_database", condition="entry.datname = current_database()"),
    DefiningCatalog("pg_db_role_setting", "setrole", condition=f"entry.setdatabase = {_THIS_DATABASE}", named=False),
)  # fmt: skip
"""Beside pg_class, which is looked at by content (``qt001_cp.storage_columns``)."""


def source(catalog: DefiningCatalog) -> str:
    """The query for its rows: classid, number, sub-number, the transaction that made the row as text and as a number."""
    made = f"entry.{catalog.key} >= 16384"
    joins = {
        "all": "",
        "made": "",
        "relation": f" JOIN rel ON rel.oid = entry.{catalog.parent}",
        "space": f" JOIN space ON space.oid = entry.{catalog.parent}",
    }
    conditions = [made] if catalog.which in ("made", "space") else []
    conditions += [catalog.condition] if catalog.condition else []
    return (
        f"UNION ALL SELECT '{catalog.table}'::regclass, entry.{catalog.key}, {_qualified(catalog.sub)},"
        f" entry.xmin::text, entry.xmin\nFROM {catalog.table} entry{joins[catalog.which]}"
        + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
    )


def _qualified(sub: str) -> str:
    return sub if sub == "0" else f"entry.{sub}"
