"""Strata of codes by how common they are among real patients."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

BOUNDS = {">=5%": (0.05, np.inf), "1-5%": (0.01, 0.05), "0.1-1%": (0.001, 0.01), "<0.1%": (-np.inf, 0.001)}
MIN_CODES = 5  # a correlation over fewer codes says nothing

Strata = Mapping[str, NDArray[np.bool_]]


def strata_of(prevalence: NDArray[np.float64]) -> Strata:
    """Masks (n_codes,) of the codes in "all" and in each stratum of the real training prevalence, lower bound included.

    Strata of fewer than `MIN_CODES` codes are left out.
    """
    masks = {"all": np.ones(len(prevalence), dtype=bool)}
    masks |= {name: (prevalence >= low) & (prevalence < high) for name, (low, high) in BOUNDS.items()}
    return {name: mask for name, mask in masks.items() if mask.sum() >= MIN_CODES}
