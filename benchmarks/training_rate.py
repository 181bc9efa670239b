"""The adversarial loop against a bare torch loop of the same arithmetic, pass by pass in one process.

    python -m benchmarks.training_rate COHORT [--passes 7] [--plain]

The bare loop has the same networks, losses, batches and clipping, and nothing else: no look at finiteness, no moving
average, no record of terms, no checkpoint. With --plain it is the textbook form instead, which concatenates the batch
mean to every row and lets the generator's step compute the discriminator's gradients too.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, linear

from synthehr.cohort.cohort import read_cohort
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.game import MedganGame, Shape
from synthehr.models.medgan.networks import Discriminator
from synthehr.training.adversarial import Schedule, play
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint
from synthehr.training.device import choose_device, denormals_flushed


def concatenated(net: Discriminator, records: torch.Tensor) -> torch.Tensor:
    """The discriminator as the paper writes it: one first layer over [x, mean]."""
    mean = records.mean(dim=0, keepdim=True).expand_as(records)
    weight = torch.cat([net.of_record.weight, net.of_average.weight], dim=1)
    x = torch.relu(linear(torch.cat([records, mean], dim=1), weight, net.of_record.bias))
    for layer in net.hidden:
        x = torch.relu(layer(x))
    return net.out(x).squeeze(1)


def bare_pass(game: MedganGame, batches: Batches, number: int, steps: int, *, plain: bool) -> None:
    """One pass over the patients, nothing but arithmetic."""
    noise = torch.Generator(device=batches.device).manual_seed(number)
    judge = (lambda x: concatenated(game.discriminator, x)) if plain else game.discriminator
    for k, real in enumerate(batches.passing(number, 2)):
        with torch.no_grad():
            fake = game.fakes(len(real), noise)
        on_real, on_fake = judge(real), judge(fake)
        loss = binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
        loss = loss + binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))
        descend(loss, game.discriminator, game.discriminator_optimizer)
        if (k + 1) % steps == 0:
            game.discriminator.requires_grad_(plain)
            verdict = judge(game.fakes(len(real), noise))
            loss = binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))
            descend(loss, game.generator, game.generator_optimizer)
            game.discriminator.requires_grad_(True)


def descend(loss: torch.Tensor, module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Backward, clip, step."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    device, shape = choose_device("auto"), Shape()
    train = read_cohort(asked.cohort).part("train")
    columns = Columns.of(train.vocabulary)
    rows = train.binary().astype(np.float32)[:, columns.order]
    batches = Batches(rows, size=1000, seed=0, device=device)
    ours, bare = MedganGame(shape, columns, device), MedganGame(shape, columns, device)
    seconds: dict[str, list[float]] = {"loop": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder, denormals_flushed():
        for number in range(asked.passes + 1):
            start = time.perf_counter()
            schedule = Schedule(epochs=1, judge_every=10**9)
            play(ours, batches, schedule, judge=lambda state: 0.0, checkpoint=Checkpoint(Path(folder) / f"{number}"))
            middle = time.perf_counter()
            bare_pass(bare, batches, number, 2, plain=asked.plain)
            if number:  # the first pass of each warms the allocator and the thread pool
                seconds["loop"].append(middle - start)
                seconds["bare"].append(time.perf_counter() - middle)
    ratios = [b / a for a, b in zip(seconds["loop"], seconds["bare"], strict=True)]
    per_pass = len(batches) * batches.size
    result = {
        "patients_per_second_loop": per_pass / statistics.median(seconds["loop"]),
        "patients_per_second_bare": per_pass / statistics.median(seconds["bare"]),
        "rate_loop_over_bare": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "passes": asked.passes,
        "codes": rows.shape[1],
        "bare": "plain" if asked.plain else "same arithmetic",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
