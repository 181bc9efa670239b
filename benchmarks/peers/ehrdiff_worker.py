"""A diffusion over the binary matrix after EHRDiff (Yuan, Zhou and Yu 2023, arXiv:2303.05656), written anew for this.

No package of it can be installed. Gaussian noise in the preconditioned form of Karras et al. (2022, arXiv:2206.00364),
an MLP as denoiser with the noise level added before every layer, Heun's sampler of 32 steps, rounding at one half. The
widths, the averaging of the weights, the noise levels and the sampler are those of the paper's experiments on MIMIC;
sigma_data is, as there, the matrix's standard deviation. Its 5,000 passes in batches of 1,024 at a learning rate of
.0003 do not fit the budget: batches of 256 at .001 take more and larger steps in it (a choice, not a search), and the
rate rises over the first tenth of the time, as it does over the first tenth of theirs. The groups are columns like all
others, and nothing keeps a patient from having two sexes.
"""

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from worker import Draws, Task, say_run

SETTINGS: dict[str, Any] = {
    "widths": [1024, 384, 384, 384, 1024],
    "level_width": 384,
    "learning_rate": 1e-3,
    "batch": 256,
    "average": 0.999,
    "log_sigma": [-1.2, 1.2],
    "sigma": [0.02, 80.0],
    "rho": 7.0,
    "steps": 32,
}
DRAWN_AT_ONCE = 4096


class Denoiser(nn.Module):
    """D(x, sigma), the expected patient behind a noisy one: an MLP between Karras et al.'s four coefficients."""

    def __init__(self, n_codes: int, sigma_data: float) -> None:
        super().__init__()
        widths, level = [n_codes, *SETTINGS["widths"]], SETTINGS["level_width"]
        self.sigma_data, self.frequencies = sigma_data, torch.logspace(0, -4, level // 2)
        self.level = nn.Sequential(nn.Linear(level, level), nn.SiLU(), nn.Linear(level, level))
        self.shifts = nn.ModuleList(nn.Linear(level, width) for width in widths)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, [*widths[1:], n_codes], strict=True))

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x: (n, n_codes); sigma: (n, 1), or (1, 1) for all."""
        total = (sigma**2 + self.sigma_data**2).sqrt()
        angles = sigma.log() / 4 * self.frequencies
        level = self.level(torch.cat([angles.sin(), angles.cos()], dim=1))
        h = x / total
        for layer, shift in zip(self.layers, self.shifts, strict=True):
            h = layer(torch.relu(h + shift(level)))
        kept = (self.sigma_data / total) ** 2
        return kept * x + sigma * self.sigma_data / total * h


def fit(task: Task) -> Denoiser:
    """The averaged weights after as many steps as fit the budget."""
    torch.manual_seed(task.seed)
    real = torch.from_numpy(task.train.toarray())
    model = Denoiser(real.shape[1], float(real.float().std()))
    averaged = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=SETTINGS["learning_rate"], weight_decay=0.0)
    mean, spread = SETTINGS["log_sigma"]
    steps = 0
    while task.remaining > 0:
        x = real[torch.randint(len(real), (SETTINGS["batch"],))].float()
        sigma = (mean + spread * torch.randn(len(x), 1)).exp()
        weight = (sigma**2 + model.sigma_data**2) / (sigma * model.sigma_data) ** 2
        loss = (weight * (model(x + sigma * torch.randn_like(x), sigma) - x) ** 2).mean()
        share = 1 - task.remaining / task.seconds
        for group in optimizer.param_groups:
            group["lr"] = SETTINGS["learning_rate"] * min(1.0, 10 * share)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        # in the first steps the average would be of the untrained weights
        kept = min(SETTINGS["average"], steps / (steps + 10))
        with torch.no_grad():
            for old, new in zip(averaged.parameters(), model.parameters(), strict=True):
                old.lerp_(new, 1 - kept)
    SETTINGS["steps_done"], SETTINGS["sigma_data"] = steps, model.sigma_data
    SETTINGS["passes_done"] = round(steps * SETTINGS["batch"] / len(real), 1)
    return averaged


@torch.no_grad()
def drawn(model: Denoiser, n: int, n_codes: int) -> Tensor:
    """Draw n patients by Heun's deterministic sampler, before rounding."""
    (low, high), rho, steps = SETTINGS["sigma"], SETTINGS["rho"], SETTINGS["steps"]
    ramp = torch.linspace(0, 1, steps)
    sigmas = [*(high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho, torch.zeros(())]
    x: Tensor = sigmas[0] * torch.randn(n, n_codes)
    for now, then in pairwise(sigmas):
        slope = (x - model(x, now.reshape(1, 1))) / now
        reached = x + (then - now) * slope
        if then > 0:
            slope = (slope + (reached - model(reached, then.reshape(1, 1))) / then) / 2
        x = x + (then - now) * slope
    return x


def draw(model: Denoiser, task: Task) -> Draws:
    """As many patients as were given, rounded at one half."""
    n, n_codes = task.train.shape
    parts = [
        sparse.csr_matrix((drawn(model, min(DRAWN_AT_ONCE, n - at), n_codes) >= 0.5).numpy().astype(np.uint8))
        for at in range(0, n, DRAWN_AT_ONCE)
    ]
    yield "ehrdiff", sparse.vstack(parts, format="csr")


if __name__ == "__main__":
    say_run(("torch", "numpy"), SETTINGS, fit, draw)
