"""Two processes make the steps of one: rows are shared out, noise is added once, and the ledger says the same."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from tests.privacy.gradients.modules import vector

ROOT = Path(__file__).resolve().parents[3]
NOISE = pytest.mark.parametrize("noise", ["off", "on"])
Runs = dict[str, Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """What one process alone, and each of two, ended with."""
    if not (distributed.is_available() and distributed.is_gloo_available()):
        pytest.skip("torch was built without gloo")
    folder = tmp_path_factory.mktemp("runs")
    names = {"alone": (0, 1), "first": (0, 2), "second": (1, 2)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.privacy.gradients.shared_run", str(folder), str(rank), str(world)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, world in names.values()
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert all(process.returncode == 0 for process in processes), errors
    return {name: torch.load(folder / f"{rank}_of_{world}.pt") for name, (rank, world) in names.items()}


@NOISE
def test_both_processes_end_with_the_same_parameters(runs: Runs, noise: str) -> None:
    first, second = (vector(runs[name][noise]["parameters"]) for name in ("first", "second"))
    assert torch.equal(first, second)


@NOISE
def test_two_processes_end_where_one_does(runs: Runs, noise: str) -> None:
    """With noise on too: added by both, it would move every parameter."""
    first, alone = (vector(runs[name][noise]["parameters"]) for name in ("first", "alone"))
    assert torch.allclose(first, alone, atol=1e-5)


def test_what_is_compared_does_move_with_the_noise(runs: Runs) -> None:
    off, on = (vector(runs["alone"][noise]["parameters"]) for noise in ("off", "on"))
    assert not torch.allclose(off, on, atol=1e-2)


@NOISE
def test_each_patient_of_a_batch_is_one_processs(runs: Runs, noise: str) -> None:
    shares = (runs[name][noise]["shares"] for name in ("alone", "first", "second"))
    for whole, one, other in zip(*shares, strict=True):
        assert sorted(one + other) == whole
        assert not set(one) & set(other)


def test_a_process_with_a_key_of_its_own_is_refused(runs: Runs) -> None:
    """By all processes: one that went on would wait for the others."""
    assert all("different keys" in runs[name]["keys"] for name in ("first", "second"))
    assert runs["alone"]["keys"] == ""


@NOISE
def test_all_ledgers_are_the_same(runs: Runs, noise: str) -> None:
    alone, first, second = (runs[name][noise]["ledger"] for name in ("alone", "first", "second"))
    assert alone == first == second
    assert len(alone["entries"]) == 1
