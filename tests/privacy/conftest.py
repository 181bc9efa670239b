"""A simulated population with known truth, and releases with planted leaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from privacy.patients import Patients

if TYPE_CHECKING:
    from privacy.assess import Assessment

Dense = NDArray[np.uint8]
N_CODES, N_PHENOTYPES, CODES_A_PATIENT = 400, 25, 4.0


@dataclass(frozen=True)
class Population:
    """Each patient has one of 25 phenotypes; given it, the codes are independent with power-law prevalences."""

    profiles: NDArray[np.float64]
    shares: NDArray[np.float64]

    def draw(self, n: int, rng: np.random.Generator) -> Dense:
        kind = rng.choice(len(self.shares), n, p=self.shares)
        return (rng.random((n, self.profiles.shape[1])) < self.profiles[kind]).astype(np.uint8)


@dataclass(frozen=True)
class World:
    """The four disjoint groups of patients, and the generator of releases from them."""

    population: Population
    members: Dense
    nonmembers: Dense
    reference: Dense
    fresh: Dense
    rng: np.random.Generator

    def no_leak(self, n: int = 4_000) -> Dense:
        return self.population.draw(n, self.rng)

    def copy(self, n: int = 4_000) -> Dense:
        return self.members[self.rng.integers(0, len(self.members), n)]

    def verbatim(self, share: float, n: int = 4_000) -> Dense:
        release = self.no_leak(n)
        copied = round(share * n)
        release[:copied] = self.members[self.rng.choice(len(self.members), copied, replace=False)]
        return release

    def redrawn(self, share: float, n: int = 4_000) -> Dense:
        copied = self.copy(n)
        return np.where(self.rng.random(copied.shape) < share, self.population.draw(n, self.rng), copied)

    def overfitted(self, components: int, n: int = 4_000) -> Dense:
        """A Bernoulli mixture with far too many components, fitted to the members by ten rounds of hard EM."""
        x = self.members.astype(np.float64)
        centres = x[self.rng.choice(len(x), components, replace=False)] * 0.8 + 0.1 * x.mean(axis=0)
        for _ in range(10):
            p = np.clip(centres, 1e-4, 1 - 1e-4)
            nearest = np.argmax(x @ np.log(p / (1 - p)).T + np.log(1 - p).sum(axis=1), axis=1)
            chosen = sparse.csr_matrix((np.ones(len(x)), (nearest, np.arange(len(x)))), shape=(components, len(x)))
            size = np.asarray(chosen.sum(axis=1))
            centres = (chosen @ x + 0.1 * x.mean(axis=0)) / (size + 0.1)
        kind = self.rng.choice(components, n, p=(size / size.sum()).ravel())
        return (self.rng.random((n, x.shape[1])) < centres[kind]).astype(np.uint8)


def world_of(seed: int, members: int, nonmembers: int, others: int) -> World:
    rng = np.random.default_rng(seed)
    profiles = rng.gamma(0.3, 1.0, (N_PHENOTYPES, N_CODES)) / np.arange(1, N_CODES + 1)
    profiles = np.minimum(profiles / profiles.sum(axis=1, keepdims=True) * CODES_A_PATIENT, 0.9)
    population = Population(profiles, rng.dirichlet(np.full(N_PHENOTYPES, 2.0)))
    groups = [population.draw(n, rng) for n in (members, nonmembers, others, others)]
    return World(population, *groups, rng)


def named(world: World) -> Patients:
    groups = {name: sparse.csr_matrix(getattr(world, name)) for name in ("members", "nonmembers", "reference", "fresh")}
    return Patients(**groups, codes=tuple(f"code {j}" for j in range(world.members.shape[1])))


def assess_release(world: World, release: Dense, seed: int = 0) -> "Assessment":
    from privacy.assess import assess

    return assess(named(world), sparse.csr_matrix(release), seed=seed)


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
    return named


@pytest.fixture(scope="session")
def demo_world() -> World:
    """The size of the demo, where the default policy must be able to decide: 3,000 non-members."""
    return world_of(7, 4_000, 3_000, 2_000)


@pytest.fixture(scope="session")
def assessed(demo_world: World) -> "dict[str, Assessment]":
    """The demo's releases, without a leak and with planted ones, assessed once for all tests."""
    releases = {
        "no leak": demo_world.no_leak(),
        "training copy": demo_world.members,
        "1 % verbatim": demo_world.verbatim(0.01),
        "10 % verbatim": demo_world.verbatim(0.10, 8_000),
        "overfitted mixture": demo_world.overfitted(1_000),
    }
    return {name: assess_release(demo_world, release) for name, release in releases.items()}
