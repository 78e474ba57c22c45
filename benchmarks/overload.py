"""Does goodput hold when more is asked than can be done? `make overload`; --short takes seconds.

Open-loop load at 0.5, 1, 2 and 4 times what a closed loop gets, from a process of its own; /readyz
is asked every 20 ms from a third one. Rows: qps is goodput (answers within 1 s of the moment they
were due), p50 and p99 those of these answers; the note has the rest.
"""

import argparse
import tempfile
from pathlib import Path

from tests.conftest import Server
from tests.overload.scenario import DIM, POINTS, Watch, capacity, fill, load, resident_bytes

import record

FACTORS = (0.5, 1.0, 2.0, 4.0)


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seconds", type=float, default=None, help="of each load")
    parser.add_argument("--dry", action="store_true", help="append nothing")
    parser.add_argument("--max-workers", type=int, default=0, help="the server's setting")
    arguments = parser.parse_args()
    seconds = arguments.seconds or (4.0 if arguments.short else 60.0)
    rows = []
    with tempfile.TemporaryDirectory(prefix="ruvector-overload-") as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(f"service:\n  max_workers: {arguments.max_workers}\n")
        server = Server(Path(folder) / "storage", ("--config", str(config)))
        try:
            for name, body in fill(server.url).items():
                rows += measured(server, name, body, seconds)
        finally:
            server.stop()
    if not arguments.dry:
        record.append(rows)


def measured(server, name, body, seconds):
    """Return the rows of one kind of request."""
    possible = capacity(server.url, body, seconds / 2)
    rest_bytes = resident_bytes(server.process.pid)
    rows = []
    for factor in FACTORS:
        with Watch(server.url, server.process.pid) as watch:
            found = load(server.url, body, possible * factor, seconds)
        grown = (watch.peak_bytes - rest_bytes) / 2**20
        note = (
            f"capacity {possible:.0f}/s; refused {found['refused']} p99 "
            f"{1e3 * found['refused_p99']:.0f} ms; late {found['late']} dropped {found['dropped']} "
            f"failed {found['failed']}; readyz p99 {1e3 * watch.p99:.0f} ms failed "
            f"{watch.failures}; memory +{grown:.0f} MiB; generator {found['cpu_share']:.2f} CPU"
        )
        print(f"{name} {factor}x: goodput {found['goodput']:.0f}/s "
              f"p99 {1e3 * found['p99']:.0f} ms; {note}", flush=True)  # fmt: skip
        rows.append(
            {
                "dataset": f"synthetic normal {POINTS}x{DIM}",
                "peer": "ruvector server",
                "version": record.own_version(),
                "settings": f"overload {factor}x {name}",
                "qps": found["goodput"],
                "p50_us": 1e6 * found["p50"],
                "p99_us": 1e6 * found["p99"],
                "note": note,
            }
        )
    return rows


if __name__ == "__main__":
    main()
