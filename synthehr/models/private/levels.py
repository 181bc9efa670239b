"""Where latent normals are cut into codes, so exactly that codes of five patients come out five times.

A level found as a quantile of drawn scores is as noisy as the draws: that of a code of five patients is wrong by half.
Here each code's own normal is integrated out: given everything else in a drawn record, the chance that the code is in
it has a formula, and its mean over records hardly varies (Rao 1945; Blackwell 1947).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from privacy.mechanisms import Floats
from synthehr.models.discretise import NEVER, Cut, group_bias
from synthehr.models.marginals import Marginals
from synthehr.models.sizes import SizeHead

ROUNDS = 8
EARLY = 6_000  # records of all rounds but the last
ROWS = 3_000  # records over which a rare code's chance is averaged; for a common one it is all of them
COMMON, OWN = 0.01, 0.8  # a code that goes by its factors varies from record to record, whatever its share
FAR = np.float32(1e4)  # beyond every normal
STEP = 0.8  # of the way to the level that would be right if no other moved: together they overshoot
WIDE, NEAR = (6.0, 16), (1.0, 11)  # standard deviations about the present level that are searched, and how often halved


@dataclass(frozen=True)
class Latent:
    """Drawn latent normals. scores: (n, d) float32; common: (n, d) the part of them that is not a code's own.

    own: (d,) standard deviation of a code's own part. members: more scores, of members of groups and sizes alone, by
    group: they decide shares of a half, which want more draws to be right.
    """

    scores: NDArray[np.float32]
    common: NDArray[np.float32]
    own: NDArray[np.float32]
    members: Mapping[str, NDArray[np.float32]]

    def first(self, n: int) -> "Latent":
        """The first n records."""
        return Latent(self.scores[:n], self.common[:n], self.own, self.members)


def cut_at_shares(marginals: Marginals, heads: tuple[SizeHead, ...], latent: Latent) -> Cut:
    """The cut at which codes, members of groups and sizes come out with the shares of `marginals`, one level a code."""
    bias = np.zeros(len(latent.own), dtype=np.float32)
    for name, columns in marginals.vocabulary.groups.items():
        bias[columns] = group_bias(latent.members[name], marginals.of_group(name))
    share = marginals.first()
    levels = -special.ndtri(np.clip(share, 1e-12, 1 - 1e-12))
    levels[share <= 0] = NEVER
    for head in heads:
        size = head.values[np.argmax(latent.scores[:, head.members] + bias[head.members], axis=1)]
        first, free = levels[head.codes], share[head.codes] > 0
        for k in range(ROUNDS):
            n = EARLY if k < ROUNDS - 1 else len(size)
            search = WIDE if k < 2 else NEAR
            target = _alone(latent.first(n), head, size[:n], first, share[head.codes], free, search)
            first = np.where(free, first + STEP * (target - first), first)
        levels[head.codes] = first
    return Cut(marginals, levels.astype(np.float32), bias, heads)


def _alone(
    latent: Latent,
    head: SizeHead,
    size: NDArray[np.int64],
    first: Floats,
    wanted: Floats,
    free: NDArray[np.bool_],
    search: tuple[float, int],
) -> Floats:
    """(k,) levels at which each code would have its share if the others stayed where they are."""
    margins = latent.scores[:, head.codes] - first.astype(np.float32)
    last, after = _thresholds(margins, size)
    target = first.copy()
    varied = (wanted >= COMMON) | (latent.own[head.codes] < OWN)
    for chosen, rows in ((free & varied, len(size)), (free & ~varied, ROWS)):
        columns = head.codes[chosen]
        own = np.maximum(latent.own[columns], 1e-3)
        # whoever is in gives way to the one after; whoever is not has to beat the last
        inside = margins[:rows, chosen] >= last[:rows, None]
        beat = np.where(inside, after[:rows, None], last[:rows, None])
        shift = np.asarray((beat - latent.common[:rows, columns]) / own, dtype=np.float32)
        target[chosen] = _solved(shift, own, first[chosen], wanted[chosen], search)
    return target


def _solved(
    shift: NDArray[np.float32], own: NDArray[np.float32], first: Floats, wanted: Floats, search: tuple[float, int]
) -> Floats:
    """(k,) levels at which the mean over rows of the chance to be above shift (n, k) + level / own is as wanted."""
    reach, halvings = search
    low, high = first - reach, first + reach
    for _ in range(halvings):
        middle = (low + high) / 2
        share = special.ndtr(-(shift + (middle / own).astype(np.float32))).mean(axis=0)
        more = share > wanted
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray((low + high) / 2)


def _thresholds(
    margins: NDArray[np.float32], size: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The size-th largest margin of each row, and the one after it; beyond the ends, out of reach."""
    n, k = margins.shape
    most = min(int(size.max(initial=0)) + 1, k)
    top = -np.sort(np.partition(-margins, most - 1, axis=1)[:, :most], axis=1)
    padded = np.concatenate([np.full((n, 1), FAR), top, np.full((n, k + 1 - most), -FAR)], axis=1, dtype=np.float32)
    row = np.arange(n)
    return padded[row, np.minimum(size, k)], padded[row, np.minimum(size, k) + 1]
