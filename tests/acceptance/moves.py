"""What the conditions of the gates are tried with: short ways to move one thing in an attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qt001_cp.model.canonical import Json, canonical_bytes, digest
from qt001_cp.rehearsal.nogo.capability import evidence
from qt001_cp.rehearsal.scene import AUTHOR
from tests.acceptance.attempt import Attempt
from tests.acceptance.support import put_in_force

Move = Callable[[Attempt], object]
DRILL = "restore_drill"


def do(*statements: str, user: str | None = None) -> Move:
    """Statements as the superuser, or as ``user``."""

    def move(attempt: Attempt) -> None:
        for statement in statements:
            attempt.run(statement, user=user)

    return move


_STATES = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}


@contextmanager
def _past(attempt: Attempt, *tables: str) -> Iterator[None]:
    """No trigger of these tables of qt001_cp; then every one as it was."""
    kept = attempt.connection.execute(
        "SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled::text FROM pg_trigger"
        " WHERE tgrelid = ANY (%s::regclass[]) AND NOT tgisinternal",
        [[f"qt001_cp.{table}" for table in tables]],
    ).fetchall()
    for table in tables:
        attempt.run(f"ALTER TABLE qt001_cp.{table} DISABLE TRIGGER USER")
    yield
    for relation, trigger, state in kept:
        attempt.run(f"ALTER TABLE {relation} {_STATES[state]} TRIGGER {trigger}")


def behind(statement: str, *tables: str) -> Move:
    """A statement of a superuser past the triggers of these tables of qt001_cp."""

    def move(attempt: Attempt) -> None:
        with _past(attempt, *tables):
            attempt.run(statement)

    return move


def forgotten(verb: str, more: str = "") -> Move:
    """The events of a verb are no longer of that verb."""
    update = f"UPDATE qt001_cp.event SET verb = 'captured' WHERE verb = '{verb}' {more}"
    return behind(update, "event")


def redeployed(name: str, change: Callable[[Json], object]) -> Move:
    """A changed document, sealed and in force as if FIX7c had been run with it. ``name``: its file."""

    def move(attempt: Attempt) -> None:
        document = attempt.document(name)
        change(document)
        body = canonical_bytes(document)
        made = attempt.run("SELECT qt001_cp.propose_manifest(%s)", [body], user=AUTHOR)
        attempt.write_event("sealed", made)
        put_in_force(attempt.connection, document["schema"], made)

    return move


def analysed(change: Callable[[dict[str, Json]], object], **fields: Any) -> Move:
    """Another static analysis. ``change`` gets its routines by identity; ``fields`` replace fields of the document."""

    def move(attempt: Attempt) -> None:
        document = {**attempt.document("static-analysis.json"), **fields}
        routines = {r["identity"]: r for r in document["routines"]}
        change(routines)
        document["routines"] = list(routines.values())
        attempt.import_evidence(document)

    return move


def unknown(identity: str) -> Callable[[dict[str, Json]], object]:
    """The analysis does not understand a routine."""
    doubt = {"rule": "dynamic-sql-opaque", "line": 3, "detail": "text"}

    def change(routines: dict[str, Json]) -> None:
        first: Json = {"kind": "function", "identity": identity, "definition": "", "body_sha256": None, "edges": []}
        routines[identity] = {**routines.get(identity, first), "unknown": [doubt]}

    return change


def offered(
    capability: str = DRILL,
    *,
    producer: Any = "pgbackrest",
    importer: str = AUTHOR,
    binder: str = AUTHOR,
    recorded: bool = False,
    **changes: Any,
) -> Move:
    """All that one capability has is this evidence. ``recorded``: put into the ledger around import_evidence, as a member of
    the owner role could; ``importer`` and ``binder`` write the two events, "" nobody the first one.
    """

    def move(attempt: Attempt) -> None:
        forgotten("bound", f"AND detail ->> 'requirement' = '{DRILL}'")(attempt)
        assert attempt.stage.bundle is not None
        body = evidence(attempt.stage.bundle.manifest, capability, producer, **changes)
        if recorded:
            attempt.run("SELECT qt001_cp.record_document(%s)", [body])
            if importer:
                attempt.write_event("evidence_imported", digest(body), user=importer)
            attempt.write_event("bound", digest(body), f'{{"requirement": "{DRILL}"}}', user=binder)
        else:
            attempt.run("SELECT qt001_cp.import_evidence(%s)", [body], user=AUTHOR)
            attempt.run("SELECT qt001_cp.bind_evidence(%s, %s)", [digest(body), DRILL], user=AUTHOR)

    return move


def ran(verb: str, user: str) -> Move:
    """An event that says that a login ran clean, here, and which its run did not write."""

    def move(attempt: Attempt) -> None:
        detail = "SELECT jsonb_build_object('findings', 0, 'instance', qt001_cp.instance())::text"
        attempt.write_event(verb, "", attempt.run(detail), user=user)

    return move


def rehearsed(change: Callable[[Json], object]) -> Move:
    """Another record of the no-go rehearsal."""

    def move(attempt: Attempt) -> None:
        record: Json = attempt.run(
            "SELECT qt001_cp.document_json(detail ->> 'document') FROM qt001_cp.v_event WHERE verb = 'rehearsal_recorded'"
        )
        change(record)
        made = attempt.run("SELECT qt001_cp.record_document(%s)", [canonical_bytes(record)])
        attempt.write_event("rehearsal_recorded", record["manifest"], f'{{"document": "{made}"}}')

    return move


def routine(
    name: str,
    *,
    body: str = "SELECT 1",
    language: str = "sql",
    options: str = "",
    owner: str = "qt001_cp_owner",
    execute: str | None = None,
) -> Move:
    """A new function without arguments, SECURITY DEFINER, that nobody may call but ``execute`` and its owner."""
    tag = "$routine$"
    made = f"CREATE OR REPLACE FUNCTION {name}() RETURNS int LANGUAGE {language} SECURITY DEFINER {options} AS {tag}{body}{tag}"
    grants = [f"GRANT EXECUTE ON FUNCTION {name}() TO {execute}"] if execute else []
    return do(
        made, f"ALTER FUNCTION {name}() OWNER TO {owner}", f"REVOKE EXECUTE ON FUNCTION {name}() FROM PUBLIC", *grants
    )


def in_manifest(name: str, path: str, value: str) -> Move:
    """Another value in the unpacked row of a schema in the manifest that is deployed."""
    return behind(
        f"UPDATE qt001_cp.manifest_row SET object = jsonb_set(object, '{path}', '{value}')"
        f" WHERE object ->> 'kind' = 'schema' AND object ->> 'name' = '{name}'",
        "manifest_row",
    )


def in_row(entry: tuple[str, str], change: str) -> Move:
    """Another row of an object in the manifest that is deployed; ``change``: an expression of the old one, ``object``."""

    def move(attempt: Attempt) -> None:
        with _past(attempt, "manifest_row"):
            changed = attempt.run(
                f"UPDATE qt001_cp.manifest_row SET object = {change} WHERE manifest = %s AND object ->> 'kind' = %s"
                " AND object ->> 'identity' = %s RETURNING number",
                [attempt.stage.digest, *entry],
            )
        assert changed is not None, f"{entry} is not in the manifest"

    return move


def in_document(kind: str, change: str) -> Move:
    """Another head of the documents of a kind; ``change``: an expression of the old one, ``head``."""
    return behind(f"UPDATE qt001_cp.document SET head = {change} WHERE kind = 'qt001.{kind}/1'", "document")


def as_reached(attempt: Attempt) -> None:
    """A dependency manifest that holds everything that the apply path reaches now."""
    query = "SELECT r.kind, r.identity FROM qt001_cp.reached_by_apply_path(%s) r"
    rows = attempt.connection.execute(query, [attempt.stage.digest]).fetchall()
    redeployed("dependency.json", lambda document: document.update(objects=sorted(map(list, rows))))(attempt)


def both(*moves: Move) -> Move:
    def move(attempt: Attempt) -> None:
        for each in moves:
            each(attempt)

    return move


def on_the_path(create: str, identity: str = "public.third()") -> Move:
    """Something that the writer calls by what the analysis says, and that the sealed dependency manifest holds."""
    writer = "public.qt001_write(pg_catalog.jsonb)"
    call = {"verb": "calls", "kind": "function", "identity": identity, "line": 1}

    def objects(document: Json) -> None:
        document["objects"] = sorted([*document["objects"], ["function", identity]])

    return both(
        do(create),
        analysed(lambda routines: routines[writer]["edges"].append(call)),
        redeployed("dependency.json", objects),
    )
