from pathlib import Path

import numpy as np
import pytest

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.models.held_out import correlations
from synthehr.models.independent import Independent


def fitted(cohort: Cohort, tmp_path: Path, data: str = "binary") -> Independent:
    model = Independent(data=data)
    model.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
    return model


def test_marginals_are_kept_and_dependence_is_not(cohort: Cohort, tmp_path: Path) -> None:
    train = cohort.part("train")
    out = fitted(cohort, tmp_path).sample(20_000, rng=np.random.default_rng(0))
    assert np.asarray((out > 0).mean(axis=0)).ravel() == pytest.approx(train.prevalence(), abs=0.015)
    free = train.vocabulary.free
    assert np.abs(correlations(train.binary()[:, free])).max() > 0.2
    # 4.5 standard errors of a correlation at n = 20,000
    assert np.abs(correlations(out[:, free] > 0)).max() < 4.5 / np.sqrt(20_000)


def test_counts_follow_their_distribution(cohort: Cohort, tmp_path: Path) -> None:
    out = fitted(cohort, tmp_path, "count").sample(20_000, rng=np.random.default_rng(0))
    real = cohort.part("train").counts
    for at_least in (2, 3):
        assert (out.data >= at_least).mean() == pytest.approx((real.data >= at_least).mean(), abs=0.01)


def test_saved_and_loaded_it_draws_the_same(cohort: Cohort, tmp_path: Path) -> None:
    model = fitted(cohort, tmp_path)
    model.save(tmp_path)
    again = Independent.load(tmp_path, cohort.matrix.vocabulary)
    one, two = (m.sample(500, rng=np.random.default_rng(3)) for m in (model, again))
    assert (one != two).nnz == 0


def test_its_looks_are_in_the_ledger(cohort: Cohort, tmp_path: Path) -> None:
    ledger = Ledger()
    Independent().fit(cohort, seed=0, workspace=tmp_path, ledger=ledger)
    assert len(ledger.entries) == 1
    assert ledger.epsilon == float("inf")
