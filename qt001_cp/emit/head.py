"""The head of the printed script of FIX7b: for a reviewer, as comments, made from the manifest alone."""

from __future__ import annotations

from collections import Counter

from qt001_cp.connecting import LOGIN_TRIGGERS, WITHOUT_TRIGGERS
from qt001_cp.emit.quoting import identifier
from qt001_cp.emit.statements import statements
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.preconditions import AFTERWARDS, BLOCKED, FORWARD, RESTORE
from qt001_cp.model.shown import visible
from qt001_cp.plan.order import PHASES, Direction

_VERBS = ("REVOKE", "ALTER DEFAULT PRIVILEGES", "ALTER", "GRANT")


def script_head(manifest: ObjectManifest, direction: Direction) -> str:
    """What the script does and what it refuses, each line a comment; ends with a newline."""
    way = (
        "FIX7b: authority and ACL cutover"
        if direction == "forward"
        else "FIX7b taken back: every owner and ACL restored"
    )
    preconditions = [
        p
        for p in (FORWARD if direction == "forward" else RESTORE)
        if p is not BLOCKED or manifest.apply_path is not None
    ]
    counts = verbs(manifest, direction)
    lines = [
        way,
        f"database {identifier(manifest.database)} · PostgreSQL {manifest.server_major}"
        f" · application role {identifier(manifest.application.name)}",
        f"object manifest {manifest.digest()} (sha256sum object.json)",
        f"{len(manifest.transferred)} objects, {sum(counts.values())} statements: "
        + ", ".join(f"{n} {'ALTER … OWNER' if verb == 'ALTER' else verb}" for verb, n in counts.items()),
        "",
        "One transaction. First it asks, and where an answer is no it ends with that SQLSTATE and changes nothing:",
        *(f"  {p.number}  {' '.join(p.codes):24} {p.title}" for p in preconditions),
        "Then the statements, in DO blocks that first compare their own text with the sealed manifest:",
        f"  {'; '.join(PHASES)}.",
        "At the end it asks again, with the same effect:",
        *(f"     {' '.join(codes):24} {title}" for codes, title in AFTERWARDS),
        "",
        *_call(manifest.server_major),
    ]
    # A comment ends with its line: no name of the application's can begin a new one.
    return "".join(f"-- {visible(line)}".rstrip() + "\n" for line in lines)


def _call(major: int) -> list[str]:
    line = 'psql -X -v ON_ERROR_STOP=1 -d "$OPERATOR" -f THIS_FILE      success: exit code 0 and the last NOTICE'
    if major * 10000 < LOGIN_TRIGGERS:
        return [line]
    return [line, f"a superuser writes {WITHOUT_TRIGGERS}before it: no login event trigger runs then"]


def verbs(manifest: ObjectManifest, direction: Direction) -> Counter[str]:
    """How many statements of each verb one direction has."""
    found: Counter[str] = Counter()
    for line in statements(manifest, direction):
        text = line.partition("; ")[2] if line.startswith("SET LOCAL ROLE ") and "; " in line else line
        found[next(v for v in _VERBS if text.startswith(v))] += 1
    return found
