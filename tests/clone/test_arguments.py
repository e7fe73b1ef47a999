"""What is secret in the source's DSN stands in no argument: everybody on the machine reads those."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from qt001_cp.rehearsal.clone import source

SECRET, KEY = "the secret", "of the key"


def test_no_secret_of_the_source_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        seen["arguments"] = " ".join(arguments)
        seen["environment"] = options["env"]
        seen["service"] = Path(options["env"].get("PGSERVICEFILE", "/dev/null")).read_text()
        return subprocess.CompletedProcess(arguments, 0, b"dumped", b"")

    monkeypatch.setattr(subprocess, "run", run)
    dsn = f"host=db dbname=shop user=reader password='{SECRET}'"
    assert source.dump_of("pg_dump", dsn, "-c x=y", ["--create"]) == "dumped"
    assert SECRET not in seen["arguments"]
    assert seen["environment"]["PGPASSWORD"] == SECRET
    source.dump_of("pg_dump", f"{dsn} sslpassword='{KEY}'", "", [])
    assert SECRET not in seen["arguments"]
    assert KEY not in seen["arguments"]
    assert seen["service"] == f"[source]\nsslpassword={KEY}\n"
    assert "service=source" in seen["arguments"]
