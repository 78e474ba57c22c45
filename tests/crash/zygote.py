"""Which process is killed, broken, or reads what another one left? Children of this one.

It imports everything once under the LD_PRELOAD library of `fault.c`, then forks a child for each
line of JSON on stdin, waits for it and answers with one line: how the child ended. A child arms the
library, does its job and writes lines to the file `out`, which lies outside the data folder.

Jobs: `write` performs the scenario and notes what was acknowledged; `read` opens the folder and
writes the state it sees; `verify` lists what `verify_shard` finds.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from tests.crash import scenario

from ruvector.collection import maintenance
from ruvector.errors import RuvectorError, ShardPoisoned, StorageFull
from ruvector.storage import space
from ruvector.storage.verify import verify_shard

FOR_EVER = 1e9


def main() -> None:
    """Answer commands until stdin ends."""
    # Background work only where the scenario waits for it, so that call k is the same in each run.
    maintenance.IDLE_SECONDS = maintenance.PATIENCE_SECONDS = FOR_EVER
    maintenance.SCAN_ROWS = 20
    maintenance.FIRST_PAUSE_SECONDS = 0.01
    space.ROOM_FRESH_SECONDS = 0.0
    for line in sys.stdin:
        command = json.loads(line)
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            _run(command)
        status = _wait(child, command.get("deadline", 30.0))
        answer = {"status": status, "seconds": time.monotonic() - started}
        print(json.dumps(answer), flush=True)


def _wait(child: int, seconds: float) -> int | str:
    """Return the child's exit code (negative: its signal), or "hang"."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"


def _run(command: dict[str, Any]) -> None:
    with open(command["out"], "a", buffering=1) as output:  # noqa: PTH123

        def note(*words: Any) -> None:
            output.write(json.dumps(words) + "\n")

        _arm(command)
        try:
            _JOBS[command["job"]](command, note)
            note("calls", _calls())
            code = 0
        except (RuvectorError, OSError) as error:
            note("refused", type(error).__name__, str(error))
            code = 3
        except BaseException:  # noqa: BLE001 - the parent judges
            note("broken", traceback.format_exc())
            code = 4
    os._exit(code)


def _library() -> Any:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "fault_arm") else None


def _calls() -> int:
    library = _library()
    return library.fault_calls() if library else 0


def _arm(command: dict[str, Any]) -> None:
    library = _library()
    if library is not None:
        library.fault_arm(
            command["root"].encode(),
            ctypes.c_long(command.get("at", -1)),
            command.get("kind", 0),
            command.get("errno", 0),
            command.get("trace", "").encode(),
        )


def _write(command: dict[str, Any], note: Any) -> None:
    """Perform the scenario; after a failure read, and go on with what is still allowed."""
    client = scenario.opened(command["root"], command.get("scenario", "writes"))
    note("opened")
    operations = scenario.SCENARIOS[command.get("scenario", "writes")]
    stop = command.get("stop", len(operations))
    failed = False
    for number, operation in enumerate(operations[:stop]):
        note("start", number, _calls())
        try:
            scenario.perform(client, operation)
            note("ack", number)
        except (RuvectorError, OSError) as error:
            kind = "refused" if _is_certain(error) else "failed"
            note(kind, number, type(error).__name__, str(error)[:300])
            failed = True
        if failed:
            note("state", _as_json(scenario.observed(client)))
    if command.get("leave"):
        os._exit(0)
    client.close()
    note("closed")


def _is_certain(error: Exception) -> bool:
    """Say whether nothing can have happened: only a clean lack of space promises that."""
    return isinstance(error, StorageFull) and not isinstance(error, ShardPoisoned)


def _read(command: dict[str, Any], note: Any) -> None:
    which = command.get("scenario", "writes")
    with contextlib.closing(scenario.opened(command["root"], which)) as client:
        note("state", _as_json(scenario.observed(client)))
        if command.get("churn"):
            # What was found must also take writes, and be sealed and merged.
            for name in client.list_collections():
                client.upsert(name, [{"id": 9000, "vector": scenario.vector_of(9000, 1)}])
                client.delete(name, [9000])
                client.wait_for_index(name, 30)
            again = scenario.observed(client)
            note("again", _as_json(again))
            if which == "archived":
                scenario.check_archive(client)


def _verify(command: dict[str, Any], note: Any) -> None:
    for shard in sorted((Path(command["root"]) / "collections").iterdir()):
        for damage in verify_shard(shard):
            note("damage", str(damage.file), damage.what)


def _as_json(state: scenario.State) -> scenario.State:
    return {**state, **{part: _lists(state[part]) for part in ("collections", "kept")}}


def _lists(named: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [[point_id, *point] for point_id, point in points.items()]
        for name, points in named.items()
    }


def from_json(state: Any) -> scenario.State:
    """Return a state that went through JSON."""
    return {**state, **{part: _points(state[part]) for part in ("collections", "kept")}}


def _points(named: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {point_id: (vector, payload) for point_id, vector, payload in points}
        for name, points in named.items()
    }


_JOBS = {"write": _write, "read": _read, "verify": _verify}

if __name__ == "__main__":
    main()
