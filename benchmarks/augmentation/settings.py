"""Two settings: what each seed of it fits on, what it may add, and which codes are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.augmentation.arms import ARMS, FEW_ARMS, Sources, choose_codes, without_one
from benchmarks.augmentation.pools import Pool, draw_pool, generator_of_few
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.landing import source_hash
from synthehr.models.registry import load_run

CODES, SYSTEM = 12, "ICD9CM"
FEW, FEW_OPTIONS = 5_000, {"epochs": 12, "batch_size": 128}  # of 20, the tenth was the best: held-out nats
CARRIERS = {"full": (40, 400), "few": (10, 100)}  # among the patients fitted on, or as many as are expected there
DRAWN = {"full": 300_000, "few": 150_000}


@dataclass(frozen=True)
class Given:
    """What one seed of a setting is given: real patients to fit on, binary CSR, and whom an arm may add."""

    seed: int
    real: sparse.csr_matrix
    sources: Sources


class Setting:
    """full: all training patients, and the generator of a run. few: for each seed 5,000 others, and one of their own.

    The generator sees nobody whom the classifier is not given, but that validation patients chose the pass of the run;
    of 5,000 a tenth does. The list of columns is that of the cohort in both.
    """

    def __init__(
        self, name: str, cohort: Cohort, run: Path, seeds: Sequence[int], *, work: Path, open_place: bool = False
    ) -> None:
        """open_place: leave all other codes in sight, see `without_one`."""
        self.name, self.run, self.work, self.open_place = name, run, work, open_place
        self.train, self.test = cohort.part("train"), cohort.part("holdout").binary()
        self.arms = ARMS if name == "full" else FEW_ARMS
        self.fitted_on = len(self.train) if name == "full" else FEW
        low, high = (carriers / self.fitted_on for carriers in CARRIERS[name])
        self.codes = choose_codes(self.train, (low, high), CODES, system=SYSTEM, seed=seeds[0])
        self.given = [self._given(seed) for seed in seeds]

    def asked(self, code: int) -> tuple[list[Given], sparse.csr_matrix]:
        """What each seed is given, and whom it is tested on, with one code of everybody out of sight."""
        if self.open_place:
            return self.given, self.test
        system = np.flatnonzero(np.asarray(self.train.vocabulary.system) == SYSTEM)

        def change(rows: sparse.csr_matrix) -> sparse.csr_matrix:
            return without_one(rows, code, system, np.random.default_rng([self.given[0].seed, code, 30]))

        given = [replace(g, real=change(g.real), sources=g.sources.each(change)) for g in self.given]
        return given, change(self.test)

    def _given(self, seed: int) -> Given:
        if self.name == "full":
            return Given(seed, self.train.binary(), Sources(self._pool(seed, self.train), None))
        mixed = np.random.default_rng([seed, 26]).permutation(len(self.train))
        few, others = self.train.rows(mixed[:FEW]), self.train.rows(mixed[FEW:]).binary()
        return Given(seed, few.binary(), Sources(self._pool(seed, few), Pool(others, others, others.shape[0])))

    def _pool(self, seed: int, real: CodeMatrix) -> Pool:
        """Drawn once, and kept in `work` under its setting, its seed and the run."""
        kept = self.work / f"{self.name}-{seed}-{source_hash(self.run)[:8]}.npz"
        if not kept.is_file():
            full = self.name == "full"
            generator = load_run(self.run) if full else generator_of_few(real, FEW_OPTIONS, seed=seed)
            patients = len(real) * max(arm.patients for arm in self.arms if arm.source == "synthetic")
            pool = draw_pool(generator, self.codes, patients=patients, drawn=DRAWN[self.name], seed=seed)
            pool.write(kept)
        return Pool.read(kept)
