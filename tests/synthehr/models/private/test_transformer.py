from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.mechanisms import Gaussian, SampledGaussian
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.models.private.prevalences import first_look
from synthehr.models.private.transformer import QUESTION, PrivateTransformer

Asking = Callable[..., tuple[Curator, Ledger]]
SMALL = {"pool": 4_000, "steps": 15, "draws": 6_000, "epochs": 2, "rounds": 4_000, "width": 16, "heads": 2}
NOISE = {"first": 4.0, "histograms": 3.0, "counts": 2.0, "pairs": 1.0, "network": 1.0}


def fitted(asking: Asking, vocabulary: Vocabulary, **more: object) -> tuple[PrivateTransformer, Ledger]:
    model, (curator, ledger) = PrivateTransformer(**SMALL | more), asking(None)
    model.fit(curator, vocabulary, first_look(curator, vocabulary, NOISE["first"]), NOISE, seed=0)
    return model, ledger


@pytest.fixture(scope="module")
def trained(asking: Asking, vocabulary: Vocabulary) -> tuple[PrivateTransformer, Ledger]:
    return fitted(asking, vocabulary)


def test_every_look_is_charged_and_training_as_poisson_sampled_steps(
    trained: tuple[PrivateTransformer, Ledger],
) -> None:
    ledger = trained[1]
    steps = SampledGaussian(noise_multiplier=1.0, sampling_probability=0.04, steps=15)
    assert [entry.mechanism for entry in ledger.entries] == [
        *(Gaussian(noise_multiplier=NOISE[name]) for name in ("first", "histograms", "counts", "pairs")),
        steps,
    ]
    assert ledger.entries[-1].query == QUESTION


def test_patients_drawn_have_the_released_prevalences_and_one_sex(
    trained: tuple[PrivateTransformer, Ledger], train: CodeMatrix
) -> None:
    drawn = trained[0].sample(6_000, rng=np.random.default_rng(1))
    assert (drawn[:, :2].sum(axis=1) == 1).all()
    share = np.asarray((drawn > 0).mean(axis=0)).ravel()
    assert np.corrcoef(share, train.prevalence())[0, 1] > 0.99


def test_what_is_saved_draws_the_same_patients(
    trained: tuple[PrivateTransformer, Ledger], vocabulary: Vocabulary, tmp_path: Path
) -> None:
    model = trained[0]
    model.save(tmp_path)
    again = PrivateTransformer.load(tmp_path, vocabulary)
    assert again.patients == model.patients
    assert (again.sample(300, rng=np.random.default_rng(2)) != model.sample(300, rng=np.random.default_rng(2))).nnz == 0


def test_the_same_key_and_seed_give_the_same_weights(
    trained: tuple[PrivateTransformer, Ledger], asking: Asking, vocabulary: Vocabulary
) -> None:
    first, second = (model.network.state_dict() for model in (trained[0], fitted(asking, vocabulary)[0]))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_options_out_of_range_are_refused() -> None:
    for name in ("steps", "draws", "epochs"):
        with pytest.raises(BadRequest, match=name):
            PrivateTransformer(**{name: 0})
    with pytest.raises(BadRequest, match="above 0"):
        PrivateTransformer(network=0.0)
    with pytest.raises(BadRequest, match="multiple"):
        PrivateTransformer(width=10, heads=4)
