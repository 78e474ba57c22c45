"""`python -m ruvector` is `ruvector`."""

import sys

from ruvector.cli import main

sys.exit(main())
