"""Which of Qdrant's settings does this version not have, and when does that matter?"""

from typing import Any

from ruvector.errors import BadInput

# Name -> the values under which the setting changes nothing.
# "*" at the end stands for everything below; ANY marks settings without meaning here.
ANY = object()
_UNSET = (None, "")
QDRANT_ONLY: dict[str, Any] = {
    "telemetry_disabled": ANY,  # nothing is ever sent
    "service.enable_static_content": (True, False),
    "service.static_content_dir": _UNSET,
    "storage.temp_path": _UNSET,
    "storage.node_type": ("Normal", None),
    "storage.recovery_mode": _UNSET,
    "storage.update_concurrency": _UNSET,
    "storage.update_rate_limit": _UNSET,
    "storage.handle_collection_load_errors": (True, False),
    "storage.shard_transfer_method": _UNSET,
    "storage.performance.*": (0, None),
    "cluster.enabled": (False,),
    "cluster.*": ANY,  # without meaning while cluster.enabled is false
    "logger.*": _UNSET,
    "gpu.*": (False, None),
    "inference.*": _UNSET,
    "feature_flags.*": (False, None),
}


def harmless_values(path: str) -> Any:
    """Return the values of a Qdrant setting that change nothing here; None where it is unknown."""
    if path in QDRANT_ONLY:
        return QDRANT_ONLY[path]
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        pattern = ".".join(parts[:length]) + ".*"
        if pattern in QDRANT_ONLY:
            return QDRANT_ONLY[pattern]
    return None


def check_qdrant_only(path: str, source: str, value: Any) -> None:
    """Raise BadInput where the setting is unknown, or asks for what this version does not do."""
    harmless = harmless_values(path)
    if harmless is None:
        raise BadInput(f"{source}: there is no setting {path}")
    if harmless is ANY or _plain(value) in harmless:
        return
    raise BadInput(f"{source} is {value!r}; this version does not support {path}: leave it out")


def _plain(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    lowered = value.strip().lower()
    if lowered in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[lowered]
    try:
        return float(lowered) if lowered else ""
    except ValueError:
        return value
