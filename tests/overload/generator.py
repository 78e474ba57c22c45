"""How does a server fare under a load that does not wait for it? `python generator.py` in a process
of its own.

Open loop: requests are due at a fixed pace and timed from the moment they were due, so that a slow
answer delays none of the others and its whole delay counts. Bounded: loopback only, at most
CONNECTIONS at a time (a request that finds none free is dropped and counted), a stated number of
seconds. With a rate of 0 it is a closed loop, which finds out what the server can do.

It tells of itself too: the share of the time in which it had something to do, and how late it sent.
Sockets and epoll without an event loop, because it must cost less than what it measures: about 20
us a request. With `spin` it never sleeps, so that the server does not pay for waking it up, which
no server does for clients of other machines: give it a core of its own.
Reads its orders as one JSON object from stdin; prints one JSON object.
"""

import json
import os
import select
import socket
import sys
import time
from collections import Counter, deque

CONNECTIONS = 1024
CLIENTS = 16  # of a closed loop
GOOD_SECONDS = 1.0  # an answer that comes later is of no use to anybody
PATIENCE_SECONDS = 5.0  # after the last request
BURST = 32  # requests that are sent before answers are looked at again
REFUSALS = (429, 503)


class Connection:
    """One connection and the request that it waits for."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.due = 0.0
        self.answer = b""


class Load:
    """One run."""

    def __init__(self, port, request, rate, seconds, spin=False):
        self.pause = 0.0 if spin else 0.01  # how long it sleeps at most
        self.busy = 0.0
        self.port, self.request, self.rate, self.seconds = port, request, rate, seconds
        self.poll = select.epoll()
        self.free, self.waiting = deque(), {}
        self.open = 0
        self.good, self.late, self.refusals, self.lateness = [], [], [], []
        self.failures = Counter()
        self.begun = self.dropped = 0

    def run(self):
        """Send everything over connections that are open already; return what came back."""
        for _ in range(CONNECTIONS if self.rate else CLIENTS):
            self._connect()
        started = time.perf_counter()
        (self._send_at_pace if self.rate else self._send_when_answered)(started)
        sent = time.perf_counter() - started
        give_up = time.perf_counter() + PATIENCE_SECONDS
        while self.waiting and time.perf_counter() < give_up:
            self._receive(0.01)
        self.failures["no answer"] += len(self.waiting)
        return self._report(sent)

    def _send_at_pace(self, started):
        total, step = int(self.rate * self.seconds), 1 / self.rate
        while self.begun < total:
            now = time.perf_counter()
            due = started + self.begun * step
            first, burst = self.begun, min(total, self.begun + BURST)
            while due <= now and self.begun < burst:
                self.lateness.append(time.perf_counter() - due)
                self._ask(due)
                self.begun += 1
                due = started + self.begun * step
            if self.begun > first:
                self.busy += time.perf_counter() - now
            self._receive(min(self.pause, max(0.0, due - time.perf_counter())))

    def _send_when_answered(self, started):
        while time.perf_counter() - started < self.seconds:
            while self.free:
                self._ask(time.perf_counter())
                self.begun += 1
            self._receive(self.pause)

    def _connect(self):
        connection = Connection(self.port)
        self.poll.register(connection.socket.fileno(), select.EPOLLIN)
        self.free.append(connection)
        self.open += 1

    def _ask(self, due):
        if not self.free:
            if self.open >= CONNECTIONS:
                self.dropped += 1
                return
            self._connect()
        connection = self.free.popleft()  # the one that has rested longest
        connection.due, connection.answer = due, b""
        self.waiting[connection.socket.fileno()] = connection
        try:
            if connection.socket.send(self.request) != len(self.request):
                self._fail(connection, "sent in part")
        except OSError as error:
            self._fail(connection, f"send: {type(error).__name__}")

    def _receive(self, seconds):
        events = self.poll.poll(seconds)
        began = time.perf_counter()
        for number, _ in events:
            connection = self.waiting.get(number)
            if connection is None:
                self._forget(number)
                continue
            try:
                part = connection.socket.recv(65536)
            except OSError as error:
                self._fail(connection, f"receive: {type(error).__name__}")
                continue
            if not part:
                self._fail(connection, "closed before an answer")
                continue
            connection.answer += part
            self._look_at(connection, number)
        if events:
            self.busy += time.perf_counter() - began

    def _look_at(self, connection, number):
        head, end, content = connection.answer.partition(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        if not end or len(content) < int(lowered[at + 15 :].partition(b"\r\n")[0]):
            return
        took = time.perf_counter() - connection.due
        del self.waiting[number]
        if b"connection: close" in lowered:
            self._close(connection)
        else:
            self.free.append(connection)
        status = int(head[9:12])
        if status == 200:
            (self.good if took <= GOOD_SECONDS else self.late).append(took)
        elif status in REFUSALS and b"retry-after" in lowered:
            self.refusals.append(took)
        else:
            self.failures[f"status {status}"] += 1

    def _forget(self, number):
        """Let go of a connection that was closed while it rested."""
        for connection in self.free:
            if connection.socket.fileno() == number:
                self.free.remove(connection)
                self._close(connection)
                self.failures["closed while idle"] += 1
                return

    def _fail(self, connection, reason):
        self.failures[reason] += 1
        del self.waiting[connection.socket.fileno()]
        self._close(connection)

    def _close(self, connection):
        self.poll.unregister(connection.socket.fileno())
        connection.socket.close()
        self.open -= 1

    def _report(self, sent):
        return {
            "asked": self.begun,
            "good": len(self.good),
            "goodput": len(self.good) / sent,
            "late": len(self.late),
            "refused": len(self.refusals),
            "dropped": self.dropped,
            "failed": sum(self.failures.values()),
            "failures": dict(+self.failures),
            "p50": quantile(self.good, 0.5),
            "p99": quantile(self.good, 0.99),
            "refused_p99": quantile(self.refusals, 0.99),
            "sent_late_p99": quantile(self.lateness, 0.99),
            "busy_share": self.busy / sent,
        }


def quantile(values, q):
    """Return a quantile, 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0


def main():
    orders = json.load(sys.stdin)
    if orders.get("core") is not None:
        os.sched_setaffinity(0, {orders["core"]})
    os.nice(orders.get("nice", 0))
    body = orders["body"].encode()
    request = (
        b"%b %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b"
        % (orders["method"].encode(), orders["path"].encode(), len(body), body)
    )
    load = Load(
        orders["port"], request, orders["rate"], orders["seconds"], orders.get("spin", False)
    )
    print(json.dumps(load.run()))


if __name__ == "__main__":
    main()
