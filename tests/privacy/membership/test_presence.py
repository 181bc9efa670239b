import numpy as np
import pytest

from privacy.attack import Finding
from privacy.membership.presence import presence
from privacy.ranks import Targets
from privacy.risk import clopper_pearson


def sweep(members: list[int], nonmembers: list[int], *thresholds: int) -> dict[str, Finding]:
    distances = Targets(np.array(members, dtype=float), np.array(nonmembers, dtype=float))
    return {finding.metric: finding for finding in presence(distances, thresholds=thresholds)}


def test_medgans_presence_disclosure_on_paper() -> None:
    # at most 1 apart: 3 of 4 members and 1 of 4 non-members are claimed, so 3 of 4 claims are right
    found = sweep([0, 1, 1, 5], [1, 2, 6, 9], 1)
    values = {metric: finding.estimate.value for metric, finding in found.items()}
    assert values == {"sensitivity_at_hamming_1": 0.75, "fpr_at_hamming_1": 0.25, "precision_at_hamming_1": 0.75}
    for finding in found.values():
        hits = round(finding.estimate.value * 4)
        assert finding.estimate[1:] == clopper_pearson(hits, 4)


def test_precision_is_left_out_where_nobody_is_claimed() -> None:
    found = sweep([4, 5], [6, 7], 0)
    assert set(found) == {"sensitivity_at_hamming_0", "fpr_at_hamming_0"}
    assert found["sensitivity_at_hamming_0"].estimate.high == pytest.approx(1 - 0.025**0.5)


def test_a_wide_threshold_claims_everybody_and_learns_nothing() -> None:
    found = sweep([0, 1, 1, 5], [1, 2, 6, 9], 9)
    assert found["sensitivity_at_hamming_9"].estimate.value == found["fpr_at_hamming_9"].estimate.value == 1.0
    assert found["precision_at_hamming_9"].estimate.value == 0.5
