"""What can be built before the tests need it? Everything: `python -m tests.clients`.

CI runs this beside the other tests; what cannot be built here is told by the tests themselves.
"""

import time

import pytest
from tests.clients.environment import environment
from tests.clients.programs import LANGUAGES

if __name__ == "__main__":
    builds = {name: lambda one=one: one.prepare() for name, one in LANGUAGES.items()}
    for name, build in (builds | {"frameworks": environment}).items():
        began = time.monotonic()
        try:
            build()
            outcome = "built"
        except (pytest.skip.Exception, pytest.fail.Exception) as reason:
            outcome = str(reason)
        print(f"{name}: {outcome} in {time.monotonic() - began:.1f} s", flush=True)
