"""Does the whole way hold, from bytes through the engine to bytes?"""

import asyncio

import msgspec
import numpy as np
import pytest
from tests.server.server_harness import call_application

from ruvector.model.ids import wire_id

OURS = [("ruvector-ids", "original")]


def put(database, points, headers=()):
    answer = database("PUT", "/collections/docs/points?wait=true", {"points": points}, headers)
    assert answer.status == 200, answer.text
    return answer.result


def test_points_come_back_as_they_were_given(database):
    points = [
        {
            "id": 2**64 - 1,
            "vector": [1, 0, 0],
            "payload": {"text": "é\u2028\U0001f600", "n": 2**60},
        },
        {"id": "550e8400-e29b-41d4-a716-446655440000", "vector": [0, 1, 0]},
    ]
    assert put(database, points)["status"] == "completed"
    found = database(
        "POST", "/collections/docs/points/query", {"query": [1, 0, 0], "with_payload": True}
    )
    assert [each["id"] for each in found.result["points"]] == [each["id"] for each in points]
    assert found.result["points"][0]["payload"] == points[0]["payload"]
    assert found.result["points"][0]["score"] == 1.0


def test_original_ids_are_for_our_client(database):
    put(database, [{"id": "chapter 1", "vector": [1, 0, 0]}], OURS)
    body = {"query": [1, 0, 0]}
    for headers, expected in ((OURS, "chapter 1"), ((), wire_id("chapter 1"))):
        found = database("POST", "/collections/docs/points/query", body, headers).result["points"]
        assert found[0]["id"] == expected
    path = f"/collections/docs/points/{wire_id('chapter 1')}"
    assert database("GET", path).result["id"] == wire_id("chapter 1")
    assert database("GET", "/collections/docs/points/chapter%201", headers=OURS).status == 200


def test_scores_are_the_shortest_form_of_a_float32(database):
    put(database, [{"id": 1, "vector": [0.3, 0.1, 0.2]}])
    found = database("POST", "/collections/docs/points/query", {"query": [0.1, 0.7, 0.2]})
    score = msgspec.json.decode(found.body)["result"]["points"][0]["score"]
    assert str(score) == str(np.float32(score))


def test_deleted_point_is_gone(database):
    put(database, [{"id": 7, "vector": [1, 0, 0]}])
    assert database("DELETE", "/collections/docs/points/7?wait=true").status == 200
    assert database("GET", "/collections/docs/points/7").status == 404


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a\\b", "a\0", "x" * 300, "a\nb", "a:b"])
def test_names_that_could_leave_the_folder_are_refused(database, name):
    from urllib.parse import quote

    quoted = quote(name, safe="")
    body = {"vectors": {"size": 3, "distance": "Dot"}}
    assert database("PUT", f"/collections/{quoted}", body).status in (400, 404, 422)
    assert database("POST", "/collections", {"name": name, "dimensions": 3}).status == 422
    assert len(database("GET", "/collections").result["collections"]) == 1


def test_concurrent_writes_and_searches_all_succeed(database):
    async def write(number):
        point = {"id": number, "vector": [1, number, 0]}
        call, at = call_application, "/collections/docs/points"
        application = database.application
        written = await call(application, "PUT", f"{at}?wait=true", {"points": [point]})
        body = {"query": [1, number, 0], "limit": 1}
        found = await call(application, "POST", f"{at}/query", body)
        return written.status, found.status

    async def write_all():
        return await asyncio.gather(*(write(number) for number in range(1, 40)))

    assert set(asyncio.run(write_all())) == {(200, 200)}
    assert database("POST", "/collections/docs/points/count", {}).result == {"count": 39}


def test_metrics_and_readiness_come_from_the_engine(database):
    put(database, [{"id": 1, "vector": [1, 0, 0]}])
    assert database("GET", "/ready").json() == {"status": "ready", "collections": 1}
    assert 'ruvector_vectors_total{collection="docs"} 1' in database("GET", "/metrics").text


def test_answers_tell_how_many_words_models_have_read(database):
    sparse = {"sparse_vectors": {"text": {"modifier": "idf"}}}
    assert database("PUT", "/collections/texts", sparse).status == 200
    words = {"model": "qdrant/bm25", "text": "Quick foxes and lazy dogs"}
    points = [{"id": i, "vector": {"text": words}} for i in range(3)]
    answer = database("PUT", "/collections/texts/points?wait=true", {"points": points})
    read = {"inference": {"models": {"qdrant/bm25": {"tokens": 12}}}}  # "and" is a stop word
    assert answer.json()["usage"] == read
    query = {"query": words, "using": "text"}
    answer = database("POST", "/collections/texts/points/query", query)
    assert answer.json()["usage"]["inference"]["models"] == {"qdrant/bm25": {"tokens": 4}}
    answer = database("POST", "/collections/texts/points/query", {})
    assert "usage" not in answer.json()


def test_answers_of_many_megabytes_arrive_whole(database):
    payload = {"text": "word " * 100_000}
    points = [{"id": i, "vector": [1, 0, 0], "payload": payload} for i in range(12)]
    put(database, points)
    query = {"query": [1, 0, 0], "limit": 12, "with_payload": True}
    answer = database("POST", "/collections/docs/points/query", query)
    assert len(answer.body) > 6_000_000
    assert [hit["payload"] for hit in answer.result["points"]] == [payload] * 12
