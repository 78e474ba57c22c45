"""How are the programs in other languages fetched, built and run? Each folder is one project.

A project is copied to build/clients/<language> and built there, so that nothing is written into
the tree and a second run compiles only what changed. Its example is taken out of the guide's page:
the code that a reader sees is the code that runs. A language is skipped, with the reason, where
its toolchain is missing or its packages cannot be fetched; a failing build or run fails the test.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.clients.tour import HERE
from tests.conftest import Server, without_settings

ROOT = HERE.parents[1]
BUILT = ROOT / "build" / "clients"
# Rust's packages take 126 s of processor time when nothing was built before, Go's 79 s; in CI the
# other tests run beside it on two cores.
BUILD_TIMEOUT_SECONDS = 900
RUN_TIMEOUT_SECONDS = 60

Command = tuple[str, ...]
JARS = ("-cp", "classes:lib/*:src")  # javac finds the sources beside the two that it is given


@dataclass(frozen=True)
class Language:
    """A project: what it needs, how it is built, which programs it has."""

    name: str
    tools: Command
    lock: str
    """The file that pins the packages."""
    fetch: Command
    build: Command
    tours: dict[str, Command] = field(hash=False)
    """The program for each transport; README.md beside describes its arguments."""
    example: Command
    source: str
    """The file that the example of docs/guide/<name>.md is written to."""
    fence: str
    """What follows the three backquotes of the page's code."""

    @property
    def folder(self) -> Path:
        """Return where it is built and run."""
        return BUILT / self.name

    def block(self, fence: str) -> str:
        """Return the only block of the guide's page that has this fence."""
        page = (ROOT / "docs" / "guide" / f"{self.name}.md").read_text(encoding="utf-8")
        (block,) = re.findall(rf"^```{fence}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        return str(block)

    def execute(self, command: Command, timeout: int) -> "subprocess.CompletedProcess[str]":
        """Run a command in the project's folder."""
        try:
            return subprocess.run(
                command,
                cwd=self.folder,
                timeout=timeout,
                text=True,
                capture_output=True,
                env=without_settings(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.fail(f"{' '.join(command)} took longer than {timeout} s", pytrace=False)

    def prepare(self, ports: tuple[int, int] = (6333, 6334)) -> None:
        """Fetch and build, with these ports in the example; skip what cannot be had."""
        if missing := [tool for tool in self.tools if shutil.which(tool) is None]:
            pytest.skip(f"{self.name}: {', '.join(missing)} is not installed")
        with alone(self.name):
            shutil.copytree(HERE / self.name, self.folder, dirs_exist_ok=True)
            example = self.folder / self.source
            example.parent.mkdir(parents=True, exist_ok=True)
            rest, grpc = map(str, ports)
            program = self.block(self.fence).replace("6333", rest).replace("6334", grpc)
            example.write_text(program, encoding="utf-8")
            self.compile()

    def compile(self) -> None:
        """Compile, after the packages were fetched if their versions are not those of before."""
        versions = (self.folder / self.lock).read_text(encoding="utf-8")
        stamp = self.folder / "fetched.txt"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != versions:
            fetched = self.execute(self.fetch, BUILD_TIMEOUT_SECONDS)
            if fetched.returncode:
                give_up(f"{self.name}: packages cannot be fetched: {output_of(fetched)[-300:]}")
            stamp.write_text(versions, encoding="utf-8")
        built = self.execute(self.build, BUILD_TIMEOUT_SECONDS)
        if built.returncode:
            pytest.fail(f"{self.name} does not build:\n{output_of(built)[-4000:]}", pytrace=False)

    def tour(self, transport: str, server: Server) -> dict[str, Any]:
        """Run one tour and return its report."""
        report = self.folder / f"{transport}.report.json"
        report.unlink(missing_ok=True)
        port = server.port if transport == "rest" else server.grpc_port
        address = f"127.0.0.1:{port}"
        arguments = (transport, address, str(HERE / "points.json"), str(report))
        self.succeed((*self.tours[transport], *arguments))
        return dict(json.loads(report.read_text(encoding="utf-8")))

    def succeed(self, command: Command) -> str:
        """Run a program that must end with status 0; return what it printed."""
        ended = self.execute(command, RUN_TIMEOUT_SECONDS)
        if ended.returncode:
            pytest.fail(f"{' '.join(command)}:\n{output_of(ended)[-4000:]}", pytrace=False)
        return ended.stdout


def give_up(reason: str) -> NoReturn:
    """Skip what cannot be fetched; in CI, where registries are reached, it is a failure."""
    if os.environ.get("CLIENTS_REQUIRED"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def output_of(ended: "subprocess.CompletedProcess[str]") -> str:
    """Return what a command wrote to either of its outputs."""
    return ended.stdout + ended.stderr


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold a name while something is built: CI builds in the background while tests run."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


LANGUAGES = {
    language.name: language
    for language in (
        Language(
            name="typescript",
            tools=("node", "npm"),
            lock="package-lock.json",
            fetch=("npm", "ci", "--silent"),
            build=("node", "node_modules/typescript/bin/tsc"),
            tours={"rest": ("node", "dist/rest.js"), "grpc": ("node", "dist/grpc.js")},
            example=("node", "dist/example.js"),
            source="src/example.ts",
            fence="ts",
        ),
        Language(
            name="go",
            tools=("go",),
            lock="go.sum",
            fetch=("go", "mod", "download"),
            build=("go", "build", "-o", "bin/", "./..."),
            tours={"grpc": ("bin/tour",)},
            example=("bin/example",),
            source="example/main.go",
            fence="go",
        ),
        Language(
            name="java",
            tools=("javac", "mvn"),
            lock="pom.xml",
            fetch=("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies"),
            build=("javac", "-d", "classes", *JARS, "src/Tour.java", "src/Example.java"),
            tours={"grpc": ("java", *JARS, "Tour")},
            example=("java", *JARS, "Example"),
            source="src/Example.java",
            fence="java",
        ),
        Language(
            name="rust",
            tools=("cargo",),
            lock="Cargo.lock",
            fetch=("cargo", "fetch", "--locked"),
            build=("cargo", "build", "--locked", "--offline", "--quiet"),
            tours={"grpc": ("target/debug/tour",)},
            example=("target/debug/example",),
            source="src/bin/example.rs",
            fence="rust",
        ),
    )
}
