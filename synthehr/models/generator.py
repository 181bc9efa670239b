"""What every generator of code matrices promises; a variant is a file beside this one, chosen by name."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.progress import Progress, silent


@runtime_checkable
class Generator(Protocol):
    """A trained or trainable model of a patient x code matrix.

    Every row that `sample` gives has exactly one member of each exclusive group, and counts that are whole numbers.
    """

    name: str
    vocabulary: Vocabulary

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Learn from the train split (and choose by the validation split); never looks at the holdout.

        workspace: an existing folder that outlives an interruption; a second call with the same arguments goes on from
        what it finds there and ends with the same bytes as an uninterrupted one. ledger: every look at patients' data
        is entered in it.
        """

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients: canonical CSR (n, n_codes) uint16. All randomness comes from `rng`."""

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json` into an open landing folder."""

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Generator":
        """Read back what `save` wrote."""
