"""Who the people of the embedded cohort are and what they have: thresholds on shared severities, links, treatments.

A patient has a disease if a normal score, correlated with the severity of its chapter, passes a threshold that gives
the disease its prevalence among people of that age and sex (a probit for each disease, four factors over all).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthehr.events.simulated.diseases import CHAPTERS, Disease, consequences, drugs

COMMONEST, RAREST = 0.40, 1e-4
SHOULDER = 40  # ranks over which prevalences are level before they fall as Zipf's law has it
AGES = np.array([0, 1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 103], dtype=float)  # newborns stand alone
AGE_SHARES = np.array([0.035, 0.025, 0.03, 0.06, 0.08, 0.11, 0.15, 0.18, 0.17, 0.12, 0.04])
FEMALE_SHARE = 0.52
RACES = ("white", "black", "hispanic", "asian", "other", "")  # "" is not recorded
RACE_SHARES = np.array([0.66, 0.13, 0.10, 0.05, 0.03, 0.03])
CHRONIC_LOADING, ACUTE_LOADING = 0.70, 0.50
HIGHEST = 0.85  # share of people of one age and sex that may have a disease


@dataclass(frozen=True)
class Population:
    """n people. age: (n,) years at the first encounter; female: (n,) bool; race: (n,) position in RACES; frailty: (n,)
    standard normal; has: (n, n_diseases) bool; takes: (n, n_drugs) bool.
    """

    age: NDArray[np.float64]
    female: NDArray[np.bool_]
    race: NDArray[np.int64]
    frailty: NDArray[np.float64]
    has: NDArray[np.bool_]
    takes: NDArray[np.bool_]


def draw_population(n: int, catalogue: Sequence[Disease], rng: np.random.Generator) -> Population:
    """Draw n people from a catalogue of diseases, commonest first."""
    band = rng.choice(len(AGE_SHARES), size=n, p=AGE_SHARES)
    age = AGES[band] + rng.random(n) * (AGES[band + 1] - AGES[band])
    female = rng.random(n) < FEMALE_SHARE
    shared = rng.standard_normal((n, 4))
    has = _diagnosed(2 * band + female, _severity(shared, rng), catalogue, rng)
    return Population(
        age=age,
        female=female,
        race=rng.choice(len(RACES), size=n, p=RACE_SHARES),
        frailty=shared[:, 1],
        has=has,
        takes=_treated(has, catalogue, rng),
    )


def prevalences(catalogue: Sequence[Disease]) -> NDArray[np.float64]:
    """(n_diseases,) target prevalence by rank, from COMMONEST to RAREST: Zipf and Mandelbrot's law with a shoulder."""
    rank = np.arange(1, len(catalogue) + 1)
    falling = (1 + SHOULDER) / (rank + SHOULDER)
    return np.asarray(COMMONEST * falling ** (np.log(RAREST / COMMONEST) / np.log(falling[-1])))


def by_age_and_sex(catalogue: Sequence[Disease]) -> NDArray[np.float64]:
    """(2 * n_ages, n_diseases) prevalence in each stratum (row 2 * age + female); their mean is the target."""
    middle = (AGES[:-1] + AGES[1:]) / 2
    risk = np.zeros((2 * len(middle), len(catalogue)))
    for j, disease in enumerate(catalogue):
        by_age = np.exp(-(((middle - disease.age) / disease.spread) ** 2) / 2)
        risk[0::2, j] = by_age * (disease.sex != "female")
        risk[1::2, j] = by_age * (disease.sex != "male") * disease.female_ratio
    weights = np.repeat(AGE_SHARES, 2) * np.tile([1 - FEMALE_SHARE, FEMALE_SHARE], len(AGE_SHARES))
    return np.asarray(np.minimum(risk * (_unexplained(catalogue) / (weights @ risk)), HIGHEST))


def _unexplained(catalogue: Sequence[Disease]) -> NDArray[np.float64]:
    """Target prevalences less what the consequences of other diseases will add, but never all of it."""
    target = prevalences(catalogue)
    position = {disease.category: j for j, disease in enumerate(catalogue)}
    left = target.copy()
    for cause, effect, share in consequences():
        left[position[effect]] -= share * target[position[cause]]
    return np.maximum(left, 0.15 * target)


def _severity(shared: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, n_chapters) standard normal severities that share four factors (n, 4)."""
    loadings = np.array([chapter[-1] for chapter in CHAPTERS])  # (n_chapters, 4)
    own = np.sqrt(1 - (loadings**2).sum(axis=1))
    return np.asarray(shared @ loadings.T + own * rng.standard_normal((len(shared), len(CHAPTERS))))


def _diagnosed(
    stratum: NDArray[np.int64], severity: NDArray[np.float64], catalogue: Sequence[Disease], rng: np.random.Generator
) -> NDArray[np.bool_]:
    threshold = -ndtri(by_age_and_sex(catalogue))  # infinite where a sex cannot have it
    has = np.empty((len(stratum), len(catalogue)), dtype=bool)
    for j, disease in enumerate(catalogue):
        loading = CHRONIC_LOADING if disease.chronic else ACUTE_LOADING
        score = loading * severity[:, disease.chapter] - threshold[stratum, j]
        has[:, j] = rng.random(len(stratum)) < ndtr(score / np.sqrt(1 - loading**2))
    position = {disease.category: j for j, disease in enumerate(catalogue)}
    possible = by_age_and_sex(catalogue) > 0
    for cause, effect, share in consequences():
        follows = has[:, position[cause]] & (rng.random(len(stratum)) < share)
        has[:, position[effect]] |= follows & possible[stratum, position[effect]]
    return has


def _treated(has: NDArray[np.bool_], catalogue: Sequence[Disease], rng: np.random.Generator) -> NDArray[np.bool_]:
    position = {disease.category: j for j, disease in enumerate(catalogue)}
    takes = np.empty((len(has), len(drugs())), dtype=bool)
    for k, (_, shares, base) in enumerate(drugs()):
        spared = np.full(len(has), 1 - base)
        for category, share in shares.items():
            spared *= 1 - share * has[:, position[category]]
        takes[:, k] = rng.random(len(has)) >= spared
    return takes
