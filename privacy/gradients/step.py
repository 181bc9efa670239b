"""The DP-SGD step: clipped gradients of private rows and noise, beside the plain gradient of public rows.

In a step each patient is present with probability q, and adds a gradient of norm `clip` at most; Gaussian noise of
standard deviation noise_multiplier times clip is added to the sum, which is divided by the public expected batch (Abadi
et al. 2016, arXiv 1607.00133; the theorem is at `privacy.mechanisms.SampledGaussian`). Public rows, such as a
generator's records, follow from earlier answers, so their gradient is free, as long as their number is fixed too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from privacy.gradients.linear import ClippedSum
from privacy.ledger import Entry, Ledger, Unaccounted
from privacy.mechanisms import SampledGaussian
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling

NOISE_BLOCK = 1 << 16  # numbers made and added at a time: they stay in the cache


class ClippedGradients(Protocol):
    """`privacy.gradients.linear.RowGradients`, or `privacy.gradients.reference.OpacusGradients`."""

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The trained parameters by name."""

    def __call__(self, *rows: Tensor) -> Tensor:
        """The module's output for rows."""

    def clipped_sum(
        self, losses: Tensor, *, private: int | Tensor, clip: float, public_factor: float = 1.0
    ) -> ClippedSum:
        """The clipped sum of the rows of the last call."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Patients of one step: positions, ascending, of those that are this process' share. Their number is secret."""

    step: int
    positions: NDArray[np.int64]


class PrivateSteps:
    """All DP-SGD steps of one question, charged as a whole before the first.

    gradients: of the module that is trained. question: what is learned, in words; it names the noise. public_rows: of
    a step, over all processes. first: where a resumed run goes on, with the key, parameters and optimiser that it had,
    and a ledger of its own, which is charged for all steps: what is answered again is the same answer.

    With several processes (torch.distributed) each has all patients, the same key and a ledger, takes its share of
    rows, and ends with the same gradient; noise is added once.

    Raises:
        Unaccounted: the ledger's budget does not cover the steps. ValueError: a number out of range, or processes with
            different keys.
    """

    def __init__(
        self,
        gradients: ClippedGradients,
        *,
        question: str,
        sampling: PoissonSampling,
        clip: float,
        noise_multiplier: float,
        public_rows: int,
        ledger: Ledger,
        source: NoiseSource,
        first: int = 0,
    ) -> None:
        if public_rows < 0 or not 0 <= first <= sampling.steps:
            raise ValueError(
                f"public_rows must be 0 or more and first from 0 to {sampling.steps}. Got {public_rows} and {first}."
            )
        mechanism = SampledGaussian(
            noise_multiplier=noise_multiplier, sampling_probability=sampling.probability, steps=sampling.steps
        )
        self._rank, self._world = _process()
        if self._world > 1:
            _check_one_key(source, question, next(iter(gradients.parameters.values())).device)
        ledger.spend(Entry(query=question, mechanism=mechanism, sensitivity=clip))
        self._gradients, self._question, self._sampling, self._source = gradients, question, sampling, source
        self._clip, self._noise, self._public_rows = clip, clip * noise_multiplier, public_rows
        self._next = first
        self._open: Batch | None = None

    @property
    def public_rows(self) -> int:
        """How many public rows this process adds to a step."""
        return self._public_rows // self._world + (self._rank < self._public_rows % self._world)

    def batch(self, patients: int) -> Batch:
        """The next batch, of `patients` in all: one draw, one look. A batch that was not used is lost.

        Raises:
            Unaccounted: all steps that were charged are done.
        """
        if self._next >= self._sampling.steps:
            raise Unaccounted(
                f"'{self._question}' was charged for {self._sampling.steps} steps, and they are done: no patient was "
                "read. More steps need a larger charge before the first."
            )
        positions = self._sampling.batch(self._next, patients, self._source, self._question)
        drawn = self._open = Batch(self._next, positions[self._rank :: self._world])
        self._next += 1
        return drawn

    def write_gradient(self, batch: Batch, losses: Tensor) -> None:
        """Write the noisy gradient of the step to `.grad` of each trained parameter.

        losses: one for each row of the last call of `gradients`: first the patients of `batch`, then the public rows.
        The gradient is that of the sum over patients, clipped and with noise, by the expected batch, plus the mean over
        public rows.

        Raises:
            Unaccounted: the batch was used before, or is not the one that was drawn last. ValueError: another number of
            losses, or a `.grad` that would be lost; and with MixesRows and NotFinite, see `RowGradients.clipped_sum`.
        """
        self._check(batch)
        if len(losses) != len(batch.positions) + self.public_rows:
            raise ValueError(f"There must be a loss for each patient of the batch and {self.public_rows} public rows.")
        self._open = None
        expected = self._sampling.expected_batch
        found = self._gradients.clipped_sum(
            losses,
            private=len(batch.positions),
            clip=self._clip,
            public_factor=expected / self._public_rows if self._public_rows else 1.0,
        )
        self._write(batch, found.gradients)

    def write_gradient_by_parts(self, batch: Batch, parts: Iterable[Tensor]) -> None:
        """The same for patients alone, some at a time: a batch may be larger than memory.

        parts: the losses (patients of the part,) of the call of `gradients` that was made just before each.
        """
        self._check(batch)
        if self._public_rows:
            raise ValueError("Public rows are not added by parts: their mean is of all of them.")
        self._open = None  # whatever comes of it: it is shown now
        total = {name: torch.zeros_like(parameter) for name, parameter in self._gradients.parameters.items()}
        seen = 0
        for losses in parts:
            found = self._gradients.clipped_sum(losses, private=len(losses), clip=self._clip).gradients
            torch._foreach_add_(list(total.values()), [found[name] for name in total])
            seen += len(losses)
        if seen != len(batch.positions):
            raise ValueError("There must be a loss for each patient of the batch, once.")
        self._write(batch, total)

    def _check(self, batch: Batch) -> None:
        if batch is not self._open:
            raise Unaccounted(f"Batch {batch.step} was used already, or another was drawn since: one draw, one look.")
        if any(parameter.grad is not None for parameter in self._gradients.parameters.values()):
            raise ValueError("Parameters have a .grad already, which would be lost: zero_grad(set_to_none=True) first.")

    def _write(self, batch: Batch, sums: Mapping[str, Tensor]) -> None:
        """Noise upon the sums, once over all processes, and the mean by the expected batch to `.grad`."""
        total = list(sums.values())
        if self._rank == 0:
            self._add_noise(total, batch.step)
        if self._world > 1:
            total = _summed(total)
        torch._foreach_div_(total, self._sampling.expected_batch)
        for name, gradient in zip(sums, total, strict=True):
            self._gradients.parameters[name].grad = gradient

    def _add_noise(self, total: list[Tensor], step: int) -> None:
        sampling = self._sampling
        settings = [self._clip, self._noise, sampling.probability, sampling.expected_batch, sampling.steps]
        bound = np.array([*settings, self._public_rows], dtype=np.float64).tobytes()
        stream = self._source.stream(f"{self._question}, noise of step {step}", bound)
        for pieces in _blocks(total):
            sizes = [len(piece) for piece in pieces]
            drawn = torch.from_numpy(stream.box_muller(sum(sizes))).to(pieces[0].device)
            for piece, noise in zip(pieces, drawn.split(sizes), strict=True):
                # in float64: the sum of the two is rounded to float32 once, not the noise before it
                piece.add_(noise, alpha=self._noise)


def _process() -> tuple[int, int]:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _blocks(parts: list[Tensor]) -> Iterator[list[Tensor]]:
    """All numbers of `parts`, in order, as views of NOISE_BLOCK numbers at most together."""
    block, room = list[Tensor](), NOISE_BLOCK
    # view, not flatten: a copy would get the noise in place of the sum
    for piece in (piece for part in parts for piece in part.view(-1).split(NOISE_BLOCK)):
        if len(piece) > room:
            yield block
            block, room = [], NOISE_BLOCK
        block.append(piece)
        room -= len(piece)
    yield block


def _check_one_key(source: NoiseSource, question: str, device: torch.device) -> None:
    """Under different keys one patient could be in the shares of two processes, at twice the sensitivity."""
    word = int(source.stream(f"{question}, whether all processes have one key").words(1)[0]) >> 1
    ends = torch.tensor([word, -word], device=device)
    distributed.all_reduce(ends, distributed.ReduceOp.MIN)  # the least, and the greatest negated: all of them see it
    if ends.sum() != 0:
        raise ValueError(
            "The processes have different keys, so their batches would not be shares of one: send one key."
        )


def _summed(parts: list[Tensor]) -> list[Tensor]:
    """Each of `parts`, summed over processes in one exchange."""
    flat = torch.cat([part.flatten() for part in parts])
    distributed.all_reduce(flat)
    return [piece.view_as(part) for piece, part in zip(flat.split([p.numel() for p in parts]), parts, strict=True)]
