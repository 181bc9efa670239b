"""Exact duplicates: complete records of training patients that stand in the release, against those of non-members.

The attacker's story: somebody who knows a patient's complete record looks it up in the synthetic file. Short and common
records turn up there by chance, so the count for members means nothing alone; what counts is the excess over patients
who were never seen, above all among records that chance does not make twice.

How surprising a duplicate is, the reference sample tells: under a density fitted to it a release of n records is
expected to hold q = n p(x) copies of a record x. If a share e of members was copied verbatim, a duplicate is 1 + e / q
times as likely for a member as for a non-member. The sum of log(1 + e / q) over the members' duplicates is then the
likelihood ratio, and its distribution under relabelling of the duplicates is exact, whatever the density is worth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from privacy.attack import Attack, Finding
from privacy.densities.kernel import log_kernel_density, prevalence
from privacy.densities.mixture import fit_mixture
from privacy.exchangeable import p_sum
from privacy.neighbours import nearest_distance, packed
from privacy.patients import Patients
from privacy.ranks import Targets
from privacy.risk import FILE_ONLY, WITH_REFERENCE, Estimate, clopper_pearson, newcombe

ATTACK = "exact_duplicates"
DISTINCTIVE = 3  # codes from the nearest reference patient; leak-free duplicates there: 0 to 2 %, else 4 to 16 %
STRATA = {"up_to_4_codes": (0, 4), "5_to_9_codes": (5, 9), "10_or_more_codes": (10, np.iinfo(np.int64).max)}
COPIED = 0.001  # the share e of the test: between .0001 and .01 its power hardly changes
REDRAW = 0.3
COMPONENTS = 50

Mask = NDArray[np.bool_]


class _Counts(NamedTuple):
    """Identical records and all records of a stratum, among members and among non-members."""

    hits: int
    n: int
    hits_out: int
    n_out: int


def duplicates(patients: Patients, *, seed: np.random.SeedSequence) -> Attack:
    """Share of records that stand in the release to the bit, and its excess over non-members, by kind of record.

    `identical_share` has its Clopper-Pearson interval. `identical_excess`, overall and by stratum, has Newcombe's; its
    note has Fisher's exact test, one-sided. The stratum `distinctive_records` holds those that no patient of the
    reference sample comes within 2 codes of, where chance hardly ever makes a duplicate; its p value is that of the
    test above, over all duplicates. The others go by number of codes. A stratum in which one side has no patient is
    left out.
    """
    sides = (patients.members, patients.nonmembers)
    strata = _strata(sides, patients.reference)
    expected = _chance(sides, patients.reference, seed)

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        known = {row.tobytes() for row in packed(release)}
        found = [present(side, known) for side in sides]
        hits, n = int(found[0].sum()), len(found[0])
        share = Estimate(hits / n, *clopper_pearson(hits, n))
        findings = [Finding(attack=ATTACK, knowledge=FILE_ONLY, metric="identical_share", estimate=share, n=n)]
        p = surprise(found, expected, release.shape[0], np.random.default_rng(seed))
        for metric, where in strata.items():
            decisive = metric == "identical_excess_distinctive_records"
            if all(w.any() for w in where):
                findings.append(_excess(metric, _count(found, where), p if decisive else None))
        return findings

    return attack


def _strata(sides: Sequence[sparse.csr_matrix], reference: sparse.csr_matrix) -> dict[str, list[Mask]]:
    strata = {"identical_excess": [np.ones(side.shape[0], dtype=bool) for side in sides]}
    apart = [nearest_distance(side, reference) >= DISTINCTIVE for side in sides]
    strata["identical_excess_distinctive_records"] = apart
    for name, (least, most) in STRATA.items():
        n_codes = [np.diff(side.indptr) for side in sides]
        strata[f"identical_excess_{name}"] = [(least <= n) & (n <= most) for n in n_codes]
    return strata


def _chance(
    sides: Sequence[sparse.csr_matrix], reference: sparse.csr_matrix, seed: np.random.SeedSequence
) -> NDArray[np.float64]:
    """Log density of every record, members first: the mean of a mixture and of a kernel of the reference sample."""
    records = sparse.vstack(sides, format="csr")
    mixture = fit_mixture(reference, min(COMPONENTS, reference.shape[0]), seed=seed).log_density(records)
    kernel = log_kernel_density(records, reference, prevalence(reference), REDRAW)
    return np.asarray(np.logaddexp(mixture, kernel) - np.log(2.0))


def present(records: sparse.csr_matrix, known: set[bytes]) -> Mask:
    """Whether each record is among `known`, rows of `packed` bits, (n,)."""
    return np.fromiter((row.tobytes() in known for row in packed(records)), dtype=bool, count=records.shape[0])


def _count(found: Sequence[Mask], where: Sequence[Mask]) -> _Counts:
    return _Counts(*(int(np.count_nonzero(x)) for h, w in zip(found, where, strict=True) for x in (h & w, w)))


def surprise(
    found: Sequence[Mask], log_density: NDArray[np.float64], n_release: int, rng: np.random.Generator
) -> float:
    """Share of relabellings of the patients whose members' duplicates are at least as surprising, in (0, 1].

    found: who stands in the release, of members and of non-members. log_density: (n_members + n_nonmembers,) of a
    record, members first. n_release: records in the release.
    """
    weight = np.log1p(COPIED / np.minimum(1.0, n_release * np.exp(log_density)))
    counted = np.where(np.concatenate(found), weight, 0.0)
    return p_sum(Targets(counted[: len(found[0])], counted[len(found[0]) :]), rng)


def _excess(metric: str, found: _Counts, p: float | None) -> Finding:
    hits, n, hits_out, n_out = found
    table = [[hits, n - hits], [hits_out, n_out - hits_out]]
    fisher = float(stats.fisher_exact(table, alternative="greater").pvalue)
    surprise = f"Fisher p = {fisher:.2g}" if fisher >= 1e-16 else "Fisher p < 1e-16"
    return Finding(
        attack=ATTACK,
        knowledge=WITH_REFERENCE if metric == "identical_excess_distinctive_records" else FILE_ONLY,
        metric=metric,
        estimate=newcombe(*found),
        n=n,
        note=f"{hits:,} of {n:,} members, {hits_out:,} of {n_out:,} non-members; {surprise}.",
        p=p,
    )
