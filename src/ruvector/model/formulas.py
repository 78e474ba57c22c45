"""How is a score computed from scores and payloads? The expressions of a formula, read and checked.

| form | means |
|---|---|
| `2.5`, `"$score"`, `"$score[1]"`, `"price.net"` | a number, a source's score, a payload's value |
| a condition of a filter | 1 where it holds, else 0 |
| `sum`, `mult`, `max`, `min`: [..]; `div`, `pow`: {..} | arithmetic |
| `neg`, `abs`, `sqrt`, `exp`, `ln`, `log10`, `acosh`: x | functions |
| `lin_decay`, `exp_decay`, `gauss_decay`: {x, target, scale, midpoint} | nearer is more |
| `geo_distance`: {origin, to} | metres between a point and a payload value |
| `datetime`, `datetime_key` | seconds since 1970 |

What exists as a Struct is well formed. `ruvector.query.formula` computes. Pure.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.datetimes import parse_datetime
from ruvector.model.filters import Filter, parse_filter
from ruvector.model.limits import MAX_FORMULA_DEPTH, MAX_FORMULA_PARTS
from ruvector.model.paths import parse_path
from ruvector.model.reading import list_of, number_of, object_of, required, text_of, wrong_type

_SCORE: Final = re.compile(r"\$score(?:\[([0-9]{1,9})\])?")
MICROSECONDS: Final = 1_000_000


class Constant(msgspec.Struct, frozen=True):
    """A number."""

    value: float


class Score(msgspec.Struct, frozen=True):
    """The score that source number `source` gave the point."""

    source: int


class Variable(msgspec.Struct, frozen=True):
    """The number at a payload key."""

    key: str


class Test(msgspec.Struct, frozen=True):
    """1 where the point matches, else 0."""

    filter: Filter


class Call(msgspec.Struct, frozen=True):
    """A function of `FUNCTIONS` or `FOLDS` with its arguments."""

    function: str
    arguments: tuple["Expression", ...]


class Division(msgspec.Struct, frozen=True):
    """A quotient, and what it is where the divisor is zero; None: an error."""

    left: "Expression"
    right: "Expression"
    by_zero: float | None


class Power(msgspec.Struct, frozen=True):
    """base ^ exponent."""

    base: "Expression"
    exponent: "Expression"


class Decay(msgspec.Struct, frozen=True):
    """1 at the target, `midpoint` at the distance `scale` from it. `kind`: lin, exp, gauss."""

    kind: str
    x: "Expression"
    target: "Expression"
    scale: float
    midpoint: float


class GeoDistance(msgspec.Struct, frozen=True):
    """Metres from the origin to the place at a payload key."""

    lon: float
    lat: float
    to: str


class Moment(msgspec.Struct, frozen=True):
    """Seconds since 1970 of the datetime at a payload key."""

    key: str


Expression = (
    Constant | Score | Variable | Test | Call | Division | Power | Decay | GeoDistance | Moment
)

FUNCTIONS: Final = ("neg", "abs", "sqrt", "exp", "ln", "log10", "acosh")
FOLDS: Final = ("sum", "mult", "max", "min")
DECAYS: Final = {"lin_decay": "lin", "exp_decay": "exp", "gauss_decay": "gauss"}


def parse_expression(source: Any, path: str = "formula") -> Expression:
    """Return the expression; errors name the place."""
    return _Reader().expression(source, path, 1)


def parse_defaults(source: Any, path: str) -> dict[str, Any]:
    """Return what stands in for values that a point lacks; keys are written like variables."""
    if source is None:
        return {}
    if not isinstance(source, Mapping):
        raise wrong_type(path, "an object", source)
    defaults: dict[str, Any] = {}
    for name, value in source.items():
        variable = parse_variable(text_of(name, path), path)
        key = score_key(variable.source) if isinstance(variable, Score) else variable.key
        defaults[key] = value
    return defaults


def score_key(source: int) -> str:
    """Return the key under which the default of a source's score is kept."""
    return f"$score[{source}]"


def parse_variable(text: str, path: str) -> Score | Variable:
    """Return the variable of "$score", "$score[1]" or a payload key."""
    if text.startswith("$score"):
        form = _SCORE.fullmatch(text)
        if form is None:
            raise BadInput(f"{path}: `{text[:60]}` is no score; write $score or $score[1]")
        return Score(int(form[1] or 0))
    parse_path(text)
    return Variable(text)


class _Reader:
    """One reading of one formula; counts its parts."""

    def __init__(self) -> None:
        self.parts = 0

    def expression(self, source: Any, path: str, depth: int) -> Expression:
        self.parts += 1
        if self.parts > MAX_FORMULA_PARTS:
            raise BadInput(f"{path}: a formula has at most {MAX_FORMULA_PARTS} parts")
        if depth > MAX_FORMULA_DEPTH:
            raise BadInput(f"{path}: expressions are nested at most {MAX_FORMULA_DEPTH} deep")
        if isinstance(source, str):
            return parse_variable(source, path)
        if not isinstance(source, Mapping):
            return Constant(number_of(source, path))
        for name in source:
            if name in FUNCTIONS or name in FOLDS or name in DECAYS or name in _OTHERS:
                given = object_of(source, path, (name,))
                required(given, path, name)
                return self.named(name, given[name], f"{path}.{name}", depth)
        filter = parse_filter({"must": [source]}, path=path)
        assert filter is not None  # noqa: S101 - it was given
        return Test(filter)

    def named(self, name: str, source: Any, path: str, depth: int) -> Expression:
        if name in FUNCTIONS:
            return Call(name, (self.expression(source, path, depth + 1),))
        if name in FOLDS:
            return self.fold(name, source, path, depth)
        if name in DECAYS:
            return self.decay(name, source, path, depth)
        read = _OTHERS[name]
        expression: Expression = read(self, source, path, depth)
        return expression

    def fold(self, name: str, source: Any, path: str, depth: int) -> Expression:
        parts = list_of(source, path, MAX_FORMULA_PARTS)
        if not parts and name in ("max", "min"):
            raise BadInput(f"{path}: `{name}` needs at least one operand")
        return Call(
            name,
            tuple(self.expression(part, f"{path}[{i}]", depth + 1) for i, part in enumerate(parts)),
        )

    def div(self, source: Any, path: str, depth: int) -> Expression:
        given = object_of(source, path, ("left", "right", "by_zero_default"))
        required(given, path, "left", "right")
        default = given.get("by_zero_default")
        return Division(
            self.expression(given["left"], f"{path}.left", depth + 1),
            self.expression(given["right"], f"{path}.right", depth + 1),
            None if default is None else number_of(default, f"{path}.by_zero_default"),
        )

    def pow(self, source: Any, path: str, depth: int) -> Expression:
        given = object_of(source, path, ("base", "exponent"))
        required(given, path, "base", "exponent")
        return Power(
            self.expression(given["base"], f"{path}.base", depth + 1),
            self.expression(given["exponent"], f"{path}.exponent", depth + 1),
        )

    def decay(self, name: str, source: Any, path: str, depth: int) -> Expression:
        given = object_of(source, path, ("x", "target", "scale", "midpoint"))
        required(given, path, "x")
        scale = number_of(given.get("scale", 1.0), f"{path}.scale")
        midpoint = number_of(given.get("midpoint", 0.5), f"{path}.midpoint")
        if scale <= 0:
            raise BadInput(f"{path}.scale is {scale}; it must be larger than 0")
        if name == "lin_decay":
            if not 0 <= midpoint <= 1:
                raise BadInput(f"{path}.midpoint is {midpoint}; it must be from 0 to 1")
        elif not 0 < midpoint < 1:
            raise BadInput(f"{path}.midpoint is {midpoint}; it must be between 0 and 1")
        return Decay(
            DECAYS[name],
            self.expression(given["x"], f"{path}.x", depth + 1),
            self.expression(given.get("target", 0.0), f"{path}.target", depth + 1),
            scale,
            midpoint,
        )

    def geo_distance(self, source: Any, path: str, _depth: int) -> Expression:
        given = object_of(source, path, ("origin", "to"))
        required(given, path, "origin", "to")
        origin = object_of(given["origin"], f"{path}.origin", ("lon", "lat"))
        required(origin, f"{path}.origin", "lon", "lat")
        lon, lat = (number_of(origin[name], f"{path}.origin.{name}") for name in ("lon", "lat"))
        for name, value, largest in (("lon", lon, 180), ("lat", lat, 90)):
            if abs(value) > largest:
                rule = f"must be from -{largest} to {largest}"
                raise InvalidRequest.of(f"{path}.origin.{name}", value, rule)
        return GeoDistance(lon, lat, _key(given["to"], f"{path}.to"))

    def datetime(self, source: Any, path: str, _depth: int) -> Expression:
        moment = parse_datetime(text_of(source, path))
        if moment is None:
            raise wrong_type(path, "a datetime like 2024-01-31T12:00:00Z", source)
        return Constant(moment / MICROSECONDS)

    def datetime_key(self, source: Any, path: str, _depth: int) -> Expression:
        return Moment(_key(source, path))


def _key(source: Any, path: str) -> str:
    key = text_of(source, path)
    parse_path(key)
    return key


_OTHERS: Final[dict[str, Any]] = {
    "div": _Reader.div,
    "pow": _Reader.pow,
    "geo_distance": _Reader.geo_distance,
    "datetime": _Reader.datetime,
    "datetime_key": _Reader.datetime_key,
}
