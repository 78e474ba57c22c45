"""Does the database equal a simple model, whatever is done to it in whatever order? (I1)

Hypothesis chooses operations; after each one the database is compared with a dict. Seals, merges
and graphs come with every few points, restarts (in order and as after a kill) with every few
operations. Short: seeded, the same in every run. Long (RUVECTOR_CRASH_LONG=1): random.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.properties.database_model import (
    DIM,
    GUEST,
    MULTI,
    NAMES,
    SPARSE,
    Database,
    Model,
    Points,
    check_points,
    check_search,
    wire,
)

from ruvector.collection import maintenance
from ruvector.errors import NotFound

LONG = os.environ.get("RUVECTOR_CRASH_LONG") == "1"
RUNS, STEPS = (4000, 50) if LONG else (100, 40)
MEMORY = Path("/dev/shm")

TAGS = ("red", "green", "blue")
ids = st.one_of(
    st.integers(0, 12),
    st.sampled_from(["one", "two", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"]),
)
vectors = st.lists(st.integers(-8, 8).map(float), min_size=DIM, max_size=DIM)
sparse = st.dictionaries(st.integers(0, 9), st.integers(-8, 8).map(float), max_size=4)
multi = st.lists(vectors, min_size=1, max_size=3)
kinds = {**dict.fromkeys(NAMES, vectors), SPARSE: sparse, MULTI: multi}
named = st.fixed_dictionaries({}, optional=kinds)
payloads = st.fixed_dictionaries(
    {}, optional={"tag": st.sampled_from(TAGS), "size": st.integers(0, 5)}
)
points = st.fixed_dictionaries({"vectors": named, "payload": payloads})
batches = st.dictionaries(ids, points, min_size=1, max_size=8)
collections = st.sampled_from(["a", "b"])
some_ids = st.lists(ids, min_size=1, max_size=4, unique=True)
FIELDS = {"tag": "keyword", "size": "integer"}


def _wire(batch: Points) -> list[dict[str, Any]]:
    return [
        {"id": i, "vector": wire(point["vectors"]), "payload": point["payload"]}
        for i, point in batch.items()
    ]


class DatabaseMachine(RuleBasedStateMachine):
    """Two collections with two named vectors, and a model of them."""

    def __init__(self) -> None:
        super().__init__()
        parent = MEMORY if MEMORY.is_dir() else None
        self.database = Database(Path(tempfile.mkdtemp(prefix="ruvector-model-", dir=parent)))
        self.model = Model()

    @initialize()
    def create(self) -> None:
        """Begin with both collections."""
        for name in ("a", "b"):
            self._create(name)

    def _create(self, name: str) -> None:
        spaces = {each: {"dimensions": DIM, "distance": "dot"} for each in NAMES}
        several = {"multivector_config": {"comparator": "max_sim"}}
        self.database.client.create_collection(
            name,
            vectors={**spaces, MULTI: {"dimensions": DIM, "distance": "dot", **several}},
            sparse_vectors={SPARSE: {"index": {"full_scan_threshold": 2}}},
            optimizers={"indexing_threshold": 1},
        )
        self.model.collections[name] = {}
        self.model.guests.pop(name, None)

    @rule(name=collections, batch=batches)
    def upsert(self, name: str, batch: Points) -> None:
        """Insert and replace."""
        self.database.client.upsert(name, _wire(batch))
        self.model.upsert(name, list(batch.items()))

    @rule(name=collections, new=batches, gone=some_ids, payload=payloads)
    def batch_update(
        self, name: str, new: Points, gone: list[int | str], payload: dict[str, Any]
    ) -> None:
        """Several changes in one transaction."""
        operations: list[dict[str, Any]] = [
            {"upsert": {"points": _wire(new)}},
            {"set_payload": {"payload": payload, "ids": list(new)}},
            {"delete": {"ids": gone}},
        ]
        self.database.client.batch_update(name, operations)
        self.model.upsert(name, list(new.items()))
        for point_id in new:
            self.model.collections[name][point_id]["payload"].update(payload)
        self.model.delete(name, gone)

    @rule(name=collections, new=batches)
    def failing_batch(self, name: str, new: Points) -> None:
        """A batch whose last change fails leaves nothing behind."""
        operations: list[dict[str, Any]] = [
            {"upsert": {"points": _wire(new)}},
            {"set_payload": {"payload": {"tag": "red"}, "ids": [999]}},
        ]
        with pytest.raises(NotFound):
            self.database.client.batch_update(name, operations)

    @rule(name=collections, chosen=some_ids)
    def delete(self, name: str, chosen: list[int | str]) -> None:
        """Delete by id."""
        self.database.client.delete(name, chosen)
        self.model.delete(name, chosen)

    @rule(name=collections, tag=st.sampled_from(TAGS))
    def delete_by_filter(self, name: str, tag: str) -> None:
        """Delete by filter."""
        self.database.client.delete(name, filter={"tag": tag})
        self.model.delete(name, self.model.matching(name, "tag", tag))

    @rule(name=collections, batch=st.dictionaries(ids, named, min_size=1, max_size=4))
    def update_vectors(self, name: str, batch: dict[int | str, dict[str, list[float]]]) -> None:
        """Replace some vectors of points; all must exist."""
        there = self.model.collections[name]
        written = [{"id": i, "vector": wire(new)} for i, new in batch.items()]
        if not all(i in there for i in batch):
            with pytest.raises(NotFound):
                self.database.client.update_vectors(name, written)
            return
        self.database.client.update_vectors(name, written)
        for point_id, new in batch.items():
            there[point_id]["vectors"].update(new)

    @rule(name=collections, chosen=some_ids, vector=st.sampled_from(sorted(kinds)))
    def delete_vectors(self, name: str, chosen: list[int | str], vector: str) -> None:
        """Take one named vector away."""
        self.database.client.delete_vectors(name, vector, chosen)
        for point_id in chosen:
            if point_id in self.model.collections[name]:
                self.model.collections[name][point_id]["vectors"].pop(vector, None)

    @rule(name=collections, dimensions=st.integers(2, 3))
    def add_vector_name(self, name: str, dimensions: int) -> None:
        """Let a vector name come to the live collection: no point has a vector of it."""
        if name in self.model.guests:
            return
        params = {"dimensions": dimensions, "distance": "dot"}
        self.database.client.create_vector(name, GUEST, dense=params)
        self.model.guests[name] = dimensions

    @precondition(lambda self: self.model.guests)
    @rule(name=collections, chosen=some_ids)
    def fill_vector_name(self, name: str, chosen: list[int | str]) -> None:
        """Give some points a vector of the name that came, and find them by it."""
        dimensions, there = self.model.guests.get(name), self.model.collections[name]
        if dimensions is None:
            return
        new = {i: [float(n), *[1.0] * (dimensions - 1)] for n, i in enumerate(chosen) if i in there}
        self.database.client.update_vectors(
            name, [{"id": i, "vector": {GUEST: vector}} for i, vector in new.items()]
        )
        for point_id, vector in new.items():
            there[point_id]["vectors"][GUEST] = vector
        check_search(self.database.client, name, there, [1.0] * dimensions, GUEST, "red")

    @precondition(lambda self: self.model.guests)
    @rule(name=collections)
    def remove_vector_name(self, name: str) -> None:
        """Let it go again with all its vectors."""
        self.database.client.delete_vector(name, GUEST)
        self.model.guests.pop(name, None)
        for point in self.model.collections[name].values():
            point["vectors"].pop(GUEST, None)

    @rule(name=collections, payload=payloads, tag=st.sampled_from(TAGS))
    def set_payload_by_filter(self, name: str, payload: dict[str, Any], tag: str) -> None:
        """Merge keys into the payloads that match."""
        self.database.client.set_payload(name, payload, filter={"tag": tag})
        for point_id in self.model.matching(name, "tag", tag):
            self.model.collections[name][point_id]["payload"].update(payload)

    @rule(name=collections, payload=payloads, size=st.integers(0, 5))
    def overwrite_payload(self, name: str, payload: dict[str, Any], size: int) -> None:
        """Replace the payloads that match."""
        self.database.client.overwrite_payload(name, payload, filter={"size": size})
        for point_id in self.model.matching(name, "size", size):
            self.model.collections[name][point_id]["payload"] = dict(payload)

    @rule(name=collections, key=st.sampled_from(sorted(FIELDS)), tag=st.sampled_from(TAGS))
    def delete_payload(self, name: str, key: str, tag: str) -> None:
        """Delete one key of the payloads that match."""
        self.database.client.delete_payload(name, [key], filter={"tag": tag})
        for point_id in self.model.matching(name, "tag", tag):
            self.model.collections[name][point_id]["payload"].pop(key, None)

    @rule(name=collections, chosen=some_ids)
    def clear_payload(self, name: str, chosen: list[int | str]) -> None:
        """Delete payloads as a whole."""
        self.database.client.clear_payload(name, chosen)
        for point_id in chosen:
            if point_id in self.model.collections[name]:
                self.model.collections[name][point_id]["payload"] = {}

    @rule(name=collections, field=st.sampled_from(sorted(FIELDS)), present=st.booleans())
    def index_field(self, name: str, field: str, present: bool) -> None:
        """Create or drop a payload index: no answer may change."""
        if present:
            self.database.client.create_payload_index(name, field, FIELDS[field])
        else:
            self.database.client.delete_payload_index(name, field)

    @rule(name=collections)
    def point_alias(self, name: str) -> None:
        """Let the alias stand for another collection."""
        actions: list[dict[str, Any]] = []
        if "x" in self.model.aliases:
            actions.append({"delete_alias": {"alias_name": "x"}})
        actions.append({"create_alias": {"alias_name": "x", "collection_name": name}})
        self.database.client.change_aliases(actions)
        self.model.aliases["x"] = name

    @rule(name=collections)
    def drop(self, name: str) -> None:
        """Drop a collection and create it anew."""
        assert self.database.client.delete_collection(name)
        self.model.aliases = {a: n for a, n in self.model.aliases.items() if n != name}
        self._create(name)

    @rule(name=collections)
    def merge(self, name: str) -> None:
        """Seal, merge and index everything."""
        self.database.client.wait_for_index(name, 30)

    @rule()
    def restart(self) -> None:
        """Close and open."""
        self.database.reopen()

    @rule()
    def crash(self) -> None:
        """Go on with what a kill would leave."""
        self.database.crash()

    @rule(name=collections, query=vectors, using=st.sampled_from(NAMES), tag=st.sampled_from(TAGS))
    def search(self, name: str, query: list[float], using: str, tag: str) -> None:
        """Search like brute force."""
        points = self.model.collections[name]
        check_search(self.database.client, name, points, query, using, tag)

    @rule(name=collections, query=sparse, tag=st.sampled_from(TAGS))
    def search_sparse(self, name: str, query: dict[int, float], tag: str) -> None:
        """Search by a sparse vector like brute force."""
        points = self.model.collections[name]
        check_search(self.database.client, name, points, query, SPARSE, tag)

    @rule(name=collections, query=multi, tag=st.sampled_from(TAGS))
    def search_multi(self, name: str, query: list[list[float]], tag: str) -> None:
        """Search by a multi-vector like brute force."""
        points = self.model.collections[name]
        check_search(self.database.client, name, points, query, MULTI, tag)

    @rule(name=collections)
    def keep(self, name: str) -> None:
        """Make a snapshot of a collection; only the newest stays."""
        client = self.database.client
        made = client.create_snapshot(name)
        for older in client.list_snapshots(name):
            if older != made:
                client.delete_snapshot(name, older.name)
        self.model.keep(name)

    @precondition(lambda self: self.model.kept)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """Make a collection what the newest snapshot of one says."""
        source = data.draw(st.sampled_from(sorted(self.model.kept)))
        target = data.draw(collections)
        client = self.database.client
        [listed] = client.list_snapshots(source)
        folder = client._transport._engine.snapshots.folder
        path = folder.path(("collections", source), listed.name)
        client.recover_snapshot(target, f"file://{path}", checksum=listed.checksum)
        self.model.restore(source, target)

    @precondition(lambda self: self.model.aliases)
    @rule()
    def read_alias(self) -> None:
        """Read through the alias."""
        name = self.model.aliases["x"]
        assert self.database.client.count("x") == len(self.model.collections[name])

    @invariant()
    def equals_the_model(self) -> None:
        """Compare everything."""
        client = self.database.client
        assert client.list_aliases() == self.model.aliases
        for name, expected in self.model.collections.items():
            check_points(client, name, expected)
            for field, values in (("tag", TAGS), ("size", range(6))):
                for value in values:
                    matching = self.model.matching(name, field, value)
                    assert client.count(name, {field: value}) == len(matching), (field, value)
                    found = {r.id for r in client.iterate(name, {field: value})}
                    assert found == set(matching), (field, value)

    def teardown(self) -> None:
        """Close the database and remove its folder."""
        self.database.close()


@pytest.mark.crash
def test_the_database_equals_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "SCAN_ROWS", 3)
    monkeypatch.setattr(maintenance, "IDLE_SECONDS", 0.0)
    run_state_machine_as_test(
        DatabaseMachine,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            derandomize=not LONG,
            database=None,
            deadline=None,
            print_blob=True,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_folder_is_left_behind() -> None:
    machine = DatabaseMachine()
    folder = machine.database._folder
    machine.teardown()
    assert not folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
