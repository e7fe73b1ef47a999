"""docs/routes.md from the routes: ``python -m tests.routes.table > docs/routes.md``."""

from __future__ import annotations

from tests.acceptance.growth import REACHED, TOLD
from tests.routes import powers
from tests.routes.groups import GROUPS
from tests.routes.route import Route

_HEAD = """# Routes

How an application role gets back in after a cutover that only runs `ALTER … OWNER` and `REVOKE`, and what closes each route here.
Every line is a test in `tests/routes`: it lays the route, runs the plain cutover, walks the route as the application role, and
shows what was reached; then it does the same against FIX7b. This file is generated: `python -m tests.routes.table > docs/routes.md`.

*QT108 in the estate*: the route is there when the manifest is sealed; FIX7b refuses, and its message holds the words that follow.
*QT102 after sealing*: it is laid between sealing and cutover; FIX7b refuses. *42501 afterwards*: the cutover goes through, and PostgreSQL
then refuses the attack. A refused cutover leaves dump, roles and data as they were. Findings are computed from the catalogs, as a path:
each edge with its reason. All were seen on PostgreSQL 15 and 18 unless the line says otherwise.
"""
_SESSIONS = (
    ("a cursor WITH HOLD", "it goes on reading the protected rows", "QT108 before the cutover: session … of directus"),
    ("uncommitted DDL that commits while the cutover runs, or after it", "the application owns a new overload in schema public",
     "QT108 before the cutover, and again in its postconditions"),
    ("a prepared transaction", "it commits after the cutover", "QT108 before the cutover: prepared transaction …"),
    ("a session whose SET ROLE outlives the membership", "it goes on reading with that role's grants", "QT108 before the cutover: session … of directus"),
    ("a session of a login that is a member of the application", "it is the application", "QT108 before the cutover: session … of intern"),
    ("replication that goes on when the attribute has been taken away", "it reads every row that the server writes",
     "QT108 before the cutover: session … of directus, connected for replication"),
    ("ALTER DATABASE … SET, uncommitted in another database", "it commits after the cutover: every session looks into the application's schema first",
     "QT108 before the cutover, and again in its postconditions"),
)  # fmt: skip  # one route a line
_CHECKER = (
    ("functions, operators and views before pg_catalog's, by a search_path of the database", "the first comparison of a trusting session runs them",
     "search_path is pinned in every session and function of ours: inventory, FIX7a, manifest, preflight, status, FIX7b run none of them"),
    ("an event trigger's function", "it runs in the operator's DDL", "the bootstrap (QT122) and FIX7a's own guard (QT108) refuse before any DDL of theirs"),
    ("a row security policy on what says that apply is blocked", "it runs in the probe, with the operator's rights", "row_security is off in the probe: QT106"),
    ("a view in the place of what the probe waits for", "the reader that waits for the lock runs it", "the probe locks, then looks at what the name means: QT106"),
    ("quote_all_identifiers of the database", "a comparison by name finds nothing any more", "it is off in every function of ours that words a name: QT108 as without it"),
)  # fmt: skip  # one route a line
_PLANTED = (
    ("roles of the control plane's names that can log in, or have power", "they are a duty that nobody was given",
     "the bootstrap refuses (QT122), and FIX7b (QT107)"),
    ("a schema qt001_cp of its own", "what it has in it stands beside what is made there", "the bootstrap refuses (QT122)"),
    ("a function, type, operator or table in qt001_cp", "it fits a call of ours better than ours", "FIX7a refuses (QT122), and FIX7b (QT108)"),
    ("default privileges for qt001_cp_ledger or qt001_cp_owner", "every table of the ledger is granted to it from its first moment", "the bootstrap and FIX7a refuse (QT122)"),
    ("a grant on the ledger, its routines or its schema", "it is written past the routines that ask for a duty", "QT108, and gate 9 after FIX7c"),
    ("a schema qt001_cp_watch of its own, where FIX7c was deployed without superuser", "the guard runs what is in it, as qt001_cp_ledger",
     "FIX7a (QT122), FIX7b and FIX7c (QT108) refuse; the guard looks whose it is"),
)  # fmt: skip  # one route a line
_AFTERWARDS = (
    (
        "a member of the new owner, an operator before all, who switches off what stamps the ledger and writes the auditor's yes",
        "nothing: a plain cutover has no ledger",
        "42501: what decides belongs to qt001_cp_ledger, of which nobody is a member; gate 6 while it is lent",
    ),
    (
        "a rule, policy or column of its own table that names a protected one",
        "the owner cannot change that column or drop that table without CASCADE",
        "PostgreSQL lets it; gate 7 closes and names the path; the way back goes through",
    ),
    (
        "a cast between its own row type and a protected one",
        "the protected definition has one part more",
        "PostgreSQL lets it; gate 4 closes; QT113 on the way back names the DROP CAST",
    ),
    ("DROP OWNED BY itself", "nothing", "no owner or ACL of a transferred object moves"),
    (
        "an advisory lock that is kept",
        "nothing: a plain cutover takes none",
        "no stage, no reversal and no event of the ledger waits for it; a WARNING names who has it",
    ),
    (
        "DDL of its own that it keeps open, checks early, lets sleep in its commit, or prepares",
        "nothing: a plain cutover has no guard",
        "it takes no lock that anybody waits for; writer, verifier, scanner and refusal go on",
    ),
    (
        "a lock on every table of its own",
        "nothing: a plain cutover has no gates",
        "the gates open nothing that it can lock; writer, verifier, scanner and refusal go on",
    ),
)
_MOMENT = {"sealed": "in the estate", "late": "after sealing", "denied": "afterwards"}


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _line(route: Route) -> str:
    versions = []
    if route.since:
        versions.append(f"PostgreSQL {route.since // 10000} and later")
    if route.until < 1_000_000:
        versions.append(f"before PostgreSQL {route.until // 10000}")
    if route.note:
        versions.append(route.note)
    shown = route.shown + (f" ({'; '.join(versions)})" if versions else "")
    moment = "given to the role" if route in powers.ROUTES else _MOMENT[route.ours.moment]
    word = f": `{route.ours.word}`" if route.ours.word else ""
    return f"| {_cell(route.name)} | {_cell(shown)} | {route.ours.sqlstate} {moment}{_cell(word)} |"


def render() -> str:
    """The whole page."""
    parts = [_HEAD]
    groups = {**GROUPS, "attributes and memberships": powers.ROUTES}
    for title, routes in groups.items():
        parts.append(_table(title, [_line(route) for route in routes]))
    parts.append(_table("sessions and transactions", ["| " + " | ".join(map(_cell, row)) + " |" for row in _SESSIONS]))
    parts.append(_table("the checker itself", ["| " + " | ".join(map(_cell, row)) + " |" for row in _CHECKER]))
    parts.append(
        _table("laid before the control plane comes", ["| " + " | ".join(map(_cell, row)) + " |" for row in _PLANTED])
    )
    parts.append(_table("after FIX7b", ["| " + " | ".join(map(_cell, row)) + " |" for row in _AFTERWARDS]))
    made = [f"| {_cell(r.name)} | nothing looks any more | {r.gate} closes: `{_cell(r.named)}` |" for r in REACHED]
    parts.append(_table("made or granted after FIX7c", made))
    made = [f"| {_cell(t.name)} | nothing: it reaches nothing protected | every gate stays open |" for t in TOLD]
    parts.append(_table("made or granted after FIX7c, and told", made))
    return "\n".join(parts)


def _table(title: str, lines: list[str]) -> str:
    head = "| route | after a plain cutover | ours |\n| --- | --- | --- |\n"
    return f"## {title[0].upper()}{title[1:]}\n\n{head}" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(render(), end="")
