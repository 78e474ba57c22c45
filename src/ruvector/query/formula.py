"""What is the score of each candidate by this formula? Expressions over arrays of candidates.

Every part is computed for all candidates that need it at once, in float64; payloads are read once.
A product stops at a factor of zero and a quotient at a dividend of zero, so that what follows is
not needed, and may be missing, for those candidates. The sum becomes float32 at the end; a value
that is not finite there, or a missing value without a default, is an error.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ruvector.collection.segment import Rows
from ruvector.collection.view import View
from ruvector.errors import BadInput
from ruvector.model import formulas as f
from ruvector.model.datetimes import parse_datetime
from ruvector.model.geometry import distances_metres
from ruvector.model.paths import parse_path, values_at
from ruvector.model.queries import Formula
from ruvector.query.ranked import Ranked, best

Numbers = NDArray[np.float64]
Chosen = NDArray[np.intp]  # positions of candidates

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode


def rescore(view: View, query: Formula, sources: Sequence[Ranked], k: int) -> Ranked:
    """Return the best k of the rows that the sources found, with the formula's scores."""
    rows = np.unique(np.concatenate([_NO_ROWS, *(source.rows for source in sources)]))
    everything = np.arange(len(rows))
    totals = _Evaluation(view, query, sources, rows).value(query.expression, everything)
    with np.errstate(over="ignore"):
        scores = totals.astype(np.float32)
    if not np.isfinite(scores).all():
        worst = totals[int(np.argmin(np.isfinite(scores)))]
        raise _not_finite(f"{worst} as f32")
    return best(rows, scores, k)


class _Evaluation:
    """One formula over one set of candidates."""

    def __init__(self, view: View, query: Formula, sources: Sequence[Ranked], rows: Rows) -> None:
        self.view = view
        self.defaults = query.defaults
        self.sources = sources
        self.rows = rows
        self._payloads: list[dict[str, Any]] | None = None

    def value(self, expression: f.Expression, chosen: Chosen) -> Numbers:
        """Return the value of an expression for the chosen candidates."""
        if isinstance(expression, f.Constant):
            return np.full(len(chosen), expression.value)
        if not len(chosen):
            return np.empty(0)
        evaluate: Callable[..., Numbers] = _EVALUATORS[type(expression)]
        return evaluate(self, expression, chosen)

    def score(self, expression: f.Score, chosen: Chosen) -> Numbers:
        default = self.defaults.get(f.score_key(expression.source), 0.0)
        values = np.full(len(self.rows), _number(default, "$score"))
        if expression.source < len(self.sources):
            source = self.sources[expression.source]
            values[np.searchsorted(self.rows, source.rows)] = source.scores
        return values[chosen]

    def variable(self, expression: f.Variable, chosen: Chosen) -> Numbers:
        key = expression.key
        return np.array([_number(value, key) for value in self.payload_values(key, chosen)])

    def test(self, expression: f.Test, chosen: Chosen) -> Numbers:
        rows = self.rows[chosen]
        matching = self.view.matching(expression.filter, rows.tolist())
        return _among(rows, matching).astype(np.float64)

    def call(self, expression: f.Call, chosen: Chosen) -> Numbers:
        name = expression.function
        if name == "mult":
            return self.product(expression.arguments, chosen)
        parts = (self.value(part, chosen) for part in expression.arguments)
        if name in _FOLDS:
            start, fold = _FOLDS[name]
            total = np.full(len(chosen), start)
            for part in parts:
                total = fold(total, part)
            return total
        return _finite(_FUNCTIONS[name], next(parts), name)

    def product(self, factors: tuple[f.Expression, ...], chosen: Chosen) -> Numbers:
        total = np.ones(len(chosen))
        pending = np.arange(len(chosen))
        for factor in factors:
            values = self.value(factor, chosen[pending])
            total[pending] *= values
            total[pending[values == 0]] = 0.0
            pending = pending[values != 0]
        return total

    def division(self, expression: f.Division, chosen: Chosen) -> Numbers:
        left = self.value(expression.left, chosen)
        result = np.zeros(len(chosen))
        pending = np.flatnonzero(left != 0)
        right = self.value(expression.right, chosen[pending])
        if (right == 0).any() and expression.by_zero is None:
            raise _not_finite(f"{left[pending[int(np.argmax(right == 0))]]}/0")
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            quotient = left[pending] / right
        result[pending] = np.where(right == 0, expression.by_zero or 0.0, quotient)
        if not np.isfinite(result).all():
            raise _not_finite("a quotient")
        return result

    def power(self, expression: f.Power, chosen: Chosen) -> Numbers:
        base, exponent = (
            self.value(expression.base, chosen),
            self.value(expression.exponent, chosen),
        )
        with np.errstate(all="ignore"):
            result: Numbers = np.power(base, exponent)
        if not np.isfinite(result).all():
            place = int(np.argmin(np.isfinite(result)))
            raise _not_finite(f"{base[place]}^{exponent[place]}")
        return result

    def decay(self, expression: f.Decay, chosen: Chosen) -> Numbers:
        distance = np.abs(self.value(expression.x, chosen) - self.value(expression.target, chosen))
        scale, midpoint = expression.scale, expression.midpoint
        with np.errstate(all="ignore"):
            if expression.kind == "lin":
                linear: Numbers = np.maximum(0.0, 1.0 - (1.0 - midpoint) / scale * distance)
                return linear
            if expression.kind == "exp":
                exponent = np.log(midpoint) / scale * distance
            else:
                exponent = np.log(midpoint) / (scale * scale) * distance * distance
            bell: Numbers = np.exp(exponent)
            return bell

    def geo_distance(self, expression: f.GeoDistance, chosen: Chosen) -> Numbers:
        key = expression.to
        places = [_place(value, key) for value in self.payload_values(key, chosen)]
        lon, lat = np.array(places, dtype=np.float64).T
        return distances_metres(lon, lat, (expression.lon, expression.lat))

    def moment(self, expression: f.Moment, chosen: Chosen) -> Numbers:
        key = expression.key
        return np.array([_seconds(value, key) for value in self.payload_values(key, chosen)])

    def payload_values(self, key: str, chosen: Chosen) -> list[Any]:
        """Return the one value at a key of each chosen candidate, or its default."""
        if self._payloads is None:
            records = self.view.records(self.rows.tolist())
            self._payloads = [
                _decode_json(each.payload) if each.payload else {} for each in records
            ]
        path = parse_path(key)
        payloads = self._payloads
        return [self._one(values_at(payloads[place], path), key) for place in chosen.tolist()]

    def _one(self, values: list[Any], key: str) -> Any:
        found: Any = values or self.defaults.get(key)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if found is None or found == []:
            raise BadInput(f"No value found for {key} in the payload nor the formula defaults")
        return found


def _among(rows: Rows, matching: BitMap) -> NDArray[np.bool_]:
    return np.isin(rows, np.fromiter(matching, dtype=np.uint32, count=len(matching)))


def _finite(function: Callable[[Numbers], Numbers], values: Numbers, name: str) -> Numbers:
    with np.errstate(all="ignore"):
        result = function(values)
    finite = np.isfinite(result)
    if not finite.all():
        raise _not_finite(f"{name}({values[int(np.argmin(finite))]})")
    return result


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_value("number", key, "Value is not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise _wrong_value("number", key, "Value does not fit into a float") from error


def _place(value: Any, key: str) -> tuple[float, float]:
    if not isinstance(value, dict) or not {"lon", "lat"} <= value.keys():
        raise _wrong_value("geo point", key, "it has no lon and lat")
    return _number(value["lon"], f"{key}.lon"), _number(value["lat"], f"{key}.lat")


def _seconds(value: Any, key: str) -> float:
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None:
        raise _wrong_value("datetime", key, "Value is not a datetime")
    return moment / f.MICROSECONDS


def _wrong_value(kind: str, key: str, why: str) -> BadInput:
    return BadInput(
        f"Expected {kind} value for {key} in the payload and/or in the formula defaults. "
        f"Error: {why}"
    )


def _not_finite(expression: str) -> BadInput:
    return BadInput(f"The expression {expression} produced a non-finite number")


_NO_ROWS: Rows = np.empty(0, dtype=np.uint32)
_FOLDS: dict[str, tuple[float, Callable[[Numbers, Numbers], Numbers]]] = {
    "sum": (0.0, np.add),
    "max": (-np.inf, np.fmax),
    "min": (np.inf, np.fmin),
}
_FUNCTIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "log10": np.log10,
    "acosh": np.arccosh,
}
_EVALUATORS: dict[type, Any] = {
    f.Score: _Evaluation.score,
    f.Variable: _Evaluation.variable,
    f.Test: _Evaluation.test,
    f.Call: _Evaluation.call,
    f.Division: _Evaluation.division,
    f.Power: _Evaluation.power,
    f.Decay: _Evaluation.decay,
    f.GeoDistance: _Evaluation.geo_distance,
    f.Moment: _Evaluation.moment,
}
