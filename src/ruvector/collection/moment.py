"""What did the collections look like at one moment?

A `Moment` holds for each of them the configuration and the shard's state after one sequence. Of
several collections, none shows a write that was sent after another's acknowledged write which it
does not show: all shards are held while their transactions begin, and a write is acknowledged only
after its shard was free.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ruvector.model.configs import CollectionConfig
from ruvector.storage.pinned import Pinned


class CollectionMoment(NamedTuple):
    """One collection: `shard` is to be released."""

    name: str
    config: CollectionConfig
    shard: Pinned


class Moment:
    """Some collections and the aliases of them; close it with `with`."""

    def __init__(self, collections: list[CollectionMoment], aliases: Mapping[str, str]) -> None:
        self.collections = collections
        self.aliases = dict(aliases)

    def __enter__(self) -> "Moment":
        return self

    def __exit__(self, *_: object) -> None:
        for collection in self.collections:
            collection.shard.release()
