"""What is drawn has the probability that the network gives it, and the shape that the layout promises."""

import itertools

import numpy as np
import pytest
import torch
from scipy import sparse, stats

from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.transformer import sampling, sequences, training
from synthehr.models.transformer.network import Network, Size
from synthehr.models.transformer.sampling import draw, prevalences
from synthehr.models.transformer.sequences import Layout
from synthehr.models.transformer.training import loss_of

NAMES = ("SEX/f", "SEX/m", "A/1", "A/2", "A/3", "B/1")


def network_of(layout: Layout) -> Network:
    torch.manual_seed(3)
    network = Network(layout.n_tokens, len(layout.starts) - 1, Size(width=16, layers=2, heads=2, dropout=0.1))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    return network.eval()


def every_patient() -> CodeMatrix:
    """Each of the 32 patients of one sex and four codes once."""
    rows = [[1 - s, s, *bits] for s, *bits in itertools.product((0, 1), repeat=5)]
    vocabulary = Vocabulary(NAMES, ("",) * 6, ("sex", "sex", None, None, None, None))
    return CodeMatrix(canonical(sparse.csr_matrix(np.array(rows))), np.arange(32), vocabulary)


def test_patients_are_drawn_as_often_as_the_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 1)
    monkeypatch.setattr(training, "BF16", False)
    patients = every_patient()
    layout = Layout.of(patients)
    network, coded = network_of(layout), layout.encode(patients)
    with torch.no_grad():
        said = np.exp([-loss_of(network, layout, coded, np.array([k])).item() for k in range(32)])
    assert said.sum() == pytest.approx(1, abs=1e-5)  # every patient there can be is among them
    said /= said.sum()
    said /= said.sum()
    drawn = draw(network, layout, 40_000, np.random.default_rng(1)).toarray()
    place = {tuple(row): k for k, row in enumerate(patients.counts.toarray().tolist())}
    seen = np.bincount([place[tuple(row)] for row in drawn.tolist()], minlength=32)
    assert stats.chisquare(seen, said * 40_000).pvalue > 1e-3
    told = prevalences(network, layout, 4_000, np.random.default_rng(2))
    by_hand = np.bincount(coded.token, weights=np.repeat(said, np.diff(coded.indptr)), minlength=layout.n_tokens)
    np.testing.assert_allclose(told, by_hand, atol=0.025)
    assert stats.chisquare(seen, np.roll(said, 1) * 40_000).pvalue < 1e-9  # the control: other probabilities


def test_every_row_has_its_groups_and_a_size_that_occurs(cohort: Cohort) -> None:
    train = cohort.part("train")
    layout = Layout.of(train)
    drawn = draw(network_of(layout), layout, 3_000, np.random.default_rng(0))
    assert drawn.dtype == np.uint16
    assert drawn.has_canonical_format
    assert set(drawn.data) == {1}
    for columns in train.vocabulary.groups.values():
        assert (drawn[:, columns].sum(axis=1) == 1).all()
    for k, columns in enumerate(layout.systems):
        assert set(np.diff(drawn[:, columns].indptr)) <= set(np.flatnonzero(layout.sizes[k]))


def test_the_same_seed_gives_the_same_patients(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ROWS", 128)
    layout = Layout.of(cohort.part("train"))
    network = network_of(layout)
    one, again, other = (draw(network, layout, 300, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert (one != again).nnz == 0
    assert (one != other).nnz > 0
    assert draw(network, layout, 0, np.random.default_rng(0)).shape == (0, len(layout.vocabulary))
