from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.attack import Finding
from privacy.attributes.sensitive import sensitive_codes

SEED = np.random.SeedSequence(0)


def found(patients, release: np.ndarray, **options: object) -> dict[str, Finding]:
    findings = sensitive_codes(patients, seed=SEED, **options)(sparse.csr_matrix(release))
    return {finding.metric: finding for finding in findings}


def test_copies_disclose_codes_of_members_beyond_others_and_beyond_science(
    new_world: Callable, patients_of: Callable
) -> None:
    world = new_world(0)
    patients = patients_of(world)
    for release in (world.copy(), world.redrawn(0.30), world.overfitted(1_000)):
        figures = found(patients, release)
        for metric in ("recall_gain", "f1_gain", "recall_gain_over_science"):
            assert figures[metric].estimate.low > 0.05, metric
        assert figures["recall_gain_worst_code"].estimate.value > figures["recall_gain"].estimate.value
        assert figures["recall_gain"].p is not None
        assert figures["recall_gain"].p < 1e-6
        assert "code " in figures["recall_gain_worst_code"].note


def test_without_a_leak_the_gain_is_unbiased_and_no_alarm_is_raised(
    make_world: Callable, patients_of: Callable
) -> None:
    gains, p = [], []
    for seed in range(40):
        world = make_world(seed, 800, 800, 800)
        figures = found(patients_of(world), world.no_leak(1_500))
        gains.append(figures["recall_gain"].estimate.value)
        p.append(figures["recall_gain"].p)
        assert figures["recall_gain_worst_code"].estimate.low < 0.1
    assert abs(np.mean(gains)) < 0.005 + 2 * np.std(gains) / 40**0.5
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 40) ** 0.5


def test_only_the_declared_codes_are_asked_about(new_world: Callable, patients_of: Callable) -> None:
    world = new_world(1)
    patients = patients_of(world)
    prevalence = world.members.mean(axis=0)
    common, never = int(np.argmax(prevalence)), int(np.argmin(prevalence))
    assert "1 codes" in found(patients, world.copy(), sensitive=[common, never])["recall_gain"].note
    assert found(patients, world.copy(), sensitive=[never]) == {}


@pytest.mark.parametrize("rows", [1, 3])
def test_a_release_of_few_records_is_no_error(new_world: Callable, patients_of: Callable, rows: int) -> None:
    world = new_world(2)
    figures = found(patients_of(world), world.members[:rows])
    assert all(np.isfinite(f.estimate).all() and f.estimate.low < f.estimate.high for f in figures.values())
