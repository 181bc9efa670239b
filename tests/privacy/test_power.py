import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.power import detectable_auc, detectable_difference, detectable_share
from privacy.ranks import Targets, auc
from privacy.risk import Estimate, clopper_pearson


def test_an_auc_that_is_called_detectable_is_detected_in_80_of_100_releases() -> None:
    m = n = 300
    shift = np.sqrt(2) * 1.0  # AUC of two unit normals a shift apart is Phi(shift / sqrt 2)
    rng = np.random.default_rng(0)
    wanted = detectable_auc(m, n)
    shift *= float(__import__("scipy.special").special.ndtri(wanted))
    seen = [auc(Targets(rng.normal(shift, 1, m), rng.normal(size=n))).low > 0.5 for _ in range(600)]
    assert np.mean(seen) == pytest.approx(0.80, abs=0.05)


def test_a_share_that_is_called_detectable_is_detected_in_80_of_100_samples() -> None:
    share = detectable_share(0.01, 5_000)
    rng = np.random.default_rng(1)
    seen = [clopper_pearson(int(x), 5_000)[0] > 0.01 for x in rng.binomial(5_000, share, 2_000)]
    assert np.mean(seen) == pytest.approx(0.80, abs=0.03)


@given(st.floats(0, 0.5), st.integers(1, 500))
def test_what_is_detectable_lies_above_chance(chance: float, n: int) -> None:
    assert chance < detectable_share(chance, n) <= 1


@given(st.integers(2, 1_000), st.integers(2, 1_000))
def test_more_patients_show_smaller_leaks(m: int, n: int) -> None:
    assert 0.5 < detectable_auc(2 * m, 2 * n) <= detectable_auc(m, n) <= 1
    assert detectable_share(0.01, 4 * n) <= detectable_share(0.01, n) + 0.02  # counts are whole: not strictly


def test_a_difference_by_hand() -> None:
    # half-width 1.96 standard errors of .01; 80 % power takes .84 more: 2.80 of them
    assert detectable_difference(0.1, Estimate(0.5, 0.5 - 0.0196, 0.6)) == pytest.approx(0.128, abs=1e-4)


def test_one_patient_can_show_nothing_against_a_chance_of_a_half() -> None:
    assert detectable_share(0.5, 1) == 1.0
