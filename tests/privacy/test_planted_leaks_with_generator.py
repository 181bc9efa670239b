"""A small cut of `benchmarks/leaks/with_generator`: eight shadows of generators that leak or not, 300 members."""

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse

from benchmarks.leaks.population import World, world_of
from benchmarks.leaks.suite import NO_LEAK
from benchmarks.leaks.with_generator import LEAKS, Leaky, rebuilt, with_shadows
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.networks import Discriminator
from synthehr.models.sizes import extended, size_heads, size_values

COPY = "copy, 50 % redrawn"
CODES = 400  # at 60, half-redrawn copies of 300 members are found in one world of five


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(3, 300, 300, 300, codes=CODES)


def test_shadows_find_half_redrawn_copies_and_nothing_where_nothing_leaks(world: World) -> None:
    found = {leak: row["shadows, K = 8"] for leak, row in with_shadows(world, 0, [8], [NO_LEAK, COPY]).items()}
    assert found[COPY]["p"] < 0.01
    assert found[COPY]["auc_low"] > 0.5
    assert found[NO_LEAK]["auc_low"] < 0.5 < found[NO_LEAK]["auc_high"]


def test_a_leaky_generator_can_be_pickled_and_draws_as_many_as_asked(world: World) -> None:
    training = sparse.csr_matrix(world.members)
    for leak in LEAKS:
        train = Leaky(population=world.population, leak=leak, n=200)
        made = train(training, 7)
        assert made.shape == (200, CODES)
        assert (pickle.loads(pickle.dumps(train))(training, 7) != made).nnz == 0


def test_the_rebuilt_critic_is_the_game_s_where_the_reference_is_the_batch(world: World) -> None:
    # an exclusive group in the middle, so that the inner order is not the vocabulary's
    group = tuple("sex" if j in (10, 11) else None for j in range(CODES))
    vocabulary = Vocabulary(tuple(f"SIM/{j}" for j in range(CODES)), ("",) * CODES, group)
    train = CodeMatrix(canonical(sparse.csr_matrix(world.members)), np.arange(300), vocabulary)
    heads = size_heads(vocabulary, size_values(train))
    batch = CodeMatrix(canonical(sparse.csr_matrix(world.reference)), np.arange(300), vocabulary)
    wide = extended(batch, heads)
    order = Columns.of(wide.vocabulary).order
    assert not np.array_equal(order, np.arange(len(order)))
    network = Discriminator(len(order), (16, 8))
    critic = rebuilt(network.state_dict(), train, (16, 8), batch.binary())
    inner = torch.from_numpy(wide.binary()[:, order].toarray().astype(np.float32))
    np.testing.assert_allclose(critic(batch.binary()), network(inner).detach().numpy(), atol=1e-5)
    alone = critic(batch.binary()[:1])
    np.testing.assert_allclose(alone, critic(batch.binary())[:1], atol=1e-5)
