"""What may be asked of the private generators that rest on counts."""

from dataclasses import dataclass

from synthehr.errors import BadRequest
from synthehr.models.options import check_at_least_one


@dataclass(frozen=True, kw_only=True)
class PrivateOptions:
    """Options of the private independent sampler and of the private copula.

    first, histograms, counts, pairs: parts of the budget for the first look at one-way counts, the histograms of sizes
    and groups, the weighted counts, and the pairs (the copula's alone); of 1 / noise_multiplier^2, see
    `privacy.budget.divided`. pool: latent draws with which codes are calibrated.
    """

    first: float = 0.04
    histograms: float = 0.08
    counts: float = 0.3
    pairs: float = 0.58
    pool: int = 30_000

    def __post_init__(self) -> None:
        check_at_least_one(self, ("pool",))
        self._check_above_0("first", "histograms", "counts", "pairs")

    def _check_above_0(self, *names: str) -> None:
        for name in names:
            if not getattr(self, name) > 0:
                raise BadRequest(f"The {name!r} option must be above 0. Got {getattr(self, name)!r} instead.")
