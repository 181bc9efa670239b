from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.attributes.cases import Cases, draw_cases, frequent_codes


def drawn(new_world: Callable, patients_of: Callable) -> Cases:
    patients = patients_of(new_world(0))
    return draw_cases(patients, frequent_codes(patients), seed=np.random.SeedSequence(0))


def test_every_code_has_as_many_others_as_carriers_from_both_sides(new_world: Callable, patients_of: Callable) -> None:
    cases = drawn(new_world, patients_of)
    assert len(cases.codes) >= 10
    for position in range(len(cases.codes)):
        mine = cases.code == position
        assert 20 <= (mine & cases.has).sum() == (mine & ~cases.has).sum() <= 100
        for side in (cases.is_member, ~cases.is_member):
            assert (mine & cases.has & side).any()
    asked = np.asarray(cases.codes)[cases.code]
    assert np.array_equal(np.asarray(cases.records[np.arange(len(asked)), asked]).ravel() != 0, cases.has)


def by_hand() -> Cases:
    # one code; patients 0 and 1 are members; 0, 2 and 3 have it
    return Cases(
        codes=(0,),
        code=np.zeros(4, dtype=np.int64),
        patient=np.arange(4),
        records=sparse.csr_matrix(np.array([[1], [0], [1], [1]], dtype=np.uint8)),
        has=np.array([True, False, True, True]),
        patient_is_member=np.array([True, True, False, False]),
    )


def test_recall_and_f1_by_hand() -> None:
    # both members are claimed, one rightly: recall 1, F1 2/3; one of two non-members who have it: 1/2, F1 2/3
    recall, f1 = by_hand().gains(np.array([True, True, True, False]), np.random.default_rng(0))
    assert recall.value == pytest.approx(1 - 0.5)
    assert f1.value == pytest.approx(2 / 3 - 2 / 3)
    assert recall.low < recall.value < recall.high


def test_ranks_are_among_the_carriers_of_the_code_and_ties_are_in_the_middle() -> None:
    ranks = by_hand().ranks_within(np.array([5.0, 9.0, 7.0, 7.0]))
    # ranks 1, 2.5 and 2.5 of three, less 2, by three
    np.testing.assert_allclose(ranks, [-1 / 3, 0, 0.5 / 3, 0.5 / 3])


def test_a_patient_of_several_codes_is_one_patient(new_world: Callable, patients_of: Callable) -> None:
    cases = drawn(new_world, patients_of)
    sums = cases.by_patient(np.ones(len(cases.code)))
    assert sums.sum() == len(cases.code)
    assert sums.max() > 1
    assert sums.min() == 1
