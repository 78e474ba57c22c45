"""What does access control add to a request?

usage: access.py [--short] [--no-record]

For each kind of caller: the gate (credential, expiry, permission on the collection in the path),
and the judgement in the engine of a count, less what both take without keys. Tokens are those that
were verified before, as all but the first request of a token is. The bar is 10 us in all.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import record
from ruvector.bench import tables
from ruvector.bench.machine import OtherWork
from ruvector.engine import Engine
from ruvector.model import requests as r
from ruvector.model.permissions import Reach
from ruvector.security.callers import ANYONE
from ruvector.security.judgement import check_request, readable, shown_to
from ruvector.security.tokens import sign
from ruvector.server.access import Gate
from ruvector.server.configuration import Service
from ruvector.server.router import Access, Match, Route

BAR_US = 10.0
ROUNDS, SHORT_ROUNDS, CALLS = 200, 20, 500
KEYS = {"api_key": "a" * 64, "alt_api_key": "b" * 64, "read_only_api_key": "c" * 64}
ONE = [{"collection": "docs", "access": "r"}]
MANY = [*({"collection": f"docs-{number}", "access": "rw"} for number in range(99)), *ONE]
CALLERS: dict[str, str | None] = {
    "no keys": None,
    "api_key": KEYS["api_key"],
    "read_only_api_key": KEYS["read_only_api_key"],
    "token for everything": sign({"exp": 2**33}, KEYS["api_key"].encode()),
    "token of one collection": sign({"exp": 2**33, "access": ONE}, KEYS["api_key"].encode()),
    "token of 100 collections": sign({"exp": 2**33, "access": MANY}, KEYS["alt_api_key"].encode()),
}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help=f"{SHORT_ROUNDS} rounds")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    others = OtherWork()
    rounds = SHORT_ROUNDS if options.short else ROUNDS
    found = [measure(name, credential, rounds) for name, credential in CALLERS.items()]
    base = found[0]["p50"]
    rows = [
        [each["name"], each["p50"], each["p50"] - base, verdict(each["p50"] - base)]
        for each in found
    ]
    print(tables.table(["caller", "us", "added us", f"at most {BAR_US:.0f} us"], rows))
    if not options.no_record:
        context = {"disturbed": others.verdict(), "version": record.own_version()}
        record.append([context | row_of(each, base) for each in found])


def verdict(added: float) -> str:
    """Return the word for the bar."""
    return "reached" if added <= BAR_US else "missed"


def measure(name: str, credential: str | None, rounds: int) -> dict[str, Any]:
    """Return microseconds of one request's checks: median and 99th percentile of the rounds."""
    engine = Engine.open(":memory:")
    service = Service(**KEYS, jwt_rbac=True) if credential else Service()
    gate = Gate(service, lambda: engine.aliases)
    route = Route(
        "POST", "/collections/{collection}/points/count", Access.READ, "Count", _nothing,
        reach=Reach.COLLECTION,
    )  # fmt: skip
    match = Match(route, {"collection": "docs"})
    headers = {b"host": b"localhost:6333", b"content-type": b"application/json"}
    if credential is not None:
        headers[b"api-key"] = credential.encode()
    request = r.Count(collection="docs")

    def once() -> None:
        caller = gate.identify("POST", match, headers)
        gate.check(caller, match)
        if caller.is_limited:
            aliases = engine.aliases
            check_request(caller, request, aliases)
            readable(caller, str, aliases)("docs")
            shown_to(caller, request, None, aliases)

    assert (gate.identify("POST", match, headers) is ANYONE) == (credential is None)
    times = timed(once, rounds)
    engine.close()
    return {"name": name, "p50": float(np.median(times)), "p99": float(np.percentile(times, 99))}


def timed(call: Callable[[], None], rounds: int) -> list[float]:
    """Return the microseconds of one call, a figure a round."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(CALLS):
            call()
        found.append((time.perf_counter() - started) / CALLS * 1e6)
    return found


def row_of(case: dict[str, Any], base: float) -> dict[str, Any]:
    """Return the row of results."""
    return {
        "peer": "ruvector REST",
        "settings": f"access of a request: {case['name']}",
        "p50_us": f"{case['p50']:.3f}",
        "p99_us": f"{case['p99']:.3f}",
        "note": f"added {case['p50'] - base:.3f} us; the bar is {BAR_US:.0f}",
    }


async def _nothing(_: Any) -> None:
    return None


if __name__ == "__main__":
    main()
