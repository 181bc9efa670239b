"""The measures: what every candidate goes through, in order, and what it is measured against."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthehr.cohort.constraints import Rules
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.clusters import latent_clusters
from synthehr.fidelity.codes_per_patient import codes_per_patient
from synthehr.fidelity.correlation import correlation
from synthehr.fidelity.correlation_distance import correlation_distance
from synthehr.fidelity.demographics import EXTRA, demographic_scores, sdmetrics_installed
from synthehr.fidelity.detection import detection
from synthehr.fidelity.downstream import OutcomeModels, downstream
from synthehr.fidelity.knowledge import clinical_knowledge
from synthehr.fidelity.prediction import CodePredictions, dimension_wise_prediction
from synthehr.fidelity.prevalence import dimension_wise_probability, spurious_mass
from synthehr.fidelity.score import Estimate
from synthehr.fidelity.strata import Strata
from synthehr.fidelity.subgroups import Pairs, effect_sizes, subgroup_prevalence

log = logging.getLogger("synthehr")


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What candidates are measured against.

    train, test: real patients. real: regressions of every code, fitted on real patients; predictions: those of each
    candidate, by name. outcomes: models of the declared outcomes, fitted on real patients. strata: of the codes. rules:
    what nobody can have. effects: the pairs whose odds ratios are compared.
    """

    train: CodeMatrix
    test: CodeMatrix
    real: CodePredictions
    predictions: Mapping[str, CodePredictions]
    outcomes: OutcomeModels
    strata: Strata
    rules: Rules
    effects: Pairs
    seed: int


MeasureCandidate = Callable[[Yardstick, CodeMatrix, str], list[Estimate]]

MEASURES: Mapping[str, MeasureCandidate] = {
    "prevalence": lambda y, c, _: [*dimension_wise_probability(y.test, c, y.strata), spurious_mass(y.train, c)],
    "codes per patient": lambda y, c, _: codes_per_patient(y.test, c),
    "correlation": lambda y, c, _: correlation(y.test, c, y.train.prevalence()),
    "correlation of all codes": lambda y, c, _: correlation_distance(y.test, c, y.train.prevalence()),
    "agreement of predictions": lambda y, _, name: dimension_wise_prediction(
        y.real, y.predictions[name], y.strata, seed=y.seed
    ),
    "detection": lambda y, c, _: detection(y.test, c, seed=y.seed),
    "downstream": lambda y, c, _: downstream(y.outcomes, y.test, c),
    "latent clusters": lambda y, c, _: latent_clusters(y.test, c, seed=y.seed),
    "clinical knowledge": lambda y, c, _: clinical_knowledge(c, y.rules),
    "subgroups": lambda y, c, _: subgroup_prevalence(y.test, c),
    "effects": lambda y, c, _: effect_sizes(y.test, c, y.effects),
}
SDMETRICS: Mapping[str, MeasureCandidate] = {"demographics": lambda y, c, _: demographic_scores(y.test, c)}


def measures_here() -> Mapping[str, MeasureCandidate]:
    """`MEASURES`, and those of SDMetrics where the extra is installed; where it is not, the log says how to get it."""
    if sdmetrics_installed():
        return {**MEASURES, **SDMETRICS}
    log.info(f"{EXTRA}. They are left out.")
    return MEASURES
