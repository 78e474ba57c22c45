"""What does the server cost around the search? Ingest over JSON, and CPU per search request.

    python benchmarks/rest.py [--short] [--no-record]

The server is a process of its own; requests are raw HTTP over one connection that stays open, so
that no client library is measured. Not requests per second are counted but the CPU time of the
server process (user and system, from /proc), because that holds on a machine with other work. What
the kernel takes for the same requests is subtracted; the rest is compared with uvicorn doing
nothing on the same machine, because processors differ more than programs.
"""

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import record
import synthetic
from ruvector.index.graph import Graph
from ruvector.kernel import Metric, parse_floats, scan_json
from ruvector.model.limits import MAX_JSON_CONTAINERS, MAX_JSON_DEPTH
from ruvector.query.nearest import DEFAULT_BEAM

K = 10
BATCH = 500
INGEST_DIMENSIONS = 384
SEARCH_DIMENSIONS = 1536
START_SECONDS = 60


class Server:
    """A server in a process of its own, and one connection to it.

    With a path it is `ruvector serve`; without one the application of bare.py.
    """

    def __init__(self, path: Path | None) -> None:
        port = free_port()
        command = [sys.executable, str(Path(__file__).with_name("bare.py")), str(port)]
        if path is not None:
            program = str(Path(sys.executable).with_name("ruvector"))
            command = [program, "serve", "--path", str(path), "--http-port", str(port)]
            command += ["--grpc-port", "none"]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when /readyz answers 200."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                self.connection.request("GET", "/readyz")
                answer = self.connection.getresponse()
                answer.read()
                if answer.status == 200:
                    return
            except OSError:
                self.connection.close()
            time.sleep(0.05)
        self.process.kill()
        raise SystemExit(f"the server was not ready within {START_SECONDS} s")

    def send(self, method: str, path: str, body: bytes) -> Any:
        """Return the `result` of an answer."""
        self.connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:500]!r}")
        return json.loads(content)["result"]

    def cpu_seconds(self) -> float:
        """Return user and system time of the process and its threads, in ticks of 10 ms."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.terminate()
        self.process.wait(60)


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a smoke test")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    disturbed = record.disturbance()
    points, searches = (2_000, 500) if options.short else (20_000, 5_000)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        server = Server(Path(folder) / "data")
        try:
            rows = [ingest_row(server, points), search_row(server, points // 4, searches)]
        finally:
            server.stop()
    for row in rows:
        row |= {"peer": "ruvector REST", "version": version("ruvector"), "disturbed": disturbed}
        print({name: record.tidy(value) for name, value in row.items()})
    if not options.no_record:
        record.append(rows)


def create(server: Server, name: str, dimensions: int) -> None:
    """Create a collection with one cosine vector."""
    vectors = {"vectors": {"size": dimensions, "distance": "Cosine"}}
    server.send("PUT", f"/collections/{name}", json.dumps(vectors).encode())


def bodies(vectors: synthetic.Vectors) -> list[bytes]:
    """Return the JSON of upserts, `BATCH` points each, with payloads."""
    payloads = synthetic.payloads(len(vectors))
    points = [
        {"id": row, "vector": vector, "payload": payloads[row]}
        for row, vector in enumerate(vectors.tolist())
    ]
    return [
        json.dumps({"points": points[first : first + BATCH]}).encode()
        for first in range(0, len(points), BATCH)
    ]


def ingest_row(server: Server, points: int) -> dict[str, Any]:
    """Return points per second, each batch acknowledged as durable before the next is sent."""
    create(server, "ingest", INGEST_DIMENSIONS)
    requests = bodies(synthetic.clustered(points, INGEST_DIMENSIONS))
    cpu, start = server.cpu_seconds(), time.perf_counter()
    for body in requests:
        server.send("PUT", "/collections/ingest/points?wait=true", body)
    seconds = time.perf_counter() - start
    cpu = server.cpu_seconds() - cpu
    return {
        "dataset": f"synthetic clustered {points}x{INGEST_DIMENSIONS}",
        "settings": f"PUT points JSON batch={BATCH} wait=true payloads",
        "qps": points / seconds,
        "note": f"qps = points/s; server CPU {cpu / points * 1e6:.0f} us a point",
    }


def search_row(server: Server, points: int, searches: int) -> dict[str, Any]:
    """Return CPU time of the server per search, and what is left of it without the search."""
    create(server, "search", SEARCH_DIMENSIONS)
    vectors = synthetic.clustered(points + 200, SEARCH_DIMENSIONS)
    stored, queries = synthetic.split(vectors, 200)
    for body in bodies(stored):
        server.send("PUT", "/collections/search/points?wait=true", body)
    server.send("POST", "/collections/search/index/wait", b"{}")
    requests = [
        json.dumps({"query": query, "limit": K, "with_payload": True}).encode()
        for query in queries.tolist()
    ]
    path = "/collections/search/points/query"
    for body in requests:
        server.send("POST", path, body)
    times = np.empty(searches)
    cpu = server.cpu_seconds()
    for number in range(searches):
        start = time.perf_counter_ns()
        server.send("POST", path, requests[number % len(requests)])
        times[number] = time.perf_counter_ns() - start
    cpu_us = (server.cpu_seconds() - cpu) / searches * 1e6
    bare_us = bare_request_us(requests, searches)
    kernel_us = kernel_us_of(stored, queries, requests)
    around_us = cpu_us - kernel_us
    p50, p99 = np.percentile(times, [50, 99]) / 1000
    return {
        "dataset": f"synthetic clustered {points}x{SEARCH_DIMENSIONS}",
        "settings": f"POST points/query {SEARCH_DIMENSIONS} floats in, {K} hits with payload out",
        "p50_us": float(p50),
        "p99_us": float(p99),
        "note": f"server CPU {cpu_us:.0f} us a request; kernel {kernel_us:.0f} us; around it"
        f" {around_us:.0f} us = {around_us / bare_us:.1f} x uvicorn alone ({bare_us:.0f} us)",
    }


def bare_request_us(requests: list[bytes], count: int) -> float:
    """Return the CPU time of a request that reaches uvicorn and nothing of ours."""
    server = Server(None)
    try:
        for body in requests:
            server.send("POST", "/", body)
        cpu = server.cpu_seconds()
        for number in range(count):
            server.send("POST", "/", requests[number % len(requests)])
        return (server.cpu_seconds() - cpu) / count * 1e6
    finally:
        server.stop()


def kernel_us_of(
    stored: synthetic.Vectors, queries: synthetic.Vectors, requests: list[bytes]
) -> float:
    """Return the CPU time of what the kernel does for one request: scan, parse, search."""
    graph = Graph.build(stored, Metric.COSINE)
    texts = [body[body.index(b"[") : body.index(b"]") + 1] for body in requests]
    rounds = 10
    for warm_up in (True, False):
        start = time.process_time()
        for _ in range(1 if warm_up else rounds):
            for row, body, text in zip(queries, requests, texts, strict=True):
                scan_json(body, MAX_JSON_DEPTH, MAX_JSON_CONTAINERS)
                parse_floats(text)
                graph.search(row[np.newaxis], K, DEFAULT_BEAM)
    return (time.process_time() - start) / rounds / len(queries) * 1e6


if __name__ == "__main__":
    main()
