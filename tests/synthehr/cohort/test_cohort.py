from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from synthehr.cohort.cohort import SPLITS, Cohort, draw_splits, read_cohort, write_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData, IncompleteLanding
from synthehr.landing import land

SHARES = (0.65, 0.05, 0.30)


def cohort(n: int = 40) -> Cohort:
    rng = np.random.default_rng(4)
    counts = canonical(sparse.csr_matrix(rng.integers(0, 3, (n, 5))))
    vocabulary = Vocabulary(tuple("abcde"), ("",) * 5, (None,) * 5)
    return Cohort(CodeMatrix(counts, np.arange(n) + 100, vocabulary), draw_splits(n, shares=SHARES, rng=rng))


def landed(path: Path, whole: Cohort) -> Path:
    with land(path, kind="cohort", config={}, made_from={}) as folder:
        write_cohort(folder, whole)
    return path


@given(st.integers(0, 3_000), st.integers(0, 9))
def test_splits_have_their_shares_to_within_one_patient(n: int, seed: int) -> None:
    split = draw_splits(n, shares=SHARES, rng=np.random.default_rng(seed))
    sizes = np.bincount(split, minlength=3)
    assert sizes.sum() == n
    assert (np.abs(sizes - np.array(SHARES) * n) <= 1).all()
    assert (split == draw_splits(n, shares=SHARES, rng=np.random.default_rng(seed))).all()


def test_splits_do_not_follow_the_order_of_patients() -> None:
    split = draw_splits(10_000, shares=SHARES, rng=np.random.default_rng(0))
    early, late = (split[:5_000] == 2).mean(), (split[5_000:] == 2).mean()
    assert abs(early - late) < 5 * np.sqrt(2 * 0.3 * 0.7 / 5_000)


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.0), (0.5, 0.4, 0.2), (1.2, -0.1, -0.1)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="'shares' parameter of draw_splits"):
        draw_splits(10, shares=shares, rng=np.random.default_rng(0))


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
