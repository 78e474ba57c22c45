"""Uses everything that a server offers, in a network without a way out: `python silent.py FOLDER`.

Prints what was tried: connections and names beyond this machine, as Python and as the system's
kernel saw them, and unpickling. With a second argument it tries one of these on purpose.
"""

import ctypes
import fcntl
import json
import pickle
import socket
import struct
import sys
import urllib.request
from pathlib import Path
from typing import Any

OUTSIDE = "192.0.2.1"  # belongs to nobody (RFC 5737)
LOCAL = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104 - an address to compare with
tried: list[str] = []


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what leads away from this machine."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if isinstance(address, tuple) and not str(address[0]).startswith(LOCAL):
            tried.append(f"{event} {address[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
        if host is not None and not str(host).startswith(LOCAL):
            tried.append(f"{event} {host}")


def refuse(*_: Any, **__: Any) -> Any:
    """Stand in for what must not be called."""
    tried.append("unpickled")
    raise AssertionError("unpickled")


def no_pickles(load: Any) -> Any:
    """Return np.load without objects."""
    return lambda *a, **k: refuse() if k.get("allow_pickle") else load(*a, **k)


def raise_loopback() -> None:
    """Bring up the loopback interface, the only one here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        name = struct.pack("16sH14x", b"lo", 1)
        fcntl.ioctl(probe, 0x8914, name)  # SIOCSIFFLAGS, IFF_UP


def without_route() -> int:
    """Return how many packets the kernel of the system found no way for."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    names, values = [line for line in lines if line[0] == "Ip:"]
    count = int(dict(zip(names, values, strict=True))["OutNoRoutes"])
    for line in Path("/proc/net/snmp6").read_text().splitlines():
        if line.startswith("Ip6OutNoRoutes"):
            count += int(line.split()[1])
    return count


def try_on_purpose(what: str) -> None:
    """Do what must be noticed."""
    if what == "python":
        with socket.socket() as probe:
            probe.connect_ex((OUTSIDE, 80))
    elif what == "native":
        with socket.socket() as probe:
            port, address = socket.htons(80), socket.inet_aton(OUTSIDE)
            place = struct.pack("HH4s8x", socket.AF_INET, port, address)
            ctypes.CDLL(None).connect(probe.fileno(), place, len(place))
    elif what == "pickle":
        try:
            pickle.loads(pickle.dumps(1))  # noqa: S301 - it must be refused
        except AssertionError:
            return


def use_everything(folder: Path) -> None:
    """Serve, load, save, search and read what is there; what an import does counts, too."""
    import numpy as np
    from tests.overload.system import DIM, System, fill, mixed

    import ruvector
    from ruvector.client.client import RuvectorClient

    np.load = no_pickles(np.load)
    system = System(folder / "served")
    try:
        with RuvectorClient(url=system.url) as client:
            fill(client)
            mixed(system, client, 1, folder)
        with RuvectorClient(url=system.url, grpc_url=system.grpc_url) as client:
            mixed(system, client, 2, folder)
        for path in ("/", "/docs", "/openapi.json", "/metrics", "/telemetry", "/readyz", "/issues"):
            with urllib.request.urlopen(system.url + path) as answer:
                assert answer.status == 200
    finally:
        system.close()
    with ruvector.open(folder / "embedded") as client:
        client.create_collection("a", dimensions=DIM)
        client.upsert("a", ids=[1], vectors=np.ones((1, DIM), dtype=np.float32))
        client.create_full_snapshot()
    index = ruvector.VectorIndex(dimensions=DIM)
    index.add(np.arange(500, dtype=np.uint64), np.random.default_rng(0).random((500, DIM), "f4"))
    index.save(folder / "index")
    ruvector.VectorIndex.load(folder / "index").search(np.ones(DIM, dtype=np.float32), k=3)


def main(folder: Path, purpose: str) -> None:
    """Print one line of JSON."""
    raise_loopback()
    sys.addaudithook(watch)
    pickle.loads = pickle.load = refuse
    before = without_route()
    if not purpose:
        use_everything(folder)
    try_on_purpose(purpose)
    print(json.dumps({"tried": tried, "without_route": without_route() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
