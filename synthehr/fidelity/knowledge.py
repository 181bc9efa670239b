"""Clinical knowledge: how many patients break the rules of `synthehr.cohort.constraints`."""

import numpy as np
from numpy.typing import NDArray

from privacy.risk import clopper_pearson
from synthehr.cohort.constraints import Rules
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.score import Estimate, Measure

VIOLATIONS = Measure(name="knowledge_violations", better="lower", lowest=0, highest=10_000)
EXCLUSIVE = Measure(name="exclusive_group_violations", better="lower", lowest=0, highest=10_000)
PER = 10_000  # patients


def clinical_knowledge(candidate: CodeMatrix, rules: Rules) -> list[Estimate]:
    """Patients who break a rule, whole and by the group that the rule is about, and who have no or two members.

    Each per 10,000 patients, with the Clopper-Pearson interval. Real data has errors: read `knowledge_violations`
    beside its ceiling, while `exclusive_group_violations` (patients with other than one member of some group) must be
    0. A candidate that has lost the codes breaks no rule: the note says how many patients have a code of the rules.
    Without rules, or without groups, the measure is absent.
    """
    vocabulary, binary = candidate.vocabulary, candidate.binary()
    estimates = []
    broken = binary[:, rules[:, 0]].multiply(binary[:, rules[:, 1]]).tocsc()
    group = np.asarray([vocabulary.group[member] for member in rules[:, 1]], dtype=object)
    for stratum, chosen in {
        "all": np.ones(len(rules), dtype=bool),
        **{g: group == g for g in vocabulary.groups},
    }.items():
        if chosen.any():
            breaks = np.asarray(broken[:, chosen].sum(axis=1)).ravel() > 0
            carriers = int((np.asarray(binary[:, np.unique(rules[chosen, 0])].sum(axis=1)) > 0).sum())
            note = f"{carriers:,} patients have a code of the {chosen.sum()} rules"
            if breaks.any():
                note += f"; most broken: {_worst(vocabulary, rules[chosen], broken[:, chosen].sum(axis=0))}"
            estimates.append(_rate(VIOLATIONS, breaks, stratum, note))
    if vocabulary.groups:
        numbers = [np.asarray(binary[:, columns].sum(axis=1)).ravel() for columns in vocabulary.groups.values()]
        wrong = np.any([number != 1 for number in numbers], axis=0)
        estimates.append(_rate(EXCLUSIVE, wrong, "all", ", ".join(vocabulary.groups)))
    return estimates


def _worst(vocabulary: Vocabulary, rules: Rules, broken: NDArray[np.int64]) -> str:
    code, member = rules[int(np.argmax(np.asarray(broken).ravel()))]
    return f"{vocabulary.code[code]} with {vocabulary.code[member]}"


def _rate(measure: Measure, hit: NDArray[np.bool_], stratum: str, note: str) -> Estimate:
    """Patients hit per 10,000, with the exact binomial interval: a normal one has no width at zero."""
    low, high = clopper_pearson(int(hit.sum()), len(hit))
    return Estimate(
        name=measure.name,
        value=float(PER * hit.mean()),
        low=PER * low,
        high=PER * high,
        n=len(hit),
        unit="patients",
        better=measure.better,
        stratum=stratum,
        note=note,
    )
