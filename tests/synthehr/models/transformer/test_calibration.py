import numpy as np
import torch

from synthehr.cohort.cohort import Cohort
from synthehr.models.barred import Barred
from synthehr.models.transformer.calibration import calibrate
from synthehr.models.transformer.network import Network, Size
from synthehr.models.transformer.sampling import prevalences
from synthehr.models.transformer.sequences import Layout


def test_draws_get_the_prevalences_of_the_training_patients(cohort: Cohort) -> None:
    layout = Layout.of(cohort.part("train"))
    free = Barred(np.zeros((0, 2), dtype=np.int64), len(layout.vocabulary))
    train = layout.encode(cohort.part("train"))
    torch.manual_seed(1)
    network = Network(layout.n_tokens, len(layout.starts) - 1, Size(width=16, layers=1, heads=2, dropout=0.0))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    wanted = np.bincount(train.token, minlength=layout.n_tokens) / len(train)
    before = np.abs(prevalences(network, layout, free, 4_000, np.random.default_rng(0)) - wanted).max()
    gaps = calibrate(network, layout, free, train, draws=4_000, seed=0)
    after = np.abs(prevalences(network, layout, free, 4_000, np.random.default_rng(0)) - wanted).max()
    assert gaps[0] > 0.2
    assert before > 0.2
    # a network of random weights is far off, and four rounds are what a trained one needs
    assert after < 0.06
