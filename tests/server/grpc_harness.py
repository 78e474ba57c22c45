"""A gRPC server of this process, on a loop of its own."""

import asyncio
import threading

from ruvector.server.configuration import Settings
from ruvector.server.grpc.server import GrpcServer
from ruvector.server.observer import Observer
from ruvector.server.pool import Lanes
from ruvector.server.run import bind
from ruvector.server.turns import Turns


class GrpcThread:
    """The server and the thread of its loop; everything that is of the loop is called there."""

    def __init__(self, settings: Settings, engine, certificates=None, observer=None) -> None:
        service = settings.service
        self.observer = observer or Observer(settings)
        self.server = GrpcServer(settings, certificates, [bind("127.0.0.1", 0)])
        self.port = self.server.port
        self.lanes = Lanes(service.max_workers, service.max_queue_secs)
        self.turns = Turns(service.max_queue_secs, lambda: None)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.server.start(engine, self.observer, self.lanes, self.turns))

    def run(self, work):
        """Return what a coroutine returns that runs on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def call(self, function, *arguments):
        """Return what a function returns that is called on the loop."""

        async def work():
            return function(*arguments)

        return self.run(work())

    def close(self, grace_seconds: float = 5.0) -> None:
        """End everything."""
        self.run(self.server.stop(grace_seconds))
        self.lanes.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
