"""Which part of the points does this request want to see?"""

from typing import Any

from ruvector.collection.collection import Collection
from ruvector.model.points import parse_payload_selector, parse_vector_selector
from ruvector.model.shard_keys import refuse_shard_key
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
    refuse_shard_key(getattr(request, "shard_key", None))
    payload = parse_payload_selector(request.with_payload, default_payload)
    return Selection(payload, names, unnamed=list(spaces) == [""])
