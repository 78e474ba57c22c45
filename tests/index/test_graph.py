"""Does the graph find what an exact search finds, whatever the data, and refuse altered arrays?"""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from ruvector.index.graph import Cancelled, Graph
from ruvector.index.search import search_rows
from ruvector.kernel import NO_ROW, Metric, exact_search

# Of a packed graph's node with 32 links and 96 padded dimensions (docs/formats/graph.md).
HEADER_AT = 4 * 32 + 4 * 96 + 8 * 32
SETTINGS = {"links_per_node": 32, "build_beam": 80, "threads": 2}


def make(seed: int, n: int, dim: int, dtype: type = np.float32) -> np.ndarray:
    """Gaussian rows on a few directions, as embeddings are; unit length."""
    rng = np.random.default_rng(seed)
    scales = 1 / np.sqrt(1 + np.arange(dim))
    rows = (rng.standard_normal((n, dim)) * scales).astype(np.float32)
    if dtype is np.uint8:
        return np.clip(rows * 60 + 128, 0, 255).astype(np.uint8)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    pairs = zip(found.tolist(), expected.tolist(), strict=True)
    return sum(len(set(a) & set(b)) for a, b in pairs) / expected.size


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize(("dim", "dtype"), [(8, "f4"), (70, "f4"), (70, "f2"), (70, "u1")])
def test_nearly_all_true_neighbours_are_found(metric: Metric, dim: int, dtype: str) -> None:
    element = np.dtype(dtype).type
    vectors = make(1, 3000, dim, element)
    queries = make(2, 50, dim, element).astype(np.float32)
    graph = Graph.build(vectors, metric, **SETTINGS)
    found, scores = graph.search(queries, 10, 64)
    expected, expected_scores = exact_search(queries, vectors, metric, 10)
    assert recall(found, expected) > 0.95
    same = found == expected
    np.testing.assert_array_equal(scores[same], expected_scores[same])


def test_dot_product_with_unequal_norms_keeps_its_recall() -> None:
    norms = 10 ** np.random.default_rng(3).random((4000, 1))
    for dim in (20, 96):
        vectors = (make(1, 4000, dim) * norms).astype(np.float32)
        queries = make(2, 100, dim)
        graph = Graph.build(vectors, Metric.DOT, **SETTINGS)
        expected, _ = exact_search(queries, vectors, Metric.DOT, 10)
        assert recall(graph.search(queries, 10, 100)[0], expected) > 0.95


@pytest.mark.parametrize("dim", [20, 72])
@pytest.mark.parametrize(("longer", "count"), [(20, 1), (5, 40)])
def test_rows_far_longer_than_the_others_are_found(dim: int, longer: int, count: int) -> None:
    vectors, queries = make(1, 4000, dim), make(2, 100, dim)
    vectors[:count] *= longer
    graph = Graph.build(vectors, Metric.DOT, **SETTINGS)
    expected, _ = exact_search(queries, vectors, Metric.DOT, 10)
    assert recall(graph.search(queries, 10, 64)[0], expected) > 0.98


@pytest.mark.parametrize("dim", [16, 80])
def test_equal_rows_are_all_reached(dim: int) -> None:
    vectors = np.repeat(make(1, 30, dim), 100, axis=0)
    graph = Graph.build(vectors, Metric.COSINE, **SETTINGS)
    found, scores = graph.search(vectors[::100].copy(), 100, 200)
    _, expected_scores = exact_search(vectors[::100].copy(), vectors, Metric.COSINE, 100)
    assert (np.sort(found // 100, axis=1) == np.arange(30)[:, None]).mean() > 0.98
    assert [len(set(row)) for row in found.tolist()] == [100] * 30
    assert np.isclose(scores, expected_scores).mean() > 0.95
    assert unreached(graph) == 0


def test_far_clusters_are_all_reached() -> None:
    centres = make(1, 40, 64) * 100
    vectors = (np.repeat(centres, 80, axis=0) + make(2, 3200, 64) * 0.01).astype(np.float32)
    graph = Graph.build(vectors, Metric.EUCLID, **SETTINGS)
    queries = centres.astype(np.float32)
    expected, _ = exact_search(queries, vectors, Metric.EUCLID, 10)
    assert (graph.search(queries, 10, 64)[0] // 80 == expected // 80).all()
    assert unreached(graph) == 0


def unreached(graph: Graph) -> int:
    arrays = graph.arrays()
    width = int(arrays["settings"][4])
    packed = "nodes" in arrays
    links = arrays["nodes"][:, : 4 * width].copy().view("u4") if packed else arrays["links"]
    met = np.zeros(len(links), bool)
    frontier = arrays["entries"]
    while len(frontier):
        met[frontier] = True
        after = np.unique(links[frontier])
        frontier = after[after != NO_ROW]
        frontier = frontier[~met[frontier]]
    return int((~met).sum())


@pytest.mark.parametrize("n", [0, 1, 2, 33])
def test_small_graphs_answer_with_every_row(n: int) -> None:
    vectors = make(1, n, 64) if n else np.empty((0, 64), np.float32)
    graph = Graph.build(vectors, Metric.COSINE, **SETTINGS)
    found, scores = graph.search(make(2, 3, 64), 50, 10)
    assert found.shape == scores.shape == (3, n)
    assert np.sort(found, axis=1).tolist() == [list(range(n))] * 3
    assert len(graph) == n


def masks() -> dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]]:
    return {
        "independent": lambda rng, near: rng.random(len(near)),
        "near the query": lambda _, near: near,
        "far from the query": lambda _, near: -near,
    }


@pytest.mark.parametrize("kind", list(masks()))
@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2, 0.5, 1.0])
def test_filtered_search_fills_every_place_with_true_matches(kind: str, share: float) -> None:
    vectors, queries = make(1, 6000, 70), make(2, 20, 70)
    graph = shared_graph()
    rng = np.random.default_rng(4)
    good = 0.0
    for query in queries:
        order = np.argsort(masks()[kind](rng, -(vectors @ query)))
        chosen = np.zeros(6000, bool)
        chosen[order[: int(share * 6000)]] = True
        mask = np.packbits(chosen, bitorder="little")
        count = int(chosen.sum())
        found, _ = search_rows(
            query[None],
            10,
            vectors=vectors,
            metric=Metric.COSINE,
            graph=graph,
            beam=64,
            allowed=mask,
            allowed_count=count,
            full_scan_rows=50,
        )
        expected, _ = exact_search(query[None], vectors, Metric.COSINE, 10, mask)
        assert found.shape == (1, min(10, count))
        assert chosen[found].all()
        good += recall(found, expected) / len(queries)
    assert good > 0.95


_shared: list[Graph] = []


def shared_graph() -> Graph:
    if not _shared:
        _shared.append(Graph.build(make(1, 6000, 70), Metric.COSINE, **SETTINGS))
    return _shared[0]


def test_exact_search_over_a_graph_equals_exact_search() -> None:
    vectors, queries = make(1, 6000, 70), make(2, 5, 70)
    for graph in (shared_graph(), None):
        found, scores = search_rows(
            queries,
            12,
            vectors=vectors,
            metric=Metric.COSINE,
            graph=graph,
            beam=10,
            allowed=None,
            allowed_count=6000,
            exact=True,
        )
        expected, expected_scores = exact_search(queries, vectors, Metric.COSINE, 12)
        assert found.tolist() == expected.tolist()
        assert scores.tolist() == expected_scores.tolist()


def test_threads_share_queries_and_change_no_answer() -> None:
    vectors, queries = make(1, 6000, 70), make(2, 7, 70)
    for graph in (shared_graph(), None):
        answers = [
            search_rows(
                queries,
                5,
                vectors=vectors,
                metric=Metric.COSINE,
                graph=graph,
                beam=30,
                allowed=None,
                allowed_count=6000,
                threads=threads,
            )
            for threads in (1, 2, 3, 0, 50)
        ]
        for rows, scores in answers[1:]:
            assert rows.tolist() == answers[0][0].tolist()
            assert scores.tolist() == answers[0][1].tolist()
    assert exact_search(queries[:0], vectors, Metric.COSINE, 5, threads=2)[0].shape == (0, 5)


def test_a_stored_graph_answers_like_the_one_it_was() -> None:
    vectors, queries = make(1, 6000, 70), make(2, 5, 70)
    arrays = {name: array.copy() for name, array in shared_graph().arrays().items()}
    for array in arrays.values():
        array.setflags(write=False)
    restored = Graph.from_arrays(arrays, vectors, Metric.COSINE)
    assert restored.search(queries, 9, 40)[0].tolist() == (
        shared_graph().search(queries, 9, 40)[0].tolist()
    )
    assert restored.memory_bytes > arrays["nodes"].nbytes


def test_altered_arrays_are_refused() -> None:
    vectors = make(1, 6000, 70)
    good = {name: array.copy() for name, array in shared_graph().arrays().items()}
    for name in good:
        with pytest.raises(ValueError, match=name):
            Graph.from_arrays({k: v for k, v in good.items() if k != name}, vectors, Metric.COSINE)
        for other in (good[name][:-1], good[name].astype(np.int8), good[name][None]):
            if name == "entries" and other.ndim == 1 and other.dtype == np.uint32:
                continue  # fewer entries are a graph as well
            with pytest.raises(ValueError):
                Graph.from_arrays({**good, name: other}, vectors, Metric.COSINE)
    for name, value in (("nodes", 6000), ("nodes", NO_ROW - 1), ("entries", 6000)):
        altered = good[name].copy()
        altered.view(np.uint32).flat[7] = value
        with pytest.raises(ValueError, match="beyond"):
            Graph.from_arrays({**good, name: altered}, vectors, Metric.COSINE)
    altered = good["nodes"].copy()
    altered[5, HEADER_AT] ^= 1
    with pytest.raises(ValueError, match="being written"):
        Graph.from_arrays({**good, "nodes": altered}, vectors, Metric.COSINE)
    for place in range(8):
        for value in (-1.0, np.nan, 1e300, 0.5):
            settings = good["settings"].copy()
            settings[place] = value
            if place == 7 and value in (0.5, 1e300):
                continue  # the longest row may be of any length
            if place == 6 and value == 1e300:
                continue  # alpha is only used while building
            with pytest.raises(ValueError):
                Graph.from_arrays({**good, "settings": settings}, vectors, Metric.COSINE)
    with pytest.raises(ValueError, match="other vectors"):
        Graph.from_arrays(good, vectors, Metric.EUCLID)
    with pytest.raises(ValueError):
        Graph.from_arrays(good, vectors[:-1].copy(), Metric.COSINE)


def test_codes_of_any_content_never_crash_a_search() -> None:
    vectors = make(1, 6000, 70)
    good = shared_graph().arrays()
    rng = np.random.default_rng(0)
    for stretch in (0.0, 1.0):
        nodes = rng.integers(0, 256, good["nodes"].shape, dtype=np.uint8)
        nodes[:, HEADER_AT] = 0
        nodes[:, : 4 * 32] = good["nodes"][:, : 4 * 32]
        nodes[1::2, HEADER_AT + 4 : HEADER_AT + 16] = np.full(3, np.nan, np.float32).view(np.uint8)
        settings = good["settings"].copy()
        settings[9] = stretch
        arrays = {**good, "nodes": nodes, "settings": settings}
        graph = Graph.from_arrays(arrays, vectors, Metric.COSINE)
        found, _ = graph.search(vectors[:20].copy(), 10, 30)
        assert [len(set(row)) for row in found.tolist()] == [10] * 20


def test_a_build_reports_progress_and_can_be_cancelled() -> None:
    vectors = make(1, 5000, 8)
    steps: list[int] = []
    Graph.build(vectors, Metric.EUCLID, progress=steps.append, **SETTINGS)
    assert steps[-1] == 5000
    assert steps == sorted(steps)
    cancel = threading.Event()
    with pytest.raises(Cancelled):
        Graph.build(vectors, Metric.EUCLID, progress=lambda _: cancel.set(), cancel=cancel)


def test_one_thread_builds_the_same_graph_twice() -> None:
    vectors = make(1, 500, 64)
    first, second = (
        Graph.build(vectors, Metric.COSINE, links_per_node=8, build_beam=30, threads=1).arrays()
        for _ in range(2)
    )
    for name, array in first.items():
        assert array.tobytes() == second[name].tobytes(), name


def test_parameters_out_of_range_are_refused() -> None:
    vectors = make(1, 5, 8)
    with pytest.raises(ValueError, match="links_per_node"):
        Graph.build(vectors, Metric.DOT, links_per_node=1)
    with pytest.raises(ValueError, match="build_beam"):
        Graph.build(vectors, Metric.DOT, build_beam=0)
    with pytest.raises(TypeError):
        Graph.build(vectors.astype(np.float64), Metric.DOT)
    with pytest.raises(ValueError, match="dimensions"):
        Graph.build(vectors, Metric.DOT).search(vectors[:1, :4].copy(), 1, 1)
