"""What may be asked of the private generators: of those that rest on counts, and of those that take DP-SGD steps."""

from dataclasses import dataclass

from privacy.sampling import PoissonSampling
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


@dataclass(frozen=True, kw_only=True)
class SteppedOptions(PrivateOptions):
    """Options of DP-SGD, beside those of the private copula that it starts from.

    steps: in all. probability: that a patient is in a batch. clip: norm of a patient's gradient.
    """

    steps: int
    probability: float
    clip: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_above_0("probability", "clip")
        check_at_least_one(self, ("steps",))

    def sampling(self, patients: float) -> PoissonSampling:
        """Batches of the steps. patients: how many there are, about: the released number, for theirs is secret."""
        return PoissonSampling(
            probability=self.probability, expected_batch=self.probability * patients, steps=self.steps
        )
