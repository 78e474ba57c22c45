"""Does a server stay well under four times what it can do? The short form of `make overload`.

Figures are not judged here, because other work may run beside: only what must hold however slow the
machine is.
"""

import http.client

import pytest
from tests.conftest import Server
from tests.overload.scenario import Watch, capacity, fill, load, resident_bytes

SETTINGS = "service:\n  max_queue_secs: 0.02\n"
MEMORY_MAX = 256 << 20  # what 8 bodies of the largest size may take, which none of these are


@pytest.fixture
def server(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(SETTINGS)
    server = Server(tmp_path / "storage", ("--config", str(config)))
    yield server
    assert server.stop() == 0


def test_four_times_the_load_is_answered_or_refused_and_nothing_breaks(server):
    body = fill(server.url)["exact search"]
    possible = capacity(server.url, body, 1.0)
    before = resident_bytes(server.process.pid)
    with Watch(server.url, server.process.pid) as watch:
        found = load(server.url, body, 4 * possible, 2.0)
    assert found["failed"] == 0, found  # nothing but 200, and 503 with Retry-After
    assert found["good"] > 0 and found["refused"] > 0, found
    assert watch.failures == 0 and watch.times
    assert watch.peak_bytes - before < MEMORY_MAX
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    (line,) = [line for line in text.splitlines() if line.startswith("ruvector_overloaded_total")]
    assert int(line.split()[1]) >= found["refused"]
