"""What leads out of the database, and bodies that nobody has analysed, condition by condition."""

from __future__ import annotations

import json
from functools import partial

from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, both, do, in_document
from tests.acceptance.stays_open import Stays
from tests.cutover.test_outside import SERVER, WAYS

_CONTAINED = partial(Closer, "application_role_contained", resign=False)
_OPEN = partial(Stays, "application_role_contained")
_DEFINER = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
_VIEW = "a view of a superuser"
_BARE = SERVER.replace("EXTENSION postgres_fdw SCHEMA public", "FOREIGN DATA WRAPPER postgres_fdw")
_FAR = (
    "CREATE FUNCTION public.articles_far() RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE ''SELECT 1''; END'",
    "REVOKE EXECUTE ON FUNCTION public.articles_far() FROM PUBLIC",
)
_NEAR = f"CREATE FUNCTION public.articles_near() RETURNS void {_DEFINER} AS 'BEGIN PERFORM public.articles_far(); END'"
_FIRED = f"CREATE FUNCTION public.articles_near() RETURNS trigger {_DEFINER} AS 'BEGIN PERFORM public.articles_far(); RETURN NULL; END'"
_WATCHED = (
    "CREATE TABLE public.articles_watched (id int)",
    "CREATE TRIGGER fires AFTER INSERT ON public.articles_watched FOR EACH ROW EXECUTE FUNCTION public.articles_near()",
)
_SHUT = "REVOKE EXECUTE ON FUNCTION public.articles_near() FROM PUBLIC"
_MATERIALIZED = (
    "CREATE MATERIALIZED VIEW public.articles_kept AS SELECT 1 AS a, public.articles_far() IS NULL AS b WITH NO DATA"
)


def _says(server: str, *options: str) -> Move:
    """The policy says where a server leads."""
    said = json.dumps([{"server": server, "options": options, "reason": "for a test"}])
    return in_document("policy", f"jsonb_set(head, '{{outside}}', '{said}')")


_FILES = (
    "CREATE EXTENSION file_fdw SCHEMA public;\nCREATE SERVER files FOREIGN DATA WRAPPER file_fdw;\n"
    "CREATE FOREIGN TABLE public.articles_files (a text) SERVER files OPTIONS (filename '/dev/null');\n"
)
"""Another server, which reads, and which it may not use."""
_OPTIONS = ("dbname=directus_case", "host=127.0.0.1")
"""A routine with another role's rights that it may call is a finding by itself: what is behind one is tried in tests/cutover."""
OUTSIDE = (
    *(_CONTAINED(f"it reaches another server by {way}", do(SERVER + words), "server loop") for way, words in WAYS.items() if "FUNCTION" not in words),
    _CONTAINED("the policy speaks of another server", both(do(SERVER + WAYS[_VIEW]), _says("other", *_OPTIONS)), "server loop"),
    _CONTAINED("the policy knows one option less", both(do(SERVER + WAYS[_VIEW]), _says("loop", *_OPTIONS[:1])), "server loop"),
    _CONTAINED("the policy knows one option more", both(do(SERVER + WAYS[_VIEW]), _says("loop", *_OPTIONS, "port=1")), "server loop"),
    _CONTAINED("a body that nobody analysed, behind a materialized view that it reads",
               do(*_FAR, _MATERIALIZED, "GRANT SELECT ON public.articles_kept TO directus"), "function public.articles_far()"),
)  # fmt: skip  # one case a line
OUTSIDE_STAYS = (
    _OPEN("another role's foreign table", do(SERVER)),
    _OPEN("a wrapper that reads nothing", do(_BARE + WAYS["the foreign table itself"])),
    _OPEN("a wrapper that reads nothing, beside one that does", do(_FILES + _BARE + WAYS["the foreign table itself"])),
    _OPEN("the policy says where the server leads that it may use", both(do(_FILES + SERVER + WAYS[_VIEW]), _says("loop", *_OPTIONS))),
    _OPEN("the policy says where the server leads", both(do(SERVER + WAYS[_VIEW]), _says("loop", *_OPTIONS))),
    _OPEN("another role's view of a foreign table that it may not read, in a schema that it may not use", do(
        SERVER + WAYS[_VIEW], "CREATE SCHEMA shut", "ALTER VIEW public.articles_ft_v SET SCHEMA shut")),
    _OPEN("another role reads a foreign table", do(SERVER, "GRANT SELECT ON public.articles_ft TO qt001_service")),
    _OPEN("a body that nobody analysed, behind a right that nobody has", do(*_FAR, _NEAR, _SHUT)),
    _OPEN("a body that nobody analysed, behind a trigger of a table that it does not write", do(*_FAR, _FIRED, _SHUT, *_WATCHED)),
    _OPEN("a body that nobody analysed, behind a materialized view that it does not read", do(*_FAR, _MATERIALIZED)),
    _OPEN("a body that nobody analysed, behind a routine that runs with its caller's rights", do(
        *_FAR, _NEAR, "ALTER FUNCTION public.articles_near() SECURITY INVOKER")),
    _OPEN("a body that nobody analysed, behind a view, which runs it as its reader", do(
        *_FAR, _MATERIALIZED.replace("MATERIALIZED VIEW", "VIEW").replace(" WITH NO DATA", ""), "GRANT SELECT ON public.articles_kept TO directus")),
)  # fmt: skip  # one case a line
