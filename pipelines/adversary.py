"""The adversary at work on a cohort: who was in, who was not, what is declared, and what else could be released."""

from collections.abc import Mapping
from typing import Any

from scipy import sparse

from privacy.assess import Assessment, Declared, assess
from privacy.comparators.generalised import k_anonymised
from privacy.patients import Patients
from privacy.policy_file import Policy
from privacy.sensitive_codes import sensitive_columns
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.progress import Progress, silent

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
    progress: Progress = silent,
) -> Assessment:
    """All attacks of the no-box tier on the synthetic cohort, the given comparators and the k-anonymised training data.

    nonmembers, reference and fresh: holdout patients, nobody in two of them.
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
        progress=progress,
    )
