"""Does the compact layout find what the originals would, and survive altered arrays?"""

import numpy as np
import pytest

from ruvector.index import quantizers
from ruvector.index.coded_graph import CodedGraph, CodeUse
from ruvector.index.graph import Graph
from ruvector.kernel import Metric, exact_search
from ruvector.model.quantization import CODES, Code

ONE_OF_EACH = ("int8", "1.5bit", "4bit", "pq16")
LINKS = ("links", "entries")
DIM = 64
ROWS = 1500


def vectors(metric: Metric = Metric.COSINE, dim: int = DIM, rows: int = ROWS) -> np.ndarray:
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((20, dim))
    found = centres[rng.integers(0, 20, rows)] + 0.5 * rng.standard_normal((rows, dim))
    if metric == Metric.COSINE:
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    return np.ascontiguousarray(found, np.float32)


def coded(
    code: str, metric: Metric = Metric.COSINE, rows: np.ndarray | None = None
) -> tuple[CodedGraph, np.ndarray]:
    data = vectors(metric) if rows is None else rows
    links = Graph.build(data, metric, links_per_node=16, build_beam=40).links()
    return CodedGraph.encode(links, Code(code), data, metric, 2), data


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, expected, strict=True)]
    return float(np.mean(hits)) / expected.shape[1]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.EUCLID])
def test_originals_mend_what_codes_find(code: str, metric: Metric) -> None:
    graph, data = coded(code, metric)
    queries = data[:40]
    rows, scores = graph.search(queries, 10, 80, use=CodeUse(rescore=True, oversampling=6.0))
    expected, best = exact_search(queries, data, metric, 10, None, 1)
    assert recall(rows, expected) >= (0.9 if code in ("pq32", "pq64") else 0.97)
    assert np.allclose(scores[:, 0], best[:, 0], atol=1e-3)
    alone, estimates = graph.search(queries, 10, 80, use=CodeUse(rescore=False))
    assert recall(alone, expected) <= recall(rows, expected)
    order = estimates if metric == Metric.EUCLID else -estimates
    assert (np.diff(order, axis=1) >= 0).all()
    ignoring, _ = graph.search(queries, 10, 80, use=CodeUse(ignore=True))
    assert recall(ignoring, expected) >= 0.97
    exact, exact_scores = graph.search(queries, 10, 80, exact=True)
    assert np.array_equal(exact, expected)
    assert np.allclose(exact_scores, best, atol=1e-4)


@pytest.mark.parametrize("code", ["int8", "pq4"])
def test_manhattan_has_codes_of_its_own(code: str) -> None:
    graph, data = coded(code, Metric.MANHATTAN)
    rows, _ = graph.search(data[:20], 10, 80, use=CodeUse(rescore=True))
    expected, _ = exact_search(data[:20], data, Metric.MANHATTAN, 10, None, 1)
    assert recall(rows, expected) >= 0.97


def test_codes_that_know_only_products_are_refused_for_manhattan() -> None:
    with pytest.raises(ValueError, match="manhattan"):
        quantizers.train(Code("4bit"), vectors(), Metric.MANHATTAN)


@pytest.mark.parametrize("dtype", [np.float16, np.uint8])
def test_rows_of_other_types_are_encoded(dtype: type) -> None:
    data = np.clip(vectors(Metric.EUCLID) * 20 + 100, 0, 255).astype(dtype)
    graph, _ = coded("4bit", Metric.EUCLID, data)
    queries = np.ascontiguousarray(data[:20], np.float32)
    rows, _ = graph.search(queries, 10, 80)
    expected, _ = exact_search(queries, data, Metric.EUCLID, 10, None, 1)
    assert recall(rows, expected) >= 0.97


@pytest.mark.parametrize("dim", [1, 3, 20])
def test_short_vectors_have_codes(dim: int) -> None:
    data = vectors(Metric.EUCLID, dim, 300)
    for code in CODES:
        graph, _ = coded(code, Metric.EUCLID, data)
        rows, _ = graph.search(data[:10], 5, 60, use=CodeUse(rescore=True, oversampling=20))
        expected, _ = exact_search(data[:10], data, Metric.EUCLID, 5, None, 1)
        assert recall(rows, expected) >= 0.9, code


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.6])
def test_mask_is_kept_and_every_place_is_filled(share: float) -> None:
    graph, data = coded("2bit")
    chosen = np.random.default_rng(1).random(ROWS) < share
    chosen[7] = True
    mask = np.packbits(chosen, bitorder="little")
    expected, _ = exact_search(data[:10], data, Metric.COSINE, 10, mask, 1)
    for use in (CodeUse(), CodeUse(rescore=False), CodeUse(ignore=True)):
        rows, _ = graph.search(data[:10], 10, 40, mask, int(chosen.sum()), use=use)
        assert rows.shape == expected.shape
        assert chosen[rows].all()
        assert all(len(set(row)) == len(row) for row in rows.tolist())
    rows, _ = graph.search(data[:10], 10, 40, mask, int(chosen.sum()))
    assert recall(rows, expected) >= 0.9


def test_more_hits_than_rows_are_all_rows() -> None:
    data = vectors(rows=30)
    graph, _ = coded("1bit", rows=data)
    rows, _ = graph.search(data[:1], 100, 10)
    assert sorted(rows[0].tolist()) == list(range(30))


def test_stored_arrays_give_the_same_answers() -> None:
    for code in ONE_OF_EACH:
        graph, data = coded(code)
        arrays = {name: array.copy() for name, array in graph.arrays().items()}
        again = CodedGraph.from_arrays(arrays, data, Metric.COSINE)
        for use in (CodeUse(), CodeUse(rescore=False)):
            for a, b in zip(
                graph.search(data[:9], 10, 40, use=use),
                again.search(data[:9], 10, 40, use=use),
                strict=True,
            ):
                assert np.array_equal(a, b)


def test_training_is_the_same_every_time() -> None:
    data = vectors()
    for code in ONE_OF_EACH:
        first = quantizers.train(Code(code), data, Metric.COSINE, 1)
        second = quantizers.train(Code(code), data, Metric.COSINE, 2)
        for name, array in first.items():
            assert np.array_equal(array, second[name]), (code, name)


def test_altered_arrays_raise_or_answer_and_never_crash() -> None:
    rng = np.random.default_rng(5)
    for code in CODES:
        graph, data = coded(code, rows=vectors(rows=120))
        good = {name: array.copy() for name, array in graph.arrays().items()}
        for name, array in good.items():
            with pytest.raises(ValueError, match=r".+"):
                missing = {key: a for key, a in good.items() if key != name}
                CodedGraph.from_arrays(missing, data, Metric.COSINE)
            if name in ("codes", "links", "code"):  # fewer entries or centres are right as well
                with pytest.raises(ValueError, match=r".+"):
                    CodedGraph.from_arrays({**good, name: array[:-1]}, data, Metric.COSINE)
            for _ in range(20):
                flat = array.reshape(-1).view(np.uint8).copy()
                flat[rng.integers(0, len(flat), 3)] = rng.integers(0, 256, 3)
                altered = flat.view(array.dtype).reshape(array.shape)
                try:
                    bad = CodedGraph.from_arrays({**good, name: altered}, data, Metric.COSINE)
                except ValueError:
                    continue
                for use in (CodeUse(), CodeUse(rescore=False)):
                    rows, _ = bad.search(data[:3], 10, 30, use=use)
                    assert rows.shape == (3, 10)


def test_memory_is_links_and_codes() -> None:
    graph, _ = coded("4bit")
    per_row = 16 * 4 + 64  # links, and 32 bytes of code with 12 of factors, rounded up to 64
    assert abs(graph.memory_bytes / ROWS - per_row) < 0.2 * per_row


@pytest.mark.parametrize("code", ONE_OF_EACH)
def test_walk_over_copies_reads_neither_codes_nor_originals(code: str) -> None:
    plain, data = coded(code)
    inline = CodedGraph.encode(plain.links(), Code(code, inline=True), data, Metric.COSINE, 2)
    use = CodeUse(rescore=True)
    expected = plain.search(data[:40], 10, 80, use=use)
    found = inline.search(data[:40], 10, 80, use=use)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    arrays = inline.arrays()
    assert arrays["beside"].nbytes >= ROWS * (16 * arrays["codes"].shape[1] + 4 * DIM)
    entries = arrays["entries"]
    blank = np.zeros_like(arrays["codes"])
    blank[entries] = arrays["codes"][entries]  # a walk starts from them
    elsewhere = CodedGraph.from_arrays(
        {**arrays, "codes": blank}, np.zeros_like(data), Metric.COSINE
    )
    again = elsewhere.search(data[:40], 10, 80, use=use)
    assert np.array_equal(again[0], expected[0])
    assert np.array_equal(again[1], expected[1])


@pytest.mark.parametrize("cut", [(slice(1, None), slice(None)), (slice(None), slice(64, None))])
def test_copies_that_do_not_fit_are_refused(cut: tuple[slice, slice]) -> None:
    plain, data = coded("4bit")
    inline = CodedGraph.encode(plain.links(), Code("4bit", inline=True), data, Metric.COSINE, 2)
    beside = np.ascontiguousarray(inline.arrays()["beside"][cut])
    with pytest.raises(ValueError, match="copies"):
        CodedGraph.from_arrays({**inline.arrays(), "beside": beside}, data, Metric.COSINE)
    alone = {name: array for name, array in inline.arrays().items() if name not in LINKS}
    with pytest.raises(ValueError, match="copies"):
        CodedGraph.from_arrays(alone, data, Metric.COSINE)
