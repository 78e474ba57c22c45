"""Does the process keep what an index reports, and not the copies its build made?"""

import subprocess
import sys

import pytest

RESIDENT = """
import numpy as np
from ruvector import VectorIndex

def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
"""
LARGE = """
vectors = np.random.default_rng(1).standard_normal((8000, 256), dtype=np.float32)
ids = np.arange(8000)

def made(rows: int, batch: int) -> VectorIndex:
    index = VectorIndex(256, links_per_node=32, build_beam=40)
    for start in range(0, rows, batch):
        index.add(ids[start:start + batch], vectors[start:start + batch], threads=2)
    return index

made(2500, 2500)  # what is loaded and allocated once belongs to no index
before = resident()
index = made(8000, BATCH)
print(index.memory_bytes, resident() - before)
"""
EMPTY = """
VectorIndex(64)  # from now on malloc knows the sizes that an index frees
VectorIndex(64)
before = resident()
indexes = [VectorIndex(64) for _ in range(20)]
print((resident() - before) // len(indexes))
"""


def printed_by(program: str) -> list[int]:
    answer = subprocess.run(
        [sys.executable, "-c", RESIDENT + program], capture_output=True, text=True, check=True
    )
    return [int(word) for word in answer.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_keeps_what_its_index_reports() -> None:
    reported, kept = printed_by("BATCH = 8000\n" + LARGE)
    layout = 1728  # bytes of a node of 256 dimensions with 32 links
    assert 8000 * (256 * 4 + layout) < reported < 8000 * (256 * 4 + 1.05 * layout)
    assert abs(kept - reported) < 0.15 * reported


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_keeps_what_an_index_reports_that_grew() -> None:
    reported, kept = printed_by("BATCH = 500\n" + LARGE)
    assert abs(kept - reported) < 0.15 * reported


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_empty_index_keeps_little() -> None:
    assert printed_by(EMPTY)[0] < 400_000
