"""How does a collection end, deleted or replaced? Its log is kept, its name goes, then its files.

Only the commit that takes the name can fail; what comes after it is removed by the next start
where it cannot be removed here.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import lmdb

from ruvector.collection.collection import Collection
from ruvector.errors import RuvectorError, ShardPoisoned
from ruvector.storage import files
from ruvector.storage.meta_store import MetaStore

Change = tuple[str, str, bytes | None]  # of the meta store: table, key, value

_log = logging.getLogger("ruvector.snapshots")


def archive_last(name: str, collection: Collection | None) -> None:
    """Have the log of a collection that is about to go kept to its end.

    Where that fails its archive ends earlier; a full disk must not keep anything from going.
    """
    if collection is not None:
        try:
            collection.archive_log()
        except (OSError, RuvectorError) as error:
            _log.error("the end of the log of %s is not kept: %s", name, error)


def commit_end_of(
    meta: MetaStore, collections: Iterable[Collection | None], changes: Sequence[Change]
) -> None:
    """Commit changes after which collections are gone or others.

    Where it is not known whether they survive, the collections accept no more writes: the next
    start may not find them any more. Errors: those of the commit.
    """
    try:
        meta.commit(changes)
    except ShardPoisoned as error:
        for collection in collections:
            if collection is not None:
                collection.shard.store.poison(error)
        raise


def let_go(collection: Collection | None, folder: Path | None) -> None:
    """Close and remove a collection that has no name any more, as far as that is possible."""
    try:
        if collection is not None:
            collection.close()
        if folder is not None:
            files.remove_folder(folder)
    except (OSError, lmdb.Error, RuvectorError) as error:
        _log.error("%s could not be removed; the next start does that: %s", folder, error)
