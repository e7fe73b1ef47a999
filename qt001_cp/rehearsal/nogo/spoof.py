"""Spoofed actors, self-signed work, stale sign-offs. Tried after FIX7c."""

from __future__ import annotations

from qt001_cp.emit.statements import address
from qt001_cp.model import kinds
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.rehearsal.nogo.case import Case, Step
from qt001_cp.rehearsal.scene import AUDITOR, AUTHOR, OPERATOR, PERSONS

FAMILY = "spoof_self_sign_stale"
# What the sign-off gate itself says, without the other gates.
_APART = "SELECT qt001_cp.raise_first('duties', (SELECT jsonb_agg(to_jsonb(f)) FROM qt001_cp.roles_apart_findings() f))"
_GATE = """SELECT qt001_cp.raise_first('sign-off gate', (SELECT jsonb_agg(to_jsonb(f)) FROM qt001_cp.sign_off_findings() f))"""


def cases(manifest: ObjectManifest, public_only: str, validity: int = 600) -> list[Case]:
    """``validity``: seconds, no more than the policy allows a sign-off to hold."""
    sign = f"SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'rehearsal', {validity})"

    def one(name: str, *steps: Step, expected: str = "42501", contains: str = "") -> Case:
        return Case(FAMILY, name, steps, (expected,), contains)

    event = (
        "INSERT INTO qt001_cp.event (actor, verb, subject, detail)"
        f" VALUES ('{AUDITOR}', 'signed', qt001_cp.subject_digest(), '{{}}')"
    )
    person = "UPDATE qt001_cp.person SET person = {!r} WHERE login = %s"
    return [
        one("the application role signs", Step("application", sign)),
        one("the author signs own work", Step("author", sign), contains="sign_off"),
        one("the operator signs", Step("operator", "SET LOCAL ROLE qt001_cp_operator; " + sign), contains="sign_off"),
        one("the author writes the auditor's event", Step("author", event), contains="event"),
        one("the owner role writes the auditor's event", Step("superuser", "SET LOCAL ROLE qt001_cp_owner; " + event), contains="event"),
        one("the owner role switches off what stamps an event",
            Step("superuser", "SET LOCAL ROLE qt001_cp_owner; ALTER TABLE qt001_cp.event DISABLE TRIGGER stamp"),
            contains="owner of table"),
        one("the owner role takes the ledger's role", Step("superuser", "SET SESSION AUTHORIZATION qt001_cp_owner; SET ROLE qt001_cp_ledger")),
        one("the ledger role writes the auditor's event: the actor stays the session's",
            Step("superuser", "SET LOCAL ROLE qt001_cp_ledger; " + event), Step("superuser", _GATE),
            expected="QT301", contains="duty auditor"),
        one("the author takes the auditor's role", Step("author", "SET LOCAL ROLE qt001_cp_auditor")),
        one("the auditor takes the author's role", Step("auditor", "SET LOCAL ROLE qt001_cp_author")),
        one("the auditor takes the owner's role", Step("auditor", "SET LOCAL ROLE qt001_cp_owner")),
        one("the auditor seals", Step("auditor", f"SELECT qt001_cp.seal_manifest('{manifest.digest()}')"), contains="seal_manifest"),
        one("the auditor ends a cutover", Step("auditor", f"SELECT qt001_cp.cutover_end('{manifest.digest()}', false)"),
            contains="cutover_end"),
        one("one person with two logins in two roles",
            Step("superuser", person.format(PERSONS[AUTHOR]), [AUDITOR]), Step("auditor", sign),
            expected="QT304", contains="another person"),
        one("one person with two logins, authors and seals",
            Step("superuser", person.format(PERSONS[AUTHOR]), [OPERATOR]), Step("superuser", _APART), expected="QT107",
            contains="qt001_cp_operator by login"),
        one("one person with two logins, a look-alike in the name",
            Step("superuser", person.format(PERSONS[AUTHOR].replace("o", "\u043e")), [AUDITOR]), expected="23514", contains="identifier"),
        one("one login with two duties", Step("superuser", f'GRANT qt001_cp_auditor TO "{AUTHOR}"'), Step("author", sign),
            expected="QT107", contains="expected duty auditor"),
        one("a second duty for one login", Step("superuser", "INSERT INTO qt001_cp.person (login, person, duty)"
                                                " VALUES (%s, 'somebody', 'auditor')", [AUTHOR]), expected="23505"),
        one("a signer whom nobody knows as a person", Step("superuser", "DELETE FROM qt001_cp.person WHERE login = %s", [AUDITOR]),
            Step("auditor", sign), expected="QT107", contains="expected duty auditor"),
        one("an old digest", Step("auditor", f"SELECT qt001_cp.sign_off('{'0' * 64}', 'rehearsal', {validity})"), expected="QT303"),
        one("a validity beyond the policy's", Step("auditor", "SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'x', 2000000000)"),
            expected="QT302"),
        one("an expired sign-off", Step("auditor", "SELECT qt001_cp.sign_off(qt001_cp.subject_digest(), 'rehearsal', 1)"),
            Step("superuser", "SELECT pg_catalog.pg_sleep(1.1)"), Step("superuser", _GATE), expected="QT301", contains="expired"),
        one("a sign-off replayed on another subject", Step("auditor", sign),
            Step("superuser", "INSERT INTO qt001_cp.person (login, person, duty) VALUES (%s, 'somebody', 'verifier')", [public_only]),
            Step("superuser", _GATE), expected="QT301",
            contains="not signed"),
        one("drift after signing", Step("auditor", sign),
            Step("superuser", _drift(manifest)), Step("superuser", _GATE), expected="QT301", contains="not signed"),
        one("a refusal after signing", Step("auditor", sign),
            Step("auditor", "SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'seen enough')"),
            Step("superuser", _GATE), expected="QT301", contains="refused by"),
    ]  # fmt: skip  # one move a line


def _drift(manifest: ObjectManifest) -> str:
    """A change of something protected: the writer, or without an apply path the first table or routine."""
    if manifest.apply_path is not None:
        return f"ALTER FUNCTION {manifest.path['writer']} SET work_mem = '8MB'"
    moved = [o for o in manifest.transferred if o.ref.kind in ("table", *kinds.ROUTINES) and o.ref.kind != "aggregate"]
    moved.sort(key=lambda o: o.ref.kind != "table")
    noun = kinds.BY_KEY[moved[0].ref.kind].alter
    change = "ADD COLUMN nogo_drift int" if moved[0].ref.kind == "table" else "SET work_mem = '8MB'"
    return f"ALTER {noun} {address(moved[0].ref)} {change}"
