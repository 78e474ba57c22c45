"""Which bugs of the server are planted: overload, clients, shutdown, logs, formats of folders?"""

from tests.crash.mutants.table import Mutant

POOL = "server/pool.py"
TURNS = "server/turns.py"
FORMATS = "storage/data_format.py"
OVERLOAD = ("tests/server/test_overload.py",)
IN_TURN = ("tests/server/test_turns.py",)
IMMEDIATE = ("tests/server/test_immediate.py",)
SLOW_CLIENTS = ("tests/server/test_slow_clients.py",)

SERVER = (
    Mutant(
        "L1",
        "queue without patience",
        POOL,
        ((" and (waiting + 1) * self._pace > self._patience.promised(now):", " and False:"),),
        OVERLOAD,
    ),
    Mutant(
        "L1",
        "what waited too long is done all the same",
        POOL,
        (("if time.monotonic() > latest:", "if False:"),),
        OVERLOAD,
    ),
    Mutant(
        "L1",
        "one lane for reads and writes",
        "server/rest.py",
        ((" if operation.permission is Permission.READ else self._lanes.writes", ""),),
        OVERLOAD,
    ),
    Mutant(
        "L1",
        "a turn of the loop serves all who came",
        TURNS,
        (("        return perf_counter() < self._ends\n", "        return True\n"),),
        IN_TURN,
    ),
    Mutant(
        "L1",
        "queue of quick searches without an end",
        TURNS,
        (("return len(self._queue) >= self._room", "return False"),),
        IMMEDIATE,
    ),
    Mutant(
        "L1",
        "crowd of slow searches is let in at once",
        POOL,
        (("        self._expected += 1\n", "        pass\n"),),
        OVERLOAD,
    ),
    Mutant(
        "L1",
        "one connection accepted a turn",
        "server/run.py",
        (("ACCEPTORS = 16", "ACCEPTORS = 1"),),
        IN_TURN,
    ),
    Mutant(
        "L2",
        "health waits for its turn",
        "server/connection.py",
        (("if head.is_urgent:", "if False:"),),
        IMMEDIATE,
    ),
    Mutant(
        "L1",
        "crowd waits as long as a burst",
        "server/patience.py",
        (("(CROWD_SHARE if is_crowd else 1.0)", "1.0"),),
        (*IN_TURN, *OVERLOAD),
    ),
    Mutant(
        "L1",
        "few are refused after a pause",
        TURNS,
        (("max(FEW, int(", "max(1, int("),),
        IN_TURN,
    ),
    Mutant(
        "L3",
        "requests keep themselves alive",
        "server/asgi.py",
        (("            exchange.receive = (\n", "            _ = (\n"),),
        IMMEDIATE,
    ),
    Mutant(
        "L2",
        "readiness waits for a thread",
        "server/service.py",
        (
            (
                "    def _readyz(self, _: Exchange, __: bytes) -> Answer:\n",
                "    def _readyz(self, _: Exchange, __: bytes) -> Answer:\n"
                "        self._pool.submit(lambda: None)\n",
            ),
        ),
        OVERLOAD,
    ),
    Mutant(
        "L3",
        "answers that nobody reads are not counted",
        "server/protocol.py",
        (("self._immediate.application.unread_bytes += size", "pass"),),
        SLOW_CLIENTS,
    ),
    Mutant(
        "L3",
        "slow readers are waited for",
        "server/protocol.py",
        (("        self.transport.abort()\n", "        pass\n"),),
        SLOW_CLIENTS,
    ),
    Mutant(
        "L5",
        "work goes on for clients that left",
        "server/exchange.py",
        (("            self.deadline.cancel()\n", "            pass\n"),),
        SLOW_CLIENTS,
    ),
    Mutant(
        "L5",
        "loop over payloads does not look at the time",
        "collection/view.py",
        (("            check_deadline()\n", ""),),
        ("tests/engine/test_timeouts.py",),
    ),
    Mutant(
        "L6",
        "ready while shutting down",
        "server/asgi.py",
        (("lambda: self.leaving or self.stopping,", "lambda: False,"),),
        ("tests/server/test_restart.py",),
    ),
    Mutant(
        "L6",
        "requests in flight are not waited for",
        "server/run.py",
        (("while self._in_flight() and", "while False and"),),
        ("tests/server/test_run.py",),
    ),
    Mutant(
        "S4",
        "headers in the audit log",
        "server/observer.py",
        (("caller=exchange.caller.subject,", "caller=str(exchange.headers),"),),
        ("tests/server/test_audit.py",),
    ),
    Mutant(
        "S4",
        "values in the slow-query log",
        "server/slow.py",
        (('return value[:100] if name in _NAMES else "text"', "return value[:100]"),),
        ("tests/server/test_slow.py",),
    ),
    Mutant(
        "U1",
        "folders without a format are refused",
        FORMATS,
        (("    except FileNotFoundError:\n        return\n", ""),),
        ("tests/compat/test_formats.py",),
    ),
    Mutant(
        "U2",
        "newer formats are opened",
        FORMATS,
        (("    if int(number) > FORMAT:", "    if False:"),),
        ("tests/compat/test_formats.py",),
    ),
    Mutant(
        "U2",
        "format looked at after the lock",
        "collection/catalog.py",
        (
            (
                "        check_format(root)\n        lock = None if read_only else "
                "DatabaseLock.acquire(root)\n",
                "        lock = None if read_only else DatabaseLock.acquire(root)\n"
                "        check_format(root)\n",
            ),
        ),
        ("tests/compat/test_formats.py",),
    ),
    Mutant(
        "L5",
        "handshakes not counted as connections",
        "server/handshake.py",
        (("if len(under_way) + len(protocol.connections) >=", "if len(protocol.connections) >="),),
        ("tests/server/test_tls.py",),
    ),
    Mutant(
        "L5",
        "handshake without an end",
        "server/handshake.py",
        (("                ssl_handshake_timeout=HANDSHAKE_SECONDS,\n", ""),),
        ("tests/server/test_tls.py::test_a_handshake_that_does_not_end_is_cut_off",),
    ),
)
