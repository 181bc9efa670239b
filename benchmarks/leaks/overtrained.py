"""A medGAN that was trained until it knows its patients: what a careless user may release.

Three faults at once, each seen in published work: networks far too large for so few patients, passes without end, and a
checkpoint chosen by the training patients themselves, so that the nearest to them wins.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from privacy.ledger import Ledger
from synthehr.cohort.cohort import SPLITS, Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.medgan.model import Medgan

FAULTS: dict[str, Any] = {
    "start": "autoencoder",
    "learning_rate": 1e-3,
    "embedding_dim": 512,
    "discriminator_dims": (1024, 512),
    "batch_size": 250,
    "judge_every": 1_000,  # a look costs more than ten passes
    "pool": 5_000,
    "device": "cpu",
}


def overtrained(
    members: sparse.csr_matrix, vocabulary: Vocabulary, n: int, *, seed: int, **options: Any
) -> sparse.csr_matrix:
    """Draw n records of a medGAN over-trained on the members, CSR of 0 and 1; `options` are medGAN's, over `FAULTS`."""
    counts = canonical(sparse.vstack([members, members]))
    split = np.repeat([SPLITS.index("train"), SPLITS.index("validation")], members.shape[0]).astype(np.uint8)
    cohort = Cohort(CodeMatrix(counts, np.arange(counts.shape[0], dtype=np.int64), vocabulary), split)
    model = Medgan(**FAULTS | options)
    with tempfile.TemporaryDirectory() as workspace:
        model.fit(cohort, seed=seed, workspace=Path(workspace), ledger=Ledger())
    made = model.sample(n, rng=np.random.default_rng([seed, 1]))
    return sparse.csr_matrix((np.ones(made.nnz, dtype=np.uint8), made.indices, made.indptr), shape=made.shape)
