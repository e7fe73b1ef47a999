"""Keeps one server, as a small process of its own: ``python -m qt001_cp.servers.supervisor KIND PARENT MAJOR|IMAGE [confined]``.

It lives as long as its standard input is open and process PARENT is its parent. When whoever started it ends, in
whatever way, the pipe closes: the server is stopped and all that belonged to it removed. It has a session of its own,
so that Ctrl-C reaches the caller alone; SIGTERM and SIGHUP stop it in order.
On standard output it prints one JSON line: {"host", "port", "superuser", …} or {"error", "hint"}.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any, Final

from qt001_cp.errors import Qt001Error
from qt001_cp.servers.cluster import run_cluster
from qt001_cp.servers.errors import ServerError

_LOOK_SECONDS: Final = 1.0
_STOPPING: Final = (signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """A signal asked us to end."""


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGINT, lambda *_: None)  # a handler, and not SIG_IGN, which our children would inherit
    for number in _STOPPING:
        signal.signal(number, _stop)
    kind, parent, *rest = arguments
    try:
        with _server(kind, rest) as answer:
            _say(answer)
            _wait_for_the_end_of(int(parent))
    except (Qt001Error, OSError) as exc:
        hint = exc.hint if isinstance(exc, Qt001Error) else None
        _say({"error": f"no {kind} PostgreSQL: {exc.message if isinstance(exc, Qt001Error) else exc}", "hint": hint})
        return 1
    except _Stopped:
        return 1
    return 0


def _server(kind: str, rest: list[str]) -> AbstractContextManager[dict[str, Any]]:
    if kind == "embedded":
        return run_cluster(int(rest[0]), None, "confined" in rest[1:])
    if kind == "container":
        from qt001_cp.servers.docker import run_container

        return run_container(rest[0])
    raise ServerError(f"a supervisor keeps no server of kind {kind!r}")


def _wait_for_the_end_of(parent: int) -> None:
    """End of file says it at once; the look at the parent, when a fork of it still holds the pipe."""
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], _LOOK_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            return


def _say(answer: dict[str, Any]) -> None:
    try:
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")
    except BrokenPipeError:
        raise _Stopped from None


def _stop(_number: int, _frame: FrameType | None) -> None:
    for each in _STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
