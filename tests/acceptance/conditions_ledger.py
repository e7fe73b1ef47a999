"""What the ledger and the sign-off have to say, condition by condition."""

from __future__ import annotations

from functools import partial

from qt001_cp.rehearsal.scene import AUDITOR, VERIFIER
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, behind, both, do

_INTACT = partial(Closer, "ledger_intact", resign=False)
_SIGNED = partial(Closer, "sign_off_present", resign=False)
_DIGEST = "qt001_cp.event_digest({seq}, epoch, at, actor, verb, subject, {detail}, prev)"


def _event(change: str, seq: str = "seq", detail: str = "detail", *, last: bool = False) -> Move:
    """Edit one event so that its own digest is right again."""
    digest = _DIGEST.format(seq=seq, detail=detail)
    which = "(SELECT max(seq) FROM qt001_cp.event)" if last else "(SELECT max(seq) - 1 FROM qt001_cp.event)"
    return behind(f"UPDATE qt001_cp.event SET {change}, digest = {digest} WHERE seq = {which}", "event")


def _signed_by(user: str, valid_until: str) -> Move:
    """A signature on today's subject that did not come through sign_off()."""

    def move(attempt: Attempt) -> None:
        subject = attempt.run("SELECT qt001_cp.subject_digest()")
        attempt.write_event("signed", subject, f'{{"valid_until": "{valid_until}"}}', user=user)

    return move


def _verifier_need_not_wait(attempt: Attempt) -> None:
    """The auditor refuses; what the verifier looks at is still in order."""
    attempt.run("SELECT qt001_cp.refuse_sign_off(qt001_cp.subject_digest(), 'no')", user=AUDITOR)
    assert attempt.run("SELECT qt001_cp.verify()", user=VERIFIER) == []


def _watch(statement: str) -> Move:
    """Something is done to the watch that keeps the verdict honest."""
    return do(f"DO $watch$ BEGIN EXECUTE ({statement}); END $watch$")


LEDGER = (
    _INTACT("an event was edited and its digest made to fit", _event("""detail = detail || '{"x": 1}'""", detail="""detail || '{"x": 1}'"""), "event "),
    _INTACT("an event is numbered wrong", _event("seq = seq + 5", seq="seq + 5", last=True), "event "),
    _INTACT("the bytes of a document were edited",
            both(do("ALTER TABLE qt001_cp.document DROP CONSTRAINT document_digest"),
                 behind(r"UPDATE qt001_cp.document SET body = body || '\x20' WHERE kind = 'qt001.policy/1'", "document")), "document "),
    _INTACT("what was unpacked from a document was edited",
            behind("""UPDATE qt001_cp.document SET head = head || '{"x": 1}' WHERE kind = 'qt001.policy/1'""", "document"), "another head"),
    _INTACT("a document is gone that an event names", behind("DELETE FROM qt001_cp.document WHERE kind = 'qt001.inventory/1'", "document"),
            "the document that event"),
    _INTACT("the record of the rehearsal is gone, which an event names in its detail",
            behind("DELETE FROM qt001_cp.document WHERE kind = 'qt001.rehearsal/1'", "document"), "the document that event"),
    _INTACT("a document is called another kind",
            behind("UPDATE qt001_cp.document SET kind = 'qt001.policy/1' WHERE kind = 'qt001.inventory/1'", "document"), "of kind qt001.policy/1"),
    _INTACT("somebody else is said to have recorded a document",
            behind("UPDATE qt001_cp.document SET recorded_by = 'tom' WHERE kind = 'qt001.policy/1'", "document"), "recorded by tom"),
    _INTACT("a document is said to have been recorded later",
            behind("UPDATE qt001_cp.document SET recorded_at = clock_timestamp() WHERE kind = 'qt001.policy/1'", "document"), "recorded by"),
    _INTACT("a row of the manifest was edited",
            behind("""UPDATE qt001_cp.manifest_row SET object = object || '{"x": 1}' WHERE number = 1""", "manifest_row"), "another text"),
    _INTACT("a row of the manifest is gone", behind("DELETE FROM qt001_cp.manifest_row WHERE number = 1", "manifest_row"), "missing"),
    _INTACT("a trigger of the ledger is gone", do("DROP TRIGGER never_truncated ON qt001_cp.document"), "qt001_cp.document"),
    _SIGNED("it has expired", _signed_by(AUDITOR, "2001-01-01T00:00:00Z"), "expired at 2001"),
    _SIGNED("the signer is no auditor",
            both(do("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('intern', 'ina', 'verifier')"), _signed_by("intern", "2999-01-01T00:00:00Z")),
            "duty auditor in this database"),
    _SIGNED("the signer is the author under another login",
            do(f"UPDATE qt001_cp.person SET person = (SELECT person FROM qt001_cp.person WHERE login = 'qt001_author') WHERE login = '{AUDITOR}'"),
            "not signed"),
    _SIGNED("the author has left, and the auditor has not signed since", do("DELETE FROM qt001_cp.person WHERE login = 'qt001_author'"), "not signed"),
    _SIGNED("the verifier need not wait for it", _verifier_need_not_wait, "refused by"),
    _SIGNED("a transferred table has changed since", do("ALTER TABLE public.qt001_setting ADD COLUMN late int"), "not signed"),
    _SIGNED("nobody knows who the signer is", _signed_by("intern", "2999-01-01T00:00:00Z"), "a login that is registered as a person"),
    _SIGNED("a function of the watch has changed", do("ALTER FUNCTION qt001_cp_watch.note_row() SET work_mem = '4MB'"), "not signed"),
    _SIGNED("an event trigger of the watch is off",
            _watch("SELECT min(format('ALTER EVENT TRIGGER %I DISABLE', e.evtname)) FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid"
                   " WHERE p.pronamespace = 'qt001_cp_watch'::regnamespace"), "not signed"),
    _SIGNED("a trigger of the watch is gone",
            _watch("SELECT min(format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
                   " WHERE p.pronamespace = 'qt001_cp_watch'::regnamespace AND t.tgparentid = 0"), "not signed"),
)  # fmt: skip  # one case a line
