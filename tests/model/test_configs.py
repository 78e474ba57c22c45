"""Which settings of a collection are honoured, which are refused, and what is echoed?"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ruvector.collection.catalog import COLLECTIONS_FOLDER
from ruvector.engine import Engine
from ruvector.errors import BadInput, InvalidRequest, RuvectorError
from ruvector.model import requests as r
from ruvector.model.configs import (
    CollectionParamsDiff,
    HnswConfig,
    HnswConfigDiff,
    OptimizersConfig,
    OptimizersConfigDiff,
    Placed,
    VectorParams,
    VectorParamsDiff,
    WalConfigDiff,
    merge,
)

VECTOR = {"size": 4, "distance": "Cosine"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return a throw-away database."""
    engine = Engine.open(":memory:")
    yield engine
    engine.close()


def created(engine: Engine, **settings: Any) -> dict[str, Any]:
    """Create a collection with these settings, and return what is echoed of it."""
    engine.execute(r.DeleteCollection(collection="c"))
    engine.execute(r.CreateCollection(collection="c", **{"vectors": VECTOR, **settings}))
    return engine.execute(r.GetCollection(collection="c")).config


def updated(engine: Engine, **settings: Any) -> dict[str, Any]:
    """Change these settings of a fresh collection, and return what is echoed of it."""
    created(engine)
    engine.execute(r.UpdateCollection(collection="c", **settings))
    return engine.execute(r.GetCollection(collection="c")).config


HNSW = {
    "m": 24,
    "ef_construct": 50,
    "full_scan_threshold": 0,
    "max_indexing_threads": 2,
    "on_disk": True,
    "memory": "pinned",
    "payload_m": 16,
    "inline_storage": True,
}
OPTIMIZERS = {
    "deleted_threshold": 0.5,
    "vacuum_min_vector_number": 200,
    "default_segment_number": 2,
    "max_segment_size": 1000,
    "memmap_threshold": 10,
    "indexing_threshold": 0,
    "flush_interval_sec": 1,
    "max_optimization_threads": 2,
    "prevent_unoptimized": True,
}


@pytest.mark.parametrize(("name", "value"), HNSW.items())
def test_graph_setting_is_echoed_as_it_was_set(engine: Engine, name: str, value: Any) -> None:
    diff = HnswConfigDiff(**{name: value})
    for config in (created(engine, hnsw_config=diff), updated(engine, hnsw_config=diff)):
        assert config["hnsw_config"] == {**msgspec.to_builtins(HnswConfig()), name: value}


@pytest.mark.parametrize(("name", "value"), OPTIMIZERS.items())
def test_optimizer_setting_is_echoed_as_it_was_set(engine: Engine, name: str, value: Any) -> None:
    diff = OptimizersConfigDiff(**{name: value})
    for config in (
        created(engine, optimizers_config=diff),
        updated(engine, optimizers_config=diff),
    ):
        assert config["optimizer_config"] == {
            **msgspec.to_builtins(OptimizersConfig()),
            name: value,
        }


@pytest.mark.parametrize("name", ["m", "payload_m"])
def test_no_graph_can_be_asked_for(engine: Engine, name: str) -> None:
    diff = HnswConfigDiff(**{name: 0})
    for config in (created(engine, hnsw_config=diff), updated(engine, hnsw_config=diff)):
        assert config["hnsw_config"][name] == 0


def test_log_setting_is_echoed_as_it_was_set(engine: Engine) -> None:
    config = created(engine, wal_config=WalConfigDiff(wal_capacity_mb=1, wal_segments_ahead=0))
    assert config["wal_config"] == {"wal_capacity_mb": 1, "wal_segments_ahead": 0}


VECTOR_SETTINGS: dict[str, Any] = {
    "on_disk": True,
    "memory": "cold",
    "quantization_config": {"scalar": {"type": "int8", "quantile": 0.99}},
    "datatype": "float16",
    "hnsw_config": {"m": 8, "ef_construct": 20},
}


@pytest.mark.parametrize(("name", "value"), VECTOR_SETTINGS.items())
def test_vector_setting_is_echoed_as_it_was_set(engine: Engine, name: str, value: Any) -> None:
    config = created(engine, vectors={**VECTOR, name: value})
    assert config["params"]["vectors"] == {**VECTOR, name: value}
    named = created(engine, vectors={"a": {**VECTOR, name: value}})
    assert named["params"]["vectors"] == {"a": {**VECTOR, name: value}}


def test_settings_of_one_vector_are_changed_beside_those_it_has(engine: Engine) -> None:
    created(engine, vectors={"a": {**VECTOR, "hnsw_config": {"m": 8}}, "b": VECTOR})
    change = VectorParamsDiff(hnsw_config=HnswConfigDiff(ef_construct=50), on_disk=True)
    engine.execute(r.UpdateCollection(collection="c", vectors={"a": change}))
    vectors = engine.execute(r.GetCollection(collection="c")).config["params"]["vectors"]
    assert vectors["a"] == {
        **VECTOR,
        "hnsw_config": {"m": 8, "ef_construct": 50},
        "on_disk": True,
    }
    assert vectors["b"] == VECTOR


PLACED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "cold", "cold"),
    ({"on_disk_payload": True}, "cold", "cold"),
    ({"on_disk_payload": False}, "cached", "cold"),
    ({"payload": Placed(memory="cached")}, "cached", "cold"),
    ({"payload": Placed(memory="cold"), "on_disk_payload": False}, "cold", "cold"),
    ({"payload": Placed()}, "cold", "cold"),
    ({"id_tracker": Placed(memory="cached")}, "cold", "cached"),
    ({"id_tracker": Placed(memory="pinned")}, "cold", "pinned"),
]


@pytest.mark.parametrize(("settings", "payload", "ids"), PLACED, ids=str)
def test_placement_of_payloads_and_ids_is_kept_and_echoed(
    engine: Engine, settings: dict[str, Any], payload: str, ids: str
) -> None:
    for config in (
        created(engine, **settings),
        updated(engine, params=CollectionParamsDiff(**settings)),
    ):
        echoed = {"on_disk_payload": True, **settings}
        params = {
            n: v for n, v in config["params"].items() if n in {*echoed, "payload", "id_tracker"}
        }
        assert params == msgspec.to_builtins(echoed)
        kept = engine._catalog.get("c").config.params
        assert (kept.payload_memory, kept.id_memory) == (payload, ids)


def test_metadata_merge_on_update_and_are_copied(engine: Engine) -> None:
    given = {"a": {"b": 1}, "kept": True}
    created(engine, metadata=given)
    given["a"] = "changed by the caller"
    engine.execute(r.UpdateCollection(collection="c", metadata={"c": [1, None]}))
    config = engine.execute(r.GetCollection(collection="c")).config
    assert config["metadata"] == {"a": {"b": 1}, "kept": True, "c": [1, None]}


def test_threads_auto_means_that_nothing_was_chosen(engine: Engine) -> None:
    chosen = updated(engine, optimizers_config=OptimizersConfigDiff(max_optimization_threads=3))
    assert chosen["optimizer_config"]["max_optimization_threads"] == 3
    auto = OptimizersConfigDiff(max_optimization_threads="auto")
    engine.execute(r.UpdateCollection(collection="c", optimizers_config=auto))
    config = engine.execute(r.GetCollection(collection="c")).config
    assert config["optimizer_config"]["max_optimization_threads"] is None


def test_setting_that_is_not_given_or_null_keeps_the_old_value() -> None:
    old = HnswConfig(m=8, ef_construct=50)
    assert merge(old, None) == old
    assert merge(old, HnswConfigDiff(m=None)) == old
    assert merge(old, HnswConfigDiff(ef_construct=60)) == HnswConfig(m=8, ef_construct=60)


REFUSED_ON_CREATE: list[tuple[str, Any, str]] = [
    ("ttl_seconds", 0, "ttl_seconds"),
    ("shard_number", 2, "shard_number"),
    ("shard_number", 0, "shard_number"),
    ("sharding_method", "custom", "sharding_method"),
    ("replication_factor", 2, "replication_factor"),
    ("write_consistency_factor", 2, "write_consistency_factor"),
    ("payload", Placed(memory="pinned"), "payload.memory"),
    ("quantization_config", {"scalar": {"type": "int4"}}, "quantization_config"),
    ("sparse_vectors", [], "sparse_vectors"),
    ("sparse_vectors", {"": {}}, "vector name"),
    ("sparse_vectors", {"s": {"size": 3}}, "sparse_vectors.s"),
    ("sparse_vectors", {"s": {"modifier": "tf"}}, "sparse_vectors.s"),
    ("sparse_vectors", {"s": {"index": {"datatype": "turbo4"}}}, "sparse_vectors.s"),
    ("sparse_vectors", {"s": {"index": {"memory": "warm"}}}, "sparse_vectors.s.*memory"),
    ("sparse_vectors", {"s": {"index": {"full_scan_threshold": -1}}}, "full_scan_threshold"),
    ("strict_mode_config", {"sparse_config": []}, "strict_mode_config"),
    ("wal_config", WalConfigDiff(wal_capacity_mb=0), "wal_capacity_mb"),
    ("wal_config", WalConfigDiff(wal_segments_ahead=1), "wal_segments_ahead"),
    ("wal_config", WalConfigDiff(wal_retain_closed=2), "wal_retain_closed"),
    ("vectors", 5, "vectors"),
    ("vectors", [], "vectors"),
    ("vectors", {"a": None}, "vectors.a"),
    ("vectors", {"a/b": VECTOR}, "vector name"),
    ("vectors", {f"v{i}": VECTOR for i in range(257)}, "257 named vectors"),
]
REFUSED_HNSW: list[tuple[str, Any]] = [
    ("m", 1),
    ("m", 129),
    ("ef_construct", 3),
    ("ef_construct", 10_001),
    ("full_scan_threshold", -1),
    ("max_indexing_threads", -1),
    ("payload_m", 1),
    ("payload_m", 129),
    ("m", 10**5000),
]
REFUSED_OPTIMIZERS: list[tuple[str, Any]] = [
    ("deleted_threshold", 1.5),
    ("deleted_threshold", float("nan")),
    ("vacuum_min_vector_number", 99),
    ("default_segment_number", -1),
    ("max_segment_size", 0),
    ("memmap_threshold", -1),
    ("indexing_threshold", -1),
    ("flush_interval_sec", -1),
    ("max_optimization_threads", -1),
    ("max_optimization_threads", "all"),
]
REFUSED_VECTOR: list[tuple[str, Any]] = [
    ("size", 0),
    ("size", 65_537),
    ("size", "4"),
    ("size", True),
    ("distance", "cosine"),
    ("datatype", "turbo8"),
    ("datatype", 4),
    ("memory", "warm"),
    ("memory", "pinned"),
    ("multivector_config", {"comparator": "min_sim"}),
    ("multivector_config", {}),
    ("quantization_config", {"binary": {"encoding": "none"}}),
    ("hnsw_config", {"m": 1}),
    ("hnsw_config", {"links": 1}),
    ("colour", "red"),
]


@pytest.mark.parametrize(("name", "value", "named"), REFUSED_ON_CREATE, ids=lambda v: str(v)[:20])
def test_setting_that_cannot_be_honoured_is_refused(
    engine: Engine, name: str, value: Any, named: str
) -> None:
    refused_and_absent(engine, named, **{name: value})


@pytest.mark.parametrize(("name", "value"), REFUSED_HNSW, ids=[n for n, _ in REFUSED_HNSW])
def test_graph_setting_out_of_range_is_refused(engine: Engine, name: str, value: Any) -> None:
    diff = HnswConfigDiff(**{name: value})
    refused_and_absent(engine, f"hnsw_config.{name}", hnsw_config=diff)
    refused_and_unchanged(engine, f"hnsw_config.{name}", hnsw_config=diff)
    own = {"": VectorParamsDiff(hnsw_config=diff)}
    refused_and_unchanged(engine, f"vectors.hnsw_config.{name}", vectors=own)


@pytest.mark.parametrize(
    ("name", "value"), REFUSED_OPTIMIZERS, ids=[n for n, _ in REFUSED_OPTIMIZERS]
)
def test_optimizer_setting_out_of_range_is_refused(engine: Engine, name: str, value: Any) -> None:
    diff = OptimizersConfigDiff(**{name: value})
    refused_and_absent(engine, f"optimizers_config.{name}", optimizers_config=diff)
    refused_and_unchanged(engine, f"optimizers_config.{name}", optimizers_config=diff)


@pytest.mark.parametrize(("name", "value"), REFUSED_VECTOR, ids=[n for n, _ in REFUSED_VECTOR])
def test_vector_setting_that_cannot_be_honoured_is_refused(
    engine: Engine, name: str, value: Any
) -> None:
    refused_and_absent(
        engine, "vectors.*(colour|links|m|" + name + ")", vectors=VECTOR | {name: value}
    )


REFUSED_ON_UPDATE: list[tuple[str, Any, str]] = [
    ("ttl_seconds", -1, "ttl_seconds"),
    ("params", CollectionParamsDiff(replication_factor=2), "replication_factor"),
    ("params", CollectionParamsDiff(write_consistency_factor=2), "write_consistency_factor"),
    ("params", CollectionParamsDiff(read_fan_out_factor=1), "read_fan_out_factor"),
    ("params", CollectionParamsDiff(read_fan_out_delay_ms=1), "read_fan_out_delay_ms"),
    ("params", CollectionParamsDiff(payload=Placed(memory="pinned")), "payload.memory"),
    ("quantization_config", {"scalar": {}}, "quantization_config"),
    ("sparse_vectors", {"s": {}}, "s"),
    ("strict_mode_config", {"sparse_config": []}, "strict_mode_config"),
    ("vectors", {"": VectorParamsDiff(quantization_config={"scalar": {}})}, "quantization_config"),
    ("vectors", {"": VectorParamsDiff(memory="pinned")}, "memory"),
    ("vectors", {"missing": VectorParamsDiff(on_disk=True)}, "missing"),
]


@pytest.mark.parametrize(("name", "value", "named"), REFUSED_ON_UPDATE, ids=lambda v: str(v)[:20])
def test_change_that_cannot_be_honoured_is_refused(
    engine: Engine, name: str, value: Any, named: str
) -> None:
    refused_and_unchanged(engine, named, **{name: value})


WRONG_TYPES: list[tuple[str, Any]] = [
    ("metadata", 5),
    ("metadata", [1]),
    ("metadata", {"a": float("nan")}),
    ("metadata", {"a": object()}),
    ("hnsw_config", 5),
    ("hnsw_config", HnswConfigDiff(m="8")),  # type: ignore[arg-type]
    ("hnsw_config", HnswConfigDiff(m=True)),
    ("hnsw_config", HnswConfigDiff(on_disk="yes")),  # type: ignore[arg-type]
    ("optimizers_config", OptimizersConfigDiff(indexing_threshold=1.5)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("name", "value"), WRONG_TYPES, ids=[n for n, _ in WRONG_TYPES])
def test_setting_of_a_wrong_type_is_refused_before_anything_happens(
    engine: Engine, name: str, value: Any
) -> None:
    refused_and_absent(engine, name, **{name: value})
    refused_and_unchanged(engine, name, **{name: value})


def test_every_setting_of_the_wire_is_tested_here() -> None:
    tested: dict[type[msgspec.Struct], set[str]] = {
        HnswConfigDiff: {*HNSW, *(name for name, _ in REFUSED_HNSW)},
        OptimizersConfigDiff: {*OPTIMIZERS, *(name for name, _ in REFUSED_OPTIMIZERS)},
        WalConfigDiff: {"wal_capacity_mb", "wal_segments_ahead", "wal_retain_closed"},
        VectorParams: {*VECTOR, *VECTOR_SETTINGS, *(name for name, _ in REFUSED_VECTOR)},
    }
    for kind, names in tested.items():
        assert set(kind.__struct_fields__) <= names, kind.__name__
    of_both = {"collection", "timeout", "metadata", "on_disk_payload"}
    create = set(r.CreateCollection.__struct_fields__) - of_both
    placed = {name for settings, _, _ in PLACED for name in settings}
    assert create <= placed | {name for name, _, _ in REFUSED_ON_CREATE} | {
        "hnsw_config",
        "optimizers_config",
    }
    update = set(r.UpdateCollection.__struct_fields__) - {"collection", "timeout", "metadata"}
    assert update <= {name for name, _, _ in REFUSED_ON_UPDATE} | {
        "hnsw_config",
        "optimizers_config",
    }


def refused_and_absent(engine: Engine, named: str, **settings: Any) -> None:
    """Assert that creation is refused with a message that names this, and leaves nothing."""
    engine.execute(r.DeleteCollection(collection="c"))
    folders = sorted((engine._catalog.root / COLLECTIONS_FOLDER).iterdir())
    with pytest.raises((BadInput, InvalidRequest), match=named):
        engine.execute(r.CreateCollection(collection="c", **{"vectors": VECTOR, **settings}))
    assert not engine.execute(r.CollectionExists(collection="c")).exists
    assert sorted((engine._catalog.root / COLLECTIONS_FOLDER).iterdir()) == folders


def refused_and_unchanged(engine: Engine, named: str, **settings: Any) -> None:
    """Assert that a change is refused with a message that names this, and changes nothing."""
    before = created(engine)
    with pytest.raises(RuvectorError, match=named) as refusal:
        engine.execute(r.UpdateCollection(collection="c", **settings))
    assert isinstance(refusal.value, BadInput | InvalidRequest)
    assert engine.execute(r.GetCollection(collection="c")).config == before
