"""Does the process keep what an index reports, and not the copies its build made?"""

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
from ruvector import VectorIndex

def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

vectors = np.random.default_rng(1).standard_normal((8000, 256), dtype=np.float32)
ids = np.arange(8000)

def made(rows: int) -> VectorIndex:
    index = VectorIndex(256, links_per_node=32, build_beam=40)
    index.add(ids[:rows], vectors[:rows], threads=2)
    return index

made(2500)  # what is loaded and allocated once belongs to no index
before = resident()
index = made(8000)
print(index.memory_bytes, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_keeps_what_its_index_reports() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    reported, kept = map(int, answer.stdout.split())
    assert 8000 * (256 * 4 + 256 + 32 * (256 // 8 + 12)) < reported < 8000 * 3200
    assert abs(kept - reported) < 0.15 * reported
