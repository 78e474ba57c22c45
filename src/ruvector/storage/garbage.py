"""What did a crash leave behind that nothing names?

A writer removes it when it starts: half-written files, and segment files that were complete but not
yet in the manifest, or no longer.

Invariants: only files in the segments folder that the manifest does not name go, and only after the
store was opened, that is, after its manifest was found whole; so a missing or damaged manifest
removes nothing.
Threads: called once, by the writer, before it seals or merges.
"""

import json

from ruvector.errors import StorageDamaged, StorageLocked
from ruvector.storage import files
from ruvector.storage.shard_store import ShardStore
from ruvector.storage.transaction import Reader

# A JSON list of {"file": name, "size_bytes": n, "crc": n, ...}.
SEGMENTS_KEY = "segments"


def remove_garbage(store: ShardStore) -> list[str]:
    """Remove what the manifest of `store` does not name, and return the names, sorted."""
    if store.read_only:
        raise StorageLocked(f"{store.path} was opened with read_only=True; only a writer cleans up")
    with store.read() as reader:
        named = {str(segment["file"]) for segment in segments_of(reader)}
    removed = []
    for folder in (store.path, store.segments_path):
        for path in sorted(folder.iterdir()):
            partial = path.name.endswith(files.PARTIAL_SUFFIX)
            unnamed = folder == store.segments_path and path.name not in named
            if path.is_file() and (partial or unnamed):
                path.unlink()
                removed.append(path.name)
        if removed:
            files.sync_folder(folder)
    return sorted(removed)


def segments_of(reader: Reader) -> list[dict[str, object]]:
    """Return the manifest's segments; none when the key is missing.

    Errors: StorageDamaged when the value is not a list of objects that name a file.
    """
    value = reader.manifest(SEGMENTS_KEY)
    if value is None:
        return []
    segments = json.loads(value)
    if not isinstance(segments, list) or not all(
        isinstance(segment, dict) and isinstance(segment.get("file"), str) for segment in segments
    ):
        raise StorageDamaged(f"manifest key {SEGMENTS_KEY!r} is not a list of segments")
    return segments
