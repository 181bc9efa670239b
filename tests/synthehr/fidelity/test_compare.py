import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.evaluation import CODE_COLUMNS, COMPARATOR_COLUMNS
from synthehr.fidelity.compare import Comparison, compare


@pytest.fixture(scope="module")
def cohorts(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> dict[str, CodeMatrix | dict[str, CodeMatrix]]:
    """Half of the synthetic patients are real-like, half shuffled: between floor and ceiling."""
    train, test, fresh = (population(n, seed, first_id=10_000 * seed) for seed, n in enumerate((1000, 500, 450)))
    other = population(900, 3)
    mixed = np.vstack([other.binary()[:450].toarray(), shuffled(other, 4).binary()[450:].toarray()])
    rng = np.random.default_rng(5)
    synthetic = replace(shuffled(other, 4), counts=canonical(sparse.csr_matrix(mixed[rng.permutation(900)])))
    independent = shuffled(population(800, 6), 7)
    return {
        "train": train,
        "test": test,
        "fresh": fresh,
        "synthetic": synthetic,
        "comparators": {"independent": independent, "copy": train},
    }


@pytest.fixture(scope="module")
def comparison(cohorts: dict) -> Comparison:
    return compare(**cohorts, seed=0)


def score(comparison: Comparison, name: str, stratum: str = "all") -> object:
    return next(s for s in comparison.scores if (s.name, s.stratum) == (name, stratum))


def test_every_figure_travels_with_interval_floor_ceiling_and_n(comparison: Comparison) -> None:
    names = {s.name for s in comparison.scores}
    assert {"dwp_spearman", "dwp_apd", "code_coverage", "codes_per_patient_ks", "correlation_r_200"} <= names
    assert {"dwpred_auroc_gap", "dwpred_f1_r", "detection_auroc_boosted", "detection_auroc_linear"} <= names
    assert {"exclusive_group_violations", "effect_log_or_r", "effect_coverage", "cooccurrence_r2"} <= names
    assert {"log_cluster", "sdmetrics_column_shapes", "sdmetrics_pair_trends", "sdmetrics_validity"} <= names
    assert {s.stratum for s in comparison.scores if s.name == "correlation_cmd"} == {"all", ">=1%"}
    for s in comparison.scores:
        assert s.low <= s.value <= s.high, s.name
        assert all(math.isfinite(v) for v in (s.low, s.value, s.high, s.floor, s.ceiling)), s.name
        assert s.n > 0
        assert s.unit in ("patients", "codes")
    assert len({(s.name, s.stratum) for s in comparison.scores}) == len(comparison.scores)


def test_candidates_are_cut_to_the_same_number_of_patients(comparison: Comparison) -> None:
    for s in comparison.scores:
        if s.unit == "patients":
            assert s.n == (800 if s.name == "code_coverage" else 450), s.name


@pytest.mark.parametrize(
    "name",
    ["detection_auroc_boosted", "dwpred_auroc_gap", "correlation_r_200", "codes_per_patient_sd", "correlation_cmd"],
)
def test_a_half_right_synthetic_lies_between_floor_and_ceiling(comparison: Comparison, name: str) -> None:
    s = next(s for s in comparison.scores if s.name == name)
    assert 0.05 < s.skill < 0.98, s


def test_the_ceiling_of_detection_is_chance_and_the_floor_is_caught(comparison: Comparison) -> None:
    detection = score(comparison, "detection_auroc_boosted")
    assert detection.ceiling == pytest.approx(0.5, abs=0.06)
    assert detection.floor > 0.8
    assert detection.low > 0.55


def test_floor_and_ceiling_are_the_rows_of_the_comparators_table(comparison: Comparison) -> None:
    table = comparison.comparators
    assert list(table.columns) == COMPARATOR_COLUMNS
    assert set(table.generator) == {"synthetic", "holdout", "independent", "copy"}
    values = table.set_index(["generator", "name", "stratum"])["value"]
    assert values.index.is_unique
    for s in comparison.scores:
        found = [values[g, s.name, s.stratum] for g in ("synthetic", "independent", "holdout")]
        assert found == [s.value, s.floor, s.ceiling]


def test_codes_table(comparison: Comparison, cohorts: dict) -> None:
    codes = comparison.codes
    assert list(codes.columns) == CODE_COLUMNS
    assert codes.code.tolist() == list(cohorts["test"].vocabulary.code)
    assert codes.prevalence_real.to_numpy() == pytest.approx(cohorts["test"].prevalence())
    assert codes.prevalence_ceiling.to_numpy() == pytest.approx(cohorts["fresh"].prevalence())
    kept = codes.dropna()
    gap = (kept.auroc_real - kept.auroc_synthetic).abs().mean()
    assert gap == pytest.approx(score(comparison, "dwpred_auroc_gap").value)
    assert (codes.f1_real.isna() == codes.auroc_floor.isna()).all()


def test_fresh_patients_as_the_synthetic_are_the_ceiling_itself(cohorts: dict) -> None:
    fresh = cohorts["fresh"]
    comparison = compare(**{**cohorts, "synthetic": fresh, "comparators": {"independent": fresh}}, seed=0)
    for s in comparison.scores:
        if s.name != "code_coverage":  # whose ceiling is an estimate
            assert s.value == s.ceiling == s.floor, s.name


def test_same_seed_same_figures_and_comparators_do_not_touch_each_other(cohorts: dict, comparison: Comparison) -> None:
    alone = compare(**{**cohorts, "comparators": {"independent": cohorts["comparators"]["independent"]}}, seed=0)
    assert alone.scores == comparison.scores
    pd.testing.assert_frame_equal(alone.codes, comparison.codes, check_exact=True)
    assert compare(**cohorts, seed=1).scores != comparison.scores


def test_a_site_declares_rules_effects_and_outcomes(cohorts: dict, comparison: Comparison) -> None:
    vocabulary = cohorts["train"].vocabulary
    sex = vocabulary.groups["sex"]
    declared = {
        "rules": [(vocabulary.code[0], vocabulary.code[sex[0]])],
        "effects": [(vocabulary.code[sex[1]], vocabulary.code[j]) for j in range(7)],
        "outcomes": [vocabulary.code[0], vocabulary.code[7]],
    }
    ruled = compare(**cohorts, **declared, seed=0)
    assert not any(s.name == "knowledge_violations" for s in comparison.scores)  # nothing was to be learned
    found = score(ruled, "knowledge_violations", "sex")
    both = cohorts["fresh"].binary()[:, [0, sex[0]]].toarray().all(axis=1).mean()
    assert found.ceiling == pytest.approx(1e4 * both)
    assert score(ruled, "effect_log_or_r").note == "7 pairs"
    assert score(comparison, "effect_log_or_r").note == "5 pairs"  # of so few patients
    tstr = score(ruled, "downstream_tstr_auroc")
    assert tstr.floor < 0.6 < tstr.value < tstr.ceiling
    assert tstr.n == len(cohorts["test"])
    others = {s for s in ruled.scores if not s.name.startswith(("knowledge", "effect", "downstream"))}
    assert others == {s for s in comparison.scores if not s.name.startswith("effect")}


def test_progress_counts_to_the_end(cohorts: dict) -> None:
    calls: list[tuple[int, int]] = []

    def listen(task: str, done: int, total: int, unit: str, note: str = "") -> None:
        calls.append((done, total))

    small = {name: cohorts[name].rows(np.arange(100)) for name in ("train", "test", "fresh", "synthetic")}
    independent = cohorts["comparators"]["independent"].rows(np.arange(100))
    compare(**small, comparators={"independent": independent}, seed=0, progress=listen)
    assert [done for done, _ in calls] == list(range(1, calls[-1][1] + 1))
    assert len({total for _, total in calls}) == 1


def test_refusals_say_what_was_expected(cohorts: dict) -> None:
    train = cohorts["train"]
    v = train.vocabulary
    renamed = replace(train, vocabulary=Vocabulary(("ICD9CM/999", *v.code[1:]), v.description, v.group))
    refused = {
        "must hold 'independent'": {"comparators": {}},
        "none named 'synthetic'": {"comparators": {**cohorts["comparators"], "synthetic": train}},
        "vocabulary of synthetic": {"synthetic": renamed},
        "100 patients in each cohort; fresh has 99": {"fresh": cohorts["fresh"].rows(np.arange(99))},
        "train and test share 500 patients": {"test": train.rows(np.arange(500))},
        "does not have: SEX/x": {"rules": {v.code[0]: "SEX/x"}},
        "outcomes are codes that the vocabulary does not have: X": {"outcomes": ["X"]},
        "must be two codes": {"effects": [(v.code[0], v.code[0])]},
    }
    for message, change in refused.items():
        with pytest.raises(BadRequest, match=message):
            compare(**{**cohorts, **change}, seed=0)


def test_tables_behind_the_figures_are_of_the_same_patients_as_the_scores(
    comparison: Comparison, cohorts: dict
) -> None:
    lengths, effects = comparison.codes_per_patient, comparison.effects
    gap = (lengths.share_real - lengths.share_synthetic).abs().sum() / 2
    assert gap == pytest.approx(score(comparison, "codes_per_patient_l1").value)
    assert (lengths.share_real - lengths.share_ceiling).abs().sum() / 2 == pytest.approx(
        score(comparison, "codes_per_patient_l1").ceiling
    )
    assert effects.covered.mean() == pytest.approx(score(comparison, "effect_coverage").value)
    codes = comparison.codes.set_index("code")
    real = codes.prevalence_real.loc[comparison.correlations.code_a].to_numpy() * len(cohorts["test"])
    assert comparison.correlations.n_a.to_numpy() == pytest.approx(real)
    assert comparison.subgroups.empty  # no member has 500 of the 500 test patients
