import numpy as np
import pytest

from synthehr.events.simulated.diseases import diseases
from synthehr.events.simulated.population import (
    AGE_SHARES,
    AGES,
    FEMALE_SHARE,
    by_age_and_sex,
    draw_population,
    prevalences,
)

CATALOGUE = diseases(480)
PEOPLE = draw_population(20_000, CATALOGUE, np.random.default_rng(7))
AT = {disease.category: j for j, disease in enumerate(CATALOGUE)}


def has(category: str) -> np.ndarray:
    return PEOPLE.has[:, AT[category]]


def test_targets_fall_from_two_in_five_to_one_in_ten_thousand() -> None:
    target = prevalences(CATALOGUE)
    assert target[0] == pytest.approx(0.40)
    assert target[-1] == pytest.approx(1e-4)
    assert (np.diff(target) < 0).all()


def test_shares_by_age_and_sex_average_to_at_most_the_target() -> None:
    weights = np.repeat(AGE_SHARES, 2) * np.tile([1 - FEMALE_SHARE, FEMALE_SHARE], len(AGE_SHARES))
    assert weights.sum() == pytest.approx(1)
    mean = weights @ by_age_and_sex(CATALOGUE)
    assert (mean <= prevalences(CATALOGUE) * (1 + 1e-9)).all()


@pytest.mark.parametrize("category", ["401", "272", "530", "244", "715", "733", "311"])
def test_prevalences_reach_their_targets(category: str) -> None:
    target = prevalences(CATALOGUE)[AT[category]]
    assert abs(has(category).mean() - target) < 5 * np.sqrt(target / len(PEOPLE.age)) + 0.02


@pytest.mark.parametrize(("category", "of_women"), [("650", True), ("V27", True), ("600", False), ("185", False)])
def test_no_disease_crosses_the_sexes(category: str, of_women: bool) -> None:
    assert has(category).sum() > 20
    assert (PEOPLE.female[has(category)] == of_women).all()


def test_births_are_of_the_young_and_newborns_are_new() -> None:
    assert np.quantile(PEOPLE.age[has("650")], [0.01, 0.99]) == pytest.approx([15, 45], abs=6)
    assert PEOPLE.age[has("V30")].max() < AGES[2]
    assert np.median(PEOPLE.age[has("331")]) > 60


@pytest.mark.parametrize(
    ("one", "other"), [("250", "585"), ("428", "427"), ("303", "571"), ("311", "300"), ("038", "995")]
)
def test_diseases_that_go_together_do(one: str, other: str) -> None:
    both = (has(one) & has(other)).mean()
    apart = has(one).mean() * has(other).mean()
    assert both > 1.5 * apart
    shuffled = np.random.default_rng(0).permutation(has(other))  # the control: no link, no excess
    assert (has(one) & shuffled).mean() < 1.3 * apart
