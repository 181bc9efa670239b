import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthehr.errors import Diverged
from synthehr.models.transformer.likelihood import loss_of, nats, start_at_marginals
from synthehr.models.transformer.network import Network, Size
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.models.transformer.training import Plan, Training
from synthehr.training.checkpoint import Checkpoint

PLAN = Plan(
    epochs=4, batch_size=64, learning_rate=3e-3, weight_decay=0.01, ema=0.99, seed=5, started=0.0, deadline=None
)
Parts = tuple[Layout, Sequences, Sequences]


def network_of(layout: Layout) -> Network:
    torch.manual_seed(0)
    return Network(layout.n_tokens, len(layout.starts) - 1, Size(width=32, layers=1, heads=2, dropout=0.1))


def test_a_network_that_knows_nothing_chooses_evenly_among_what_may_stand_there(parts: Parts) -> None:
    layout, train, _ = parts
    network = network_of(layout)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    by_hand = float(np.log(train.high - train.low).sum()) / len(train)
    assert nats(network, layout, train) == pytest.approx(by_hand, rel=1e-5)


def test_it_starts_at_the_marginals(parts: Parts) -> None:
    layout, train, _ = parts
    network = network_of(layout)
    with torch.no_grad():
        for table in (network.token, network.block, network.left):
            table.weight.zero_()
    start_at_marginals(network, train)
    first = train.token[train.indptr[:-1]]
    shares = np.bincount(first, minlength=2)[:2] / len(train)
    entropy = -float((shares * np.log(shares)).sum())
    rows = np.arange(len(train))
    only_sex = Sequences.of(layout, np.arange(len(train) + 1), first, np.zeros_like(first))
    assert loss_of(network, layout, only_sex, rows).item() / len(train) == pytest.approx(entropy, abs=1e-3)


def test_held_out_patients_become_likelier_than_by_marginals(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    network = network_of(layout)
    start_at_marginals(network, train)
    before = nats(network, layout, validation)
    best = Training(network, layout, PLAN, Checkpoint(tmp_path / "t.pt")).run(train, validation)
    network.load_state_dict(best)
    # three phenotypes of log 3 nats each are there to be found
    assert nats(network, layout, validation) < before - 0.5


def test_a_run_that_was_cut_off_ends_with_the_same_weights(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    whole = Training(network_of(layout), layout, PLAN, Checkpoint(tmp_path / "whole.pt")).run(train, validation)

    class Cut(Exception):
        pass

    def cut(stage: str, done: int, total: int, unit: str, note: str = "") -> None:
        if done == 2:
            raise Cut

    checkpoint = Checkpoint(tmp_path / "cut.pt", seconds=0.0)
    with pytest.raises(Cut):
        Training(network_of(layout), layout, PLAN, checkpoint).run(train, validation, cut)
    resumed = Training(network_of(layout), layout, PLAN, checkpoint)
    assert resumed.epoch == 1  # what the second pass learned was not written, and is done again
    again = resumed.run(train, validation)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_clock_ends_a_run(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    now = time.monotonic()
    plan = replace(PLAN, epochs=10_000, started=now, deadline=now + 1.0)
    run = Training(network_of(layout), layout, plan, Checkpoint(tmp_path / "t.pt"))
    assert run.run(train, validation)
    assert run.epoch < 10_000
    assert time.monotonic() < now + 30


def test_a_pass_that_the_clock_cuts_short_tells_of_the_patients_it_saw(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, train, validation = parts
    run = Training(network_of(layout), layout, replace(PLAN, epochs=1), Checkpoint(tmp_path / "t.pt"))
    late = iter([False, False, False, True])  # before the pass, then before each batch
    monkeypatch.setattr(run, "_late", lambda: next(late))
    run.run(train, validation)
    terms = {term: value for _, term, value in run.history}
    # two steps of 33 have taught it little: all patients in the denominator would make a sixteenth of it
    assert terms["train_nats"] == pytest.approx(terms["held_out_nats"], rel=0.2)


def test_a_clock_that_has_run_out_leaves_the_start(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    network = network_of(layout)
    start_at_marginals(network, train)
    plan = replace(PLAN, started=time.monotonic() - 2, deadline=time.monotonic() - 1)
    kept = Training(network, layout, plan, Checkpoint(tmp_path / "t.pt")).run(train, validation)
    assert all(torch.equal(kept[name], value) for name, value in network.state_dict().items())


def test_the_rate_rises_and_falls_once(parts: Parts, tmp_path: Path) -> None:
    run = Training(network_of(parts[0]), parts[0], PLAN, Checkpoint(tmp_path / "t.pt"))
    rates = np.array([run._rate(done) for done in np.linspace(0, 1, 101)])
    top = int(rates.argmax())
    assert rates[top] == pytest.approx(1, abs=1e-3)
    assert rates[-1] == pytest.approx(0.02)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) <= 1e-9).all()


def test_a_loss_without_end_is_said_and_stops(parts: Parts, tmp_path: Path) -> None:
    layout, train, validation = parts
    network = network_of(layout)
    with torch.no_grad():
        network.bias[0] = math.nan
    with pytest.raises(Diverged, match="Lower learning_rate"):
        Training(network, layout, PLAN, Checkpoint(tmp_path / "t.pt")).run(train, validation)
