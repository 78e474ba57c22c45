"""The methods that are about the database as a whole: its issues and its quotas."""

from ruvector.client.transport import Transport
from ruvector.model import requests as r
from ruvector.model.reports import Issue, QuotaStatus


class ServiceCalls:
    """The database itself."""

    _transport: Transport

    def get_issues(self) -> list[Issue]:
        """Return what makes the database slower than it need be, and what helps.

        Filters that read payloads for want of an index are named with the index to create.
        """
        return self._transport.execute(r.GetIssues()).issues

    def clear_issues(self) -> bool:
        """Forget the issues that were seen; those that go on come back."""
        return self._transport.execute(r.ClearIssues())

    def get_quotas(self) -> QuotaStatus:
        """Return the limits of this node, and how much of its memory and disk is used."""
        return self._transport.execute(r.GetQuotas())

    def update_quotas(
        self,
        *,
        enabled: bool | None = None,
        max_resident_memory_percent: int | None = None,
        max_disk_usage_percent: int | None = None,
        release_margin_percent: int | None = None,
    ) -> bool:
        """Replace the limits of this node: what is not given is no longer limited.

        At a limit, writes that need memory or disk raise StorageFull until the resource is
        `release_margin_percent` below it. Deletes are never refused.
        """
        return self._transport.execute(
            r.UpdateQuotas(
                enabled=enabled,
                max_resident_memory_percent=max_resident_memory_percent,
                max_disk_usage_percent=max_disk_usage_percent,
                release_margin_percent=release_margin_percent,
            )
        )
