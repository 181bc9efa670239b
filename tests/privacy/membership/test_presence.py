import numpy as np
import pytest

from privacy.membership.presence import presence_risks
from privacy.ranks import Targets
from privacy.risk import Risk, clopper_pearson


def sweep(members: list[int], nonmembers: list[int], *thresholds: int) -> dict[str, Risk]:
    synthetic = Targets(np.array(members, dtype=float), np.array(nonmembers, dtype=float))
    copy = Targets(np.zeros(len(members)), np.array(nonmembers, dtype=float))
    return {risk.metric: risk for risk in presence_risks(synthetic, copy, thresholds=thresholds)}


def test_medgans_presence_disclosure_on_paper() -> None:
    # at most 1 apart: 3 of 4 members and 1 of 4 non-members are claimed, so 3 of 4 claims are right
    found = sweep([0, 1, 1, 5], [1, 2, 6, 9], 1)
    sensitivity, false_positive_rate, precision = found.values()
    assert (sensitivity.metric, sensitivity.value, sensitivity.control, sensitivity.ceiling) == (
        "sensitivity_at_hamming_1",
        0.75,
        0.25,
        1.0,
    )
    assert (false_positive_rate.metric, false_positive_rate.value) == ("fpr_at_hamming_1", 0.25)
    assert (precision.metric, precision.value, precision.control) == ("precision_at_hamming_1", 0.75, 0.5)
    assert (sensitivity.low, sensitivity.high) == clopper_pearson(3, 4)
    assert precision.ceiling == 4 / 5


def test_the_base_rate_is_the_share_of_members_among_the_known_patients() -> None:
    assert sweep([0] * 3, [0], 0)["precision_at_hamming_0"].control == 0.75


def test_precision_is_left_out_where_nobody_is_claimed() -> None:
    found = sweep([4, 5], [6, 7], 0)
    assert set(found) == {"sensitivity_at_hamming_0", "fpr_at_hamming_0"}
    assert found["sensitivity_at_hamming_0"].high == pytest.approx(1 - 0.025**0.5)


def test_a_wide_threshold_claims_everybody_and_learns_nothing() -> None:
    found = sweep([0, 1, 1, 5], [1, 2, 6, 9], 9)
    assert found["sensitivity_at_hamming_9"].value == found["sensitivity_at_hamming_9"].control == 1.0
    assert found["precision_at_hamming_9"].value == 0.5
