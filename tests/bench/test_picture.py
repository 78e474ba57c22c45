"""Is a picture well-formed, and does it stand where its numbers say?"""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from ruvector.bench.curves import Curve, Setting
from ruvector.bench.picture import Axis, Line, chart, recall_chart, write
from ruvector.errors import BadInput

SVG = "{http://www.w3.org/2000/svg}"


def places(svg):
    root = ElementTree.fromstring(svg)  # noqa: S314  our own
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in root.iter(f"{SVG}polyline")
    ]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_larger_values_stand_further_right_and_higher(scale):
    lines = [Line("a <b>", [(1, 10), (10, 100), (100, 1000)]), Line("empty", [])]
    ((first, second, third),) = places(chart("t", "s", Axis("x", scale), Axis("y", scale), lines))
    assert first[0] < second[0] < third[0]
    assert first[1] > second[1] > third[1]
    if scale == "log":
        assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.2)


def test_recall_of_one_has_a_place():
    points = [Setting(10, recall, 100.0, 1.0, 1.0) for recall in (0.9, 0.99, 1.0)]
    ((first, second, third),) = places(recall_chart("t", "s", [Curve("p", points=points)]))
    assert first[0] < second[0] < third[0] < 860


def test_nothing_and_a_single_point_are_drawn():
    assert places(chart("t", "s", Axis("x"), Axis("y", "log"), [])) == []
    assert len(places(chart("t", "s", Axis("x"), Axis("y"), [Line("one", [(0, 0)])]))) == 1


def test_names_do_not_stand_on_each_other():
    svg = chart(
        "t",
        "s",
        Axis("x"),
        Axis("y"),
        [Line(f"peer {n}", [(1, 100), (2, 100 + n)]) for n in range(8)],
    )
    root = ElementTree.fromstring(svg)  # noqa: S314  our own
    heights = sorted(
        float(text.get("y")) for text in root.iter(f"{SVG}text") if "peer" in (text.text or "")
    )
    assert all(later - earlier >= 14.9 for earlier, later in pairwise(heights))


def test_a_picture_that_cannot_be_written_is_refused(tmp_path):
    write(tmp_path / "fine.svg", "<svg/>")
    assert (tmp_path / "fine.svg").read_text() == "<svg/>"
    with pytest.raises(BadInput, match="cannot be written"):
        write(tmp_path / "nowhere" / "a.svg", "<svg/>")
