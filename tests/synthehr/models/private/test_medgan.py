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
from synthehr.models.private.critic import ReleasedMeanCritic
from synthehr.models.private.medgan import QUESTION, PrivateMedgan
from synthehr.models.private.prevalences import first_look

Asking = Callable[..., tuple[Curator, Ledger]]
SMALL = {"pool": 4_000, "steps": 12, "fakes": 200, "probability": 0.05, "most_critic_steps": 3}
NOISE = {"first": 4.0, "histograms": 3.0, "counts": 2.0, "pairs": 1.0, "critic": 1.5}


def fitted(asking: Asking, vocabulary: Vocabulary) -> tuple[PrivateMedgan, Ledger]:
    model, (curator, ledger) = PrivateMedgan(**SMALL), asking(20.0)
    model.fit(curator, vocabulary, first_look(curator, vocabulary, NOISE["first"]), NOISE, seed=0)
    return model, ledger


def test_every_look_is_charged_and_the_critic_as_poisson_sampled_steps(asking: Asking, vocabulary: Vocabulary) -> None:
    _, ledger = fitted(asking, vocabulary)
    steps = SampledGaussian(noise_multiplier=1.5, sampling_probability=0.05, steps=12)
    assert [entry.mechanism for entry in ledger.entries] == [
        *(Gaussian(noise_multiplier=NOISE[name]) for name in ("first", "histograms", "counts", "pairs")),
        steps,
    ]
    assert ledger.entries[-1].query == QUESTION


def test_patients_drawn_have_the_released_prevalences_and_one_sex(
    asking: Asking, vocabulary: Vocabulary, train: CodeMatrix, tmp_path: Path
) -> None:
    model, _ = fitted(asking, vocabulary)
    drawn = model.sample(6_000, rng=np.random.default_rng(1))
    assert (drawn[:, :2].sum(axis=1) == 1).all()
    share = np.asarray((drawn > 0).mean(axis=0)).ravel()
    assert np.corrcoef(share, train.prevalence())[0, 1] > 0.99
    model.save(tmp_path)
    again = PrivateMedgan.load(tmp_path, vocabulary)
    assert (again.sample(300, rng=np.random.default_rng(2)) != model.sample(300, rng=np.random.default_rng(2))).nnz == 0
    assert not any("net" in name for name in model.sampler.arrays())  # the critic is no part of a run


def test_a_record_of_a_patient_is_judged_beside_released_numbers_and_a_fake_beside_its_batch() -> None:
    torch.manual_seed(0)
    critic = ReleasedMeanCritic(3, 4)
    batch = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    shown = critic.beside_mean(batch)
    assert torch.equal(shown[:, 3:], torch.tensor([[0.5, 0.0, 1.0]]).expand(2, -1))
    assert torch.equal(critic(batch), critic.net(shown).squeeze(1))


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(BadRequest, match="steps"):
        PrivateMedgan(steps=0)
    with pytest.raises(BadRequest, match="above 0"):
        PrivateMedgan(critic=0.0)
