"""Rows of the catalog query as objects. Few texts differ in an estate: each is parsed once and shared."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from qt001_cp.errors import DatabaseProblem
from qt001_cp.model import kinds
from qt001_cp.model.acl import ColumnAcl, acl_from_json
from qt001_cp.model.inventory import InventoryObject, State, types_from_json
from qt001_cp.model.names import ObjectRef, Role

_T = TypeVar("_T")
OWNERS: Final = "kind, identity, owner, acl::text, columns::text"
OBJECTS: Final = f"{OWNERS}, schema, name, args::text, method, acl_default, follows, detail::text, definition, storage, array_to_string(why, ' ')"
"""What is asked of the query for :meth:`Rows.state` and :meth:`Rows.object`, in this order."""


class _Shared(dict[Any, _T], Generic[_T]):
    """Values by the text they are made from; None stays None."""

    def __init__(self, make: Callable[[str], _T]) -> None:
        self._make = make

    def __missing__(self, text: str) -> _T:
        value = self[text] = self._make(text)
        return value


class Rows:
    """Makes objects of rows. One for each session: it is not shared between threads."""

    def __init__(self) -> None:
        self._word: _Shared[str] = _Shared(str)
        self._role: _Shared[Role] = _Shared(Role)
        self._acl = _Shared(lambda text: acl_from_json(json.loads(text)))
        self._columns = _Shared(_columns)
        self._args = _Shared(lambda text: types_from_json(json.loads(text)))
        self._detail: _Shared[Any] = _Shared(json.loads)
        self._why = _Shared(lambda text: tuple(text.split()))

    def state(self, row: Sequence[Any]) -> tuple[tuple[str, str], State]:
        """The key and the state of a row of :data:`OWNERS`."""
        kind, identity, owner, acl, columns = row
        return (self._word[kind], identity), State(self._role[owner], self._acl[acl], self._columns[columns])

    def object(self, row: Sequence[Any]) -> InventoryObject:
        """The object of a row of :data:`OBJECTS`. Raises :class:`DatabaseProblem` for a kind that nobody knows."""
        (
            kind,
            identity,
            owner,
            acl,
            columns,
            schema,
            name,
            args,
            method,
            default,
            follows,
            detail,
            definition,
            storage,
            why,
        ) = row
        if kind not in kinds.BY_KEY:
            raise DatabaseProblem(
                f"{kind} {identity}: expected a kind of object that this release knows, found {kind}",
                hint="drop the object or take it from the application role, and tell the authors of this release",
            )
        return InventoryObject(
            ObjectRef(
                self._word[kind],
                identity,
                None if schema is None else self._word[schema],
                name,
                None if args is None else self._args[args],
                method,
            ),
            State(self._role[owner], self._acl[acl], self._columns[columns]),
            default,
            definition,
            storage,
            follows,
            None if detail is None else self._detail[detail],
            self._why[why],
        )


def _columns(text: str) -> tuple[ColumnAcl, ...]:
    return tuple(ColumnAcl(c["column"], acl_from_json(c["acl"])) for c in json.loads(text))
