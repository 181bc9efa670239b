"""The no-box tier: every attack that needs nothing but matrices, on a release and on all that it is compared with.

Each attack is tried on the release, on fresh real patients (the control), on a copy of the training data (the ceiling)
and on the comparators; what was found stands in one row. Not in this tier: an attacker who also holds the generator or
trains his own (`privacy.membership.discriminator`, `privacy.membership.shadow`); whoever prepares such an attack hands
it in as a further one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.attributes.reconstruction import reconstruction
from privacy.attributes.sensitive import sensitive_codes
from privacy.attributes.votes import attribute_votes
from privacy.identity.adversarial_accuracy import adversarial_accuracy
from privacy.identity.duplicates import duplicates
from privacy.identity.linkability import linkability
from privacy.identity.meaningful import meaningful_identity
from privacy.identity.singling_out import singling_out
from privacy.membership.measure import PRIOR
from privacy.membership.tier import Membership
from privacy.multiplicity import holm
from privacy.patients import Patients, binary_records
from privacy.power import detectable_difference
from privacy.risk import Risk

Progress = Callable[[str, int, int, str], None]
SYNTHETIC, CONTROL, CEILING = RESERVED = ("synthetic", "control", "ceiling")
ROC_COLUMNS = ["attack", "place", "fpr", "tpr"]


def _silent(task: str, done: int, total: int, unit: str) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What the attacks found.

    risks: not yet judged. roc: columns attack, place (synthetic, control, ceiling or a comparator), fpr, tpr; no point
    is a patient.
    """

    risks: tuple[Risk, ...]
    roc: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What the steward declares of the release, before anything is measured.

    sensitive: columns that nobody may learn, None for a spread of the codes that have carriers enough to tell.
    quasi_identifiers: groups of exclusive columns by which one can look a patient up elsewhere (sex, age band, race).
    population: how many people the extract was drawn from, None where unknown. prior: share of members among those whom
    an attacker asks about, in (0, 1).
    """

    sensitive: Sequence[int] | None = None
    quasi_identifiers: Sequence[Sequence[int]] = ()
    population: int | None = None
    prior: float = PRIOR


def assess(
    patients: Patients,
    synthetic: sparse.csr_matrix,
    *,
    seed: int,
    declared: Declared | None = None,
    comparators: Mapping[str, sparse.csr_matrix] | None = None,
    further: Mapping[str, Attack] | None = None,
    progress: Progress = _silent,
) -> Assessment:
    """Attack a release with the whole tier, and the comparators with it.

    synthetic: CSR of 0 and 1 over the codes of `patients`. comparators: other releases of the same patients by name (an
    independent sampler, a k-anonymised table, the previous release); their figures are `Risk.others`. further: prepared
    attacks by name, tried as those of the tier are. p values are those of the synthetic release alone, corrected over
    all its attacks by Holm's method.

    Raises:
        ValueError: a release with fewer than 2 records, other columns, or a value other than 0 and 1; a comparator with
            a reserved name.
    """
    if taken := sorted(set(RESERVED) & set(comparators or {})):
        raise ValueError(f"A comparator may not be called {taken[0]!r}: give it another name.")
    releases = {SYNTHETIC: synthetic, CONTROL: patients.fresh, CEILING: patients.members, **(comparators or {})}
    found, curves = tried(patients, releases, seed=seed, declared=declared, further=further, progress=progress)
    return Assessment(risks=tuple(joined(found)), roc=curves)


def tried(
    patients: Patients,
    releases: Mapping[str, sparse.csr_matrix],
    *,
    seed: int,
    declared: Declared | None = None,
    further: Mapping[str, Attack] | None = None,
    progress: Progress = _silent,
) -> tuple[dict[str, list[Finding]], pd.DataFrame]:
    """What every attack finds on each of the releases, by their names, and the ROC curves; no release sees another.

    Raises:
        ValueError: as `assess`.
    """
    declared = declared or Declared()
    tidy = {name: binary_records(name, matrix, len(patients.codes)) for name, matrix in releases.items()}
    membership_seed, *seeds = np.random.SeedSequence(seed).spawn(9)
    attacks = _attacks(patients, declared, seeds)
    attacks |= {name: partial(_itself, attack) for name, attack in (further or {}).items()}
    steps = _Steps(progress, (len(attacks) + 1) * len(tidy))
    found: dict[str, list[Finding]] = {name: [] for name in tidy}
    curves = []
    membership = Membership(patients, seed=membership_seed, prior=declared.prior)
    for place, release in tidy.items():
        scores = membership.score(release)
        found[place] += membership.findings(scores)
        curves.append(membership.curves(scores).assign(place=place))
        steps.done("membership")
    for name, prepare in attacks.items():
        attack = prepare()
        for place, release in tidy.items():
            found[place] += attack(release)
            steps.done(name)
    return found, pd.concat(curves, ignore_index=True)[ROC_COLUMNS]


def joined(found: Mapping[str, Sequence[Finding]]) -> Iterator[Risk]:
    """One `Risk` for each figure of the synthetic release, with the same figure of the other releases beside it.

    found: what was found on each release, by its name; "synthetic", "control" and "ceiling" must be among them. A
    figure without a control is left out: nobody could read it. Where an attack gives no detectable value, that of a
    difference from the control stands in.
    """
    places = {name: {(f.attack, f.metric): f.estimate.value for f in findings} for name, findings in found.items()}
    own = [f for f in found[SYNTHETIC] if (f.attack, f.metric) in places[CONTROL]]
    tested = [f for f in own if f.p is not None]
    adjusted = dict(zip(((f.attack, f.metric) for f in tested), holm([float(f.p or 0.0) for f in tested]), strict=True))
    for f in own:
        key = (f.attack, f.metric)
        control = places[CONTROL][key]
        detectable = f.detectable
        if detectable is None and f.nonmembers_needed is None:
            detectable = detectable_difference(control, f.estimate)
        yield Risk(
            attack=f.attack,
            knowledge=f.knowledge,
            metric=f.metric,
            value=f.estimate.value,
            low=f.estimate.low,
            high=f.estimate.high,
            control=control,
            n=f.n,
            ceiling=places[CEILING].get(key),
            others={name: places[name][key] for name in found if name not in RESERVED and key in places[name]},
            p=f.p,
            p_adjusted=float(adjusted[key]) if key in adjusted else None,
            detectable=detectable,
            nonmembers_needed=f.nonmembers_needed,
            note=f.note,
        )


def _attacks(
    patients: Patients, declared: Declared, seeds: Sequence[np.random.SeedSequence]
) -> dict[str, Callable[[], Attack]]:
    """The attacks by name, each prepared only when its turn comes: what one holds is let go before the next."""
    groups, population = declared.quasi_identifiers, declared.population
    attacks: dict[str, Callable[[], Attack]] = {
        "duplicates": lambda: duplicates(patients, seed=seeds[0]),
        "nearest-neighbour accuracy": lambda: adversarial_accuracy(patients, seed=seeds[1]),
        "attributes": lambda: attribute_votes(patients, seed=seeds[2]),
        "sensitive codes": lambda: sensitive_codes(patients, sensitive=declared.sensitive, seed=seeds[3]),
        "reconstruction": lambda: reconstruction(patients, secrets=_secrets(patients, declared), seed=seeds[4]),
        "singling out": lambda: singling_out(patients, seed=seeds[5]),
        "linkability": lambda: linkability(patients, seed=seeds[6]),
    }
    if groups:
        attacks["identity"] = lambda: meaningful_identity(
            patients, quasi_identifiers=groups, population=population, seed=seeds[7]
        )
    return attacks


def _secrets(patients: Patients, declared: Declared) -> Sequence[int]:
    """The declared sensitive columns, else all but the quasi-identifiers."""
    if declared.sensitive:
        return declared.sensitive
    known = {column for group in declared.quasi_identifiers for column in group}
    return [column for column in range(len(patients.codes)) if column not in known]


def _itself(prepared: Attack) -> Attack:
    return prepared


class _Steps:
    """Counts attacks times releases, for the progress line."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._count = progress, total, 0

    def done(self, task: str) -> None:
        self._count += 1
        self._progress(f"attacks, {task}", self._count, self._total, "trial")
