"""From a generator's real-valued scores to codes: a threshold a code and level, one member an exclusive group.

A threshold of one half loses rare codes and independent Bernoulli draws lose correlation; a threshold per code,
calibrated to the marginal, keeps both. Where a code system has a size head, the size is met exactly: the patient gets
the codes that stand highest above their thresholds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from synthehr.models.barred import Barred
from synthehr.models.marginals import Marginals
from synthehr.models.sizes import SizeHead

BLOCK_CODES = 64  # columns partitioned at a time while calibrating: bounds the copy that the partition needs
COARSE_POOL, COARSE_ROUNDS, FINE_ROUNDS = 10_000, 20, 8  # of balancing: on a part of the pool, then on all of it
NEVER = np.float32(np.finfo(np.float32).max)  # finite, so that a margin to it is a number


@dataclass(frozen=True)
class Cut:
    """Where scores become codes.

    marginals: over the columns of the scores, size heads included. levels: (marginals.offsets[-1],) float32, aligned
    with `marginals.tails`, ascending within a code: a score above `levels[offsets[j] + c - 1]` means at least c.
    bias: (n_columns,) float32, added to the scores of group members before the largest wins; 0 elsewhere.
    heads: code systems whose number of codes is drawn as a group. barred: codes that are not given to patients of some
    sex or age, unless a size could not be met otherwise; None bars nothing.
    """

    marginals: Marginals
    levels: NDArray[np.float32]
    bias: NDArray[np.float32]
    heads: tuple[SizeHead, ...] = ()
    barred: Barred | None = None

    def apply(self, scores: NDArray[np.float32]) -> sparse.csr_matrix:
        """Discretise scores (n, n_columns) float32 to canonical CSR (n, n_codes) uint16, without the heads' columns."""
        present = self.present(scores)
        if self.heads:
            present = present[:, : self.heads[0].members[0]]
        rows, columns = np.nonzero(present)
        counts = self._counts(scores[rows, columns], columns)
        indptr = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
        return sparse.csr_matrix((counts, columns.astype(np.int32), indptr), shape=present.shape)

    def present(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(n, n_columns) which codes and members each patient has."""
        margins = scores - self.levels[self.marginals.offsets[:-1]]
        members = self.members(scores)
        if self.barred is not None:
            margins[self.barred.of(members)] = -NEVER
        present = margins > 0
        for columns, winner in zip(self.marginals.vocabulary.groups.values(), members.T, strict=True):
            present[:, columns] = winner[:, None] == columns
        for head in self.heads:
            size = head.values[np.argmax(present[:, head.members], axis=1)]
            present[:, head.codes] = _largest(margins[:, head.codes], size)
        return present

    def members(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        """(n, n_groups) column of the member of each exclusive group that each patient has."""
        groups = self.marginals.vocabulary.groups.values()
        winners = [columns[np.argmax(scores[:, columns] + self.bias[columns], axis=1)] for columns in groups]
        return np.stack(winners, axis=1) if winners else np.zeros((len(scores), 0), dtype=np.int64)

    def _counts(self, scores: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.uint16]:
        offsets = self.marginals.offsets
        depth = np.diff(offsets)
        counts = np.ones(len(columns), dtype=np.uint16)
        deep = np.arange(len(columns))
        for level in range(1, int(depth.max(initial=1))):
            deep = deep[depth[columns[deep]] > level]
            deep = deep[scores[deep] > self.levels[offsets[columns[deep]] + level]]
            counts[deep] += 1
        return counts


def _largest(margins: NDArray[np.float32], size: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, k) mask of the `size[i]` largest margins of each row."""
    n, k = margins.shape
    most = min(int(size.max(initial=0)), k)
    mask = np.zeros((n, k), dtype=bool)
    if most == 0:
        return mask
    top = np.argpartition(margins, k - most, axis=1)[:, k - most :] if most < k else np.tile(np.arange(k), (n, 1))
    order = np.argsort(-np.take_along_axis(margins, top, axis=1), axis=1, kind="stable")
    ranked = np.take_along_axis(top, order, axis=1)
    np.put_along_axis(mask, ranked, np.arange(most) < size[:, None], axis=1)
    return mask


def calibrate(
    scores: NDArray[np.float32],
    marginals: Marginals,
    heads: tuple[SizeHead, ...] = (),
    barred: Barred | None = None,
) -> Cut:
    """The cut at which a pool of scores (n_pool, n_columns) has the given marginals, with what is barred left out.

    Each level is the (1 - tail)-quantile of its column, right to 1 / n_pool. Group biases, and the first levels of
    codes under a size head, are balanced until the shares that come out are right.
    """
    n, d = scores.shape
    offsets = marginals.offsets
    bias = np.zeros(d, dtype=np.float32)
    for name, columns in marginals.vocabulary.groups.items():
        bias[columns] = group_bias(scores[:, columns], marginals.of_group(name))
    cut = Cut(marginals, np.empty(offsets[-1], dtype=np.float32), bias, heads, barred)
    kept_out = None if barred is None else barred.of(cut.members(scores))
    for start in range(0, d, BLOCK_CODES):
        stop = min(start + BLOCK_CODES, d)
        block = np.asfortranarray(scores[:, start:stop])
        if kept_out is not None:
            block[kept_out[:, start:stop]] = -NEVER
        for j in range(start, stop):
            above = np.rint(marginals.tails[offsets[j] : offsets[j + 1]] * n).astype(np.int64)
            cut.levels[offsets[j] : offsets[j + 1]] = _quantiles(block[:, j - start], above)
    return _raked(cut, scores, kept_out) if heads else cut


def _quantiles(column: NDArray[np.float32], above: NDArray[np.int64]) -> NDArray[np.float32]:
    """Cut points with `above[c]` of the column's values over them (ascending, as `above` descends)."""
    n = len(column)
    place = np.clip(n - 1 - above, 0, n - 1)
    cuts = np.partition(column, np.unique(place))[place]
    return np.where(above <= 0, NEVER, np.where(above >= n, -NEVER, cuts)).astype(np.float32)


def group_bias(scores: NDArray[np.float32], target: NDArray[np.float64]) -> NDArray[np.float32]:
    """Biases (k,) at which each member of an exclusive group wins its share of the pool (n, k)."""

    def share(bias: NDArray[np.float32], n: int) -> NDArray[np.float64]:
        return np.bincount(np.argmax(scores[:n] + bias, axis=1), minlength=len(target)) / n

    start = np.zeros(len(target), dtype=np.float32)
    return _balanced(start, target, scores, share, moving=np.ones(len(target), dtype=bool))


def _balanced(
    offset: NDArray[np.float32],
    target: NDArray[np.float64],
    scores: NDArray[np.float32],
    share_of: Callable[[NDArray[np.float32], int], NDArray[np.float64]],
    *,
    moving: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Offsets of competing scores (k,) at which each is chosen as often as `target` says; a higher one is chosen more.

    share_of: the shares that offsets give among the first n of the pool. Each offset goes towards its share by a step
    that halves whenever it overshoots (Riedmiller and Braun 1993): a rare one, moved in proportion to how rare it is,
    comes in hundreds.
    """
    spread = scores.std(axis=0)
    # what competes has to move as far as its rivals' scores do, however little its own varies
    reach, last = 0.5 * np.maximum(spread, np.median(spread)), np.zeros(len(target))
    offset = offset.copy()
    for step in range(COARSE_ROUNDS + FINE_ROUNDS):
        n = min(COARSE_POOL, len(scores)) if step < COARSE_ROUNDS else len(scores)
        share = share_of(offset, n)
        gap = special.logit((n * target + 0.5) / (n + 1)) - special.logit((n * share + 0.5) / (n + 1))
        # of what is expected less than once in this pool none is right: it must not be sought until it comes
        off = moving & (np.abs(share - target) * n >= np.maximum(1, 0.5 * np.sqrt(n * target)))
        turn = np.sign(gap) * off * last
        reach *= np.where(turn < 0, 0.5, np.where(turn > 0, 1.2, 1.0))
        last = np.where(off, np.sign(gap), last)
        offset += (off * reach * np.clip(gap, -2, 2)).astype(np.float32)
    return offset


def _raked(cut: Cut, scores: NDArray[np.float32], barred: NDArray[np.bool_] | None) -> Cut:
    """Move the first levels of codes under each head until their prevalences are right, then the deeper levels.

    barred: (n_pool, n_columns) what the patients of the pool must not have, or None.
    """
    levels = cut.levels.copy()
    for head in cut.heads:
        winner = np.argmax(scores[:, head.members] + cut.bias[head.members], axis=1)
        own = None if barred is None else barred[:, head.codes]
        first, present = _raked_head(cut, scores[:, head.codes], head, head.values[winner], own)
        levels[cut.marginals.offsets[head.codes]] = first
        _deeper_levels(levels, cut.marginals, scores, head, present)
    return replace(cut, levels=levels)


def _raked_head(
    cut: Cut,
    scores: NDArray[np.float32],
    head: SizeHead,
    size: NDArray[np.int64],
    barred: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """First levels (k,) of a head's codes, and who (n, k) has which; scores and barred (n, k) are theirs alone.

    Sizes stand still while levels move.
    """
    offsets, target = cut.marginals.offsets, cut.marginals.first()[head.codes]
    first = cut.levels[offsets[head.codes]]

    def chosen(offset: NDArray[np.float32], n: int) -> NDArray[np.bool_]:
        margins = scores[:n] + offset
        if barred is not None:
            margins[barred[:n]] = -NEVER
        return _largest(margins, size[:n])

    def share(offset: NDArray[np.float32], n: int) -> NDArray[np.float64]:
        return np.asarray(chosen(offset, n).mean(axis=0), dtype=np.float64)

    first = -_balanced(-first, target, scores, share, moving=(target > 0) & (first < NEVER))
    return first, chosen(-first, len(scores))


def _deeper_levels(
    levels: NDArray[np.float32],
    marginals: Marginals,
    scores: NDArray[np.float32],
    head: SizeHead,
    present: NDArray[np.bool_],
) -> None:
    """Set the levels of counts above one among the patients who have the code, in place."""
    offsets = marginals.offsets
    for k, j in enumerate(head.codes):
        having = scores[present[:, k], j]
        if offsets[j + 1] - offsets[j] > 1 and len(having):
            tails = marginals.tails[offsets[j] : offsets[j + 1]]
            above = np.rint(tails[1:] / tails[0] * len(having)).astype(np.int64)
            levels[offsets[j] + 1 : offsets[j + 1]] = _quantiles(having, above)
