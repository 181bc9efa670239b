"""Codes per patient: are synthetic records as long as real ones, and as unequally so?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.evaluation import LENGTH_COLUMNS
from synthehr.fidelity.interval import Blocks, block_rows, jackknife
from synthehr.fidelity.score import Estimate, Measure

CODES_PER_PATIENT = (
    Measure(name="codes_per_patient_l1", better="lower", lowest=0, highest=1),
    Measure(name="codes_per_patient_ks", better="lower", lowest=0, highest=1),
    Measure(name="codes_per_patient_mean_difference", better="ceiling"),
    Measure(name="codes_per_patient_sd", better="ceiling", lowest=0),
)


def codes_per_patient(test: CodeMatrix, candidate: CodeMatrix) -> list[Estimate]:
    """Histograms of the number of distinct codes a patient, candidate against test.

    Half the L1 distance of the histograms (total variation, MCAD), the Kolmogorov-Smirnov distance, the difference of
    the means (candidate - test, in codes), and the candidate's standard deviation (in codes), whose ceiling is that of
    real patients. Intervals by jackknife over the patients of both.
    """
    lengths = [cohort.codes_per_patient() for cohort in (test, candidate)]
    longest = max(int(length.max()) for length in lengths)
    value, error = jackknife(_figures, *(_histogram(length, longest + 1) for length in lengths))
    return [
        measure.estimate(v, e, n=len(candidate), unit="patients")
        for measure, v, e in zip(CODES_PER_PATIENT, value, error, strict=True)
    ]


def length_table(cohorts: Mapping[str, CodeMatrix]) -> pd.DataFrame:
    """Share of patients by number of distinct codes, from 0 to the longest record: `LENGTH_COLUMNS`.

    cohorts: real, synthetic, floor and ceiling.
    """
    lengths = {who: cohort.codes_per_patient() for who, cohort in cohorts.items()}
    size = 1 + max(int(length.max()) for length in lengths.values())
    shares = {f"share_{who}": np.bincount(length, minlength=size) / len(length) for who, length in lengths.items()}
    return pd.DataFrame({"n_codes": np.arange(size), **shares})[LENGTH_COLUMNS]


def _histogram(lengths: NDArray[np.int64], size: int) -> Blocks:
    parts = [lengths[rows] for rows in block_rows(len(lengths))]
    sums = np.stack([np.bincount(part, minlength=size) for part in parts])
    return Blocks(sums.astype(np.float64), np.asarray([len(part) for part in parts]))


def _figures(real: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """real, other: (longest + 1,) share of patients by number of codes -> (4,) in the order of `CODES_PER_PATIENT`."""
    codes = np.arange(len(real))
    mean = other @ codes
    deviation = np.sqrt(other @ np.square(codes - mean))
    gap = real - other
    return np.asarray([np.abs(gap).sum() / 2, np.abs(np.cumsum(gap)).max(), mean - real @ codes, deviation])
