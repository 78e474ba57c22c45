"""What `import ruvector` costs, and what it offers."""

import doctest
import importlib
import subprocess
import sys

import pytest

import ruvector

HEAVY = ("boto3", "botocore", "grpc", "numpy", "opentelemetry", "pyarrow", "urllib3", "uvicorn")


def loaded_by(program: str) -> set[str]:
    """Return which heavy packages a fresh interpreter has loaded after running a program."""
    program += f"\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert loaded_by("import ruvector") == set()


def test_naming_the_clients_loads_no_network() -> None:
    names = "RuvectorClient, AsyncRuvectorClient, Collection, open, errors"
    assert loaded_by(f"from ruvector import {names}") <= {"numpy"}


@pytest.mark.parametrize("name", ruvector.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(ruvector, name) is not None
    assert name in dir(ruvector)


def test_examples_are_true() -> None:
    result = doctest.testmod(importlib.import_module("ruvector.client.client"))
    assert result.attempted
    assert not result.failed


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        ruvector.nothing_of_the_kind  # noqa: B018
