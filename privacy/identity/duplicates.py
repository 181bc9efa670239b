"""Exact duplicates: complete records of training patients that stand in the release, against those of non-members.

The attacker's story: somebody who knows a patient's complete record looks it up in the synthetic file. Short and common
records turn up there by chance, so the count for members means nothing alone; what counts is the excess over patients
who were never seen, above all among records with many codes, which chance does not make twice.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from privacy.neighbours import nearest_distance, packed
from privacy.risk import FILE_ONLY, WITH_REFERENCE, Estimate, Risk, clopper_pearson, newcombe

ATTACK = "exact_duplicates"
DISTINCTIVE = 3  # codes from the nearest reference patient; leak-free duplicates there: 0 to 2 %, else 4 to 16 %
STRATA = {"up_to_4_codes": (0, 4), "5_to_9_codes": (5, 9), "10_or_more_codes": (10, np.iinfo(np.int64).max)}


class _Counts(NamedTuple):
    """Identical records and all records of a stratum, among members and among non-members."""

    hits: int
    n: int
    hits_out: int
    n_out: int


def duplicate_risks(
    *,
    members: sparse.csr_matrix,
    nonmembers: sparse.csr_matrix,
    reference: sparse.csr_matrix,
    synthetic: sparse.csr_matrix,
    control: sparse.csr_matrix,
) -> list[Risk]:
    """Share of records that stand in the release to the bit, and its excess over non-members, by number of codes.

    All CSR of 0 and 1 over the same codes; control: fresh real patients in the synthetic's place. `identical_share` has
    its Clopper-Pearson interval and the non-members' share as control. `identical_excess`, overall and by stratum, has
    Newcombe's and, as control, the excess that fresh patients give; its note has Fisher's exact test, one-sided. The
    stratum `distinctive_records` holds those that no patient of the reference sample comes within 2 codes of, where
    chance hardly ever makes a duplicate; the others go by number of codes. A stratum in which one side has no patient
    is left out.
    """
    sides = (members, nonmembers)
    in_release, in_control = ([_present(side, place) for side in sides] for place in (synthetic, control))
    in_copy = [np.ones(members.shape[0], dtype=bool), _present(nonmembers, members)]
    hits, n = int(in_release[0].sum()), len(in_release[0])
    share = Estimate(hits / n, *clopper_pearson(hits, n))
    risks = [_risk("identical_share", FILE_ONLY, share, float(in_release[1].mean()), 1.0, n, "")]
    for metric, knowledge, where in _strata(sides, reference):
        if all(w.any() for w in where):
            counts = [_counts(place, where) for place in (in_release, in_control, in_copy)]
            risks.append(_excess(metric, knowledge, *counts))
    return risks


def _strata(
    sides: Sequence[sparse.csr_matrix], reference: sparse.csr_matrix
) -> Iterator[tuple[str, str, list[NDArray[np.bool_]]]]:
    yield "identical_excess", FILE_ONLY, [np.ones(side.shape[0], dtype=bool) for side in sides]
    apart = [nearest_distance(side, reference) >= DISTINCTIVE for side in sides]
    yield "identical_excess_distinctive_records", WITH_REFERENCE, apart
    for name, (least, most) in STRATA.items():
        n_codes = [np.diff(side.indptr) for side in sides]
        yield f"identical_excess_{name}", FILE_ONLY, [(least <= n) & (n <= most) for n in n_codes]


def _present(records: sparse.csr_matrix, release: sparse.csr_matrix) -> NDArray[np.bool_]:
    known = {row.tobytes() for row in packed(release)}
    return np.fromiter((row.tobytes() in known for row in packed(records)), dtype=bool, count=records.shape[0])


def _counts(hits: Sequence[NDArray[np.bool_]], where: Sequence[NDArray[np.bool_]]) -> _Counts:
    return _Counts(*(int(np.count_nonzero(x)) for h, w in zip(hits, where, strict=True) for x in (h & w, w)))


def _excess(metric: str, knowledge: str, found: _Counts, fresh: _Counts, copy: _Counts) -> Risk:
    hits, n, hits_out, n_out = found
    table = [[hits, n - hits], [hits_out, n_out - hits_out]]
    p = float(stats.fisher_exact(table, alternative="greater").pvalue)
    surprise = f"Fisher p = {p:.2g}" if p >= 1e-16 else "Fisher p < 1e-16"
    note = f"{hits:,} of {n:,} members, {hits_out:,} of {n_out:,} non-members; {surprise}."
    return _risk(metric, knowledge, newcombe(*found), newcombe(*fresh).value, newcombe(*copy).value, n, note)


def _risk(metric: str, knowledge: str, estimate: Estimate, control: float, ceiling: float, n: int, note: str) -> Risk:
    return Risk(
        attack=ATTACK,
        knowledge=knowledge,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        control=control,
        ceiling=ceiling,
        n=n,
        note=note,
    )
