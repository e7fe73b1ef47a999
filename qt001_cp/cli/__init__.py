"""The console script ``qt001-cp``."""

from qt001_cp.cli.main import main

__all__ = ["main"]
