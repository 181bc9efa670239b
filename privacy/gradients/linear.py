"""Clipped sums of per-row gradients at the price of one backward: a row's gradient is never made, its norm is.

For a linear layer z = W a + b the gradient of a row is g a' for W and g for b, with g that of the row's loss by z. Its
squared Frobenius norm is |g|^2 |a|^2, and the clipped sum over rows is one matrix product, sum of c_i g_i a_i'
(Goodfellow 2015, arXiv 1510.01799). LayerNorm's gradient is elementwise: g times the normalised input, and g.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from privacy.gradients.rowwise import ADVICE, Layer, MixesRows, row_graph


class NotFinite(ArithmeticError):
    """Parameters or gradients of public rows that are not finite: training diverged; nothing was written (exit 3)."""

    exit_code = 3


@dataclass(frozen=True)
class ClippedSum:
    """What `RowGradients.clipped_sum` returns.

    gradients: by parameter name, shaped as the parameters. norms: (private rows,) before clipping; as secret as the
    rows: nothing may be chosen, logged or stopped by them.
    """

    gradients: dict[str, Tensor]
    norms: Tensor


class RowGradients:
    """Gradients by row of a module of linear layers, LayerNorm and elementwise activations.

    Call it in place of the module, work out a loss for each row from what it returns, and ask for the clipped sum. Its
    output is cut off from the module, so a loss that reaches parameters by another way (a gradient penalty) fails.

    Raises:
        MixesRows: see `privacy.gradients.rowwise.row_graph`.
    """

    def __init__(self, module: nn.Module) -> None:
        graph, self._layers = row_graph(module)
        self._interpreter = fx.Interpreter(module, graph=graph)
        self.parameters: dict[str, nn.Parameter] = {
            f"{name}.{key}": parameter
            for name, layer in self._layers.items()
            for key, parameter in layer.named_parameters()
            if parameter.requires_grad
        }
        self._kept: tuple[Tensor, Tensor, tuple[Tensor, ...], tuple[Tensor, ...]] | None = None

    def __call__(self, *rows: Tensor) -> Tensor:
        """The module's output for `rows`, (n, columns) each; it requires a gradient of its own.

        Raises:
            MixesRows: a layer that does not see a vector for each row.
        """
        with torch.enable_grad():
            output, seen, made = self._interpreter.run(*rows)
        if any(a.ndim != 2 for a in seen) or len({len(part) for part in (*rows, *seen, output)}) != 1:
            raise MixesRows(f"Each layer must see a vector a row, ({len(rows[0])}, columns); others have no rule here.")
        cut: Tensor = output.detach().requires_grad_()
        self._kept = (cut, output, seen, made)
        return cut

    def clipped_sum(
        self, losses: Tensor, *, private: int | Tensor, clip: float, public_factor: float = 1.0
    ) -> ClippedSum:
        """Sum of min(1, clip / |gradient|) gradient over private rows, plus public_factor times that of public rows.

        losses: (n,), one for each row of the last call. private: how many of the first rows are private, or a mask (n,)
        of bool. The norm is over all trained parameters together. Public rows are those that follow from earlier
        answers alone.

        A private row whose norm is not finite counts as zero: an error, or a sum that is not finite, would tell without
        noise that the row was there.

        Raises:
            MixesRows: a loss that depends on another row's output. NotFinite: see there. ValueError: shapes or clip out
                of range, or no call before.
        """
        if self._kept is None:
            raise ValueError("clipped_sum needs a call of RowGradients before it, and each call serves one sum.")
        (cut, output, seen, made), self._kept = self._kept, None
        chosen = checked_rows(losses, private, clip, len(cut))
        by_layer = torch.autograd.grad(output, made, gradient_by_row(losses, cut))
        with torch.no_grad():
            norms = self._norms([a[chosen] for a in seen], [g[chosen] for g in by_layer])
            factors, bad = clip_factors(norms, chosen, clip, len(cut), public_factor)
            if bad.any():
                seen = tuple(a.masked_fill(bad[:, None], 0.0) for a in seen)
                by_layer = tuple(g.masked_fill(bad[:, None], 0.0) for g in by_layer)
            found = self._sum(seen, [g * factors[:, None] for g in by_layer])
        check_finite(found, self.parameters if len(norms) == len(cut) else {})
        return ClippedSum(found, norms)

    def _norms(self, seen: list[Tensor], by_layer: list[Tensor]) -> Tensor:
        """(rows,) norms of the gradients by all trained parameters."""
        squared = by_layer[0].new_zeros(len(by_layer[0]))
        for (name, layer), a, g in zip(self._layers.items(), seen, by_layer, strict=True):
            bias = _squares(g)
            if isinstance(layer, nn.LayerNorm):
                weight = _squares(_normalised(layer, a) * g)
            else:
                # squares that underflow lose no more than the least normal number a column: with it added, this is no
                # less than the norm, even where a tiny a meets a huge g
                tiny = torch.finfo(g.dtype).tiny
                weight = (_squares(a) + tiny * a.shape[1]) * (bias + tiny * g.shape[1])
            if f"{name}.weight" in self.parameters:
                squared += weight
            if f"{name}.bias" in self.parameters:
                squared += bias
        return squared.sqrt()

    def _sum(self, seen: tuple[Tensor, ...], scaled: list[Tensor]) -> dict[str, Tensor]:
        """Sums over rows by parameter name, in the order of `parameters`."""
        found: dict[str, Tensor] = {}
        for (name, layer), a, g in zip(self._layers.items(), seen, scaled, strict=True):
            if f"{name}.weight" in self.parameters:
                of_norm = isinstance(layer, nn.LayerNorm)
                found[f"{name}.weight"] = (g * _normalised(layer, a)).sum(0) if of_norm else g.T @ a
            if f"{name}.bias" in self.parameters:
                found[f"{name}.bias"] = g.sum(0)
        return found


def checked_rows(losses: Tensor, private: int | Tensor, clip: float, n: int) -> slice | Tensor:
    """The index of private rows.

    Raises:
        ValueError: a request that makes no sense.
    """
    if torch.get_float32_matmul_precision() != "highest":
        raise ValueError("Norms and sums must be of full precision: torch.set_float32_matmul_precision('highest').")
    if losses.shape != (n,):
        raise ValueError(f"The losses must be one for each row, ({n},). Got {tuple(losses.shape)} instead.")
    if not (math.isfinite(clip) and clip > 0):
        raise ValueError(f"The 'clip' must be finite and above 0. Got {clip} instead.")
    if isinstance(private, int):
        if not 0 <= private <= n:
            raise ValueError(f"There are {n} rows, so from 0 to {n} can be private. Got {private} instead.")
        return slice(private)
    if private.shape != (n,) or private.dtype != torch.bool:
        raise ValueError(
            f"The mask of private rows must be ({n},) of bool. Got {private.dtype} {tuple(private.shape)}."
        )
    return private


def clip_factors(
    norms: Tensor, chosen: slice | Tensor, clip: float, n: int, public_factor: float
) -> tuple[Tensor, Tensor]:
    """(n,) factors of all rows, and (n,) which of the private ones count as zero; norms: of the private rows."""
    finite = torch.isfinite(norms)
    factors, bad = norms.new_full((n,), public_factor), torch.zeros(n, dtype=torch.bool, device=norms.device)
    factors[chosen] = torch.where(finite, clip / norms.clamp(min=clip), 0.0)
    bad[chosen] = ~finite
    return factors, bad


def gradient_by_row(losses: Tensor, output: Tensor) -> Tensor:
    """Gradient of each row's loss by that row's output, shaped as the output.

    Raises:
        MixesRows: the losses are no function of the output alone, row by row. Turning the signs of some losses must
            turn those of their gradients and leave the rest as it was, to the last bit.
    """
    # about half of the rows, without a pattern that a loss could share
    turn = torch.arange(len(losses), device=losses.device) * 40503 >> 12 & 1
    signs = 1.0 - 2.0 * turn.to(losses.dtype)
    try:
        found: Tensor = torch.autograd.grad(losses.sum(), output, retain_graph=True)[0]
        turned: Tensor = torch.autograd.grad((losses * signs).sum(), output)[0]
    except RuntimeError as error:
        raise MixesRows(f"The losses must be worked out from the output of the last call alone: {error}") from error
    expected = found * signs.reshape(-1, *[1] * (output.ndim - 1))
    if not ((turned == expected) | expected.isnan()).all():
        raise MixesRows(f"The loss of a row depends on the output of another. {ADVICE}")
    return found


def check_finite(sums: dict[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Check what is no secret: sums, to which private rows add finite vectors only, and parameters.

    parameters: where no public row would show that they are not finite.

    Raises:
        NotFinite: one of them is not finite.
    """
    if not torch.isfinite(torch.stack(torch._foreach_norm([*sums.values(), *parameters.values()]))).all():
        raise NotFinite("Parameters, or gradients of public rows, are not finite: lower the learning rate.")


def _squares(rows: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return norms.square()


def _normalised(layer: Layer, rows: Tensor) -> Tensor:
    assert isinstance(layer, nn.LayerNorm)
    return functional.layer_norm(rows, layer.normalized_shape, eps=layer.eps)
