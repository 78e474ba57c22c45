"""What was acknowledged, and may what is read be there? Writers over REST and their ledgers.

A ledger belongs to one range of ids and one writer, which sends one request at a time. So after a
crash the points of its range are in one of two states: after the last acknowledged request, or
after the one in flight as well. That says at once: nothing acknowledged is lost, a batch is there
as a whole or not at all, and nothing is there that nobody wrote.
After a request that failed, a writer goes on in a new ledger, to catch what is acknowledged then.
"""

import http.client
import random
import threading
from collections.abc import Callable
from typing import Any

from tests.crash.server import Connection

NAME = "points"
DIM = 96
IDS_PER_LEDGER = 500
LEDGER_STEP = 1000  # from the first id of a ledger to that of the next
BATCH = 25
TAGS = 7
FAILURES_MAX = 40

_random = random.Random(0)
NOISE = [[float(_random.randrange(16)) for _ in range(DIM - 11)] for _ in range(4093)]

# id: (version of the vector, version of the payload)
Points = dict[int, tuple[int, int]]
Change = Callable[[Points], None]

COLLECTION = {
    "vectors": {"size": DIM, "distance": "Euclid"},
    "wal_config": {"wal_capacity_mb": 1},
    "optimizers_config": {"indexing_threshold": 64},
    "hnsw_config": {"m": 8, "ef_construct": 32, "max_indexing_threads": 1},
}


def vector_of(number: int, version: int) -> list[float]:
    """Return a vector of small numbers, exact in float32, that no other id and version has."""
    digits = [number >> shift & 15 for shift in range(0, 28, 4)]
    digits += [version >> shift & 15 for shift in range(0, 16, 4)]
    noise = NOISE[(number * 31 + version) % len(NOISE)]
    return [float(x) for x in digits] + noise


def version_of(vector: list[float]) -> int:
    """Return the version that a vector was made from."""
    return sum(round(digit) << 4 * place for place, digit in enumerate(vector[7:11]))


def payload_of(version: int) -> dict[str, Any]:
    """Return the payload of a version."""
    return {"tag": f"t{version % TAGS}", "number": version}


class Ledger:
    """What one writer knows of its ids: acknowledged, and perhaps."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.acknowledged: Points = {}
        self.perhaps: Points | None = None

    def judge(self, found: Points) -> tuple[str, str]:
        """Return ("", "") or what is wrong with the points found in this range: kind and text.

        What was found is acknowledged from now on.
        """
        legal = [self.acknowledged] + ([self.perhaps] if self.perhaps is not None else [])
        expected, self.perhaps = self.acknowledged, None
        self.acknowledged = found
        if found in legal:
            return "", ""
        wrong = {i for i in {*found, *expected} if found.get(i) != expected.get(i)}
        one = min(wrong)
        other = legal[-1].get(one)
        text = f"id {one}: {found.get(one)}, acknowledged {expected.get(one)}, in flight {other}"
        text += f" ({len(wrong)} such ids in this range)"
        each = all(found.get(i) in [points.get(i) for points in legal] for i in wrong)
        return ("partial" if each else "lost"), text


class Writer(threading.Thread):
    """One client that writes until told to stop."""

    def __init__(self, number: int, port: int, ledgers: list[Ledger], seed: int) -> None:
        super().__init__(name=f"writer {number}", daemon=True)
        self.number = number
        self.ledgers = ledgers
        self.acknowledged = 0
        self.points = 0
        self.statuses: set[int] = set()
        self.stopping = threading.Event()
        self._random = random.Random(seed)
        self._connection = Connection(port)
        self._version = 1 + max(
            (max(pair) for ledger in ledgers for pair in ledger.acknowledged.values()), default=0
        )

    def run(self) -> None:
        """Send one request after another."""
        failures = 0
        while not self.stopping.is_set() and failures < FAILURES_MAX:
            try:
                is_done = self._step()
            except (OSError, http.client.HTTPException):
                is_done = False
                if self.stopping.wait(0.005):
                    break
            if not is_done:
                failures += 1
                first = self.ledgers[-1].first + LEDGER_STEP
                self.ledgers.append(Ledger(first))
        self._connection.close()

    def _step(self) -> bool:
        ledger = self.ledgers[-1]
        version, self._version = self._version, self._version + 1
        method, path, body, change, size = self._choose(ledger, version)
        after = dict(ledger.acknowledged)
        change(after)
        ledger.perhaps = after
        wait = self._random.choice(("true", "false"))
        url = f"/collections/{NAME}/points{path}?wait={wait}"
        status, answer = self._connection.call(method, url, body)
        self.statuses.add(status)
        if status != 200:
            return False
        assert answer["result"]["status"] == ("completed" if wait == "true" else "acknowledged")
        ledger.acknowledged, ledger.perhaps = after, None
        self.acknowledged += 1
        self.points += size
        return True

    def _choose(self, ledger: Ledger, version: int) -> tuple[str, str, dict[str, Any], Change, int]:
        """Return a request, what it does to the ledger, and how many points it touches."""
        there = sorted(ledger.acknowledged)
        kind = self._random.choices(("upsert", "payload", "delete"), (12, 2, 1))[0]
        if kind == "upsert" or len(there) < 4 * BATCH:
            ids = self._random.sample(range(ledger.first, ledger.first + IDS_PER_LEDGER), BATCH)
            points = [
                {"id": i, "vector": vector_of(i, version), "payload": payload_of(version)}
                for i in ids
            ]

            def put(state: Points) -> None:
                state.update(dict.fromkeys(ids, (version, version)))

            return "PUT", "", {"points": points}, put, BATCH
        ids = self._random.sample(there, BATCH)
        if kind == "payload":

            def set_payload(state: Points) -> None:
                state.update({i: (state[i][0], version) for i in ids})

            body = {"payload": payload_of(version), "points": ids}
            return "POST", "/payload", body, set_payload, BATCH

        def delete(state: Points) -> None:
            for i in ids:
                del state[i]

        return "POST", "/delete", {"points": ids}, delete, BATCH


def create(connection: Connection) -> None:
    """Create the collection with an index on each payload field."""
    connection.get("PUT", f"/collections/{NAME}", COLLECTION)
    for field, schema in (("tag", "keyword"), ("number", "integer")):
        body = {"field_name": field, "field_schema": schema}
        connection.get("PUT", f"/collections/{NAME}/index?wait=true", body)


def read_all(connection: Connection) -> tuple[Points, list[str]]:
    """Return every point as versions, and what contradicts itself in the answers."""
    found: Points = {}
    faults: list[str] = []
    offset = None
    while True:
        body = {"limit": 2000, "offset": offset, "with_payload": True, "with_vector": True}
        page = connection.get("POST", f"/collections/{NAME}/points/scroll", body)
        for point in page["points"]:
            _add(point, found, faults)
        offset = page["next_page_offset"]
        if offset is None:
            break
    faults += _compare_counts(connection, found)
    faults += _compare_searches(connection, found)
    return found, faults


def _add(point: dict[str, Any], found: Points, faults: list[str]) -> None:
    number, version = point["id"], version_of(point["vector"])
    payload = point["payload"]
    if number in found:
        faults.append(f"id {number} came twice")
    if point["vector"] != vector_of(number, version):
        faults.append(f"id {number} has a vector that nobody wrote")
    if payload != payload_of(payload.get("number", -1)):
        faults.append(f"id {number} has a payload that nobody wrote: {payload}")
    found[number] = (version, payload.get("number", -1))


def _compare_counts(connection: Connection, found: Points) -> list[str]:
    faults = []
    middle = max((version for _, version in found.values()), default=0) // 2
    conditions: list[tuple[dict[str, Any], Callable[[int], bool]]] = [
        ({"key": "tag", "match": {"value": f"t{tag}"}}, lambda v, tag=tag: v % TAGS == tag)
        for tag in (0, 3)
    ]
    conditions.append(({"key": "number", "range": {"lt": middle}}, lambda v: v < middle))
    base = f"/collections/{NAME}/points"
    if (count := connection.get("POST", f"{base}/count", {"exact": True})["count"]) != len(found):
        faults.append(f"count is {count}, scroll gives {len(found)}")
    for condition, is_match in conditions:
        chosen = {"filter": {"must": [condition]}}
        expected = {i for i, (_, version) in found.items() if is_match(version)}
        count = connection.get("POST", f"{base}/count", chosen)["count"]
        body = {**chosen, "limit": len(found) + 1, "with_payload": False}
        page = connection.get("POST", f"{base}/scroll", body)["points"]
        scrolled = {point["id"] for point in page}
        if scrolled != expected or count != len(expected):
            faults.append(
                f"{condition}: count {count}, scroll {len(scrolled)}, expected {len(expected)}"
            )
    return faults


def _compare_searches(connection: Connection, found: Points) -> list[str]:
    faults = []
    for exact, tries, misses_allowed in ((True, 40, 0), (False, 40, 4)):
        misses = []
        for number in list(found)[:: max(1, len(found) // tries)]:
            body = {
                "vector": vector_of(number, found[number][0]),
                "limit": 1,
                "params": {"exact": exact, "hnsw_ef": 128},
            }
            hits = connection.get("POST", f"/collections/{NAME}/points/search", body)
            if not hits or hits[0]["id"] != number or abs(hits[0]["score"]) > 1e-3:
                misses.append(number)
        # A graph may miss some; an exact search none.
        if len(misses) > misses_allowed:
            faults.append(f"exact={exact} searches do not find {misses[:5]} ({len(misses)})")
    return faults
