"""Do new collections begin with what the file and the environment say?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ruvector.engine import Engine
from ruvector.errors import BadInput
from ruvector.model import requests as r
from ruvector.model.collection_defaults import CollectionDefaults
from ruvector.model.configs import HnswConfigDiff, OptimizersConfigDiff
from ruvector.server.configuration import settle
from ruvector.server.storage_settings import collection_defaults

VECTOR = {"size": 4, "distance": "Cosine"}
FILE: dict[str, Any] = {
    "on_disk_payload": False,
    "max_collections": 2,
    "hnsw_index": {"m": 24, "ef_construct": 50, "full_scan_threshold_kb": 7, "payload_m": None},
    "optimizers": {"indexing_threshold": 11, "prevent_unoptimized": True},
    "wal": {"wal_capacity_mb": 2},
    "collection": {
        "vectors": {"on_disk": True},
        "quantization": {"scalar": {"type": "int8"}},
        "strict_mode": {"enabled": True, "max_query_limit": 5},
    },
}
ENVIRONMENT = {
    "QDRANT__STORAGE__OPTIMIZERS__DEFAULT_SEGMENT_NUMBER": "3",
    "RUVECTOR__STORAGE__HNSW_INDEX__ON_DISK": "true",
    "QDRANT__STORAGE__COLLECTION__QUANTIZATION__SCALAR__ALWAYS_RAM": "true",
}


def defaults() -> CollectionDefaults:
    """Return what the file and the environment above come to."""
    settings, warnings = settle({"storage": FILE}, ENVIRONMENT, {})
    assert warnings == []
    return collection_defaults(settings.storage)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return a database with these defaults."""
    engine = Engine.open(tmp_path / "d", defaults=defaults())
    yield engine
    engine.close()


def created(engine: Engine, name: str, **settings: Any) -> dict[str, Any]:
    """Create a collection, and return what is echoed of it."""
    engine.execute(r.CreateCollection(collection=name, **{"vectors": VECTOR, **settings}))
    return engine.execute(r.GetCollection(collection=name)).config


def test_collection_begins_with_the_settings_of_the_file(engine: Engine) -> None:
    config = created(engine, "c")
    assert config["hnsw_config"] == {
        "m": 24,
        "ef_construct": 50,
        "full_scan_threshold": 7,
        "max_indexing_threads": 0,
        "on_disk": True,
    }
    assert config["optimizer_config"]["indexing_threshold"] == 11
    assert config["optimizer_config"]["default_segment_number"] == 3
    assert config["optimizer_config"]["prevent_unoptimized"] is True
    assert config["wal_config"]["wal_capacity_mb"] == 2
    assert config["params"]["on_disk_payload"] is False
    assert config["params"]["vectors"]["on_disk"] is True
    assert config["quantization_config"] == {"scalar": {"type": "int8", "always_ram": True}}
    assert config["strict_mode_config"] == {"enabled": True, "max_query_limit": 5}


def test_request_beats_the_file(engine: Engine) -> None:
    config = created(
        engine,
        "c",
        vectors={**VECTOR, "memory": "cached"},
        hnsw_config=HnswConfigDiff(m=8),
        optimizers_config=OptimizersConfigDiff(indexing_threshold=1),
        on_disk_payload=True,
        quantization_config={"turbo": {}},
        strict_mode_config={"max_query_limit": 9},
    )
    assert (config["hnsw_config"]["m"], config["hnsw_config"]["ef_construct"]) == (8, 50)
    assert config["optimizer_config"]["indexing_threshold"] == 1
    assert config["params"]["on_disk_payload"] is True
    assert config["params"]["vectors"] == {**VECTOR, "memory": "cached"}
    assert config["quantization_config"] == {"turbo": {}}
    assert config["strict_mode_config"] == {"enabled": True, "max_query_limit": 9}


def test_one_collection_too_many_is_refused(engine: Engine) -> None:
    created(engine, "a")
    created(engine, "b")
    with pytest.raises(BadInput, match="max_collections allows 2"):
        created(engine, "c")
    engine.execute(r.DeleteCollection(collection="a"))
    created(engine, "c")


def test_collection_that_exists_keeps_its_settings(tmp_path: Path) -> None:
    before = Engine.open(tmp_path / "d")
    created(before, "c")
    before.close()
    after = Engine.open(tmp_path / "d", defaults=defaults())
    assert after.execute(r.GetCollection(collection="c")).config["hnsw_config"]["m"] == 16
    after.close()
