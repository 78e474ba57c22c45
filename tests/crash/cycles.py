"""What does one cycle of load, crash and reading back do, whatever the crash is?"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.load import LEDGER_STEP, Ledger, Points, Writer, create, read_all
from tests.crash.server import Connection, Server

WRITERS = 4
LEDGER_SPACE = 10_000_000  # ids of one writer


@dataclass
class Figures:
    """What all cycles together did."""

    cuts: int = 0
    acknowledged: int = 0
    points: int = 0
    lost: int = 0
    partial: int = 0
    inconsistent: int = 0
    slowest_start: float = 0.0
    faults: list[str] = field(default_factory=list)


class Cycles:
    """The ledgers of one data folder, through any number of crashes."""

    def __init__(self, path: Path, log: Path, seed: int) -> None:
        self.path = path
        self.log = log
        self.figures = Figures()
        self.random = random.Random(seed)
        self._ledgers = [[Ledger(LEDGER_SPACE * (n + 1))] for n in range(WRITERS)]
        self._server: Server | None = None

    def run(
        self,
        seconds: float,
        crash: Callable[[Server, list[Writer]], None],
        repair: Callable[[], None],
    ) -> None:
        """Write for some seconds, crash, repair, start, and compare all that is read."""
        server = self._started()
        writers = [
            Writer(n, server.port, ledgers, self.random.randrange(1 << 30))
            for n, ledgers in enumerate(self._ledgers)
        ]
        for writer in writers:
            writer.start()
        time.sleep(seconds)
        crash(server, writers)
        for writer in writers:
            writer.stopping.set()
        server.kill()
        for writer in writers:
            writer.join(30)
        self._server = None
        repair()
        self.figures.cuts += 1
        self.figures.acknowledged += sum(writer.acknowledged for writer in writers)
        self.figures.points += sum(writer.points for writer in writers)
        self._compare()

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.kill()
            self._server = None

    def _started(self) -> Server:
        if self._server is None:
            self._server = Server(self.path, self.log)
            connection = Connection(self._server.port)
            create(connection)
            connection.close()
        return self._server

    def _compare(self) -> None:
        self._server = Server(self.path, self.log)
        figures = self.figures
        figures.slowest_start = max(figures.slowest_start, self._server.started)
        connection = Connection(self._server.port)
        found, faults = read_all(connection)
        connection.close()
        figures.inconsistent += len(faults)
        figures.faults += faults
        ranges: dict[int, Points] = {}
        for number, versions in found.items():
            ranges.setdefault(number - number % LEDGER_STEP, {})[number] = versions
        for ledgers in self._ledgers:
            for ledger in ledgers:
                self._judge(ledger, ranges.pop(ledger.first, {}))
            ledgers[:-1] = [ledger for ledger in ledgers[:-1] if ledger.acknowledged]
        for first in ranges:
            figures.inconsistent += 1
            figures.faults.append(f"points from {first} on that nobody wrote")

    def _judge(self, ledger: Ledger, found: Points) -> None:
        kind, text = ledger.judge(found)
        if kind == "lost":
            self.figures.lost += 1
        elif kind == "partial":
            self.figures.partial += 1
        if kind:
            self.figures.faults.append(f"cut {self.figures.cuts}, {kind}: {text}")
