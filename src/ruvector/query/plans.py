"""How is every segment to be searched? What a request's parameters ask, put into one plan."""

from collections.abc import Iterator

from pyroaring import BitMap

from ruvector.collection.blocks import Demanded
from ruvector.collection.collection import Collection
from ruvector.collection.segment import IndexedOnly, SearchPlan
from ruvector.collection.spaces import Space
from ruvector.index.coded_graph import AS_CONFIGURED, CodeUse
from ruvector.index.payload.bitmaps import rows_of
from ruvector.model.configs import HnswConfig
from ruvector.model.filters import Filter, MatchAny, MatchValue
from ruvector.model.requests import SearchParams

DEFAULT_BEAM = 64  # recall@10 above .95 on every set measured (benchmarks/results.csv)
_FULL_SCAN_DEFAULT = HnswConfig().full_scan_threshold


def plan_of(
    collection: Collection,
    space: Space,
    params: SearchParams,
    rows: BitMap | None,
    filter: Filter | None,
    *,
    exact: bool = False,
) -> SearchPlan:
    """Return the plan of a search among these rows of a shard (None: all), chosen by a filter."""
    return SearchPlan(
        beam=params.hnsw_ef or DEFAULT_BEAM,
        exact=exact or bool(params.exact),
        allowed=None if rows is None else rows_of(rows),
        scan=_scan_limits(collection, space),
        use=_code_use(params),
        indexed_only=indexed_only(collection, space) if params.indexed_only else None,
        demanded=() if filter is None else tuple(_demanded(filter)),
    )


def _demanded(filter: Filter) -> Iterator[Demanded]:
    """Yield the values of payload fields that whatever matches the filter has."""
    conditions = filter.must
    if len(filter.should) == 1:
        conditions += filter.should
    for condition in conditions:
        if isinstance(condition, Filter):
            yield from _demanded(condition)
        elif isinstance(condition, MatchValue):
            yield condition.key, condition.value
        elif isinstance(condition, MatchAny) and len(condition.values) == 1:
            yield condition.key, condition.values[0]


def indexed_only(collection: Collection, space: Space) -> IndexedOnly:
    """Return which segments a search of what is indexed leaves out."""
    config = collection.config
    threshold = config.optimizer_config.indexing_threshold << 10
    return IndexedOnly(threshold // max(1, space.row_bytes), config.wants_index(space.name))


def _code_use(params: SearchParams) -> CodeUse:
    """Return what a search asks of codes."""
    asked = params.quantization
    if asked is None:
        return AS_CONFIGURED
    return CodeUse(bool(asked.ignore), asked.rescore, asked.oversampling)


def _scan_limits(collection: Collection, space: Space) -> dict[str, int]:
    """Return the rows up to which a filtered search scans, if the user has chosen that."""
    threshold = collection.config.hnsw_of(space.name).full_scan_threshold
    if threshold == _FULL_SCAN_DEFAULT:
        return {}
    return {"full_scan_rows": (threshold << 10) // max(1, space.row_bytes)}
