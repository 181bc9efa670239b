import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from synthehr.models.transformer.learning import Learning, batch_of
from synthehr.models.transformer.likelihood import nats
from synthehr.models.transformer.options import TransformerOptions
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.models.transformer.training import Training

BARE = {"dropout": 0.0, "hidden": 0.0, "weight_decay": 0.0}  # nothing but the prior keeps it from its patients
OPTIONS = TransformerOptions(**BARE, epochs=60, batch_size=64, width=32, layers=1, heads=2, ema=0.98, device="cpu")
Parts = tuple[Layout, Sequences, Sequences]


def test_under_a_prior_that_outweighs_them_patients_are_not_learned_by_heart(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    # of three phenotypes and 30 codes: 60 passes learn 300 patients by heart
    small = Sequences.of(
        layout, train.indptr[:301], *(part[: train.indptr[300]] for part in (train.token, train.level))
    )
    gaps, lengths = {}, {}
    for prior in (0.0, 1_000.0):
        learning = Learning(replace(OPTIONS, prior=prior), layout, 0, tmp_path / str(prior), time.monotonic())
        # judged by its own patients, so that nothing stops it early
        network, history = learning.run(small, small)
        gaps[prior] = nats(network, layout, validation) - nats(network, layout, small)
        lengths[prior] = float(network.token.weight.detach().norm(dim=1).mean())
        assert len(history) == 2 * 60
    assert gaps[0.0] > 1.0  # the control
    assert gaps[1_000.0] < 0.4 * gaps[0.0]
    assert lengths[1_000.0] < 0.5 * lengths[0.0]


def test_a_budget_ends_at_its_minutes(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, train, validation = parts
    deadlines: list[float | None] = []

    def run(self: Training, *_: object) -> dict[str, torch.Tensor]:
        deadlines.append(self.plan.deadline)
        return self.network.state_dict()

    monkeypatch.setattr(Training, "run", run)
    for minutes in (2.0, None):
        Learning(replace(OPTIONS, minutes=minutes), layout, 0, tmp_path, 1_000.0).run(train, validation)
    assert deadlines == [1_120, None]


@pytest.mark.parametrize(("patients", "batch"), [(46_487, 512), (13_000, 128), (2_100, 32), (0, 32), (10**7, 512)])
def test_batches_grow_with_the_cohort(patients: int, batch: int) -> None:
    assert batch_of(patients) == batch
