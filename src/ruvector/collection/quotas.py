"""May this node still take what needs memory or disk? The quotas of the wire.

A resource that has reached its limit is refused until it is a margin below, so that one which rests
at its limit does not open and close the door. Deletes are never refused.
Threads: any; `_lock` guards which resources are refused.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ruvector.errors import InvalidRequest, StorageFull
from ruvector.model import requests as r
from ruvector.model.ids import shown
from ruvector.model.reports import QuotaConfig, QuotaStatus, QuotaUsage
from ruvector.storage import machine

RELEASE_MARGIN_PERCENT = 5  # unless told otherwise
_FIELDS = QuotaConfig.__struct_fields__
_LIMITS = {  # setting -> (least, most)
    "max_resident_memory_percent": (1, 100),
    "max_disk_usage_percent": (1, 100),
    "release_margin_percent": (0, 100),
}
_NEEDS_ROOM = (
    r.CreateCollection,
    r.CreateVector,
    r.CreateFieldIndex,
    r.Upsert,
    r.UpdateVectors,
    r.SetPayload,
    r.OverwritePayload,
)


class _Resource(NamedTuple):
    """What is limited: its name, the setting of its limit, how to read it, what frees it."""

    name: str
    setting: str
    read: Callable[[], int | None]
    way_out: str


class Quotas:
    """The limits of one node."""

    def __init__(self, root: Path) -> None:
        self.config = QuotaConfig()
        self._lock = threading.Lock()
        self._refused: set[str] = set()
        self._resources = (
            _Resource(
                "resident memory",
                "max_resident_memory_percent",
                machine.memory_percent,
                "delete points or collections",
            ),
            _Resource(
                "disk usage",
                "max_disk_usage_percent",
                lambda: machine.disk_percent(root),
                "free space on the disk",
            ),
        )

    def use(self, config: QuotaConfig) -> None:
        """Have these limits from now on."""
        with self._lock:
            self.config = config
            self._refused.clear()

    def check(self, request: Any) -> None:
        """Raise StorageFull where a request needs what the quotas no longer allow."""
        if self.config.enabled is not True or not _needs_room(request):
            return
        for resource in self._resources:
            self._check(resource)

    def status(self) -> QuotaStatus:
        """Return the limits and what is used now."""
        memory, disk = (resource.read() for resource in self._resources)
        return QuotaStatus(
            self.config, QuotaUsage(resident_memory_percent=memory, disk_usage_percent=disk)
        )

    def exceeded(self) -> dict[str, bool | None]:
        """Return for each resource whether it is refused; None where it is not limited."""
        return {
            resource.name.replace(" ", "_"): self._is_refused(resource)
            for resource in self._resources
        }

    def _check(self, resource: _Resource) -> None:
        if self._is_refused(resource):
            limit = getattr(self.config, resource.setting)
            raise StorageFull(
                f"{resource.name} of this node is at {resource.read()} %; the quota "
                f"{resource.setting} is {limit}, and writes are taken again "
                f"{self._margin} % below it: {resource.way_out}, or raise it by PUT /quotas"
            )

    def _is_refused(self, resource: _Resource) -> bool | None:
        limit = getattr(self.config, resource.setting)
        used = resource.read() if self.config.enabled is True else None
        if not isinstance(limit, int) or used is None:
            return None
        with self._lock:
            was_refused = resource.name in self._refused
            is_refused = used >= limit or (was_refused and used > limit - self._margin)
            if is_refused:
                self._refused.add(resource.name)
            else:
                self._refused.discard(resource.name)
            return is_refused

    @property
    def _margin(self) -> int:
        margin = self.config.release_margin_percent
        return margin if isinstance(margin, int) else RELEASE_MARGIN_PERCENT


def quota_config(request: r.UpdateQuotas) -> QuotaConfig:
    """Return the limits that a request sets; InvalidRequest where one is out of range."""
    given = {name: value for name in _FIELDS if (value := getattr(request, name)) is not None}
    for name, (least, most) in _LIMITS.items():
        value = given.get(name)
        if value is not None and not least <= value <= most:
            raise InvalidRequest.of(name, shown(value), f"must be from {least} to {most}")
    return msgspec.convert(given, QuotaConfig)


def _needs_room(request: Any) -> bool:
    if isinstance(request, r.BatchUpdate):
        return any(isinstance(operation, _NEEDS_ROOM) for operation in request.operations)
    return isinstance(request, _NEEDS_ROOM)
