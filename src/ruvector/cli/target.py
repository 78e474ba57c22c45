"""Where does a command act? On a data folder (--path) or on a running server (--url)."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ruvector.errors import BadInput, ConnectionFailed, NotFound, RuvectorError
from ruvector.model.requests import Request
from ruvector.model.wire import encode_json, encode_request

DEFAULT_PATH = "./ruvector_data"
TIMEOUT_SECONDS = 60.0


class Target(Protocol):
    """Executes requests; results are plain JSON values."""

    def execute(self, request: Request[Any]) -> Any:
        """Return the result."""


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--path", help=f"a data folder (default {DEFAULT_PATH})")
    place.add_argument("--url", help="a running server, such as http://127.0.0.1:6333")


@contextmanager
def open_target(chosen: argparse.Namespace) -> Iterator[Target]:
    """Open what the flags name; the key for a server is taken from RUVECTOR_API_KEY."""
    if chosen.url:
        yield _Remote(chosen.url, os.environ.get("RUVECTOR_API_KEY"))
        return
    path = Path(chosen.path or DEFAULT_PATH)
    if not path.is_dir():
        raise NotFound(
            f"there is no data folder {path}; name one with --path, or a server with --url"
        )
    from ruvector.engine import Engine

    engine = Engine.open(path)
    try:
        yield _Embedded(engine)
    finally:
        engine.close()


class _Embedded:
    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def execute(self, request: Request[Any]) -> Any:
        return msgspec.json.decode(encode_json(self._engine.execute(request)))


class _Remote:
    def __init__(self, url: str, api_key: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise BadInput(f"--url is {url!r}; it must begin with http:// or https://")
        self._url = url.rstrip("/")
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["api-key"] = api_key

    def execute(self, request: Request[Any]) -> Any:
        import urllib3

        method, path, body = encode_request(request)
        try:
            answer = urllib3.request(
                method,
                self._url + path,
                body=body,
                headers=self._headers,
                timeout=TIMEOUT_SECONDS,
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionFailed(f"{self._url} cannot be reached: {error}") from error
        try:
            content = msgspec.json.decode(answer.data)
        except msgspec.DecodeError:
            content = answer.data.decode("utf-8", "replace")
        if answer.status == 200 and isinstance(content, dict):
            return content["result"]
        if isinstance(content, dict) and isinstance(content.get("status"), dict):
            content = content["status"].get("error")
        raise RuvectorError(f"{self._url} answered {answer.status}: {str(content)[:500]}")
