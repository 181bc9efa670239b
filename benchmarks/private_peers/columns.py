"""Fewer columns of a cohort: the codes that are commonest among holdout patients, and all exclusive groups."""

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.cohort import SPLITS, Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary


def commonest(holdout: CodeMatrix, k: int) -> NDArray[np.int64]:
    """(k,) ascending columns: those in no exclusive group that most holdout patients have; ties by order of columns.

    No training patient is looked at, so the choice costs none of the budget that is spent on them.

    Raises:
        ValueError: there are fewer than k such columns.
    """
    free = holdout.vocabulary.free
    if not 0 < k <= len(free):
        raise ValueError(f"The 'k' parameter of commonest must be between 1 and {len(free)}. Got {k} instead.")
    return np.sort(free[np.argsort(-holdout.prevalence()[free], kind="stable")[:k]])


def narrowed(cohort: Cohort, k: int, patients: int | None = None) -> Cohort:
    """All patients over the k commonest codes and the members of all groups, in the order of the cohort's columns.

    Who has none of the codes stays, with the groups alone. patients: of the train split, the first so many only.
    """
    whole = cohort.matrix.vocabulary
    columns = np.sort(np.concatenate([commonest(cohort.part("holdout"), k), *whole.groups.values()]))
    vocabulary = Vocabulary(
        tuple(whole.code[j] for j in columns),
        tuple(whole.description[j] for j in columns),
        tuple(whole.group[j] for j in columns),
    )
    train = cohort.split == SPLITS.index("train")
    kept = ~train | (np.cumsum(train) <= (len(train) if patients is None else patients))
    return Cohort(cohort.matrix.rows(kept).onto(vocabulary), cohort.split[kept])
