import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from privacy.identity.paired import paired_difference, relabelled, sum_of_means

PAIRS = st.integers(1, 40).flatmap(lambda n: st.tuples(arrays(bool, n), arrays(bool, n)))


def test_the_paired_difference_by_hand() -> None:
    # 6 of 20 claims hold of members alone, 2 of non-members alone
    ours = np.array([True] * 6 + [False] * 2 + [True] * 5 + [False] * 7)
    theirs = np.array([False] * 6 + [True] * 2 + [True] * 5 + [False] * 7)
    found = paired_difference(ours, theirs)
    half = 1.96 * (9 - 16 / 22) ** 0.5 / 22
    assert found == pytest.approx((4 / 20, 4 / 22 - half, 4 / 22 + half), abs=1e-4)


@given(PAIRS)
def test_the_interval_holds_the_value_and_has_width(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = paired_difference(*pair)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    turned = paired_difference(*pair[::-1])
    assert turned.value == -found.value
    assert turned.high == pytest.approx(-found.low)


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        both = rng.random(150)
        found = paired_difference(both < 0.12, (both > 0.08) & (both < 0.16))
        covered.append(found.low <= 0.12 - 0.08 <= found.high)
    assert np.mean(covered) > 0.92


def test_a_sum_of_means_by_hand() -> None:
    found = sum_of_means([np.array([1.0, 3.0] * 50), -np.array([0.0, 2.0] * 50)])
    assert found.value == 1.0
    assert found.high - 1 == pytest.approx(1.96 * (2 * (100 / 99) / 100) ** 0.5, abs=1e-3)
    assert sum_of_means([np.zeros(10)]).low < 0


@pytest.mark.parametrize("parts", [[np.zeros(1)], [np.zeros(9), np.zeros(0)]])
def test_one_patient_has_no_interval(parts: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        sum_of_means(parts)


def test_relabelling_keeps_its_level_although_claims_share_patients() -> None:
    """Every claim is there ten times: a test that took them for independent would err far more often."""
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        claims = (rng.random((400, 40)) < 0.005).astype(np.uint8)
        p.append(relabelled(sparse.csc_matrix(np.repeat(claims, 10, axis=1)), 200, rng))
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5


def test_claims_that_isolate_members_alone_are_found() -> None:
    matches = np.zeros((400, 30), dtype=np.uint8)
    matches[np.arange(30), np.arange(30)] = 1
    assert relabelled(sparse.csc_matrix(matches), 200, np.random.default_rng(0)) < 0.001


def test_no_claim_is_refused() -> None:
    with pytest.raises(ValueError, match="one at least"):
        paired_difference(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
