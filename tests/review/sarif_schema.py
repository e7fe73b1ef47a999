"""The schema of SARIF 2.1.0 as OASIS published it, from the npm package @microsoft/jest-sarif (MIT)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft7Validator

_FILE = Path(__file__).parent / "sarif-2.1.0-rtm.5.json"


def valid(text: str) -> dict[str, Any]:
    """The document, after it has been held against the schema."""
    document: dict[str, Any] = json.loads(text)
    # The schema's pattern of a language tag is not one that every engine of regular expressions takes.
    schema = re.sub(r'"pattern": "\^\[a-zA-Z\]\{2\}\|[^"]*"', '"minLength": 2', _FILE.read_text())
    assert [str(e) for e in Draft7Validator(json.loads(schema)).iter_errors(document)] == []
    return document
