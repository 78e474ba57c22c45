"""May a search be done with these parameters? The checks of `params`, for every kind of query.

`acorn` asks a walk to go on through rows that a filter excludes. Every filtered walk here does that
(`index/graph.py`), so it is checked and changes nothing.
"""

from ruvector.errors import InvalidRequest
from ruvector.model.ids import shown
from ruvector.model.limits import MAX_BEAM, MAX_OVERSAMPLING
from ruvector.model.reading import number_of, object_of, wrong_type
from ruvector.model.requests import SearchParams


def check_params(params: SearchParams) -> None:
    """Refuse search parameters that are out of range."""
    if params.hnsw_ef is not None and not 1 <= params.hnsw_ef <= MAX_BEAM:
        rule = f"must be from 1 to {MAX_BEAM}"
        raise InvalidRequest.of("params.hnsw_ef", shown(params.hnsw_ef), rule)
    if params.acorn is not None:
        _check_acorn(params.acorn)
    if params.quantization is not None:
        oversampling = params.quantization.oversampling
        if oversampling is not None and not 1.0 <= oversampling <= MAX_OVERSAMPLING:
            rule = f"must be from 1.0 to {MAX_OVERSAMPLING:g}"
            raise InvalidRequest.of("params.quantization.oversampling", oversampling, rule)


def _check_acorn(source: object) -> None:
    path = "params.acorn"
    given = object_of(source, path, ("enable", "max_selectivity"))
    enable = given.get("enable", False)
    if not isinstance(enable, bool):
        raise wrong_type(f"{path}.enable", "a boolean", enable)
    selectivity = number_of(given.get("max_selectivity", 0.4), f"{path}.max_selectivity")
    if not 0.0 <= selectivity <= 1.0:
        rule = "must be from 0.0 to 1.0"
        raise InvalidRequest.of(f"{path}.max_selectivity", selectivity, rule)
