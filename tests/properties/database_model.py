"""What should a collection answer? A dict of points, and brute force over it.

The model knows no segments, logs or indexes; it is what `test_model.py` compares a database with.
"""

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.model.ids import id_key
from ruvector.model.query_vectors import SparseVector

DIM = 4
NAMES = ("left", "right")
SPARSE, MULTI, GUEST = "few", "many", "guest"  # the guest comes and goes on the live collection
Point = dict[str, Any]  # {"vectors": {name: [floats]}, "payload": {...}}
Points = dict[int | str, Point]


class Model:
    """The points of each collection, indexed fields, aliases."""

    def __init__(self) -> None:
        self.collections: dict[str, Points] = {}
        self.guests: dict[str, int] = {}  # the dimensions of a collection's guest, where it has one
        self.aliases: dict[str, str] = {}
        self.kept: dict[str, tuple[Points, int | None]] = {}  # by collection, with its guest

    def keep(self, name: str) -> None:
        """Remember a collection as it is."""
        self.kept[name] = copy.deepcopy((self.collections[name], self.guests.get(name)))

    def restore(self, source: str, target: str) -> None:
        """Make a collection what was remembered of one."""
        points, guest = copy.deepcopy(self.kept[source])
        self.collections[target] = points
        self.guests.pop(target, None)
        if guest is not None:
            self.guests[target] = guest

    def upsert(self, name: str, batch: list[tuple[int | str, Point]]) -> None:
        """Insert or replace."""
        for point_id, point in batch:
            self.collections[name][point_id] = copy.deepcopy(point)

    def delete(self, name: str, ids: list[int | str]) -> None:
        """Remove; unknown ids are passed over."""
        for point_id in ids:
            self.collections[name].pop(point_id, None)

    def matching(self, name: str, field: str, value: Any) -> list[int | str]:
        """Return the ids whose payload has this value."""
        return [i for i, p in self.collections[name].items() if p["payload"].get(field) == value]


class Database:
    """The database under test; `crash` goes on with a copy of the open folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self.client: RuvectorClient = ruvector.open(self._path)

    @property
    def _path(self) -> Path:
        return self._folder / str(self._number)

    def reopen(self) -> None:
        """Close in order and open again."""
        self.client.close()
        self.client = ruvector.open(self._path)

    def crash(self) -> None:
        """Go on with what a kill at this moment would leave: no write is under way."""
        old = self._path
        self._number += 1
        shutil.copytree(old, self._path)
        self.client.close()
        shutil.rmtree(old)
        self.client = ruvector.open(self._path)

    def close(self) -> None:
        """Close and remove."""
        self.client.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def check_points(client: RuvectorClient, name: str, points: Points) -> None:
    """Compare ids, their order, vectors, payloads and counts."""
    records = list(client.iterate(name, page_size=7, with_vectors=True))
    ordered = sorted(points, key=id_key)
    assert [r.id for r in records] == ordered
    for record in records:
        point = points[record.id]
        vectors = {key: plain(v) for key, v in (record.vector or {}).items()}
        assert vectors == point["vectors"], record.id
        assert (record.payload or {}) == point["payload"], record.id
    assert client.count(name) == len(points)


def plain(vector: Any) -> Any:
    """Return a vector as the model keeps it: lists, or indices to values."""
    if isinstance(vector, SparseVector):
        return dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
    return np.asarray(vector, dtype=np.float32).tolist()


def wire(vectors: dict[str, Any]) -> dict[str, Any]:
    """Return vectors as they are written: the model keeps sparse ones as a dict."""
    return {
        name: {"indices": list(vector), "values": list(vector.values())}
        if isinstance(vector, dict)
        else vector
        for name, vector in vectors.items()
    }


def score_of(vector: Any, query: Any) -> float | None:
    """Return the score of a vector by the query of its kind, None where it is not found."""
    if isinstance(vector, dict):
        shared = set(vector) & set(query)
        return sum(vector[i] * query[i] for i in shared) if shared else None
    products = np.atleast_2d(np.float32(query)) @ np.atleast_2d(np.float32(vector)).T
    return float(products.max(axis=1).sum())


def check_search(
    client: RuvectorClient, name: str, points: Points, query: Any, using: str, tag: Any
) -> None:
    """Compare exact and graph search, without and with a filter, with brute force."""
    for filter in (None, {"tag": tag}):
        scores = {
            i: score
            for i, p in points.items()
            if using in p["vectors"] and (filter is None or p["payload"].get("tag") == tag)
            if (score := score_of(p["vectors"][using], query)) is not None
        }
        best = sorted(scores.values(), reverse=True)[:5]
        asked = wire({"": query})[""]
        hits = client.search(name, asked, 5, using=using, filter=filter, params={"exact": True})
        assert [round(h.score, 3) for h in hits] == [round(s, 3) for s in best]
        for found in (hits, client.search(name, asked, 5, using=using, filter=filter)):
            assert len(found) == len(best)
            assert len({h.id for h in found}) == len(found), "an id came twice"
            for hit in found:
                assert abs(hit.score - scores[hit.id]) < 1e-3
                assert hit.payload == points[hit.id]["payload"]
