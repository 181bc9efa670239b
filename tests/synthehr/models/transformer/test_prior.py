import numpy as np
import pytest
import torch

from synthehr.cohort.cohort import Cohort
from synthehr.cohort.families import families
from synthehr.models.transformer.prior import Prior
from synthehr.models.transformer.sequences import Layout, Sequences


@pytest.fixture
def encoded(cohort: Cohort) -> tuple[Layout, Sequences]:
    layout = Layout.of(cohort.part("train"))
    return layout, layout.encode(cohort.part("train"))


def test_by_hand() -> None:
    """Tokens 0 and 1 are a family, all parts of precision 10: the covariance of (0, 1, 2) is [[2, 1, 0], [1, 2, 0],
    [0, 0, 1]] / 10, and its inverse of the first two 10 [[2, -1], [-1, 2]] / 3.
    """
    family = torch.tensor([[0], [0], [1]])  # one family; number 1 stands for none
    prior = Prior(torch.full((3,), 10.0), family, torch.tensor([[1 / 30]]), 4.0)
    # alike costs 2/3 of what they cost apart, unlike 2, one alone 2/3
    for first, second, quadratic in ((1.0, 1.0, 2 / 3), (1.0, -1.0, 2.0), (1.0, 0.0, 2 / 3)):
        embedding = torch.tensor([[first, 0.0], [second, 0.0], [0.0, 3.0], [0.0, 2.0]])  # the last is the start
        assert prior.nats(embedding).item() == pytest.approx(5 * (quadratic + 9) + 2 * 4)


def test_it_is_the_log_density_of_the_parts_added_up(encoded: tuple[Layout, Sequences]) -> None:
    layout, train = encoded
    of_column = families(layout.vocabulary)
    assert of_column.max() > 0
    z = np.zeros((layout.n_tokens, int(of_column.max()) + 1))
    for token, column in enumerate(layout.column):
        for number in of_column[column] if column >= 0 else []:
            if number >= 0:
                z[token, number] = 1
    seen = np.maximum(np.bincount(train.token, minlength=layout.n_tokens), 1)
    of_family = np.minimum(z.T @ seen, len(train))
    embedding = np.random.default_rng(0).normal(size=(layout.n_tokens + 1, 3))
    # a part of n patients has the variance n / 40^2
    covariance = np.diag(seen / 1_600) + z @ np.diag(of_family / 1_600) @ z.T
    known = embedding[:-1]
    by_hand = 0.5 * np.trace(known.T @ np.linalg.inv(covariance) @ known)
    by_hand += 0.5 * 1_600 / len(train) * np.square(embedding[-1]).sum()
    found = Prior.of(layout, train, 40.0).nats(torch.from_numpy(embedding).float())
    assert found.item() == pytest.approx(by_hand, rel=1e-4)
    alone = 0.5 * float((1_600 / seen[:, None] * np.square(known)).sum())
    assert by_hand < 0.99 * alone  # the control: without families it is dearer


def test_rare_codes_are_held_and_common_ones_are_not(encoded: tuple[Layout, Sequences]) -> None:
    layout, train = encoded
    prior = Prior.of(layout, train, 300.0)
    seen = np.bincount(train.token, minlength=layout.n_tokens)
    order = np.argsort(seen, kind="stable")
    assert (np.diff(prior.precision.numpy()[order]) <= 0).all()
    # of what n patients say (precision n) n^2 / (n^2 + 300^2) is kept: at 300 patients one half
    np.testing.assert_allclose(prior.precision.numpy(), 90_000 / np.maximum(seen, 1), rtol=1e-6)


def test_groups_and_sizes_are_in_no_family(encoded: tuple[Layout, Sequences]) -> None:
    layout, train = encoded
    prior = Prior.of(layout, train, 1.0)
    heads = int(layout.starts[layout.n_heads])
    assert (prior.family[:heads] == len(prior.inner)).all()
    assert (prior.family[heads:] < len(prior.inner)).any()


def test_a_vocabulary_without_families_has_a_prior_too() -> None:
    prior = Prior(torch.tensor([2.0, 3.0]), torch.zeros((2, 1), dtype=torch.long), torch.zeros((0, 0)), 1.0)
    # 2 x 1 / 2 + 3 x 4 / 2 + 1 x 9 / 2
    assert prior.nats(torch.tensor([[1.0], [2.0], [3.0]])).item() == pytest.approx(1 + 6 + 4.5)
