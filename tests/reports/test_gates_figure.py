from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

from privacy.risk import Risk
from reports.figures.gates import gates, on_scale

MakeRisk = Callable[..., Risk]


def judged(make_risk: MakeRisk, **figures: object) -> Risk:
    return make_risk("linkability", "link_gain", 0.1, 0.02, threshold=0.2, verdict="PASS", **figures)


def test_what_has_no_place_on_the_scale_is_left_out(make_risk: MakeRisk) -> None:
    placed = judged(make_risk, control=0.0, ceiling=0.9)
    others = [replace(placed, ceiling=None), replace(placed, ceiling=0.0005), replace(placed, verdict=None)]
    assert on_scale([placed, *others]) == [placed]


def test_the_figure_is_told_and_follows_the_figures(make_risk: MakeRisk) -> None:
    one = judged(make_risk, control=0.0, others={"independent": 0.05, "k_anonymised_5": 0.8})
    svg = gates([one], ["Linkability"])
    root = ElementTree.fromstring(svg)
    assert [child.tag.rsplit("}", 1)[1] for child in root][:2] == ["title", "desc"]
    assert "Linkability: PASS." in svg
    assert "k anonymised 5" in svg
    assert gates([one], ["Linkability"]) == svg
    for change in ({"value": 0.11}, {"threshold": 0.3}, {"others": {"independent": 0.06}}):
        assert gates([replace(one, **change)], ["Linkability"]) != svg


def test_extremes_are_drawn_at_the_edge(make_risk: MakeRisk) -> None:
    for value in (-9.0, 9.0, float("nan"), float("inf")):
        ElementTree.fromstring(gates([replace(judged(make_risk), value=value, low=-9.0, high=value)], ["x"]))
