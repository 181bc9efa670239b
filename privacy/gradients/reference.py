"""The same clipped sums by Opacus: the reference for `privacy.gradients.linear`, and the way for other modules.

Opacus (Yousefpour et al. 2021, arXiv 2109.12298) knows convolutions, attention and recurrent layers, and any layer by
functorch. Its validation is the weaker: medGAN's minibatch averaging passes it. That no row reaches another is then the
caller's to prove, and to test: take one row away and compare the sums.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from opacus.grad_sample import GradSampleModule
from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleModuleFastGradientClipping
from torch import Tensor, nn

from privacy.gradients.linear import ClippedSum, check_finite, checked_rows, clip_factors, gradient_by_row
from privacy.gradients.rowwise import MixesRows


class OpacusGradients:
    """Gradients by row of any module that Opacus takes; called as `RowGradients` is, and it returns the same.

    ghost: norms without per-row gradients where a layer has a rule, and a second backward (Li et al. 2021, arXiv
    2110.05679); else the gradients of all rows are held at once, rows times parameters. The module must be in training
    mode when it is called.

    Raises:
        MixesRows: Opacus refuses the module (BatchNorm, any buffer of statistics).
    """

    def __init__(self, module: nn.Module, *, ghost: bool = True) -> None:
        wrapper = GradSampleModuleFastGradientClipping if ghost else GradSampleModule
        try:
            self._wrapped = wrapper(module, loss_reduction="sum")
        except (NotImplementedError, ValueError) as error:
            raise MixesRows(f"Opacus does not take {type(module).__name__}: {error}") from error
        self._wrapped.disable_hooks()
        self._ghost = ghost
        self.parameters: dict[str, nn.Parameter] = {
            name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad
        }
        self._kept: tuple[Tensor, Tensor, tuple[Tensor, ...]] | None = None

    def __call__(self, *rows: Tensor) -> Tensor:
        """The module's output for `rows`, (n, ...) each; it requires a gradient of its own."""
        self._wrapped.enable_hooks()
        with torch.enable_grad():
            output = self._wrapped(*rows)
        self._wrapped.disable_hooks()
        cut: Tensor = output.detach().requires_grad_()
        self._kept = (cut, output, rows)
        return cut

    def clipped_sum(
        self, losses: Tensor, *, private: int | Tensor, clip: float, public_factor: float = 1.0
    ) -> ClippedSum:
        """As `RowGradients.clipped_sum`, which says what is raised too."""
        if self._kept is None:
            raise ValueError("clipped_sum needs a call of OpacusGradients before it, and each call serves one sum.")
        (cut, output, rows), self._kept = self._kept, None
        chosen = checked_rows(losses, private, clip, len(cut))
        by_row = gradient_by_row(losses, cut)
        norms = self._norms(output, by_row)
        factors, bad = clip_factors(norms[chosen], chosen, clip, len(cut), public_factor)
        found = self._ghost_sum(output, by_row, rows, factors, bad) if self._ghost else self._sum(factors, bad)
        self._forget()
        of_private = norms[chosen]
        check_finite(found, self.parameters if len(of_private) == len(norms) else {})
        return ClippedSum(found, of_private)

    def _norms(self, output: Tensor, by_row: Tensor) -> Tensor:
        """(n,) norms, by one backward; the hooks keep what `_sum` needs."""
        self._wrapped.enable_hooks()
        with _rows_without_gradient():
            torch.autograd.backward(output, by_row, retain_graph=self._ghost)
        self._wrapped.disable_hooks()
        if self._ghost:
            norms: Tensor = self._wrapped.get_norm_sample()
            return norms
        by_parameter = [_samples(parameter).flatten(1).norm(dim=1) for parameter in self.parameters.values()]
        whole: Tensor = torch.stack(by_parameter).norm(dim=0)
        return whole

    def _sum(self, factors: Tensor, bad: Tensor) -> dict[str, Tensor]:
        found = {}
        for name, parameter in self.parameters.items():
            sample = _samples(parameter)
            if bad.any():
                sample = sample.masked_fill(bad.reshape(-1, *[1] * (sample.ndim - 1)), 0.0)
            found[name] = torch.tensordot(factors, sample, dims=1)
        return found

    def _ghost_sum(
        self, output: Tensor, by_row: Tensor, rows: tuple[Tensor, ...], factors: Tensor, bad: Tensor
    ) -> dict[str, Tensor]:
        def spread(of_rows: Tensor, like: Tensor) -> Tensor:
            return of_rows.reshape(-1, *[1] * (like.ndim - 1))

        if bad.any():  # 0 times what is not finite is not 0: such rows are run again as zeros
            with torch.enable_grad():
                output = self._wrapped(*(row.masked_fill(spread(bad, row), 0.0) for row in rows))
            by_row = by_row.masked_fill(spread(bad, by_row), 0.0)
        parameters = list(self.parameters.values())
        with _rows_without_gradient():
            gradients = torch.autograd.grad(output, parameters, by_row * spread(factors, by_row))
        return dict(zip(self.parameters, gradients, strict=True))

    def _forget(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = parameter.grad_sample = None  # type: ignore[attr-defined]


@contextmanager
def _rows_without_gradient() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing")
        yield


def _samples(parameter: nn.Parameter) -> Tensor:
    samples: Tensor = parameter.grad_sample  # type: ignore[attr-defined]
    return samples
