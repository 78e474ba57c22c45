"""Are connections that never become requests ended, and answers sent whole?"""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from ruvector.server import connection as connection_room
from ruvector.server import protocol


async def application(scope, receive, send):
    body = b"" if scope["method"] == "HEAD" else b"hello"
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
    )
    await send({"type": "http.response.body", "body": body})


async def talk(*parts):
    """Send the parts to a server of one connection; return what comes back until it closes."""
    config = uvicorn.Config(application, http=connection_room.Connection, lifespan="off")
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: connection_room.Connection(config, ServerState(), {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for part in parts:
        writer.write(part)
    async with asyncio.timeout(20):
        found = await reader.read()
    writer.close()
    server.close()
    return found


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\n"])
def test_head_that_does_not_come_is_a_408(monkeypatch, begun):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.01)
    assert asyncio.run(talk(begun)).startswith(b"HTTP/1.1 408 ")


def test_clock_of_the_head_does_not_end_a_request(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.01)
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    answer = asyncio.run(talk(head))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nhello")


def test_answer_without_a_body_is_sent():
    head = b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    answer = asyncio.run(talk(head))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")
