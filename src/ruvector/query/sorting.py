"""In which order are the hits of an answer shown? By a payload field, where `sort_by` asks for it.

An extension of ours. It orders what was found and finds nothing else: the hits are the best by
score, up to the limit. Numbers come before texts, and points with neither last, in both directions;
of several values the first in the wanted direction counts. No index is needed.
"""

from typing import Any

import msgspec
import numpy as np

from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.model.paths import parse_path, values_at
from ruvector.model.queries import OrderBy, parse_order_by
from ruvector.query.ranked import Ranked

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode


def parse_sort_by(source: Any) -> OrderBy | None:
    """Return the field to sort by: a key, or {"key", "direction"}."""
    if source is None:
        return None
    order = parse_order_by(source, "sort_by")
    if order.start_from is not None:
        raise BadInput("sort_by.start_from has no meaning: sorting leaves no hit out")
    return order


def sort_found(view: View, found: Ranked, order: OrderBy) -> Ranked:
    """Return the same rows by a payload field, with the values they are ordered by."""
    path = parse_path(order.key)
    values = [
        _value(values_at(_decode_json(record.payload) if record.payload else {}, path), order)
        for record in view.records(found.rows.tolist())
    ]
    places = np.array(_sorted_places(values, order), dtype=np.intp)
    return Ranked(found.rows[places], found.scores[places], [values[i] for i in places.tolist()])


def _sorted_places(values: list[Any], order: OrderBy) -> list[int]:
    numbers = [place for place, value in enumerate(values) if isinstance(value, int | float)]
    texts = [place for place, value in enumerate(values) if isinstance(value, str)]
    for places in (numbers, texts):
        places.sort(key=lambda place: values[place], reverse=order.descending)
    return [*numbers, *texts, *(i for i, value in enumerate(values) if value is None)]


def _value(values: list[Any], order: OrderBy) -> Any:
    choose = max if order.descending else min
    numbers = [value for value in values if type(value) in (int, float)]
    if numbers:
        return choose(numbers)
    return choose((value for value in values if isinstance(value, str)), default=None)
