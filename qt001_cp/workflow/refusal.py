"""PostgreSQL's refusals as errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from qt001_cp.errors import DatabaseProblem, Refused, hint_of, unreachable
from qt001_cp.model.shown import visible


@contextmanager
def refusals() -> Iterator[None]:
    """Turn errors of class QT and 42501 into :class:`Refused`, others of psycopg into :class:`DatabaseProblem`."""
    try:
        yield
    except psycopg.Error as exc:
        state, diag = exc.sqlstate, exc.diag
        if state is not None and (state.startswith("QT") or state == "42501"):
            hint = diag.message_hint or hint_of(state)
            raise Refused(visible(diag.message_primary or str(exc)), sqlstate=state, hint=hint) from exc
        if state is None:
            raise unreachable(exc) from exc
        raise DatabaseProblem(f"[{state}] {exc}", hint=diag.message_hint or hint_of(state)) from exc
