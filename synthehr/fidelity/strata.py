"""Strata of codes by how common they are among real patients."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

BOUNDS = {">=5%": (0.05, np.inf), "1-5%": (0.01, 0.05), "0.1-1%": (0.001, 0.01), "<0.1%": (0.0, 0.001)}
MIN_CODES = 5  # a correlation over fewer codes says nothing

Strata = Mapping[str, NDArray[np.bool_]]


def strata_of(prevalence: NDArray[np.float64]) -> Strata:
    """Masks (n_codes,) of the codes in "all" and in each stratum of the real training prevalence, lower bound included.

    A code that no training patient has is in none: a public list has hundreds of them, and that they are as rare in
    the synthetic cohort (`spurious_mass`) is no agreement of prevalences; "all" is then all, where fewer than
    `MIN_CODES` are anybody's. Strata of fewer are left out.
    """
    seen = prevalence > 0
    masks = {"all": seen if seen.sum() >= MIN_CODES else np.ones(len(prevalence), dtype=bool)}
    masks |= {name: seen & (prevalence >= low) & (prevalence < high) for name, (low, high) in BOUNDS.items()}
    return {name: mask for name, mask in masks.items() if mask.sum() >= MIN_CODES}
