import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthehr.models.transformer.learning import Learning, batch_of, network_of
from synthehr.models.transformer.likelihood import nats
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.options import TransformerOptions
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.models.transformer.teaching import Lessons, folds_of
from synthehr.models.transformer.training import Training

OPTIONS = TransformerOptions(
    epochs=16, teachers=2, batch_size=64, width=32, layers=1, heads=2, ema=0.98, device="cpu", dropout=0.0, hidden=0.0
)
Parts = tuple[Layout, Sequences, Sequences]


def random_network(layout: Layout, seed: int) -> Network:
    torch.manual_seed(seed)
    network = network_of(layout, OPTIONS)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


@torch.no_grad()
def test_lessons_are_those_of_the_teacher_that_left_the_patient_out(parts: Parts) -> None:
    layout, train, _ = parts
    teachers = tuple(random_network(layout, seed) for seed in (1, 2, 3))
    fold = folds_of(len(train), 3, seed=0)
    assert sorted(np.bincount(fold)) == [700, 700, 700]
    lessons = Lessons.of(teachers, train, fold)
    # a student who is the teacher himself loses his own entropy, and nobody loses less to him
    for k in range(3):
        rows = np.flatnonzero(fold == k)[:50]
        losses = [lessons.loss(student, layout, train, rows).item() for student in teachers]
        assert int(np.argmin(losses)) == k
        others = np.flatnonzero(fold != k)[:50]
        assert int(np.argmin([lessons.loss(s, layout, train, others).item() for s in teachers])) != k  # the control


@torch.no_grad()
def test_the_loss_by_hand(parts: Parts) -> None:
    layout, train, _ = parts
    teacher, student = random_network(layout, 1), random_network(layout, 2)
    lessons = Lessons.of((teacher, teacher), train, folds_of(len(train), 2, seed=0))
    rows = np.array([5])
    at, there = train.padded(rows)
    before = np.concatenate([[student.start], train.token[at[0, :-1]]])[None]
    asked = [torch.from_numpy(part) for part in (before, train.block[at], train.left[at], train.level[at])]
    by_hand = 0.0
    for place, told, learned in zip(at[0], teacher(*asked)[0], student(*asked)[0], strict=True):
        low, high = int(train.low[place]), int(train.high[place])
        p = torch.softmax(teacher.logits(told.bfloat16().float(), low, high), 0)
        by_hand -= float((p * torch.log_softmax(student.logits(learned, low, high), 0)).sum())
    assert there.all()
    assert lessons.loss(student, layout, train, rows).item() == pytest.approx(by_hand, rel=1e-4)


def test_a_taught_network_knows_its_own_patients_hardly_better_than_others(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    # of three phenotypes and 30 codes: 60 passes learn 300 patients by heart
    small = Sequences.of(
        layout, train.indptr[:301], *(part[: train.indptr[300]] for part in (train.token, train.level))
    )
    options = replace(OPTIONS, epochs=60, weight_decay=0.0)
    gaps = {}
    for teachers in (0, 4):
        folder = tmp_path / str(teachers)
        learning = Learning(replace(options, teachers=teachers), layout, 0, folder, time.monotonic())
        # judged by its own patients, so that nothing stops it early
        network, history = learning.run(small, small)
        gaps[teachers] = nats(network, layout, validation) - nats(network, layout, small)
        assert len(history) == 2 * 60
    assert gaps[0] > 1.0  # the control
    assert gaps[4] < 0.5 * gaps[0]


def test_cut_off_while_teaching_it_ends_with_the_same_weights(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    options = replace(OPTIONS, epochs=2)
    whole, _ = Learning(options, layout, 3, tmp_path / "whole", time.monotonic()).run(train, validation)

    class Cut(Exception):
        pass

    def cut(stage: str, done: int, total: int, unit: str, note: str = "") -> None:
        if stage == "teach 2 of 2" and done == 1:
            raise Cut

    learning = Learning(options, layout, 3, tmp_path / "cut", time.monotonic())
    with pytest.raises(Cut):
        learning.run(train, validation, cut)
    seen: list[str] = []
    again, _ = learning.run(train, validation, lambda stage, *_: seen.append(stage))
    assert "teach 1 of 2" not in seen
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())


def test_a_budget_is_shared_out(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, train, validation = parts
    deadlines: list[float | None] = []

    def run(self: Training, *_: object) -> dict[str, torch.Tensor]:
        deadlines.append(self.plan.deadline)
        return self.network.state_dict()

    monkeypatch.setattr(Training, "run", run)
    Learning(replace(OPTIONS, minutes=2.0), layout, 0, tmp_path, 1_000.0).run(train, validation)
    # two teachers see half of the patients each, the student's passes take 1.3 times as long: .5, .5, 1.3 of 120 s
    assert deadlines == pytest.approx([1_000 + 60 / 2.3, 1_000 + 120 / 2.3, 1_120])
    deadlines.clear()
    Learning(replace(OPTIONS, minutes=2.0, teachers=0), layout, 0, tmp_path, 1_000.0).run(train, validation)
    assert deadlines == [1_120]


@pytest.mark.parametrize(("patients", "batch"), [(46_487, 512), (13_000, 128), (2_100, 32), (0, 32), (10**7, 512)])
def test_batches_grow_with_the_cohort(patients: int, batch: int) -> None:
    assert batch_of(patients) == batch
