"""``python -m qt001_cp`` is ``qt001-cp``."""

import sys

from qt001_cp.cli import main

sys.exit(main())
