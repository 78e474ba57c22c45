"""What is logged, told and changed while the server runs? `GET` and `POST /logger`.

Only the level can be changed, until the next start: a request never names a file, and never turns
secrets or contents on, which no level logs.
"""

import logging
from typing import Any

import msgspec

from ruvector.errors import BadInput, MalformedRequest
from ruvector.model.permissions import Reach
from ruvector.server import answers
from ruvector.server.answers import Answer
from ruvector.server.body import BodyReader
from ruvector.server.configuration import LOG_LEVELS, check_choice
from ruvector.server.exchange import Exchange
from ruvector.server.logs import set_level
from ruvector.server.observer import Observer
from ruvector.server.router import Access, Route

PATH = "/logger"
_log = logging.getLogger("ruvector.server")


class LogLevel:
    """The two routes."""

    def __init__(self, observer: Observer, bodies: BodyReader) -> None:
        self._observer = observer
        self._bodies = bodies

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("GET", PATH, Access.READ, "GetLogger", self._get, reach=Reach.SERVER),
            Route("POST", PATH, Access.MANAGE, "SetLogger", self._set, reach=Reach.SERVER),
        ]

    async def _get(self, exchange: Exchange) -> Answer:
        level = logging.getLevelName(logging.getLogger().level)
        return answers.success({"log_level": level}, exchange.started)

    async def _set(self, exchange: Exchange) -> Answer:
        body = await self._bodies.read(exchange.headers, exchange.receive)
        try:
            level = _level_of(body)
        finally:
            self._bodies.release(body)
        set_level(level)
        self._observer.log_all(level == "DEBUG")
        _log.warning("the log level is %s", level)
        return answers.success(True, exchange.started)


def _level_of(body: bytes) -> str:
    """Return the level that a body asks for. BadInput, MalformedRequest."""
    try:
        given: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedRequest(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict) or not isinstance(given.get("log_level"), str):
        raise BadInput('the body must be {"log_level": one of ' + ", ".join(LOG_LEVELS) + "}")
    if others := sorted(set(given) - {"log_level"}):
        raise BadInput(
            f"{others[0][:40]!r} cannot be set while the server runs: logs go to standard error, "
            "and log_level is what can be changed"
        )
    level = given["log_level"].upper()
    check_choice("log_level", level[:40], LOG_LEVELS)
    return str(level)
