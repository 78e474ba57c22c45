"""Which request does each method make? Seen by a transport that writes them down."""

import sys
from typing import Any

import numpy as np
import pytest

from ruvector.client.client import RuvectorClient
from ruvector.errors import AlreadyExists, BadInput
from ruvector.model import requests as r
from ruvector.model.points import Hit, Record
from ruvector.model.results import QueryResult, ScrollResult, UpdateResult


class Notebook:
    """A transport that keeps requests and returns what it was told."""

    address = "a test"
    batch_points = 10
    batch_bytes = None

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.results: list[Any] = []
        self.closed = 0

    def execute(self, request: r.Request[Any]) -> Any:
        """Keep the request; raise or return the next result."""
        self.requests.append(request)
        result = self.results.pop(0) if self.results else UpdateResult(1, "completed")
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


@pytest.fixture
def notebook() -> Notebook:
    """Return a transport that writes requests down."""
    return Notebook()


@pytest.fixture
def client(notebook: Notebook) -> RuvectorClient:
    """Return a client of that transport."""
    made = RuvectorClient.__new__(RuvectorClient)
    made._transport = notebook
    return made


def test_search_becomes_one_query(client: RuvectorClient, notebook: Notebook) -> None:
    notebook.results.append(QueryResult([]))
    vector = np.ones(3, dtype=np.float32)
    client.search("c", vector, 5, filter={"a": 1}, params={"hnsw_ef": 64}, using="t", offset=2)
    (request,) = notebook.requests
    assert request.query is vector
    assert (request.limit, request.offset, request.using) == (5, 2, "t")
    assert request.filter == {"must": [{"key": "a", "match": {"value": 1}}]}
    assert request.params == r.SearchParams(hnsw_ef=64)
    assert request.with_payload is True


def test_bulk_write_is_cut_into_batches(client: RuvectorClient, notebook: Notebook) -> None:
    notebook.results.extend(UpdateResult(number, "completed") for number in range(3))
    result = client.upsert("c", ids=range(25), vectors=np.zeros((25, 2), dtype=np.float32))
    assert [len(request.points) for request in notebook.requests] == [10, 10, 5]
    assert all(request.wait for request in notebook.requests)
    assert result.operation_id == 2


def test_distance_and_sizes_take_the_words_of_the_wire(
    client: RuvectorClient, notebook: Notebook
) -> None:
    client.create_collection("c", 3, "EUCLID", on_disk=True)
    client.create_collection("c", vectors={"size": {"dimensions": 2}, "b": {"size": 3}})
    client.create_collection("c", vectors={"size": 2, "distance": "Dot"})
    assert [request.vectors for request in notebook.requests] == [
        {"size": 3, "distance": "Euclid", "on_disk": True},
        {"size": {"size": 2, "distance": "Cosine"}, "b": {"size": 3, "distance": "Cosine"}},
        {"size": 2, "distance": "Dot"},
    ]


def test_exist_ok_swallows_only_that(client: RuvectorClient, notebook: Notebook) -> None:
    notebook.results.extend([AlreadyExists("c"), BadInput("c")])
    assert client.create_collection("c", 3, exist_ok=True) is False
    with pytest.raises(BadInput):
        client.create_collection("c", 3, exist_ok=True)


def test_iterate_reads_pages_until_there_is_no_next(
    client: RuvectorClient, notebook: Notebook
) -> None:
    notebook.results.extend(
        [ScrollResult([Record(id=1), Record(id=2)], 3), ScrollResult([Record(id=3)], None)]
    )
    assert [record.id for record in client.iterate("c", {"a": 1}, page_size=2)] == [1, 2, 3]
    assert [request.offset for request in notebook.requests] == [None, 3]
    assert [request.limit for request in notebook.requests] == [2, 2]


def test_progress_bar_is_shown_when_asked(
    client: RuvectorClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.upsert("c", ids=range(25), vectors=np.zeros((25, 2)), progress=False)
    assert capsys.readouterr().err == ""
    client.upsert("c", ids=range(25), vectors=np.zeros((25, 2)), progress=True)
    assert "25.0/25.0" in capsys.readouterr().err


def test_progress_without_tqdm_names_the_way_out_before_writing(
    client: RuvectorClient, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(BadInput, match=r"pip install ruvector\[cli\]"):
        client.upsert("c", ids=[1], vectors=[[1.0]], progress=True)
    assert notebook.requests == []


def test_text_of_strangers_is_escaped_in_notebooks(
    client: RuvectorClient, notebook: Notebook
) -> None:
    script = "<script>alert(1)</script>"
    payload: Any = b'{"<b>key</b>": "<script>alert(1)</script>"}'
    for point in (
        Record(id=script, payload_json=payload, vector=np.ones(2)),
        Hit(id=script, version=1, score=0.5, payload_json=payload),
    ):
        html = point._repr_html_()
        assert "<script>" not in html
        assert "<b>" not in html
        assert "&lt;script&gt;alert(1)" in html
    notebook.results.append(BadInput(script))
    html = client._repr_html_()
    assert "<script>" not in html
    notebook.results.append(BadInput("no"))
    assert "<script>" not in client.collection(script)._repr_html_()


def test_client_is_closed_by_its_context(client: RuvectorClient, notebook: Notebook) -> None:
    with client as same:
        assert same is client
    assert notebook.closed == 1
