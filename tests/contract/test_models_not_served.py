"""Does a text for a model that is not here get an answer that names it, wherever it stands?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TEXT = {"text": "hello", "model": MODEL}
IMAGE = {"image": "https://example.com/a.png", "model": MODEL}
OBJECT = {"object": {"a": 1}, "model": MODEL}
REFUSED = f"model '{MODEL}' is not served .* give the vector that it makes of the"

Call = Callable[[RuvectorClient, str, Any], object]


@pytest.fixture
def both(client: RuvectorClient, new_name: Callable[[], str]) -> Iterator[dict[str, str]]:
    """Return two collections: of one unnamed vector, and of vectors with confusing names."""
    names = {"unnamed": new_name(), "named": new_name()}
    client.create_collection(names["unnamed"], 2)
    several = {"size": 2, "distance": "Cosine", "multivector_config": {"comparator": "max_sim"}}
    vectors = {name: {"size": 2, "distance": "Cosine"} for name in ("text", "model")}
    client.create_collection(
        names["named"], vectors={**vectors, "many": several}, sparse_vectors={"words": {}}
    )
    client.upsert(names["unnamed"], ids=[1], vectors=[[1, 0]])
    yield names


UNNAMED: dict[str, Call] = {
    "upsert": lambda c, name, given: c.upsert(name, [{"id": 1, "vector": given}]),
    "update": lambda c, name, given: c.update_vectors(name, [{"id": 1, "vector": given}]),
    "columns": lambda c, name, given: c.upsert(name, ids=[1], vectors=[given]),
    "query": lambda c, name, given: c.query(name, given),
    "nearest": lambda c, name, given: c.query(name, {"nearest": given}),
    "recommend": lambda c, name, given: c.query(name, {"recommend": {"positive": [given]}}),
    "prefetch": lambda c, name, given: c.query(
        name, {"fusion": "rrf"}, prefetch=[{"query": given}]
    ),
}


@pytest.mark.parametrize("given", [TEXT, IMAGE, OBJECT], ids=["text", "image", "object"])
@pytest.mark.parametrize("call", UNNAMED.values(), ids=UNNAMED)
def test_refusal_names_the_model_and_the_way_out(
    client: RuvectorClient, both: dict[str, str], call: Call, given: Any
) -> None:
    with pytest.raises(BadInput, match=REFUSED):
        call(client, both["unnamed"], given)


@pytest.mark.parametrize("vector", ["text", "model", "many", "words"])
def test_so_does_that_of_a_named_vector(
    client: RuvectorClient, both: dict[str, str], vector: str
) -> None:
    with pytest.raises(BadInput, match=REFUSED):
        client.upsert(both["named"], [{"id": 1, "vector": {vector: TEXT}}])
    with pytest.raises(BadInput, match=REFUSED):
        client.query(both["named"], TEXT, using=vector)


def test_vectors_that_are_called_text_and_model_are_vectors(
    client: RuvectorClient, both: dict[str, str]
) -> None:
    given = {"text": [1.0, 0.0], "model": [0.0, 1.0]}
    client.upsert(both["named"], [{"id": 1, "vector": given}])
    (record,) = client.retrieve(both["named"], [1], with_vectors=True)
    assert {name: vector.tolist() for name, vector in record.vector.items()} == given
