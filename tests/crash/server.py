"""How is a real server started, spoken to in plain HTTP, frozen and killed?

`Server` is `ruvector serve` in a process group of its own; `Connection` is one keep-alive
connection of raw HTTP/1.1, which never repeats a request.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.conftest import free_port, without_settings

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
REQUEST_SECONDS = 20.0


def python_path() -> str:
    """Return the module path of children: the repository, then what this process was given."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


class Connection:
    """One connection to a server on the loopback address."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._http: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and decoded answer; OSError or HTTPException when none came."""
        if self._http is None:
            self._http = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=REQUEST_SECONDS
            )
        text = None if body is None else json.dumps(body)
        try:
            self._http.request(method, path, text, {"content-type": "application/json"})
            answer = self._http.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, content.decode(errors="replace")

    def get(self, method: str, path: str, body: Any = None) -> Any:
        """Return the result of a request that must succeed."""
        status, answer = self.call(method, path, body)
        assert status == 200, (status, answer, method, path)
        return answer["result"]

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None


class Server:
    """A running server; `started` is how long it took to be ready."""

    def __init__(
        self,
        path: Path,
        log: Path,
        *,
        wait: bool = True,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.log = log
        command = [sys.executable, "-m", "tests.crash.serve", "serve", "--path", str(path)]
        begun = time.monotonic()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--http-port", str(self.port), "--grpc-port", "none"],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**without_settings(), "PYTHONPATH": python_path(), **(environment or {})},
                start_new_session=True,
            )
        if wait:
            self.wait_until(200)
        self.started = time.monotonic() - begun

    def wait_until(self, status: int, seconds: float = START_SECONDS) -> str:
        """Return the text of /readyz when it has this status."""
        deadline = time.monotonic() + seconds
        connection = Connection(self.port)
        found: Any = None
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                found = connection.call("GET", "/readyz")
                if found[0] == status:
                    connection.close()
                    return str(found[1])
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.01)
        connection.close()
        self.kill()
        text = self.log.read_text(errors="replace")[-3000:]
        raise AssertionError(f"/readyz is {found}, expected {status}:\n{text}")

    def freeze(self) -> None:
        """Stop every thread, and return when none of them is in a system call any more."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 10
        tasks = Path(f"/proc/{self.process.pid}/task")
        while time.monotonic() < deadline:
            stats = [(task / "stat").read_text() for task in tasks.iterdir()]
            if all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats):
                return
            time.sleep(0.002)
        raise AssertionError("the server did not freeze")

    def kill(self) -> None:
        """End the process without a word; a second call does nothing."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End the process in order and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)
