"""Does the server answer while it reads and writes large bodies? The wait of a health check.

    python benchmarks/loop.py [--seconds N] [--no-record]

A process of its own asks /livez every 2 ms over one connection; two others send bodies of about 27
MB one after the other. The wait is what the event loop was held by anything at all: reading,
decoding, the interpreter's lock. The target is at most 50 ms for any body that is allowed
(32 MiB).
"""

import argparse
import http.client
import json
import multiprocessing
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import record
import synthetic
from rest import Server, create

DIMENSIONS = 1536
BODY_BYTES = 27_000_000
SENDERS = 2
PERIOD_SECONDS = 0.002
ASK = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"


def main() -> None:
    """Measure each kind of body and record a row for it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each kind is sent")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    disturbed = record.disturbance()
    rows = []
    for name, (method, path, make) in BODIES.items():
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            server = Server(Path(folder) / "data")
            try:
                create(server, "loop", DIMENSIONS)
                if name in BEFORE:
                    server.send(*UPSERT, BEFORE[name]())
                row = measure(server, method, path, make(), options.seconds)
            finally:
                server.stop()
        what = "answers of about 25 MB" if name in BEFORE else "bodies of 27 MB"
        row |= {"dataset": f"{what}: {name}", "disturbed": disturbed}
        row |= {"peer": "ruvector REST", "version": version("ruvector")}
        print({key: record.tidy(value) for key, value in row.items()})
        rows.append(row)
    if not options.no_record:
        record.append(rows)


def upsert() -> bytes:
    """Return points with vectors as a client prints them, and payloads."""
    vectors = synthetic.clustered(1000, DIMENSIONS).tolist()
    payloads = synthetic.payloads(len(vectors))
    points = [
        json.dumps({"id": row, "vector": vector, "payload": payloads[row]})
        for row, vector in enumerate(vectors)
    ]
    count = BODY_BYTES // (len(points[0]) + 1)
    return b'{"points":[%b]}' % ",".join(points[:count]).encode()


def payloads() -> bytes:
    """Return points whose bytes are mostly payload: words and numbers."""
    payload = {"numbers": [0.125] * 2000, "words": ["gr\u00fc\u00dfe"] * 1000}
    text = json.dumps(
        {"id": 1, "vector": [0.5] * DIMENSIONS, "payload": payload}, ensure_ascii=False
    ).encode()
    count = BODY_BYTES // (len(text) + 1)
    return b'{"points":[%b]}' % b",".join([text] * count)


def ids() -> bytes:
    """Return as many ids as fit and are allowed."""
    return json.dumps({"ids": list(range(10**17, 10**17 + 1_000_000))}).encode()


def values() -> bytes:
    """Return a filter with as many values as fit: each is an item of a list in memory."""
    number = b"7,"
    many = number * (BODY_BYTES // len(number))
    return b'{"filter":{"must":[{"key":"a","match":{"any":[%b0]}}]}}' % many


def bomb() -> bytes:
    """Return a filter that is valid JSON, within every limit, and means nothing."""
    return b'{"filter":{"must":[%b{}]}}' % (b'{"a":[]},' * 1_900_000)


def everything() -> bytes:
    """Return a request for all points, which the server was given before: an answer of 20 MB."""
    return b'{"limit":1000000,"with_payload":true,"with_vector":true}'


def nearest() -> bytes:
    """Return a quick search whose hits have payloads of 2.5 MB each: an answer of 25 MB."""
    return json.dumps({"query": [0.5] * DIMENSIONS, "limit": 10, "with_payload": True}).encode()


def heavy() -> bytes:
    """Return ten points with payloads of 2.5 MB each."""
    points = [
        {"id": row, "vector": [row + 0.5] * DIMENSIONS, "payload": {"text": "ab" * 1_250_000}}
        for row in range(10)
    ]
    return json.dumps({"points": points}).encode()


UPSERT = ("PUT", "/collections/loop/points?wait=true")
BEFORE = {"all points": upsert, "large payloads": heavy}  # what must be there first
BODIES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "points": (*UPSERT, upsert),
    "payloads": (*UPSERT, payloads),
    "ids": ("POST", "/collections/loop/points", ids),
    "values of a filter": ("POST", "/collections/loop/points/count", values),
    "JSON bomb": ("POST", "/collections/loop/points/scroll", bomb),
    "all points": ("POST", "/collections/loop/points/scroll", everything),
    "large payloads": ("POST", "/collections/loop/points/query", nearest),
}


Answers = list[tuple[Any, int]]  # what each message was answered with, and the bytes of it
Send = Callable[[threading.Event, Answers], None]


def measure(server: Server, method: str, path: str, body: bytes, seconds: float) -> dict[str, Any]:
    """Return how long /livez took while the body was sent again and again."""
    port = server.connection.port

    def send(stop: threading.Event, answers: Answers) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        while not stop.is_set():
            connection.request(method, path, body)
            answer = connection.getresponse()
            answers.append((answer.status, len(answer.read())))

    return waits_beside(port, seconds, f"bodies of {len(body) / 1e6:.0f} MB", send)


def waits_beside(port: int, seconds: float, what: str, send: Send) -> dict[str, Any]:
    """Return how long /livez took beside threads that send messages until they are told to stop."""
    stop = threading.Event()
    answers: Answers = []
    here, there = multiprocessing.Pipe()
    prober = multiprocessing.get_context("spawn").Process(target=probe, args=(port, seconds, there))
    prober.start()
    here.recv()  # it is connected
    senders = [threading.Thread(target=send, args=(stop, answers)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    here.send("go")
    waits = np.array(here.recv()) * 1e6
    stop.set()
    for thread in (*senders, prober):
        thread.join()
    p50, p99 = np.percentile(waits, [50, 99])
    said = [status for status, _ in answers]
    answered = ", ".join(f"{said.count(each)} x {each}" for each in sorted(set(said)))
    return {
        "settings": f"GET /livez every 2 ms beside {SENDERS} senders",
        "p50_us": float(p50),
        "p99_us": float(p99),
        "note": f"largest {waits.max() / 1000:.0f} ms of {len(waits)}; "
        f"{what} answered {answered} "
        f"with {max((size for _, size in answers), default=0) / 1e6:.0f} MB",
    }


def probe(port: int, seconds: float, pipe: Any) -> None:
    """Ask for `seconds` once the word is given; send back what each answer took."""
    waits = []
    with socket.create_connection(("127.0.0.1", port)) as door:
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pipe.send("ready")
        pipe.recv()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.perf_counter()
            door.sendall(ASK)
            text = b""
            while b"livez check passed" not in text:
                text += door.recv(4096)
            waits.append(time.perf_counter() - start)
            time.sleep(PERIOD_SECONDS)
    pipe.send(waits)


if __name__ == "__main__":
    main()
