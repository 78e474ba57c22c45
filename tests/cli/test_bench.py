"""Does `ruvector bench` measure the vectors it is given, and refuse what it cannot in one line?"""

import numpy as np
import pytest

from ruvector.cli import main


def run(capsys, *arguments):
    code = main(["bench", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_vectors_of_a_file_are_measured_and_drawn(tmp_path, capsys):
    vectors = np.random.default_rng(1).normal(size=(260, 12)).astype(np.float32)
    np.save(tmp_path / "mine.npy", vectors)
    picture = tmp_path / "picture.svg"
    code, out, error = run(
        capsys,
        *("--data", tmp_path / "mine.npy", "--queries", 20, "--distance", "euclid"),
        *("--peers", "none", "--rounds", 1, "--threads", 1, "--rows", 200, "--output", picture),
    )
    assert code == 0
    assert "200 of 260 rows are measured" in out
    assert "mine.npy 200x12, euclid, 20 queries, k = 10" in out
    lines = [line.split() for line in out.splitlines()]
    settings = [line for line in lines if line[:1] == ["ruvector"]]
    assert settings[0][2] == "1.00"  # recall: so few rows are scanned
    assert picture.read_text().startswith("<svg")
    assert "100%" in error


def test_synthetic_vectors_are_labelled(capsys):
    code, out, _ = run(
        capsys,
        *("--synthetic", "--rows", 50, "--dimensions", 8, "--queries", 5, "--rounds", 1),
        *("--peers", "hnswlib", "--distance", "manhattan"),
    )
    assert code == 0
    assert "synthetic clustered 50x8, manhattan" in out
    assert "hnswlib: does not know the distance manhattan" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--queries", 0), "--queries is 0; allowed are 1 to 1000000"),
        (("--rounds", 1000), "--rounds is 1000"),
        (("--peers", "hnswlib,nobody"), "--peers names nobody"),
        (("--output", "picture.png"), "a picture is a .svg file"),
        (("--output", "no/where.svg"), "there is no folder no"),
        (("--data", "nowhere.npy"), "nowhere.npy is not a .npy file"),
        (("--data", __file__), "is not a .npy file"),
    ],
)
def test_refusals_are_one_line(capsys, arguments, named):
    code, out, error = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert named in error
    assert error.count("\n") == 1


def test_texts_and_single_vectors_are_refused(tmp_path, capsys):
    for name, array in (("texts", np.array(["a"])), ("flat", np.zeros(2000))):
        np.save(tmp_path / f"{name}.npy", array)
        code, _, error = run(capsys, "--data", tmp_path / f"{name}.npy")
        assert code == 1
        assert "[n, dim]" in error
