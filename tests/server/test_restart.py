"""Can servers be restarted behind a balancer without one failed read?"""

import http.client
import threading
import time
import urllib.request

import msgspec
import pytest
from tests.conftest import Server

DELAY = "service:\n  shutdown_delay_secs: 0.5\n"
POLL_SECONDS = 0.02
QUERY = b'{"query":[1.0,0.0],"limit":2}'


class Backend:
    """One server and what the balancer knows of it."""

    def __init__(self, server):
        self.server = server
        self.is_ready = True
        self.reads = 0

    def poll(self):
        """Look at /readyz as a balancer does: anything but 200 in time is not ready."""
        try:
            with urllib.request.urlopen(f"{self.server.url}/readyz", timeout=5) as answer:
                self.is_ready = answer.status == 200
        except OSError:
            self.is_ready = False

    def read(self, connections):
        """Send one search over a connection that is kept; return its status."""
        address = self.server.url.removeprefix("http://")
        connection = connections.get(address)
        if connection is None:
            connection = connections[address] = http.client.HTTPConnection(address, timeout=10)
        connection.request("POST", "/collections/docs/points/query", QUERY)
        answer = connection.getresponse()
        hits = msgspec.json.decode(answer.read())["result"]["points"]
        if answer.will_close:
            connection.close()
            del connections[address]
        self.reads += 1
        return answer.status, len(hits)


@pytest.fixture
def backends(tmp_path):
    """Two servers with the same two points."""
    config = tmp_path / "config.yaml"
    config.write_text(DELAY)
    arguments = ("--config", str(config))
    opened = [Backend(Server(tmp_path / name, arguments)) for name in ("one", "two")]
    for backend in opened:
        for method, path, body in (
            ("POST", "/collections", {"name": "docs", "dimensions": 2}),
            ("PUT", "/collections/docs/points?wait=true",
             {"points": [{"id": n, "vector": [1.0, n]} for n in (1, 2)]}),
        ):  # fmt: skip
            request = urllib.request.Request(
                backend.server.url + path, msgspec.json.encode(body), method=method
            )
            urllib.request.urlopen(request).close()
    yield opened, arguments
    for backend in opened:
        assert backend.server.stop() == 0


def test_restarts_behind_a_balancer_fail_no_read(backends):
    servers, arguments = backends
    stop, failures = threading.Event(), []

    def watch(backend):
        while not stop.is_set():
            backend.poll()
            time.sleep(POLL_SECONDS)

    def read(turn):
        connections = {}
        while not stop.is_set():
            ready = [each for each in servers if each.is_ready]
            try:
                turn += 1
                assert ready, "no server is ready"
                status, hits = ready[turn % len(ready)].read(connections)
                assert (status, hits) == (200, 2)
            except (OSError, AssertionError, http.client.HTTPException) as error:
                failures.append(error)
            time.sleep(0.002)

    threads = [threading.Thread(target=watch, args=[each]) for each in servers]
    threads += [threading.Thread(target=read, args=[turn]) for turn in range(3)]
    for thread in threads:
        thread.start()
    try:
        for backend in servers:
            before = backend.reads
            assert backend.server.stop() == 0
            assert not backend.is_ready
            backend.server = restarted(backend.server, arguments)
            while not backend.is_ready or backend.reads < before + 20:
                time.sleep(POLL_SECONDS)
                assert backend.server.process.poll() is None
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert all(backend.reads > 40 for backend in servers)


def restarted(server, arguments):
    """Return a new process over the same folder; the balancer finds it under its new port."""
    return Server(server.path, arguments)
