"""Can a damaged file or array make the graph crash? Each byte altered, each truncation.

Without a checksum in the way: the alterations reach the kernel's own checks. `native/sanitize.sh`
sets RUVECTOR_EVERY_BYTE and takes every place instead of a sample.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ruvector.errors import BadInput
from ruvector.index.graph import Graph
from ruvector.index.vector_file import read_file, write_file
from ruvector.index.vector_index import VectorIndex
from ruvector.kernel import Metric

EVERY_BYTE = "RUVECTOR_EVERY_BYTE" in os.environ
ROWS, DIM = 14, 3


def places(size: int, sample: int) -> range:
    return range(0, size, 1 if EVERY_BYTE else max(size // sample, 1))


def values_at(place: int, byte: int) -> Iterator[int]:
    yield byte ^ 1 << place % 8
    yield 0xFF if byte != 0xFF else 0


def vectors(dim: int = DIM) -> np.ndarray:
    rows = np.random.default_rng(1).standard_normal((ROWS, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def saved(path: Path, dim: int = DIM) -> VectorIndex:
    index = VectorIndex(dim, "dot", links_per_node=4, build_beam=8)
    index.add(np.arange(ROWS), vectors(dim))
    index.remove([3])
    index._link(index._rows.core, np.arange(ROWS, dtype=np.uint32), 1)  # so few are never linked
    index.save(path)
    return index


def answers(index: VectorIndex) -> list[list[object]]:
    rows = vectors(index.dimensions)
    index.add([99], rows[:1])
    index.remove([0, 5])
    index._rows.core.search(rows, 5, 8, None, -1, 0, False, 1)  # a walk, where so few are scanned
    return [part.tolist() for part in index.search(rows, k=20)]


@pytest.mark.parametrize("dim", [DIM, 64])  # 64: a packed graph, saved as nodes
def test_each_byte_of_a_saved_index_is_guarded(tmp_path: Path, dim: int) -> None:
    expected = answers(saved(tmp_path / "good", dim))
    good = (tmp_path / "good").read_bytes()
    assert answers(VectorIndex.load(tmp_path / "good")) == expected
    bad = tmp_path / "bad"
    bad.write_bytes(good)
    with bad.open("r+b", buffering=0) as file:
        for place in places(len(good), 100):
            for value in values_at(place, good[place]):
                os.pwrite(file.fileno(), bytes([value]), place)
                with pytest.raises(BadInput, match="bad"):
                    VectorIndex.load(bad)
            os.pwrite(file.fileno(), good[place : place + 1], place)
        assert bad.read_bytes() == good
        for size in reversed(places(len(good), 100)):
            file.truncate(size)
            with pytest.raises(BadInput, match="bad"):
                VectorIndex.load(bad)


@pytest.mark.parametrize(("dim", "mapped"), [(DIM, False), (64, True)])
def test_a_forged_index_with_right_checksums_never_crashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dim: int, mapped: bool
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)  # thousands of files, none worth keeping
    saved(tmp_path / "good", dim)
    header, arrays = read_file(tmp_path / "good")
    bad = tmp_path / "bad"

    def survives(name: str, array: np.ndarray) -> bool:
        changed = {**arrays, name: array}
        shapes = {key: (str(a.dtype), a.shape, [a]) for key, a in changed.items()}
        write_file(bad, header.distance, header.dimensions, shapes)
        try:
            index = VectorIndex.load(bad, mapped=mapped)
        except BadInput:
            return False
        found, scores = answers(index)
        assert all(len(set(row)) == len(row) == len(index) for row in found)
        return not np.isnan(scores).any()

    assert survives("ids", arrays["ids"])
    for name, array in arrays.items():
        raw = array.tobytes()
        for place in places(len(raw), 40):
            for value in values_at(place, raw[place]):
                altered = bytearray(raw)
                altered[place] = value
                survives(name, np.frombuffer(altered, array.dtype).reshape(array.shape))
        for rows in range(len(array)):
            survives(name, array[:rows])
        survives(name, array.astype(np.float64) if name != "settings" else array.astype("f4"))
        survives(name, array[None])
    for norm_limit in (np.nan, np.inf, -1.0):
        settings = arrays["settings"].copy()
        settings[3] = norm_limit
        assert not survives("settings", settings)


def test_forged_headers_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "good")
    header, arrays = read_file(tmp_path / "good")
    shapes = {key: (str(a.dtype), a.shape, [a]) for key, a in arrays.items()}
    for distance, dim in (("hamming", DIM), ("dot", 0), ("dot", 1 << 40), ("dot", DIM + 1)):
        write_file(tmp_path / "bad", distance, dim, shapes)
        with pytest.raises(BadInput, match="bad"):
            VectorIndex.load(tmp_path / "bad")
    for shape in ((0, 1 << 70), (1,) * 70 + (0,), (-1, 0), (0, -1)):
        nothing = np.empty(0, np.uint8)
        forged = {**shapes, "ids": ("uint64", shape, [nothing])}
        write_file(tmp_path / "bad", header.distance, header.dimensions, forged)
        with pytest.raises(BadInput, match="bad"):
            VectorIndex.load(tmp_path / "bad")


@pytest.mark.parametrize(("metric", "dim"), [(Metric.DOT, DIM), (Metric.EUCLID, 64)])
def test_altered_arrays_of_a_graph_never_crash_a_search(metric: Metric, dim: int) -> None:
    rows = vectors(dim)
    graph = Graph.build(rows, metric, links_per_node=4, build_beam=8, threads=1)
    good = {name: array.copy() for name, array in graph.arrays().items()}
    expected = graph.search(rows, 5, 8)[0].tolist()
    few, refused = rows[:2].copy(), 0
    for name, array in good.items():
        raw = array.tobytes()
        for place in places(len(raw), 60):
            for value in values_at(place, raw[place]):
                altered = bytearray(raw)
                altered[place] = value
                changed = np.frombuffer(altered, array.dtype).reshape(array.shape)
                try:
                    loaded = Graph.from_arrays({**good, name: changed}, rows, metric)
                except ValueError:
                    refused += 1
                    continue
                for full_scan_rows in (0, 1000):
                    found, _ = loaded.search_core(few, 5, 8, None, -1, full_scan_rows, False, 1)
                    assert all(len(set(row)) == 5 and max(row) < ROWS for row in found.tolist())
        for size in range(len(array)):
            if name == "entries" and size:
                continue  # fewer entries are a graph as well
            with pytest.raises(ValueError):
                Graph.from_arrays({**good, name: array[:size]}, rows, metric)
    assert refused > 20
    assert Graph.from_arrays(good, rows, metric).search(rows, 5, 8)[0].tolist() == expected
