"""Is a collection right without a graph, and with graphs over the points of one value?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from tests.collection.conftest import Database

from ruvector.client.client import RuvectorClient
from ruvector.collection.blocks import BLOCK_ROWS, Block, BlockKey, blocks_from
from ruvector.collection.sealed import FileEntry, files_of, put_files
from ruvector.collection.vectors import VectorSpace
from ruvector.errors import StorageDamaged
from ruvector.kernel import Metric
from ruvector.model.results import CollectionInfo
from ruvector.storage.transaction import WriteTransaction
from ruvector.storage.verify import verify_shard

SMALL = 500  # points of the tenant that is too small for a graph of its own
POINTS = 2 * BLOCK_ROWS + SMALL
DIM = 8
DEADLINE_SECONDS = 60
NOW = {"indexing_threshold": 1}
TENANT = {"type": "keyword", "is_tenant": True}

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def vectors() -> Array:
    """Return vectors float32 [POINTS, 8]."""
    return np.random.default_rng(5).normal(size=(POINTS, DIM)).astype(np.float32)


def tenant_of(number: int) -> str:
    """Return whose a point is: of two large tenants in turn, the last ones of a small one."""
    return "small" if number >= 2 * BLOCK_ROWS else "ab"[number % 2]


def fill(database: Database, vectors: Array, **settings: Any) -> RuvectorClient:
    """Return a client of "c" with all vectors, sealed and built as the settings say."""
    client = database.client
    client.create_collection("c", DIM, distance="euclid", optimizers=NOW, **settings)
    client.create_payload_index("c", "tenant", TENANT)
    payloads = [{"tenant": tenant_of(number), "third": number % 3} for number in range(POINTS)]
    client.upsert("c", ids=range(POINTS), vectors=vectors, payloads=payloads)
    client.wait_for_index("c", DEADLINE_SECONDS)
    return client


def described(client: RuvectorClient) -> CollectionInfo:
    return client.get_collection("c")


def entries(client: RuvectorClient) -> dict[str, FileEntry]:
    """Return the manifest's files by their kind."""
    shard = client._transport._engine._catalog.get("c").shard  # type: ignore[attr-defined]
    with shard.store.read() as reader:
        found = files_of(reader)
    assert len({entry.kind for entry in found}) == len(found)
    present = sorted(path.name for path in Path(shard.store.segments_path).iterdir())
    assert present == sorted(entry.file for entry in found)
    return {entry.kind: entry for entry in found}


def nearest(vectors: Array, query: Array, ids: Any, k: int = 10) -> list[int]:
    """Return the k nearest ids, computed plainly."""
    chosen = np.array(sorted(ids))
    order = np.argsort(np.linalg.norm(vectors[chosen] - query, axis=1), kind="stable")
    return [int(i) for i in chosen[order[:k]]]


def check(client: RuvectorClient, vectors: Array, tenants: dict[str, set[int]]) -> None:
    """Assert that each tenant's points alone are found, and nearly all that are nearest."""
    found = wanted = 0
    for number, query in enumerate(vectors[:30] + np.float32(0.01)):
        tenant = sorted(tenants)[number % len(tenants)]
        ids = tenants[tenant]
        hits = [hit.id for hit in client.search("c", query, 10, filter={"tenant": tenant})]
        assert len(hits) == min(10, len(ids))
        assert set(hits) <= ids
        expected = nearest(vectors, query, ids)
        found, wanted = found + len(set(hits) & set(expected)), wanted + len(expected)
    assert found >= 0.95 * wanted


def tenants() -> dict[str, set[int]]:
    """Return the ids of each tenant as they were inserted."""
    return {
        name: {number for number in range(POINTS) if tenant_of(number) == name}
        for name in ("a", "b", "small")
    }


def test_without_a_graph_nothing_is_built_and_answers_are_exact(
    database: Database, vectors: Array
) -> None:
    client = fill(database, vectors, hnsw={"m": 0})
    for _ in range(2):
        assert entries(client).keys() == {"vectors"}
        about = described(client)
        assert (about.status, about.indexed_vectors_count) == ("green", 0)
        for query in vectors[:10] + np.float32(0.3):
            hits = [hit.id for hit in client.search("c", query, 10)]
            assert hits == nearest(vectors, query, range(POINTS))
        client = database.reopen()


def test_change_of_m_builds_the_graph_and_drops_it(database: Database, vectors: Array) -> None:
    client = fill(database, vectors, hnsw={"m": 0})
    client.update_collection("c", hnsw={"m": 6})
    assert described(client).status == "yellow"
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client)["graph"].settings == (6, 100)
    assert described(client).indexed_vectors_count == POINTS
    client.update_collection("c", vectors={"": {"hnsw_config": {"m": 0}}})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client).keys() == {"vectors"}
    assert (described(client).status, described(client).indexed_vectors_count) == ("green", 0)


def test_quantized_vectors_without_a_graph_have_codes_alone(
    database: Database, vectors: Array
) -> None:
    client = fill(database, vectors, hnsw={"m": 0}, quantization={"scalar": {"type": "int8"}})
    for _ in range(2):
        assert entries(client)["graph"].settings == (0, 0)
        (segment,) = segments(client)
        assert "links" not in segment.graphs[""].arrays()
        assert described(client).indexed_vectors_count == 0
        assert segment.scanned_bytes("") < vectors.nbytes
        check(client, vectors, tenants())
        client = database.reopen()
    client.update_collection("c", hnsw={"m": 6})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert described(client).indexed_vectors_count == POINTS
    client.update_collection("c", hnsw={"m": 0})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client)["graph"].settings == (0, 0)
    check(client, vectors, tenants())


def test_codes_whose_links_are_missing_are_damage(database: Database, vectors: Array) -> None:
    client = fill(database, vectors, hnsw={"m": 0}, quantization={"scalar": {"type": "int8"}})
    shard = client._transport._engine._catalog.get("c").shard  # type: ignore[attr-defined]

    def claim_links(transaction: WriteTransaction) -> None:
        found = files_of(transaction)
        graph = (6, 100)
        claimed = [structs.replace(e, settings=graph) if e.kind == "graph" else e for e in found]
        put_files(transaction, claimed)

    shard.store.commit(claim_links, lambda _: None).result()
    with pytest.raises(StorageDamaged, match="codes and no links"):
        database.reopen().count("c")


def test_indexed_only_passes_over_what_is_not_sealed_where_there_is_no_graph(
    database: Database, vectors: Array
) -> None:
    params = {"indexed_only": True}
    client = fill(database, vectors, hnsw={"m": 0})
    query = vectors[7]
    assert [hit.id for hit in client.search("c", query, 1, params=params)] == [7]
    client.update_collection("c", optimizers={"indexing_threshold": 0})  # nothing is sealed again
    client.upsert("c", ids=[POINTS + i for i in range(5)], vectors=[query] * 5)
    assert [hit.id for hit in client.search("c", query, 1, params=params)] == [7]
    prefetch = [{"query": query.tolist(), "params": params, "limit": 3}]
    for query_of, more in (
        (query.tolist(), {"prefetch": prefetch}),
        ({"recommend": {"positive": [query.tolist()], "strategy": "best_score"}}, {}),
    ):
        hits = client.query("c", query_of, params=params, limit=9, **more)
        assert max(hit.id for hit in hits) < POINTS


def segments(client: RuvectorClient) -> Any:
    """Return the sealed segments of "c"."""
    return client._transport._engine._catalog.get("c").shard.sealed  # type: ignore[attr-defined]


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which each search of a block adds the number of the block's rows."""
    sizes: list[int] = []
    search = Block.search

    def counted(block: Block, *args: Any) -> Any:
        found = search(block, *args)
        if found is not None:
            sizes.append(len(block.positions))
        return found

    monkeypatch.setattr(Block, "search", counted)
    return sizes


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"quantization": {"scalar": {"type": "int8"}}},
        {"datatype": "float16"},
        {"on_disk": True},
    ],
    ids=["float32", "int8 codes", "float16", "on disk"],
)
def test_large_tenants_are_walked_in_graphs_of_their_own(
    database: Database, vectors: Array, walks: list[int], settings: dict[str, Any]
) -> None:
    client = fill(database, vectors, hnsw={"m": 0, "payload_m": 8}, **settings)
    for _ in range(2):
        entry = entries(client)["blocks"]
        assert (entry.settings, entry.fields) == ((8, 100), ("tenant",))
        assert described(client).indexed_vectors_count == 2 * BLOCK_ROWS
        walks.clear()
        check(client, vectors, tenants())
        assert walks == [BLOCK_ROWS] * 20
        client = database.reopen()


def test_points_that_came_to_a_tenant_or_left_it_are_found_where_they_are(
    database: Database, vectors: Array, walks: list[int]
) -> None:
    client = fill(database, vectors, hnsw={"m": 0, "payload_m": 8})
    now = tenants()
    moved, gone = list(range(300)), list(range(400, 500))
    client.set_payload("c", {"tenant": "a"}, moved)
    client.delete("c", gone)
    client.set_payload("c", {"tenant": ["a", "b"]}, [600, 601])
    for name, ids in now.items():
        ids -= {*moved, *gone, 600, 601}
        ids |= {"a": {*moved, 600, 601}, "b": {600, 601}}.get(name, set())
    for _ in range(2):
        check(client, vectors, now)
        for query in vectors[[0, 1, 299, 600]]:  # points that changed are the nearest themselves
            hits = client.search("c", query, 10, filter={"tenant": "a"})
            assert [hit.id for hit in hits] == nearest(vectors, query, now["a"])
        client = database.reopen()
    assert walks


def test_tenant_that_grew_beyond_its_block_is_searched_without_it(
    database: Database, vectors: Array, walks: list[int]
) -> None:
    client = fill(database, vectors, hnsw={"m": 0, "payload_m": 8})
    client.set_payload("c", {"tenant": "a"}, [n for n in range(POINTS) if tenant_of(n) != "a"])
    client.set_payload("c", {"tenant": "b"}, list(range(0, 200, 2)))
    client.set_payload("c", {"tenant": "c"}, range(0, BLOCK_ROWS, 2))
    everything = set(range(POINTS))
    theirs = set(range(0, BLOCK_ROWS, 2))
    now = {"a": everything - theirs, "c": theirs}
    walks.clear()
    check(client, vectors, now)
    assert not walks


def test_rest_of_a_filter_holds_inside_a_block(
    database: Database, vectors: Array, walks: list[int]
) -> None:
    client = fill(database, vectors, hnsw={"m": 0, "payload_m": 8})
    ids = {n for n in tenants()["b"] if n % 3 == 1}
    for query in vectors[:10]:
        hits = client.search("c", query, 10, filter={"tenant": "b", "third": 1})
        assert [hit.id for hit in hits] == nearest(vectors, query, ids)
        exact = client.search("c", query, 10, filter={"tenant": "b"}, params={"exact": True})
        assert [hit.id for hit in exact] == nearest(vectors, query, tenants()["b"])
    assert len(walks) == 10  # none of them exact


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        ({"must": [{"key": "tenant", "match": {"value": "a"}}]}, 1),
        ({"must": [{"key": "tenant", "match": {"any": ["a"]}}]}, 1),
        ({"must": {"should": [{"key": "tenant", "match": {"value": "a"}}]}}, 1),
        ({"must": [{"key": "tenant", "match": {"any": ["a", "b"]}}]}, 0),
        ({"should": [{"key": "tenant", "match": {"value": v}} for v in "ab"]}, 0),
        ({"must_not": [{"key": "tenant", "match": {"value": "a"}}]}, 0),
    ],
    ids=str,
)
def test_filter_that_demands_a_value_walks_its_block(
    database: Database, vectors: Array, walks: list[int], filter: dict[str, Any], count: int
) -> None:
    client = fill(database, vectors, hnsw={"m": 0, "payload_m": 8})
    client.search("c", vectors[0], 5, filter=filter)
    client.query(
        "c",
        prefetch=[{"query": vectors[0].tolist(), "filter": filter}] * 2,
        query={"fusion": "rrf"},
    )
    assert walks == [BLOCK_ROWS] * 3 * count


def test_blocks_follow_the_indexes_and_the_setting(database: Database, vectors: Array) -> None:
    client = fill(database, vectors, hnsw={"m": 0})
    assert entries(client).keys() == {"vectors"}
    client.update_collection("c", hnsw={"payload_m": 4})
    client.create_payload_index("c", "third", {"type": "integer", "enable_hnsw": False})
    client.wait_for_index("c", DEADLINE_SECONDS)
    first = entries(client)["blocks"]
    assert (first.settings, first.fields) == ((4, 100), ("tenant",))
    client.create_payload_index("c", "third", "integer")
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client)["blocks"].fields == ("tenant", "third")
    client.delete_payload_index("c", "tenant")
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client)["blocks"].fields == ("third",)
    client.update_collection("c", hnsw={"payload_m": 0})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client).keys() == {"vectors"}
    client.update_collection("c", hnsw={"m": 4, "payload_m": 4})
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client).keys() == {"vectors", "graph", "blocks"}
    assert described(client).indexed_vectors_count == POINTS
    assert described(client).status == "green"


def test_blocks_are_verified_and_restored_with_a_snapshot(
    database: Database, vectors: Array, walks: list[int]
) -> None:
    client = fill(database, vectors, hnsw={"m": 0, "payload_m": 8})
    made = client.create_snapshot("c")
    assert made is not None
    file = client.download_snapshot("c", made.name, database.path.parent / "c.snapshot")
    client.delete_collection("c")
    client.upload_snapshot("c", file)
    client.wait_for_index("c", DEADLINE_SECONDS)
    assert entries(client)["blocks"].fields == ("tenant",)
    check(client, vectors, tenants())
    assert walks
    client.close()
    (folder,) = (database.path / "collections").iterdir()
    assert list(verify_shard(folder)) == []
    (blocks,) = folder.glob("segments/*-blocks.segment")
    content = bytearray(blocks.read_bytes())
    content[len(content) // 2] ^= 1
    blocks.write_bytes(content)
    assert [damage.file for damage in verify_shard(folder)] == [blocks]


def test_multi_vectors_and_turbo4_have_blocks_too(database: Database, walks: list[int]) -> None:
    generator = np.random.default_rng(2)
    rows = generator.normal(size=(BLOCK_ROWS + 100, 2, DIM)).astype(np.float32)
    client = database.client
    sized = {"size": DIM, "distance": "Cosine"}
    several = {**sized, "multivector_config": {"comparator": "max_sim"}}
    client.create_collection(
        "c",
        vectors={"many": several, "short": {**sized, "datatype": "turbo4"}},
        optimizers=NOW,
        hnsw={"m": 0, "payload_m": 8},
    )
    client.create_payload_index("c", "tenant", "keyword")
    payloads = [{"tenant": "a" if n < BLOCK_ROWS else "b"} for n in range(len(rows))]
    columns = {"many": [row.tolist() for row in rows], "short": rows[:, 0]}
    client.upsert("c", ids=range(len(rows)), vectors=columns, payloads=payloads)
    client.wait_for_index("c", DEADLINE_SECONDS)
    for _ in range(2):
        walks.clear()
        for using, query in (("many", rows[5].tolist()), ("short", rows[5, 0].tolist())):
            for tenant, expected in (("a", 5), ("b", None)):
                asked = {"must": [{"key": "tenant", "match": {"value": tenant}}]}
                hits = client.query("c", query, using=using, limit=5, filter=asked)
                assert len(hits) == 5
                assert all((hit.id < BLOCK_ROWS) == (tenant == "a") for hit in hits)
                assert expected in (None, hits[0].id)
        assert walks == [BLOCK_ROWS] * 2
        client = database.reopen()


SPACE = VectorSpace("", 2, Metric.EUCLID, np.dtype(np.float32), "")
KEY = BlockKey(4, 20, "", ("tenant",))


def damaged(**changed: Any) -> dict[str, Any]:
    """Return the arrays of a file with one block, some of them replaced."""
    column = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32)
    index = SPACE.build(column, links_per_node=8, build_beam=20)
    own = {"rows": np.arange(40, dtype=np.uint32), **SPACE.arrays(column), **index.arrays()}
    text = np.frombuffer(b'[["tenant","a"]]', dtype=np.uint8)
    return {"values": text, **{f"0/{name}": array for name, array in own.items()}, **changed}


def test_file_of_blocks_is_read_as_it_was_written() -> None:
    blocks = blocks_from(damaged(), SPACE, KEY, 40)
    block = blocks.choose([("other", "a"), ("tenant", "a")])
    assert block is not None
    assert block.positions.tolist() == list(range(40))
    assert blocks.choose([("tenant", "b")]) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"0/rows": np.arange(1, 41, dtype=np.uint32)},
        {"0/rows": np.arange(40, dtype=np.uint32)[::-1].copy()},
        {"0/rows": np.arange(39, dtype=np.uint32)},
        {"0/rows": np.arange(40, dtype=np.int64)},
        {"0/vectors:": np.zeros((40, 3), dtype=np.float32)},
        {"values": np.frombuffer(b'[["tenant","a"],["tenant","b"]]', dtype=np.uint8)},
        {"values": np.frombuffer(b'[["tenant"', dtype=np.uint8)},
        {"0/links": np.full((40, 8), 40, dtype=np.uint32)},
    ],
    ids=str,
)
def test_altered_file_of_blocks_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        blocks_from(damaged(**changed), SPACE, KEY, 40)
