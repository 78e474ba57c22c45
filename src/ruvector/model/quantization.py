"""How are vectors made smaller? The quantization settings of the wire, checked, and what they mean.

Invariants: a setting that was not given stays absent from what is echoed; one that is out of range
is an InvalidRequest (422) that names it. `code_of` maps each of Qdrant's four kinds to one of our
codes, whose names (`CODES`) are also what `VectorIndex` takes.
Threads: any; everything is a value.
It does not know how codes are made (`index/quantizers.py`).
"""

from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from ruvector.errors import BadInput, InvalidRequest
from ruvector.model.ids import shown

Memory = Literal["cold", "cached", "pinned"]
DISABLED = "Disabled"  # in a change: not quantized from now on


class ScalarConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One byte a dimension, on one scale; `quantile` of the numbers lies within it."""

    type: Literal["int8"]
    quantile: float | None | UnsetType = UNSET
    always_ram: bool | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET


class ProductConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One byte for 1, 2, 4, 8 or 16 float32 dimensions."""

    compression: Literal["x4", "x8", "x16", "x32", "x64"]
    always_ram: bool | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET


class BinaryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """1, 1.5 or 2 bits a dimension; the query in 8 or 4 bits, or as the rows."""

    always_ram: bool | None | UnsetType = UNSET
    encoding: Literal["one_bit", "two_bits", "one_and_half_bits"] | None | UnsetType = UNSET
    query_encoding: (
        Literal["default", "binary", "scalar4bits", "scalar8bits"] | None | UnsetType
    ) = UNSET
    memory: Memory | None | UnsetType = UNSET


class TurboConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """1 to 8 bits a dimension after a random rotation."""

    always_ram: bool | None | UnsetType = UNSET
    bits: Literal["bits1", "bits1_5", "bits2", "bits4", "bits8"] | None | UnsetType = UNSET
    memory: Memory | None | UnsetType = UNSET


class QuantizationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of the kinds."""

    scalar: ScalarConfig | UnsetType = UNSET
    product: ProductConfig | UnsetType = UNSET
    binary: BinaryConfig | UnsetType = UNSET
    turbo: TurboConfig | UnsetType = UNSET

    @property
    def kind(self) -> "ScalarConfig | ProductConfig | BinaryConfig | TurboConfig":
        """Return the kind that was chosen."""
        for name in self.__struct_fields__:
            found = getattr(self, name)
            if found is not UNSET:
                return found  # type: ignore[no-any-return]
        raise AssertionError("parse_quantization lets none through")

    @property
    def memory(self) -> Memory | None:
        """Return where the codes live, if that was said; `always_ram` means pinned."""
        kind = self.kind
        if isinstance(kind.memory, str):
            return kind.memory
        return "pinned" if kind.always_ram is True else None


class QuantizationSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one search treats codes. `oversampling`: candidates as a multiple of the limit."""

    ignore: bool | None = False
    rescore: bool | None = None
    oversampling: float | None = None


class Code(NamedTuple):
    """One of our codes: its name, how finely queries are rounded, the quantile of `int8`.

    `rescores`: whether originals have the last word where a search does not say. `inline`: whether
    a graph's rows lie beside copies of their originals and of their neighbours' codes.
    """

    name: str
    query: Literal["8", "4", "same"] = "8"
    quantile: float = 1.0
    rescores: bool = True
    inline: bool = False

    @property
    def key(self) -> str:
        """Return what makes codes of one choice different from those of another."""
        key = f"{self.name} {self.query} {self.quantile:g}"
        return f"{key} inline" if self.inline else key


CODES = ("int8", "8bit", "4bit", "2bit", "1.5bit", "1bit", "pq4", "pq8", "pq16", "pq32", "pq64")
_ENCODINGS = {"one_bit": "1bit", "one_and_half_bits": "1.5bit", "two_bits": "2bit"}
_QUERIES: dict[str, Literal["8", "4", "same"]] = {
    "default": "8",  # Qdrant leaves it open; a finer query costs nothing here
    "binary": "same",
    "scalar4bits": "4",
    "scalar8bits": "8",
}
_BITS = {"bits1": "1bit", "bits1_5": "1.5bit", "bits2": "2bit", "bits4": "4bit", "bits8": "8bit"}
# The widths that are fine enough to have the last word by default (WIRE.md, section 4).
_FINE = ("4bit", "8bit")


def code_of(config: QuantizationConfig) -> Code:
    """Return the code that a configuration asks for."""
    kind = config.kind
    if isinstance(kind, ScalarConfig):
        quantile = kind.quantile if isinstance(kind.quantile, float) else 1.0
        return Code("int8", quantile=quantile, rescores=False)
    if isinstance(kind, ProductConfig):
        return Code("pq" + kind.compression.removeprefix("x"), rescores=False)
    if isinstance(kind, BinaryConfig):
        return Code(
            _ENCODINGS[kind.encoding or "one_bit"], _QUERIES[kind.query_encoding or "default"]
        )
    name = _BITS[kind.bits or "bits4"]
    return Code(name, rescores=name not in _FINE)


def parse_quantization(source: Any, path: str) -> QuantizationConfig:
    """Return the settings at `path`; BadInput for another shape, InvalidRequest out of range."""
    if isinstance(source, QuantizationConfig):
        return check_quantization(source, path)
    if not isinstance(source, dict):
        raise BadInput(f"{path} is {shown(source)}; {_one_of()}")
    try:
        config = msgspec.convert(source, QuantizationConfig)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}") from error
    return check_quantization(config, path)


def _one_of() -> str:
    kinds = QuantizationConfig.__struct_fields__
    return "it must be one of " + ", ".join(f'{{"{kind}": ...}}' for kind in kinds)


def check_quantization(config: QuantizationConfig, path: str) -> QuantizationConfig:
    """Return the settings without those given as null; refuse them out of range."""
    given = msgspec.to_builtins(config)
    if len(given) != 1:
        raise BadInput(f"{path} has {len(given)} kinds; {_one_of()}")
    kind = config.kind
    quantile = kind.quantile if isinstance(kind, ScalarConfig) else None
    if isinstance(quantile, float) and not 0.5 <= quantile <= 1.0:
        raise InvalidRequest.of(f"{path}.scalar.quantile", quantile, "must be from 0.5 to 1.0")
    nulls = {name: UNSET for name in kind.__struct_fields__ if getattr(kind, name) is None}
    kind = msgspec.structs.replace(kind, **nulls)
    return msgspec.structs.replace(config, **{next(iter(given)): kind})


def check_distance(config: QuantizationConfig, distance: str, path: str) -> None:
    """Refuse codes that cannot estimate a distance."""
    if distance == "Manhattan" and code_of(config).name.endswith("bit"):
        raise BadInput(
            f"{path} is {next(iter(msgspec.to_builtins(config)))}, whose codes estimate products "
            "and say nothing of Manhattan distances; use scalar or product"
        )
