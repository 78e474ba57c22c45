"""What does the server tell of itself, at which level of detail? GET /telemetry.

| level | what |
|---|---|
| 0 | version, start, number of collections, requests by endpoint |
| 1 | and the machine, memory, quotas, the archive of logs; parameters and sizes of collections |
| 2, 3, 4 and more | and of collections what `collection.telemetry` says |

With `anonymize` names of the user are replaced by hashes that are the same until the server ends,
and texts of the user are left out. Nothing is ever sent anywhere.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruvector.server import identity
from ruvector.server.logs import utc_time
from ruvector.server.metrics import OTHER, Counts
from ruvector.storage import machine

JsonObject = dict[str, Any]
HASH_DIGITS = 16
# Objects whose keys are names of the user; fields with texts of the user.
_NAMED = frozenset(
    {
        *("sparse_vectors", "sparse_vector_data", "vector_data", "num_vectors_by_name"),
        *("sparse_config", "index_schema", "per_collection_responses", "failing"),
    }
)
# The same, or the parameters of one vector.
_NAMED_OR_OF_ONE = frozenset({"vectors", "multivector_config"})
_TEXTS = frozenset({"metadata", "stopwords"})


class Hashes:
    """Names as hashes of them and a salt of this process."""

    def __init__(self) -> None:
        self._salt = os.urandom(16)

    def __call__(self, name: str) -> str:
        if name == OTHER:
            return name
        return hashlib.blake2b(name.encode(), key=self._salt).hexdigest()[:HASH_DIGITS]

    def anonymized(self, value: Any) -> Any:
        """Return a telemetry with names of the user hashed and texts of the user left out."""
        if isinstance(value, list):
            return [self.anonymized(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for name, inner in value.items():
            if name in _TEXTS:
                continue
            names_inside = name in _NAMED or (name in _NAMED_OR_OF_ONE and _is_by_name(inner))
            if isinstance(inner, dict) and names_inside:
                inner = {self(key): item for key, item in inner.items()}
            found[name] = self.anonymized(inner)
        if "error" in found:
            found["error"] = "error"
        if "config" in found and isinstance(found.get("id"), str):
            found["id"] = self(value["id"])
        return found


def telemetry(
    level: int,
    collections: list[JsonObject],
    quotas: JsonObject,
    *,
    about: JsonObject,
    number_of_collections: int,
    requests: JsonObject,
    storage_path: Path,
    log_archive: JsonObject | None,
) -> JsonObject:
    """Return the answer at a level; `about`: id and start of this process."""
    app: JsonObject = {
        "name": identity.NAME,
        "version": identity.VERSION,
        "startup": about["startup"],
    }
    found: JsonObject = {
        "id": about["id"],
        "app": app,
        "collections": {"number_of_collections": number_of_collections},
        "cluster": {"enabled": False},
        "requests": requests,
    }
    if level:
        app["features"] = dict.fromkeys(
            ("debug", "service_debug_feature", "recovery_mode", "gpu", "rocksdb", "staging"), False
        )
        app["system"] = _system(storage_path)
        found["collections"]["collections"] = collections
        found["memory"] = _memory()
        found["quota"] = quotas
        found["log_archive"] = None if log_archive is None else _archive(log_archive)
    return found


def _archive(state: JsonObject) -> JsonObject:
    since = state["unreachable_since"]
    return {
        "kept": utc_time(state["kept"]),
        "failing": {name: utc_time(since) for name, since in state["failing"].items()},
        "unreachable_since": None if since is None else utc_time(since),
    }


def requests_of(counts: Counts, per_collection: bool) -> JsonObject:
    """Return the times of answers by endpoint, and by collection too where asked for."""
    found: JsonObject = {}
    for protocol, endpoints in counts.responses.items():
        found[protocol] = {"responses": endpoints.report()}
        if per_collection:
            found[protocol]["per_collection_responses"] = {
                name: own.report()
                for name, own in counts.responses_of_collections[protocol].items()
            }
    return found


def _system(storage_path: Path) -> JsonObject:
    in_docker, disk = machine.is_container(), machine.disk_bytes(storage_path)
    return {
        "is_docker": in_docker,
        "container_runtime": "docker" if in_docker else "none",
        "cores": os.cpu_count(),
        "ram_size": machine.memory_bytes() >> 10,
        "disk_size": None if disk is None else disk >> 10,
        "cpu_flags": ",".join(machine.cpu_flags()),
        "cpu_endian": sys.byteorder,
    }


def _memory() -> JsonObject | None:
    figures = machine.memory_figures()
    return None if figures is None else {f"{name}_bytes": n for name, n in figures.items()}


def _is_by_name(parameters: Any) -> bool:
    """Say whether parameters of vectors are by name, not those of one vector."""
    return isinstance(parameters, Mapping) and all(
        isinstance(inner, Mapping) for inner in parameters.values()
    )
