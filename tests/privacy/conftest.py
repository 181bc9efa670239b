"""A simulated population with known truth, and releases with planted leaks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from scipy import sparse

from benchmarks.leaks.population import Dense, World, world_of
from privacy.patients import Patients

if TYPE_CHECKING:
    from privacy.assess import Assessment


def assess_release(world: World, release: Dense, seed: int = 0) -> "Assessment":
    from privacy.assess import assess

    return assess(world.patients(), sparse.csr_matrix(release), seed=seed)


@pytest.fixture(scope="session")
def new_world() -> Callable[[int], World]:
    """Issue 3's population: 2,000 members, 2,000 non-members, 2,000 reference, 2,000 fresh."""
    return lambda seed: world_of(seed, 2_000, 2_000, 2_000)


@pytest.fixture(scope="session")
def make_world() -> Callable[[int, int, int, int], World]:
    """A world from seed, members, non-members, and reference and fresh patients each."""
    return world_of


@pytest.fixture(scope="session")
def patients_of() -> Callable[[World], Patients]:
    """The four groups of a world, their codes named code 0 to code 399."""
    return World.patients


@pytest.fixture(scope="session")
def demo_world() -> World:
    """The size of the demo, where the default policy must be able to decide: 3,000 non-members."""
    return world_of(7, 4_000, 3_000, 2_000)


@pytest.fixture(scope="session")
def assessed(demo_world: World) -> "dict[str, Assessment]":
    """The demo's releases, without a leak and with planted ones, assessed once for all tests."""
    releases = {
        "no leak": demo_world.no_leak(),
        "1 % verbatim": demo_world.verbatim(0.01),
        "10 % verbatim": demo_world.verbatim(0.10, 8_000),
        "overfitted mixture": demo_world.overfitted(1_000),
    }
    return {name: assess_release(demo_world, release) for name, release in releases.items()}
