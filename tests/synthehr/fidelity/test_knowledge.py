from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from privacy.risk import clopper_pearson
from synthehr.cohort.constraints import learn_rules, site_rules
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.knowledge import clinical_knowledge
from synthehr.fidelity.score import Estimate

GROUP = (None, None, "sex", "sex")
NAMES = ("ICD9CM/000", "ICD9CM/001", "ICD9CM/002", "ICD9CM/003")
BITS = hnp.arrays(np.uint8, (12, 6), elements=st.integers(0, 1))
Build = Callable[..., CodeMatrix]


def by_stratum(estimates: list[Estimate], name: str = "knowledge_violations") -> dict[str, Estimate]:
    return {e.stratum: e for e in estimates if e.name == name}


def with_sex(cohort: Build, carriers: int, wrong: int, n: int = 100) -> CodeMatrix:
    """n patients, the first half of the first sex; code 0 in `wrong` of them and else in the second; code 1 in all."""
    rows = np.zeros((n, 4), dtype=int)
    rows[: n // 2, 2] = rows[n // 2 :, 3] = rows[:, 1] = 1
    rows[:wrong, 0] = rows[n // 2 : n // 2 + carriers - wrong, 0] = 1
    return cohort(rows, GROUP)


def with_prostate(population: Build, cohort: Build, n: int, seed: int, first_id: int = 0) -> CodeMatrix:
    """The population, whose code 0 is turned into one of the first sex alone, and code 1 into one of no youngest."""
    real = population(n, seed)
    dense = real.binary().toarray()
    sex, age = real.vocabulary.groups["sex"], real.vocabulary.groups["age"]
    dense[:, 0] &= dense[:, sex[0]]
    dense[:, 1] &= 1 - dense[:, age[0]]
    return cohort(dense, real.vocabulary.group, first_id)


def test_rates_and_exact_intervals_by_hand(cohort: Build) -> None:
    rows = [[1, 1, 1, 0], [1, 0, 0, 1], [0, 1, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0]]
    found = clinical_knowledge(cohort(rows, GROUP), np.asarray([[0, 2], [1, 2]]))
    broken = by_stratum(found)
    assert set(broken) == {"all", "sex"}
    # patients 0 (twice), 2 and 4 break a rule
    assert broken["all"].value == broken["sex"].value == 6000
    assert (broken["all"].low, broken["all"].high) == pytest.approx(tuple(1e4 * x for x in clopper_pearson(3, 5)))
    assert broken["all"].note == "4 patients have a code of the 2 rules; most broken: ICD9CM/000 with ICD9CM/002"
    # patient 2 has both sexes, patient 3 none
    wrong = by_stratum(found, "exclusive_group_violations")["all"]
    assert (wrong.value, wrong.n, wrong.note) == (4000, 5, "sex")


def test_no_violation_has_an_upper_limit(cohort: Build) -> None:
    """At none of n the exact limit is 1 - .025^(1/n)."""
    for e in clinical_knowledge(with_sex(cohort, 20, wrong=0), np.asarray([[0, 2]])):
        assert (e.value, e.low) == (0, 0)
        assert e.high == pytest.approx(1e4 * (1 - 0.025**0.01))


def test_strata_are_the_groups_that_rules_are_about(cohort: Build) -> None:
    group = (None, "sex", "sex", "age", "age")
    rows = [[1, 1, 0, 1, 0], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 1, 0]]
    found = by_stratum(clinical_knowledge(cohort(rows, group), np.asarray([[0, 1], [0, 4]])))
    assert {stratum: e.value for stratum, e in found.items()} == {"all": 5000, "sex": 2500, "age": 2500}
    only_sex = by_stratum(clinical_knowledge(cohort(rows, group), np.asarray([[0, 1]])))
    assert set(only_sex) == {"all", "sex"}


def test_without_rules_or_groups_the_measures_are_absent(cohort: Build) -> None:
    none = np.zeros((0, 2), dtype=np.int64)
    assert [e.name for e in clinical_knowledge(with_sex(cohort, 9, 0), none)] == ["exclusive_group_violations"]
    plain = cohort([[1, 0], [0, 1]])
    assert learn_rules(plain).shape == (0, 2)
    assert clinical_knowledge(plain, learn_rules(plain)) == []


def test_rules_are_learned_and_real_patients_keep_them(population: Build, cohort: Build) -> None:
    train = with_prostate(population, cohort, 3000, 0)
    sex, age = train.vocabulary.groups["sex"], train.vocabulary.groups["age"]
    rules = learn_rules(train)
    assert rules.tolist() == [[0, sex[1]], [1, age[0]]]
    real = by_stratum(clinical_knowledge(with_prostate(population, cohort, 1000, 1), rules))
    assert real["all"].value == 0


def test_a_cohort_with_shuffled_sex_or_from_marginals_is_caught(
    population: Build, shuffled: Build, cohort: Build
) -> None:
    train, fresh = with_prostate(population, cohort, 3000, 0), with_prostate(population, cohort, 1000, 1)
    rules = learn_rules(train)
    dense = fresh.binary().toarray()
    sex = fresh.vocabulary.groups["sex"]
    dense[:, sex] = dense[np.random.default_rng(2).permutation(1000)][:, sex]
    other_sex = by_stratum(clinical_knowledge(cohort(dense, fresh.vocabulary.group), rules))
    assert other_sex["sex"].low > 100
    assert other_sex["age"].value == 0
    independent = clinical_knowledge(shuffled(fresh, 3), rules)
    assert min(e.low for e in by_stratum(independent).values()) > 100
    assert by_stratum(independent, "exclusive_group_violations")["all"].value == 0


def test_chance_alone_makes_no_rule(population: Build, shuffled: Build) -> None:
    assert [len(learn_rules(shuffled(population(2000, seed), seed))) for seed in range(10)] == [0] * 10


@pytest.mark.parametrize(
    "given", [[("ICD9CM/001", "ICD9CM/003")] * 2, {"ICD9CM/001": "ICD9CM/003"}, {"ICD9CM/001": ["ICD9CM/003"]}]
)
def test_a_site_declares_rules(cohort: Build, given: object) -> None:
    people = with_sex(cohort, 10, 0)
    rules = site_rules(people.vocabulary, given)
    assert rules.tolist() == [[1, 3]]
    assert by_stratum(clinical_knowledge(people, rules))["sex"].value == 5000


@given(BITS, st.lists(st.tuples(st.integers(0, 2), st.integers(3, 5)), max_size=5, unique=True))
def test_ranges_and_what_a_violation_is(bits: np.ndarray, pairs: list[tuple[int, int]]) -> None:
    group = (None, None, None, "sex", "sex", "age")
    vocabulary = Vocabulary(tuple(map(str, range(6))), ("",) * 6, group)
    people = CodeMatrix(canonical(sparse.csr_matrix(bits)), np.arange(12), vocabulary)
    found = clinical_knowledge(people, np.asarray(pairs, dtype=np.int64).reshape(-1, 2))
    for e in found:
        assert 0 <= e.low <= e.value <= e.high <= 10_000
        assert e.n == 12
    broken = by_stratum(found)
    assert ("all" in broken) == bool(pairs)
    if pairs:
        breaks = np.any([bits[:, code] & bits[:, member] for code, member in pairs], axis=0)
        assert broken["all"].value == pytest.approx(1e4 * breaks.mean())
    wrong = (bits[:, 3] + bits[:, 4] != 1) | (bits[:, 5] != 1)
    assert by_stratum(found, "exclusive_group_violations")["all"].value == pytest.approx(1e4 * wrong.mean())
    for code, member in learn_rules(people, tolerance=0.5, level=0.9):
        both = (bits[:, code] & bits[:, member]).sum()
        assert both <= 0.5 * bits[:, code].sum() * bits[:, member].sum() / 12
