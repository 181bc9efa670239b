"""What a private critic step costs beside a plain one: wall time in one process, peak memory in a process each.

    OMP_NUM_THREADS=1 python -m benchmarks.private_step [--rounds 40] [--json FILE]

The critic of the medGAN paper at 1,071 codes: linear layers from [x, mean] (2,142) to 256, 128 and 1, ReLU, Adam; 1,024
real and 1,024 fake records in one forward. The plain step shows real records their batch's mean, the private one a
released mean. All private variants make the same step by `PrivateSteps`, sampling and ChaCha20 noise included, and
differ in how the clipped sum is worked out: by `RowGradients`, or by Opacus with ghost clipping or with hooks.
Steps are interleaved, the order turned in every round; a ratio is that of the two steps of one round. Processor time
stands beside wall time: other processes on the machine disturb it less.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from privacy.gradients.linear import RowGradients
from privacy.gradients.step import ClippedGradients, PrivateSteps
from privacy.ledger import Ledger
from privacy.noise import NoiseSource, new_key
from privacy.sampling import PoissonSampling

CODES, ROWS, PREVALENCE = 1071, 1024, 0.012
MOST_STEPS = 10_000
HOOKS_ROUNDS = 5  # of the variant that takes seconds a step
MEMORY_STEPS = 6
VARIANTS = ("none", "plain", "private", "opacus ghost", "opacus hooks")

Step = Callable[[], None]


def critic() -> tuple[nn.Sequential, torch.optim.Adam]:
    """The paper's critic and its optimiser."""
    torch.manual_seed(0)
    layers = (nn.Linear(2 * CODES, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 1))
    module = nn.Sequential(*layers)
    return module, torch.optim.Adam(module.parameters(), lr=1e-3, foreach=True)


def records() -> tuple[Tensor, Tensor]:
    """Real and fake records (ROWS, CODES)."""
    drawn = torch.Generator().manual_seed(1)
    real, fake = (torch.rand(2, ROWS, CODES, generator=drawn) < PREVALENCE).float()
    return real, fake


def shown(real: Tensor, fake: Tensor, mean: Tensor) -> Tensor:
    """What the critic sees (2 ROWS, 2 CODES): each record beside the mean of its kind."""
    wide = torch.empty(len(real) + len(fake), 2 * CODES)
    wide[: len(real), :CODES], wide[: len(real), CODES:] = real, mean
    wide[len(real) :, :CODES], wide[len(real) :, CODES:] = fake, fake.mean(0)
    return wide


def plain(real: Tensor, fake: Tensor) -> Step:
    """The step as it is trained without privacy."""
    module, optimizer = critic()
    target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    order = torch.arange(len(real))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        rows = real[order]  # patients are gathered by position here too
        logits = module(shown(rows, fake, rows.mean(0))).squeeze(1)
        binary_cross_entropy_with_logits(logits, target).backward()
        optimizer.step()

    return step


def private(real: Tensor, fake: Tensor, gradients_of: Callable[[nn.Module], ClippedGradients]) -> Step:
    """The DP-SGD step."""
    module, optimizer = critic()
    gradients, released = gradients_of(module), real.mean(0)
    steps = PrivateSteps(
        gradients,
        question="the critic",
        # probability 1: as many rows as the plain step has, every time
        sampling=PoissonSampling(probability=1.0, expected_batch=ROWS, steps=MOST_STEPS),
        clip=1.0,
        noise_multiplier=1.0,
        public_rows=len(fake),
        ledger=Ledger(),
        source=NoiseSource(new_key()),
    )

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        batch = steps.batch(len(real))
        rows = shown(real[torch.from_numpy(batch.positions)], fake, released)
        target = torch.cat([torch.ones(len(batch.positions)), torch.zeros(len(fake))])
        logits = gradients(rows).squeeze(1)
        steps.write_gradient(batch, binary_cross_entropy_with_logits(logits, target, reduction="none"))
        optimizer.step()

    return step


def variant(name: str) -> Step:
    """The step of this name."""
    real, fake = records()
    if name == "none":
        return lambda: None
    if name == "plain":
        return plain(real, fake)
    if name == "private":
        return private(real, fake, RowGradients)
    from privacy.gradients.reference import OpacusGradients  # its import is memory that the others do without

    return private(real, fake, lambda module: OpacusGradients(module, ghost=name == "opacus ghost"))


def milliseconds(step: Step) -> dict[str, float]:
    """Wall and processor time of one step."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    return {"wall": 1e3 * (time.perf_counter() - wall), "cpu": 1e3 * (time.process_time() - cpu)}


def interleaved(names: tuple[str, ...], rounds: int) -> dict[str, Any]:
    """Milliseconds of each variant by either clock, and the ratio to the plain step of the same round."""
    steps = {name: variant(name) for name in names}
    for step in steps.values():
        step()
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            taken[name].append(milliseconds(steps[name]))
    table: dict[str, Any] = {name: {} for name in names}
    for name, clock in product(names, ("wall", "cpu")):
        times, plains = ([each[clock] for each in taken[which]] for which in (name, "plain"))
        ratios = [mine / other for mine, other in zip(times, plains, strict=True)]
        low, _, high = statistics.quantiles(ratios, n=4)
        table[name][clock] = {
            "median_ms": statistics.median(times),
            "median_ratio": statistics.median(ratios),
            "quartiles_of_ratio": [low, high],
        }
    return {"rounds": rounds, "steps": table}


def peak_mib(name: str) -> float:
    """Peak resident memory of a process that makes a few steps of a variant and nothing else."""
    command = [sys.executable, "-m", "benchmarks.private_step", "--alone", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure, print one JSON object, and keep it where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--alone", choices=VARIANTS)
    asked = parser.parse_args()
    if asked.alone:
        step = variant(asked.alone)
        for _ in range(MEMORY_STEPS):
            step()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    before = os.getloadavg()[0]
    memory = {name: peak_mib(name) for name in VARIANTS}
    fast = interleaved(("plain", "private", "opacus ghost"), asked.rounds)
    slow = interleaved(("plain", "opacus hooks"), HOOKS_ROUNDS)
    document = {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_of_the_machine_before": before,
        "processor": platform.processor() or platform.machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "time": {"interleaved": fast, "interleaved, hooks": slow},
        "peak_mib": memory,
        "peak_ratio": {name: memory[name] / memory["plain"] for name in VARIANTS},
        "peak_ratio_beyond_a_process_without_steps": {
            name: (memory[name] - memory["none"]) / (memory["plain"] - memory["none"]) for name in VARIANTS[1:]
        },
    }
    text = json.dumps(document, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
