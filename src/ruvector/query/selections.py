"""Which part of the points does this request want to see?"""

from typing import Any

from ruvector.collection.collection import Collection
from ruvector.errors import BadInput
from ruvector.model.points import parse_payload_selector, parse_vector_selector
from ruvector.query.results import Selection


def selection_of(collection: Collection, request: Any, *, default_payload: bool) -> Selection:
    """Return what `with_payload` and `with_vector` of a request ask for."""
    spaces = collection.shard.spaces
    wanted = parse_vector_selector(request.with_vector)
    if wanted is True:
        names = tuple(spaces)
    else:
        names = wanted or ()
        for name in names:
            collection.space(name)
    if getattr(request, "shard_key", None) is not None:
        raise BadInput("shard_key needs custom sharding, which a single node does not have")
    payload = parse_payload_selector(request.with_payload, default_payload)
    return Selection(payload, names, unnamed=list(spaces) == [""])
