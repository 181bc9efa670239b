"""What every generator of code matrices promises; a variant is a file beside this one, chosen by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.mechanisms import Floats
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.progress import Progress, silent


@runtime_checkable
class Trained(Protocol):
    """A model of a patient x code matrix that patients can be drawn from.

    Every row that `sample` gives has exactly one member of each exclusive group, and counts that are whole numbers.
    """

    name: str
    vocabulary: Vocabulary

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients: canonical CSR (n, n_codes) uint16. All randomness comes from `rng`."""

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json` into an open landing folder."""


@runtime_checkable
class Generator(Trained, Protocol):
    """One that learns from patients as they are: whatever it is given of them, its ledger tells of no guarantee."""

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Learn from the train split (and choose by the validation split); never looks at the holdout.

        workspace: an existing folder that outlives an interruption; a second call with the same arguments goes on from
        what it finds there and ends with the same bytes as an uninterrupted one. ledger: every look at patients' data
        is entered in it.
        """

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Generator":
        """Read back what `save` wrote."""


@runtime_checkable
class PrivateGenerator(Trained, Protocol):
    """One that keeps a privacy budget: it is given a curator in the place of patients, and asks.

    patients: how many there are, about, once it has asked: their number is secret like everything else.
    """

    patients: float

    def shares(self) -> Mapping[str, float]:
        """Parts of the budget by question; they sum to 1."""

    def sampled(self) -> Mapping[str, tuple[float, int]]:
        """Sampling probability and number of steps of the questions that are asked of Poisson-sampled batches."""

    def fit(
        self,
        curator: Curator,
        vocabulary: Vocabulary,
        first: tuple[Floats, float],
        noise: Mapping[str, float],
        *,
        seed: int,
        progress: Progress = silent,
    ) -> None:
        """Ask each question once and learn from the answers.

        vocabulary: of the records that the curator holds (`synthehr.models.private.records`), public or told. first:
        flat noisy counts of its free codes, and their noise. noise: noise multipliers by question. seed: of all that is
        drawn after the answers.
        """

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "PrivateGenerator":
        """Read back what `save` wrote."""
