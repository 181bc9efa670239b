from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.fidelity.downstream import downstream, fit_outcomes, outcome_columns
from synthehr.fidelity.ranking import auroc_variance
from synthehr.fidelity.score import Estimate

Build = Callable[..., CodeMatrix]
OUTCOMES = np.asarray([0, 7])  # of the first two disease modules


def altered(cohort: CodeMatrix, dense: np.ndarray) -> CodeMatrix:
    return replace(cohort, counts=canonical(sparse.csr_matrix(dense)))


def by_name(estimates: list[Estimate], stratum: str = "all") -> dict[str, Estimate]:
    return {e.name.removeprefix("downstream_"): e for e in estimates if e.stratum == stratum}


@pytest.fixture(scope="module")
def measured(population: Build) -> Callable[[CodeMatrix], list[Estimate]]:
    real, test = population(1500, 0), population(1000, 1)
    models = fit_outcomes(real, test, OUTCOMES)
    return lambda candidate: downstream(models, test, candidate)


def test_real_patients_keep_all_and_shuffled_ones_nothing(
    population: Build, shuffled: Build, measured: Callable[[CodeMatrix], list[Estimate]]
) -> None:
    fresh = population(1500, 2)
    ceiling, floor = (by_name(measured(c)) for c in (fresh, shuffled(fresh, 3)))
    assert ceiling["auroc_retention"].value == pytest.approx(1, abs=0.1)
    assert ceiling["auprc_retention"].value == pytest.approx(1, abs=0.15)
    # a model of noise has a direction by chance, and diseases hang together: it may lean either way
    assert floor["tstr_auroc"].value == pytest.approx(0.5, abs=0.12)
    assert abs(floor["auroc_retention"].value) < 0.4
    assert floor["trts_auroc"].value == pytest.approx(0.5, abs=0.05)
    assert floor["trts_auprc"].value == pytest.approx(0.116, abs=0.04)  # the share of positives: .2 x .5 + .8 x .02
    assert ceiling["tstr_auroc"].low > floor["tstr_auroc"].high
    assert ceiling["tstr_auroc"].note.endswith("2 outcomes, 12 % of real patients positive")


def test_an_outcome_dealt_to_other_patients_is_the_one_that_is_lost(
    population: Build, measured: Callable[[CodeMatrix], list[Estimate]]
) -> None:
    fresh = population(1500, 2)
    dense = fresh.binary().toarray()
    dense[:, 0] = np.random.default_rng(0).permutation(dense[:, 0])
    found = measured(altered(fresh, dense))
    lost, kept = (by_name(found, fresh.vocabulary.code[k])["auroc_retention"] for k in OUTCOMES)
    assert lost.high < 0.5 < kept.low


def test_a_candidate_that_is_too_easy_lies_above_the_ceiling(
    population: Build, measured: Callable[[CodeMatrix], list[Estimate]]
) -> None:
    """Every patient with two codes of a module has its outcome, and nobody else."""
    fresh = population(1500, 2)
    dense = fresh.binary().toarray()
    for k in OUTCOMES:
        dense[:, k] = dense[:, k + 1 : k + 7].sum(axis=1) >= 2
    easy, real = (by_name(measured(c))["trts_auroc"] for c in (altered(fresh, dense), fresh))
    assert easy.better == "ceiling"
    assert easy.low > real.high


def test_the_means_are_those_of_the_outcomes(
    population: Build, measured: Callable[[CodeMatrix], list[Estimate]]
) -> None:
    found = measured(population(800, 2))
    codes = [population(1, 0).vocabulary.code[k] for k in OUTCOMES]
    assert {e.stratum for e in found} == {"all", *codes}
    for name in ("tstr_auroc", "trts_auprc"):
        parts = [by_name(found, code)[name].value for code in codes]
        assert by_name(found)[name].value == pytest.approx(np.mean(parts))
    assert (by_name(found)["tstr_auroc"].n, by_name(found)["trts_auroc"].n) == (1000, 800)


def test_the_interval_of_an_auroc_is_delongs(population: Build) -> None:
    real, test = population(1500, 0), population(1000, 1)
    models = fit_outcomes(real, test, OUTCOMES[:1])
    found = downstream(models, test, real)
    margins = models.regressions.margins(test.binary())[:, 0]
    error = np.sqrt(auroc_variance(margins, test.binary()[:, 0].toarray().ravel() > 0))
    estimate = by_name(found)["tstr_auroc"]
    assert (estimate.high - estimate.value) / 1.96 == pytest.approx(error, rel=0.25)
    assert by_name(found)["auroc_retention"].value == pytest.approx(1)  # the same model twice
    assert {e.stratum for e in found} == {"all"}


def test_outcomes_and_their_groups_are_no_predictors(population: Build) -> None:
    real, test = population(1500, 0), population(1000, 1)
    sex = real.vocabulary.groups["sex"]
    models = fit_outcomes(real, test, np.asarray([0, 1, sex[0]]))
    weights = models.regressions.weights
    assert not weights[[0, 1, sex[0]]].any()
    assert weights[sex[1], 0] != 0
    assert weights[sex[1], 2] == 0
    assert weights[2, 0] > 1
    v = real.vocabulary
    named = Vocabulary((*v.code[:2], "OUTCOME/died", *v.code[3:]), v.description, v.group)
    models = fit_outcomes(replace(real, vocabulary=named), replace(test, vocabulary=named), OUTCOMES)
    assert not models.regressions.weights[2].any()  # not asked for, and an outcome all the same


def test_outcomes_that_cannot_be_measured(population: Build) -> None:
    real, test = population(1500, 0), population(1000, 1)
    assert downstream(fit_outcomes(real, test, np.zeros(0, dtype=int)), test, real) == []
    rare = real.binary().toarray()
    rare[20:, 0] = 0
    assert fit_outcomes(altered(real, rare), test, OUTCOMES).outcomes.tolist() == [7]
    lost = real.binary().toarray()
    lost[:, 0] = 0
    found = by_name(downstream(fit_outcomes(real, test, OUTCOMES[:1]), test, altered(real, lost)))
    assert found["tstr_auroc"].value == 0.5
    assert found["trts_auroc"].value == 0.5
    assert found["trts_auprc"].value == 0
    assert found["auroc_retention"].value == found["auprc_retention"].value == pytest.approx(0, abs=0.02)


def test_without_declared_outcomes_those_of_the_system_are_taken() -> None:
    codes = ("ICD9CM/250", "OUTCOME/died", "SEX/male", "OUTCOME/readmitted")
    vocabulary = Vocabulary(codes, ("",) * 4, (None, None, "sex", None))
    assert outcome_columns(vocabulary, ()).tolist() == [1, 3]
    assert outcome_columns(vocabulary, ["SEX/male", "ICD9CM/250", "SEX/male"]).tolist() == [0, 2]
    with pytest.raises(BadRequest, match="vocabulary does not have: OUTCOME/discharged"):
        outcome_columns(vocabulary, ["ICD9CM/250", "OUTCOME/discharged"])
    many = tuple(f"DRUG/{k}" for k in range(21))
    with pytest.raises(BadRequest, match=r"At most 20 outcomes can be declared\. Got 21"):
        outcome_columns(Vocabulary(many, many, (None,) * 21), many)
    assert outcome_columns(Vocabulary(("A/1",), ("",), (None,)), ()).tolist() == []
