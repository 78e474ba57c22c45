"""A server over a real engine that takes keys and tokens, with two collections and an alias."""

import pytest
from tests.server.server_harness import Caller, call_application

from ruvector.engine import Engine
from ruvector.security.tokens import sign
from ruvector.server.asgi import Application
from ruvector.server.configuration import Service, Settings

KEY = "k" * 32


@pytest.fixture(scope="module")
def secured():
    """Return a function: method, target, body, claims of the token (None: the API key)."""
    engine = Engine.open(":memory:")
    application = Application(engine, Settings(service=Service(api_key=KEY, jwt_rbac=True)))
    server = Caller(application, call_application)

    def call(method, target, body=b"", claims=None, **options):
        credential = KEY if claims is None else sign(claims, KEY.encode())
        return server(method, target, body, [("api-key", credential)], **options)

    call.application = application
    for name in ("docs", "other"):
        created = call("POST", "/collections", {"name": name, "dimensions": 2})
        assert created.status == 200
        points = [
            {"id": n, "vector": [n, 1], "payload": {"kind": name, "group": 1}} for n in (1, 2, 3)
        ]
        assert call("PUT", f"/collections/{name}/points", {"points": points}).status == 200
        alias = {"create_alias": {"collection_name": name, "alias_name": f"{name}-alias"}}
        assert call("POST", "/collections/aliases", {"actions": [alias]}).status == 200
    yield call
    application.pool.close()
    engine.close()
