"""The adversary at work on a cohort: who was in, who was not, what is declared, and what else could be released."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from privacy.assess import Assessment, Declared, assess
from privacy.attack import Attack
from privacy.comparators.generalised import k_anonymised
from privacy.patients import Patients
from privacy.policy_file import Policy
from privacy.sensitive_codes import sensitive_columns
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.independent import Independent
from synthehr.models.marginals import Marginals
from synthehr.progress import Progress, silent

PREVIOUS = "previous_release"  # how an earlier release beside this one is called
BLOCK = 16_384  # records drawn at once: the sampler holds a number for each code of each
ANONYMITY = (5, 11)  # as small cells are defined by the EMA's and by the CMS's practice


def declared(vocabulary: Vocabulary, policy: Policy) -> Declared:
    """What a policy declares, as columns of this vocabulary: sensitive codes, quasi-identifiers, population, prior.

    Topics that no code of the vocabulary belongs to fall away; where all do, a spread of common enough codes stands in.
    """
    found = sensitive_columns(vocabulary.code, policy.sensitive)
    sensitive = sorted({column for columns in found.values() for column in columns})
    return Declared(
        sensitive=sensitive or None,
        quasi_identifiers=quasi_identifiers(vocabulary, policy),
        population=policy.population,
        prior=policy.prior,
    )


def quasi_identifiers(vocabulary: Vocabulary, policy: Policy) -> tuple[tuple[int, ...], ...]:
    """The exclusive groups that the policy names, as columns; a group that the cohort has not falls away."""
    groups = vocabulary.groups
    return tuple(tuple(int(j) for j in groups[name]) for name in policy.quasi_identifiers if name in groups)


def stated(policy: Policy) -> dict[str, Any]:
    """What an evaluation's manifest says of the policy: all that its figures depend on, and not its thresholds."""
    return policy.model_dump(include={"sensitive", "quasi_identifiers", "population", "prior"}, mode="json")


def attack(
    *,
    train: CodeMatrix,
    nonmembers: CodeMatrix,
    reference: CodeMatrix,
    fresh: CodeMatrix,
    synthetic: CodeMatrix,
    comparators: Mapping[str, CodeMatrix],
    policy: Policy,
    seed: int,
    further: Mapping[str, Attack] | None = None,
    progress: Progress = silent,
) -> Assessment:
    """All attacks of the no-box tier on the synthetic cohort, the given comparators and the k-anonymised training data.

    nonmembers, reference and fresh: holdout patients, nobody in two of them. further: other attacks, see `assess`.
    """
    vocabulary = train.vocabulary
    members = train.binary()
    groups = quasi_identifiers(vocabulary, policy)
    others: dict[str, sparse.csr_matrix] = {name: matrix.binary() for name, matrix in comparators.items()}
    if groups:
        others |= {f"k_anonymised_{k}": k_anonymised(members, groups, k) for k in ANONYMITY}
    patients = Patients(
        members=members,
        nonmembers=nonmembers.binary(),
        reference=reference.binary(),
        fresh=fresh.binary(),
        codes=vocabulary.code,
    )
    return assess(
        patients,
        synthetic.binary(),
        seed=seed,
        declared=declared(vocabulary, policy),
        comparators=others,
        further=further,
        progress=progress,
    )


def independent_records(train: CodeMatrix, n: int, *, seed: Sequence[int]) -> CodeMatrix:
    """`n` records drawn from the prevalences in `train` alone: exclusive groups as categories, other codes one by one.

    A record of anybody's table may have no code of a group (a flag beside whether it is missing), which no generator of
    ours allows: none is then one category more, and is taken away again.
    """
    binary, d = train.binary(), len(train.vocabulary)
    groups = train.vocabulary.groups
    none = [1 - np.asarray(binary[:, columns].sum(axis=1, dtype=np.int64)) for columns in groups.values()]
    padded = canonical(sparse.hstack([binary, *map(sparse.csr_matrix, none)], format="csr"))
    codes = tuple(map(str, range(padded.shape[1])))
    vocabulary = Vocabulary(codes, ("",) * len(codes), (*train.vocabulary.group, *groups))
    model = Independent()
    model.vocabulary = vocabulary
    model.marginals = Marginals.of(CodeMatrix(padded, train.ids, vocabulary), binary=True)
    rng = np.random.default_rng(seed)
    drawn = [model.sample(min(BLOCK, n - first), rng=rng)[:, :d] for first in range(0, n, BLOCK)]
    return CodeMatrix(sparse.vstack(drawn, format="csr"), -np.arange(1, n + 1, dtype=np.int64), train.vocabulary)
