import math
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from reports.figures.effects import displayed_effects, odds_ratios
from reports.figures.frontier import FRONTIER_COLUMNS, best_within, frontier
from reports.figures.heat import correlations
from reports.figures.lengths import codes_per_patient
from reports.figures.roc import roc
from reports.figures.scatter import dwp, dwpred
from reports.figures.skill import skills
from reports.figures.strata import prevalence_ratios
from reports.figures.subgroups import subgroup_errors
from reports.figures.svg import inline, panel
from reports.figures.training import training_curves
from reports.view import ReportView

SVG = "{http://www.w3.org/2000/svg}"
MakeCodes, MakeView = Callable[..., pd.DataFrame], Callable[..., ReportView]


def draw_all(view: ReportView) -> dict[str, str]:
    found = view.evaluation
    on_scale = [score for score in found.scores if math.isfinite(score.skill)]
    return {
        "dwp": dwp(found.codes, n_test=1_000, n_synthetic=4_000),
        "dwpred": dwpred(found.codes, n_test=1_000),
        "roc1": roc("membership_neighbours", found.roc, number=1, title="Membership"),
        "skill": skills(on_scale, [score.name for score in on_scale]),
        "lengths": codes_per_patient(found.codes_per_patient, n_test=1_000, n_compared=1_000),
        "heat": correlations(found.correlations, n_test=1_000),
        "effects": odds_ratios(found.effects, n_test=1_000),
        "subgroups": subgroup_errors(found.subgroups),
        "training": training_curves(HISTORY),
        "frontier": frontier(releases()),
        "ratios": prevalence_ratios(many_codes(), n_test=1_000, n_compared=1_000) or "",
    }


HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 1, 2, 1, 2],
        "term": ["train_nats"] * 2 + ["held_out_nats"] * 2 + ["critic"] * 2,
        "value": range(6),
    }
)


def many_codes() -> pd.DataFrame:
    """Six codes of 100 patients of 1,000, and two of 20: a stratum to draw and one of too few codes."""
    frame = pd.DataFrame({"prevalence_real": [0.1] * 6 + [0.02] * 2})
    return frame.assign(
        prevalence_synthetic=[0.05, 0.1, 0.1, 0.1, 0.1, 0.2, 0.02, 0.02], prevalence_floor=0.1, prevalence_ceiling=0.1
    )


def releases() -> pd.DataFrame:
    rows = [
        ("one", 1.0, "AUROC kept", 0.4, 0.35, 0.45, 0.0, 1.0),
        ("two", 3.0, "AUROC kept", 0.7, 0.65, 0.75, 0.0, 1.0),
        ("none", np.inf, "AUROC kept", 0.9, 0.85, 0.95, 0.0, 1.0),
        ("one", 1.0, "told apart", 0.9, np.nan, np.nan, 0.98, 0.5),
    ]
    return pd.DataFrame(rows, columns=FRONTIER_COLUMNS)


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


def hints(svg: str) -> list[str]:
    """What the markers of a figure tell a pointer."""
    return [str(use[0].text) for use in ElementTree.fromstring(svg).iter(f"{SVG}use") if len(use)]


def test_each_point_tells_its_code(make_codes: MakeCodes) -> None:
    told = hints(dwp(make_codes(), n_test=1_000, n_synthetic=4_000))
    assert len(told) == 5
    assert "DRUG/insulin Description of DRUG/insulin: real 2.0 %, synthetic 4.0 %" in told
    # never in the synthetic sample, and of too few real patients
    assert "ICD9CM/414 Description of ICD9CM/414: real 5.0 %, synthetic never" in told
    assert "ICD9CM/282 Description of ICD9CM/282: real withheld, synthetic 0.40 %" in told
    assert "ICD9CM/250 Description of ICD9CM/250: real 0.810, synthetic 0.800" in hints(
        dwpred(make_codes(), n_test=1_000)
    )


def test_a_scatter_of_many_codes_stays_small() -> None:
    n = 1_300
    real = np.geomspace(0.9, 1e-4, n)
    frame = pd.DataFrame({"code": [f"ICD9CM/{k:05}" for k in range(n)], "description": "Disorders of " + "x" * 40})
    svg = dwp(frame.assign(prevalence_real=real, prevalence_synthetic=real), n_test=10_000, n_synthetic=10_000)
    assert len(hints(svg)) == n
    assert len(svg) < 400_000


def test_hints_of_another_number_than_the_markers_are_refused() -> None:
    figure, axes = panel(2, 2)
    axes.plot([1, 2], [1, 2], "o", gid="points")
    with pytest.raises(ValueError, match="1 for 2"):
        inline(figure, name="x", title="t", description="d", hints={"points": ["one"]})
    with pytest.raises(ValueError, match="no marker was drawn"):
        inline(figure, name="x", title="t", description="d", hints={"other": ["one"]})


def test_odds_ratios_are_those_of_rounded_counts(make_view: MakeView) -> None:
    found = displayed_effects(make_view().evaluation.effects, 1_000)
    # 120 of 400 and 200: cells 120, 280, 80, 520; 20 of 400 and 100: 20, 380, 80, 520; the third has 7 patients
    assert found["real"].tolist() == pytest.approx([np.log(120 * 520 / (280 * 80)), np.log(20 * 520 / (380 * 80))])
    reach = 1.96 * np.sqrt(1 / 120 + 1 / 280 + 1 / 80 + 1 / 520)
    assert found["high"][0] - found["real"][0] == pytest.approx(reach)
    svg = odds_ratios(make_view().evaluation.effects, n_test=1_000)
    # exp .9 = 2.46 lies within 2.79 x/: exp(.318), exp .5 = 1.65 not within .34 x/: exp(.51)
    assert "1 synthetic odds ratios lie within it" in svg
    assert "1 pairs are withheld" in svg
    assert "ICD9CM/250 with ICD9CM/401: real 2.8 [2.0, 3.8], synthetic 2.5" in hints(svg)


def test_a_map_withholds_a_pair_in_real_patients_alone(make_view: MakeView) -> None:
    told = hints(correlations(make_view().evaluation.correlations, n_test=1_000))
    # (120 x 520 - 280 x 80) / sqrt(400 x 600 x 200 x 800) = .204; .001 is blank
    assert told.count("ICD9CM/250 with ICD9CM/401: 0.20") == 1
    assert told.count("ICD9CM/401 with ICD9CM/414: withheld") == 1
    assert len([one for one in told if one.startswith("ICD9CM/401 with ICD9CM/414")]) == 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda found: codes_per_patient(found.codes_per_patient, n_test=1_000, n_compared=1_000),
        lambda found: correlations(found.correlations, n_test=1_000),
        lambda found: odds_ratios(found.effects, n_test=1_000),
    ],
    ids=["lengths", "heat", "effects"],
)
def test_no_figure_depends_on_a_small_cell(draw: Callable, make_view: MakeView) -> None:
    seven, none, ten, large = (draw(make_view(small=k).evaluation) for k in (7, 0, 10, 60))
    assert seven == none == ten
    assert seven != large


def test_ratios_are_of_strata_with_codes_enough() -> None:
    svg = prevalence_ratios(many_codes(), n_test=1_000, n_compared=1_000)
    assert svg is not None
    assert "5 % and more" in svg
    assert "1 to 5 %" not in svg
    assert prevalence_ratios(many_codes()[-2:], n_test=1_000, n_compared=1_000) is None


def test_the_best_for_so_much_epsilon() -> None:
    value = np.asarray([0.4, 0.7, np.nan, 0.6, 0.9])
    assert best_within(value, upward=True).tolist() == [0.4, 0.7, 0.7, 0.7, 0.9]
    assert best_within(value, upward=False).tolist() == [0.4, 0.4, 0.4, 0.4, 0.4]


def test_a_frontier_says_its_figures_and_stands_on_one_release() -> None:
    svg = frontier(releases())
    assert "two, epsilon 3.0, AUROC kept: 0.700 [0.650, 0.750]." in svg
    assert "none, no epsilon, AUROC kept" in svg
    assert "best within so much epsilon" in svg
    alone = frontier(releases()[2:3].assign(floor=np.nan))
    assert "best within so much epsilon" not in alone
    assert frontier(releases()) == svg


def test_curves_of_one_quantity_share_a_panel() -> None:
    assert "2 panels over the passes of the training: nats per patient, critic." in training_curves(HISTORY)
