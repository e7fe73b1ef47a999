"""Errors of handing out a server."""

from __future__ import annotations

from qt001_cp.errors import Qt001Error


class ServerError(Qt001Error):
    """No PostgreSQL could be started or reached."""
