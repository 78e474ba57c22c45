"""Is this batch of points fit to be stored? Checks everything before the store hears of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ruvector.collection.growing import Columns
from ruvector.collection.segment import Rows
from ruvector.collection.spaces import Column, Space, find_space
from ruvector.errors import BadInput
from ruvector.model.filters import Filter
from ruvector.model.ids import PointId, id_key, original_text
from ruvector.model.lifetimes import Moments
from ruvector.model.limits import MAX_BATCH_POINTS
from ruvector.model.points import PointsBlock


@dataclass(frozen=True, slots=True)
class PreparedPoints:
    """Points with unique ids; vectors as they are stored. `texts`: position to an id's own text."""

    ids: Sequence[PointId]
    keys: list[bytes]
    texts: dict[int, str]
    payloads: list[bytes | None] | None
    columns: Columns
    expiries: Moments | None = None  # when each is gone, 0 for never


class Changeable(NamedTuple):
    """Which points of a batch are stored: `mode`, and a filter that those that exist must match."""

    mode: Literal["upsert", "insert_only", "update_only"] = "upsert"
    filter: Filter | None = None


ALL_CHANGE = Changeable()


def chosen_points(points: PreparedPoints, positions: Sequence[int]) -> PreparedPoints:
    """Return some points of a batch."""
    if len(positions) == len(points.keys):
        return points
    return _only(points, {points.keys[i]: i for i in positions}, partial=False)


def prepare_points(
    points: PointsBlock,
    spaces: Mapping[str, Space],
    *,
    partial: bool = False,
    first: bool = False,
    expiries: Moments | None = None,
) -> PreparedPoints:
    """Return the batch ready to be stored; of points with the same id the last one counts.

    `partial`: points need not have all their vectors, so the last one of each name counts.
    `first`: the first point of an id counts.
    BadInput names the first thing that is wrong; then nothing of the batch is stored.
    """
    count = len(points)
    if count > MAX_BATCH_POINTS:
        raise BadInput(f"{count} points; at most {MAX_BATCH_POINTS} in one request")
    if points.payloads is not None and len(points.payloads) != count:
        raise BadInput(f"{count} ids but {len(points.payloads)} payloads")
    keys, texts = keys_of(points.ids)
    columns: dict[str, tuple[Column, Rows | None]] = {}
    for name, block in points.vectors.items():
        space = find_space(spaces, name)
        expected = count if block.positions is None else len(block.positions)
        if len(block) != expected:
            raise BadInput(f"{expected} points but {len(block)} vectors {name!r}")
        columns[space.key] = (space.read(block.rows), block.positions)
    prepared = PreparedPoints(points.ids, keys, texts, points.payloads, columns, expiries)
    places = reversed(range(count)) if first else range(count)
    counting = {keys[i]: i for i in places}
    return prepared if len(counting) == count else _only(prepared, counting, partial)


def keys_of(ids: Sequence[PointId]) -> tuple[list[bytes], dict[int, str]]:
    """Return the keys of ids, and the texts that must be kept beside some of them."""
    if isinstance(ids, np.ndarray):
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise BadInput(f"ids must be a flat array of integers, not {ids.dtype} {ids.shape}")
        ids = ids.tolist()
    keys = [id_key(point_id) for point_id in ids]
    texts = {
        i: text
        for i, point_id in enumerate(ids)
        if not isinstance(point_id, int) and (text := original_text(point_id, keys[i])) is not None
    }
    return keys, texts


def _only(points: PreparedPoints, last: Mapping[bytes, int], partial: bool) -> PreparedPoints:
    """Return each of these keys once; `last`: the position that counts of each."""
    chosen = sorted(last.values())
    new_position = {old: new for new, old in enumerate(chosen)}
    columns: dict[str, tuple[Column, Rows | None]] = {}
    for key, (vectors, positions) in points.columns.items():
        given = range(len(points.keys)) if positions is None else positions.tolist()
        source = {
            new_position[last[points.keys[position]]]: i
            for i, position in enumerate(given)
            if partial or position in new_position
        }
        moved = sorted(source)
        is_whole = positions is None or (partial and len(moved) == len(chosen))
        columns[key] = (
            vectors[[source[position] for position in moved]],
            None if is_whole else np.array(moved, dtype=np.uint32),
        )
    return PreparedPoints(
        [points.ids[i] for i in chosen],
        [points.keys[i] for i in chosen],
        {new_position[i]: text for i, text in points.texts.items() if i in new_position},
        None if points.payloads is None else [points.payloads[i] for i in chosen],
        columns,
        None if points.expiries is None else points.expiries[chosen],
    )
