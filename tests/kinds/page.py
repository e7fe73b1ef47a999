"""``python -m tests.kinds.page > docs/kinds.md``: the table of kinds, for people."""

from __future__ import annotations

from qt001_cp.model.kinds import KINDS, PARTS, Kind


def page() -> str:
    lines = [
        "# Kinds of object",
        "",
        "Made from `qt001_cp/model/kinds.py` by `python -m tests.kinds.page > docs/kinds.md`. What is transferred goes and comes",
        "back in `tests/kinds`, on every supported major version (`scripts/matrix`): owners and ACLs, and the whole dump.",
        "Kind by kind and version by version: [kinds-matrix.md](kinds-matrix.md).",
        "",
        "| kind | listed from | owner | privileges | transferred |",
        "| --- | --- | --- | --- | --- |",
        *(_row(k) for k in KINDS),
        "",
        "The system's own objects are listed where an ACL names the application role. They are never given another owner;",
        "transferring one takes the application's privileges away, and PUBLIC keeps its own. Members of an extension stay where they are: the extension names how many",
        "there are and which the application owns. Comments and security labels stay, and count for no definition.",
        "",
        "What an object means and how it is kept are two texts, one file a catalog in `qt001_cp/sql/definition`, and two digests in the",
        "manifest. Gates compare the first. The second holds what may change without changing any answer: options of pages, autovacuum and",
        "TOAST, statistics, tablespaces, the clustering mark, plain indexes ([ADR 0026](adr/0026-definitions-are-meaning.md)).",
        "",
        "These have no owner: they are a part of another object and stand in its definition.",
        "",
        "| kind | part of |",
        "| --- | --- |",
        *(f"| {p.key} | {p.of} |" for p in PARTS),
    ]
    return "\n".join(lines) + "\n"


def _row(kind: Kind) -> str:
    alter = f"`ALTER {kind.alter} … OWNER TO`" if kind.alter else "none of its own"
    grant = (
        f"`GRANT … ON {kind.grant}`"
        if kind.grant
        else "`ALTER DEFAULT PRIVILEGES`"
        if kind.address == "default"
        else "none"
    )
    moves = f"no: {kind.why}" if kind.why else f"since PostgreSQL {kind.since}" if kind.since else "yes"
    return f"| {kind.key} | `{kind.catalog}` | {alter} | {grant} | {moves} |"


if __name__ == "__main__":
    print(page(), end="")
