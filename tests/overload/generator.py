"""How does a server fare under a load that does not wait for it? `python generator.py` in a process
of its own.

Open loop: requests are due at a fixed pace and timed from the moment they were due, so that a slow
answer delays none of the others and its whole delay counts. Bounded: loopback only, at most
CONNECTIONS at a time (a request that finds none free is dropped and counted), a stated number of
seconds. With a rate of 0 it is a closed loop, which finds out what the server can do. Reads its
orders as one JSON object from stdin; prints one JSON object.
"""

import asyncio
import json
import resource
import sys
import time

import uvloop

CONNECTIONS = 256
CLIENTS = 8  # of a closed loop
GOOD_SECONDS = 1.0  # an answer that comes later is of no use to anybody
PATIENCE_SECONDS = 5.0  # after the last request


class Load:
    """One run."""

    def __init__(self, port, request, rate, seconds):
        self.port, self.request, self.rate, self.seconds = port, request, rate, seconds
        self.free = []
        self.opened = 0
        self.good, self.late, self.refused, self.refusals = [], 0, 0, []
        self.failed = self.dropped = self.begun = 0

    async def run(self):
        """Send everything over connections that are open already; return what came back."""
        for _ in range(CONNECTIONS):
            self.free.append(await asyncio.open_connection("127.0.0.1", self.port))
            self.opened += 1
        started = time.perf_counter()
        tasks = set()
        total = int(self.rate * self.seconds)
        while self.begun < total:
            due = started + self.begun / self.rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            if not self.free and self.opened >= CONNECTIONS:
                self.dropped += 1
            else:
                task = asyncio.create_task(self._ask(due))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            self.begun += 1
            if self.begun % 32 == 0:
                await asyncio.sleep(0)
        sent = time.perf_counter() - started
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)
        return self._report(sent)

    async def run_closed(self):
        """Let CLIENTS ask as soon as they were answered; return what came back."""
        started = time.perf_counter()

        async def client():
            while (now := time.perf_counter()) - started < self.seconds:
                self.begun += 1
                await self._ask(now)

        await asyncio.gather(*[client() for _ in range(CLIENTS)])
        return self._report(time.perf_counter() - started)

    async def _ask(self, due):
        connection = self.free.pop() if self.free else None
        if connection is None:
            self.opened += 1
        try:
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = connection
            writer.write(self.request)
            head = await reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            at = lowered.index(b"content-length:") + 15
            await reader.readexactly(int(lowered[at : lowered.index(b"\r\n", at)]))
        except (OSError, EOFError, asyncio.IncompleteReadError):
            self.failed += 1
            self.opened -= 1
            return
        took = time.perf_counter() - due
        if b"connection: close" in lowered:
            writer.close()
            self.opened -= 1
        else:
            self.free.append(connection)
        status = int(head[9:12])
        if status == 200 and took <= GOOD_SECONDS:
            self.good.append(took)
        elif status == 200:
            self.late += 1
        elif status in (429, 503) and b"retry-after" in lowered:
            self.refused += 1
            self.refusals.append(took)
        else:
            self.failed += 1

    def _report(self, sent):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "asked": self.begun,
            "good": len(self.good),
            "goodput": len(self.good) / sent,
            "late": self.late,
            "refused": self.refused,
            "dropped": self.dropped,
            "failed": self.failed,
            "p50": quantile(self.good, 0.5),
            "p99": quantile(self.good, 0.99),
            "refused_p99": quantile(self.refusals, 0.99),
            "cpu_share": (usage.ru_utime + usage.ru_stime) / sent,
        }


def quantile(values, q):
    """Return a quantile, 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0


def main():
    orders = json.load(sys.stdin)
    body = orders["body"].encode()
    request = (
        b"%b %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b"
        % (orders["method"].encode(), orders["path"].encode(), len(body), body)
    )
    load = Load(orders["port"], request, orders["rate"], orders["seconds"])
    report = uvloop.run(load.run() if orders["rate"] else load.run_closed())
    print(json.dumps(report))


if __name__ == "__main__":
    main()
