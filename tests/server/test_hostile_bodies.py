"""Are bodies that mean harm refused, quickly and with the right status?"""

import gzip
import tracemalloc

import pytest

from ruvector.model import requests as r
from ruvector.server import body as body_room
from ruvector.server.body import inflate

POINTS = "/collections/docs/points"
MEBIBYTE = 2**20


@pytest.mark.parametrize(
    "body",
    [
        b'{"filter":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"filter":' + b'{"must":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"filter":{"must":[' + b"{}," * 4_100_000 + b"{}]}}",
        b'{"filter":{"must":[' + b"{}," * 250_000 + b"{}]}}",
        b'{"limit":' + b"9" * 5000 + b"}",
        b'{"limit":NaN}',
        b'{"limit":Infinity}',
        b'{"limit":1e400}',
        b'{"limit":true}',
        b'{"limit":"10"}',
        b'{"colour":1}',
        b'{"filter":{"must":[{"key":"\xff\xfe","match":{"value":1}}]}}',
        b"{",
        b"\x00",
        b'{"limit":1}{"limit":1}',
        b"[1]",
        b"\xef\xbb\xbf{}",
    ],
    ids=range(17),
)
def test_bad_json_is_a_400(server, engine, body):
    answer = server("POST", f"{POINTS}/scroll", body)
    assert answer.status == 400, answer.text[:300]
    assert answer.error.startswith("Format error in JSON body: ")
    assert len(answer.body) < 3000
    assert engine.requests == []


def test_double_keys_are_taken_as_the_last_one(server, engine):
    assert server("POST", f"{POINTS}/scroll", b'{"limit":1,"limit":2}').status == 200
    assert engine.requests[-1].limit == 2


@pytest.mark.parametrize("value", [b'"\xff"', b'"\\ud800"', b"1e999", b"9" * 5000, b"NaN", b"01"])
def test_payload_that_could_not_be_read_again_is_a_400(server, engine, value):
    body = b'{"points":[{"id":1,"vector":[1],"payload":{"a":%b}}]}' % value
    assert server("PUT", POINTS, body).status == 400
    assert engine.requests == []


@pytest.mark.parametrize("size", [0, 1])
def test_the_largest_body_is_exact(serve, size):
    server = serve(max_request_size_mb=1)
    body = b'{"limit":1}'.ljust(MEBIBYTE + size)
    assert server("POST", f"{POINTS}/scroll", body).status == (413 if size else 200)
    chunks = [body[:500_000], body[500_000:]]
    assert server("POST", f"{POINTS}/scroll", chunks=chunks).status == (413 if size else 200)


def test_declared_size_is_refused_before_the_body_is_read(serve):
    server, touched = serve(max_request_size_mb=1), []
    answer = server(
        "POST",
        f"{POINTS}/scroll",
        headers=[("content-length", str(MEBIBYTE + 1))],
        chunks=None,
        touched=touched,
    )
    assert answer.status == 413
    assert "1048576" in answer.error
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("length", ["-1", "1x", "", "9" * 400, "²"])
def test_bad_content_length_is_a_400(server, length):
    answer = server("POST", f"{POINTS}/scroll", headers=[("content-length", length)])
    assert answer.status in (400, 413)


def test_length_and_transfer_encoding_together_are_refused(server, engine):
    headers = [("content-length", "2"), ("transfer-encoding", "chunked")]
    assert server("POST", f"{POINTS}/scroll", b"{}", headers).status == 400
    assert engine.requests == []


def test_gzip_bodies_are_read(server, engine):
    body = gzip.compress(b'{"limit":4}')
    answer = server("POST", f"{POINTS}/scroll", body, [("content-encoding", "gzip")])
    assert answer.status == 200
    assert engine.requests[-1].limit == 4


def test_gzip_bomb_is_refused_without_growing(serve, engine):
    server = serve(max_request_size_mb=32)
    bomb = gzip.compress(bytes(64 * MEBIBYTE), 1)
    tracemalloc.start()
    try:
        answer = server("POST", f"{POINTS}/scroll", bomb, [("content-encoding", "gzip")])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert peak < 100 * MEBIBYTE
    assert engine.requests == []


def test_gzip_ratio_is_capped():
    with pytest.raises(body_room.BodyTooLarge):
        inflate(gzip.compress(bytes(4 * MEBIBYTE)), 32 * MEBIBYTE)
    assert len(inflate(gzip.compress(bytes(MEBIBYTE)), 32 * MEBIBYTE)) == MEBIBYTE


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"not gzip", 400),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-5], 400),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"x", 400),
        ("gzip", b"", 200),
        ("br", b"{}", 415),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), 415),
        ("identity", b"{}", 200),
    ],
    ids=range(7),  # bodies hold the time of their packing
)
def test_encodings_are_read_or_refused(server, encoding, body, status):
    answer = server("POST", f"{POINTS}/scroll", body, [("content-encoding", encoding)])
    assert answer.status == status


def test_slow_body_is_a_408(server, monkeypatch):
    monkeypatch.setattr(body_room, "PATIENCE_SECONDS", -1.0)
    answer = server("POST", f"{POINTS}/scroll", chunks=[b"{", b"}"])
    assert answer.status == 408
    assert answer.headers["connection"] == "close"


def test_large_bodies_in_flight_are_limited(serve, monkeypatch):
    monkeypatch.setattr(body_room, "BODIES_IN_FLIGHT", 0)
    answer = serve()("POST", f"{POINTS}/scroll", chunks=[b"{", b"}"])
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"


def test_bodies_count_until_they_are_answered(serve, engine):
    server = serve(max_request_size_mb=1)
    bodies = server.application._bodies
    seen = []
    engine.answers[r.Scroll] = lambda _: seen.append(bodies._in_flight) or True
    body = b'{"limit":1}'.ljust(500_000)
    for each, encoding in ((body, "identity"), (gzip.compress(body), "gzip")):
        headers = [("content-encoding", encoding)]
        assert server("POST", f"{POINTS}/scroll", each, headers).status == 200
        assert server("POST", f"{POINTS}/scroll", headers=headers, chunks=[each]).status == 200
    assert seen == [len(body)] * 4
    assert server("POST", f"{POINTS}/scroll", b"{" * 500_000).status == 400
    assert server("POST", f"{POINTS}/scroll", chunks=[body, body, body]).status == 413
    assert bodies._in_flight == 0


def test_full_queue_is_a_503(serve, engine):
    server = serve()
    server.application.pool.reads.limit = server.application.pool.reads.waiting = 0
    answer = server("POST", f"{POINTS}/count", b"{}")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert engine.requests == []


@pytest.mark.parametrize("limit", [2**64 - 1, -1, 0])
def test_huge_numbers_reach_the_engine_as_they_are_or_fail(server, engine, limit):
    answer = server("POST", f"{POINTS}/scroll", {"limit": limit})
    assert answer.status in (200, 400, 422)
    if answer.status == 200:
        assert engine.requests[-1] == r.Scroll(collection="docs", limit=limit)


def test_long_answers_are_compressed_for_those_who_take_it(server, engine):
    for number in range(100):
        engine.collections[f"collection-{number}"] = None
    plain = server("GET", "/collections")
    packed = server("GET", "/collections", headers=[("accept-encoding", "br, gzip;q=0.5")])
    refused = server("GET", "/collections", headers=[("accept-encoding", "gzip;q=0")])
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert len(packed.body) < len(plain.body) / 5
    assert b'"collection-99"' in gzip.decompress(packed.body)
    assert "content-encoding" not in refused.headers
    short = server("GET", "/", headers=[("accept-encoding", "gzip")])
    assert "content-encoding" not in short.headers
