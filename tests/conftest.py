"""What do tests of several rooms share? A real server in its own process, and small vectors."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 30


class Server:
    """`ruvector serve` on a free port of the loopback address; its output goes to a file."""

    def __init__(self, path: Path, arguments: tuple[str, ...] = ()) -> None:
        self.path = path
        self.port, self.grpc_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.grpc_url = f"127.0.0.1:{self.grpc_port}"
        self.log = path.with_name(f"{path.name}.{self.port}.log")
        command = [str(Path(sys.executable).with_name("ruvector")), "serve", "--path", str(path)]
        command += ["--http-port", str(self.port), "--grpc-port", str(self.grpc_port), *arguments]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=without_settings()
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when /readyz answers 200; fail with the server's output if it stops."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.02)
        self.stop()
        pytest.fail(f"the server did not become ready:\n{self.output()[-4000:]}")

    def output(self) -> str:
        """Return what the server has printed so far."""
        return self.log.read_text(errors="replace")

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """End the process with this signal, wait for it, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                pytest.fail(f"the server ignored signal {with_signal}:\n{self.output()[-4000:]}")
        return self.process.returncode


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def without_settings() -> dict[str, str]:
    """Return the environment without the settings that a server would read from it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RUVECTOR__", "QDRANT__"))
    }


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server on a data folder; all of them stop at the end."""
    started: list[Server] = []

    def start(path: Path, *arguments: str) -> Server:
        started.append(Server(path, arguments))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Return one running server for the whole session: tests use collections of their own."""
    return start_server(tmp_path_factory.mktemp("server") / "storage")


@pytest.fixture(scope="session")
def vectors() -> NDArray[np.float32]:
    """Return 300 vectors of 24 dimensions in ten clusters: float32 [300, 24], unit length."""
    generator = np.random.default_rng(7)
    centres = generator.normal(size=(10, 24))
    points = centres[np.arange(300) % 10] + 0.4 * generator.normal(size=(300, 24))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32)
