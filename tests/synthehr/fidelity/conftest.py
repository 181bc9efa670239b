"""Cohorts to measure: tiny ones by hand, and a population in which codes hang together."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary

N_MODULES, IN_MODULE = 6, 7
GROUPS = {"sex": 2, "age": 3}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As `compare` does it: on a busy machine a second thread costs ten times what it saves."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def cohort() -> Callable[..., CodeMatrix]:
    """A cohort from rows of 0 and 1; `group` names the exclusive group of each column, None for none."""

    def build(rows: object, group: tuple[str | None, ...] | None = None, first_id: int = 0) -> CodeMatrix:
        dense = np.asarray(rows)
        d = dense.shape[1]
        vocabulary = Vocabulary(tuple(f"ICD9CM/{j:03}" for j in range(d)), ("",) * d, group or (None,) * d)
        return CodeMatrix(canonical(sparse.csr_matrix(dense)), first_id + np.arange(len(dense)), vocabulary)

    return build


@pytest.fixture(scope="session")
def population(cohort: Callable[..., CodeMatrix]) -> Callable[..., CodeMatrix]:
    """n patients of 6 disease modules of 7 codes (a fifth of the patients have each), a sex and an age band.

    A code of one's module has probability 0.5, another 0.02: prevalence about 0.12, strong correlation in a module. The
    first module is twice as common in the second sex.
    """

    def draw(n: int, seed: int, first_id: int = 0) -> CodeMatrix:
        rng = np.random.default_rng(seed)
        female = rng.random(n) < 0.5
        chance = np.full((n, N_MODULES), 0.2)
        chance[:, 0] = np.where(female, 0.3, 0.15)
        module = rng.random((n, N_MODULES)) < chance
        codes = rng.random((n, N_MODULES * IN_MODULE)) < np.where(np.repeat(module, IN_MODULE, axis=1), 0.5, 0.02)
        sex = np.stack([~female, female], axis=1)
        age = np.eye(3, dtype=bool)[rng.integers(3, size=n)]
        names = (*(None for _ in range(codes.shape[1])), *(g for g, size in GROUPS.items() for _ in range(size)))
        return cohort(np.hstack([codes, sex, age]), names, first_id)

    return draw


@pytest.fixture(scope="session")
def shuffled(cohort: Callable[..., CodeMatrix]) -> Callable[[CodeMatrix, int], CodeMatrix]:
    """The same marginals to the patient, nothing else: every code (a group as one) dealt to other patients."""

    def shuffle(real: CodeMatrix, seed: int) -> CodeMatrix:
        rng = np.random.default_rng(seed)
        dense = real.binary().toarray()
        blocks = [np.asarray([j]) for j in real.vocabulary.free] + list(real.vocabulary.groups.values())
        for columns in blocks:
            dense[:, columns] = dense[rng.permutation(len(dense))][:, columns]
        return cohort(dense, real.vocabulary.group, first_id=-len(dense))

    return shuffle
