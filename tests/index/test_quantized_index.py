"""Does a quantized VectorIndex do what the other does, in less memory?"""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ruvector.errors import BadInput
from ruvector.index import vector_index
from ruvector.index.vector_index import VectorIndex
from ruvector.kernel import Metric, exact_search

DIM = 96
ROWS = 2600  # more than are searched without a graph


def vectors(rows: int = ROWS, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((30, DIM))
    near = centres[rng.integers(0, 30, rows)] + 0.5 * rng.standard_normal((rows, DIM))
    return near.astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def filled(code: str | None, rows: np.ndarray, distance: str = "cosine") -> VectorIndex:
    index = VectorIndex(DIM, distance, code, links_per_node=16, build_beam=60)
    index.add(np.arange(len(rows)), rows, threads=1)  # the same graph every time
    return index


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, expected, strict=True)]
    return float(np.mean(hits)) / expected.shape[1]


@pytest.mark.parametrize("code", ["int8", "8bit", "4bit", "2bit", "1.5bit", "1bit", "pq8", "pq16"])
def test_codes_find_the_nearest_and_scores_them_exactly(code: str) -> None:
    rows = vectors()
    index = filled(code, rows)
    queries = vectors(40, seed=9)
    ids, scores = index.search(queries, k=10, beam=120)
    expected, _ = exact_search(unit(queries), unit(rows), Metric.COSINE, 10, None, 1)
    # As a sealed segment: .889 of pq16, whose 24 parts tell little within these clusters.
    assert recall(ids, expected) >= (0.86 if code == "pq16" else 0.95)
    true = np.take_along_axis(unit(queries) @ unit(rows).T, ids.astype(np.int64), axis=1)
    assert np.allclose(scores, true, atol=1e-4)


def test_memory_is_that_of_links_codes_and_ids() -> None:
    rows = vectors()
    sizes = {code: filled(code, rows).memory_bytes / ROWS for code in (None, "4bit", "1bit")}
    ids_and_marks = 8 * 1.5 + 12 * 8192 / ROWS + 1
    assert sizes["4bit"] < 16 * 4 + 64 + ids_and_marks + 30  # and the centres, scratch and entries
    assert sizes["1bit"] < sizes["4bit"] + 100  # 162 centres of 96 dimensions weigh on 2,600 rows
    assert sizes["4bit"] < sizes[None] / 2.5  # type: ignore[operator]


def test_rows_added_later_are_found_at_once_and_then_linked() -> None:
    rows, more = vectors(), vectors(2500, seed=5)
    index = filled("4bit", rows, "euclid")
    for start in range(0, len(more), 500):
        ids = np.arange(ROWS + start, ROWS + start + 500)
        index.add(ids, more[start : start + 500], threads=1)
        found, scores = index.search(more[start], k=1)
        assert found.tolist() == [[ROWS + start]]
        assert scores[0, 0] == 0
    assert len(index) == ROWS + len(more)
    everything = np.concatenate([rows, more])
    queries = vectors(40, seed=9)
    ids, _ = index.search(queries, k=10, beam=120)
    expected, _ = exact_search(queries, everything, Metric.EUCLID, 10, None, 1)
    assert recall(ids, expected) >= 0.95
    core = index._rows.core
    assert len(core._state.tail) < len(more)  # most of them were linked


def test_removed_and_replaced_vectors_are_not_found() -> None:
    rows = vectors()
    index = filled("2bit", rows)
    assert index.remove([3, 5, 99_999]) == 2
    ids, _ = index.search(rows[3], k=20)
    assert not {3, 5} & set(ids[0].tolist())
    index.add([7], -rows[7:8])
    ids, scores = index.search(-rows[7], k=1)
    assert ids.tolist() == [[7]]
    assert np.isclose(scores[0, 0], 1, atol=1e-5)
    assert index.remove([7]) == 1  # which no graph has yet
    assert 7 not in index.search(-rows[7], k=20)[0]
    index.remove(np.arange(1000))  # above the share at which rows are rebuilt
    assert len(index) == ROWS - 1000
    ids, _ = index.search(vectors(20, seed=9), k=10)
    assert ids.min() >= 1000


def test_mask_over_the_insertion_order_is_kept() -> None:
    rows = vectors()
    index = filled("1bit", rows)
    index.add([ROWS], rows[:1] + 1)
    allowed = np.random.default_rng(2).random(len(index)) < 0.2
    ids, _ = index.search(vectors(20, seed=9), k=10, allowed=allowed)
    assert ids.shape == (20, 10)
    assert allowed[ids].all()


def test_saved_index_answers_as_before(tmp_path: Path) -> None:
    rows = vectors()
    queries = vectors(20, seed=9)
    for code in ("4bit", "int8"):
        index = filled(code, rows)
        index.add([ROWS], rows[:1] + 1)
        index.remove([4])
        index.save(tmp_path / "saved")
        again = VectorIndex.load(tmp_path / "saved")
        assert again.quantization == code
        assert len(again) == len(index) == ROWS
        for a, b in zip(index.search(queries), again.search(queries), strict=True):
            assert np.array_equal(a, b)


def test_saved_index_of_an_unknown_code_is_refused(tmp_path: Path) -> None:
    index = filled("4bit", vectors(20))
    index.quantization = "pq64"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_index, "CODES", ("",) * 40 + ("pq64",))
        index.save(tmp_path / "saved")
    with pytest.raises(BadInput, match=r"the code is \[40\]; known are 0 to"):
        VectorIndex.load(tmp_path / "saved")


def test_full_disk_adds_nothing_and_leaves_the_index_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = vectors()
    index = filled("4bit", rows)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        with pytest.raises(OSError, match="No space"):
            index.add([ROWS], -rows[:1])
    assert len(index) == ROWS
    assert index.search(-rows[0], k=1)[0].tolist() != [[ROWS]]
    index.add([ROWS + 1], -rows[:1])
    assert index.search(-rows[0], k=1)[0].tolist() == [[ROWS + 1]]
    assert index.remove([ROWS, ROWS + 1]) == 1


def test_searches_beside_a_writer_find_what_is_there() -> None:
    rows, more = vectors(), vectors(4200, seed=5)
    index = filled("2bit", rows, "euclid")
    done = threading.Event()

    def search() -> list[int]:
        missed = []
        while not done.is_set():
            for row in range(0, 200, 20):
                ids, scores = index.search(rows[row], k=3, beam=1000)  # looks at every code
                if ids[0, 0] != row or scores[0, 0] > 1e-3:
                    missed.append(row)
        return missed

    with ThreadPoolExecutor(2) as pool:
        searches = [pool.submit(search) for _ in range(2)]
        for start in range(0, len(more), 700):
            ids = np.arange(ROWS + start, ROWS + start + 700)
            index.add(ids, more[start : start + 700], threads=1)
            index.remove(ids[::3])
        done.set()
    assert [one.result() for one in searches] == [[], []]


def test_few_rows_are_compared_exactly() -> None:
    index = VectorIndex(4, quantization="pq16")
    assert index.search([1, 0, 0, 0], k=3)[0].shape == (1, 0)
    index.add([1, 2], [[1, 0, 0, 0], [0, 1, 0, 0]])
    assert index.search([0, 2, 0, 0], k=3)[0].tolist() == [[2, 1]]


def test_unfit_quantization_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BadInput, match=r"3bit.*4bit.*pq64"):
        VectorIndex(4, quantization="3bit")
    with pytest.raises(BadInput, match="int8 or one of the pq"):
        VectorIndex(4, "manhattan", "4bit")
    index = VectorIndex(DIM, "manhattan", "int8", links_per_node=16, build_beam=60)
    rows = vectors()
    index.add(np.arange(ROWS), rows, threads=1)
    expected, _ = exact_search(rows[:20], rows, Metric.MANHATTAN, 10, None, 1)
    assert recall(index.search(rows[:20], beam=120)[0], expected) >= 0.95
