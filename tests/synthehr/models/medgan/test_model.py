from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.errors import BadRequest
from synthehr.models.held_out import correlations
from synthehr.models.independent import Independent
from synthehr.models.medgan.model import Medgan, MedganPaper

QUICK: dict[str, Any] = {
    "epochs": 20,
    "pretrain_epochs": 25,
    "batch_size": 200,
    "embedding_dim": 16,
    "discriminator_dims": (32, 16),
    "judge_every": 10,
    "pool": 4000,
    "device": "cpu",
}


class Stopped(Exception):
    """What an interruption looks like from inside."""


def fitted(cohort: Cohort, workspace: Path, kind: type[Medgan] = MedganPaper, **options: Any) -> Medgan:
    workspace.mkdir(parents=True, exist_ok=True)
    model = kind(**(QUICK | options))
    model.fit(cohort, seed=3, workspace=workspace, ledger=Ledger())
    return model


def test_records_are_discrete_calibrated_and_have_one_member_a_group(cohort: Cohort, tmp_path: Path) -> None:
    train = cohort.part("train")
    out = fitted(cohort, tmp_path).sample(6000, rng=np.random.default_rng(0))
    assert set(out.data) == {1}
    assert out.has_canonical_format
    for columns in train.vocabulary.groups.values():
        assert (out[:, columns].sum(axis=1) == 1).all()
    assert np.asarray((out > 0).mean(axis=0)).ravel() == pytest.approx(train.prevalence(), abs=0.04)


@pytest.mark.parametrize("kind", [Medgan, MedganPaper])
def test_it_learns_what_codes_do_together(cohort: Cohort, tmp_path: Path, kind: type[Medgan]) -> None:
    """The control is the independent sampler, which has the same marginals."""
    real = correlations(cohort.part("holdout").binary())
    floor = Independent()
    floor.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
    gaps = [
        np.linalg.norm(correlations(m.sample(6000, rng=np.random.default_rng(0)) > 0) - real)
        for m in (fitted(cohort, tmp_path, kind), floor)
    ]
    assert gaps[0] < 0.8 * gaps[1]


def test_counts_are_whole_numbers_above_one(cohort: Cohort, tmp_path: Path) -> None:
    out = fitted(cohort, tmp_path, data="count").sample(6000, rng=np.random.default_rng(0))
    real = cohort.part("train").counts
    assert out.dtype == np.uint16
    assert (out.data >= 2).mean() == pytest.approx((real.data >= 2).mean(), abs=0.03)


def test_an_interrupted_fit_ends_with_the_same_bytes(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthehr.training.checkpoint.Checkpoint.due", lambda self: True)
    whole = fitted(cohort, tmp_path / "whole")
    whole.save(tmp_path / "whole")

    def stop_at(task: str, done: int, total: int, unit: str, note: str = "") -> None:
        if task.startswith("train") and done == 7:
            raise Stopped

    workspace = tmp_path / "parts"
    workspace.mkdir()
    with pytest.raises(Stopped):
        MedganPaper(**QUICK).fit(cohort, seed=3, workspace=workspace, ledger=Ledger(), progress=stop_at)
    fitted(cohort, workspace).save(workspace)
    assert (workspace / "weights.safetensors").read_bytes() == (tmp_path / "whole/weights.safetensors").read_bytes()
    other = MedganPaper(**QUICK)
    other.fit(cohort, seed=4, workspace=tmp_path, ledger=Ledger())
    other.save(tmp_path)
    assert (tmp_path / "weights.safetensors").read_bytes() != (workspace / "weights.safetensors").read_bytes()


def test_saved_and_loaded_it_draws_the_same_and_holds_no_discriminator(cohort: Cohort, tmp_path: Path) -> None:
    model = fitted(cohort, tmp_path)
    model.save(tmp_path)
    again = MedganPaper.load(tmp_path, cohort.matrix.vocabulary)
    one, two = (m.sample(700, rng=np.random.default_rng(5)) for m in (model, again))
    assert (one != two).nnz == 0
    names = set(load_file(tmp_path / "weights.safetensors"))
    assert not [name for name in names if "discriminator" in name or "encoder" in name or "of_record" in name]
    assert (tmp_path / "history.parquet").is_file()


def test_options_are_checked() -> None:
    with pytest.raises(BadRequest, match="data"):
        MedganPaper(data="real")
    with pytest.raises(BadRequest, match="epochs"):
        Medgan(epochs=0)
    with pytest.raises(BadRequest, match="start"):
        MedganPaper(start="cold")
    with pytest.raises(BadRequest, match="presence"):
        Medgan(data="count")


def test_fitting_leaves_the_holdout_unseen(cohort: Cohort, tmp_path: Path) -> None:
    """Scrambling the holdout changes no byte of what is learned."""
    counts = cohort.matrix.counts.copy()
    held = np.flatnonzero(cohort.split == 2)
    order = np.arange(counts.shape[0])
    order[held] = np.random.default_rng(0).permutation(held)
    scrambled = Cohort(type(cohort.matrix)(counts[order], cohort.matrix.ids, cohort.matrix.vocabulary), cohort.split)
    one, two = fitted(cohort, tmp_path / "a", epochs=2), fitted(scrambled, tmp_path / "b", epochs=2)
    for a, b in zip(one.sampler.arrays().values(), two.sampler.arrays().values(), strict=True):
        assert np.array_equal(a, b)


def test_the_ledger_has_the_looks_that_were_made_and_no_other(cohort: Cohort, tmp_path: Path) -> None:
    for kind, barred in ((Medgan, True), (MedganPaper, False)):
        ledger, workspace = Ledger(), tmp_path / kind.name
        workspace.mkdir()
        kind(**(QUICK | {"epochs": 1, "pretrain_epochs": 1})).fit(cohort, seed=0, workspace=workspace, ledger=ledger)
        assert any("bars" in entry.query for entry in ledger.entries) == barred
        assert any("against draws" in entry.query for entry in ledger.entries) == barred
