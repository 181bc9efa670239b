"""Whom an attribute attack asks about: carriers of a code and others, members and non-members alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from privacy.patients import Patients
from privacy.risk import Estimate, clopper_pearson

LEAST_CARRIERS = 10  # on a side
MOST_CARRIERS = 100  # of a code, both sides together; as many others
MOST_CODES = 40
RESAMPLES = 1_000

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Cases:
    """One case is one patient and one code that the attacker asks about.

    codes: columns asked about. code: (n_cases,) position in `codes`. patient: (n_cases,) position among the patients.
    records: CSR, (n_cases, n_codes), the patients' whole records. has: whether the patient has the code. is_member: of
    each case; patient_is_member: of each patient.
    """

    codes: tuple[int, ...]
    code: NDArray[np.int64]
    patient: NDArray[np.int64]
    records: sparse.csr_matrix
    has: Mask
    patient_is_member: Mask

    @property
    def is_member(self) -> Mask:
        """Whether the patient of each case is a member, (n_cases,)."""
        return np.asarray(self.patient_is_member[self.patient])

    def by_patient(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the cases of each patient, (n_patients,)."""
        return np.bincount(self.patient, weights=values, minlength=len(self.patient_is_member)).astype(np.float64)

    def ranks_within(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mid-rank of each carrier among the carriers of the code, from -1/2 to 1/2; 0 for the others, (n_cases,)."""
        ranks = np.zeros(len(score))
        for position in range(len(self.codes)):
            rows = np.flatnonzero(self.has & (self.code == position))
            ranks[rows] = (stats.rankdata(score[rows]) - (len(rows) + 1) / 2) / len(rows)
        return ranks

    def gains(self, claimed: Mask, rng: np.random.Generator) -> tuple[Estimate, Estimate]:
        """Recall and F1 of the claims, members less non-members, with 95 % bootstrap intervals over patients."""
        columns = [claimed & self.has, self.has, claimed]
        totals = np.stack([self.by_patient(column.astype(np.float64)) for column in columns], axis=1)
        values, draws = [], []
        for side in (self.patient_is_member, ~self.patient_is_member):
            n = int(side.sum())
            weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
            values.append(_recall_and_f1(totals[side].sum(axis=0)[None, :])[:, 0])
            draws.append(_recall_and_f1(weights @ totals[side]))
        carriers = [int((self.has & side).sum()) for side in (self.is_member, ~self.is_member)]
        hidden = clopper_pearson(0, min(carriers))[1]
        found = []
        for value, draw in zip(values[0] - values[1], draws[0] - draws[1], strict=True):
            low, high = np.percentile(draw, [2.5, 97.5])
            found.append(Estimate(float(value), min(float(low), value - hidden), max(float(high), value + hidden)))
        return found[0], found[1]


def draw_cases(patients: Patients, codes: Sequence[int], *, seed: np.random.SeedSequence) -> Cases:
    """Up to 100 carriers of each code and as many others, from equal numbers of members and non-members.

    They are drawn without looking at who is a member, so that members and non-members stay exchangeable. A code with
    fewer than 10 carriers on either side is left out.
    """
    rng = np.random.default_rng(seed)
    n = min(patients.members.shape[0], patients.nonmembers.shape[0])
    sides = [side[rng.permutation(side.shape[0])[:n]] for side in (patients.members, patients.nonmembers)]
    pooled = sparse.vstack(sides, format="csr")
    columns, is_member = sparse.csc_matrix(pooled), np.arange(2 * n) < n
    kept: list[int] = []
    picked: list[NDArray[np.int64]] = []
    for code in codes:
        carriers = columns[:, [code]].indices
        others = np.setdiff1d(np.arange(2 * n), carriers, assume_unique=True)
        on_members = int(is_member[carriers].sum())
        if min(on_members, len(carriers) - on_members) < LEAST_CARRIERS or len(others) == 0:
            continue
        chosen = rng.permutation(carriers)[:MOST_CARRIERS]
        picked.append(np.concatenate([chosen, rng.permutation(others)[: len(chosen)]]).astype(np.int64))
        kept.append(int(code))
    patient = np.concatenate(picked) if picked else np.zeros(0, dtype=np.int64)
    code_of = np.repeat(np.arange(len(kept)), [len(rows) for rows in picked])
    asked, place = np.unique(patient, return_inverse=True)
    records = pooled[patient]
    has = records.toarray()[np.arange(len(patient)), np.asarray(kept, dtype=np.int64)[code_of]] != 0
    return Cases(
        codes=tuple(kept),
        code=code_of,
        patient=place,
        records=records,
        has=has,
        patient_is_member=is_member[asked],
    )


def frequent_codes(patients: Patients) -> list[int]:
    """At most 40 codes, evenly over the frequencies of those with carriers enough in the reference sample."""
    counts = np.bincount(patients.reference.indices, minlength=len(patients.codes))
    enough = np.flatnonzero((counts >= LEAST_CARRIERS) & (counts <= patients.reference.shape[0] / 2))
    order = enough[np.argsort(-counts[enough], kind="stable")]
    if len(order) <= MOST_CODES:
        return [int(code) for code in order]
    return [int(code) for code in order[np.linspace(0, len(order) - 1, MOST_CODES).round().astype(int)]]


def _recall_and_f1(totals: NDArray[np.floating]) -> NDArray[np.float64]:
    """totals: (draws, 3) true claims, carriers, claims. (2, draws); a draw without carriers has 0."""
    right, carriers, claims = np.asarray(totals, dtype=np.float64).T
    return np.stack([right / np.maximum(carriers, 1), 2 * right / np.maximum(carriers + claims, 1)])
