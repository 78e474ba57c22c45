"""What does a database promise about its collections, aliases, folders and requests?"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ruvector.collection.catalog import COLLECTIONS_FOLDER
from ruvector.engine import Engine
from ruvector.errors import (
    AlreadyExists,
    BadInput,
    MalformedRequest,
    NotFound,
    StorageDamaged,
)
from ruvector.model import requests as r
from ruvector.model.operations import OPERATIONS
from ruvector.model.points import PointsBlock, VectorBlock
from ruvector.model.results import UpdateResult

VECTORS = {"size": 2, "distance": "Dot"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an empty database."""
    engine = Engine.open(tmp_path / "database")
    yield engine
    engine.close()


def create(engine: Engine, name: str, *ids: Any) -> None:
    """Create a collection with these points."""
    engine.execute(r.CreateCollection(collection=name, vectors=VECTORS))
    upsert(engine, name, *ids)


def upsert(engine: Engine, name: str, *ids: Any, **fields: Any) -> UpdateResult:
    """Write points of these ids."""
    vectors = np.ones((len(ids), 2), dtype=np.float32)
    block = PointsBlock(list(ids), {"": VectorBlock(vectors)})
    return engine.execute(r.Upsert(collection=name, points=block, **fields))


def ids_of(engine: Engine, name: str) -> list[Any]:
    """Return the ids of a collection."""
    return [record.id for record in engine.execute(r.Scroll(collection=name, limit=100)).points]


def change(engine: Engine, *actions: tuple[str, dict[str, str]]) -> None:
    """Apply changes of aliases."""
    engine.execute(r.ChangeAliases(actions=[{kind: fields} for kind, fields in actions]))


def aliases(engine: Engine) -> dict[str, str]:
    """Return every alias."""
    found = engine.execute(r.ListAliases()).aliases
    return {alias.alias_name: alias.collection_name for alias in found}


def make(collection: str, alias: str) -> tuple[str, dict[str, str]]:
    """Return the action that creates an alias."""
    return "create_alias", {"collection_name": collection, "alias_name": alias}


def test_every_operation_has_a_handler(engine: Engine) -> None:
    assert set(engine._handlers) == {operation.request for operation in OPERATIONS}


def test_what_is_no_request_is_refused(engine: Engine) -> None:
    things: list[Any] = [None, 5, "search", {}, r.Write(collection="c"), r.ListCollections]
    for thing in things:
        with pytest.raises(BadInput, match="not a request"):
            engine.execute(thing)


def test_collection_exists_from_its_creation_to_its_deletion(engine: Engine) -> None:
    assert not engine.execute(r.CollectionExists(collection="c")).exists
    create(engine, "c", 1)
    with pytest.raises(AlreadyExists, match="c"):
        create(engine, "c")
    assert ids_of(engine, "c") == [1]
    assert engine.execute(r.DeleteCollection(collection="c")) is True
    assert engine.execute(r.DeleteCollection(collection="c")) is False
    with pytest.raises(NotFound, match="c"):
        engine.execute(r.GetCollection(collection="c"))


def test_collection_made_again_has_nothing_of_the_old_one(engine: Engine, tmp_path: Path) -> None:
    create(engine, "c", 1, 2)
    field = r.CreateFieldIndex(collection="c", field_name="a", field_schema="keyword")
    engine.execute(field)
    engine.execute(r.WaitForIndex(collection="c"))
    engine.execute(r.DeleteCollection(collection="c"))
    folder = tmp_path / "database" / COLLECTIONS_FOLDER
    assert list(folder.iterdir()) == []
    create(engine, "c", 3)
    assert ids_of(engine, "c") == [3]
    assert engine.execute(r.GetCollection(collection="c")).payload_schema == {}
    engine.close()
    again = Engine.open(tmp_path / "database")
    assert ids_of(again, "c") == [3]
    again.close()
    assert len(list(folder.iterdir())) == 1


def test_folder_that_a_crash_left_without_a_name_is_removed(engine: Engine, tmp_path: Path) -> None:
    create(engine, "c", 1)
    engine.close()
    stray = tmp_path / "database" / COLLECTIONS_FOLDER / "00000099"
    (stray / "store").mkdir(parents=True)
    again = Engine.open(tmp_path / "database")
    assert not stray.exists()
    assert ids_of(again, "c") == [1]
    again.close()


def test_settings_survive_a_restart(engine: Engine, tmp_path: Path) -> None:
    from ruvector.model.configs import HnswConfigDiff, OptimizersConfigDiff

    engine.execute(
        r.CreateCollection(
            collection="c",
            vectors={"a": VECTORS, "b": {**VECTORS, "datatype": "uint8", "on_disk": True}},
            hnsw_config=HnswConfigDiff(m=8),
            optimizers_config=OptimizersConfigDiff(max_optimization_threads="auto"),
            metadata={"a": None},
        )
    )
    threads = OptimizersConfigDiff(max_optimization_threads=1)
    engine.execute(r.UpdateCollection(collection="c", optimizers_config=threads))
    before = engine.execute(r.GetCollection(collection="c")).config
    engine.close()
    again = Engine.open(tmp_path / "database")
    assert again.execute(r.GetCollection(collection="c")).config == before
    again.close()


def test_damaged_collection_is_refused_and_named_while_others_go_on(
    engine: Engine, tmp_path: Path
) -> None:
    create(engine, "first", 1)
    create(engine, "second", 2)
    change(engine, make("first", "alias"))
    engine.close()
    folder = min((tmp_path / "database" / COLLECTIONS_FOLDER).iterdir())
    for path in (folder / "store").iterdir():
        if path.stat().st_size:
            path.write_bytes(b"\xa5" * path.stat().st_size)
    again = Engine.open(tmp_path / "database")
    for name in ("first", "alias"):
        with pytest.raises(StorageDamaged, match=f"collection {name} is damaged"):
            again.execute(r.Count(collection=name))
    assert list(again.problems()) == ["first"]
    assert ids_of(again, "second") == [2]
    assert [statistics.name for statistics in again.statistics()] == ["second"]
    with pytest.raises(AlreadyExists):
        create(again, "first")
    again.execute(r.DeleteCollection(collection="first"))
    create(again, "first", 3)
    assert again.problems() == {}
    assert ids_of(again, "first") == [3]
    again.close()


def test_requests_go_through_an_alias(engine: Engine) -> None:
    create(engine, "c", 1)
    change(engine, make("c", "alias"))
    upsert(engine, "alias", 2)
    assert ids_of(engine, "c") == ids_of(engine, "alias") == [1, 2]
    assert len(engine.execute(r.Search(collection="alias", vector=[1, 1], limit=5))) == 2
    assert engine.execute(r.CollectionExists(collection="alias")).exists
    engine.execute(r.UpdateCollection(collection="alias", metadata={"a": 1}))
    assert engine.execute(r.GetCollection(collection="c")).config["metadata"] == {"a": 1}
    assert engine.execute(r.ListCollections()).collections[0].name == "c"


def test_deleting_an_alias_as_if_it_were_a_collection_deletes_nothing(engine: Engine) -> None:
    create(engine, "docs", 1)
    action = {"create_alias": {"alias_name": "latest", "collection_name": "docs"}}
    engine.execute(r.ChangeAliases(actions=[action]))
    assert engine.execute(r.DeleteCollection(collection="latest")) is False
    assert engine.execute(r.Count(collection="latest")).count == 1


def test_alias_is_switched_with_everything_in_one_request_or_nothing(engine: Engine) -> None:
    create(engine, "old", 1)
    create(engine, "new", 2)
    change(engine, make("old", "live"))
    with pytest.raises(NotFound, match="missing"):
        change(engine, make("new", "live"), make("missing", "other"))
    assert aliases(engine) == {"live": "old"}
    change(engine, ("delete_alias", {"alias_name": "live"}), make("new", "live"))
    assert aliases(engine) == {"live": "new"}
    assert ids_of(engine, "live") == [2]
    change(engine, make("old", "live"))
    assert ids_of(engine, "live") == [1]


def test_alias_is_renamed_and_deleted(engine: Engine, tmp_path: Path) -> None:
    create(engine, "c", 1)
    change(engine, make("c", "a"), make("c", "b"))
    rename = ("rename_alias", {"old_alias_name": "a", "new_alias_name": "z"})
    change(engine, rename, ("delete_alias", {"alias_name": "b"}))
    assert aliases(engine) == {"z": "c"}
    with pytest.raises(NotFound, match="a"):
        change(engine, rename)
    engine.close()
    again = Engine.open(tmp_path / "database")
    assert aliases(again) == {"z": "c"}
    again.execute(r.DeleteCollection(collection="c"))
    assert aliases(again) == {}
    again.close()


def test_alias_and_collection_never_share_a_name(engine: Engine) -> None:
    create(engine, "c")
    create(engine, "d")
    change(engine, make("c", "alias"))
    with pytest.raises(AlreadyExists, match="alias"):
        create(engine, "alias")
    rename = ("rename_alias", {"old_alias_name": "alias", "new_alias_name": "d"})
    for action in (make("c", "d"), make("c", "c"), rename):
        with pytest.raises(AlreadyExists):
            change(engine, action)
    assert aliases(engine) == {"alias": "c"}


def test_alias_of_an_alias_is_refused(engine: Engine) -> None:
    create(engine, "c")
    change(engine, make("c", "alias"))
    with pytest.raises(NotFound, match="alias"):
        change(engine, make("alias", "second"))


def test_aliases_of_one_collection_are_listed(engine: Engine) -> None:
    create(engine, "c")
    create(engine, "d")
    change(engine, make("c", "x"), make("d", "y"), make("c", "w"))
    for name in ("c", "w"):
        found = engine.execute(r.ListCollectionAliases(collection=name)).aliases
        assert [alias.alias_name for alias in found] == ["w", "x"]
    with pytest.raises(NotFound):
        engine.execute(r.ListCollectionAliases(collection="missing"))


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"create": {}},
        {"create_alias": {"alias_name": "a"}},
        {"create_alias": {"alias_name": "a", "collection_name": "c", "x": 1}},
        {"create_alias": None},
        {"delete_alias": {"alias_name": "a"}, "create_alias": {}},
        {"create_alias": {"alias_name": "", "collection_name": "c"}},
        {"create_alias": {"alias_name": ["a"], "collection_name": "c"}},
        {"create_alias": {"alias_name": "a", "collection_name": {}}},
        {"delete_alias": {"alias_name": 5}},
    ],
    ids=str,
)
def test_malformed_action_is_refused(engine: Engine, action: Any) -> None:
    create(engine, "c")
    with pytest.raises(BadInput):
        engine.execute(r.ChangeAliases(actions=[action]))
    assert aliases(engine) == {}


def folder_of(engine: Engine) -> Path:
    """Return the folder of a database."""
    return engine._catalog.root


def test_throw_away_database_leaves_nothing_when_it_is_closed() -> None:
    engine = Engine.open(":memory:")
    folder = folder_of(engine)
    create(engine, "c", 1)
    assert ids_of(engine, "c") == [1]
    engine.close()
    assert not folder.exists()


def test_throw_away_database_leaves_nothing_when_the_program_just_ends() -> None:
    program = (
        "import ruvector\n"
        "client = ruvector.open(':memory:')\n"
        "client.create_collection('c', dimensions=2)\n"
        "client.upsert('c', ids=[1], vectors=[[1, 2]])\n"
        "print(client._transport._engine._catalog.root)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    folder = Path(result.stdout.strip())
    assert folder.name.startswith("ruvector-")
    assert not folder.exists()


def test_two_throw_away_databases_share_nothing() -> None:
    first, second = Engine.open(":memory:"), Engine.open(":memory:")
    create(first, "c", 1)
    assert second.execute(r.ListCollections()).collections == []
    second.close()
    assert ids_of(first, "c") == [1]
    first.close()


def test_closed_database_refuses_requests_and_a_second_close_does_nothing(engine: Engine) -> None:
    create(engine, "c", 1)
    engine.close()
    engine.close()
    with pytest.raises(BadInput, match="closed"):
        ids_of(engine, "c")


def test_folder_can_be_opened_again_at_once(engine: Engine, tmp_path: Path) -> None:
    create(engine, "c")
    for number in range(5):
        upsert(engine, "c", number)
        engine.close()
        engine = Engine.open(tmp_path / "database")
        assert ids_of(engine, "c") == list(range(number + 1))
    engine.close()


def test_write_says_whether_it_was_waited_for_and_counts_up(engine: Engine) -> None:
    create(engine, "c")
    first = upsert(engine, "c", 1, wait=True)
    second = upsert(engine, "c", 2)
    assert (first.status, second.status) == ("completed", "acknowledged")
    assert first.operation_id is not None
    assert second.operation_id == first.operation_id + 1


def test_write_that_takes_too_long_says_so_and_may_still_happen(engine: Engine) -> None:
    import threading

    create(engine, "c")
    collection = engine._catalog.get("c")
    go_on = threading.Event()

    def slow(preparation: Any) -> Any:
        go_on.wait(60)
        return preparation.delete([], None)

    blocked = collection.shard.write([slow])
    # A timeout of no time at all: the write waits behind the slow one, whatever the machine does.
    result = upsert(engine, "c", 1, timeout=0)
    assert (result.status, result.operation_id) == ("wait_timeout", None)
    assert ids_of(engine, "c") == []
    go_on.set()
    blocked.result(60)
    upsert(engine, "c", 2)
    assert ids_of(engine, "c") == [1, 2]


def test_batches_of_searches_answer_each_in_its_place(engine: Engine) -> None:
    create(engine, "c", 1)
    near = r.QueryPoints(collection="", query=[1, 1], limit=1)
    listed = r.QueryPoints(collection="", limit=5)
    results = engine.execute(r.QueryBatch(collection="c", searches=[near, listed, near]))
    assert [[hit.score for hit in result.points] for result in results] == [[2.0], [0.0], [2.0]]
    search = r.Search(collection="ignored", vector=[2, 1], limit=1)
    found = engine.execute(r.SearchBatch(collection="c", searches=[search]))
    assert [[hit.score for hit in hits] for hits in found] == [[3.0]]
    bad = r.QueryPoints(collection="", query=[1])
    with pytest.raises(BadInput):
        engine.execute(r.QueryBatch(collection="c", searches=[near, bad]))
    with pytest.raises(NotFound):
        engine.execute(r.QueryBatch(collection="missing", searches=[near]))


def test_unknown_schema_of_an_index_changes_nothing(engine: Engine) -> None:
    create(engine, "c", 1)
    schemas: list[Any] = ["bits", 5, {"type": "keyword", "colour": "red"}, {}, []]
    for schema in schemas:
        request = r.CreateFieldIndex(collection="c", field_name="a", field_schema=schema)
        with pytest.raises((BadInput, MalformedRequest)):
            engine.execute(request)
    assert engine.execute(r.GetCollection(collection="c")).payload_schema == {}


def test_searches_among_large_payloads_are_not_quick(engine: Engine, tmp_path: Path) -> None:
    create(engine, "docs", 1, 2)
    search = r.QueryPoints(collection="docs", query=[1.0, 0.0], limit=2)
    assert engine.is_quick(search)
    large = r.SetPayload(collection="docs", payload={"text": "x" * 600_000}, points=[2], wait=True)
    engine.execute(large)
    assert not engine.is_quick(search)
    assert engine.is_quick(msgspec.structs.replace(search, limit=1))
    engine.close()
    with contextlib.closing(Engine.open(tmp_path / "database")) as opened:
        assert not opened.is_quick(search)
