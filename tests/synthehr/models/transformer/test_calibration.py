import numpy as np
import torch

from synthehr.cohort.cohort import Cohort
from synthehr.models.barred import Barred
from synthehr.models.transformer.calibration import calibrate
from synthehr.models.transformer.likelihood import start_at_marginals
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
    before = np.abs(prevalences(network, layout, free, 4_000, np.random.default_rng(0)).token - wanted).max()
    gaps = calibrate(network, layout, free, train.shares(layout.n_tokens), levels_of=train, draws=4_000, seed=0)
    after = np.abs(prevalences(network, layout, free, 4_000, np.random.default_rng(0)).token - wanted).max()
    assert gaps[0] > 0.2
    assert before > 0.2
    # a network of random weights is far off, and four rounds are what a trained one needs
    assert after < 0.06


def test_counts_get_the_frequencies_of_the_training_patients(cohort: Cohort) -> None:
    layout = Layout.of(cohort.part("train"), binary=False)
    free = Barred(np.zeros((0, 2), dtype=np.int64), len(layout.vocabulary))
    train = layout.encode(cohort.part("train"))
    torch.manual_seed(1)
    size = Size(width=16, layers=1, heads=2, dropout=0.0)
    network = Network(layout.n_tokens, len(layout.starts) - 1, size, len(layout.levels))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    start_at_marginals(network, train)
    torch.nn.init.constant_(network.answer.bias[:1], 2.0)  # single records come too often

    def once() -> float:
        met = prevalences(network, layout, free, 4_000, np.random.default_rng(0)).level
        return float(met[:, 0].sum() / met.sum())

    wanted = float((train.level[train.left > 0] == 0).mean())
    before = once()
    calibrate(network, layout, free, train.shares(layout.n_tokens), levels_of=train, draws=4_000, seed=0)
    assert before > wanted + 0.2
    assert abs(once() - wanted) < 0.03
