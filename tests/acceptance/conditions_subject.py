"""What is signed: the control plane's own schema and the evidence, condition by condition."""

from __future__ import annotations

from functools import partial

from qt001_cp.model.canonical import Json
from tests.acceptance.attempt import Attempt
from tests.acceptance.closers import Closer
from tests.acceptance.conditions_partitions import BY_HAND, NEW, OWNERS
from tests.acceptance.moves import Move, analysed, behind, both, do, forgotten, offered, rehearsed
from tests.acceptance.stays_open import Stays

_MOVED = partial(Closer, "sign_off_present", named="not signed", resign=False)
_SAME = partial(Stays, "sign_off_present")
_PERSON = "qt001_cp.person"


def _since(first: Move, then: Move) -> Move:
    """Signed between the two."""
    return both(first, lambda attempt: attempt.sign(), then)


def _bound_again(attempt: Attempt) -> None:
    """Evidence that is bound already, to something else."""
    digest = attempt.run("SELECT subject FROM qt001_cp.event WHERE verb = 'bound' LIMIT 1")
    attempt.write_event("bound", digest, '{"requirement": "another"}')


def _evidence_named(attempt: Attempt) -> None:
    attempt.write_event("captured", attempt.run("SELECT subject FROM qt001_cp.event WHERE verb = 'bound' LIMIT 1"))


def _of_another(record: Json) -> None:
    record["manifest"] = "0" * 64


_RULE = do(f"CREATE RULE quiet AS ON DELETE TO {_PERSON} DO ALSO NOTHING")
_CHILD = do("CREATE TABLE public.parent (a int)", "CREATE TABLE qt001_cp.kid (a int)")
_LATER = do("CREATE TABLE qt001_cp.late (a int, b int)")
_TRIGGER = "CREATE TRIGGER quiet BEFORE TRUNCATE ON {} EXECUTE FUNCTION qt001_cp.refuse_change()"

SUBJECT = (
    _MOVED("a table has an index more", do(f"CREATE INDEX more ON {_PERSON} (person)")),
    _MOVED("there is a composite type more", do("CREATE TYPE qt001_cp.more AS (a int)")),
    _MOVED("a partition came with a rule", do(BY_HAND, OWNERS, f"CREATE RULE more AS ON INSERT TO {NEW} DO ALSO NOTHING")),
    _MOVED("somebody may look into the schema", do("GRANT USAGE ON SCHEMA qt001_cp TO intern")),
    _MOVED("a routine has another owner", do("ALTER FUNCTION qt001_cp.stage() OWNER TO intern")),
    _MOVED("a table has row security", do(f"ALTER TABLE {_PERSON} ENABLE ROW LEVEL SECURITY")),
    _MOVED("a column has a default", do(f"ALTER TABLE {_PERSON} ALTER COLUMN person SET DEFAULT 'tom.tan'")),
    _MOVED("a column of a table that is not its first", _since(_LATER, do("ALTER TABLE qt001_cp.late ALTER b SET NOT NULL"))),
    _MOVED("two columns exchange their defaults", _since(
        do("CREATE TABLE qt001_cp.late (a int DEFAULT 1, b int DEFAULT 2)"), do("ALTER TABLE qt001_cp.late ALTER a SET DEFAULT 2, ALTER b SET DEFAULT 1"))),
    _MOVED("somebody may write a column", do(f"GRANT UPDATE (person) ON {_PERSON} TO intern")),
    _MOVED("a table has a constraint more", do(f"ALTER TABLE {_PERSON} ADD CONSTRAINT more CHECK (login <> 'intern')")),
    _MOVED("a table has a trigger more", do(_TRIGGER.format(_PERSON))),
    _MOVED("a trigger is off", do("ALTER TABLE qt001_cp.document DISABLE TRIGGER never_truncated")),
    _MOVED("a rule is off", _since(_RULE, do(f"ALTER TABLE {_PERSON} DISABLE RULE quiet"))),
    _MOVED("a table has a policy", do(f"CREATE POLICY open ON {_PERSON} USING (true)")),
    _MOVED("a table inherits from another", _since(_CHILD, do("ALTER TABLE qt001_cp.kid INHERIT public.parent"))),
    _MOVED("evidence was imported", analysed(lambda _: None, **{"class": "simulated"})),
    _MOVED("evidence was bound to something else", _bound_again),
    _MOVED("evidence was bound in another epoch", behind("UPDATE qt001_cp.event SET epoch = epoch - 1 WHERE verb = 'bound'", "event")),
    _MOVED("evidence is real now", offered()),
    _MOVED("no rehearsal was recorded", forgotten("rehearsal_recorded")),
)  # fmt: skip  # one case a line
SUBJECT_STAYS = (
    _SAME("a retained table has an index more", do("CREATE INDEX more ON public.tags (id)")),
    _SAME("a partition came", do(BY_HAND, OWNERS)),
    _SAME("a table elsewhere with everything that a table can have", do(
        "CREATE TABLE public.elsewhere (a int PRIMARY KEY DEFAULT 1 CHECK (a > 0))", "CREATE RULE quiet AS ON DELETE TO public.elsewhere DO ALSO NOTHING",
        "CREATE POLICY open ON public.elsewhere USING (true)", "CREATE TABLE public.kid () INHERITS (public.elsewhere)",
        "GRANT SELECT (a) ON public.elsewhere TO intern", _TRIGGER.format("public.elsewhere"))),
    _SAME("a schema elsewhere", do("CREATE SCHEMA elsewhere")),
    _SAME("a key of another table on one of the ledger", do("CREATE TABLE public.elsewhere (digest text REFERENCES qt001_cp.document)")),
    _SAME("a column of the ledger's table was made and dropped", _since(_LATER, do("ALTER TABLE qt001_cp.late ADD COLUMN c int", "ALTER TABLE qt001_cp.late DROP COLUMN c"))),
    _SAME("another manifest was rehearsed", rehearsed(_of_another)),
    _SAME("the author proposes the same manifest again", lambda attempt: attempt.write_event("proposed", attempt.stage.digest)),
    _SAME("something else is written about the same manifest", lambda attempt: attempt.write_event("captured", attempt.stage.digest)),
    _SAME("something else is written about its evidence", _evidence_named),
    _SAME("evidence about another manifest was imported", analysed(lambda _: None, subject="0" * 64)),
)  # fmt: skip  # one case a line
