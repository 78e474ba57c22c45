"""Is an address that guesses at keys told to come back later, and nobody else?"""

import asyncio
from typing import Any

import pytest
from tests.server.server_harness import FakeEngine, call_application

from ruvector.errors import RateLimited, Unauthorized
from ruvector.security.attempts import LIMIT, WINDOW_SECONDS, Attempts
from ruvector.security.keyring import Keyring
from ruvector.security.tokens import sign
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings
from ruvector.server.grpc.gate import Gate

KEY = b"k" * 32
ELSEWHERE, OTHER = "203.0.113.5", "203.0.113.6"
KEYS = Keyring(api_key=KEY.decode(), read_only_api_key="read only", takes_tokens=True)


class Clock:
    """Seconds, as the test says."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(now=clock)


def guess(attempts: Attempts, address: str, key: bytes = b"wrong") -> str:
    """Return the name of the error that a key meets, "" where it is let in."""
    try:
        attempts.identify(KEYS, key, None, lambda: address)
    except (Unauthorized, RateLimited) as error:
        return type(error).__name__
    return ""


def test_an_address_that_was_wrong_too_often_is_refused_until_its_window_is_over(
    attempts: Attempts, clock: Clock
) -> None:
    assert [guess(attempts, ELSEWHERE) for _ in range(LIMIT)] == ["Unauthorized"] * LIMIT
    assert guess(attempts, ELSEWHERE) == "RateLimited"
    assert guess(attempts, ELSEWHERE, KEY) == "RateLimited"  # a right one is not told apart
    assert guess(attempts, OTHER, b"wrong") == "Unauthorized"
    assert guess(attempts, OTHER, KEY) == ""
    assert guess(attempts, ELSEWHERE, KEY) == ""  # known by now
    clock.now += WINDOW_SECONDS - 0.5
    with pytest.raises(RateLimited, match=r"20 wrong keys .* try again in 1 s") as caught:
        attempts.check(ELSEWHERE)
    assert 0 < caught.value.retry_after_seconds <= 1
    clock.now += 1
    assert guess(attempts, ELSEWHERE, b"read only") == ""
    assert guess(attempts, ELSEWHERE) == "Unauthorized"


def test_credentials_that_were_right_before_are_let_in(attempts: Attempts) -> None:
    token = sign({"sub": "a"}, KEY).encode()
    assert guess(attempts, ELSEWHERE, token) == guess(attempts, ELSEWHERE, KEY) == ""
    for _ in range(LIMIT + 1):
        guess(attempts, ELSEWHERE)
    assert guess(attempts, ELSEWHERE, token) == guess(attempts, ELSEWHERE, KEY) == ""
    assert guess(attempts, ELSEWHERE, sign({"sub": "b"}, KEY).encode()) == "RateLimited"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_is_never_refused(attempts: Attempts, address: str) -> None:
    for _ in range(LIMIT + 5):
        assert guess(attempts, address) == "Unauthorized"
    assert guess(attempts, address, KEY) == ""


def test_a_network_of_ipv6_is_one_sender(attempts: Attempts) -> None:
    for number in range(LIMIT):
        assert guess(attempts, f"2001:db8:1:2::{number:x}") == "Unauthorized"
    assert guess(attempts, "2001:db8:1:2:ffff::1%eth0", KEY) == "RateLimited"
    assert guess(attempts, "2001:db8:1:3::1", KEY) == ""


def test_what_is_no_wrong_key_is_not_counted(attempts: Attempts) -> None:
    expired = sign({"exp": 1}, KEY).encode()
    for _ in range(LIMIT + 1):
        assert guess(attempts, ELSEWHERE, expired) == "Unauthorized"
        with pytest.raises(Unauthorized):
            attempts.identify(KEYS, None, None, lambda: ELSEWHERE)
        with pytest.raises(Unauthorized):
            attempts.identify(KEYS, b"wrong", None, None)  # it is asked again with the address
    assert guess(attempts, ELSEWHERE, KEY) == ""


def test_addresses_are_forgotten_and_memory_is_bounded(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ruvector.security.attempts.MAX_ADDRESSES", 3)
    for number in range(10):
        guess(attempts, f"203.0.113.{number}")
    assert len(attempts._windows) == 3


def test_a_limit_of_zero_refuses_nobody() -> None:
    attempts = Attempts(0)
    for _ in range(LIMIT + 5):
        assert guess(attempts, ELSEWHERE) == "Unauthorized"


def ask(application: Application, key: str, address: str, **headers: str) -> Any:
    """Return the answer to a search from an address."""

    async def called() -> Any:
        async def moved(scope: Any, receive: Any, send: Any) -> None:
            await application(scope | {"client": (address, 1)}, receive, send)

        given = [("api-key", key), *headers.items()]
        return await call_application(moved, "POST", "/collections/docs/points/count", {}, given)

    return asyncio.run(called())


def test_the_server_refuses_and_counts() -> None:
    settings = Settings(service=Service(api_key=KEY.decode(), max_wrong_keys=3))
    application = Application(FakeEngine(), settings)
    statuses = [ask(application, "wrong", ELSEWHERE).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    refused = ask(application, KEY.decode(), ELSEWHERE)
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert KEY not in refused.body
    forged = {"x-forwarded-for": OTHER}  # nobody said that a proxy is to be trusted
    assert ask(application, "wrong", ELSEWHERE, **forged).status == 429
    assert ask(application, KEY.decode(), OTHER).status != 401
    assert application.metrics.counts().events["wrong_keys"] == 5
    application.pool.close()


def test_calls_of_grpc_share_the_count() -> None:
    settings = Settings(service=Service(api_key=KEY.decode(), max_wrong_keys=2))
    application = Application(FakeEngine(), settings)
    gate = Gate(settings.service, FakeEngine(), application.observer.attempts)
    for expected in (Unauthorized, Unauthorized, RateLimited):
        with pytest.raises(expected):
            gate.identify({b"api-key": b"wrong"}, lambda: ELSEWHERE)
    assert ask(application, KEY.decode(), ELSEWHERE).status == 429
    application.pool.close()
