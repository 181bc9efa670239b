"""Three private steps of a critic, alone or as one of two processes, without and with noise; run by test_processes.

python -m tests.privacy.gradients.shared_run FOLDER RANK WORLD
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from privacy.gradients.linear import RowGradients
from privacy.gradients.step import PrivateSteps
from privacy.ledger import Ledger
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling
from tests.privacy.gradients.modules import critic, losses_of, rows_of

PATIENTS, PUBLIC, COLUMNS, STEPS = 30, 7, 6, 3
NOISE = {"off": 1e-12, "on": 1.0}


def steps_under(gradients: RowGradients, ledger: Ledger, noise_multiplier: float, key: bytes) -> PrivateSteps:
    return PrivateSteps(
        gradients,
        question="the critic",
        sampling=PoissonSampling(probability=0.4, expected_batch=12.0, steps=STEPS),
        clip=0.5,
        noise_multiplier=noise_multiplier,
        public_rows=PUBLIC,
        ledger=ledger,
        source=NoiseSource(key),
    )


def trained(rank: int, world: int, noise_multiplier: float) -> dict[str, Any]:
    """The parameters after STEPS steps, this process' share of each batch, and the ledger."""
    module, ledger = critic(COLUMNS, 8, 4), Ledger()
    gradients, optimizer = RowGradients(module), torch.optim.SGD(module.parameters(), lr=0.5)
    steps = steps_under(gradients, ledger, noise_multiplier, bytes(range(32)))
    patients, others = rows_of(PATIENTS, COLUMNS) * 5, rows_of(PUBLIC, COLUMNS, seed=2)[rank::world]
    shares = []
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        batch = steps.batch(PATIENTS)
        shares.append(batch.positions.tolist())
        rows = torch.cat([patients[torch.from_numpy(batch.positions)], others])
        steps.write_gradient(batch, losses_of(gradients(rows), len(batch.positions)))
        optimizer.step()
    return {"parameters": module.state_dict(), "shares": shares, "ledger": ledger.as_json()}


def refusal_of_other_keys(rank: int) -> str:
    """What is said where this process has a key of its own."""
    try:
        steps_under(RowGradients(critic(COLUMNS, 4)), Ledger(), 1.0, bytes([rank] * 32))
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    folder, rank, world = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if world > 1:
        store = distributed.FileStore(str(folder / "store"), world)
        distributed.init_process_group("gloo", store=store, rank=rank, world_size=world)
    found = {name: trained(rank, world, noise_multiplier) for name, noise_multiplier in NOISE.items()}
    found |= {"keys": refusal_of_other_keys(rank)}
    torch.save(found, folder / f"{rank}_of_{world}.pt")
    if world > 1:
        distributed.destroy_process_group()
