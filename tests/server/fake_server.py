"""A server over the small engine, as a process: `python fake_server.py PORT`.

Counting takes as long as the file named by WAIT_FOR is missing, so that tests can hold a request.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.server.server_harness import FakeEngine

from ruvector.model import requests as r
from ruvector.model.results import CountResult
from ruvector.server import handshake
from ruvector.server.run import serve


class HeldEngine(FakeEngine):
    """Says on stdout when it is closed."""

    def close(self):
        super().close()
        print("engine closed", flush=True)


def hold(_):
    print("counting", flush=True)
    while not Path(os.environ["WAIT_FOR"]).exists():
        time.sleep(0.005)
    return CountResult(42)


def main():
    seconds = os.environ.get("HANDSHAKE_SECONDS", handshake.HANDSHAKE_SECONDS)
    handshake.HANDSHAKE_SECONDS = float(seconds)
    engine = HeldEngine()
    engine.answers[r.Count] = hold
    flags = {"service": {"http_port": int(sys.argv[1]), "grpc_port": None}}
    return serve(flags, os.environ, open_engine=lambda _: engine)


if __name__ == "__main__":
    sys.exit(main())
