"""What the ledger and the sign-off have to say, condition by condition."""

from __future__ import annotations

from functools import partial

from qt001_cp.rehearsal.scene import AUDITOR, OPERATOR, VERIFIER
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.acceptance.moves import Move, behind, both, do

_INTACT = partial(Closer, "ledger_intact", resign=False)
_SIGNED = partial(Closer, "sign_off_present", resign=False)
_DIGEST = "qt001_cp.event_digest({seq}, {epoch}, at, actor, {verb}, {subject}, {detail}, prev)"
_DEPLOYED = (
    "(SELECT known.subject FROM qt001_cp.event known WHERE known.verb = 'deployed' ORDER BY known.seq DESC LIMIT 1)"
)


def _event(change: str, *, last: bool = False, **columns: str) -> Move:
    """Edit one event so that its own digest is right again. ``columns``: those that are another now, with their new values."""
    kept = {name: name for name in ("seq", "epoch", "verb", "subject", "detail")}
    digest = _DIGEST.format(**kept | columns)
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


def _checked(user: str, seq: str = "seq", **said: str) -> Move:
    """An old event was edited, and one of ``user`` says that the chain was whole up to a later one: number ``seq``.

    ``said``: what it says otherwise of the instance that it is about, as SQL.
    """
    instance = said.get("instance", "qt001_cp.instance()")
    old = "UPDATE qt001_cp.event SET at = at + interval '1 second' WHERE seq = 2"
    detail = (
        f"SELECT jsonb_build_object('findings', 0, 'instance', {instance}, 'checkpoint', jsonb_build_object('seq', {seq},"
        " 'digest', digest))::text FROM qt001_cp.event ORDER BY event.seq DESC LIMIT 1"
    )

    def move(attempt: Attempt) -> None:
        behind(old, "event")(attempt)
        attempt.write_event("verified", "", attempt.run(detail), user=user)

    return move


def _unsigned_person(attempt: Attempt) -> None:
    """A login that nobody registered has written an event; the auditor's answer is newer."""
    attempt.write_event("captured", "", user="intern")
    _signed_by(AUDITOR, "2999-01-01T00:00:00Z")(attempt)


def _signed_before(attempt: Attempt) -> None:
    """The signature is said to be of the epoch before, its subject is today's."""
    attempt.write_event("captured", "")
    behind("UPDATE qt001_cp.event SET epoch = epoch - 1 WHERE verb = 'signed'", "event")(attempt)


def _watch(statement: str) -> Move:
    """Something is done to the watch that keeps the verdict honest."""
    return do(f"DO $watch$ BEGIN EXECUTE ({statement}); END $watch$")


LEDGER = (
    _INTACT("an event was edited and its digest made to fit", _event("""detail = detail || '{"x": 1}'""", detail="""detail || '{"x": 1}'"""), "event "),
    _INTACT("an event is numbered wrong", _event("seq = seq + 5", seq="seq + 5", last=True), "event "),
    _INTACT("an event is said to be of a later epoch", _event("epoch = epoch + 1", epoch="epoch + 1", last=True), "event "),
    _INTACT("an event says that a stage came after one that it does not follow",
            _event(f"epoch = epoch + 1, verb = 'cutover', subject = {_DEPLOYED}", epoch="epoch + 1", verb="'cutover'", subject=_DEPLOYED, last=True),
            "cutover at stage fix7a"),
    Closer("readiness_manifest_met", "the deployment was taken back, and the gates were left",
           _event("epoch = epoch + 1, verb = 'undeployed'", epoch="epoch + 1", verb="'undeployed'", last=True), "not sealed", resign=False),
    Closer("object_manifest_sealed", "the cutover was taken back, and the gates were left",
           _event("epoch = epoch + 1, verb = 'restored'", epoch="epoch + 1", verb="'restored'", last=True), "no event that sealed it", resign=False),
    _INTACT("an old event was edited, and an operator says that the chain is whole", _checked(OPERATOR), "event 2"),
    _INTACT("an old event was edited, and another instance says that the chain is whole", _checked(VERIFIER, instance="'{}'::jsonb"), "event 2"),
    _INTACT("an old event was edited, and the chain is said to be whole up to one to come", _checked(VERIFIER, "seq + 1000"), "event 2"),
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
    *(_INTACT(f"a trigger of {table} is off", do(f"ALTER TABLE qt001_cp.{table} DISABLE TRIGGER never_truncated"), f"never_truncated on qt001_cp.{table}")
      for table in ("event", "manifest_row")),
    _INTACT("the ledger is that of another database", behind(
        """UPDATE qt001_cp.event SET detail = jsonb_set(detail, '{instance,database}', '"1"') WHERE verb IN ('configured', 'adopted')""", "event"),
        "a restored or copied one"),
    _INTACT("a trigger of the ledger is gone", do("DROP TRIGGER never_truncated ON qt001_cp.document"), "qt001_cp.document"),
    _SIGNED("it has expired", _signed_by(AUDITOR, "2001-01-01T00:00:00Z"), "expired at 2001"),
    _SIGNED("the signer is no auditor",
            both(do("INSERT INTO qt001_cp.person (login, person, duty) VALUES ('intern', 'ina', 'verifier')"), _signed_by("intern", "2999-01-01T00:00:00Z")),
            "duty auditor in this database"),
    _SIGNED("the signer is the author under another login",
            do(f"UPDATE qt001_cp.person SET person = (SELECT person FROM qt001_cp.person WHERE login = 'qt001_author') WHERE login = '{AUDITOR}'"),
            "not signed"),
    _SIGNED("the signer is the author under another login, and signed behind the function's back", both(
        do(f"UPDATE qt001_cp.person SET person = (SELECT person FROM qt001_cp.person WHERE login = 'qt001_author') WHERE login = '{AUDITOR}'"),
        _signed_by(AUDITOR, "2999-01-01T00:00:00Z")), "another person than those who made what is signed"),
    _SIGNED("nobody knows who made something", _unsigned_person, "intern (not registered)"),
    _SIGNED("it was signed in another epoch", _signed_before, "signed in epoch"),
    _SIGNED("the author has left, and the auditor has not signed since", do("DELETE FROM qt001_cp.person WHERE login = 'qt001_author'"), "not signed"),
    *(_SIGNED(f"who may call the apply path has {power} now", do(f"ALTER ROLE qt001_service {power}"), "not signed")
      for power in ("SUPERUSER", "CREATEROLE", "REPLICATION", "BYPASSRLS")),
    _SIGNED("everybody may call the apply path, and somebody creates roles now", both(
        do("GRANT EXECUTE ON FUNCTION public.qt001_gateway(jsonb) TO PUBLIC"), lambda a: a.sign(), do("ALTER ROLE intern CREATEROLE")), "not signed"),
    _SIGNED("the verifier need not wait for it", _verifier_need_not_wait, "refused by"),
    _SIGNED("a transferred table has changed since", do("ALTER TABLE public.qt001_setting ADD COLUMN late int"), "not signed"),
    _SIGNED("nobody knows who the signer is", _signed_by("intern", "2999-01-01T00:00:00Z"), "a login that is registered as a person"),
    _SIGNED("a function of the watch has changed", do("ALTER FUNCTION qt001_cp_watch.note_row() SET work_mem = '4MB'"), "not signed"),
    _SIGNED("an event trigger of the watch is off",
            _watch("SELECT min(format('ALTER EVENT TRIGGER %I DISABLE', e.evtname)) FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid"
                   " WHERE p.pronamespace = 'qt001_cp_watch'::regnamespace"), "not signed"),
    _SIGNED("a trigger of the watch's own table is off", do(
        "SET CONSTRAINTS ALL IMMEDIATE", "ALTER TABLE qt001_cp_watch.change DISABLE TRIGGER settle"), "not signed"),
    _SIGNED("a trigger of the watch is gone",
            _watch("SELECT min(format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
                   " WHERE p.pronamespace = 'qt001_cp_watch'::regnamespace AND t.tgparentid = 0"), "not signed"),
)  # fmt: skip  # one case a line
