"""Does goodput hold when more is asked than can be done? `make overload`; --short takes seconds.

Open-loop load at 0.5, 1, 2 and 4 times what a closed loop gets, timed from the moments when
requests were due. The server has one core; the generator and the watch, which asks /readyz every 20
ms, share another, where there are two. First the same is asked of a server that does nothing
(responder.py): what /readyz takes there is what the generator, the watch and the machine add.
Rows: qps is goodput (answers within 1 s of the moment they were due), p50 and p99 those of these
answers; the note has the rest. `kept` compares with the most that any load got, closed loop or not.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import Server, free_port
from tests.overload.scenario import DIM, POINTS, Watch, capacity, fill, load, resident_bytes

import record

FACTORS = (0.5, 1.0, 2.0, 4.0)
GENERATOR_NICENESS = 5  # the watch has the core at once when it wants it
CONTROL_RATE = 20_000.0  # four times what the quicker kind of request gets


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seconds", type=float, default=None, help="of each load")
    parser.add_argument("--dry", action="store_true", help="append nothing")
    parser.add_argument("--only", default="", help="kinds of requests, separated by commas")
    parser.add_argument("--max-workers", type=int, default=0, help="the server's setting")
    arguments = parser.parse_args()
    seconds = arguments.seconds or (4.0 if arguments.short else 60.0)
    disturbed = record.disturbance()
    cores = sorted(os.sched_getaffinity(0))
    orders = {"core": cores[-1], "nice": GENERATOR_NICENESS, "spin": len(cores) > 1}
    os.sched_setaffinity(0, {cores[0]})  # inherited by the servers
    rows = [control(min(seconds, 10.0), cores, orders)]
    with tempfile.TemporaryDirectory(prefix="ruvector-overload-") as folder:
        os.sched_setaffinity(0, {cores[0]})
        config = Path(folder) / "config.yaml"
        config.write_text(f"service:\n  max_workers: {arguments.max_workers}\n")
        server = Server(Path(folder) / "storage", ("--config", str(config)))
        os.sched_setaffinity(0, {cores[-1]})
        try:
            for name, body in fill(server.url).items():
                if name in (arguments.only or name).split(","):
                    rows += measured(server, name, body, seconds, orders)
        finally:
            server.stop()
    for row in rows:
        row |= {"version": record.own_version(), "disturbed": disturbed}
    if not arguments.dry:
        record.append(rows)


def control(seconds, cores, orders):
    """Return the row of a server that does nothing."""
    port = free_port()
    responder = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("responder.py")), str(port)]
    )
    os.sched_setaffinity(0, {cores[-1]})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_open(port)
        with Watch(url, responder.pid) as watch:
            found = load(url, {"query": [0.5] * DIM}, CONTROL_RATE, seconds, **orders)
    finally:
        responder.kill()
        responder.wait()
    note = f"asked {CONTROL_RATE:.0f}/s; {of_the_measuring(found)}; readyz {of_the_watch(watch)}"
    print(f"nothing: {found['goodput']:.0f}/s p99 {1e3 * found['p99']:.1f} ms; {note}", flush=True)
    return {
        "dataset": "none",
        "peer": "a responder that does nothing",
        "settings": "overload, the generator's own share",
        "qps": found["goodput"],
        "p50_us": 1e6 * found["p50"],
        "p99_us": 1e6 * found["p99"],
        "note": note,
    }


def wait_until_open(port):
    """Return when somebody listens."""
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit("the responder does not listen")


def measured(server, name, body, seconds, orders):
    """Return the rows of one kind of request."""
    possible = most = capacity(server.url, body, seconds / 2, **orders)
    rows = []
    for factor in FACTORS:
        before = resident_bytes(server.process.pid)
        with Watch(server.url, server.process.pid) as watch:
            found = load(server.url, body, possible * factor, seconds, **orders)
        after = resident_bytes(server.process.pid)
        most = max(most, found["goodput"])
        failures = ", ".join(f"{number} {what}" for what, number in found["failures"].items())
        memory = "/".join(f"{each / 2**20:.0f}" for each in (before, watch.peak_bytes, after))
        note = (
            f"closed loop {possible:.0f}/s; kept {100 * found['goodput'] / most:.0f} %; refused "
            f"{found['refused']} p99 {1e3 * found['refused_p99']:.0f} ms; late {found['late']} "
            f"dropped {found['dropped']} failed {failures or 0}; readyz {of_the_watch(watch)}; "
            f"MiB before/peak/after {memory}; {of_the_measuring(found)}"
        )
        print(f"{name} {factor}x: goodput {found['goodput']:.0f}/s "
              f"p99 {1e3 * found['p99']:.0f} ms; {note}", flush=True)  # fmt: skip
        rows.append(
            {
                "dataset": f"synthetic normal {POINTS}x{DIM}",
                "peer": "ruvector server",
                "settings": f"overload {factor}x {name}, one core",
                "qps": found["goodput"],
                "p50_us": 1e6 * found["p50"],
                "p99_us": 1e6 * found["p99"],
                "note": note,
            }
        )
    return rows


def of_the_watch(watch):
    """Return what it saw, in words."""
    return f"p99 {1e3 * watch.p99:.1f} ms of {len(watch.times)} failed {watch.failures}"


def of_the_measuring(found):
    """Return what the generator tells of itself."""
    return (
        f"generator busy {found['busy_share']:.2f}, late p99 {1e3 * found['sent_late_p99']:.1f} ms"
    )


if __name__ == "__main__":
    main()
