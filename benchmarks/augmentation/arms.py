"""Which codes are asked about, and who is fitted on: real patients alone, reweighted, or with others beside them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.augmentation.pools import Pool
from synthehr.cohort.constraints import learn_rules
from synthehr.cohort.matrix import CodeMatrix

BALANCE = 10**9  # so many times the positives: as many as there are, until both classes are equal


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Who is fitted on. source: where those added come from.

    positives: patients with the code that are added, in multiples of the real ones. patients: patients of both classes
    that are added, in multiples of all real ones. weighted: both classes weigh the same. real: whether the real
    patients are among them. boosted: whether trees are fitted too.
    """

    name: str
    source: Literal["synthetic", "same", "others"] = "synthetic"
    positives: int = 0
    patients: int = 0
    weighted: bool = False
    real: bool = True
    boosted: bool = True

    @property
    def random(self) -> bool:
        """Whether the patients change with the seed though the real ones do not."""
        return bool(self.positives or self.patients)


REAL, WEIGHTED = Arm(name="real"), Arm(name="real, weighted", weighted=True)
ARMS = (
    REAL,
    WEIGHTED,
    Arm(name="real, positives resampled to balance", source="same", positives=BALANCE, boosted=False),
    Arm(name="+ synthetic positives, x2", positives=1),
    Arm(name="+ synthetic positives, x5", positives=4),
    Arm(name="+ synthetic positives to balance", positives=BALANCE, weighted=True),
    Arm(name="+ synthetic patients, x2", patients=1),
    Arm(name="+ synthetic patients, x2, weighted", patients=1, weighted=True),
    Arm(name="synthetic patients alone, weighted", patients=1, weighted=True, real=False, boosted=False),
)
FEW_ARMS = (
    *ARMS,
    Arm(name="+ synthetic patients, x5, weighted", patients=4, weighted=True),
    Arm(name="+ other real positives, x5", source="others", positives=4),
    Arm(name="+ other real patients, x2, weighted", source="others", patients=1, weighted=True),
    Arm(name="+ other real patients, x5, weighted", source="others", patients=4, weighted=True),
)


@dataclass(frozen=True)
class Sources:
    """Whom an arm may add. others: real training patients whom neither classifier nor generator was given."""

    synthetic: Pool
    others: Pool | None

    def each(self, change: Callable[[sparse.csr_matrix], sparse.csr_matrix]) -> "Sources":
        """The same with the patients of both classes changed; those drawn for their codes stay."""
        others = self.others and replace(self.others, patients=change(self.others.patients))
        return Sources(replace(self.synthetic, patients=change(self.synthetic.patients)), others)


@dataclass(frozen=True)
class Fitted:
    """Patients that a classifier is fitted on. rows: binary CSR (n, n_codes), the code among them; weight: (n,)."""

    rows: sparse.csr_matrix
    weight: NDArray[np.float64]


def choose_codes(
    train: CodeMatrix, between: tuple[float, float], n: int, *, system: str, seed: int
) -> NDArray[np.int64]:
    """Columns of n codes by a rule that sees the training patients' prevalences alone.

    Of the codes of `system` with a share of carriers in `between`, and in no learned rule (sex and age would give such
    a code away): for each of n shares evenly spread over the logarithm the nearest code not yet taken, ties by lot.
    """
    prevalence, vocabulary = train.prevalence(), train.vocabulary
    ruled = set(learn_rules(train)[:, 0].tolist())
    inside = (prevalence >= between[0]) & (prevalence <= between[1])
    candidates = [j for j in vocabulary.free if inside[j] and j not in ruled and vocabulary.system[j] == system]
    left = np.random.default_rng([seed, 23]).permutation(np.asarray(candidates, dtype=np.int64))
    taken = []
    for share in np.geomspace(*between, n):
        nearest = int(np.argmin(np.abs(np.log(prevalence[left] / share))))
        taken.append(int(left[nearest]))
        left = np.delete(left, nearest)
    return np.asarray(taken, dtype=np.int64)


def fitted(arm: Arm, code: int, real: sparse.csr_matrix, sources: Sources, rng: np.random.Generator) -> Fitted:
    """The patients of an arm, given the real ones: those added are in proportion to these, as in a fold of them."""
    positive = has(real, code)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    parts = [real] if arm.real else []
    pool = sources.others if arm.source == "others" else sources.synthetic
    if arm.positives:
        n = min(arm.positives * n_positive, n_negative - n_positive)
        if arm.source == "same":
            parts.append(real[rng.choice(np.flatnonzero(positive), n)])
        elif pool is not None:
            parts.append(pool.with_code(code, n))
    if arm.patients and pool is not None:
        parts.append(pool.patients[: arm.patients * real.shape[0]])
    rows = sparse.vstack(parts, format="csr")
    weight = np.ones(rows.shape[0])
    if arm.weighted:
        label = has(rows, code)
        weight = np.where(label, 0.5 / max(label.mean(), 1e-9), 0.5 / (1 - label.mean()))
    return Fitted(rows, weight)


def without_one(
    rows: sparse.csr_matrix, code: int, system: NDArray[np.int64], rng: np.random.Generator
) -> sparse.csr_matrix:
    """The same patients, where each who has not the code has lost one by lot of the codes of its system.

    Where records hold a fixed number of codes, one that is left out of sight leaves an open place, which gives away
    that there is one, whatever it is. So everybody has one code out of sight: is it this one?
    """
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    eligible = np.isin(rows.indices, system) & ~has(rows, code)[row]
    lot, highest = np.where(eligible, rng.random(len(row)), -1.0), np.full(rows.shape[0], -1.0)
    np.maximum.at(highest, row, lot)
    kept = ~eligible | (lot < highest[row])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=rows.shape[0]))])
    return sparse.csr_matrix((rows.data[kept], rows.indices[kept], indptr), shape=rows.shape)


def has(rows: sparse.csr_matrix, code: int) -> NDArray[np.bool_]:
    """(n,) who has the code."""
    return np.asarray(rows[:, [code]].getnnz(axis=1) > 0)
