"""`ruvector serve` with maintenance that works at once, so that every cut falls into some of it."""

import os
import sys

from ruvector.cli import main
from ruvector.collection import maintenance

if __name__ == "__main__":
    maintenance.IDLE_SECONDS = float(os.environ.get("CRASH_IDLE_SECONDS", "0.05"))
    maintenance.PATIENCE_SECONDS = 0.2
    maintenance.SCAN_ROWS = 200
    sys.exit(main())
