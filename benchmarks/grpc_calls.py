"""What does the gRPC server cost around the search? Ingest, and CPU per query.

    python benchmarks/grpc_calls.py [--short] [--no-record]

As rest.py: a server process of its own, one connection, messages made beforehand, CPU time of the
server process and not calls per second. The kernel's part is subtracted; the rest is compared with
grpcio's server doing nothing on the same machine in the same minute.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import numpy as np

import record
import synthetic
from rest import free_port
from ruvector.client.client import RuvectorClient
from ruvector.index.graph import Graph
from ruvector.kernel import Metric
from ruvector.model import requests as r
from ruvector.model.points import PointsBlock, VectorBlock, encode_payload
from ruvector.model.proto.requests import write_request
from ruvector.query.nearest import DEFAULT_BEAM
from ruvector.server.pool import default_threads

K = 10
BATCH = 500
INGEST_DIMENSIONS = 384
SEARCH_DIMENSIONS = 1536
START_SECONDS = 60


class Server:
    """`ruvector serve` on a path, or without one a server that does nothing; and one channel."""

    def __init__(self, path: Path | None) -> None:
        port, http_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{http_port}"
        bare = str(Path(__file__).with_name("bare_grpc.py"))
        command = [sys.executable, bare, str(port), str(default_threads())]
        if path is not None:
            program = str(Path(sys.executable).with_name("ruvector"))
            command = [program, "serve", "--path", str(path), "--http-port", str(http_port)]
            command += ["--grpc-port", str(port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        options = (("grpc.max_send_message_length", -1),)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self.address = f"127.0.0.1:{port}"
        grpc.channel_ready_future(self.channel).result(START_SECONDS)

    def method(self, path: str) -> Any:
        """Return the function that sends bytes to a procedure."""
        return self.channel.unary_unary(path)

    def cpu_seconds(self) -> float:
        """Return user and system time of the process and its threads, in ticks of 10 ms."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        self.channel.close()
        self.process.terminate()
        self.process.wait(60)


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
        row |= {"peer": "ruvector gRPC", "version": version("ruvector"), "disturbed": disturbed}
        print({name: record.tidy(value) for name, value in row.items()})
    if not options.no_record:
        record.append(rows)


def encoded(request: r.Request[Any]) -> bytes:
    """Return the bytes of a request's message."""
    return write_request(request).SerializeToString()  # type: ignore[no-any-return]


def create(server: Server, name: str, dimensions: int) -> None:
    """Create a collection with one cosine vector."""
    vectors = {"size": dimensions, "distance": "Cosine"}
    server.method("/qdrant.Collections/Create")(
        encoded(r.CreateCollection(collection=name, vectors=vectors))
    )


def upserts(name: str, vectors: synthetic.Vectors) -> list[bytes]:
    """Return the messages of upserts, `BATCH` points each, with payloads."""
    payloads = [encode_payload(each) for each in synthetic.payloads(len(vectors))]
    messages = []
    for first in range(0, len(vectors), BATCH):
        part = slice(first, first + BATCH)
        rows = vectors[part]
        block = PointsBlock(
            list(range(first, first + len(rows))), {"": VectorBlock(rows)}, payloads[part]
        )
        messages.append(encoded(r.Upsert(collection=name, points=block, wait=True)))
    return messages


def ingest_row(server: Server, points: int) -> dict[str, Any]:
    """Return points per second, each batch acknowledged as durable before the next is sent."""
    create(server, "ingest", INGEST_DIMENSIONS)
    messages = upserts("ingest", synthetic.clustered(points, INGEST_DIMENSIONS))
    send = server.method("/qdrant.Points/Upsert")
    cpu, start = server.cpu_seconds(), time.perf_counter()
    for message in messages:
        send(message)
    seconds = time.perf_counter() - start
    cpu = server.cpu_seconds() - cpu
    return {
        "dataset": f"synthetic clustered {points}x{INGEST_DIMENSIONS}",
        "settings": f"Points/Upsert batch={BATCH} wait=true payloads",
        "qps": points / seconds,
        "note": f"qps = points/s; server CPU {cpu / points * 1e6:.0f} us a point",
    }


def search_row(server: Server, points: int, searches: int) -> dict[str, Any]:
    """Return CPU time of the server per query, and what is left of it without the search."""
    create(server, "search", SEARCH_DIMENSIONS)
    vectors = synthetic.clustered(points + 200, SEARCH_DIMENSIONS)
    stored, queries = synthetic.split(vectors, 200)
    send = server.method("/qdrant.Points/Upsert")
    for message in upserts("search", stored):
        send(message)
    with RuvectorClient(url=server.url) as client:  # gRPC has no call that waits for a graph
        client.wait_for_index("search")
    requests = [
        encoded(r.QueryPoints(collection="search", query=query, limit=K, with_payload=True))
        for query in queries
    ]
    cpu_us, times = cpu_us_of(server, requests, searches)
    bare = Server(None)
    try:
        bare_us, _ = cpu_us_of(bare, requests, searches)
    finally:
        bare.stop()
    kernel_us = kernel_us_of(stored, queries)
    around_us = cpu_us - kernel_us
    p50, p99 = np.percentile(times, [50, 99]) / 1000
    return {
        "dataset": f"synthetic clustered {points}x{SEARCH_DIMENSIONS}",
        "settings": f"Points/Query {SEARCH_DIMENSIONS} floats in, {K} hits with payload out",
        "p50_us": float(p50),
        "p99_us": float(p99),
        "note": f"server CPU {cpu_us:.0f} us a call; kernel {kernel_us:.0f} us; around it"
        f" {around_us:.0f} us = {around_us / bare_us:.1f} x grpcio alone ({bare_us:.0f} us)",
    }


def cpu_us_of(server: Server, requests: list[bytes], count: int) -> tuple[float, Any]:
    """Return the server's CPU time for one of these calls, and the times that its client waited."""
    send = server.method("/qdrant.Points/Query")
    for message in requests:
        send(message)
    times = np.empty(count)
    cpu = server.cpu_seconds()
    for number in range(count):
        start = time.perf_counter_ns()
        send(requests[number % len(requests)])
        times[number] = time.perf_counter_ns() - start
    return (server.cpu_seconds() - cpu) / count * 1e6, times


def kernel_us_of(stored: synthetic.Vectors, queries: synthetic.Vectors) -> float:
    """Return the CPU time of what the kernel does for one query."""
    graph = Graph.build(stored, Metric.COSINE)
    rounds = 10
    for warm_up in (True, False):
        start = time.process_time()
        for _ in range(1 if warm_up else rounds):
            for row in queries:
                graph.search(row[np.newaxis], K, DEFAULT_BEAM)
    return (time.process_time() - start) / rounds / len(queries) * 1e6


if __name__ == "__main__":
    main()
