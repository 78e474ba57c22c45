"""Payload indexes that are filled beside reads and writes: declared, cold and side ones."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.collection import filling, view
from ruvector.collection.shard import Shard
from ruvector.index.payload import indexes

ONE = [1.0, 0.0]
WORDS = ["red", "green", "blue"]


def payload(number: int) -> dict[str, Any]:
    return {"word": WORDS[number % 3], "number": number % 7, "deep": {"x": number / 2}}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RuvectorClient]:
    """Return a client of a database with 300 points."""
    with ruvector.open(tmp_path / "database") as client:
        client.create_collection("c", dimensions=2)
        numbers = range(300)
        client.upsert(
            "c", ids=numbers, vectors=[ONE] * 300, payloads=[payload(one) for one in numbers]
        )
        yield client


def shard_of(client: Any) -> Shard:
    return client._transport._engine._catalog.get("c").shard  # type: ignore[no-any-return]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of payloads that filters read."""
    numbers: list[int] = []
    original: Any = view.View.payloads

    def payloads(self: Any, rows: Any, names: Any) -> Any:
        numbers.append(len(rows))
        return original(self, rows, names)

    monkeypatch.setattr(view.View, "payloads", payloads)
    return numbers


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Side indexes pay with hundreds of points."""
    monkeypatch.setattr(view, "SIDE_ROWS_MIN", 100)


FILTERS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    ({"word": "red"}, lambda p: p["word"] == "red"),
    ({"word": {"prefix": "gr"}}, lambda p: p["word"] == "green"),
    ({"word": {"text": "lu"}}, lambda p: p["word"] == "blue"),
    ({"number": 3}, lambda p: p["number"] == 3),
    ({"number": {"gte": 2, "lt": 4}}, lambda p: 2 <= p["number"] < 4),
    ({"deep.x": {"gt": 100.0}}, lambda p: p["deep"]["x"] > 100),
    (
        {"must_not": [{"key": "word", "match": {"any": ["red", "blue"]}}]},
        lambda p: p["word"] == "green",
    ),
    ({"word": {"is_empty": True}}, lambda _: False),
]


@pytest.mark.usefixtures("eager")
def test_fields_that_are_read_again_get_side_indexes(
    client: RuvectorClient, read: list[int]
) -> None:
    for _ in range(2):
        for source, matches in FILTERS:
            assert client.count("c", source) == sum(matches(payload(n)) for n in range(300)), source
    assert read == []
    assert client.get_collection("c").payload_schema == {}
    client.set_payload("c", {"word": "violet", "number": 99}, 5)
    client.upsert("c", ids=[400], vectors=[ONE], payloads=[{"word": "red", "number": 99}])
    client.delete("c", 0)
    assert client.count("c", {"word": "red"}) == 100
    assert client.count("c", {"word": "violet"}) == 1
    assert client.count("c", {"number": 99}) == 2
    assert read == []


def test_few_points_are_read_and_reported(client: RuvectorClient, read: list[int]) -> None:
    for _ in range(3):
        client.count("c", {"word": "red", "has_id": [1, 2, 3]})
    client.count("c", {"place": {"geo_radius": {"center": {"lon": 0, "lat": 0}, "radius": 1}}})
    client.count("c", {"word": {"text": "re"}})
    assert read == [3, 3, 3, 300, 300]
    report = shard_of(client).unindexed.report()
    assert [(e.field, e.schema, e.times, e.payloads_read) for e in report] == [
        ("place", "geo", 1, 300),
        ("word", "text", 1, 300),
        ("word", "keyword", 3, 9),
    ]
    client.create_payload_index("c", "word", "keyword")
    assert [entry.field for entry in shard_of(client).unindexed.report()] == ["place"]
    shard_of(client).unindexed.clear()
    assert shard_of(client).unindexed.report() == []


@pytest.mark.usefixtures("eager")
def test_a_side_index_that_is_too_large_is_not_kept(
    client: RuvectorClient, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "SIDE_BYTES_MAX", 10)
    assert client.count("c", {"word": "red"}) == 100
    assert read == [300]
    assert not shard_of(client).indexes


@pytest.mark.usefixtures("eager")
def test_side_indexes_go_when_memory_is_wanted_or_nobody_asks(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "SIDE_INDEXES_MAX", 2)
    held = shard_of(client).indexes
    for field in ("word", "number", "word", "other"):
        client.count("c", {field: "red"})
    assert [index.field for index in held] == ["word", "other"]
    monkeypatch.setattr(indexes, "IDLE_ROWS_MAX", 10)
    client.upsert("c", ids=range(500, 509), vectors=[ONE] * 9, payloads=[payload(1)] * 9)
    client.count("c", {"word": "red"})
    client.upsert("c", ids=range(510, 515), vectors=[ONE] * 5, payloads=[payload(1)] * 5)
    assert [index.field for index in held] == ["word"]


@pytest.mark.parametrize("locked_rows", [0, 1000])
@pytest.mark.parametrize("is_side", [False, True])
def test_writes_during_a_filling_are_caught_up_with(
    client: RuvectorClient, monkeypatch: pytest.MonkeyPatch, locked_rows: int, is_side: bool
) -> None:
    monkeypatch.setattr(filling, "LOCKED_ROWS_MAX", locked_rows)
    original: Any = filling._exchange
    steps = iter(range(5))

    def write() -> None:
        for step in steps:
            client.set_payload("c", {"word": f"w{step}"}, [step, 100 + step])
            client.upsert("c", ids=[600 + step], vectors=[ONE], payloads=[{"word": "w9"}])
            client.upsert("c", ids=[200 + step], vectors=[ONE], payloads=[{"word": "w8"}])
            client.delete("c", [50 + step, 601])
            break

    added: Any = filling._add_all

    def add_all(*given: Any) -> Any:
        result = added(*given)
        write()
        return result

    def exchange(index: Any, changed: Any, old: Any, new: Any, read: Any) -> None:
        original(index, changed, old, new, read)
        if len(changed) > locked_rows and not shard.lock._is_owned():  # type: ignore[attr-defined]
            write()

    shard = shard_of(client)
    monkeypatch.setattr(filling, "_add_all", add_all)
    monkeypatch.setattr(filling, "_exchange", exchange)
    if is_side:
        assert shard.filling.fill_side("word", "keyword")
    else:
        client.create_payload_index("c", "word", "keyword")
    (index,) = shard.indexes
    records, _ = client.scroll("c", limit=1000)
    expected: dict[str, int] = {}
    for record in records:
        word = (record.payload or {})["word"]
        expected[word] = expected.get(word, 0) + 1
    assert dict(index.facet(None, 100)) == expected  # type: ignore[attr-defined]
    assert "w0" in expected


def test_a_cold_index_is_filled_when_it_is_asked_for(
    client: RuvectorClient, read: list[int]
) -> None:
    shard = shard_of(client)
    schema = {"type": "keyword", "on_disk": True}
    client.create_payload_index("c", "word", schema)
    assert not shard.indexes
    assert client.count("c", {"word": "red"}) == 100
    assert [index.field for index in shard.indexes] == ["word"]
    client.set_payload("c", {"word": "red"}, 1)
    assert client.count("c", {"word": "red"}) == 101
    with shard.lock:
        shard.indexes.drop_spare()
    assert not shard.indexes
    client.set_payload("c", {"word": "red"}, 2)
    described = client.get_collection("c").payload_schema["word"]
    assert (described.params, described.points) == (schema, 300)
    assert client.count("c", {"word": "red"}) == 102
    assert read == []
    client.delete_payload_index("c", "word")
    assert not shard.indexes


def test_a_cold_text_index_says_what_words_are(tmp_path: Path) -> None:
    schema = {"type": "text", "memory": "cold"}
    with ruvector.open(tmp_path / "database") as client:
        client.create_collection("c", dimensions=2)
        client.upsert("c", ids=[1], vectors=[ONE], payloads=[{"t": "Red fox"}])
        client.create_payload_index("c", "t", schema)
    with ruvector.open(tmp_path / "database") as client:
        assert not shard_of(client).indexes
        assert client.count("c", {"t": {"text": "fox RED"}}) == 1
        client.set_payload("c", {"found": True}, filter={"t": {"text": "fox red"}})
        assert client.count("c", {"found": True}) == 1
        assert [index.field for index in shard_of(client).indexes] == ["t"]
