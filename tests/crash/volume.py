"""How is the power of a file system cut? ext4 in a sparse file, shut down by its own ioctl.

EXT4_IOC_SHUTDOWN with NOLOGFLUSH drops everything that was not written to the device; the next
mount replays the journal. Mounted with noauto_da_alloc, because ext4 otherwise hides a rename of a
file that was never synced. It needs root, loop devices and mkfs.ext4.
"""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
SIZE_BYTES = 1 << 30


class Volume:
    """A mounted volume at `mount`; use it with `with`."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "mount"
        self._file = folder / "volume"
        self.mount.mkdir(parents=True)
        with self._file.open("wb") as file:
            file.truncate(SIZE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._file))

    def __enter__(self) -> Self:
        self.attach()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.path.ismount(self.mount):
            self.detach()
        self._file.unlink(missing_ok=True)

    def attach(self) -> None:
        """Mount the volume; the journal is replayed."""
        _run("mount", "-o", "loop,noauto_da_alloc", str(self._file), str(self.mount))

    def cut(self) -> None:
        """Drop everything that is not on the device; from now on every access fails."""
        descriptor = os.open(self.mount, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def detach(self) -> None:
        """Unmount, repeating while the volume is busy."""
        deadline = time.monotonic() + 20
        while True:
            done = subprocess.run(
                ["umount", str(self.mount)], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                subprocess.run(["umount", "-l", str(self.mount)], check=False)
                raise AssertionError(f"the volume stays busy: {done.stderr}")
            time.sleep(0.02)


def obstacle() -> str | None:
    """Say why there can be no power cut here, or None; one volume is made and cut to find out."""
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is missing"
    if not Path("/dev/loop-control").exists():
        return "no loop devices"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Volume(Path(folder)) as volume:
                volume.cut()
        except (OSError, subprocess.CalledProcessError) as error:
            text = getattr(error, "stderr", "") or str(error)
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(["umount", "-l", folder + "/mount"], check=False)
            return f"mount, loop or ioctl: {text.strip()}"
    return None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
