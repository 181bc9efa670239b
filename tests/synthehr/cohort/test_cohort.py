from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from synthehr.cohort.cohort import GAMMA, SPLITS, Cohort, draw_splits, read_cohort, splitmix64, write_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData, IncompleteLanding
from synthehr.landing import land

SHARES = (0.65, 0.05, 0.30)


def cohort(n: int = 40) -> Cohort:
    rng = np.random.default_rng(4)
    counts = canonical(sparse.csr_matrix(rng.integers(0, 3, (n, 5))))
    vocabulary = Vocabulary(tuple("abcde"), ("",) * 5, (None,) * 5)
    ids = np.arange(n) + 100
    return Cohort(CodeMatrix(counts, ids, vocabulary), draw_splits(ids, shares=SHARES, seed=4))


def landed(path: Path, whole: Cohort) -> Path:
    with land(path, kind="cohort", config={}, made_from={}) as folder:
        write_cohort(folder, whole)
    return path


def by_permutation(n: int, seed: int) -> np.ndarray:
    """How splits were drawn once: exact sizes, laid out in an order of all patients."""
    bounds = np.round(np.cumsum(SHARES) * n).astype(int)
    return np.searchsorted(bounds, np.arange(n), side="right")[np.random.default_rng(seed).permutation(n)]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=60, unique=True), st.integers(0, 2**64 - 1))
def test_the_split_of_a_patient_is_the_same_whoever_else_is_there(ids: list[int], seed: int) -> None:
    whole = dict(zip(ids, draw_splits(np.array(ids), shares=SHARES, seed=seed).tolist(), strict=True))
    for others in (ids[1:], ids[::-1], ids[:1]):
        split = draw_splits(np.array(others), shares=SHARES, seed=seed)
        assert split.dtype == np.uint8
        assert split.tolist() == [whole[one] for one in others]


def test_by_a_permutation_one_patient_more_moves_others() -> None:
    """The control of the test above: the patient comes first, as one with the smallest id would."""
    assert (by_permutation(1_000, 0) != by_permutation(1_001, 0)[1:]).sum() > 300


PATTERNS = {
    "consecutive": np.arange(20_000),
    "in steps": np.arange(20_000) * 1_000,
    "high bits alone": np.arange(20_000) << 48,
    "negative": -np.arange(20_000),
}


def far_off(split: np.ndarray) -> float:
    """How far the size that is furthest from its share x n is from it, in binomial standard deviations."""
    share = np.array(SHARES)
    sizes = np.bincount(split, minlength=3)
    assert sizes.sum() == len(split)
    return float((np.abs(sizes - share * len(split)) / np.sqrt(share * (1 - share) * len(split))).max())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_sizes_are_binomial_whatever_the_ids_look_like(pattern: str) -> None:
    ids = PATTERNS[pattern]
    off = [far_off(draw_splits(ids, shares=SHARES, seed=seed)) for seed in range(10)]
    assert max(off) < 5
    assert np.mean(off) > 0.3  # exact sizes, as by a permutation, are not binomial


def test_by_the_last_digits_ids_in_steps_are_all_in_one_split() -> None:
    """The control of the test above."""
    digits = np.searchsorted(np.cumsum(SHARES)[:-1], PATTERNS["in steps"] % 100 / 100, side="right")
    assert far_off(digits) > 5
    assert far_off(by_permutation(20_000, 0)) < 0.3


def test_splits_do_not_follow_the_order_of_patients() -> None:
    split = draw_splits(np.arange(10_000), shares=SHARES, seed=0)
    early, late = (split[:5_000] == 2).mean(), (split[5_000:] == 2).mean()
    assert abs(early - late) < 5 * np.sqrt(2 * 0.3 * 0.7 / 5_000)


@pytest.mark.parametrize("move", [0, 1])
def test_another_seed_is_another_draw_and_not_the_next_patients(move: int) -> None:
    ids = np.arange(20_000)
    one, other = draw_splits(ids, shares=SHARES, seed=7), draw_splits(ids, shares=SHARES, seed=8)
    chance = np.square(SHARES).sum()
    within = 5 * np.sqrt(chance * (1 - chance) / len(ids))
    assert abs((other[: len(ids) - move] == one[move:]).mean() - chance) < within
    # the control: a seed that is added to the id makes of each seed the one before, moved on by one
    added = [splitmix64((ids + seed).astype(np.uint64)) for seed in (7, 8)]
    assert (added[1][:-1] == added[0][1:]).all()


def test_the_scrambling_is_that_of_splitmix64() -> None:
    # the first five numbers of the seed 1234567: rosettacode.org, "Pseudo-random numbers/Splitmix64"
    state = np.uint64(1_234_567) + np.arange(1, 6, dtype=np.uint64) * GAMMA
    assert splitmix64(state).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("seed", [0, 1, -1, 2**64 + 1])
def test_seeds_are_taken_modulo_two_to_the_64(seed: int) -> None:
    ids = np.arange(500)
    split = draw_splits(ids, shares=SHARES, seed=seed)
    assert (split == draw_splits(ids, shares=SHARES, seed=seed % 2**64)).all()
    assert (split != draw_splits(ids, shares=SHARES, seed=2)).any()


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.0), (0.5, 0.4, 0.2), (1.2, -0.1, -0.1)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="'shares' parameter of draw_splits"):
        draw_splits(np.arange(10), shares=shares, seed=0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    whole = cohort()
    read = read_cohort(landed(tmp_path / "cohort", whole))
    assert (read.matrix.counts.toarray() == whole.matrix.counts.toarray()).all()
    assert (read.matrix.ids == whole.matrix.ids).all()
    assert (read.split == whole.split).all()
    assert read.matrix.vocabulary == whole.matrix.vocabulary


def test_parts_are_disjoint_and_whole() -> None:
    whole = cohort()
    ids = [whole.part(name).ids for name in SPLITS]
    assert sorted(np.concatenate(ids).tolist()) == whole.matrix.ids.tolist()


def test_a_folder_without_manifest_is_no_cohort(tmp_path: Path) -> None:
    write_cohort(tmp_path, cohort())
    with pytest.raises(IncompleteLanding, match="no manifest"):
        read_cohort(tmp_path)


@pytest.mark.parametrize("wrong", ["order", "name"])
def test_splits_that_do_not_fit_the_matrix_are_refused(tmp_path: Path, wrong: str) -> None:
    path = landed(tmp_path / "cohort", cohort())
    table = pq.read_table(path / "splits.parquet").to_pydict()
    if wrong == "order":
        table["subject_id"].reverse()
    else:
        table["split"][0] = "test"
    pq.write_table(pa.table(table), path / "splits.parquet")
    with pytest.raises(BadData, match=r"splits\.parquet must name a split"):
        read_cohort(path)
