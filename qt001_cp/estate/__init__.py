"""The reference estate: a database as Directus leaves it, with QT001 living in it, before the FIX7 cutover."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def files() -> tuple[Path, ...]:
    """The SQL files in the order in which they have to run: each through ``psql -v ON_ERROR_STOP=1 -X -f``."""
    return tuple(sorted((_HERE / "sql").glob("*.sql")))


def policy_path() -> Path:
    """The policy that classifies the estate."""
    return _HERE / "policy.toml"
