"""Who is let in? Keys, hosts, origins, and every spelling of a path."""

import pytest

from ruvector.server.access import host_of, is_loopback

KEY = "correct horse"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, not bound to
OPEN = ["/", "/healthz", "/livez", "/readyz", "/health", "/ready"]
CLOSED = ["/collections", "/metrics", "/telemetry", "/docs", "/openapi.json", "/nothing"]


@pytest.mark.parametrize("path", OPEN)
def test_health_needs_no_key(serve, path):
    assert serve(api_key=KEY)("GET", path).status == 200


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([], "Must provide an API key or an Authorization bearer token"),
        ([("api-key", "")], "Invalid API key or JWT"),
        ([("api-key", KEY + "!")], "Invalid API key or JWT"),
        ([("api-key", b"\xff\xfe")], "Invalid API key or JWT"),
        ([("authorization", "Bearer wrong")], "Invalid API key or JWT"),
        (
            [("authorization", f"Basic {KEY}")],
            "Must provide an API key or an Authorization bearer token",
        ),
    ],
)
def test_wrong_key_is_a_plain_401(serve, path, headers, text):
    answer = serve(api_key=KEY)("GET", path, headers=headers)
    assert (answer.status, answer.text) == (401, text)
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "headers",
    [
        [("api-key", KEY)],
        [("authorization", f"Bearer {KEY}")],
        [("Authorization", f"bearer {KEY}")],
    ],
)
def test_right_key_is_let_in_from_any_host(serve, headers):
    server = serve(api_key=KEY)
    headers = [*headers, ("host", "db.example.com"), ("origin", "https://elsewhere")]
    assert server("GET", "/collections", headers=headers).status == 200
    assert server("POST", "/collections/c/points/count", {}, headers).status == 200


def test_key_with_other_letters_works(serve):
    server = serve(api_key="schlüssel")
    right = [("api-key", "schlüssel".encode())]
    assert server("GET", "/collections", headers=right).status == 200
    assert server("GET", "/collections", headers=[("api-key", b"schl\xfcssel")]).status == 401


def test_every_route_is_refused_before_its_body_is_touched(serve, engine):
    server = serve(api_key=KEY)
    routes = server.application.router.routes
    assert len(routes) > 40
    for route in routes:
        if route.path in OPEN:
            continue
        touched = []
        path = route.path.format(
            collection="c",
            id="1",
            field_name="f",
            file="start.js",
            vector_name="v",
            shard="0",
            peer_id="1",
            key="k",
            snapshot_name="s",
        )
        answer = server(route.method, path, b"x" * 1000, touched=touched)
        assert answer.status == 401, route
        assert touched == [], route
    assert engine.requests == []


SPELLINGS = [
    "//collections", "/collections/", "///collections///", "/./collections", "/../collections",
    "/collections/.", "/collections/..", "/healthz/../collections",
    "/healthz%2f..%2fcollections", "/healthz/%2e%2e/collections", "/COLLECTIONS",
    "/Collections", "/collections;a=b", "/healthz;/collections", "/%63ollections",
    "/collections%00", "/collections%2f", "/%2fcollections", "/collections%20",
    "/healthz%23/collections", "/healthz%3f/collections", "/\\collections",
    "/healthz\\..\\collections", "/collections//", "/readyz/collections", "/healthz/healthz",
    "/collections/%2e%2e", "/livez%2fcollections", "/collections/c%2fpoints%2fcount",
    "/docs/..%2fcollections", "/docs/%2e%2e", "/collections/c/points/../..",
]  # fmt: skip


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_a_path_gets_past_the_key(serve, engine, path):
    assert serve(api_key=KEY)("GET", path).status in (401, 404)
    assert engine.requests == []


@pytest.mark.parametrize("path", ["//collections", "/collections/", "///collections///"])
def test_slashes_too_many_do_not_matter(server, path):
    assert server("GET", path).status == 200


@pytest.mark.parametrize(
    "path", ["/COLLECTIONS", "/%63ollections", "/./collections", "/a/../collections"]
)
def test_other_spellings_are_other_paths(server, path):
    answer = server("GET", path)
    assert answer.status == 404
    assert answer.error.startswith("Not found: ")


def test_encoded_slash_stays_inside_the_name(server, engine):
    server("DELETE", "/collections/a%2fb%2f..%2fpoints")
    assert engine.requests[-1].collection == "a/b/../points"


def test_names_in_paths_are_decoded_once(server, engine):
    server("DELETE", "/collections/a%2541%20%C3%A9")
    assert engine.requests[-1].collection == "a%41 é"
    assert server("DELETE", "/collections/%ff").status == 400


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/collections", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("GET", "/collections/c/points/count", None),
        ("PUT", "/collections/c/points/count", "DELETE, GET, HEAD, POST"),
        ("TRACE", "/collections/c", "DELETE, GET, HEAD, PATCH, PUT"),
        ("OPTIONS", "/collections", "GET, HEAD, POST"),
    ],
)
def test_wrong_method_names_the_right_ones(server, method, path, allow):
    answer = server(method, path)
    if allow is None:
        assert answer.status == 400  # a point called "count" is not an id
        return
    assert answer.status == 405
    assert answer.headers["allow"] == allow
    assert answer.error.startswith("Bad request: ")


HOSTS = {
    "localhost": True,
    "localhost:6333": True,
    "LOCALHOST.:80": True,
    "127.0.0.1:6333": True,
    "127.1.2.3": True,
    "[::1]:6333": True,
    "evil.example": False,
    "localhost.evil.example": False,
    "127.0.0.1.evil.example:6333": False,
    "192.168.0.7": False,
    "": False,
    "-": False,
}
ORIGINS = {
    "-": True,
    "http://localhost:6333": None,
    "https://evil.example": False,
    "null": False,
    "http://localhost:9999": False,
    "": False,
}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_browsers_cannot_get_in_without_a_key(server, engine, method, host, origin):
    path = {"POST": "/collections/c/points/count", "PUT": "/collections/c"}.get(
        method, "/collections/c/aliases" if method == "GET" else "/collections/c"
    )
    answer = server(method, path, b"{}", [("host", host), ("origin", origin)])
    let_in = HOSTS[host] and (method == "GET" or ORIGINS[origin])
    if method != "GET" and ORIGINS[origin] is None:
        let_in = host == "localhost:6333"  # the page comes from this very server
    assert answer.status == (200 if let_in else 403)
    assert len(engine.requests) == bool(let_in)


def test_configured_hosts_and_addresses_are_let_in(serve):
    def status(server, host):
        return server("PUT", "/collections/c", {}, [("host", host)]).status

    assert status(serve(host="192.168.0.7"), "192.168.0.7:6333") == 200
    assert status(serve(host="192.168.0.7"), "192.168.0.8:6333") == 403
    assert status(serve(host=EVERY_ADDRESS), "192.168.0.8:6333") == 200
    assert status(serve(host=EVERY_ADDRESS), "db:6333") == 403
    assert status(serve(allowed_hosts=("DB",)), "db:6333") == 200


def test_cross_origin_is_off_by_default(server):
    answer = server("GET", "/collections", headers=[("origin", "https://a.example")])
    assert answer.status == 200
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_listed_origins_are_let_in(serve):
    server = serve(enable_cors=True, cors_origins=("https://a.example",))
    good, bad = [("origin", "https://a.example")], [("origin", "https://b.example")]
    for headers, allowed in ((good, "https://a.example"), (bad, None)):
        answer = server("GET", "/collections", headers=headers)
        assert answer.headers.get("access-control-allow-origin") == allowed
        preflight = server("OPTIONS", "/collections/c", headers=headers)
        assert preflight.status == 204
        assert preflight.headers.get("access-control-allow-origin") == allowed
    assert server("PUT", "/collections/c", {}, good).status == 200
    assert server("PUT", "/collections/c", {}, bad).status == 403
    assert (
        "PUT"
        in server("OPTIONS", "/collections/c", headers=good).headers["access-control-allow-methods"]
    )


def test_hosts_are_read_without_their_port():
    assert [host_of(each) for each in (b"A:1", b"[::1]:2", b"[fe80::1]", b"", b"a.")] == [
        "a", "::1", "fe80::1", "", "a",
    ]  # fmt: skip
    assert [is_loopback(each) for each in ("::1", "127.9.9.9", EVERY_ADDRESS, "example")] == [
        True, True, False, False,
    ]  # fmt: skip
