"""One-way counts under a budget: two looks at codes, the first to know which are common, the second to count the rare.

With flat weights the noise on a code of ten patients is that on one of ten thousand. Weights of count^(-1/2) give all
counts noise in proportion to their own root, as sampling does, and leave most of the sensitivity to rare codes, of
which a patient has one or two where he has a dozen in all. Sizes and groups are asked for apart: every patient has one
of each, so nothing is scaled down, and who has many codes counts as one patient like all others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.curator import Curator
from privacy.mechanisms import Floats
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.private.records import public_heads
from synthehr.models.private.shrinkage import posterior_mean
from synthehr.models.sizes import SizeHead, size_heads

FIRST = "one-way counts of codes, a first look with flat weights"
HISTOGRAMS = "histograms of codes per patient, and of exclusive groups"
COUNTS = "one-way counts of codes, weighted by the first look"
CLIP_CODES = 12  # codes of a patient whose flat counts are not scaled down in the first look
LEAST_MEMBER = 0.5  # patients: a member of a group is never impossible
ROOM = 0.5  # of the squared clip: what is given away in noise, and what is lost of those who have many codes
SURE = 3.0  # noise standard deviations above which so many patients are not nobody


@dataclass(frozen=True)
class Prevalences:
    """What is released of single columns: those of the vocabulary, then sizes that are sure to occur.

    heads: the sizes, as groups. columns: (d,) column of the records that each of these is. patients: how many there
    are, about. share: (d,) of patients, in [0, 1]; groups and sizes sum to 1. noise: (d,) standard deviation of a count
    before it was shrunk, in patients.
    """

    heads: tuple[SizeHead, ...]
    columns: NDArray[np.int64]
    patients: float
    share: Floats
    noise: Floats


def first_look(curator: Curator, vocabulary: Vocabulary, noise_multiplier: float) -> tuple[Floats, float]:
    """Flat noisy counts (n_free,) of the free codes, and their noise, in patients."""
    weights = np.zeros(curator.n_columns)
    weights[vocabulary.free] = 1.0
    found = curator.sums(FIRST, weights, clip=CLIP_CODES**0.5, noise_multiplier=noise_multiplier)
    return found.value[vocabulary.free], found.noise


def prevalences(
    curator: Curator, vocabulary: Vocabulary, first: tuple[Floats, float], *, histograms: float, counts: float
) -> Prevalences:
    """Ask for histograms and for weighted counts, at these noise multipliers; shrink, and make them agree.

    first: of `first_look`.
    """
    heads = public_heads(vocabulary)
    partitions = [*vocabulary.groups.values(), *(head.members for head in heads)]
    told, noise = np.zeros(curator.n_columns), np.zeros(curator.n_columns)
    _ask(curator, HISTOGRAMS, (told, noise), np.concatenate(partitions), len(partitions) ** 0.5, histograms)
    free, patients = vocabulary.free, _patients(told, noise, partitions)
    _ask(curator, COUNTS, (told, noise), free, 1.0, counts, count_weights(*first, patients))
    share = np.zeros(len(vocabulary))
    share[free] = np.minimum(posterior_mean(told[free], noise[free], most=patients) / patients, 1.0)
    for members in vocabulary.groups.values():
        positive = np.maximum(told[members], LEAST_MEMBER)
        share[members] = positive / positive.sum()
    values, places, shares = {}, [np.arange(len(vocabulary))], [share]
    for head in heads:
        kept, of_sizes = _sizes(told[head.members], noise[head.members])
        values[head.system] = head.values[kept]
        places.append(head.members[kept])
        shares.append(of_sizes)
        mean = float(of_sizes @ head.values[kept])
        share[head.codes] = np.minimum(share[head.codes] * mean / max(share[head.codes].sum(), 1e-12), 1.0)
    columns = np.concatenate(places)
    return Prevalences(size_heads(vocabulary, values), columns, patients, np.concatenate(shares), noise[columns])


def count_weights(counts: Floats, noise: float, patients: float) -> Floats:
    """Weights in (0, 1] for noisy counts: largest for the rarest, and falling with the root of the count.

    patients: how many there are, about. Where codes are few and common, a patient has many of them, and with weights of
    1 for the rarest most patients would be clipped, and all counts be too small: the squared norm that a patient has on
    average is held at ROOM at most, where the clip is 1.
    """
    base = np.maximum(counts, noise)
    weights = np.sqrt(base.min() / base)
    squared = float(np.square(weights) @ np.maximum(counts, 0.0)) / patients
    return np.asarray(weights * min(1.0, (ROOM / max(squared, 1e-12)) ** 0.5))


def _ask(
    curator: Curator,
    query: str,
    into: tuple[Floats, Floats],
    columns: NDArray[np.int64],
    clip: float,
    noise_multiplier: float,
    weights: Floats | float = 1.0,
) -> None:
    """Put the counts of these columns, and the noise on each, where they belong."""
    asked = np.zeros(curator.n_columns)
    asked[columns] = weights
    found = curator.sums(query, asked, clip=clip, noise_multiplier=noise_multiplier)
    into[0][columns] = found.value[columns] / asked[columns]
    into[1][columns] = found.noise / asked[columns]


def _patients(told: Floats, noise: Floats, partitions: list[NDArray[np.int64]]) -> float:
    """Every patient is once in each partition: the sums, by the inverse of their variances."""
    totals = np.array([told[members].sum() for members in partitions])
    precision = np.array([1 / np.square(noise[members]).sum() for members in partitions])
    return float(max(totals @ precision / precision.sum(), 1.0))


def _sizes(counts: Floats, noise: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Sizes that are sure to occur, (k,), and the share of each.

    From the smallest up, sizes are put together until their sum is above SURE times its noise; the commonest of them
    stands for all. What is left at the end, noise for the most, is left out: added up, 50 noisy counts of nobody would
    make every record longer.
    """
    kept, share, start = [], [], 0
    for stop in range(1, len(counts) + 1):
        total, spread = counts[start:stop].sum(), np.sqrt(np.square(noise[start:stop]).sum())
        if total > SURE * spread:
            kept.append(start + int(np.argmax(counts[start:stop])))
            share.append(total)
            start = stop
    if not kept:
        return np.array([int(np.argmax(counts))]), np.ones(1)
    return np.asarray(kept, dtype=np.int64), np.asarray(share) / np.sum(share)
