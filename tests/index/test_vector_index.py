"""Does VectorIndex keep its promises: ids, replacement, removal, masks, files, threads?"""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ruvector.errors import BadInput
from ruvector.index.vector_file import read_file, write_file
from ruvector.index.vector_index import DISTANCES, VectorIndex
from ruvector.kernel import exact_search


def make(seed: int, n: int, dim: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, dim)) / np.sqrt(1 + np.arange(dim))).astype(np.float32)


def fast(dim: int, distance: str = "cosine") -> VectorIndex:
    return VectorIndex(dim, distance, links_per_node=24, build_beam=80)


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    pairs = zip(found.tolist(), expected.tolist(), strict=True)
    return sum(len(set(a) & set(b)) for a, b in pairs) / expected.size


def truth(queries: np.ndarray, vectors: np.ndarray, distance: str, k: int) -> np.ndarray:
    if distance == "cosine":
        queries, vectors = (
            x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, vectors)
        )
    return exact_search(queries, vectors, DISTANCES[distance], k)[0]


@pytest.mark.parametrize("distance", list(DISTANCES))
@pytest.mark.parametrize(("n", "dim"), [(300, 5), (3000, 5), (3000, 72)])
def test_neighbours_are_found_under_their_ids(distance: str, n: int, dim: int) -> None:
    vectors, queries = make(1, n, dim), make(2, 40, dim)
    ids = np.random.default_rng(3).permutation(10 * n)[:n].astype(np.uint64) + np.uint64(2**63)
    index = fast(dim, distance)
    for start in range(0, n, 1000):
        index.add(ids[start : start + 1000], vectors[start : start + 1000], threads=2)
    found, scores = index.search(queries, k=10, beam=100)
    assert found.dtype == np.uint64
    assert scores.dtype == np.float32
    assert recall(found, ids[truth(queries, vectors, distance, 10)]) > 0.95
    better = np.diff(scores, axis=1) * (-1 if distance in ("cosine", "dot") else 1)
    assert (better >= 0).all()
    assert len(index) == n
    assert index.memory_bytes > n * dim * 4


def test_later_batches_are_found_as_well_as_one_batch() -> None:
    vectors, queries = make(1, 6000, 72), make(2, 1000, 72)  # 100 differ by .01 by chance
    one, many = fast(72), fast(72)
    one.add(np.arange(6000), vectors, threads=2)
    many.add(np.arange(2500), vectors[:2500], threads=2)
    for start in range(2500, 6000, 70):
        part = vectors[start : start + 70]
        many.add(np.arange(start, start + len(part)), part, threads=2)
    expected = truth(queries, vectors, "cosine", 10)
    at_once, one_by_one = (recall(i.search(queries, beam=64)[0], expected) for i in (one, many))
    assert one_by_one > at_once - 0.01
    assert one_by_one > 0.95


def test_a_known_id_is_replaced() -> None:
    for n in (50, 3000):
        index = fast(8, "euclid")
        vectors = make(1, n, 8)
        index.add(np.arange(n), vectors)
        index.add([7, 9, 7], np.array([[50.0] * 8, [60.0] * 8, [70.0] * 8]))
        assert len(index) == n
        ids, scores = index.search([70.0] * 8, k=3)
        assert ids[0, :2].tolist() == [7, 9]
        assert scores[0, 0] == 0.0
        ids, _ = index.search(vectors[7], k=20)
        assert 7 not in ids
        assert index.ids.tolist()[-2:] == [9, 7]


@pytest.mark.parametrize("n", [60, 4000])
def test_a_removed_id_is_never_returned(n: int) -> None:
    vectors = make(1, n, 72)
    index = fast(72)
    index.add(np.arange(n), vectors, threads=2)
    for start in range(0, n // 2, max(n // 20, 1)):
        gone = np.arange(start, min(start + max(n // 20, 1), n // 2))
        assert index.remove(gone) == len(gone)
        ids, _ = index.search(vectors[: n // 2 : 7], k=10, beam=64)
        assert ids.min() > gone[-1]
    assert index.remove([0, 10**9]) == 0
    assert len(index) == n - n // 2
    expected = truth(vectors[::50].copy(), vectors[n // 2 :], "cosine", 10) + n // 2
    assert recall(index.search(vectors[::50], k=10)[0], expected) > 0.95
    index.remove(np.arange(n))
    assert len(index) == 0
    assert index.search(vectors[0])[0].shape == (1, 0)
    index.add([5], vectors[:1])
    assert index.search(vectors[0], k=3)[0].tolist() == [[5]]


def test_memory_does_not_grow_with_churn() -> None:
    index, vectors = fast(8), make(1, 3000, 8)
    index.add(np.arange(3000), vectors, threads=2)
    start = index.memory_bytes
    for step in range(60):
        part = np.arange(step * 200 % 3000, step * 200 % 3000 + 200)
        index.add(part, vectors[part], threads=2)
    assert len(index) == 3000
    assert index.memory_bytes < 2.2 * start


def test_only_allowed_vectors_are_returned_before_and_after_removals() -> None:
    index, vectors = fast(72), make(1, 4000, 72)
    index.add(np.arange(4000) * 3, vectors, threads=2)
    for removed in ([], [0, 3, 9000]):
        index.remove(removed)
        ids = index.ids
        allowed = ids % 2 == 0
        for mask in (allowed, np.packbits(allowed, bitorder="little")):
            found, _ = index.search(vectors[:20], k=10, allowed=mask)
            assert found.shape == (20, 10)
            assert (found % 2 == 0).all()
            assert not np.isin(found, removed).any()
    nothing = np.zeros(len(index), bool)
    assert index.search(vectors[0], allowed=nothing)[0].shape == (1, 0)
    nothing[5] = True
    assert index.search(vectors[0], allowed=nothing)[0].tolist() == [[ids[5]]]
    with pytest.raises(BadInput, match="allowed"):
        index.search(vectors[0], allowed=np.zeros(7, bool))
    with pytest.raises(BadInput, match="allowed"):
        index.search(vectors[0], allowed=np.zeros(len(index), np.float32))


@pytest.mark.parametrize("distance", list(DISTANCES))
@pytest.mark.parametrize("n", [0, 100, 2500])
@pytest.mark.parametrize("mapped", [False, True])
def test_a_loaded_index_is_the_saved_one(
    tmp_path: Path, distance: str, n: int, mapped: bool
) -> None:
    index, vectors = fast(70, distance), make(1, n + 1, 70)
    index.add(np.arange(n), vectors[:n], threads=2)
    index.remove(np.arange(0, n, 7))
    index.save(tmp_path / "index")
    index.save(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    saved = (tmp_path / "index").read_bytes()
    loaded = VectorIndex.load(tmp_path / "index", mapped=mapped)
    assert len(loaded) == len(index)
    assert loaded.ids.tolist() == index.ids.tolist()
    for before, after in zip(
        index.search(vectors[:9], k=5), loaded.search(vectors[:9], k=5), strict=True
    ):
        assert before.tolist() == after.tolist()
    loaded.add([10**6], vectors[n:])
    assert 10**6 in loaded.search(vectors[n], k=3, beam=100)[0] or distance == "dot"
    loaded.remove(np.arange(1, n // 4))
    assert not np.isin(loaded.search(vectors, k=5)[0], np.arange(1, n // 4)).any()
    assert (tmp_path / "index").read_bytes() == saved  # changes stay in memory


def test_a_file_with_links_instead_of_nodes_is_read(tmp_path: Path) -> None:
    index, vectors = fast(70), make(4, 2500, 70)
    index.add(np.arange(2500), vectors, threads=2)
    index.save(tmp_path / "index")
    header, arrays = read_file(tmp_path / "index")
    older = {name: array for name, array in arrays.items() if name != "nodes"}
    older["links"] = index._rows.core.copy_links(0, 2500)
    shapes = {name: (str(array.dtype), array.shape, [array]) for name, array in older.items()}
    write_file(tmp_path / "older", header.distance, header.dimensions, shapes)
    loaded = VectorIndex.load(tmp_path / "older")
    assert "nodes" in arrays
    for before, after in zip(index.search(vectors[:50]), loaded.search(vectors[:50]), strict=True):
        assert before.tolist() == after.tolist()


def test_a_loaded_index_grows_as_well_as_another(tmp_path: Path) -> None:
    vectors = make(3, 9000, 70)
    index = fast(70)
    index.add(np.arange(4000), vectors[:4000])
    index.save(tmp_path / "index")
    for grown in (
        VectorIndex.load(tmp_path / "index"),
        VectorIndex.load(tmp_path / "index", mapped=True),
    ):
        grown.add(np.arange(4000, 9000), vectors[4000:])
        expected = truth(vectors[:100], vectors, "cosine", 10)
        assert recall(grown.search(vectors[:100], beam=96)[0], expected) > 0.95


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    index = fast(6)
    index.add(np.arange(40), make(1, 40, 6))
    index.save(tmp_path / "good")
    good = (tmp_path / "good").read_bytes()
    bad = tmp_path / "bad"
    for size in [*range(0, 200, 13), len(good) // 2, len(good) - 1]:
        bad.write_bytes(good[:size])
        with pytest.raises(BadInput, match="bad"):
            VectorIndex.load(bad)
    for place in range(0, len(good), 5):
        altered = bytearray(good)
        altered[place] ^= 1 << place % 8
        bad.write_bytes(altered)
        with pytest.raises(BadInput, match="bad"):
            VectorIndex.load(bad)
    bad.write_bytes(good + b"x")
    with pytest.raises(BadInput):
        VectorIndex.load(bad)
    with pytest.raises(FileNotFoundError):
        VectorIndex.load(tmp_path / "missing")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = fast(4)
    index.add([1], [[1, 2, 3, 4]])
    index.save(tmp_path / "index")
    index.add([2], [[1, 2, 3, 5]])

    def fail(_: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        index.save(tmp_path / "index")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert len(VectorIndex.load(tmp_path / "index")) == 1


@pytest.mark.parametrize("distance", list(DISTANCES))
@pytest.mark.parametrize("n", [10, 2500])
def test_a_zero_vector_has_a_score(distance: str, n: int) -> None:
    index = fast(64, distance)
    vectors = make(1, n, 64)
    vectors[3] = 0
    index.add(np.arange(n), vectors, threads=2)
    for query in (np.zeros(64), vectors[5]):
        _, scores = index.search(query, k=10)
        assert np.isfinite(scores).all()
    if distance == "cosine":
        assert (index.search(np.zeros(64), k=10)[1] == 0).all()


@pytest.mark.parametrize(
    "vectors",
    [
        [[np.nan, 0, 0]],
        [[np.inf, 0, 0]],
        [[1e39, 0, 0]],
        [[1, 2]],
        [[1, 2, 3, 4]],
        [[[1, 2, 3]]],
        [[np.inf, -np.inf, 0]],
    ],
)
def test_vectors_that_are_none_are_refused(vectors: list[list[float]]) -> None:
    index = VectorIndex(3)
    with pytest.raises(BadInput):
        index.add([1], np.array(vectors))
    with pytest.raises(BadInput):
        index.search(np.array(vectors))
    assert len(index) == 0


def test_large_but_finite_vectors_are_taken() -> None:
    for distance in DISTANCES:
        index = VectorIndex(2, distance)
        index.add([1, 2], [[3e38, 3e38], [1, 1]])
        assert sorted(index.search([1.0, 1.0], k=2)[0][0].tolist()) == [1, 2]


def test_other_wrong_input_is_refused() -> None:
    index = VectorIndex(3)
    for ids in ([1, 2], [[1]], [-1], [1.5], ["a"]):
        with pytest.raises(BadInput):
            index.add(ids, [[1, 2, 3]])
    for k, beam in ((0, 5), (5, 0)):
        with pytest.raises(BadInput):
            index.search([1, 2, 3], k=k, beam=beam)
    for arguments in ((0,), (65537,), (3, "hamming"), (3, "dot", "3bit")):
        with pytest.raises(BadInput):
            VectorIndex(*arguments)
    with pytest.raises(BadInput):
        VectorIndex(3, links_per_node=1)
    index.add([], np.empty((0, 3)))
    assert len(index) == 0


def test_the_widest_and_the_narrowest_vectors_work() -> None:
    for dim in (1, 65536):
        index = VectorIndex(dim, "euclid")
        index.add([1, 2], np.array([[1.0] * dim, [2.0] * dim]))
        assert index.search([1.9] * dim, k=2)[0].tolist() == [[2, 1]]


def test_the_longest_dot_product_vector_added_later_is_found() -> None:
    vectors = make(1, 4000, 72)
    index = fast(72, "dot")
    index.add(np.arange(3000), vectors[:3000], threads=2)
    index.add([9999], vectors[:1] * 20)
    assert index.search(vectors[0], k=1)[0].tolist() == [[9999]]
    index.add(np.arange(3000, 4000), vectors[3000:] * 1.4, threads=2)
    every = np.concatenate([vectors[:3000], vectors[:1] * 20, vectors[3000:] * 1.4])
    ids = np.concatenate([np.arange(3000), [9999], np.arange(3000, 4000)])
    expected = ids[truth(vectors[:50].copy(), every.astype(np.float32), "dot", 5)]
    found = index.search(vectors[:50], k=5, beam=128)[0]
    assert recall(found, expected) > 0.95


def test_searches_beside_writers_see_only_what_is_there() -> None:
    vectors = make(1, 4000, 64)
    index = fast(64)
    index.add(np.arange(2500), vectors[:2500], threads=1)
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        query = 0
        while not done.is_set():
            ids, scores = index.search(vectors[query], k=10, beam=32)
            if len(set(ids[0].tolist())) != 10 or not np.isfinite(scores).all():
                failures.append(str(ids))
            if (ids >= 4000).any() or (np.isin(ids, np.arange(100)).any() and removed.is_set()):
                failures.append("removed id " + str(ids))
            query = (query + 31) % 4000

    removed = threading.Event()
    index.remove(np.arange(100))
    removed.set()
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(2500, 4000, 100):
        index.add(np.arange(start, start + 100), vectors[start : start + 100], threads=1)
        index.add(np.arange(1000, 1100), vectors[1000:1100], threads=1)
        index.remove(np.arange(start, start + 50))
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert len(index) == 2500 - 100 + 1500 // 2


def test_no_search_waits_for_a_writer() -> None:
    vectors = make(1, 100, 8)
    index = fast(8)
    index.add(np.arange(100), vectors)
    index.remove([4, 7])
    mask = index.ids < 50
    expected = index.search(vectors[0], k=100)[0].tolist()
    with ThreadPoolExecutor(1) as pool, index._lock:
        allowed = pool.submit(index.search, vectors[0], 100, 64, 1, mask)
        assert sorted(allowed.result(30)[0][0].tolist()) == index.ids[mask].tolist()
        index._replacements += 1  # as during an add that replaces
        assert pool.submit(index.search, vectors[0], 100).result(30)[0].tolist() == expected
        index._replacements += 1
        assert pool.submit(lambda: len(index.ids) == len(index) == 98).result(30)
        assert pool.submit(lambda: index.memory_bytes).result(30) > 0


@pytest.mark.parametrize("n", [60, 2600])
def test_a_search_during_a_write_sees_the_index_before_it(n: int) -> None:
    vectors = make(1, n + 20, 64)
    index = fast(64)
    index.add(np.arange(n), vectors[:n], threads=2)
    index.remove(np.arange(5))
    view = index._view
    index.add(np.arange(5, 15), vectors[n : n + 10])
    index.remove(np.arange(15, 25))
    before = np.arange(5, n)
    everything, scores = index._search_view(view, vectors[:1], n, n, 1, None)
    assert sorted(everything[0].tolist()) == before.tolist()
    assert np.isfinite(scores).all()
    even = index._search_view(view, vectors[:1], n, n, 1, before % 2 == 0)[0]
    assert sorted(even[0].tolist()) == before[before % 2 == 0].tolist()
    assert view.ids().tolist() == before.tolist()
    assert sorted(index.ids.tolist()) == [*range(5, 15), *range(25, n)]


def test_masks_beside_replacements_return_allowed_ids_and_fill_every_place() -> None:
    vectors = make(1, 2500, 64)
    index = fast(64)
    index.add(np.arange(2500), vectors, threads=2)
    failures: list[str] = []
    done = threading.Event()

    def read() -> None:
        mask = np.ones(2500, bool)  # replacing changes the order of ids, not their number
        for query in range(0, 2500, 5):
            ids, scores = index.search(vectors[query], k=10, beam=16, allowed=mask)
            if len(set(ids[0].tolist())) != 10 or ids.max() >= 2500 or np.isnan(scores).any():
                failures.append(str(ids))
            if done.is_set():
                break

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for start in range(0, 400, 20):
        index.add(np.arange(start, start + 20), vectors[start : start + 20] * 1.5, threads=1)
    done.set()
    for reader in readers:
        reader.join()
    assert not failures


@pytest.mark.parametrize("share", [0.05, 0.25])
@pytest.mark.parametrize("kind", ["anywhere", "near the queries"])
def test_recall_beside_removed_rows_is_that_of_the_rest(kind: str, share: float) -> None:
    vectors = make(1, 4000, 64)
    queries = make(2, 60, 64)
    order = np.random.default_rng(3).permutation(4000)
    if kind == "near the queries":
        queries = (queries * 0.1 + queries[0]).astype(np.float32)
        order = truth(queries[:1], vectors, "cosine", 4000)[0]
    index = fast(64)
    index.add(np.arange(4000), vectors, threads=2)
    gone = order[: int(share * 4000)]
    index.remove(gone)
    left = np.setdiff1d(np.arange(4000), gone)
    found, _ = index.search(queries, k=10, beam=32)
    assert found.shape == (60, 10)
    assert recall(found, left[truth(queries, vectors[left], "cosine", 10)]) > 0.93


@pytest.mark.parametrize(("dim", "distance"), [(96, "cosine"), (96, "dot"), (16, "euclid")])
def test_recall_survives_the_replacement_of_every_row(dim: int, distance: str) -> None:
    vectors, queries = make(1, 9000, dim), make(2, 60, dim)
    index = fast(dim, distance)
    index.add(np.arange(3000), vectors[:3000], threads=2)

    def measured(first: int) -> float:
        left = vectors[first : first + 3000]
        found, _ = index.search(queries, k=10, beam=64)
        return recall(found, truth(queries, left, distance, 10) + first)

    before = measured(0)
    for start in range(0, 6000, 500):
        index.remove(np.arange(start, start + 500))
        index.add(np.arange(start + 3000, start + 3500), vectors[start + 3000 : start + 3500])
    assert len(index) == 3000
    assert before > 0.95
    assert measured(6000) > before - 0.02
