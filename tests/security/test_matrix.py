"""Is access exactly what docs/guide/security.md publishes? Every request, every kind of caller."""

import msgspec
import pytest
from tests.model.test_wire_roundtrip import EXAMPLES
from tests.security.callers import ALIASES, CALLERS, KEYS, NEEDS, SERVICE, WORDS, allowed
from tests.server.server_harness import Caller, FakeEngine, call_application

from ruvector.errors import Forbidden
from ruvector.model import requests as r
from ruvector.model.operations import OPERATIONS
from ruvector.model.permissions import Permission, Reach
from ruvector.security.callers import ANYONE
from ruvector.security.claims import ROLES, SERVER_ROLES
from ruvector.security.judgement import check_request
from ruvector.server.asgi import Application
from ruvector.server.configuration import Settings


def published_name(route):
    """Return what a route is called on the page."""
    endpoint = f"{route.method} {route.path}"
    return endpoint if endpoint in NEEDS else route.label


@pytest.fixture(scope="module")
def server():
    engine = FakeEngine()
    engine.aliases = ALIASES
    application = Application(engine, Settings(service=SERVICE))
    yield Caller(application, call_application)
    application.pool.close()


def test_roles_are_those_on_the_page():
    assert {**ROLES, **SERVER_ROLES} == WORDS


def test_every_request_is_on_the_page_and_nothing_else(server):
    routes = {published_name(route) for route in server.application.router.routes}
    assert routes == set(NEEDS)
    assert {operation.name for operation in OPERATIONS} <= routes


@pytest.mark.parametrize("who", CALLERS)
def test_rest_lets_in_whom_the_page_says(server, who):
    credential, grants = CALLERS[who]
    headers = [] if credential is None else [("api-key", credential)]
    wrong = []
    for route in server.application.router.routes:
        path = route.path.replace("{collection}", "docs").replace("{shard}", "0")
        path = path.replace("{", "").replace("}", "")
        touched = []
        answer = server(route.method, path, b"[" * 10, headers, touched=touched)
        needs = NEEDS[published_name(route)]
        if route.path == "/collections" and route.method == "POST" and grants:
            needs = (Permission.MANAGE, Reach.LISTING)  # the body names the collection
        expected = allowed(needs, grants)
        refused = answer.status == (401 if grants is None else 403)
        if expected == refused or (refused and touched):
            wrong.append((route.method, route.path, answer.status, touched))
    assert wrong == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_engine_executes_what_the_page_allows(example):
    if hasattr(example, "collection"):
        example = msgspec.structs.replace(example, collection="docs")
    parts = example.operations if isinstance(example, r.BatchUpdate) else []
    needs = [NEEDS[type(each).__name__] for each in (example, *parts)]
    for who, (credential, grants) in CALLERS.items():
        if grants is None:
            continue
        caller = KEYS.identify(credential.encode(), None)
        try:
            check_request(caller, example, ALIASES)
            is_allowed = True
        except Forbidden:
            is_allowed = False
        assert is_allowed == all(allowed(need, grants) for need in needs), who


def test_without_keys_everybody_may_do_everything():
    assert not ANYONE.is_limited
    assert ANYONE.role == "manage"
