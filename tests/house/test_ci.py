"""CI leaves nothing out for good: every share of the slow tests and every other major version has its turn."""

from __future__ import annotations

import re
from math import gcd
from pathlib import Path

from qt001_cp.model.versions import SUPPORTED

RUN = (Path(__file__).parents[2] / ".ci/run").read_text("utf-8")


def _turns(kind: str) -> list[str]:
    turns = RUN.partition("turns=(")[2].partition("\n)")[0]
    return re.findall(rf'"{kind} (\d+)"', turns)


def test_each_share_has_its_turn() -> None:
    shares = re.search(r'scripts/test -m "slow and not zoo" --share "\$2/(\d+)"', RUN)
    assert shares is not None
    assert _turns("slow") == [str(k) for k in range(1, int(shares[1]) + 1)]


def test_the_turns_begin_everywhere() -> None:
    step = re.search(r"/ 3600 \* (\d+) %", RUN)
    assert step is not None
    assert gcd(int(step[1]), RUN.partition("turns=(")[2].partition("\n)")[0].count('"') // 2) == 1


def test_each_other_version_has_its_turn() -> None:
    assert _turns("matrix") == [str(major) for major in SUPPORTED if major != max(SUPPORTED)]
