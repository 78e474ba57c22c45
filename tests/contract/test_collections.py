"""Creating, describing, changing and deleting collections, and their aliases."""

from collections.abc import Callable

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.client.collection import Collection
from ruvector.errors import AlreadyExists, NotFound


def test_created_collection_is_listed_and_described(client: RuvectorClient, name: str) -> None:
    assert not client.collection_exists(name)
    assert client.create_collection(name, dimensions=4, distance="euclid") is True
    assert client.collection_exists(name)
    assert name in client.list_collections()
    found = client.get_collection(name)
    assert found.status == "green"
    assert found.points_count == 0
    assert found.config["params"]["vectors"] == {"size": 4, "distance": "Euclid"}


def test_creating_a_collection_twice_is_refused(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=4)
    with pytest.raises(AlreadyExists) as refusal:
        client.create_collection(name, dimensions=4)
    assert name in str(refusal.value)
    assert client.create_collection(name, dimensions=4, exist_ok=True) is False


def test_settings_of_a_collection_are_echoed(client: RuvectorClient, name: str) -> None:
    client.create_collection(
        name,
        dimensions=4,
        hnsw={"m": 24, "ef_construct": 200},
        optimizers={"indexing_threshold": 500},
        metadata={"owner": "tests"},
    )
    config = client.get_collection(name).config
    assert config["hnsw_config"]["m"] == 24
    assert config["hnsw_config"]["ef_construct"] == 200
    assert config["optimizer_config"]["indexing_threshold"] == 500
    assert config["metadata"] == {"owner": "tests"}


def test_update_changes_what_is_given_and_leaves_the_rest(
    client: RuvectorClient, name: str
) -> None:
    client.create_collection(name, dimensions=4, hnsw={"m": 24})
    assert client.update_collection(name, hnsw={"ef_construct": 300}) is True
    config = client.get_collection(name).config
    assert config["hnsw_config"]["ef_construct"] == 300
    assert config["hnsw_config"]["m"] == 24


def test_deleting_tells_whether_there_was_a_collection(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=4)
    assert client.delete_collection(name) is True
    assert not client.collection_exists(name)
    assert client.delete_collection(name) is False


def test_collection_created_again_is_empty(docs: Collection) -> None:
    docs.create_payload_index("number", "integer")
    docs.delete_collection()
    docs.create_collection(dimensions=3)
    assert docs.count() == 0
    assert docs.retrieve([1]) == []
    assert docs.search([1, 0, 0]) == []
    assert docs.get_collection().payload_schema == {}
    docs.upsert(ids=[1], vectors=np.eye(3, dtype=np.float32)[:1])
    assert [hit.id for hit in docs.search([1, 0, 0])] == [1]


def test_name_may_hold_spaces_and_other_scripts(
    client: RuvectorClient, name: str, new_name: Callable[[], str]
) -> None:
    odd = f"{name} größe 東京 100%&=+#"
    client.create_collection(odd, dimensions=2)
    client.upsert(odd, ids=[1], vectors=[[1, 0]])
    assert client.count(odd) == 1
    assert odd in client.list_collections()
    assert client.delete_collection(odd) is True


def test_alias_stands_for_its_collection(docs: Collection, client: RuvectorClient) -> None:
    alias = f"{docs.name}_alias"
    client.create_alias(docs.name, alias)
    assert client.collection_exists(alias)
    assert client.count(alias) == 40
    assert client.list_aliases()[alias] == docs.name
    assert docs.list_aliases() == {alias: docs.name}
    client.rename_alias(alias, f"{alias}2")
    assert docs.list_aliases() == {f"{alias}2": docs.name}
    client.delete_alias(f"{alias}2")
    assert docs.list_aliases() == {}
    with pytest.raises(NotFound):
        client.count(f"{alias}2")


def test_alias_is_switched_at_once(client: RuvectorClient, new_name: Callable[[], str]) -> None:
    old, new = new_name(), new_name()
    alias = f"{old}_live"
    for name, dimensions in ((old, 2), (new, 3)):
        client.create_collection(name, dimensions=dimensions)
    client.create_alias(old, alias)
    client.change_aliases(
        [
            {"delete_alias": {"alias_name": alias}},
            {"create_alias": {"collection_name": new, "alias_name": alias}},
        ]
    )
    assert client.list_aliases(new) == {alias: new}
    assert client.list_aliases(old) == {}


def test_changes_of_aliases_are_all_or_nothing(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2)
    with pytest.raises(NotFound):
        client.change_aliases(
            [
                {"create_alias": {"collection_name": name, "alias_name": f"{name}_a"}},
                {"create_alias": {"collection_name": "missing", "alias_name": f"{name}_b"}},
            ]
        )
    assert client.list_aliases(name) == {}


def test_aliases_go_with_their_collection(client: RuvectorClient, name: str) -> None:
    client.create_collection(name, dimensions=2)
    client.create_alias(name, f"{name}_alias")
    client.delete_collection(name)
    assert f"{name}_alias" not in client.list_aliases()


def test_every_point_is_in_the_index_after_waiting(docs: Collection) -> None:
    assert docs.wait_for_index(timeout_seconds=60) is True
    found = docs.get_collection()
    assert found.status == "green"
    assert found.points_count == 40
