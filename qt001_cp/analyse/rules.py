"""The one table of what the analyser reports as unknown. The identifiers are stable: evidence is bound to them."""

from __future__ import annotations

from typing import Final

DYNAMIC_OPAQUE: Final = "dynamic-sql-opaque"
DYNAMIC_UNPARSED: Final = "dynamic-sql-unparsed"
PARSE_ERROR: Final = "parse-error"
UNRESOLVED: Final = "unresolved-name"
HIDDEN_SINK: Final = "hidden-sink"
UNLISTED: Final = "unlisted-function"
CALLER_TYPE: Final = "caller-type"
CAST: Final = "cast-by-type"
LANGUAGE: Final = "language"
OPERATOR: Final = "operator"
SEQUENCE: Final = "non-constant-sequence"
SEARCH_PATH: Final = "search-path-changed"
SETTING: Final = "setting-changed"
UTILITY: Final = "utility-statement"
LEXICAL: Final = "lexical-mismatch"

RULES: Final[dict[str, str]] = {
    DYNAMIC_OPAQUE: "SQL is built at run time from something that is not constant; what it does cannot be known here.",
    DYNAMIC_UNPARSED: "The word EXECUTE stands in the body where the parser did not see a dynamic statement.",
    PARSE_ERROR: "A text could not be parsed; nothing behind it is known.",
    UNRESOLVED: "A name resolves to nothing that exists on the search path.",
    HIDDEN_SINK: "A function or statement that runs text as SQL or leaves the database.",
    UNLISTED: "A function of the server's own, or one in C, that is not on the list of harmless ones (core_functions.txt).",
    CALLER_TYPE: "A value of a type that the caller chooses, where a cast or a check of that type would run.",
    CAST: "A function that prints by the cast of a type, where a type with a cast of its own is within reach.",
    LANGUAGE: "The routine is written in a language that is not SQL or PL/pgSQL; its body is opaque.",
    OPERATOR: "An operator that is not one of pg_catalog; the function behind it is not known.",
    SEQUENCE: "nextval, currval or setval of a sequence whose name is not constant.",
    SEARCH_PATH: "The body itself changes search_path; what its unqualified names mean is not known.",
    SETTING: "The body changes a setting that decides about rights or triggers (role, …), or leaves it to one where a string ends.",
    UTILITY: "A utility statement (DDL, GRANT, …) whose whole effect is not modelled.",
    LEXICAL: "A name that exists stands in the body, but no edge of the analysis explains it.",
}
"""Constant dynamic SQL has no entry: it is parsed and followed like static SQL, so nothing about it is unknown."""

CROSS_CHECK: Final = "plpgsql-check-differs"
ALL_RULES: Final[dict[str, str]] = {
    **RULES,
    CROSS_CHECK: "plpgsql_check, by the server's own parser, sees a dependency that the analysis does not have.",
}
"""With the rule of the cross-check, which no text alone can provoke."""
