"""Names of pg_catalog that the inventory does not carry: types (read from PostgreSQL 18's catalogs)."""

from __future__ import annotations

from typing import Final

from qt001_cp.analyse.words import words

TYPES: Final = words(
    """
    aclitem any anyarray anycompatible anycompatiblearray anycompatiblemultirange anycompatiblenonarray
    anycompatiblerange anyelement anyenum anymultirange anynonarray anyrange bit bool box bpchar bytea char cid cidr
    circle cstring date datemultirange daterange event_trigger fdw_handler float4 float8 gtsvector index_am_handler
    inet int2 int2vector int4 int4multirange int4range int8 int8multirange int8range internal interval json jsonb
    jsonpath language_handler line lseg macaddr macaddr8 money name numeric nummultirange numrange oid oidvector path
    pg_brin_bloom_summary pg_brin_minmax_multi_summary pg_ddl_command pg_dependencies pg_lsn pg_mcv_list pg_ndistinct
    pg_node_tree pg_snapshot point polygon record refcursor regclass regcollation regconfig regdictionary
    regnamespace regoper regoperator regproc regprocedure regrole regtype table_am_handler text tid time timestamp
    timestamptz timetz trigger tsm_handler tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector
    txid_snapshot unknown uuid varbit varchar void xid xid8 xml
    """
)

SAMPLE_METHODS: Final = frozenset({"bernoulli", "system"})

SERIALS: Final = frozenset({"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"})
"""What the grammar of CREATE TABLE takes for a type and is none."""

RESERVED: Final = words(
    """
    all analyse analyze and any array as asc asymmetric between bigint bit boolean both case cast char character check
    coalesce collate column constraint create current_catalog current_date current_role current_time current_timestamp
    current_user dec decimal default deferrable desc distinct do else end except exists extract false fetch float for
    foreign from grant greatest group grouping having in initially inout int integer intersect interval into lateral
    leading least limit localtime localtimestamp national nchar none normalize not null nullif numeric offset on only or
    order out overlay placing position precision primary real references returning row select session_user setof
    smallint some substring symmetric table then time timestamp to trailing treat trim true union unique user using
    values varchar variadic when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces
    xmlparse xmlpi xmlroot xmlserialize xmltable
    """
)
"""Words that are no name of a function or table unless quoted (pg_get_keywords(), codes R and C, the same since 14)."""
