"""What is done to a server, and what is looked at meanwhile? For the test and `make overload`."""

import http.client
import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
from tests.overload.generator import quantile

GENERATOR = Path(__file__).with_name("generator.py")
PROBE_SECONDS = 0.02
DIM = 128
POINTS = 20_000
PATH = "/collections/load/points"


def fill(url):
    """Make the collection, index it, and return the requests that are sent."""
    random = np.random.default_rng(5)
    _call(url, "POST", "/collections", {"name": "load", "dimensions": DIM, "distance": "dot"})
    for start in range(0, POINTS, 2000):
        vectors = random.standard_normal((2000, DIM)).round(3)
        points = [
            {"id": start + n, "vector": vector, "payload": {"n": n}}
            for n, vector in enumerate(vectors.tolist())
        ]
        _call(url, "PUT", f"{PATH}?wait=true", {"points": points})
    _call(url, "POST", "/collections/load/index/wait", {})
    query = random.standard_normal(DIM).round(3).tolist()
    return {
        "exact search": {"query": query, "limit": 10, "params": {"exact": True}},
        "graph search": {"query": query, "limit": 10},
    }


class Watch:
    """Asks /readyz and looks at the server's memory as long as the block lasts."""

    def __init__(self, url, pid):
        self._url, self._pid = url, pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.times, self.failures, self.peak_bytes = [], 0, 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    @property
    def p99(self):
        """Return how long /readyz took, in seconds."""
        return quantile(self.times, 0.99)

    def _run(self):
        connection = http.client.HTTPConnection(self._url.removeprefix("http://"), timeout=10)
        while not self._stop.wait(PROBE_SECONDS):
            started = time.perf_counter()
            try:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                answer.read()
                self.failures += answer.status != 200
            except (OSError, http.client.HTTPException):
                self.failures += 1
                connection.close()
            self.times.append(time.perf_counter() - started)
            self.peak_bytes = max(self.peak_bytes, resident_bytes(self._pid))
        connection.close()


def resident_bytes(pid):
    """Return the memory of a process."""
    text = Path(f"/proc/{pid}/statm").read_text()
    return int(text.split()[1]) * 4096


def load(url, body, rate, seconds, **orders):
    """Send requests at a rate from another process; return its report.

    `orders` are those of the generator: `core`, `nice`, `spin`.
    """
    orders |= {
        "port": int(url.rpartition(":")[2]),
        "method": "POST",
        "path": f"{PATH}/query",
        "body": json.dumps(body),
        "rate": rate,
        "seconds": seconds,
    }
    done = subprocess.run(
        [sys.executable, str(GENERATOR)],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        timeout=seconds * 4 + 30,
        check=True,
    )
    return json.loads(done.stdout)


def capacity(url, body, seconds, **orders):
    """Return how many requests a second are answered to clients that wait for each answer."""
    return load(url, body, 0, seconds, **orders)["goodput"]


def _call(url, method, path, body):
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        answer.read()
