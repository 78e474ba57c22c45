"""Are bars, tables and rows of results right about what was measured?"""

import csv

import numpy as np
import pytest

import build
import database
import databases
import frontier
import memory
import record
import sources
from ruvector.bench import curves
from ruvector.bench.curves import Curve, Setting
from ruvector.bench.peers import Ruvector
from ruvector.bench.vectors import clustered, dataset, true_neighbours


def curve(name, qps, build_seconds, **more):
    point = Setting(64, 0.97, qps, 1e6 / qps, 1e6 / qps)
    return Curve(name, "1", "s", build_seconds, points=[point], **more)


def test_bars_of_the_frontier_are_ratios():
    text = frontier.bars([curve("ruvector", 4000.0, 5.0), curve("hnswlib", 1000.0, 10.0)])
    lines = {line[:31].strip(): line.split() for line in text.splitlines()[2:]}
    assert lines["B1 speed at recall 0.95 over hn"][-2:] == ["4.00", "reached"]
    assert lines["B1 speed at recall 0.99 over hn"][-1] == "-"  # nobody reached it
    assert lines["B2 build of hnswlib over ours"][-2:] == ["2.00", "reached"]
    text = frontier.bars([curve("ruvector", 3900.0, 11.0), curve("hnswlib", 1000.0, 10.0)])
    assert text.count("missed") == 2


def test_bars_of_the_database_are_ratios():
    found = dataset("small", clustered(1010, 8), 10)
    ours = curve("ruvector embedded", 20_000.0, 1.0, ingest_seconds=0.01)
    text = database.bars([ours, curve("qdrant-edge", 5_000.0, 1.0, ingest_seconds=1.0)], found)
    assert [line.split()[-2:] for line in text.splitlines()[2:]] == [
        ["4.00", "reached"],
        ["100,000", "reached"],
        ["50.00", "reached"],
    ]


def test_rows_of_results_can_be_read_again(tmp_path):
    file = tmp_path / "results.csv"
    missing = Curve("faiss", settings="s", missing="not installed")
    rows = [*frontier.rows_of(curve("ruvector", 4000.0, 5.0)), *frontier.rows_of(missing)]
    record.append(rows, file)
    record.append(rows, file)
    with file.open(newline="") as text:
        found = list(csv.DictReader(text))
    assert len(found) == 4
    assert (found[0]["settings"], found[0]["recall"], found[0]["qps"]) == (
        "s beam=64",
        "0.97",
        "4000",
    )
    assert (found[1]["peer"], found[1]["note"]) == ("faiss", "not installed")
    assert found[0]["date"]
    assert found[0]["machine"]
    with pytest.raises(ValueError, match="no column speed"):
        record.append([{"speed": 1}], file)


def test_our_database_answers_exactly_on_tiny_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = dataset("small", clustered(310, 8, clusters=10), 10)
    truth = true_neighbours(found.vectors, found.queries, 10)
    kinds = {"ruvector embedded": databases.Ruvector}
    (measured,) = curves.measure(kinds, found, truth, threads=1, rounds=1, beams=(10,))
    assert measured.points[0].recall == 1.0
    assert measured.ingest_seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_build_times_are_compared_at_their_recall():
    found = dataset("small", clustered(310, 8, clusters=10), 10)
    results = [(found, build.measure(found, ["ruvector"], 1))]
    assert results[0][1][0].points[0].recall == 1.0
    assert "small 300x8" in build.show(results, 1)
    assert build.plot(results, "small", 1).startswith("<svg")


def test_memory_compares_the_report_with_what_the_process_keeps():
    grown = iter((1_000_000, 1_000_000 + 500 * 200))
    case = memory.measure(16, 500, lambda: next(grown))
    assert case["resident"] == 200.0
    assert case["layout"] == case["reported"] - 64
    case = {"dimensions": 384, "rows": 1, "reported": 4000.0, "resident": 4500.0, "layout": 2464.0}
    row = memory.show([case]).splitlines()[2].split()
    assert row[4:6] == ["+12.5%", "missed"]
    assert row[-2:] == ["+4.1%", "reached"]


def test_vectors_come_from_the_path_the_variable_or_the_demo(tmp_path, monkeypatch):
    rows = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float16)
    np.save(tmp_path / "named.npy", rows)
    parse = sources.parser("what?").parse_args
    monkeypatch.setattr(sources, "AT_HAND", tmp_path / "nothing.npy")
    monkeypatch.setenv(sources.VARIABLE, str(tmp_path / "named.npy"))
    assert sources.load(parse([]), 10).label == "named 20x4"
    assert (
        sources.load(parse([str(tmp_path / "named.npy"), "--rows", "5"]), 10).label == "named 5x4"
    )
    monkeypatch.delenv(sources.VARIABLE)
    assert sources.load(parse([]), 10).label == "demo packages 7990x384"
    synthetic = parse(["--synthetic", "--rows", "20", "--dimensions", "8"])
    assert sources.load(synthetic, 10).label == "synthetic clustered 20x8"


def test_ours_is_a_peer_like_the_others():
    assert Ruvector.package == curves.OURS
    assert Ruvector.missing("manhattan") == ""
