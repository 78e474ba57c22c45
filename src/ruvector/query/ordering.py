"""Which rows come first by a payload field? The sorted values of an index, taken with the view.

Only indexes that know ranges can order: integer, float and datetime (in microseconds since 1970). A
row with several values stands once for each distinct one. Numbers keep their kind: integers stay
integers. Integers beyond 64 bits, which no index sorts, have no place.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ruvector.collection.segment import Rows
from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.index.payload.bitmaps import rows_of
from ruvector.model.queries import OrderBy

Values = NDArray[Any]


class Order(NamedTuple):
    """The values of a field in the wanted order, from the wanted start on.

    `keys` sort like the values: int64, or float64. Where a field holds integers and floats,
    `places` says where each stands in `parts`, one after the other; None where keys are values.
    """

    keys: Values
    rows: Rows
    places: NDArray[np.intp] | None = None
    parts: tuple[Values, ...] = ()

    def take(self, allowed: BitMap, k: int) -> tuple[Rows, list[Any]]:
        """Return the first k rows that are allowed, and their values."""
        last = max(allowed.max() if allowed else 0, int(self.rows.max(initial=0)))
        mask = np.zeros(last + 1, dtype=np.bool_)
        mask[rows_of(allowed)] = True
        chosen = np.flatnonzero(mask[self.rows])[:k]
        return self.rows[chosen], self._values(chosen)

    def _values(self, chosen: NDArray[np.intp]) -> list[Any]:
        if self.places is None:
            values: list[Any] = self.keys[chosen].tolist()
            return values
        integers, floats = self.parts
        count = len(integers)
        return [
            integers[place].item() if place < count else floats[place - count].item()
            for place in self.places[chosen].tolist()
        ]

    def at(self, chosen: Any) -> "Order":
        """Return the order of some of its positions."""
        places = None if self.places is None else self.places[chosen]
        return Order(self.keys[chosen], self.rows[chosen], places, self.parts)


def take_order(view: View, wanted: OrderBy) -> Order:
    """Return the order of a field's values. Call while the lock of the view's shard is held."""
    columns = columns_of(view, wanted.key, "order_by")
    order = _sorted([column.pairs() for column in columns])
    if len(order.rows) > 1:
        keys, rows = order.keys, order.rows
        repeated = (keys[1:] == keys[:-1]) & (rows[1:] == rows[:-1])
        if repeated.any():
            order = order.at(np.concatenate([[True], ~repeated]))
    if wanted.start_from is not None:
        start = wanted.start_from
        order = order.at(order.keys <= start if wanted.descending else order.keys >= start)
    return order.at(_descending(order.keys)) if wanted.descending else order


def columns_of(view: View, key: str, use: str) -> Sequence[Any]:
    """Return the sorted columns of a field's numbers or moments; BadInput where it has none."""
    index: Any = view.field_index(key)
    numbers = getattr(index, "numbers", None)
    if numbers is not None:
        return (numbers.integers, numbers.floats)
    moments = getattr(index, "moments", None)
    if moments is not None:
        return (moments,)
    raise BadInput(
        f"No range index for `{use}` key: `{key}`. Please create one to use `{use}`: "
        "integer (with range), float or datetime"
    )


def _sorted(parts: Sequence[tuple[Values, Rows]]) -> Order:
    """Return one order of several sorted columns."""
    filled = [part for part in parts if len(part[0])]
    if len(filled) < 2:
        return Order(*(filled or parts)[0])
    keys = np.concatenate([values.astype(np.float64) for values, _ in filled])
    rows = np.concatenate([rows for _, rows in filled])
    order = np.lexsort((rows, keys))
    return Order(keys[order], rows[order], order, tuple(values for values, _ in filled))


def _descending(keys: Values) -> NDArray[np.intp]:
    """Return positions from the highest key down; those of one key stay in their order."""
    if not len(keys):
        return np.empty(0, dtype=np.intp)
    starts = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1])
    sizes = np.diff(starts, append=len(keys))
    starts, sizes = starts[::-1], sizes[::-1]
    before = np.cumsum(sizes) - sizes
    positions: NDArray[np.intp] = np.arange(len(keys)) + np.repeat(starts - before, sizes)
    return positions
