"""Pairs of codes under a budget: which are asked for, and what their weighted moments say of co-occurrence."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.curator import Curator
from privacy.mechanisms import Floats
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.private.factors import latent_loadings, stands_out
from synthehr.models.private.prevalences import Prevalences

PAIRS = "two-way co-occurrence of codes, groups and sizes, weighted"
LEAST_PATIENTS, SURE = 50.0, 4.0  # a code of fewer, or of less than so much noise, is drawn without its pairs
POWER = -0.25
SIMULATED = 50_000  # independent patients that tell how records are scaled


def asked_columns(found: Prevalences) -> NDArray[np.int64]:
    """Columns whose pairs are asked for: others have no pair that would stand out, and their noise hides those of all.

    Sizes that were merged away are among the others.
    """
    counts = found.share * found.patients
    return np.flatnonzero(counts >= np.maximum(LEAST_PATIENTS, SURE * found.noise))


def pair_loadings(
    curator: Curator,
    groups: Vocabulary,
    found: Prevalences,
    independent: sparse.csr_matrix,
    noise_multiplier: float,
) -> NDArray[np.float32]:
    """(d, rank) latent loadings of the columns of `found`; 0 for those whose pairs are not asked for.

    groups: the vocabulary of those columns, sizes as groups. independent: (n, d) patients whose codes are drawn
    independently of each other: how long records are decides how much of each pair the scaling leaves, and they tell.
    """
    asked = asked_columns(found)
    share = np.clip(found.share[asked], 1e-9, 1 - 1e-9)
    w = share**POWER
    weights = np.zeros(curator.n_columns)
    weights[found.columns[asked]] = w
    moments = curator.pairs(PAIRS, weights, noise_multiplier=noise_multiplier)
    seen = moments.value[np.ix_(found.columns[asked], found.columns[asked])]
    kept = found.patients * np.outer(w, w) * scaled_part(independent[:, asked], w)
    missing = _never_together(groups, asked)
    low, rank = stands_out(seen - kept * np.outer(share, share), moments.noise, missing)
    loadings = np.zeros((len(groups), max(rank, 1)), dtype=np.float32)
    if rank:
        loadings[asked] = latent_loadings(share, np.outer(share, share) + low / kept, w, rank, missing)
    return loadings


def scaled_part(records: sparse.csr_matrix, weights: Floats) -> Floats:
    """(d, d) mean of 1 / |W x|^2 over patients who have both of two columns, about.

    As the product of what it is for each of the two, over what it is for all. For a column that few of the records
    have it is read off a quadratic in the square of the weight, fitted to the others.
    """
    rows = sparse.csr_matrix(records, dtype=np.float64)
    squares = np.asarray(rows @ np.square(weights))
    inverse = np.divide(1.0, squares, out=np.zeros_like(squares), where=squares > 0)
    carriers = np.asarray(rows.sum(axis=0)).ravel()
    own = np.asarray(rows.T @ inverse).ravel() / np.maximum(carriers, 1.0)
    often = carriers >= min(200.0, float(np.sort(carriers)[-min(10, len(carriers))]))
    degree = min(2, len(np.unique(np.square(weights[often]))) - 1)
    line = np.polynomial.Polynomial.fit(
        np.square(weights[often]), np.log(own[often]), degree, w=np.sqrt(carriers[often])
    )
    own = np.where(often, own, np.exp(line(np.square(weights))))
    return np.asarray(np.outer(own, own) / max(inverse.mean(), 1e-12))


def _never_together(groups: Vocabulary, asked: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(d, d) pairs of which nothing is to be learned: a column with itself, and members of one group."""
    number = {name: k for k, name in enumerate(groups.groups)}
    group = np.array([-1 if groups.group[j] is None else number[groups.group[j]] for j in asked])
    return np.asarray((group[:, None] == group) & (group[:, None] >= 0) | np.eye(len(asked), dtype=bool))
