from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.attack import Finding
from privacy.attributes import votes
from privacy.attributes.votes import attribute_votes, compromised, guess, known_code_counts
from privacy.patients import Patients


def csr(rows: list[list[int]]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.uint8))


def generators() -> tuple[np.random.Generator, np.random.Generator]:
    return np.random.default_rng(0), np.random.default_rng(1)


def gains(patients: Patients, release: np.ndarray) -> dict[str, Finding]:
    findings = attribute_votes(patients, seed=np.random.SeedSequence(0))(sparse.csr_matrix(release))
    return {finding.metric: finding for finding in findings}


def test_the_one_unknown_code_is_read_off_the_nearest_record() -> None:
    # whichever 3 of the 4 codes are known, the first record agrees in all and no other does
    tally = guess(csr([[1, 1, 1, 1]] * 50), csr([[1, 1, 1, 1], [0, 0, 0, 0]]), 3, (1,), *generators())[1]
    assert tally.right.tolist() == tally.guessed.tolist() == tally.present.tolist() == [1.0] * 50
    wrong = guess(csr([[1, 1, 1, 1]] * 50), csr([[0, 0, 0, 0]]), 3, (1,), *generators())[1]
    assert wrong.right.sum() == wrong.guessed.sum() == 0


def test_a_majority_is_more_than_half_and_a_k_beyond_the_release_is_left_out() -> None:
    release = csr([[1, 1, 1], [0, 0, 0]])
    tallies = guess(csr([[1, 1, 1]] * 20), release, 1, (1, 2, 10), *generators())
    assert set(tallies) == {1, 2}
    assert tallies[2].guessed.sum() == 0  # one vote of two is no majority
    assert tallies[1].guessed.sum() == 40


def test_records_that_tie_are_taken_at_random_and_not_in_the_order_of_the_file() -> None:
    # one code known: if it is code 0 all records tie, and half of them have code 1; if code 1 only the right ones agree
    release = csr([[1, 1]] * 500 + [[1, 0]] * 500)
    tally = guess(csr([[1, 1]] * 2_000), release, 1, (1,), *generators())[1]
    # code 0 known (half of the patients): right half of the time; code 1 known: always; so 3/4, sd 0.0097.
    # By the order of the file it would be 1.
    assert tally.right.mean() == pytest.approx(0.75, abs=0.04)


def test_gain_is_nothing_without_a_leak_and_large_for_a_copy(new_world: Callable, patients_of: Callable) -> None:
    world = new_world(0)
    patients = patients_of(world)
    honest, copied = (gains(patients, release) for release in (world.no_leak(), world.members))
    assert honest["sensitivity_gain"].estimate.low < 0 < honest["sensitivity_gain"].estimate.high
    # and yet an attacker learns: that is medicine, as for the control
    assert honest["sensitivity_s256_k1"].estimate.low > 0.05
    assert copied["sensitivity_gain"].estimate.low > 0.3


def test_the_grid_is_medgans(new_world: Callable, patients_of: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votes, "compromised", lambda n: 60)
    world = new_world(1)
    found = gains(patients_of(world), world.no_leak())
    sensitivities = {m for m in found if m.startswith("sensitivity_s")}
    assert sensitivities == {f"sensitivity_s{s}_k{k}" for s in (256, 64, 16, 4, 1) for k in (1, 10, 100, 1000)}
    assert all(f.estimate.low <= f.estimate.value <= f.estimate.high for f in found.values())
    assert "60 members and 60 non-members" in found["sensitivity_gain"].note


def test_few_patients_who_show_nothing_leave_a_wide_interval() -> None:
    nobody = csr([[0, 0, 0, 1]] * 10)
    groups = dict.fromkeys(("members", "nonmembers", "reference", "fresh"), nobody)
    found = gains(Patients(**groups, codes=tuple("abcd")), nobody.toarray())
    # what 10 patients of whom none shows it could hide: the upper limit of 0 of 10
    assert found["sensitivity_gain"].estimate.high >= 1 - 0.025 ** (1 / 10) - 1e-12


def test_how_much_is_known_of_how_many() -> None:
    assert known_code_counts(920) == [512, 128, 32, 8, 2]
    assert known_code_counts(512) == [256, 64, 16, 4, 1]
    assert known_code_counts(2) == [1]
    with pytest.raises(ValueError, match="at least 2 codes"):
        known_code_counts(1)
    assert [compromised(n) for n in (100, 46_500, 100_000)] == [100, 500, 1_000]
