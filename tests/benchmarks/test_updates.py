"""Does the script of changes judge by the rows that are there, and see lost recall?"""

import numpy as np
import pytest

import updates
from ruvector.bench.vectors import clustered, dataset


@pytest.fixture(scope="module")
def found():
    return dataset("small", clustered(1620, 16, clusters=30), 20)


@pytest.mark.parametrize("kind", updates.STORES)
def test_exact_stores_keep_a_recall_of_one(found, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = updates.churn(kind, found, 1000, 6)
    assert [round(step.replaced, 1) for step in run.steps] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert [step.recall for step in run.steps] == [1.0] * 7  # so few rows are scanned
    assert run.drift == 0.0
    assert list(tmp_path.iterdir()) == []


def test_rows_that_were_not_removed_and_rows_that_were_lost_are_seen(found):
    class Forgetful(updates.IndexStore):
        def remove(self, first, count):
            pass

    class Losing(updates.IndexStore):
        def add(self, first, vectors):
            super().add(first, vectors if first == 0 else vectors[::2])

    assert updates.churn(Forgetful, found, 1000, 6).steps[-1].recall < 0.8
    assert updates.churn(Losing, found, 1000, 6).steps[-1].recall < 0.9


def test_drift_is_in_points_of_recall():
    steps = [updates.Step(0.6, 0.95, 1.0, 1.0, 900.0, 0.0, 1.0)] * 2
    run = updates.Churn("ruvector", steps, 0.96)
    assert run.drift == pytest.approx(1.0)
    lines = updates.bars([run], 768).splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["missed", "missed"]
    assert np.isfinite(float(lines[2].split()[-2]))
