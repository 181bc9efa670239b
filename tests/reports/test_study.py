import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.study import NEVER, STUDIES, Verdict, verdicts
from reports.study_rules import Rule, beyond_sampling, skill_interval
from synthehr.fidelity.score import Score

AT_MOST = Rule(kind="at most", yes=0.05, care=0.1)
AT_LEAST = Rule(kind="at least", yes=0.9, care=0.7)
SKILL = Rule(kind="way to the ceiling", yes=0.8, care=0.5)
NAN = float("nan")


def score(low: float, high: float, name: str = "any", stratum: str = "all", **more: object) -> Score:
    facts = {"floor": 0.0, "ceiling": 1.0, "n": 500, "unit": "patients", "better": "higher"} | more
    return Score(name=name, stratum=stratum, value=(low + high) / 2, low=low, high=high, **facts)


def verdict(found: Score) -> Verdict:
    return next(v for v, study in zip(verdicts([found]), STUDIES, strict=False) if study.score == found.name)


@pytest.mark.parametrize(
    ("rule", "low", "high", "answer"),
    [
        (AT_MOST, 0.01, 0.05, "yes"),
        (AT_MOST, 0.01, 0.0501, "with care"),
        (AT_MOST, 0.01, 0.1001, "undecided"),
        (AT_MOST, 0.1001, 0.2, "no"),
        (AT_LEAST, 0.9, 0.99, "yes"),
        (AT_LEAST, 0.8999, 0.99, "with care"),
        (AT_LEAST, 0.6999, 0.99, "undecided"),
        (AT_LEAST, 0.5, 0.6999, "no"),
        (SKILL, 0.8, 0.9, "yes"),
        (SKILL, 0.79, 0.9, "with care"),
        (SKILL, 0.49, 0.9, "undecided"),
        (SKILL, 0.2, 0.49, "no"),
        (AT_MOST, NAN, NAN, "not measured"),
    ],
)
def test_the_whole_interval_answers_and_not_the_value(rule: Rule, low: float, high: float, answer: str) -> None:
    # floor 0 and ceiling 1: skill is the value itself
    assert rule.answer(score(low, high)) == answer


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from([AT_MOST, AT_LEAST]))
def test_a_wider_interval_never_answers_better(middle: float, half: float, more: float, rule: Rule) -> None:
    order = {"yes": 0, "with care": 1, "undecided": 2, "no": 2}  # of the last two the wider is what is less sure
    one, wider = (rule.answer(score(middle - h, middle + h)) for h in (half, half + more))
    assert order[one] <= order[wider]
    assert (one, wider) != ("undecided", "no")


def test_skill_turns_round_where_less_is_better() -> None:
    # floor .9, ceiling .5: .55 is 7/8 of the way and .65 is 5/8
    found = score(0.55, 0.65, floor=0.9, ceiling=0.5, better="lower")
    assert skill_interval(found) == pytest.approx((0.625, 0.875))
    assert SKILL.answer(found) == "with care"


def test_floor_and_ceiling_that_cannot_be_told_apart_answer_nothing() -> None:
    assert SKILL.answer(score(0.5, 0.7, floor=0.6, ceiling=0.65)) == "not measured"


def test_what_is_beyond_sampling_is_the_other_side_of_the_triangle() -> None:
    # 3-4-5 and 5-12-13 with a ceiling of 3 and of 5; below the ceiling nothing is left
    found = beyond_sampling(score(2.0, 5.0, floor=5.0, ceiling=3.0, better="lower"))
    assert (found.low, found.high, found.floor, found.ceiling) == (0.0, 4.0, 4.0, 0.0)
    assert beyond_sampling(score(13.0, 13.0, floor=13.0, ceiling=5.0)).value == 12
    assert math.isnan(beyond_sampling(score(0.1, 0.2, ceiling=NAN)).high)


def test_real_patients_in_its_place_may_be_studied() -> None:
    # the ceiling's own value, with an interval that stays within a tenth of a code's rate
    found = score(0.08, 0.095, name="dwp_log10_ratio", stratum="0.1-1%", floor=0.3, ceiling=0.09, better="lower")
    answers = {v.title: v for v in verdicts([found])}["Rates of codes that 0.1 to 1 % of patients have"]
    # .095^2 - .09^2 = .03041^2, a factor of 1.0725; the value is below the ceiling
    assert (answers.answer, answers.value, answers.interval) == ("yes", "1.00", "[1.00, 1.07]")
    worse = replace(found, low=0.2, high=0.22)
    answers = {v.title: v for v in verdicts([worse])}["Rates of codes that 0.1 to 1 % of patients have"]
    assert answers.answer == "no"
    assert answers.why.startswith("The whole interval is beyond the limit for care.")


def test_rare_codes_are_never_more_than_with_care() -> None:
    perfect = score(1.0, 1.0, name="code_coverage")
    assert verdict(perfect).answer == "with care"
    assert verdict(replace(perfect, low=0.5)).answer == "undecided"
    assert verdict(replace(perfect, low=0.5, high=0.6)).answer == "no"


def test_a_verdict_says_why() -> None:
    wide = score(0.01, 0.2, name="codes_per_patient_ks", ceiling=0.02, floor=0.3, better="lower")
    assert verdict(wide).why == "The interval reaches beyond the limit for care: more patients may tell."
    hopeless = replace(wide, ceiling=0.15)
    assert verdict(hopeless).why.startswith("Fresh real patients are beyond the limit for care as well")
    withheld = score(200.0, 300.0, name="knowledge_violations", ceiling=NAN, floor=350.0, better="lower")
    assert verdict(withheld).why.startswith("The whole interval is beyond the limit for care. Filter")
    assert verdict(withheld).ceiling == "n/a"
    assert verdict(withheld).rule == "yes: ≤\N{NO-BREAK SPACE}20; with care: ≤\N{NO-BREAK SPACE}100"


def test_what_was_not_measured_and_what_never_can_be_is_said() -> None:
    found = verdicts([])
    assert len(found) == len(STUDIES) + len(NEVER)
    assert {v.answer for v in found[: len(STUDIES)]} == {"not measured"}
    perfect = [score(1.0, 1.0, name=s.score, stratum=s.stratum) for s in STUDIES]
    assert next(v.answer for v in verdicts(perfect) if v.title.startswith("Anything with time")) == "no"
