"""Does a power cut lose an acknowledged write, or leave half a batch? (D1, D2, I2)

A real server writes to an ext4 volume whose power is cut. Half of the cuts are quiet: the writers
stop and collect their answers first, because the next fsync would hide a missing one. In each
fourth cycle the server is not frozen but runs on over the dead disk: what it acknowledges of
requests sent then must be there too.
"""

import shutil
import time
from pathlib import Path

import pytest
from tests.crash.cycles import Cycles
from tests.crash.figures import bounded, report
from tests.crash.load import Writer
from tests.crash.server import Server
from tests.crash.volume import Volume, obstacle

pytestmark = pytest.mark.crash
CUTS_PER_VOLUME = 25  # then a new one: the folder grows, and with it the time to read it


def test_acknowledged_writes_survive_power_cuts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = obstacle()
    if reason is not None:
        pytest.skip(f"SKIPPED power cut: {reason}")
    cuts = bounded(12, 500)
    totals = []
    for first in range(0, cuts, CUTS_PER_VOLUME):
        count = min(CUTS_PER_VOLUME, cuts - first)
        folder = tmp_path / f"volume-{first}"
        folder.mkdir()
        with Volume(folder) as volume:
            cycles = Cycles(volume.mount / "storage", folder / "server.log", seed=first)
            try:
                _cut_often(cycles, volume, count)
            finally:
                cycles.close()
        totals.append(cycles.figures)
        shutil.rmtree(folder)
    faults = [fault for figures in totals for fault in figures.faults]
    report(
        "power cut",
        capsys,
        cuts=sum(f.cuts for f in totals),
        acknowledged=sum(f.acknowledged for f in totals),
        points=sum(f.points for f in totals),
        lost=sum(f.lost for f in totals),
        partial=sum(f.partial for f in totals),
        inconsistent=sum(f.inconsistent for f in totals),
        slowest_start_s=round(max(f.slowest_start for f in totals), 2),
    )
    assert not faults, "\n".join(faults[:20])
    assert all(f.acknowledged for f in totals), "nothing was acknowledged: nothing was tested"


def _cut_often(cycles: Cycles, volume: Volume, cuts: int) -> None:
    def repair() -> None:
        volume.detach()
        volume.attach()

    for number in range(cuts):
        is_quiet, is_frozen = number % 2 == 0, number % 4 != 3

        def crash(
            server: Server,
            writers: list[Writer],
            is_quiet: bool = is_quiet,
            is_frozen: bool = is_frozen,
        ) -> None:
            if is_quiet:
                for writer in writers:
                    writer.stopping.set()
                for writer in writers:
                    writer.join(30)
                # Somewhere in the sealing, merging and indexing that follow a load.
                time.sleep(cycles.random.uniform(0, 0.3))
            if is_frozen:
                server.freeze()
                time.sleep(0.02)
            volume.cut()
            if not is_frozen:
                time.sleep(cycles.random.uniform(0.02, 0.2))

        cycles.run(cycles.random.uniform(0.2, 0.9), crash, repair)
