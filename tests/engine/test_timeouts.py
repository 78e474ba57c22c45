"""Does a read end when its time is over, and leave everything usable?"""

import msgspec
import numpy as np
import pytest

from ruvector.engine import Engine
from ruvector.errors import TimedOut
from ruvector.model import requests as r
from ruvector.model.points import PointsBlock, VectorBlock

FILTER = {"must": [{"key": "n", "range": {"gte": 10}}, {"key": "t", "match": {"value": "a"}}]}
NOW = 1e-9  # seconds: over before the first look at it
READS = {
    "filter without an index": r.Count(collection="docs", filter=FILTER, timeout=NOW),
    "exact search": r.QueryPoints(
        collection="docs", query=[1.0, 2.0], params=r.SearchParams(exact=True), timeout=NOW
    ),
    "batch": r.QueryBatch(
        collection="docs", searches=[r.QueryPoints(collection="docs", query=[1.0, 2.0])],
        timeout=NOW,
    ),
    "matrix": r.MatrixPairs(collection="docs", sample=50, timeout=NOW),
    "groups": r.QueryGroups(
        collection="docs", query=[1.0, 2.0], group_by="t", group_size=1, limit=3, timeout=NOW
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def engine():
    with_points = Engine.open(":memory:")
    with_points.execute(
        r.CreateCollection(collection="docs", vectors={"size": 2, "distance": "Dot"})
    )
    vectors = np.random.default_rng(1).standard_normal((2000, 2)).astype(np.float32)
    payloads = [b'{"n":%d,"t":"%b"}' % (n, (b"a", b"b")[n % 2]) for n in range(2000)]
    block = PointsBlock(list(range(2000)), {"": VectorBlock(vectors)}, payloads)
    with_points.execute(r.Upsert(collection="docs", points=block))
    index = r.CreateFieldIndex(collection="docs", field_name="t", field_schema="keyword")
    with_points.execute(index)
    yield with_points
    with_points.close()


@pytest.mark.parametrize("name", READS)
def test_read_ends_when_its_time_is_over(engine, name):
    request = READS[name]
    with pytest.raises(TimedOut, match=r"Operation '\w+' timed out after 1e-09 seconds"):
        engine.execute(request)
    assert engine.execute(msgspec.structs.replace(request, timeout=60))
    assert engine.execute(msgspec.structs.replace(request, timeout=None))


def test_write_may_be_given_more_time_than_a_thread_can_wait(engine):
    request = r.SetPayload(
        collection="docs", payload={"n": 1}, points=[1], wait=True, timeout=2**63 - 1
    )
    assert engine.execute(request).status == "completed"
