"""Audit of DP-SGD by those who see every noisy gradient: each canary looks for its own clipped gradient in them.

Canaries whose gradients are orthogonal, as those of a critic are where each has a column of its own, do not hide each
other. The auditor knows the critic, the public rows, sampling probability and noise, but not who is in a batch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from privacy.mechanisms import Floats

KNOWLEDGE = "every noisy gradient, the critic before each, and how batches are drawn, but not whom they hold"
ROWS = 256  # canaries whose gradients are held at a time

Loss = Callable[[Tensor, Tensor], Tensor]  # logits (n, 1) and whether each row is a patient's (n,), to losses (n,)


def cross_entropy(logits: Tensor, real: Tensor) -> Tensor:
    """(n,) logistic loss of telling patients (1) from public rows (0)."""
    return nn.functional.binary_cross_entropy_with_logits(logits.reshape(-1), real, reduction="none")


@dataclass(frozen=True, kw_only=True, eq=False)
class Watched:
    """A critic that an auditor watches while it learns by DP-SGD.

    parameters: those that are trained, by name. shape: a copy of the critic, rows to logits, by which the auditor works
    out gradients of his own. canaries: (m, d) rows, in or not. public: (k, d), beside the patients in each step. clip,
    noise_multiplier, expected_batch: what the steps claim. learning_rate: of plain gradient descent. refresh: steps
    after which the canaries' own gradients are worked out anew; stale ones make the audit weaker, not wrong.
    """

    parameters: Mapping[str, nn.Parameter]
    shape: nn.Module
    canaries: Tensor
    public: Tensor
    clip: float
    noise_multiplier: float
    expected_batch: float
    learning_rate: float = 0.01
    refresh: int = 1
    loss: Loss = cross_entropy


def evidence(watched: Watched, step: Callable[[], object], n: int) -> Floats:
    """(n, m) log-likelihood ratio, of each of n steps, of a canary being in the batch to its being not.

    step: writes a noisy gradient to the parameters, as `Descent.step` and `PrivateSteps.write_gradient` do. With u the
    canary's clipped gradient by the clip and y the noisy sum of clipped gradients by the clip, less what public rows
    add: u (y - u / 2) / noise_multiplier^2, over the places where no other canary's gradient is. Of several looks at
    one batch it adds up.
    """
    found = np.empty((n, len(watched.canaries)))
    for k in range(n):
        if k % watched.refresh == 0:
            own = _own_gradients(watched)
            half = own.square().sum(dim=1) / 2
        public = _public_gradient(watched)
        step()
        written = [parameter.grad for parameter in watched.parameters.values() if parameter.grad is not None]
        seen = torch.cat([part.flatten() for part in written]) - public
        along = own @ (seen * (watched.expected_batch / watched.clip))
        found[k] = ((along - half) / watched.noise_multiplier**2).numpy()
        with torch.no_grad():
            for parameter, gradient in zip(watched.parameters.values(), written, strict=True):
                parameter.sub_(gradient, alpha=watched.learning_rate)
                parameter.grad = None
    return found


def in_some_batches(found: Floats, *, probability: float, looks: NDArray[np.int64] | None = None) -> Floats:
    """(m,) log-likelihood ratio of in to out, for a canary that is in each batch with this probability if it is in.

    found: (steps, m) of `evidence`. looks: (steps,) the batch that each step saw, in numbers from 0 up; each its own
    unless an auditor suspects that batches are used again. At a probability of 1 it is the sum over steps.
    """
    if looks is not None:
        batches = np.zeros((int(looks.max()) + 1, found.shape[1]))
        np.add.at(batches, looks, found)
        found = batches
    if probability >= 1:
        return np.asarray(found.sum(axis=0))
    absent, present = np.log1p(-probability), np.log(probability)
    return np.asarray(np.logaddexp(absent, present + found).sum(axis=0))


def _own_gradients(watched: Watched) -> Tensor:
    """(m, parameters) clipped gradient of each canary by the clip, 0 in places where another's is not 0."""

    def loss_of(at: dict[str, Tensor], row: Tensor) -> Tensor:
        return watched.loss(functional_call(watched.shape, at, (row[None],)), torch.ones(1))[0]

    # one canary at a time: its own gradient, whatever the implementation under audit lets rows do to each other
    by_row = vmap(grad(loss_of), in_dims=(None, 0), chunk_size=ROWS)(_parameters(watched), watched.canaries)
    parts = torch.cat([part.flatten(1) for part in by_row.values()], dim=1)
    factors = 1 / parts.norm(dim=1).clamp(min=watched.clip)
    alone = parts.count_nonzero(dim=0) == 1
    return parts.mul_(factors[:, None]).mul_(alone)


def _public_gradient(watched: Watched) -> Tensor:
    """(parameters,) gradient of the mean loss of public rows, all of them shown together."""

    def loss_of(at: dict[str, Tensor]) -> Tensor:
        logits = functional_call(watched.shape, at, (watched.public,))
        return watched.loss(logits, torch.zeros(len(watched.public))).mean()

    parameters = _parameters(watched)
    if not len(watched.public):
        return torch.zeros(sum(part.numel() for part in parameters.values()))
    return torch.cat([part.flatten() for part in grad(loss_of)(parameters).values()])


def _parameters(watched: Watched) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in watched.parameters.items()}
