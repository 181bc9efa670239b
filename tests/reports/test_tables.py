import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from privacy.risk import Risk
from reports.tables import comparator_table, key_risks, risk_row, score_rows, worst_codes
from reports.view import ReportView


def test_worst_codes_by_difference_and_by_ratio(make_codes: Callable[..., pd.DataFrame]) -> None:
    # differences: .1, .01, .05, .02; ratios: 3/4, 21/20, 0, 2
    worst = worst_codes(make_codes(), 1_000)
    assert [row["code"] for row in worst["difference"]] == ["ICD9CM/250", "ICD9CM/414", "DRUG/insulin", "ICD9CM/401"]
    assert [row["code"] for row in worst["ratio"]] == ["ICD9CM/414", "DRUG/insulin", "ICD9CM/250", "ICD9CM/401"]
    assert worst["ratio"][0]["synthetic"] == "never"
    assert worst["ratio"][1] == {
        "code": "DRUG/insulin",
        "description": "Description of DRUG/insulin",
        "real": "2.0 %",
        "synthetic": "4.0 %",
        "ratio": "2.0",
    }


@pytest.mark.parametrize("small", [0, 1, 10, 12])
def test_a_small_cell_is_never_among_the_worst(small: int, make_codes: Callable[..., pd.DataFrame]) -> None:
    frame = make_codes(small).assign(prevalence_synthetic=0.9)
    assert "ICD9CM/282" not in str(worst_codes(frame, 1_000))
    assert "ICD9CM/282" in str(worst_codes(make_codes(13).assign(prevalence_synthetic=0.9), 1_000))


def test_a_risk_is_read_beside_its_control(make_risk: Callable[..., Risk]) -> None:
    row = risk_row(make_risk("exact_duplicates", "identical_share", 0.0512, 0.004, control=0.0498))
    assert (row.value, row.interval, row.control, row.n) == ("0.051", "[0.047, 0.055]", "0.050", "5,000")
    assert row.words == "members whose whole record is in the release"


def test_too_few_nonmembers_are_said(make_risk: Callable[..., Risk]) -> None:
    row = risk_row(make_risk("membership_neighbours", "tpr_at_fpr_0.001", 0.5, 0.5, nonmembers_needed=5_000))
    assert "5,000 non-members would be needed" in row.note
    assert row.words == "members found when 0.1 % of others are wrongly claimed"


def test_a_section_shows_what_was_judged_else_the_worst(make_view: Callable[..., ReportView]) -> None:
    risks = make_view().decision.risks
    assert [risk.metric for risk in key_risks(risks)] == ["tpr_at_fpr_0.01", "auc"]
    assert [risk.metric for risk in key_risks(risks[2:])] == ["sensitivity_at_hamming_2"]


def test_scores_and_comparators(make_view: Callable[..., ReportView]) -> None:
    found = make_view().evaluation
    rows = score_rows(found.scores)
    # (0.98 - 0.90) / (0.98 - 0.50)
    assert rows[1]["skill"] == "0.17"
    assert rows[2]["skill"] == "n/a"
    # half an interval of .02 bears three places
    names, table = comparator_table(found.scores, found.comparators)
    assert names == ["independent", "copula", "holdout"]
    assert table == [{"label": "detection", "own": "0.900", "others": ["0.980", "0.940", "0.500"]}]
    withheld = [replace(score, ceiling=math.nan) for score in found.scores]
    assert comparator_table(withheld, found.comparators)[1][0]["others"] == ["0.980", "0.940", "n/a"]
