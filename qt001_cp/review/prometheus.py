"""Findings in the text format of Prometheus, for the textfile collector of a node exporter.

Source: Prometheus documentation, "Exposition formats", text-based format: label values escape \\\\, \\" and newline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def findings_prometheus(findings: Iterable[Mapping[str, Any]], database: str, run: str, at: float) -> str:
    """The count of findings by SQLSTATE, and when ``run`` (verify or scan) looked for them (``at``: seconds since 1970, UTC)."""
    counts = Counter(f["sqlstate"] for f in findings)
    place = f'database="{_escaped(database)}",run="{_escaped(run)}"'
    lines = [
        "# HELP qt001_findings Findings of the last run.",
        "# TYPE qt001_findings gauge",
        f"qt001_findings{{{place}}} {sum(counts.values())}",
        "# HELP qt001_findings_by_sqlstate Findings of the last run by SQLSTATE.",
        "# TYPE qt001_findings_by_sqlstate gauge",
        *(
            f'qt001_findings_by_sqlstate{{{place},sqlstate="{_escaped(code)}"}} {n}'
            for code, n in sorted(counts.items())
        ),
        "# HELP qt001_run_timestamp_seconds When the last run ended.",
        "# TYPE qt001_run_timestamp_seconds gauge",
        f"qt001_run_timestamp_seconds{{{place}}} {at:.0f}",
    ]
    return "".join(line + "\n" for line in lines)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
