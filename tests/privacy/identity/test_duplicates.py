from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Finding
from privacy.identity.duplicates import duplicates
from privacy.patients import Patients
from privacy.risk import FILE_ONLY, WITH_REFERENCE, newcombe


def found(synthetic: NDArray[np.uint8], *, members, nonmembers, reference) -> dict[str, Finding]:
    groups = {"members": members, "nonmembers": nonmembers, "reference": reference, "fresh": reference}
    csr = {name: sparse.csr_matrix(np.array(rows, dtype=np.uint8)) for name, rows in groups.items()}
    patients = Patients(**csr, codes=tuple(map(str, range(synthetic.shape[1]))))
    findings = duplicates(patients, seed=np.random.SeedSequence(0))(sparse.csr_matrix(synthetic))
    return {finding.metric: finding for finding in findings}


def rows(*numbers: int) -> NDArray[np.uint8]:
    """Record i has the bits of the number i: equal numbers are equal records."""
    return np.array([[number >> bit & 1 for bit in range(12)] for number in numbers], dtype=np.uint8)


def test_duplicates_on_paper() -> None:
    # 3 of 4 members and 1 of 4 non-members stand in the release: Fisher's lady tasting tea, one-sided p = 17/70
    risks = found(
        rows(1, 2, 3, 4, 4),
        members=rows(1, 2, 3, 99),
        nonmembers=rows(4, 100, 101, 102),
        reference=rows(7, 7),
    )
    share, excess = risks["identical_share"], risks["identical_excess"]
    assert (share.estimate.value, share.n) == (0.75, 4)
    assert excess.estimate == newcombe(3, 4, 1, 4)
    assert excess.note == f"3 of 4 members, 1 of 4 non-members; Fisher p = {17 / 70:.2g}."
    assert excess.knowledge == FILE_ONLY


def test_distinctive_records_are_three_codes_or_more_from_every_reference_patient() -> None:
    # from the empty reference patient: 0b11 is 2 codes away, 0b111 and 0b1110 are 3, 0b1111 is 4
    risks = found(
        rows(0b11, 0b111),
        members=rows(0b11, 0b111, 0b1111),
        nonmembers=rows(0b11, 0b1110),
        reference=rows(0, 0),
    )
    distinctive = risks["identical_excess_distinctive_records"]
    assert (distinctive.estimate.value, distinctive.n, distinctive.knowledge) == (1 / 2, 2, WITH_REFERENCE)


def test_strata_go_by_number_of_codes_and_need_both_sides() -> None:
    long, other_long = 2**10 - 1, (2**10 - 1) << 1
    risks = found(rows(long), members=rows(1, long), nonmembers=rows(2, other_long), reference=rows(8, 8))
    assert risks["identical_excess_10_or_more_codes"].estimate.value == 1.0
    assert risks["identical_excess_up_to_4_codes"].estimate.value == 0.0
    assert "identical_excess_5_to_9_codes" not in risks


def real(world) -> dict[str, NDArray[np.uint8]]:
    return {name: getattr(world, name) for name in ("members", "nonmembers", "reference")}


def test_verbatim_copies_are_found_and_chance_is_not(new_world: Callable) -> None:
    world = new_world(0)
    copied, honest = (found(release, **real(world)) for release in (world.verbatim(0.10), world.no_leak()))
    metric = "identical_excess_distinctive_records"
    # 400 of 2,000 members were copied; one in six would have been there by chance
    assert copied[metric].estimate.low > 0.10
    assert honest[metric].estimate.low <= 0 < honest[metric].estimate.high < 0.01
    # the share among members alone would have accused the honest release
    assert honest["identical_share"].estimate.low > 0.10


def p_of(world, release: NDArray[np.uint8]) -> float:
    p = found(release, **real(world))["identical_excess_distinctive_records"].p
    assert p is not None
    return p


def test_one_percent_verbatim_is_found_in_every_world(new_world: Callable) -> None:
    assert max(p_of(world := new_world(seed), world.verbatim(0.01)) for seed in range(6)) < 0.01


def test_ten_copies_among_40000_are_flagged_more_often_than_not(new_world: Callable) -> None:
    """Ten members of 2,000, whole: about half of them are too common for anybody to tell."""
    p = []
    for seed in range(8):
        world = new_world(seed)
        p.append(p_of(world, np.concatenate([world.no_leak(39_990), world.members[:10]])))
    assert np.median(p) < 0.05
    assert np.mean(p) < 0.1


def test_without_a_leak_the_test_keeps_its_level(new_world: Callable) -> None:
    p = np.array([p_of(world := new_world(seed), world.no_leak()) for seed in range(30)])
    assert np.mean(p <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 30) ** 0.5
    assert np.mean(p <= 0.5) > 0.2


def test_a_release_without_duplicates_is_no_finding(new_world: Callable) -> None:
    world = new_world(0)
    assert p_of(world, np.ones((5, world.members.shape[1]), dtype=np.uint8)) == 1.0
