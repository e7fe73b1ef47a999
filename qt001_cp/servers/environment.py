"""What of the caller's environment is handed on: to clients of ours, and to who keeps a server."""

from __future__ import annotations

import os
from typing import Final

_OF_PROCESSES: Final = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME")
_OF_FILES: Final = ("HOME", "XDG_CACHE_HOME", "QT001_POSTGRES_BIN_")
_OF_CONTAINERS: Final = (
    "HOME",
    "DOCKER_",
    "TESTCONTAINERS_",
    "QT001_TEST_IMAGE",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "NO_PROXY",
)


def without_pg() -> dict[str, str]:
    """``os.environ`` without any PG* variable: PGPORT would move the server, PGHOSTADDR and PGOPTIONS its clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def embedded_needs() -> dict[str, str]:
    """What the keeper of an embedded server has to know, and no more: tokens and passwords stay with the caller."""
    return _only(*_OF_PROCESSES, *_OF_FILES)


def container_needs() -> dict[str, str]:
    """The same for one that talks to a container engine."""
    return _only(*_OF_PROCESSES, *_OF_CONTAINERS)


def _only(*wanted: str) -> dict[str, str]:
    """The variables of those names; one that ends in an underscore stands for all that begin with it."""
    return {
        name: value
        for name, value in os.environ.items()
        if any(name == one or (one.endswith("_") and name.startswith(one)) for one in wanted)
    }
