"""Faults planted in the curator, each under a ledger that claims as if there were none."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy import sparse

import privacy.curator
from privacy.accountant import gaussian_multiplier
from privacy.audit.canaries import Audit
from privacy.audit.curator import audit_curator, own_columns
from privacy.budget import Budget, divided
from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.mechanisms import Floats
from privacy.noise import NoiseSource

BUDGET = Budget(epsilon=1.0, delta=1e-5)
THRESHOLD_DELTA = 1e-6
WIDTH = 3  # columns of each canary: they make three pairs
WEIGHT = 30.0  # of every column: a canary that is not clipped moves the sums by 52 clips
COMMON = 200  # patients who share columns that no canary has
LEFT_OUT = "a question that nobody entered"


def _noiseless(total: Floats, **_: Any) -> Floats:
    return np.asarray(total, dtype=np.float64)


def _symmetric_noiseless(total: Floats, **_: Any) -> Floats:
    return np.asarray(total * (1 - np.eye(len(total))), dtype=np.float64)


@contextmanager
def no_noise() -> Iterator[None]:
    """Answers are the sums themselves."""
    with (
        patch.object(privacy.curator, "gaussian", _noiseless),
        patch.object(privacy.curator, "symmetric_gaussian", _symmetric_noiseless),
    ):
        yield


def no_clipping() -> AbstractContextManager[Any]:
    """A patient adds to a sum whatever the weights make of the record."""
    return patch.object(privacy.curator, "clipped", lambda norms, clip: np.ones_like(norms))


def no_scaling() -> AbstractContextManager[Any]:
    """All records pass for ones of norm 1, so neither sums nor pairs are scaled."""
    return patch.object(Curator, "_norms", lambda self, weights: np.ones(self._rows.shape[0]))


def small_sensitivity() -> AbstractContextManager[Any]:
    """The noise on pairs is that of a sensitivity 20 times too small; the ledger has its multiple, as it should."""
    return patch.object(privacy.curator, "PAIR_SENSITIVITY", privacy.curator.PAIR_SENSITIVITY / 20)


def no_threshold() -> AbstractContextManager[Any]:
    """Every column that somebody fills is told."""
    return patch.object(privacy.curator, "threshold", lambda **_: -np.inf)


def left_out() -> AbstractContextManager[Any]:
    """One question is answered and never entered."""
    enter = Curator._enter

    def some(self: Curator, query: str, **asked: Any) -> None:
        if query != LEFT_OUT:
            enter(self, query, **asked)

    return patch.object(Curator, "_enter", some)


FAULTS: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "none": nullcontext,
    "no noise": no_noise,
    "no clipping": no_clipping,
    "no scaling": no_scaling,
    "sensitivity told too small": small_sensitivity,
    "no threshold": no_threshold,
    "question left out of the ledger": left_out,
}


def audit_of(fault: str, m: int, key: bytes, secret: bytes) -> Audit:
    """Sums, pairs and frequent columns of m canaries and some others, asked at epsilon 1 with this fault."""
    canaries = own_columns(m, width=WIDTH)
    d = canaries.shape[1] + WIDTH
    canaries.resize(m, d)
    others = np.zeros((COMMON, d))
    others[:, -WIDTH:] = 1.0
    whole = gaussian_multiplier(epsilon=BUDGET.epsilon, delta=BUDGET.delta - THRESHOLD_DELTA)
    noise = divided(whole, {"sums": 0.4, "pairs": 0.4, "frequent": 0.2})
    weights = np.full(d, WEIGHT)

    def ask(curator: Curator) -> None:
        curator.sums("sums", weights, clip=1.0, noise_multiplier=noise["sums"])
        curator.pairs("pairs", weights, noise_multiplier=noise["pairs"])
        curator.frequent(
            "frequent", clip=WIDTH**0.5, noise_multiplier=noise["frequent"], delta=THRESHOLD_DELTA, most=WIDTH
        )
        if fault == "question left out of the ledger":
            curator.sums(LEFT_OUT, weights, clip=1.0, noise_multiplier=0.3)

    with FAULTS[fault]():
        return audit_curator(
            ask,
            canaries=canaries,
            others=sparse.csr_matrix(others),
            ledger=Ledger(budget=BUDGET),
            source=NoiseSource(key),
            secret=NoiseSource(secret),
        )
