"""The methods that make, list, move, restore and delete snapshots.

A snapshot belongs to a collection, to its shard (on one node there is one, 0), or to the whole
storage ("full"). With `wait=False` a call returns None at once and the database goes on by itself.
"""

from pathlib import Path

from ruvector.client.transport import Transport
from ruvector.model import requests as r
from ruvector.model.snapshots import SnapshotDescription


class SnapshotCalls:
    """Snapshots."""

    _transport: Transport

    # Of a collection

    def create_snapshot(self, name: str, *, wait: bool = True) -> SnapshotDescription | None:
        """Make a snapshot of a collection as it is now, while writes and searches go on."""
        return self._transport.execute(r.CreateSnapshot(collection=name, wait=wait))

    def list_snapshots(self, name: str) -> list[SnapshotDescription]:
        """Return the snapshots of a collection, the oldest first, also of a deleted one."""
        return self._transport.execute(r.ListSnapshots(collection=name))

    def delete_snapshot(self, name: str, snapshot_name: str, *, wait: bool = True) -> bool | None:
        """Delete a snapshot of a collection; NotFound where there is none."""
        return self._transport.execute(
            r.DeleteSnapshot(collection=name, snapshot_name=snapshot_name, wait=wait)
        )

    def download_snapshot(self, name: str, snapshot_name: str, path: str | Path) -> Path:
        """Copy a snapshot of a collection to a file that does not exist yet; return its path."""
        request = r.DownloadSnapshot(collection=name, snapshot_name=snapshot_name)
        return self._transport.download(request, Path(path))

    def recover_snapshot(
        self,
        name: str,
        location: str,
        *,
        priority: str | None = None,
        checksum: str | None = None,
        api_key: str | None = None,
        until: str | int | None = None,
        wait: bool = True,
    ) -> bool | None:
        """Make a collection what a snapshot says; it is replaced, or created where there is none.

        `location`: the name of one of its snapshots, a file:// URL inside the folder of snapshots,
        or an http(s) URL where the configuration allows it. `checksum`: the SHA-256 that the file
        must have. `until`: a moment after the snapshot, reached by the archived log: a time
        ("2026-01-31T12:00:00Z", finer than milliseconds it is cut off), an operation's number, or
        "latest". Whatever goes wrong, the collection stays as it was.
        """
        return self._transport.execute(
            r.RecoverSnapshot(
                collection=name,
                location=location,
                priority=priority,
                checksum=checksum,
                api_key=api_key,
                until=until,
                wait=wait,
            )
        )

    def upload_snapshot(
        self,
        name: str,
        path: str | Path,
        *,
        priority: str | None = None,
        checksum: str | None = None,
        until: str | int | None = None,
        wait: bool = True,
    ) -> bool | None:
        """Make a collection what the snapshot in a file says; see `recover_snapshot`."""
        request = r.UploadSnapshot(
            collection=name,
            priority=priority,
            checksum=checksum,
            until=until,
            wait=wait,
            source=str(path),
        )
        return self._transport.upload(request)

    # Of a shard

    def create_shard_snapshot(
        self, name: str, shard_id: int = 0, *, wait: bool = True
    ) -> SnapshotDescription | None:
        """Make a snapshot of a shard as it is now."""
        return self._transport.execute(
            r.CreateShardSnapshot(collection=name, shard=shard_id, wait=wait)
        )

    def list_shard_snapshots(self, name: str, shard_id: int = 0) -> list[SnapshotDescription]:
        """Return the snapshots of a shard, the oldest first."""
        return self._transport.execute(r.ListShardSnapshots(collection=name, shard=shard_id))

    def delete_shard_snapshot(
        self, name: str, snapshot_name: str, shard_id: int = 0, *, wait: bool = True
    ) -> bool | None:
        """Delete a snapshot of a shard; NotFound where there is none."""
        return self._transport.execute(
            r.DeleteShardSnapshot(
                collection=name, shard=shard_id, snapshot_name=snapshot_name, wait=wait
            )
        )

    def download_shard_snapshot(
        self, name: str, path: str | Path, snapshot_name: str | None = None, shard_id: int = 0
    ) -> Path:
        """Copy a snapshot of a shard to a new file: a kept one, or one that is made for it."""
        if snapshot_name is None:
            stream = r.StreamShardSnapshot(collection=name, shard=shard_id)
            return self._transport.download(stream, Path(path))
        request = r.DownloadShardSnapshot(
            collection=name, shard=shard_id, snapshot_name=snapshot_name
        )
        return self._transport.download(request, Path(path))

    def recover_shard_snapshot(
        self,
        name: str,
        location: str,
        shard_id: int = 0,
        *,
        priority: str | None = None,
        checksum: str | None = None,
        api_key: str | None = None,
        wait: bool = True,
    ) -> bool | None:
        """Make a shard of an existing collection what a snapshot says; settings stay."""
        return self._transport.execute(
            r.RecoverShardSnapshot(
                collection=name,
                shard=shard_id,
                location=location,
                priority=priority,
                checksum=checksum,
                api_key=api_key,
                wait=wait,
            )
        )

    def upload_shard_snapshot(
        self,
        name: str,
        path: str | Path,
        shard_id: int = 0,
        *,
        priority: str | None = None,
        checksum: str | None = None,
        wait: bool = True,
    ) -> bool | None:
        """Make a shard what the snapshot in a file says; see `recover_shard_snapshot`."""
        request = r.UploadShardSnapshot(
            collection=name,
            shard=shard_id,
            priority=priority,
            checksum=checksum,
            wait=wait,
            source=str(path),
        )
        return self._transport.upload(request)

    # Of everything

    def create_full_snapshot(self, *, wait: bool = True) -> SnapshotDescription | None:
        """Make a snapshot of all collections and aliases as they are at one moment."""
        return self._transport.execute(r.CreateFullSnapshot(wait=wait))

    def list_full_snapshots(self) -> list[SnapshotDescription]:
        """Return the snapshots of the whole storage, the oldest first."""
        return self._transport.execute(r.ListFullSnapshots())

    def delete_full_snapshot(self, snapshot_name: str, *, wait: bool = True) -> bool | None:
        """Delete a snapshot of the whole storage; NotFound where there is none."""
        return self._transport.execute(r.DeleteFullSnapshot(snapshot_name=snapshot_name, wait=wait))

    def download_full_snapshot(self, snapshot_name: str, path: str | Path) -> Path:
        """Copy a snapshot of the whole storage to a file that does not exist yet."""
        request = r.DownloadFullSnapshot(snapshot_name=snapshot_name)
        return self._transport.download(request, Path(path))

    def recover_full_snapshot(
        self,
        location: str,
        *,
        checksum: str | None = None,
        api_key: str | None = None,
        until: str | None = None,
        wait: bool = True,
    ) -> bool | None:
        """Make all collections and aliases of a snapshot what it says; others stay as they are.

        `until`: a time or "latest"; then every collection is what it was at that time, by its
        archived log, and one that had been deleted by then is left out. Aliases are those of the
        snapshot. `location` and the others: see `recover_snapshot`.
        """
        request = r.RecoverFullSnapshot(
            location=location, checksum=checksum, api_key=api_key, until=until, wait=wait
        )
        return self._transport.execute(request)

    def upload_full_snapshot(
        self,
        path: str | Path,
        *,
        checksum: str | None = None,
        until: str | None = None,
        wait: bool = True,
    ) -> bool | None:
        """Make all collections and aliases what the snapshot in a file says; others stay.

        `until`: see `recover_full_snapshot`.
        """
        request = r.UploadFullSnapshot(checksum=checksum, until=until, wait=wait, source=str(path))
        return self._transport.upload(request)
