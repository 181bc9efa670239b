"""The one-way marginals of a code matrix: how often each code is recorded how many times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary

MAX_LEVELS = 64  # a longer tail of a count is cut here: 64 encounters with one code


@dataclass(frozen=True)
class Marginals:
    """Tail probabilities of the count of each code.

    offsets: (n_codes + 1,) int64. tails: (offsets[-1],) float64 in (0, 1]; `tails[offsets[j] + c - 1]` is the share of
    patients with code j recorded at least c times, descending in c. Members of exclusive groups have one level.
    """

    vocabulary: Vocabulary
    offsets: NDArray[np.int64]
    tails: NDArray[np.float64]

    @staticmethod
    def of(matrix: CodeMatrix, *, binary: bool) -> "Marginals":
        """Count the marginals of a matrix; with `binary` each code has one level: present or not."""
        n, d = matrix.counts.shape
        counts = matrix.counts.tocsc()
        lengths, tails = np.ones(d, dtype=np.int64), []
        grouped = {int(j) for columns in matrix.vocabulary.groups.values() for j in columns}
        for j in range(d):
            values = counts.data[counts.indptr[j] : counts.indptr[j + 1]]
            if binary or j in grouped or not len(values):
                tails.append(np.array([len(values) / n]))
                continue
            histogram = np.bincount(np.minimum(values, MAX_LEVELS), minlength=2)
            tails.append(histogram[::-1].cumsum()[::-1][1:] / n)
            lengths[j] = len(tails[-1])
        return Marginals(matrix.vocabulary, np.concatenate([[0], lengths.cumsum()]), np.concatenate(tails))

    def first(self) -> NDArray[np.float64]:
        """(n_codes,) prevalence: the share with each code at least once."""
        return self.tails[self.offsets[:-1]]

    def of_group(self, name: str) -> NDArray[np.float64]:
        """Probabilities of the members of an exclusive group, summing to 1, never exactly 0."""
        weights = self.first()[self.vocabulary.groups[name]] + 1e-12
        return np.asarray(weights / weights.sum(), dtype=np.float64)
