"""What does a collection do with vectors of one name, whatever their kind?

| kind | one vector | a column of n | its index |
|---|---|---|---|
| dense | [dim] | array [n, dim], codes with turbo4 | a graph |
| sparse | indices and values | `SparseColumn` | an inverted index |
| multi | [tokens, dim] | `MultiColumn` | a graph over the tokens |

Columns can be indexed by a position, a slice, a mask or positions. A segment holds a column and,
once maintenance has built it, an index for each name. Spaces are values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from ruvector.collection.multi import multi_space_of
from ruvector.collection.ragged import Part, Ragged
from ruvector.collection.sparse import sparse_space_of
from ruvector.collection.turbo import turbo_space_of
from ruvector.collection.vectors import space_of
from ruvector.errors import BadInput
from ruvector.kernel import MaskArray, RowArray
from ruvector.model.configs import CollectionConfig, Placement, VectorParams
from ruvector.model.points import Vectors
from ruvector.model.query_vectors import VectorInput

if TYPE_CHECKING:
    from ruvector.collection.segment import SearchPlan

Column = NDArray[Any] | Ragged


class Growing(Protocol):
    """A column that grows at its end."""

    def append(self, count: int, column: Any, positions: Any) -> None: ...
    def view(self) -> Any: ...


class Space(Protocol):
    """What every kind of vector answers; the classes document each."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> str: ...  # in files and the log: differs where a name was used before
    @property
    def placement(self) -> Placement: ...
    @property
    def higher_is_better(self) -> bool: ...
    @property
    def row_bytes(self) -> int: ...
    @property
    def kind(self) -> str: ...  # of its index, in the manifest
    @property
    def is_symmetric(self) -> bool: ...  # whether query and vector may change places

    # Writing
    def read(self, rows: Any) -> Any: ...
    def absent(self, count: int) -> Any: ...
    def column(self, vectors: Sequence[Any]) -> Any: ...
    def joined(self, columns: Sequence[Any]) -> Any: ...
    def growing(self) -> Growing: ...

    # Files
    def arrays(self, column: Any) -> dict[str, Part]: ...
    def opened(self, arrays: Mapping[str, Part], count: int) -> Any: ...
    def needs_index(self, column: Any, count: int, scan_rows: int, /) -> bool: ...
    def build(self, column: Any, **settings: Any) -> Any: ...
    def index_from(self, arrays: Mapping[str, Part], column: Any, code: str = "", /) -> Any: ...

    # Searching
    def query(self, vector: VectorInput) -> Any: ...
    def search(
        self,
        column: Any,
        index: Any,
        query: Any,
        k: int,
        allowed: MaskArray | None,
        allowed_count: int,
        plan: "SearchPlan",
        /,
    ) -> tuple[RowArray, Vectors]: ...
    def similarities(self, column: Any, query: Any, positions: RowArray) -> Vectors: ...
    def average(self, positive: Sequence[Any], negative: Sequence[Any]) -> VectorInput: ...
    def given(self, vector: Any) -> VectorInput: ...
    def shown(self, vector: Any) -> Any: ...


def spaces_of(config: CollectionConfig) -> dict[str, Space]:
    """Return every space of a collection by its name."""
    spaces: dict[str, Space] = {}
    for name, params in config.params.vectors.items():
        make = _maker(params)
        key, code = config.key_of(name), config.code_of(name)
        spaces[name] = make(name, params, key, code, config.placement_of(name))
    for name, sparse in (config.params.sparse_vectors or {}).items():
        spaces[name] = sparse_space_of(name, sparse, config.key_of(name))
    return spaces


def _maker(params: VectorParams) -> Callable[..., Space]:
    """Return the function that makes the space of dense vectors with these parameters."""
    if params.is_multi:
        return multi_space_of
    return turbo_space_of if params.datatype == "turbo4" else space_of


_NAMES_SHOWN = 5  # in a message


def find_space(spaces: Mapping[str, Space], name: str) -> Space:
    """Return the space of that name; BadInput where the collection has none."""
    space = spaces.get(name)
    if space is None:
        raise BadInput(_no_such_name(spaces, name))
    return space


def _no_such_name(spaces: Mapping[str, Space], name: str) -> str:
    text = f"Not existing vector name error: {name}"
    if name or not spaces:
        return text
    known = ", ".join(sorted(spaces)[:_NAMES_SHOWN])
    return f"{text}; the collection has no unnamed vector: choose one with using, such as {known}"
