"""Do the nodes of a packed graph hold what docs/formats/graph.md says? Read with numpy alone."""

import numpy as np
import pytest

from ruvector.index.graph import Graph
from ruvector.kernel import NO_ROW, Layout, Metric, _kernel, exact_search

DIM = 96


def clustered(seed: int, n: int, dim: int = DIM) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, dim)) + 2 * rng.standard_normal((1, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def built(vectors: np.ndarray, metric: Metric = Metric.COSINE, links: int = 32) -> _kernel.Graph:
    limit = float(np.quantile(np.linalg.norm(vectors, axis=1), 0.9))
    core = _kernel.Graph(vectors.shape[1], metric, 0, links, 60, 1.2, limit, Layout.PACKED)
    core.view_vectors(vectors, 1)
    core.link(np.arange(len(vectors), dtype=np.uint32), 1)
    return core


class Nodes:
    """The parts of all nodes, as arrays."""

    def __init__(self, core: _kernel.Graph, dim: int, links: int) -> None:
        raw = core.codes_view()
        self.lanes = (links + 31) // 32 * 32
        self.links = raw[:, : 4 * self.lanes].copy().view(np.uint32)
        start = 4 * self.lanes
        signs, add, rescale = [], [], []
        for _ in range(self.lanes // 32):
            signs.append(raw[:, start : start + 4 * dim].reshape(len(raw), dim // 8, 32))
            factors = raw[:, start + 4 * dim : start + 4 * dim + 256].copy().view(np.float32)
            add.append(factors[:, :32])
            rescale.append(factors[:, 32:])
            start += 4 * dim + 256
        self.signs = signs
        self.add, self.rescale = np.concatenate(add, axis=1), np.concatenate(rescale, axis=1)
        head = raw[:, start : start + 16].copy()
        self.version = head[:, :4].copy().view(np.uint32)[:, 0]
        self.scale, self.norm, self.excess = head[:, 4:].copy().view(np.float32).T
        codes = raw[:, start + 16 : start + 16 + dim].view(np.int8)
        self.vectors = codes * self.scale[:, np.newaxis].astype(np.float64)

    def lane(self, row: int, lane: int) -> np.ndarray:
        """The signs of one neighbour, bool [dim]."""
        m, groups = lane % 16, self.signs[lane // 32][row]
        j = 2 * m if m < 8 else 2 * (m - 8) + 1
        shift = 0 if lane % 32 < 16 else 4
        halves = np.stack([groups[:, j] >> shift & 15, groups[:, j + 16] >> shift & 15], axis=1)
        return (halves[..., np.newaxis] >> np.array([3, 2, 1, 0]) & 1).astype(bool).reshape(-1)


@pytest.mark.parametrize(("links", "metric"), [(32, Metric.COSINE), (40, Metric.DOT)])
def test_every_lane_is_the_code_of_its_neighbour(links: int, metric: Metric) -> None:
    vectors = clustered(1, 300)
    if metric == Metric.DOT:
        vectors *= (0.5 + np.random.default_rng(2).random((300, 1))).astype(np.float32)
    core = built(vectors, metric, links)
    dim = DIM + (32 if metric == Metric.DOT else 0)
    nodes = Nodes(core, dim, links)
    assert (nodes.version % 2 == 0).all()
    assert (nodes.links[:, links:] == NO_ROW).all()
    checked = 0
    for row in range(0, 300, 7):
        for lane in range(links):
            link = nodes.links[row, lane]
            if link == NO_ROW:
                assert np.isinf(nodes.add[row, lane])
                continue
            u, v = nodes.vectors[row], nodes.vectors[link]
            r = v - u
            clear = np.abs(r) > 1e-6
            signs = nodes.lane(row, lane)
            assert (signs == (r > 0))[clear].all()
            x = np.where(signs, 0.5, -0.5)
            ratio = r @ r / (r @ x)
            assert nodes.rescale[row, lane] == pytest.approx(-2 * ratio, rel=1e-3)
            expected = r @ r + 2 * ratio * (u @ x) - nodes.excess[link]
            assert nodes.add[row, lane] == pytest.approx(expected, abs=2e-3)
            checked += 1
    assert checked > 300


def test_rotated_rows_keep_their_distances() -> None:
    vectors = clustered(3, 200)
    nodes = Nodes(built(vectors), DIM, 32)
    true = ((vectors[:100] - vectors[100:]) ** 2).sum(axis=1)
    stored = ((nodes.vectors[:100] - nodes.vectors[100:]) ** 2).sum(axis=1)
    np.testing.assert_allclose(stored, true, rtol=0.02)
    np.testing.assert_allclose(nodes.norm, (nodes.vectors**2).sum(axis=1), rtol=1e-4)


def falling(seed: int, n: int, dim: int) -> np.ndarray:
    """Rows that vary most in the first dimensions, as embeddings do in a few directions."""
    rng = np.random.default_rng(seed)
    scales = 1 / np.sqrt(1 + np.arange(dim))
    return (rng.standard_normal((n, dim)) * scales).astype(np.float32)


def test_rows_far_from_the_origin_are_told_apart() -> None:
    vectors, queries = falling(1, 3000, 128) + 50, falling(2, 50, 128) + 50
    graph = Graph.build(vectors, Metric.EUCLID, threads=2, build_beam=80)
    expected, _ = exact_search(queries, vectors, Metric.EUCLID, 10)
    found, _ = graph.search(queries, 10, 64)
    hits = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), expected.tolist(), strict=True))
    assert hits > 0.95 * expected.size


def test_few_dimensions_are_walked_by_codes_and_many_by_estimates() -> None:
    few, many = falling(5, 2500, 64), falling(6, 2500, 768)
    settings = {"threads": 2, "build_beam": 60}
    assert Graph.build(few, Metric.EUCLID, **settings).arrays()["settings"][9] == 0
    assert Graph.build(many, Metric.EUCLID, **settings).arrays()["settings"][9] >= 1
