"""The ``-x`` arguments of our revisions, each with a clear error when it is missing or wrong."""

from __future__ import annotations

from pathlib import Path

from alembic import context

from qt001_cp.errors import FileProblem, UsageError
from qt001_cp.model.canonical import parse_canonical
from qt001_cp.model.manifest import ObjectManifest
from qt001_cp.model.policy import Policy
from qt001_cp.policy_file import load_policy, read_file

KNOWN = {
    "policy": "the policy (TOML), for fix7a",
    "manifest": "the sealed object manifest (JSON), for fix7b and fix7c",
    "documents": "the folder with readiness, capability, dependency manifest and analysis, for fix7c"
    " (default: the folder of the manifest)",
    "rehearsal": "'first': this run makes the no-go record; only in a database marked as a rehearsal",
    "lock_timeout": "how long a statement waits for a lock (default 5s)",
    "statement_timeout": "how long a statement runs (default 10min)",
    "database": "a libpq URI or connection string (default: QT001_DATABASE_URL)",
}


def arguments() -> dict[str, str]:
    """All ``-x`` arguments. Raises :class:`UsageError` for one that nobody reads."""
    given = context.get_x_argument(as_dictionary=True)
    for name in given:
        if name not in KNOWN:
            listed = "\n".join(f"    -x {k}=…  {v}" for k, v in KNOWN.items())
            raise UsageError(f"unknown argument -x {name}", hint=f"the arguments are\n{listed}")
    return {name: str(value) for name, value in given.items()}


def _file(name: str, revision: str) -> Path:
    value = arguments().get(name)
    if not value:
        raise UsageError(f"{revision} needs {KNOWN[name]}", hint=f"alembic -x {name}=FILE …")
    return Path(value)


def policy(revision: str) -> Policy:
    return load_policy(_file("policy", revision))


def manifest(revision: str) -> ObjectManifest:
    path = _file("manifest", revision)
    return ObjectManifest.from_bytes(read_file(path), str(path))


def document(name: str, revision: str) -> bytes:
    """One of the other documents of FIX7c, as canonical bytes."""
    folder = arguments().get("documents")
    path = (Path(folder) if folder else _file("manifest", revision).parent) / name
    if not path.exists():
        raise FileProblem(f"{revision} needs {path}, which is missing", hint="qt001-cp manifest generate writes it")
    body = read_file(path)
    parse_canonical(body, str(path))
    return body


def first_rehearsal() -> bool:
    value = arguments().get("rehearsal", "")
    if value not in ("", "first"):
        raise UsageError(f"-x rehearsal={value} is unknown", hint="the only value is 'first'")
    return value == "first"


def timeouts() -> dict[str, str]:
    given = arguments()
    return {name: given[name] for name in ("lock_timeout", "statement_timeout") if name in given}
