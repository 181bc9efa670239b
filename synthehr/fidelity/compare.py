"""The comparison: every measure of fidelity, for the synthetic cohort and for what it has to be read between."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthehr.cohort.constraints import CodePairs, Rules, column_pairs, learn_rules, site_rules
from synthehr.cohort.matrix import CodeMatrix
from synthehr.errors import BadRequest
from synthehr.evaluation import CODE_COLUMNS, COMPARATOR_COLUMNS
from synthehr.fidelity.codes_per_patient import length_table
from synthehr.fidelity.correlation import correlation_table
from synthehr.fidelity.coverage import COVERAGE, code_coverage, expected_coverage
from synthehr.fidelity.downstream import fit_outcomes, outcome_columns
from synthehr.fidelity.measures import Yardstick, measures_here
from synthehr.fidelity.prediction import CodePredictions, predict_codes, predictable_codes
from synthehr.fidelity.score import Estimate, Score
from synthehr.fidelity.strata import strata_of
from synthehr.fidelity.subgroups import Pairs, choose_effects, effect_table, subgroup_table
from synthehr.progress import Progress, silent

REAL, SYNTHETIC, FLOOR, CEILING = "real", "synthetic", "independent", "holdout"
MIN_PATIENTS = 100  # a side; below it every interval spans the whole way from floor to ceiling

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """What was measured. scores: of the synthetic cohort, each with floor and ceiling.

    codes: one row a code, `CODE_COLUMNS` of synthehr.evaluation, prevalence_real being that of the test patients,
    auroc and f1 nan where a code is too rare to predict. comparators: `COMPARATOR_COLUMNS`, the same measures for
    generator "synthetic", "holdout" (the ceiling: fresh real patients) and every comparator. codes_per_patient,
    correlations, effects, subgroups: see `synthehr.evaluation.Evaluation`.
    """

    scores: tuple[Score, ...]
    codes: pd.DataFrame
    comparators: pd.DataFrame
    codes_per_patient: pd.DataFrame
    correlations: pd.DataFrame
    effects: pd.DataFrame
    subgroups: pd.DataFrame


def compare(
    *,
    train: CodeMatrix,
    test: CodeMatrix,
    fresh: CodeMatrix,
    synthetic: CodeMatrix,
    comparators: Mapping[str, CodeMatrix],
    seed: int,
    rules: CodePairs = (),
    effects: CodePairs = (),
    outcomes: Iterable[str] = (),
    progress: Progress = silent,
) -> Comparison:
    """Measure the synthetic cohort, every comparator and fresh real patients in the same place, against `test`.

    Every candidate is cut to the same number of patients (the smallest has all of its own; drawn by `seed` and the
    candidate's name), so that sampling noise is the same for all; the real patients on which DWPred's reference is
    fitted are as many of `train`. Only code coverage wants the training set's size and takes as many patients of each
    candidate as there are, up to it. Strata are by the prevalence in `train`. Same arguments, same machine, same bytes.
    rules: pairs of a code and a member of an exclusive group that must not come together, beside those learned from
    train. effects: pairs of exposure and outcome whose odds ratios are compared, instead of those of common codes.
    outcomes: codes that models are fitted for, instead of those of the code system `OUTCOME`. The scores of SDMetrics
    are there where the extra is.

    Raises:
        BadRequest: vocabularies differ, "independent" is missing, a comparator is named "synthetic" or "holdout", real
            patients occur in two of train, test and fresh, a cohort has fewer than 100 patients, or `rules`,
            `effects` or `outcomes` name a code that the vocabulary does not have.
    """
    _check({"train": train, "test": test, "fresh": fresh}, synthetic, comparators)
    candidates = {SYNTHETIC: synthetic, CEILING: fresh, **comparators}
    known = np.unique(np.vstack([learn_rules(train), site_rules(train.vocabulary, rules)]), axis=0)
    pairs = column_pairs(train.vocabulary, effects)
    asked = outcome_columns(train.vocabulary, outcomes)
    declared = _Declared(known, pairs if len(pairs) else choose_effects(train), asked)
    # two threads on two busy cores cost ten times the time of one, and other sums of the same floats
    with threadpool_limits(1):
        return _compare(train, test, candidates, declared, seed, progress)


@dataclass(frozen=True)
class _Declared:
    """What nobody can have, which effects are asked for, and which outcomes."""

    rules: Rules
    effects: Pairs
    outcomes: NDArray[np.int64]


def _compare(
    train: CodeMatrix,
    test: CodeMatrix,
    candidates: Mapping[str, CodeMatrix],
    declared: _Declared,
    seed: int,
    progress: Progress,
) -> Comparison:
    n = min(len(cohort) for cohort in (train, *candidates.values()))
    samples = {name: _draw(cohort, n, name, seed) for name, cohort in candidates.items()}
    reference = _draw(train, n, "train", seed)
    codes = predictable_codes(reference, test)
    measures = measures_here()
    steps = _Steps(progress, total=1 + (1 + len(measures)) * len(candidates))
    predictions = {}
    for name, sample in {REAL: reference, **samples}.items():
        predictions[name] = predict_codes(sample, test, codes)
        steps.done(f"{name}: prediction")
    yardstick = Yardstick(
        train=train,
        test=test,
        real=predictions[REAL],
        predictions=predictions,
        outcomes=fit_outcomes(reference, test, declared.outcomes),
        strata=strata_of(train.prevalence()),
        rules=declared.rules,
        effects=declared.effects,
        seed=seed,
    )
    estimates: dict[str, list[Estimate]] = {}
    for name, sample in samples.items():
        estimates[name] = []
        for label, measure in measures.items():
            estimates[name] += measure(yardstick, sample, name)
            steps.done(f"{name}: {label}")
    most = min(len(train), *(len(cohort) for name, cohort in candidates.items() if name != CEILING))
    for name, cohort in candidates.items():
        estimates[name].append(_coverage(train, cohort, name, most, seed))
    prevalence = {REAL: test.prevalence()} | {name: sample.prevalence() for name, sample in samples.items()}
    beside = {"real": test, "synthetic": samples[SYNTHETIC], "floor": samples[FLOOR], "ceiling": samples[CEILING]}
    return Comparison(
        scores=_scores(estimates),
        codes=_codes(test, prevalence, predictions),
        comparators=_table(estimates),
        codes_per_patient=length_table(beside),
        correlations=correlation_table(test, samples[SYNTHETIC], train.prevalence()),
        effects=effect_table(beside, declared.effects),
        subgroups=subgroup_table(beside),
    )


@dataclass
class _Steps:
    """Counts finished measures for the listener."""

    progress: Progress
    total: int
    count: int = 0

    def done(self, note: str) -> None:
        self.count += 1
        self.progress("fidelity", self.count, self.total, "measures", note)


def _check(real: Mapping[str, CodeMatrix], synthetic: CodeMatrix, comparators: Mapping[str, CodeMatrix]) -> None:
    if FLOOR not in comparators or {SYNTHETIC, CEILING, REAL} & set(comparators):
        raise BadRequest(
            f"The comparators must hold {FLOOR!r}, the floor, and none named {SYNTHETIC!r}, {CEILING!r} or {REAL!r}. "
            f"Got {sorted(comparators)} instead."
        )
    for name, cohort in {**real, SYNTHETIC: synthetic, **comparators}.items():
        if cohort.vocabulary.code != real["train"].vocabulary.code:
            raise BadRequest(
                f"The vocabulary of {name} ({len(cohort.vocabulary)} codes) is not that of the training patients "
                f"({len(real['train'].vocabulary)}): generate from a run that was trained on this cohort."
            )
        if len(cohort) < MIN_PATIENTS:
            raise BadRequest(f"A comparison needs {MIN_PATIENTS} patients in each cohort; {name} has {len(cohort)}.")
    for one, other in combinations(real, 2):
        if shared := len(np.intersect1d(real[one].ids, real[other].ids)):
            raise BadRequest(f"{one} and {other} share {shared} patients; they must share none: split by patient.")


def _draw(cohort: CodeMatrix, n: int, name: str, seed: int) -> CodeMatrix:
    """`n` of the cohort's patients without replacement, in order; a draw does not depend on the other cohorts."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return cohort.rows(np.sort(rng.choice(len(cohort), n, replace=False)))


def _coverage(train: CodeMatrix, cohort: CodeMatrix, name: str, n: int, seed: int) -> Estimate:
    if name == CEILING:
        return COVERAGE.estimate(expected_coverage(train, n), 0.0, n=n, unit="patients")
    return code_coverage(train, _draw(cohort, n, name, seed))


def _scores(estimates: Mapping[str, list[Estimate]]) -> tuple[Score, ...]:
    floor, ceiling = ({(e.name, e.stratum): e.value for e in estimates[name]} for name in (FLOOR, CEILING))
    return tuple(
        e.score(floor=floor[e.name, e.stratum], ceiling=ceiling[e.name, e.stratum]) for e in estimates[SYNTHETIC]
    )


def _codes(
    test: CodeMatrix, prevalence: Mapping[str, Array], predictions: Mapping[str, CodePredictions]
) -> pd.DataFrame:
    vocabulary = test.vocabulary
    columns: dict[str, object] = {"code": list(vocabulary.code), "description": list(vocabulary.description)}
    for who, name in {"real": REAL, "synthetic": SYNTHETIC, "floor": FLOOR, "ceiling": CEILING}.items():
        columns[f"prevalence_{who}"] = prevalence[name]
        for figure in ("auroc", "f1"):
            values = np.full(len(vocabulary), np.nan)
            values[predictions[name].codes] = getattr(predictions[name], figure)
            columns[f"{figure}_{who}"] = values
    return pd.DataFrame(columns)[CODE_COLUMNS]


def _table(estimates: Mapping[str, list[Estimate]]) -> pd.DataFrame:
    rows = [(generator, e.name, e.stratum, e.value) for generator, found in estimates.items() for e in found]
    return pd.DataFrame(rows, columns=COMPARATOR_COLUMNS)
