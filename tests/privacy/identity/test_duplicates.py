from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.identity.duplicates import duplicate_risks
from privacy.risk import FILE_ONLY, WITH_REFERENCE, Risk, newcombe


def found(*, members, nonmembers, reference, synthetic, control) -> dict[str, Risk]:
    groups = {"members": members, "nonmembers": nonmembers, "reference": reference}
    groups |= {"synthetic": synthetic, "control": control}
    csr = {name: sparse.csr_matrix(np.array(rows, dtype=np.uint8)) for name, rows in groups.items()}
    return {risk.metric: risk for risk in duplicate_risks(**csr)}


def rows(*numbers: int) -> NDArray[np.uint8]:
    """Record i has the bits of the number i: equal numbers are equal records."""
    return np.array([[number >> bit & 1 for bit in range(12)] for number in numbers], dtype=np.uint8)


def test_duplicates_on_paper() -> None:
    # 3 of 4 members and 1 of 4 non-members stand in the release: Fisher's lady tasting tea, one-sided p = 17/70
    risks = found(
        members=rows(1, 2, 3, 99),
        nonmembers=rows(4, 100, 101, 102),
        reference=rows(7, 7),
        synthetic=rows(1, 2, 3, 4, 4),
        control=rows(1, 4),
    )
    share, excess = risks["identical_share"], risks["identical_excess"]
    assert (share.value, share.control, share.n, share.ceiling) == (0.75, 0.25, 4, 1.0)
    assert (excess.value, excess.low, excess.high) == newcombe(3, 4, 1, 4)
    assert excess.control == 0.0
    assert excess.note == f"3 of 4 members, 1 of 4 non-members; Fisher p = {17 / 70:.2g}."
    assert excess.knowledge == FILE_ONLY


def test_distinctive_records_are_three_codes_or_more_from_every_reference_patient() -> None:
    # from the empty reference patient: 0b11 is 2 codes away, 0b111 and 0b1110 are 3, 0b1111 is 4
    risks = found(
        members=rows(0b11, 0b111, 0b1111),
        nonmembers=rows(0b11, 0b1110),
        reference=rows(0, 0),
        synthetic=rows(0b11, 0b111),
        control=rows(0),
    )
    distinctive = risks["identical_excess_distinctive_records"]
    assert (distinctive.value, distinctive.n, distinctive.knowledge) == (1 / 2, 2, WITH_REFERENCE)


def test_strata_go_by_number_of_codes_and_need_both_sides() -> None:
    long, other_long = 2**10 - 1, (2**10 - 1) << 1
    risks = found(
        members=rows(1, long),
        nonmembers=rows(2, other_long),
        reference=rows(8),
        synthetic=rows(long),
        control=rows(8),
    )
    assert risks["identical_excess_10_or_more_codes"].value == 1.0
    assert risks["identical_excess_up_to_4_codes"].value == 0.0
    assert "identical_excess_5_to_9_codes" not in risks


def test_verbatim_copies_are_found_and_chance_is_not(new_world: Callable) -> None:
    world = new_world(0)
    groups = {name: getattr(world, name) for name in ("members", "nonmembers", "reference")}
    copied = found(**groups, synthetic=world.verbatim(0.10), control=world.fresh)
    honest = found(**groups, synthetic=world.no_leak(), control=world.fresh)
    # 400 of 2,000 members were copied; one in six would have been there by chance
    assert copied["identical_excess_distinctive_records"].low > 0.10
    assert (
        honest["identical_excess_distinctive_records"].low
        <= 0
        < honest["identical_excess_distinctive_records"].high
        < 0.01
    )
    # the share among members alone would have accused the honest release
    assert honest["identical_share"].low > 0.10
