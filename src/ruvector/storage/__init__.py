"""What survives a crash?

One LMDB environment per shard (log, ids, points, manifest), immutable segment files, and a small
store for collections' configurations. Bytes, rows and keys go in and come out; what a point means
is known above. Nothing here imports `index`, `collection` or `query`.
"""

from ruvector.storage.garbage import remove_garbage
from ruvector.storage.lock import DatabaseLock
from ruvector.storage.meta_store import MetaStore
from ruvector.storage.segment_file import SegmentFile, write_segment
from ruvector.storage.shard_store import ShardStore
from ruvector.storage.transaction import Reader, WriteTransaction
from ruvector.storage.verify import Damage, verify_shard

__all__ = [
    "Damage",
    "DatabaseLock",
    "MetaStore",
    "Reader",
    "SegmentFile",
    "ShardStore",
    "WriteTransaction",
    "remove_garbage",
    "verify_shard",
    "write_segment",
]
