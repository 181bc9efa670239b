"""Exact duplicates: complete records of training patients that stand in the release, against those of non-members.

The attacker's story: somebody who knows a patient's complete record looks it up in the synthetic file. Short and common
records turn up there by chance, so the count for members means nothing alone; what counts is the excess over patients
who were never seen, above all among records with many codes, which chance does not make twice.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from privacy.neighbours import nearest_distance, packed
from privacy.risk import FILE_ONLY, WITH_REFERENCE, Estimate, Risk, clopper_pearson, newcombe

ATTACK = "exact_duplicates"
DISTINCTIVE = 3  # codes from the nearest reference patient; leak-free duplicates there: 0 to 2 %, else 4 to 16 %
STRATA = {"up_to_4_codes": (0, 4), "5_to_9_codes": (5, 9), "10_or_more_codes": (10, np.iinfo(np.int64).max)}


class _Found(NamedTuple):
    hits: int
    n: int


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
    stratum `distinctive` holds the records that no patient of the reference sample comes within 2 codes of, where
    chance hardly ever makes a duplicate; the others go by number of codes. A stratum in which one side has no patient
    is left out.
    """
    sides = (members, nonmembers)
    in_release = [_present(side, synthetic) for side in sides]
    in_control = [_present(side, control) for side in sides]
    n_codes = [np.diff(side.indptr) for side in sides]
    all_of = [np.ones(len(hits), dtype=bool) for hits in in_release]
    ours, theirs = (_count(h, w) for h, w in zip(in_release, all_of, strict=True))
    share = Estimate(ours.hits / ours.n, *clopper_pearson(*ours))
    risks = [_risk("identical_share", share, theirs.hits / theirs.n, 1.0, ours.n, "")]
    copies = [np.ones(len(in_release[0]), dtype=bool), _present(nonmembers, members)]
    distinctive = [nearest_distance(side, reference) >= DISTINCTIVE for side in sides]
    strata = [("", all_of, FILE_ONLY), ("_distinctive", distinctive, WITH_REFERENCE)]
    for name, (least, most) in STRATA.items():
        strata.append((f"_{name}", [(least <= n) & (n <= most) for n in n_codes], FILE_ONLY))
    for name, where, knowledge in strata:
        if all(w.any() for w in where):
            risk = _excess(f"identical_excess{name}", in_release, in_control, copies, where)
            risks.append(replace(risk, knowledge=knowledge))
    return risks


def _present(records: sparse.csr_matrix, release: sparse.csr_matrix) -> NDArray[np.bool_]:
    known = {row.tobytes() for row in packed(release)}
    return np.fromiter((row.tobytes() in known for row in packed(records)), dtype=bool, count=records.shape[0])


def _count(hits: NDArray[np.bool_], where: NDArray[np.bool_]) -> _Found:
    return _Found(int(np.count_nonzero(hits & where)), int(np.count_nonzero(where)))


def _excess(
    metric: str,
    in_release: list[NDArray[np.bool_]],
    in_control: list[NDArray[np.bool_]],
    copies: list[NDArray[np.bool_]],
    where: list[NDArray[np.bool_]],
) -> Risk:
    ours, theirs = (_count(h, w) for h, w in zip(in_release, where, strict=True))
    fresh = newcombe(*(x for h, w in zip(in_control, where, strict=True) for x in _count(h, w)))
    copy = newcombe(*(x for h, w in zip(copies, where, strict=True) for x in _count(h, w)))
    table = [[ours.hits, ours.n - ours.hits], [theirs.hits, theirs.n - theirs.hits]]
    p = float(stats.fisher_exact(table, alternative="greater").pvalue)
    surprise = f"Fisher p = {p:.2g}" if p >= 1e-16 else "Fisher p < 1e-16"
    note = f"{ours.hits:,} of {ours.n:,} members, {theirs.hits:,} of {theirs.n:,} non-members; {surprise}."
    return _risk(metric, newcombe(*ours, *theirs), fresh.value, copy.value, ours.n, note)


def _risk(metric: str, estimate: Estimate, control: float, ceiling: float, n: int, note: str) -> Risk:
    return Risk(
        attack=ATTACK,
        knowledge=FILE_ONLY,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        control=control,
        ceiling=ceiling,
        n=n,
        note=note,
    )
