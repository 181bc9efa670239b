"""All membership attacks that need no model: prepared once on the patients, scored on one release after another.

The attacker's story: somebody has the synthetic file, complete records of patients, and other records of the same
population. He tries every score there is. No single attack wins: copies are found by neighbours and kernels, an
over-fitted model by density ratios, independent marginals by a linear classifier (METRICS.md); so all are run, each
with its own figure, and a stack of them.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Finding, Scorer
from privacy.membership import neighbours, stack
from privacy.membership.classifiers import PAIRS, boosted_classifier, linear_classifier
from privacy.membership.density import chow_liu_ratio, kernel_ratio, mixture_ratio
from privacy.membership.label_share import label_share
from privacy.membership.measure import PRIOR, curve, measure
from privacy.membership.neighbours import calibrated_neighbours, rarity_neighbours, rarity_weights
from privacy.membership.presence import presence
from privacy.membership.subgroups import subgroup
from privacy.membership.vulnerable import most_vulnerable, vulnerable
from privacy.neighbours import nearest_distance
from privacy.patients import Patients
from privacy.ranks import Targets
from privacy.risk import WITH_REFERENCE

MOST_TARGETS = 10_000  # on a side: twice what a TPR at 0.1 % FPR takes, in a few CPU seconds
CLOSEST = "membership_kernel"  # the score that subgroups are looked at with: the sharpest on copies of few patients


class Membership:
    """The membership attacks on one set of patients.

    patients: see `Patients`; at most 10,000 a side are attacked, drawn at random with `seed`. prior: see `measure`.
    """

    def __init__(self, patients: Patients, *, seed: np.random.SeedSequence, prior: float = PRIOR) -> None:
        draw, order, self._measuring, self._subgroups, scoring = seed.spawn(5)
        self.n_members, self.codes, self.prior = patients.members.shape[0], patients.codes, prior
        rng = np.random.default_rng(draw)
        sides = [_sample(records, rng) for records in (patients.members, patients.nonmembers)]
        self.note = f"Attacked {sides[0].shape[0]:,} of {self.n_members:,} members and {sides[1].shape[0]:,} of "
        self.note += f"{patients.nonmembers.shape[0]:,} non-members."
        # no score may see the order of the targets, which says who is a member
        shuffled = np.random.default_rng(order).permutation(sides[0].shape[0] + sides[1].shape[0])
        self.targets = sparse.vstack(sides, format="csr")[shuffled]
        self.is_member = shuffled < sides[0].shape[0]
        self.apart = nearest_distance(self.targets, patients.reference)
        self.vulnerable = most_vulnerable(self.targets, patients.reference, rarity_weights(patients.reference))
        self.scorers = _scorers(self.targets, patients.reference, scoring)

    def score(self, release: sparse.csr_matrix) -> dict[str, NDArray[np.float64]]:
        """Score of every target under every attack: name -> (n_targets,), higher speaks for membership."""
        return {name: scorer(release) for name, scorer in self.scorers.items()}

    def findings(self, scores: Mapping[str, NDArray[np.float64]]) -> list[Finding]:
        """Every figure of every attack, the stack, presence disclosure, the vulnerable and the worst subgroup."""
        # seeds are spawned anew, so that each release meets the same ones
        streams = np.random.SeedSequence(self._measuring.entropy, spawn_key=self._measuring.spawn_key).spawn(99)
        sides = {name: self.sides(values) for name, values in scores.items()}
        sides[stack.ATTACK] = stack.stack(np.stack([*scores.values()], axis=1), self.is_member, seed=streams.pop())
        found: list[Finding] = []
        for name, targets in sides.items():
            measured = measure(
                name, WITH_REFERENCE, targets, seed=streams.pop(), n_members=self.n_members, prior=self.prior
            )
            found += [replace(figure, note=f"{self.note} {figure.note}".strip()) for figure in measured]
        chosen = self.sides(self.vulnerable.astype(np.float64))
        found += vulnerable(CLOSEST, WITH_REFERENCE, sides[CLOSEST], chosen)
        found += subgroup(scores[CLOSEST], self.is_member, self.targets, self.codes, seed=streams.pop())
        return found + presence(self.sides(self.apart - scores[neighbours.ATTACK]))

    def curves(self, scores: Mapping[str, NDArray[np.float64]]) -> pd.DataFrame:
        """ROC curves of all attacks: columns attack, fpr, tpr; no point is a patient."""
        return pd.concat([curve(name, self.sides(values)) for name, values in scores.items()], ignore_index=True)

    def sides(self, values: NDArray[np.float64]) -> Targets:
        """One number for each target, told apart by membership."""
        return Targets(values[self.is_member], values[~self.is_member])


def _scorers(
    targets: sparse.csr_matrix, reference: sparse.csr_matrix, seed: np.random.SeedSequence
) -> dict[str, Scorer]:
    shares, mixture, linear, boosted = seed.spawn(4)
    return {
        neighbours.ATTACK: calibrated_neighbours(targets, reference),
        neighbours.RARITY_ATTACK: rarity_neighbours(targets, reference),
        CLOSEST: kernel_ratio(targets, reference),
        "membership_label_share": label_share(targets, reference, seed=shares),
        "membership_mixture": mixture_ratio(targets, reference, seed=mixture),
        "membership_chow_liu": chow_liu_ratio(targets, reference),
        "membership_linear": linear_classifier(targets, reference, seed=linear),
        "membership_pairs": linear_classifier(targets, reference, n_pairs=PAIRS, seed=linear),
        "membership_boosted": boosted_classifier(targets, reference, seed=boosted),
    }


def _sample(records: sparse.csr_matrix, rng: np.random.Generator) -> sparse.csr_matrix:
    return records[rng.permutation(records.shape[0])[:MOST_TARGETS]]
