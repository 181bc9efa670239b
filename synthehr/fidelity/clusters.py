"""Latent clusters: do the candidate's patients fall into the same groups of like patients as real ones?"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.interval import Blocks, block_rows, jackknife
from synthehr.fidelity.score import Estimate, Measure

LOG_CLUSTER = Measure(name="log_cluster", better="lower", highest=0)

CLUSTERS = 20  # as Goncalves et al. 2020
COMPONENTS = 50
STARTS = 3


def latent_clusters(test: CodeMatrix, candidate: CodeMatrix, *, seed: int) -> list[Estimate]:
    """Log-cluster: log of the mean over k = 20 clusters of (share of real patients in it - share of real in all)^2.

    Woo et al. 2009 (J. Priv. Confid. 1:111), used by Goncalves et al. 2020 (BMC Med. Res. Methodol. 20:108). Real
    (test) and candidate patients are clustered together by k-means on the scores of a 50-component SVD of their codes.
    The lower, the better mixed; sampling leaves about log(k c (1 - c) / n) of n patients, a share of c of them real.
    A mean square below that of half a patient counts as that, so that the figure is finite. Fewer clusters where there
    are fewer distinct patients. Interval by jackknife over the patients of both, the clusters as they are.
    """
    binary = sparse.vstack([test.binary(), candidate.binary()], format="csr").astype(np.float32)
    cluster = _assign(binary, seed)
    sides = cluster[: len(test)], cluster[len(test) :]
    size = int(cluster.max()) + 1
    sizes = len(test), len(candidate)

    def figures(real: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray([log_cluster(real * sizes[0], other * sizes[1])])

    value, error = jackknife(figures, *(_shares(side, size) for side in sides))
    note = f"{size} clusters of real and synthetic patients together"
    return [LOG_CLUSTER.estimate(value[0], error[0], n=len(candidate), unit="patients", note=note)]


def log_cluster(real: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The figure from the numbers of real and of other patients in each cluster, (k,) each, neither all zero."""
    both = real + other
    share = real.sum() / both.sum()
    apart = np.divide(real, both, out=np.full_like(both, share), where=both > 0) - share
    least = (0.5 / both.sum()) ** 2
    return float(np.log(max(np.square(apart).mean(), least)))


def _assign(binary: sparse.csr_matrix, seed: int) -> NDArray[np.int32]:
    """(n,) the cluster of each patient."""
    svd = TruncatedSVD(min(COMPONENTS, binary.shape[1]), random_state=seed)
    # as float32 rounds, patients of the same codes may score differently by a hair: they are to be one point
    scores = np.round(svd.fit_transform(binary), 4)
    k = min(CLUSTERS, len(np.unique(scores, axis=0)))
    return np.asarray(KMeans(k, n_init=STARTS, random_state=seed).fit_predict(scores), dtype=np.int32)


def _shares(cluster: NDArray[np.int32], size: int) -> Blocks:
    parts = [cluster[rows] for rows in block_rows(len(cluster))]
    sums = np.stack([np.bincount(part, minlength=size) for part in parts])
    return Blocks(sums.astype(np.float64), np.asarray([len(part) for part in parts]))
