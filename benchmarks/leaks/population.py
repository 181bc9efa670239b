"""A simulated population whose truth is known, and releases of its members with planted leaks.

25 latent phenotypes, 400 codes of power-law prevalence, 4 codes a patient: given the phenotype, codes are independent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from privacy.patients import Patients

Dense = NDArray[np.uint8]
N_CODES, N_PHENOTYPES, CODES_A_PATIENT = 400, 25, 4.0
SUBGROUP_CARRIERS = 60  # members with the code of a subgroup leak, about: 3 % of 2,000


@dataclass(frozen=True)
class Population:
    """profiles: (25, n_codes) prevalences given a phenotype. shares: (25,) of the phenotypes."""

    profiles: NDArray[np.float64]
    shares: NDArray[np.float64]

    def draw(self, n: int, rng: np.random.Generator) -> Dense:
        """Draw n patients, (n, n_codes)."""
        kind = rng.choice(len(self.shares), n, p=self.shares)
        return (rng.random((n, self.profiles.shape[1])) < self.profiles[kind]).astype(np.uint8)

    def log_density(self, records: Dense) -> NDArray[np.float64]:
        """Natural log of the probability of each record, (n,): what no attacker knows."""
        p = np.clip(self.profiles, 1e-12, 1 - 1e-12)
        joint = records.astype(np.float64) @ np.log(p / (1 - p)).T + np.log1p(-p).sum(axis=1) + np.log(self.shares)
        return np.asarray(special.logsumexp(joint, axis=1), dtype=np.float64)


@dataclass(frozen=True)
class World:
    """Four disjoint groups of patients, all (n, n_codes), and releases of n records made from the members."""

    population: Population
    members: Dense
    nonmembers: Dense
    reference: Dense
    fresh: Dense
    rng: np.random.Generator

    def no_leak(self, n: int = 4_000) -> Dense:
        """New patients of the population: nothing of the members."""
        return self.population.draw(n, self.rng)

    def independent(self, n: int = 4_000) -> Dense:
        """Every code with its prevalence among the members, independently."""
        return (self.rng.random((n, self.members.shape[1])) < self.members.mean(axis=0)).astype(np.uint8)

    def copy(self, n: int = 4_000) -> Dense:
        """Members, drawn with replacement."""
        return self.members[self.rng.integers(0, len(self.members), n)]

    def verbatim(self, share: float, n: int = 4_000) -> Dense:
        """New patients, a share of them replaced by as many different members."""
        return self.with_copies(round(share * n), n)

    def with_copies(self, copied: int, n: int = 4_000) -> Dense:
        """New patients, the first `copied` replaced by different members."""
        release = self.no_leak(n)
        release[:copied] = self.members[self.rng.choice(len(self.members), copied, replace=False)]
        return release

    def redrawn(self, share: float, n: int = 4_000) -> Dense:
        """Members of whom a random share of the bits is that of a new patient."""
        copied = self.copy(n)
        return np.where(self.rng.random(copied.shape) < share, self.population.draw(n, self.rng), copied)

    def of_subgroup(self, n: int = 4_000) -> tuple[Dense, int]:
        """New patients, and every member with one rare code in place of the new ones who have it; and that code.

        Nobody else leaks, and the release has as many carriers of the code as members have.
        """
        code = int(np.argmin(np.abs(self.members.sum(axis=0).astype(np.int64) - SUBGROUP_CARRIERS)))
        carriers = self.members[self.members[:, code] == 1]
        others = self.no_leak(2 * n)
        others = others[others[:, code] == 0][: n - len(carriers)]
        return np.concatenate([carriers, others]), code

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

    def patients(self) -> Patients:
        """The four groups as the attacks want them, their codes named code 0, code 1, ..."""
        names = ("members", "nonmembers", "reference", "fresh")
        groups = {name: sparse.csr_matrix(getattr(self, name)) for name in names}
        return Patients(**groups, codes=tuple(f"code {j}" for j in range(self.members.shape[1])))


def world_of(seed: int, members: int, nonmembers: int, others: int, codes: int = N_CODES) -> World:
    """A world of so many members and non-members, and `others` reference and as many fresh patients."""
    rng = np.random.default_rng(seed)
    profiles = rng.gamma(0.3, 1.0, (N_PHENOTYPES, codes)) / np.arange(1, codes + 1)
    profiles = np.minimum(profiles / profiles.sum(axis=1, keepdims=True) * CODES_A_PATIENT, 0.9)
    population = Population(profiles, rng.dirichlet(np.full(N_PHENOTYPES, 2.0)))
    groups = [population.draw(n, rng) for n in (members, nonmembers, others, others)]
    return World(population, *groups, rng)
