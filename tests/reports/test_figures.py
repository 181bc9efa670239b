import math
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from reports.figures.roc import roc
from reports.figures.scatter import dwp, dwpred
from reports.figures.skill import skills
from reports.view import ReportView

MakeCodes, MakeView = Callable[..., pd.DataFrame], Callable[..., ReportView]


def draw_all(view: ReportView) -> dict[str, str]:
    found = view.evaluation
    on_scale = [score for score in found.scores if math.isfinite(score.skill)]
    return {
        "dwp": dwp(found.codes, n_test=1_000, n_synthetic=4_000),
        "dwpred": dwpred(found.codes, n_test=1_000),
        "roc1": roc("membership_neighbours", found.roc, number=1, title="Membership"),
        "skill": skills(on_scale, [score.name for score in on_scale]),
    }


def test_figures_are_accessible_and_stand_alone(make_view: MakeView) -> None:
    for name, svg in draw_all(make_view()).items():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{name}-title {name}-desc"
        assert [child.tag.rsplit("}", 1)[1] for child in root][:2] == ["title", "desc"]
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert all(one.startswith(f"{name}-") for one in ids)
        assert not re.search(r"<metadata|<!DOCTYPE|<style|dc:date", svg)
        targets = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        assert {a or b for a, b in targets} <= set(ids)


@pytest.mark.parametrize("draw", [lambda c: dwp(c, n_test=1_000, n_synthetic=4_000), lambda c: dwpred(c, n_test=1_000)])
def test_a_scatter_does_not_depend_on_the_count_of_a_small_cell(draw: Callable, make_codes: MakeCodes) -> None:
    assert draw(make_codes(small=3)) == draw(make_codes(small=10)) == draw(make_codes(small=0))
    assert draw(make_codes(small=3)) != draw(make_codes(small=60))  # the control: a large cell is drawn


def test_a_scatter_does_not_tell_counts_apart_that_round_alike(make_codes: MakeCodes) -> None:
    assert dwp(make_codes(small=58), n_test=1_000, n_synthetic=9) == dwp(
        make_codes(small=62), n_test=1_000, n_synthetic=9
    )


def test_absent_and_withheld_codes_are_counted(make_codes: MakeCodes) -> None:
    svg = dwp(make_codes(), n_test=1_000, n_synthetic=4_000)
    assert "1 codes of fewer than 11 real patients" in svg
    assert "1 never occur in the synthetic sample" in svg


def test_codes_that_could_not_be_predicted_are_left_out(make_codes: MakeCodes) -> None:
    # five codes: one of few patients, one too rare to predict
    assert "Scatter of 3 codes" in dwpred(make_codes(), n_test=1_000)


def test_a_roc_is_resampled(make_view: MakeView) -> None:
    curves = make_view().evaluation.roc
    finer = pd.concat([curves, curves.assign(fpr=curves["fpr"] + 1e-9)], ignore_index=True)
    draw = [roc("membership_neighbours", frame, number=1, title="x") for frame in (curves, finer)]
    assert draw[0] == draw[1]


def test_empty_and_extreme_figures_are_drawn(make_codes: MakeCodes, make_view: MakeView) -> None:
    rare = make_codes().assign(prevalence_real=0.0, prevalence_synthetic=0.0, auroc_real=np.nan)
    score = replace(make_view().evaluation.scores[0], value=-9.0, low=-np.inf, high=np.nan)
    for svg in (
        dwp(rare, n_test=1_000, n_synthetic=10),
        dwpred(rare, n_test=1_000),
        roc("unknown", make_view().evaluation.roc, number=9, title="x"),
        skills([score], ["far"]),
    ):
        ElementTree.fromstring(svg)
