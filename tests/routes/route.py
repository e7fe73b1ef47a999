"""What a route is, as data: how it is laid, how it is walked after a plain cutover, and how ours refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Refusal:
    """How ours closes a route.

    ``sealed``: the route is in the estate when the manifest is sealed; FIX7b finds ``sqlstate`` and names ``word``.
    ``late``: it is laid between sealing and cutover; FIX7b finds ``sqlstate`` and names ``word``.
    ``denied``: the cutover goes through, and then PostgreSQL answers the same attack with ``sqlstate``.
    """

    moment: Literal["sealed", "late", "denied"]
    sqlstate: str
    word: str = ""


@dataclass(frozen=True)
class Route:
    """One route. Statements end with a semicolon and a new line; each is run on its own.

    ``setup``: as the superuser, before the cutover. ``later``: what the DBA grants after a plain one.
    ``attack``: the application role, in a session of its own, after it. ``victim``: what the new owner, or whoever is
    named in it, does then. ``proof``: true where protected data, definition or privileges were reached; asked by the
    superuser, or with ``inside`` by the application in the transaction of its attack, which is rolled back.
    ``fails``: the victim's statement is what is refused, with this SQLSTATE. ``undo``: what the setup did to the whole
    server. ``since``, ``until``: the first server_version_num that has the route, and the first that has it no more.
    """

    name: str
    shown: str
    setup: str
    ours: Refusal
    attack: str = ""
    victim: str = ""
    proof: str = "SELECT true"
    later: str = ""
    inside: bool = False
    fails: str | None = None
    undo: str = ""
    since: int = 0
    until: int = 1_000_000
    note: str = ""


def sealed(word: str, sqlstate: str = "QT108") -> Refusal:
    return Refusal("sealed", sqlstate, word)


def late(word: str, sqlstate: str = "QT102") -> Refusal:
    return Refusal("late", sqlstate, word)


def denied(sqlstate: str = "42501") -> Refusal:
    return Refusal("denied", sqlstate)


def table(name: str, columns: str = "id integer PRIMARY KEY, secret text DEFAULT 'secret'", rows: str = "(1)") -> str:
    """A protected table with a row; the role that runs it is its owner."""
    return f"CREATE TABLE public.qt001_{name} ({columns});\nINSERT INTO public.qt001_{name} VALUES {rows};\n"


def as_application(statements: str) -> str:
    return f"SET ROLE directus;\n{statements}RESET ROLE;\n"


def as_owner(statements: str) -> str:
    return f"SET ROLE qt001_cp_owner;\n{statements}RESET ROLE;\n"


def hook(name: str, returns: str = "boolean", value: str = "true", args: str = "", language: str = "plpgsql") -> str:
    """A harmless function of the application."""
    return (
        f"CREATE FUNCTION public.articles_{name}({args}) RETURNS {returns} LANGUAGE {language} IMMUTABLE"
        f" AS 'BEGIN RETURN {value}; END';\n"
    )


def evil(name: str, returns: str = "boolean", value: str = "true", args: str = "", on: str | None = None) -> str:
    """The same function with a new body: whoever runs it, if not the application itself, gives the table away."""
    return (
        f"CREATE OR REPLACE FUNCTION public.articles_{name}({args}) RETURNS {returns} LANGUAGE plpgsql VOLATILE AS"
        f" 'BEGIN IF current_user = ''qt001_cp_owner'' AND NOT has_table_privilege(''directus'', ''public.qt001_{on or name}'', ''DELETE'')"
        f" THEN EXECUTE ''GRANT ALL ON public.qt001_{on or name} TO directus''; END IF; RETURN {value}; END';\n"
    )


def given(name: str) -> str:
    """The application holds a privilege on the protected table."""
    return f"SELECT has_table_privilege('directus', 'public.qt001_{name}', 'DELETE')"
