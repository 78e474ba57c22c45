"""Does a request arrive as it was sent? Every operation, encoded and then decoded."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import numpy as np
import pytest

from ruvector.kernel import parse_float_rows, parse_floats
from ruvector.model import requests as r
from ruvector.model.configs import (
    CollectionParamsDiff,
    HnswConfigDiff,
    OptimizersConfigDiff,
    VectorParamsDiff,
    WalConfigDiff,
)
from ruvector.model.operations import OPERATION_OF, OPERATIONS, Operation
from ruvector.model.points import PointsBlock, TextRows, VectorBlock
from ruvector.model.wire import decode_request, encode_request

C = "größe & co?#%2F"
UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
FILTER = {"must": [{"key": "a.b[]", "match": {"value": "ü\n\0"}}], "should": []}
FULL = np.array([[0.1, -2.5e-8], [3.4e38, 16777216.0], [0.0, -0.0]], dtype=np.float32)
PART = VectorBlock(FULL[:2], np.array([0, 2], dtype=np.uint32))
IDS: list[int | str] = [2**64 - 1, UUID, "text \U0001f600"]
CHOSEN: dict[str, Any] = {"points": IDS, "wait": True, "ordering": "strong", "timeout": 7}
BY_FILTER: dict[str, Any] = {"filter": FILTER}

EXAMPLES: list[r.Request[Any]] = [
    r.ListCollections(),
    r.GetCollection(collection=C),
    r.GetMemory(collection=C),
    r.GetOptimizations(collection=C),
    r.GetOptimizations(collection=C, with_=["queued", "idle_segments"], completed_limit=0),
    r.GetCollectionCluster(collection=C),
    r.ListShardKeys(collection=C),
    r.CleanUpShard(collection=C, shard="0", wait=True),
    r.CollectionExists(collection=C),
    r.GetIssues(),
    r.ClearIssues(),
    r.GetQuotas(),
    r.UpdateQuotas(),
    r.UpdateQuotas(enabled=True, max_disk_usage_percent=90, release_margin_percent=0, wait=False),
    r.CreateCollection(
        collection=C,
        vectors={"a": {"size": 2, "distance": "Dot", "on_disk": True}},
        shard_number=1,
        on_disk_payload=True,
        hnsw_config=HnswConfigDiff(m=8),
        wal_config=WalConfigDiff(wal_capacity_mb=1),
        optimizers_config=OptimizersConfigDiff(deleted_threshold=0.5),
        metadata={"a": [1, None, {"b": 2**53}]},
        timeout=3,
    ),
    r.CreateCollection(collection=C),
    r.UpdateCollection(
        collection=C,
        vectors={"": VectorParamsDiff(on_disk=False, hnsw_config=HnswConfigDiff(m=9))},
        params=CollectionParamsDiff(on_disk_payload=True),
        metadata={},
    ),
    r.DeleteCollection(collection=C, timeout=1),
    r.ChangeAliases(actions=[{"delete_alias": {"alias_name": "ü"}}]),
    r.ListAliases(),
    r.ListCollectionAliases(collection=C),
    r.WaitForIndex(collection=C, timeout=5),
    r.Upsert(collection=C, points=PointsBlock(IDS, {"": VectorBlock(FULL)}), wait=True),
    r.Upsert(
        collection=C,
        points=PointsBlock(
            IDS, {"a": VectorBlock(FULL), "b ü": PART}, [None, b'{"x":[1,null]}', None]
        ),
    ),
    r.Upsert(collection=C, points=PointsBlock(IDS, {"b": PART})),
    r.Upsert(collection=C, points=PointsBlock(IDS, {"b": PART}, None, [5.5, None, 2])),
    r.Upsert(collection=C, points=PointsBlock([1], {})),
    r.Upsert(collection=C, points=PointsBlock([], {})),
    r.UpdateVectors(collection=C, points=PointsBlock(IDS, {"a": PART}), ordering="weak"),
    r.DeletePoints(collection=C, **CHOSEN),
    r.DeletePoints(collection=C, points=[]),
    r.DeletePoints(collection=C, **BY_FILTER),
    r.DeleteVectors(collection=C, vector=["a", ""], **CHOSEN),
    r.SetPayload(collection=C, payload={"a": {"b": None}}, key="c[0].d", **CHOSEN),
    r.SetPayload(collection=C, payload={}, **BY_FILTER),
    r.OverwritePayload(collection=C, payload={"a": 2**63}, **CHOSEN),
    r.DeletePayload(collection=C, keys=["a.b", '"x y"'], **BY_FILTER),
    r.ClearPayload(collection=C, **CHOSEN),
    r.BatchUpdate(
        collection=C,
        operations=[
            r.Upsert(collection="", points=PointsBlock([1], {"": VectorBlock(FULL[:1])}, [b"{}"])),
            r.DeletePoints(collection="", points=[1]),
            r.SetPayload(collection="", payload={"a": 1}, filter=FILTER),
            r.OverwritePayload(collection="", payload={}, points=[UUID]),
            r.DeletePayload(collection="", keys=[], points=[1]),
            r.ClearPayload(collection="", filter={}),
            r.UpdateVectors(collection="", points=PointsBlock(IDS, {"b": PART})),
            r.DeleteVectors(collection="", vector=["a"], points=[2]),
        ],
        wait=True,
    ),
    r.BatchUpdate(collection=C, operations=[]),
    r.CreateVector(collection=C, vector_name="v/ü", sparse={"modifier": "idf"}),
    r.CreateVector(collection=C, vector_name="v", dense={"size": 3, "distance": "Dot"}),
    r.DeleteVector(collection=C, vector_name="a?", wait=True),
    r.CreateFieldIndex(collection=C, field_name="a.b", field_schema={"type": "integer"}),
    r.CreateFieldIndex(collection=C, field_name="ü", field_schema="keyword"),
    r.DeleteFieldIndex(collection=C, field_name="a/b[].c?", wait=True),
    r.Retrieve(collection=C, ids=IDS, with_payload=["a"], with_vector=True, consistency="all"),
    r.GetPoint(collection=C, id=2**64 - 1),
    r.GetPoint(collection=C, id="text/with slash"),
    r.Scroll(collection=C, offset=UUID, limit=3, filter=FILTER, with_vector=["a"]),
    r.Scroll(collection=C, offset=0, with_payload=False, with_vector=False),
    r.Count(collection=C, filter=FILTER, exact=False, timeout=2),
    r.Count(collection=C),
    r.QueryPoints(
        collection=C,
        query=FULL[0],
        using="a",
        filter=FILTER,
        params=r.SearchParams(hnsw_ef=99, exact=True, indexed_only=True),
        score_threshold=-0.25,
        limit=5,
        offset=2,
        with_payload={"exclude": ["a"]},
        with_vector=True,
    ),
    r.QueryPoints(collection=C, query=UUID),
    r.QueryPoints(collection=C, query=2**64 - 1),
    r.QueryPoints(collection=C, query={"nearest": [0.5, 1.0]}),
    r.QueryPoints(collection=C),
    r.QueryBatch(
        collection=C,
        searches=[
            r.QueryPoints(collection="", query=FULL[1], limit=1),
            r.QueryPoints(collection="", filter=FILTER),
        ],
    ),
    r.QueryBatch(collection=C, searches=[]),
    r.Search(collection=C, vector=FULL[0], limit=1, score_threshold=0.0, offset=0),
    r.Search(collection=C, vector={"name": "a", "vector": [1.0, 2.5]}, limit=1),
    r.SearchBatch(
        collection=C, searches=[r.Search(collection="", vector=FULL[2], limit=3)], timeout=9
    ),
    r.QueryPoints(
        collection=C,
        query={"rrf": {"k": 3}},
        prefetch=[{"query": [1.0, 2.0], "filter": FILTER}, {"query": UUID}],
        lookup_from={"collection": "ü"},
        sort_by="a",
    ),
    r.QueryGroups(collection=C, query=FULL[0], group_by="a[]", group_size=2, with_lookup=C),
    r.SearchGroups(collection=C, vector=FULL[0], group_by="a", limit=1, group_size=2),
    r.Recommend(collection=C, positive=IDS, negative=[[1.0]], limit=1, strategy="best_score"),
    r.RecommendBatch(
        collection=C, searches=[r.Recommend(collection="", positive=[1], limit=2, offset=1)]
    ),
    r.RecommendGroups(collection=C, positive=IDS, group_by="a", limit=1, group_size=2),
    r.Discover(collection=C, target=UUID, context=[{"positive": 1, "negative": 2}], limit=1),
    r.DiscoverBatch(collection=C, searches=[r.Discover(collection="", target=1, limit=2)]),
    r.CreateSnapshot(collection=C, wait=False),
    r.ListSnapshots(collection=C),
    r.DeleteSnapshot(collection=C, snapshot_name="ü 1.snapshot"),
    r.DownloadSnapshot(collection=C, snapshot_name="1.snapshot"),
    r.RecoverSnapshot(collection=C, location="file:///a", priority="replica", api_key="k"),
    r.UploadSnapshot(collection=C, priority="snapshot", checksum="0a", wait=False),
    r.CreateShardSnapshot(collection=C, shard="0"),
    r.ListShardSnapshots(collection=C, shard="0"),
    r.DeleteShardSnapshot(collection=C, shard="0", snapshot_name="1.snapshot", wait=False),
    r.DownloadShardSnapshot(collection=C, shard="0", snapshot_name="1.snapshot"),
    r.StreamShardSnapshot(collection=C, shard="0"),
    r.RecoverShardSnapshot(collection=C, shard="0", location="1.snapshot", checksum="0a"),
    r.UploadShardSnapshot(collection=C, shard="0"),
    r.CreateFullSnapshot(),
    r.ListFullSnapshots(),
    r.DeleteFullSnapshot(snapshot_name="1.snapshot"),
    r.DownloadFullSnapshot(snapshot_name="1.snapshot"),
    r.RecoverFullSnapshot(location="1.snapshot", wait=False),
    r.UploadFullSnapshot(checksum="0a"),
    r.Facet(collection=C, key="a.b", limit=2, filter=FILTER, exact=True, aggregate=["n"]),
    r.MatrixPairs(collection=C, sample=5, limit=2, using="a", filter=FILTER),
    r.MatrixOffsets(collection=C, timeout=2),
]


def test_there_is_an_example_of_every_operation() -> None:
    assert {type(example) for example in EXAMPLES} == {row.request for row in OPERATIONS}


@pytest.mark.parametrize("request_sent", EXAMPLES, ids=lambda example: type(example).__name__)
def test_request_arrives_as_it_was_sent(request_sent: r.Request[Any]) -> None:
    operation = OPERATION_OF[type(request_sent)]
    method, target, body = encode_request(request_sent)
    assert method == operation.method
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    fields = path_fields(operation, parts.path)
    arrived = decode_request(operation, fields, query, b"" if body is None else body)
    assert type(arrived) is type(request_sent)
    assert plain(arrived) == plain(request_sent)


def path_fields(operation: Operation, path: str) -> dict[str, str]:
    """Return the fields of a path, as a router finds them."""
    pattern, given = operation.path.split("/"), path.split("/")
    assert len(pattern) == len(given), "a field of the path leaked a separator"
    fields = {}
    for name, text in zip(pattern, given, strict=True):
        if name.startswith("{"):
            fields[name[1:-1]] = unquote(text)
        else:
            assert name == text
    return fields


def plain(value: Any) -> Any:
    """Return a request as values that compare: vectors as bytes, payloads decoded."""
    if isinstance(value, PointsBlock):
        count = len(value)
        payloads = value.payloads or [None] * count
        return {
            "ids": list(value.ids),
            "vectors": {n: block(b, count) for n, b in value.vectors.items() if len(b)},
            "payloads": [msgspec.json.decode(p) if p else {} for p in payloads],
        }
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return {n: plain(v) for n in names if (v := getattr(value, n)) not in unset}
    if isinstance(value, msgspec.Raw):
        text = bytes(value)
        return plain(parse_floats(text)) if text[:1] == b"[" else plain(msgspec.json.decode(text))
    if isinstance(value, np.ndarray):
        return [float(number) for number in value]
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


class _Unset:
    """Holds UNSET and nothing else: `in` on a tuple would compare arrays."""

    def __contains__(self, value: object) -> bool:
        return value is msgspec.UNSET


unset = _Unset()


def block(vectors: VectorBlock, count: int) -> dict[int, bytes]:
    """Return the bytes of each vector by its position in the batch."""
    rows = vectors.rows
    if isinstance(rows, TextRows):
        dim = len(msgspec.json.decode(rows[0])) if rows else 0
        rows = parse_float_rows(rows.text, rows.places, dim)
    positions = range(count) if vectors.positions is None else vectors.positions.tolist()
    return {int(p): row.tobytes() for p, row in zip(positions, rows, strict=True)}
