"""Disclosure of declared sensitive codes: who has HIV, a psychosis, an abortion in the record?

The attacker's story: somebody knows a patient's whole record but for one sensitive code, and reads from the release
whether the patient has it. He takes the synthetic records for copies with some codes redrawn, weighs each by how likely
it is a copy of what he knows, and claims the code where the weight of the records that have it is above one half.

What he would read from any data of the population is medicine. So three figures stand side by side: members; patients
who were never in the data, attacked with the same knowledge; and the same attack with other real patients, the
reference sample, in the release's place: what science alone tells of the members. Differences only: dividing by
(1 - control) makes risk out of nothing where a code is rare.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.attributes.cases import Cases, draw_cases, frequent_codes
from privacy.densities.kernel import kernel_gains, prevalence
from privacy.exchangeable import p_shift
from privacy.identity.paired import sum_of_means
from privacy.multiplicity import benjamini_hochberg
from privacy.patients import Patients
from privacy.ranks import Targets
from privacy.risk import FILE_ONLY, WITH_REFERENCE, Estimate, newcombe

ATTACK = "sensitive_codes"
REDRAW = 0.1  # as in the membership attack by the same kernel
MOST_RECORDS = 50_000  # of a release


def sensitive_codes(
    patients: Patients, *, sensitive: Sequence[int] | None = None, seed: np.random.SeedSequence
) -> Attack:
    """Recall and F1 of the claims, members less non-members and less what the reference sample tells; the worst code.

    sensitive: columns; those with too few carriers fall away. None takes 40 codes of all frequencies that have carriers
    enough. For each code up to 100 carriers and 100 others are attacked, drawn from members and non-members together.
    `recall_gain` has a p value by exchangeability of the patients; `recall_gain_worst_code` an interval that counts all
    codes (Bonferroni), and its note the code's name and Benjamini-Hochberg q. Nothing is found where no code has 10
    carriers on both sides.
    """
    draw, release_seed, boot = seed.spawn(3)
    wanted = frequent_codes(patients) if sensitive is None else list(sensitive)
    cases = draw_cases(patients, wanted, seed=draw)
    if len(cases.codes) == 0:
        return lambda release: []
    p = prevalence(patients.reference)
    from_science = _claims(cases, patients.reference, p)[0]

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        chosen = np.random.default_rng(release_seed).permutation(release.shape[0])[:MOST_RECORDS]
        claimed, score = _claims(cases, release[chosen], p)
        recall, f1 = cases.gains(claimed, np.random.default_rng(boot))
        known = cases.has & cases.is_member
        above = sum_of_means([(claimed[known].astype(float) - from_science[known])])
        n = int(known.sum())
        note = (
            f"{len(cases.codes):,} codes, {n:,} carriers among members, {int((cases.has & ~cases.is_member).sum()):,}"
        )
        note += " among non-members."
        return [
            _finding("recall_gain", recall, n, note, p=_p(cases, score)),
            _finding("f1_gain", f1, n, note),
            _finding("recall_gain_over_science", above, n, note, knowledge=WITH_REFERENCE),
            _worst(cases, claimed, score, patients.codes),
        ]

    return attack


def _claims(
    cases: Cases, release: sparse.csr_matrix, p: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether the attacker claims the code of each case, and the weight that he goes by, both (n_cases,)."""
    shared, missed = kernel_gains(p, REDRAW)
    wide, columns = release.astype(np.float32), sparse.csc_matrix(release)
    score = np.empty(len(cases.code))
    for position, code in enumerate(cases.codes):
        rows = np.flatnonzero(cases.code == position)
        gains = np.where(cases.records[rows].toarray() != 0, shared, missed)
        gains[:, code] = 0.0  # the one code that he does not know
        values = wide @ np.ascontiguousarray(gains.T)  # (n_release, rows)
        np.exp(values - values.max(axis=0), out=values)
        score[rows] = values[columns[:, [code]].indices].sum(axis=0) / values.sum(axis=0)
    return score > 0.5, score


def _p(cases: Cases, score: NDArray[np.float64]) -> float:
    """Members who have the codes score higher for them: patients are relabelled, each with all his codes."""
    sums = cases.by_patient(cases.ranks_within(score))
    return min(1.0, p_shift(Targets(sums[cases.patient_is_member], sums[~cases.patient_is_member])))


def _worst(cases: Cases, claimed: NDArray[np.bool_], score: NDArray[np.float64], names: Sequence[str]) -> Finding:
    gains, p = [], []
    for position in range(len(cases.codes)):
        sides = [cases.has & (cases.code == position) & side for side in (cases.is_member, ~cases.is_member)]
        (ours, n_ours), (theirs, n_theirs) = ((int(claimed[side].sum()), int(side.sum())) for side in sides)
        gains.append(newcombe(ours, n_ours, theirs, n_theirs, confidence=1 - 0.05 / len(cases.codes)))
        p.append(p_shift(Targets(*(score[side] for side in sides))))
    worst = int(np.lexsort((p, [-gain.value for gain in gains]))[0])
    q = benjamini_hochberg(p)[worst]
    n = int((cases.has & cases.is_member & (cases.code == worst)).sum())
    note = f"Worst of {len(gains):,} codes: {names[cases.codes[worst]]}; Benjamini-Hochberg q = {q:.2g}."
    return _finding("recall_gain_worst_code", gains[worst], n, note)


def _finding(
    metric: str, estimate: Estimate, n: int, note: str, *, p: float | None = None, knowledge: str = FILE_ONLY
) -> Finding:
    return Finding(attack=ATTACK, knowledge=knowledge, metric=metric, estimate=estimate, n=n, note=note, p=p)
