"""The independent sampler: every code drawn from its own marginal. The floor of every figure we report."""

from pathlib import Path

import numpy as np
from scipy import sparse

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.discretise import Cut
from synthehr.models.marginals import Marginals
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress, silent


class Independent:
    """Codes independent of each other given nothing; exclusive groups drawn as categories.

    data: "binary" or "count": whether the marginal of each code is its presence or its whole count distribution.
    """

    name = "independent"
    vocabulary: Vocabulary
    marginals: Marginals

    def __init__(self, *, data: str = "binary") -> None:
        self.data = data

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Count the marginals of the train split; there is nothing random in it."""
        train = cohort.part("train")
        self.vocabulary, self.marginals = train.vocabulary, Marginals.of(train, binary=self.data == "binary")
        ledger.look("one-way marginals of the train split")
        progress("fit independent", 1, 1, "pass")

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients: uniform scores against the tails, Gumbel scores for groups (the largest wins)."""
        scores = rng.random((n, len(self.vocabulary)), dtype=np.float32)
        bias = np.zeros(len(self.vocabulary), dtype=np.float32)
        for name, columns in self.vocabulary.groups.items():
            scores[:, columns] = rng.gumbel(size=(n, len(columns)))
            bias[columns] = np.log(self.marginals.of_group(name))
        return Cut(self.marginals, (1 - self.marginals.tails).astype(np.float32), bias).apply(scores)

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json`."""
        arrays = {"offsets": self.marginals.offsets, "tails": self.marginals.tails}
        write_weights(folder, self.name, {"data": self.data}, arrays)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Independent":
        """Read back what `save` wrote."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary = vocabulary
        model.marginals = Marginals(vocabulary, arrays["offsets"], arrays["tails"])
        return model
