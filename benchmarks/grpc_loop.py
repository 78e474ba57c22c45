"""Does the server answer while it reads and writes large messages of gRPC? As loop.py, over gRPC.

    python benchmarks/grpc_loop.py [--seconds N] [--no-record] [KIND ...]

A process of its own asks REST's /livez every 2 ms, two others send messages of about 27 MB one
after the other. The target is that of loop.py: at most 50 ms for any message that is allowed
(32 MiB).
"""

import argparse
import tempfile
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import numpy as np

import record
import synthetic
from grpc_calls import Server, encoded, upserts
from loop import BODY_BYTES, DIMENSIONS, Answers, waits_beside
from ruvector.model import requests as r
from ruvector.model.points import PointsBlock, VectorBlock, encode_payload
from ruvector.model.proto.schema import message_class

NAME = "loop"
COUNT, UPSERT = "/qdrant.Points/Count", "/qdrant.Points/Upsert"
FLOAT_BYTES = 4
MILLION = 1_000_000
FIRST_ID = 10**17


def main() -> None:
    """Measure each kind of message and record a row for it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(MESSAGES)}")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each kind is sent")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    disturbed = record.disturbance()
    rows = []
    for name in options.kinds or MESSAGES:
        path, make = MESSAGES[name]
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            server = Server(Path(folder) / "data")
            try:
                vectors = {"size": DIMENSIONS, "distance": "Cosine"}
                create = encoded(r.CreateCollection(collection=NAME, vectors=vectors))
                server.method("/qdrant.Collections/Create")(create)
                if name in BEFORE:
                    server.method(UPSERT)(BEFORE[name]())
                row = measure(server, path, make(), options.seconds)
            finally:
                server.stop()
        row |= {"dataset": f"gRPC messages: {name}", "disturbed": disturbed}
        row |= {"peer": "ruvector gRPC", "version": version("ruvector")}
        print({key: record.tidy(value) for key, value in row.items()}, flush=True)
        rows.append(row)
    if not options.no_record:
        record.append(rows)


def points() -> bytes:
    """Return as many points with a vector and a payload as fit."""
    count = BODY_BYTES // (FLOAT_BYTES * DIMENSIONS + 200)
    return _joined(upserts(NAME, synthetic.clustered(count, DIMENSIONS)))


def payloads() -> bytes:
    """Return points whose bytes are mostly payload: each number and word is a message."""
    payload = encode_payload({"numbers": [0.125] * 2000, "words": ["grüße"] * 1000})
    size = 40_000
    count = BODY_BYTES // size
    rows = np.full((count, DIMENSIONS), 0.5, np.float32)
    block = PointsBlock(list(range(count)), {"": VectorBlock(rows)}, [payload] * count)
    return encoded(r.Upsert(collection=NAME, points=block, wait=True))


def heavy() -> bytes:
    """Return ten points with payloads of 2.5 MB each."""
    payload = encode_payload({"text": "ab" * 1_250_000})
    rows = np.arange(10 * DIMENSIONS, dtype=np.float32).reshape(10, -1) + 1
    block = PointsBlock(list(range(10)), {"": VectorBlock(rows)}, [payload] * 10)
    return encoded(r.Upsert(collection=NAME, points=block, wait=True))


def ids() -> bytes:
    """Return a million ids to fetch."""
    message = message_class("GetPoints")(collection_name=NAME)
    _add_ids(message.ids)
    return message.SerializeToString()  # type: ignore[no-any-return]


def delete() -> bytes:
    """Return a million ids to delete."""
    message = message_class("DeletePoints")(collection_name=NAME, wait=True)
    _add_ids(message.points.points.ids)
    return message.SerializeToString()  # type: ignore[no-any-return]


def has_id() -> bytes:
    """Return a filter with a million ids."""
    message = message_class("CountPoints")(collection_name=NAME)
    _add_ids(message.filter.must.add().has_id.has_id)
    return message.SerializeToString()  # type: ignore[no-any-return]


def values() -> bytes:
    """Return a filter with as many numbers as fit: a byte each."""
    message = message_class("CountPoints")(collection_name=NAME)
    condition = message.filter.must.add().field
    condition.key = "a"
    condition.match.integers.integers.extend([7] * BODY_BYTES)
    return message.SerializeToString()  # type: ignore[no-any-return]


def words() -> bytes:
    """Return a filter with as many words as fit."""
    message = message_class("CountPoints")(collection_name=NAME)
    condition = message.filter.must.add().field
    condition.key = "a"
    condition.match.keywords.strings.extend([f"{word:07}" for word in range(BODY_BYTES // 9)])
    return message.SerializeToString()  # type: ignore[no-any-return]


def conditions() -> bytes:
    """Return a filter of as many conditions as fit, each of them empty."""
    message = message_class("CountPoints")(collection_name=NAME)
    for _ in range(1000):
        message.filter.must.add().is_null.key = ""
    inner = message.filter.SerializeToString() * (BODY_BYTES // 6000)
    message.filter.MergeFromString(inner)
    return message.SerializeToString()  # type: ignore[no-any-return]


def everything() -> bytes:
    """Return a request for all points, which the server was given before."""
    return encoded(r.Scroll(collection=NAME, limit=MILLION, with_payload=True, with_vector=True))


def nearest() -> bytes:
    """Return a search whose hits have payloads of 2.5 MB each."""
    query = np.full(DIMENSIONS, 0.5, np.float32)
    return encoded(r.QueryPoints(collection=NAME, query=query, limit=10, with_payload=True))


def _add_ids(target: Any) -> None:
    for number in range(MILLION):
        target.add().num = FIRST_ID + number


def _joined(messages: list[bytes]) -> bytes:
    return b"".join(messages)  # fields of one message may stand one after the other


BEFORE = {"all points": points, "large payloads": heavy}  # what must be there first
MESSAGES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "points": (UPSERT, points),
    "payloads": (UPSERT, payloads),
    "ids": ("/qdrant.Points/Get", ids),
    "ids to delete": ("/qdrant.Points/Delete", delete),
    "ids of a filter": (COUNT, has_id),
    "numbers of a filter": (COUNT, values),
    "words of a filter": (COUNT, words),
    "conditions of a filter": (COUNT, conditions),
    "all points": ("/qdrant.Points/Scroll", everything),
    "large payloads": ("/qdrant.Points/Query", nearest),
}


def measure(server: Server, path: str, body: bytes, seconds: float) -> dict[str, Any]:
    """Return how long /livez took while the message was sent again and again."""
    options = (
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    )

    def send(stop: threading.Event, answers: Answers) -> None:
        with grpc.insecure_channel(server.address, options) as channel:
            call = channel.unary_unary(path)
            while not stop.is_set():
                try:
                    answers.append(("OK", len(call(body, timeout=600))))
                except grpc.RpcError as error:
                    answers.append((error.code().name, 0))

    port = int(server.url.rpartition(":")[2])
    return waits_beside(port, seconds, f"messages of {len(body) / 1e6:.0f} MB", send)


if __name__ == "__main__":
    main()
