"""What can a newcomer search in the first minute? 8,000 Debian packages with their embeddings.

The points are real: name, one-line description, section, sizes, tags and homepage as in Debian's
package lists (facts and descriptions by Debian's maintainers), and MiniLM embeddings of the
descriptions, 384 dimensions. `make.py` says how they were chosen and stored; vectors are kept as
int8 with one scale per row. Uses only the client, so that it works embedded and over the network.
"""

import gzip
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ruvector.client.client import RuvectorClient

COLLECTION = "debian_packages"
INDEXES = {
    "name": "keyword",
    "section": "keyword",
    "priority": "keyword",
    "tags": "keyword",
    "installed_size": "integer",
}
# One batch is one transaction; 2,000 points of 384 dimensions are 3 MB.
BATCH = 2000


def load() -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """Return the vectors, float32 [8000, 384] of unit length, and the payloads in their order."""
    here = resources.files(__name__)
    with (here / "packages.npz").open("rb") as file, np.load(file) as arrays:
        vectors = arrays["codes"] * arrays["scales"][:, None]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    text = gzip.decompress((here / "packages.jsonl.gz").read_bytes()).decode()
    return vectors, [json.loads(line) for line in text.splitlines()]


def is_loaded(client: "RuvectorClient") -> bool:
    """Return whether `fill` has run to its end: it says so in the collection's metadata."""
    if not client.collection_exists(COLLECTION):
        return False
    return bool(client.get_collection(COLLECTION).config.get("metadata", {}).get("complete"))


def fill(client: "RuvectorClient") -> int:
    """Create the collection `debian_packages`, ids 1 to n; return n once all of it is indexed.

    A collection that an interrupted run left behind is filled again from the start.
    """
    vectors, payloads = load()
    client.delete_collection(COLLECTION)
    client.create_collection(COLLECTION, dimensions=vectors.shape[1], distance="cosine")
    for field, schema in INDEXES.items():
        client.create_payload_index(COLLECTION, field, schema)
    client.upsert(
        COLLECTION,
        ids=np.arange(1, len(vectors) + 1, dtype=np.uint64),
        vectors=vectors,
        payloads=payloads,
        batch_size=BATCH,
    )
    client.wait_for_index(COLLECTION)
    client.update_collection(COLLECTION, metadata={"complete": True, "source": "Debian"})
    return len(vectors)
