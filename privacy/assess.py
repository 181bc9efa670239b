"""The tier of attacks that every release is put through, with nothing but matrices: anybody's synthetic data will do.

Measured on simulated records of the benchmark's size (46,500 members, 10,700 non-members, 71,518 x 920 synthetic, 10
codes a row): 25 CPU seconds on one core, 0.4 GB.
Not in this tier: an attacker who also holds the generator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from privacy.attributes.votes import attribute_risks, compromised
from privacy.identity.duplicates import duplicate_risks
from privacy.membership.neighbours import ATTACK, RARITY_ATTACK, NearestDistances, membership_risks, rarity_weights
from privacy.neighbours import nearest_distance
from privacy.membership.presence import presence_risks
from privacy.ranks import Targets
from privacy.risk import Risk

MOST_TARGETS = 10_000  # on a side: twice what a TPR at 0.1 % FPR takes, in a few CPU seconds
Progress = Callable[[str, int, int, str], None]


def _silent(task: str, done: int, total: int, unit: str) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What the attacks found.

    risks: not yet judged. roc: columns attack, place (synthetic, control or ceiling), fpr, tpr; no point is a patient.
    """

    risks: tuple[Risk, ...]
    roc: pd.DataFrame


def assess(
    *,
    members: sparse.csr_matrix,
    nonmembers: sparse.csr_matrix,
    reference: sparse.csr_matrix,
    fresh: sparse.csr_matrix,
    synthetic: sparse.csr_matrix,
    seed: int,
    progress: Progress = _silent,
) -> Assessment:
    """Attack a release: presence, membership (plain and rarity-weighted), exact duplicates, attributes.

    All five are CSR of 0 and 1 over the same codes. members were in the training data; nonmembers, reference and fresh
    were not, and no patient is in two of the four. synthetic is the release; fresh stands in its place as control, a
    copy of the members as ceiling. reference is what the attacker holds besides. At most 10,000 patients a side are
    attacked, drawn at random with `seed`; the notes say how many of how many.

    Raises:
        ValueError: an empty matrix, unequal codes, or a value other than 0 and 1.
    """
    given = {"members": members, "nonmembers": nonmembers, "reference": reference, "fresh": fresh}
    given["synthetic"] = synthetic
    records = {name: _checked(name, matrix, members.shape[1]) for name, matrix in given.items()}
    draw_seed, plain_seed, rarity_seed, attribute_seed = np.random.SeedSequence(seed).spawn(4)
    rng = np.random.default_rng(draw_seed)
    targets = {who: _sample(records[who], MOST_TARGETS, rng) for who in ("members", "nonmembers")}
    note = _how_many(targets, records)
    plain = _distances(targets, records, None, progress, "nearest neighbours")
    weights = rarity_weights(records["reference"])
    rarity = _distances(targets, records, weights, progress, "nearest neighbours, rarity-weighted")
    found, roc = membership_risks(plain, attack=ATTACK, seed=plain_seed, note=note)
    found_rarity, roc_rarity = membership_risks(rarity, attack=RARITY_ATTACK, seed=rarity_seed, note=note)
    duplicates, attributes = _duplicates(records), _attributes(targets, records, attribute_seed, progress)
    presence = presence_risks(plain.synthetic, plain.ceiling, note=note)
    risks = (*found, *found_rarity, *duplicates, *attributes, *presence)
    return Assessment(risks=risks, roc=pd.concat([roc, roc_rarity], ignore_index=True))


def _checked(name: str, matrix: sparse.csr_matrix, n_codes: int) -> sparse.csr_matrix:
    if matrix.shape[0] < 2 or matrix.shape[1] != n_codes:
        raise ValueError(f"{name} must have at least 2 records and {n_codes} codes. Got {matrix.shape} instead.")
    tidy = sparse.csr_matrix(matrix, copy=True)
    tidy.sum_duplicates()
    tidy.eliminate_zeros()
    if tidy.nnz and not (tidy.data == 1).all():
        raise ValueError(f"{name} must hold 0 and 1 only: clip counts to 1 first. Its largest value is {tidy.max()}.")
    return tidy.astype(np.uint8)


def _sample(records: sparse.csr_matrix, most: int, rng: np.random.Generator) -> sparse.csr_matrix:
    # shuffled even where all are kept: what follows takes the first few
    return records[rng.permutation(records.shape[0])[:most]]


def _how_many(targets: Mapping[str, sparse.csr_matrix], records: Mapping[str, sparse.csr_matrix]) -> str:
    parts = []
    for who, name in (("members", "members"), ("nonmembers", "non-members")):
        parts.append(f"{targets[who].shape[0]:,} of {records[who].shape[0]:,} {name}")
    return f"Attacked {' and '.join(parts)}."


def _distances(
    targets: Mapping[str, sparse.csr_matrix],
    records: Mapping[str, sparse.csr_matrix],
    weights: NDArray[np.float64] | None,
    progress: Progress,
    task: str,
) -> NearestDistances:
    places = {"reference": "reference", "synthetic": "synthetic", "control": "fresh", "ceiling": "members"}
    found = {}
    for done, (place, name) in enumerate(places.items()):
        progress(task, done, len(places), "data set")
        sides = (nearest_distance(targets[who], records[name], weights=weights) for who in ("members", "nonmembers"))
        found[place] = Targets(*sides)
    progress(task, len(places), len(places), "data set")
    return NearestDistances(**found)


def _duplicates(records: Mapping[str, sparse.csr_matrix]) -> list[Risk]:
    return duplicate_risks(
        members=records["members"],
        nonmembers=records["nonmembers"],
        reference=records["reference"],
        synthetic=records["synthetic"],
        control=records["fresh"],
    )


def _attributes(
    targets: Mapping[str, sparse.csr_matrix],
    records: Mapping[str, sparse.csr_matrix],
    seed: np.random.SeedSequence,
    progress: Progress,
) -> list[Risk]:
    n = compromised(records["members"].shape[0])
    known = {who: side[:n] for who, side in targets.items()}
    progress("attributes", 0, 1, "attack")
    risks = attribute_risks(
        members=known["members"],
        nonmembers=known["nonmembers"],
        synthetic=records["synthetic"],
        control=records["fresh"],
        ceiling=records["members"],
        seed=seed,
        note=_how_many(known, records),
    )
    progress("attributes", 1, 1, "attack")
    return risks
