"""How fast at which recall? Every peer is built, then all are measured in turn, several rounds.

Peers alternate within a round and the order turns round with every round, so that a busy moment of
the machine hits no single one; the median round counts. Whoever's turn it is finds the caches full
of another's rows, so indexed vectors are searched first, uncounted. Time is that of each call
alone; queries per second are 1 / its mean.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruvector.bench.machine import one_core, resident_bytes
from ruvector.bench.peers import Peer, Search
from ruvector.bench.vectors import Dataset, recall_of
from ruvector.kernel import Float32Array

K = 10
BEAMS = (10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 400)
# Searches until speed is steady: a narrow beam needs most (benchmarks/frontier.py).
WARM_UP = 200
# Where recall is this good a wider beam shows nothing more.
ENOUGH = 0.998
OURS = "ruvector"  # its errors are ours to see, not a result
RECALLS = (0.90, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Setting:
    """What one beam gives: recall, queries per second, microseconds a query."""

    beam: int
    recall: float
    qps: float
    p50_us: float
    p99_us: float


@dataclass(slots=True)
class Curve:
    """One peer: how long it took to build, how large it is, and its settings by beam."""

    name: str
    version: str = ""
    settings: str = ""
    build_seconds: float = 0.0
    ingest_seconds: float = 0.0  # of a database
    bytes_per_vector: float = 0.0
    bytes_are_measured: bool = False  # growth of resident memory, not the library's own word
    points: list[Setting] = field(default_factory=list)
    missing: str = ""


@dataclass(slots=True)
class _Contender:
    peer: Peer
    curve: Curve
    rounds: dict[int, list[tuple[float, NDArray[np.float64]]]] = field(default_factory=dict)

    def run(
        self, beam: int, warm_up: Float32Array, queries: Float32Array, truth: NDArray[Any]
    ) -> None:
        """Measure one beam, unless a narrower one already finds nearly everything."""
        enough = [past for past, runs in self.rounds.items() if runs[0][0] >= ENOUGH]
        if self.curve.missing or (enough and beam > min(enough)):
            return
        if self.peer.only_beam not in (None, beam):
            return
        try:
            search = self.peer.search(beam, truth.shape[1])
            for query in warm_up:
                search(query)
            timed = time_queries(search, queries, truth)
        except Exception as error:
            if self.peer.package == OURS:
                raise
            self.curve.missing = failure(error)
            return
        self.rounds.setdefault(beam, []).append(timed)


# Called with what is being done and the share of the work that is done, 0 to 1.
Progress = Callable[[str, float], None]


def measure(
    peers: Mapping[str, type[Peer]],
    found: Dataset,
    truth: NDArray[Any],
    *,
    distance: str = "cosine",
    threads: int = 0,
    rounds: int = 5,
    beams: Sequence[int] = BEAMS,
    progress: Progress = lambda _text, _share: None,
) -> list[Curve]:
    """Return a curve for each peer, in their order; one that cannot be measured says why.

    ``truth`` uint32 [q, k]: the true neighbours of ``found.queries``.
    """
    built = []
    for position, (name, kind) in enumerate(peers.items()):
        progress(f"build {name}", 0.4 * position / len(peers))
        built.append(_build(name, kind, found.vectors, distance, threads))
    contenders = [one for one in built if isinstance(one, _Contender)]
    warm_up = found.vectors[:: max(1, len(found.vectors) // WARM_UP)][:WARM_UP]
    with one_core():
        for number in range(rounds):
            for position, beam in enumerate(beams):
                share = (number + position / len(beams)) / rounds
                progress(f"round {number + 1} of {rounds}, beam {beam}", 0.4 + 0.6 * share)
                for one in contenders if number % 2 == 0 else reversed(contenders):
                    one.run(beam, warm_up, found.queries, truth)
    progress("done", 1.0)
    for one in contenders:
        one.curve.points = [setting_of(beam, runs) for beam, runs in one.rounds.items()]
        one.peer.close()
    return [one.curve if isinstance(one, _Contender) else one for one in built]


def time_queries(
    search: Search, queries: Float32Array, truth: NDArray[Any]
) -> tuple[float, NDArray[np.float64]]:
    """Return the recall of one call a query, and the seconds each took."""
    seconds = np.empty(len(queries))
    found = []
    for position, query in enumerate(queries):
        start = time.perf_counter()
        answer = search(query)
        seconds[position] = time.perf_counter() - start
        found.append(answer)
    return recall_of(found, truth), seconds


def setting_of(beam: int, runs: Sequence[tuple[float, NDArray[np.float64]]]) -> Setting:
    """Return the median of the rounds; of their recalls, which should be equal, the lowest."""
    seconds = [times for _, times in runs]
    p50, p99 = (float(np.median([np.percentile(one, q) for one in seconds])) for q in (50, 99))
    return Setting(
        beam,
        min(recall for recall, _ in runs),
        1 / float(np.median([one.mean() for one in seconds])),
        p50 * 1e6,
        p99 * 1e6,
    )


def at_recall(points: Iterable[Setting], wanted: float) -> float | None:
    """Return queries per second at a recall; None where no setting reaches it.

    Between two settings of the best ones (none slower is less accurate) the logarithm of the speed
    is interpolated; below the lowest recall that was measured its speed stands, so that nothing is
    guessed.
    """
    best: list[Setting] = []
    for point in sorted(points, key=lambda one: (one.recall, one.qps), reverse=True):
        if not best or point.qps > best[-1].qps:
            best.append(point)
    above = [point for point in best if point.recall >= wanted]
    if not above:
        return None
    upper = above[-1]
    below = best[len(above) :]
    if not below or upper.recall == wanted:
        return upper.qps
    lower = below[0]
    share = (wanted - lower.recall) / (upper.recall - lower.recall)
    return math.exp((1 - share) * math.log(lower.qps) + share * math.log(upper.qps))


def _build(
    name: str, kind: type[Peer], vectors: Float32Array, distance: str, threads: int
) -> "_Contender | Curve":
    if missing := kind.missing(distance):
        return Curve(name, settings=kind.settings, missing=missing)
    curve = Curve(name, kind.version(), kind.settings)
    before = resident_bytes()
    start = time.perf_counter()
    try:
        peer = kind(distance)
        peer.build(vectors, threads)
    except Exception as error:  # whatever another library raises is its result
        if kind.package == OURS:
            raise
        curve.missing = failure(error)
        return curve
    curve.ingest_seconds = peer.ingest_seconds
    curve.build_seconds = time.perf_counter() - start - peer.ingest_seconds
    reported = peer.memory_bytes()
    curve.bytes_are_measured = reported is None
    size = max(0, resident_bytes() - before) if reported is None else reported
    curve.bytes_per_vector = size / len(vectors)
    return _Contender(peer, curve)


def failure(error: Exception) -> str:
    """Return what another library's error says, in one line."""
    return f"failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
