"""Keeps a server alive through a supervisor process that ends when we do, in whatever way (see supervisor.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qt001_cp
from qt001_cp.servers.environment import container_needs, embedded_needs
from qt001_cp.servers.errors import ServerError


@contextmanager
def kept(kind: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Start the supervisor of ``kind``; yields what it said about its server. Raises :class:`ServerError`.

    The pipe to it is close-on-exec, so no other child of ours holds it open. ``-P``: the current folder is no place to
    import from.
    """
    parent = str(Path(qt001_cp.__file__).parent.parent)
    path = os.pathsep.join(p for p in (parent, os.environ.get("PYTHONPATH")) if p)
    needed = container_needs() if kind == "container" else embedded_needs()
    supervisor = subprocess.Popen(
        [sys.executable, "-P", "-m", "qt001_cp.servers.supervisor", kind, str(os.getpid()), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**needed, "PYTHONPATH": path},
    )
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    try:
        answer = json.loads(supervisor.stdout.readline() or '{"error": "its supervisor ended without a word"}')
        if "error" in answer:
            raise ServerError(answer["error"], hint=answer.get("hint"))
        yield answer
    finally:
        supervisor.stdin.close()
        supervisor.wait()
        supervisor.stdout.close()
