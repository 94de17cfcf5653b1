from __future__ import annotations

from xml.etree import ElementTree

from serve_plot import Point, svg


def test_a_plot_is_svg_with_its_labels_and_the_same_each_time() -> None:
    points = [Point(calls, 10.0 * calls, 0.1, 0.2, 0.3) for calls in (1, 2, 4)]
    drawn = svg(points, 25.0)
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert "calls at a time" in drawn
    assert "in process" in drawn
    assert svg(points, 25.0) == drawn
