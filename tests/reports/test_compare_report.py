import math
from dataclasses import replace

import pandas as pd
import pytest

from privacy.ledger import Ledger
from privacy.policy import decide
from privacy.policy_file import load_policy
from privacy.risk import Risk
from reports.compare_report import (
    Candidate,
    beyond_intervals,
    differences,
    epsilon_words,
    frontier_rows,
    render_compare,
    risk_rows,
    score_rows,
)
from synthehr.evaluation import CODE_COLUMNS, COMPARATOR_COLUMNS, ROC_COLUMNS, Evaluation
from synthehr.fidelity.score import Better, Score


def score(value: float, half: float = 0.01, *, better: Better = "higher", ceiling: float = 0.9, **other: str) -> Score:
    named = {"name": "dwp_spearman", "stratum": "all"} | other
    ends = {"low": value - half, "high": value + half}
    return Score(value=value, **ends, floor=0.1, ceiling=ceiling, n=50, unit="codes", better=better, **named)


def risk(value: float) -> Risk:
    half = 0.01
    return Risk(
        attack="membership_kernel",
        knowledge="the file",
        metric="tpr_at_fpr_0.01",
        value=value,
        low=value - half,
        high=value + half,
        control=0.01,
        n=1000,
    )


def candidate(label: str, *scores: Score, leak: float = 0.012, epsilon: float = math.inf, **other: str) -> Candidate:
    found = Evaluation(
        scores=scores,
        risks=(risk(leak),),
        codes=pd.DataFrame(columns=CODE_COLUMNS),
        roc=pd.DataFrame(columns=ROC_COLUMNS),
        comparators=pd.DataFrame(columns=COMPARATOR_COLUMNS),
    )
    return Candidate(
        label=label,
        cohort=other.get("cohort", "c0"),
        config={"run: model": other.get("model", "medgan"), "run: seed": "0"},
        evaluation=found,
        decision=decide(found.risks, Ledger(), load_policy("internal_test")),
        epsilon=epsilon,
        delta=None if math.isinf(epsilon) else 1e-6,
    )


@pytest.mark.parametrize(
    ("first", "second", "better", "found"),
    [
        (0.50, 0.53, "higher", {"b": "better"}),  # [.49, .51] and [.52, .54] do not touch
        (0.53, 0.50, "higher", {"b": "worse"}),
        (0.50, 0.515, "higher", {}),  # [.505, .525] does
        (0.50, 0.53, "lower", {"b": "worse"}),
        (0.80, 0.95, "ceiling", {"b": "better"}),  # .05 from .9 instead of .10
        (0.80, 0.99, "ceiling", {"b": "better"}),  # .09 instead of .10, on the other side
        (0.80, 1.05, "ceiling", {"b": "worse"}),  # .15
        (math.nan, 0.5, "higher", {}),
    ],
)
def test_a_difference_is_one_where_intervals_do_not_touch(
    first: float, second: float, better: Better, found: dict[str, str]
) -> None:
    scores = [score(value, better=better) for value in (first, second)]
    assert beyond_intervals([candidate("a"), candidate("b")], scores) == found


def test_the_first_that_has_the_score_is_what_others_stand_beside() -> None:
    three = [candidate(label) for label in "abc"]
    assert beyond_intervals(three, [None, score(0.5), score(0.6)]) == {"c": "better"}
    assert beyond_intervals(three, [None, None, score(0.6)]) == {}


def test_of_other_cohorts_no_difference_is_told() -> None:
    rows = score_rows([candidate("a", score(0.5)), candidate("b", score(0.8), cohort="c1")])
    assert [row.beyond for row in rows] == [()]
    page = render_compare([candidate("a", score(0.5)), candidate("b", score(0.8), cohort="c1")], policy="internal_test")
    assert 'role="alert"' in page
    assert "Beyond the intervals" not in page
    assert 'role="alert"' not in render_compare([candidate("a"), candidate("b")], policy="internal_test")


def test_only_what_differs_is_listed_and_a_landing_that_is_not_there_says_nothing() -> None:
    one, other = candidate("a"), candidate("b", model="copula")
    lone = replace(one, label="c", config={"evaluation: seed": "1"})
    assert [(row.label, row.cells) for row in differences([one, other])] == [("run: model", ("medgan", "copula"))]
    assert differences([one, lone]) == []
    less = replace(one, config={"run: model": "medgan"})
    assert [(row.label, row.cells) for row in differences([one, less])] == [("run: seed", ("0", "not said"))]


def test_scores_stand_with_intervals_floor_and_ceiling() -> None:
    rows = score_rows(
        [candidate("a", score(0.5), score(0.4, stratum=">=1%")), candidate("b", score(0.8, ceiling=0.95))]
    )
    assert rows[0].cells == ("0.500 [0.490, 0.510]", "0.800 [0.790, 0.810]")
    assert rows[0].further == ("0.100", "0.900 to 0.950")
    assert rows[0].beyond == ("b better",)
    assert (rows[0].whole, rows[1].whole) == (True, False)
    assert rows[1].cells == ("0.400 [0.390, 0.410]", "")


def test_risks_are_judged_by_one_policy() -> None:
    rows = risk_rows([candidate("a", leak=0.02), candidate("b", leak=0.5)])
    assert rows[0].further == ("below 0.1",)
    assert rows[0].verdicts == ("PASS", "FAIL")
    assert rows[-1].verdicts == ("INCONCLUSIVE", "FAIL")  # two gates were not measured


def test_epsilon_reads_as_what_it_is() -> None:
    assert epsilon_words(candidate("a", epsilon=3.0)) == "3.00 at delta 1e-06"
    assert epsilon_words(candidate("a")) == "none: not differentially private"
    assert epsilon_words(replace(candidate("a"), epsilon=None)) == "no ledger"


def test_the_frontier_needs_two_epsilons_of_one_cohort() -> None:
    one, three = candidate("one", score(0.5), epsilon=1.0), candidate("three", score(0.8), epsilon=3.0)
    rows = frontier_rows([one, three, candidate("none", score(0.9))])
    assert list(zip(rows["label"], rows["epsilon"], strict=True)) == [("one", 1.0), ("three", 3.0), ("none", math.inf)]
    assert frontier_rows([one, replace(three, epsilon=1.0)]).empty
    assert frontier_rows([one, replace(three, cohort="c1")]).empty
    assert frontier_rows([one, replace(three, evaluation=None)]).empty


def test_a_page_needs_nothing_beside_it_and_escapes_what_it_shows() -> None:
    one, three = candidate("<one>", score(0.5), epsilon=1.0), candidate("three", score(0.8), epsilon=3.0)
    page = render_compare([one, three], policy="internal_test", notes=["a & b"])
    assert "&lt;one&gt;" in page
    assert "<one>" not in page.replace("<one></one>", "")
    assert "a &amp; b" in page
    assert "<svg" in page
    for reference in ("<script", " src=", "<link", "@import"):
        assert reference not in page
    assert page == render_compare([one, three], policy="internal_test", notes=["a & b"])
    assert "<svg" not in render_compare([one, replace(three, epsilon=1.0)], policy="internal_test")
