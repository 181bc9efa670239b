from pathlib import Path

import numpy as np
import pytest

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.errors import BadRequest
from synthehr.models.held_out import HeldOut
from synthehr.models.independent import Independent
from synthehr.models.transformer.model import Transformer

TINY = {
    "epochs": 16,
    "ema": 0.98,
    "batch_size": 64,
    "width": 32,
    "layers": 1,
    "heads": 2,
    "pool": 2_000,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def fitted(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    model = Transformer(**TINY)
    model.fit(cohort, seed=0, workspace=tmp_path_factory.mktemp("work"), ledger=Ledger())
    return model


def test_it_is_nearer_to_held_out_patients_than_the_independent_sampler(
    fitted: Transformer, cohort: Cohort, tmp_path: Path
) -> None:
    floor = Independent()
    floor.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
    held_out = HeldOut(cohort.part("holdout"))
    far, near = (held_out.distance(m.sample(10_000, rng=np.random.default_rng(1))) for m in (floor, fitted))
    assert near < 0.6 * far


def test_prevalences_are_kept(fitted: Transformer, cohort: Cohort) -> None:
    drawn = fitted.sample(20_000, rng=np.random.default_rng(2))
    gap = np.abs((drawn > 0).mean(axis=0).A1 - cohort.part("train").prevalence())
    # 2,100 training patients: the standard error of a prevalence of one half is .011
    assert gap.max() < 0.04


def test_what_is_saved_draws_the_same_patients(fitted: Transformer, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = Transformer.load(tmp_path, fitted.vocabulary)
    one, other = (m.sample(500, rng=np.random.default_rng(3)) for m in (fitted, again))
    assert (one != other).nnz == 0
    assert (tmp_path / "history.parquet").is_file()


def test_counts_come_with_their_codes(cohort: Cohort, tmp_path: Path) -> None:
    model = Transformer(**{**TINY, "data": "count"})
    model.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
    train, drawn = cohort.part("train").counts, model.sample(20_000, rng=np.random.default_rng(2))
    codes = cohort.matrix.vocabulary.free
    wanted, found = (np.bincount(np.minimum(m[:, codes].data, 3), minlength=4)[1:] for m in (train, drawn))
    np.testing.assert_allclose(found / found.sum(), wanted / wanted.sum(), atol=0.02)  # 1 + Poisson(.4) in this cohort
    assert wanted[1] / wanted.sum() > 0.2  # the control: not all are single
    for columns in cohort.matrix.vocabulary.groups.values():
        assert (drawn[:, columns].sum(axis=1) == 1).all()
    model.save(tmp_path)
    again = Transformer.load(tmp_path, model.vocabulary)
    one, other = (m.sample(500, rng=np.random.default_rng(3)) for m in (model, again))
    assert (one != other).nnz == 0


def test_every_look_is_in_the_ledger(cohort: Cohort, tmp_path: Path) -> None:
    ledger = Ledger()
    Transformer(**{**TINY, "epochs": 1}).fit(cohort, seed=0, workspace=tmp_path, ledger=ledger)
    assert len(ledger.entries) == 7
    assert ledger.epsilon == float("inf")


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": 3},
        {"epochs": 0},
        {"width": 30, "heads": 4},
        {"dropout": 1.0},
        {"hidden": -0.1},
        {"prior": -1.0},
        {"data": "counts"},
    ],
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, int | float | str]) -> None:
    with pytest.raises(BadRequest):
        Transformer(**wrong)
