"""What is refused, and with which exception: the same one from both kinds of client."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.errors import (
    BadInput,
    InvalidRequest,
    MalformedRequest,
    NotFound,
    RuvectorError,
)

Call = Callable[[Collection], object]
NAN, INFINITY = float("nan"), float("inf")
ONES = [1.0] * 8

REFUSALS: list[tuple[str, Call, type[RuvectorError]]] = [
    # Vectors
    ("upsert: too few dimensions", lambda c: c.upsert(ids=[1], vectors=[[1, 2]]), BadInput),
    ("upsert: too many", lambda c: c.upsert(ids=[1], vectors=[[1.0] * 9]), BadInput),
    ("upsert: NaN", lambda c: c.upsert(ids=[1], vectors=[[NAN] * 8]), BadInput),
    ("upsert: infinity", lambda c: c.upsert(ids=[1], vectors=[[INFINITY] * 8]), BadInput),
    ("upsert: 1e300", lambda c: c.upsert(ids=[1], vectors=[[1e300] * 8]), BadInput),
    ("upsert: empty vector", lambda c: c.upsert(ids=[1], vectors=[[]]), BadInput),
    ("upsert: ragged", lambda c: c.upsert(ids=[1, 2], vectors=[ONES, [1.0]]), BadInput),
    ("upsert: text", lambda c: c.upsert(ids=[1], vectors=[["a"] * 8]), BadInput),
    ("upsert: flat array", lambda c: c.upsert(ids=[1], vectors=np.ones(8)), BadInput),
    ("upsert: unknown name", lambda c: c.upsert(ids=[1], vectors={"x": [ONES]}), BadInput),
    ("upsert: one id too many", lambda c: c.upsert(ids=[1, 2], vectors=[ONES]), BadInput),
    ("upsert: no id", lambda c: c.upsert([{"vector": ONES}]), BadInput),
    ("upsert: no vector", lambda c: c.upsert([{"id": 1}]), BadInput),
    ("upsert: unknown field", lambda c: c.upsert([{"id": 1, "vektor": ONES}]), BadInput),
    ("upsert: nothing", lambda c: c.upsert(), BadInput),
    ("update: dimensions", lambda c: c.update_vectors(ids=[1], vectors=[[1, 2]]), BadInput),
    ("delete: unknown vector", lambda c: c.delete_vectors("missing", [1]), BadInput),
    # Ids
    ("id: negative", lambda c: c.upsert(ids=[-1], vectors=[ONES]), BadInput),
    ("id: 2**64", lambda c: c.upsert(ids=[2**64], vectors=[ONES]), BadInput),
    ("id: float", lambda c: c.upsert(ids=[1.5], vectors=[ONES]), BadInput),
    ("id: bool", lambda c: c.upsert(ids=[True], vectors=[ONES]), BadInput),
    ("id: None", lambda c: c.upsert(ids=[None], vectors=[ONES]), BadInput),
    ("id: surrogate", lambda c: c.upsert(ids=["\ud800"], vectors=[ONES]), BadInput),
    ("id: too long", lambda c: c.upsert(ids=["x" * 5000], vectors=[ONES]), BadInput),
    ("retrieve: negative id", lambda c: c.retrieve([-1]), BadInput),
    ("retrieve: float id", lambda c: c.retrieve([1.5]), BadInput),
    ("delete: negative id", lambda c: c.delete([-1]), BadInput),
    ("scroll: bad offset", lambda c: c.scroll(offset=-1), BadInput),
    ("search: bad point id", lambda c: c.search(query_id=-1), BadInput),
    ("search: unknown point", lambda c: c.search(query_id=12345), NotFound),
    # Queries
    ("search: too few dimensions", lambda c: c.search([1, 2]), BadInput),
    ("search: NaN", lambda c: c.search([NAN] * 8), BadInput),
    ("search: infinity", lambda c: c.search(np.full(8, np.inf)), BadInput),
    ("search: empty", lambda c: c.search([]), BadInput),
    ("search: two-dimensional", lambda c: c.search([ONES]), BadInput),
    ("search: text", lambda c: c.search("hello"), BadInput),
    ("search: nothing", lambda c: c.search(), BadInput),
    ("search: unknown vector name", lambda c: c.search(ONES, using="missing"), BadInput),
    ("search: limit 0", lambda c: c.search(ONES, limit=0), InvalidRequest),
    ("search: limit below 0", lambda c: c.search(ONES, limit=-1), InvalidRequest),
    ("search: huge limit", lambda c: c.search(ONES, limit=2**40), InvalidRequest),
    ("search: limit beyond 64 bits", lambda c: c.search(ONES, limit=10**30), InvalidRequest),
    ("search: fractional limit", lambda c: c.search(ONES, limit=1.5), BadInput),
    ("search: negative offset", lambda c: c.search(ONES, offset=-1), InvalidRequest),
    ("search: hnsw_ef 0", lambda c: c.search(ONES, params={"hnsw_ef": 0}), InvalidRequest),
    ("search: huge hnsw_ef", lambda c: c.search(ONES, params={"hnsw_ef": 10**9}), InvalidRequest),
    ("search: unknown parameter", lambda c: c.search(ONES, params={"beam": 1}), MalformedRequest),
    ("search: with_payload", lambda c: c.search(ONES, with_payload=5), BadInput),
    ("search: with_vectors", lambda c: c.search(ONES, with_vectors=5), BadInput),
    ("query: unknown object", lambda c: c.query({"farthest": ONES}), MalformedRequest),
    ("scroll: limit 0", lambda c: c.scroll(limit=0), InvalidRequest),
    ("scroll: limit below 0", lambda c: c.scroll(limit=-5), InvalidRequest),
    # Filters
    (
        "filter: unknown condition",
        lambda c: c.count({"must": [{"key": "a", "matches": {"value": 1}}]}),
        MalformedRequest,
    ),
    (
        "filter: unknown match",
        lambda c: c.count({"must": [{"key": "a", "match": {"valeu": 1}}]}),
        MalformedRequest,
    ),
    (
        "filter: no condition",
        lambda c: c.search(ONES, filter={"must": [{"key": "a"}]}),
        InvalidRequest,
    ),
    (
        "filter: range of a list",
        lambda c: c.delete(filter={"must": [{"key": "a", "range": {"gte": [1]}}]}),
        MalformedRequest,
    ),
    # Writes
    ("delete: nothing chosen", lambda c: c.delete(), BadInput),
    ("payload: not a dict", lambda c: c.set_payload([1], [1]), BadInput),
    (
        "payload: not JSON",
        lambda c: c.upsert([{"id": 1, "vector": ONES, "payload": {"a": object()}}]),
        BadInput,
    ),
    ("payload: nothing chosen", lambda c: c.set_payload({"a": 1}), BadInput),
    ("index: unknown type", lambda c: c.create_payload_index("a", "bits"), MalformedRequest),
    # Collections
    ("update: unknown setting", lambda c: c.update_collection(hnsw={"x": 1}), MalformedRequest),
    ("update: m out of range", lambda c: c.update_collection(hnsw={"m": 1}), InvalidRequest),
]


@pytest.mark.parametrize(
    ("call", "expected"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_wrong_input_is_refused_and_changes_nothing(
    docs: Collection, call: Call, expected: type[RuvectorError]
) -> None:
    with pytest.raises(RuvectorError) as refusal:
        call(docs)
    assert type(refusal.value) is expected, repr(refusal.value)
    assert refusal.value.message
    assert docs.count() == 40


CREATIONS: list[tuple[str, str, dict[str, Any], type[RuvectorError]]] = [
    ("slash", "a/b", {"dimensions": 2}, InvalidRequest),
    ("parent folder", "..", {"dimensions": 2}, InvalidRequest),
    ("this folder", ".", {"dimensions": 2}, InvalidRequest),
    ("path out", "../../etc", {"dimensions": 2}, InvalidRequest),
    ("control character", "a\x01b", {"dimensions": 2}, InvalidRequest),
    ("zero byte", "a\0b", {"dimensions": 2}, InvalidRequest),
    ("line break", "a\nb", {"dimensions": 2}, InvalidRequest),
    ("too long", "x" * 256, {"dimensions": 2}, InvalidRequest),
    ("empty", "", {"dimensions": 2}, BadInput),
    ("no dimensions", "refused", {"dimensions": 0}, InvalidRequest),
    ("too many dimensions", "refused", {"dimensions": 65_537}, InvalidRequest),
    ("negative dimensions", "refused", {"dimensions": -1}, InvalidRequest),
    ("unknown distance", "refused", {"dimensions": 2, "distance": "hamming"}, BadInput),
    ("unknown datatype", "refused", {"dimensions": 2, "datatype": "float8"}, BadInput),
    ("unknown hnsw setting", "refused", {"dimensions": 2, "hnsw": {"x": 1}}, MalformedRequest),
    ("hnsw out of range", "refused", {"dimensions": 2, "hnsw": {"m": 100_000}}, InvalidRequest),
    ("both forms", "refused", {"dimensions": 2, "vectors": {"a": {"size": 2}}}, BadInput),
    ("bad vector name", "refused", {"vectors": {"a/b": {"size": 2}}}, InvalidRequest),
]


@pytest.mark.parametrize(
    ("name", "settings", "expected"), [c[1:] for c in CREATIONS], ids=[c[0] for c in CREATIONS]
)
def test_collection_that_cannot_be_is_refused(
    client: RuvectorClient, name: str, settings: dict[str, Any], expected: type[RuvectorError]
) -> None:
    before = client.list_collections()
    with pytest.raises(RuvectorError) as refusal:
        client.create_collection(name, **settings)
    assert type(refusal.value) is expected, repr(refusal.value)
    assert client.list_collections() == before


ON_MISSING: list[tuple[str, Call]] = [
    ("get_collection", lambda c: c.get_collection()),
    ("update_collection", lambda c: c.update_collection(hnsw={"m": 20})),
    ("upsert", lambda c: c.upsert(ids=[1], vectors=[ONES])),
    ("update_vectors", lambda c: c.update_vectors(ids=[1], vectors=[ONES])),
    ("delete", lambda c: c.delete([1])),
    ("delete_vectors", lambda c: c.delete_vectors("x", [1])),
    ("set_payload", lambda c: c.set_payload({"a": 1}, [1])),
    ("overwrite_payload", lambda c: c.overwrite_payload({"a": 1}, [1])),
    ("delete_payload", lambda c: c.delete_payload(["a"], [1])),
    ("clear_payload", lambda c: c.clear_payload([1])),
    ("batch_update", lambda c: c.batch_update([{"delete": {"ids": [1]}}])),
    ("create_payload_index", lambda c: c.create_payload_index("a", "keyword")),
    ("delete_payload_index", lambda c: c.delete_payload_index("a")),
    ("retrieve", lambda c: c.retrieve([1])),
    ("scroll", lambda c: c.scroll()),
    ("count", lambda c: c.count()),
    ("search", lambda c: c.search(ONES)),
    ("search_batch", lambda c: c.search_batch([ONES])),
    ("query", lambda c: c.query(1)),
    ("list_aliases", lambda c: c.list_aliases()),
    ("wait_for_index", lambda c: c.wait_for_index()),
    ("create_alias", lambda c: c.create_alias("alias_of_nothing")),
]


@pytest.mark.parametrize("call", [m[1] for m in ON_MISSING], ids=[m[0] for m in ON_MISSING])
def test_missing_collection_is_not_found(client: RuvectorClient, name: str, call: Call) -> None:
    with pytest.raises(NotFound) as refusal:
        call(client.collection(name))
    assert name in refusal.value.message


def test_batch_of_points_with_one_bad_vector_writes_none(docs: Collection) -> None:
    vectors = np.ones((3, 8), dtype=np.float32)
    vectors[2, 5] = np.nan
    with pytest.raises(BadInput):
        docs.upsert(ids=[100, 101, 102], vectors=vectors)
    assert docs.count() == 40


@pytest.mark.parametrize("wrong", [NAN, INFINITY, -INFINITY])
def test_number_that_is_not_finite_is_called_that(docs: Collection, wrong: float) -> None:
    vector = np.array([*ONES[:7], wrong], dtype=np.float32)
    with pytest.raises(BadInput, match="finite"):
        docs.upsert(ids=[100], vectors=vector[None])
    with pytest.raises(BadInput, match="finite"):
        docs.search(vector)


def test_database_goes_on_after_refusals(docs: Collection) -> None:
    for _, call, _ in REFUSALS[:10]:
        with pytest.raises(RuvectorError):
            call(docs)
    docs.upsert(ids=[100], vectors=[ONES])
    assert docs.search(ONES, limit=1)[0].id == 100
