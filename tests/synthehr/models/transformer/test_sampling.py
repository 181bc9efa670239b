"""What is drawn has the probability that the network gives it, and the shape that the layout promises."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse, stats

from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.barred import Barred
from synthehr.models.transformer import likelihood, sampling, sequences
from synthehr.models.transformer.likelihood import loss_of
from synthehr.models.transformer.network import Network, Size
from synthehr.models.transformer.sampling import draw, prevalences
from synthehr.models.transformer.sequences import Layout

NAMES = ("SEX/f", "SEX/m", "A/1", "A/2", "A/3", "B/1")


def network_of(layout: Layout) -> Network:
    torch.manual_seed(3)
    size = Size(width=16, layers=2, heads=2, dropout=0.1)
    network = Network(layout.n_tokens, len(layout.starts) - 1, size, len(layout.levels))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    return network.eval()


def free_of(layout: Layout) -> Barred:
    """Nothing barred."""
    return Barred(np.zeros((0, 2), dtype=np.int64), len(layout.vocabulary))


def every_patient() -> CodeMatrix:
    """Each of the 32 patients of one sex and four codes once."""
    rows = [[1 - s, s, *bits] for s, *bits in itertools.product((0, 1), repeat=5)]
    vocabulary = Vocabulary(NAMES, ("",) * 6, ("sex", "sex", None, None, None, None))
    return CodeMatrix(canonical(sparse.csr_matrix(np.array(rows))), np.arange(32), vocabulary)


def test_patients_are_drawn_as_often_as_the_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 1)
    monkeypatch.setattr(likelihood, "BF16", False)
    patients = every_patient()
    layout = Layout.of(patients)
    network, coded = network_of(layout), layout.encode(patients)
    with torch.no_grad():
        said = np.exp([-loss_of(network, layout, coded, np.array([k])).item() for k in range(32)])
    assert said.sum() == pytest.approx(1, abs=1e-5)  # every patient there can be is among them
    said /= said.sum()
    said /= said.sum()
    drawn = draw(network, layout, free_of(layout), 40_000, np.random.default_rng(1)).toarray()
    place = {tuple(row): k for k, row in enumerate(patients.counts.toarray().tolist())}
    seen = np.bincount([place[tuple(row)] for row in drawn.tolist()], minlength=32)
    assert stats.chisquare(seen, said * 40_000).pvalue > 1e-3
    told = prevalences(network, layout, free_of(layout), 4_000, np.random.default_rng(2)).token
    by_hand = np.bincount(coded.token, weights=np.repeat(said, np.diff(coded.indptr)), minlength=layout.n_tokens)
    np.testing.assert_allclose(told, by_hand, atol=0.025)
    assert stats.chisquare(seen, np.roll(said, 1) * 40_000).pvalue < 1e-9  # the control: other probabilities


def test_who_has_many_codes_is_not_given_rare_ones_only() -> None:
    """Twenty codes, the later the rarer; patients of six codes have three of the first five among them."""
    rng = np.random.default_rng(0)
    rows = np.zeros((4_000, 22), dtype=np.int64)
    rows[:, 0] = 1
    for row in rows:
        rare = rng.random() < 0.05
        row[2 + rng.choice(5, 3, replace=False)] = 1
        row[7 + rng.choice(15 if rare else 6, 3, replace=False)] = 1
    names = ("SEX/f", "SEX/m", *(f"A/{k}" for k in range(20)))
    vocabulary = Vocabulary(names, ("",) * 22, ("sex", "sex", *[None] * 20))
    layout = Layout.of(CodeMatrix(canonical(sparse.csr_matrix(rows)), np.arange(4_000), vocabulary))
    network = network_of(layout)  # it has learned nothing, and draws any code that may stand there
    drawn = draw(network, layout, free_of(layout), 2_000, np.random.default_rng(0))
    free = replace(layout, reach=tuple(np.full(2, 19) for _ in layout.systems))
    without = draw(network, free, free_of(layout), 2_000, np.random.default_rng(0))
    commonest = layout.systems[0][:6]
    assert (drawn[:, commonest].sum(axis=1) >= 1).all()
    assert (without[:, commonest].sum(axis=1) == 0).mean() > 0.01  # the control


def test_counts_are_drawn_as_often_as_the_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 1)
    monkeypatch.setattr(likelihood, "BF16", False)
    # of one sex, with one or two of two codes of A, each recorded once, or three times
    rows = [[1, 0, a, b, 0, 0] for a, b in itertools.product((0, 1, 3), repeat=2) if a or b]
    vocabulary = Vocabulary(NAMES, ("",) * 6, ("sex", "sex", None, None, None, None))
    patients = CodeMatrix(canonical(sparse.csr_matrix(np.array(rows))), np.arange(len(rows)), vocabulary)
    layout = Layout.of(patients, binary=False)
    assert layout.levels.tolist() == [1, 3]
    network, coded = network_of(layout), layout.encode(patients)
    with torch.no_grad():
        said = np.exp([-loss_of(network, layout, coded, np.array([k])).item() for k in range(len(rows))])
    drawn = draw(network, layout, free_of(layout), 40_000, np.random.default_rng(1)).toarray()
    place = {tuple(row): k for k, row in enumerate(rows)}
    seen = np.bincount([place[tuple(row)] for row in drawn.tolist() if tuple(row) in place], minlength=len(rows))
    assert stats.chisquare(seen, said / said.sum() * seen.sum()).pvalue > 1e-3
    assert stats.chisquare(seen, np.roll(said, 1) / said.sum() * seen.sum()).pvalue < 1e-9  # the control


def test_what_is_barred_is_not_drawn_and_the_rest_keeps_its_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 1)
    monkeypatch.setattr(likelihood, "BF16", False)
    patients = every_patient()
    layout = Layout.of(patients)
    network, coded = network_of(layout), layout.encode(patients)
    barred = Barred(np.array([[2, 0]]), len(NAMES))  # A/1 in women
    drawn = draw(network, layout, barred, 40_000, np.random.default_rng(1)).toarray()
    without = draw(network, layout, free_of(layout), 40_000, np.random.default_rng(1)).toarray()
    assert (without[:, 0] & without[:, 2]).sum() > 1_000  # the control: it happens if nothing is barred
    women, men = drawn[drawn[:, 0] == 1], drawn[drawn[:, 1] == 1]
    # a woman with all three codes of A must have A/1, and sizes come first
    broken = women[women[:, 2] == 1]
    assert (broken[:, 2:5].sum(axis=1) == 3).all()
    np.testing.assert_array_equal(
        np.bincount(women[:, 2:5].sum(axis=1)), np.bincount(without[without[:, 0] == 1][:, 2:5].sum(axis=1))
    )
    with torch.no_grad():
        said = np.exp([-loss_of(network, layout, coded, np.array([k])).item() for k in range(32)])
    rows = patients.counts.toarray()
    # by hand: one code of A in a woman is A/2 or A/3, with the odds that they had without the rule
    single = (rows[:, 0] == 1) & (rows[:, 2:5].sum(axis=1) == 1)
    second, third = (said[single & (rows[:, j] == 1)].sum() for j in (3, 4))
    seen = women[women[:, 2:5].sum(axis=1) == 1][:, 3:5].sum(axis=0)
    assert stats.chisquare(seen, seen.sum() * np.array([second, third]) / (second + third)).pvalue > 1e-3
    assert 0 < (men[:, 2] == 1).mean() < 1


def test_every_row_has_its_groups_and_a_size_that_occurs(cohort: Cohort) -> None:
    train = cohort.part("train")
    layout = Layout.of(train)
    drawn = draw(network_of(layout), layout, free_of(layout), 3_000, np.random.default_rng(0))
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
    one, again, other = (draw(network, layout, free_of(layout), 300, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert (one != again).nnz == 0
    assert (one != other).nnz > 0
    assert draw(network, layout, free_of(layout), 0, np.random.default_rng(0)).shape == (0, len(layout.vocabulary))
