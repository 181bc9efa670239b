import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.models.transformer import sequences
from synthehr.models.transformer.sequences import Layout, Sequences

NAMES = ("SEX/f", "SEX/m", "A/1", "A/2", "A/3", "B/1")
GROUPS = ("sex", "sex", None, None, None, None)


def matrix_of(rows: list[list[int]]) -> CodeMatrix:
    counts = canonical(sparse.csr_matrix(np.asarray(rows, dtype=np.int64)))
    return CodeMatrix(counts, np.arange(len(rows)), Vocabulary(NAMES, ("",) * len(NAMES), GROUPS))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> CodeMatrix:
    """A/3 is in 3 patients, A/1 in 2, A/2 in 1; every size that occurs has a token."""
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 1)
    return matrix_of([[1, 0, 1, 0, 2, 0], [0, 1, 1, 1, 1, 1], [0, 1, 0, 0, 1, 0]])


def test_tokens_on_paper(small: CodeMatrix) -> None:
    layout = Layout.of(small)
    # sex | sizes of A: 1, 2, 3 | sizes of B: 0, 1 | A by falling prevalence | B
    assert layout.starts.tolist() == [0, 2, 5, 7, 10, 11]
    assert layout.column.tolist() == [0, 1, -1, -1, -1, -1, -1, 4, 2, 3, 5]
    coded = layout.encode(small)
    patients = [coded.token[start:stop].tolist() for start, stop in zip(coded.indptr, coded.indptr[1:], strict=False)]
    assert patients == [[0, 3, 5, 7, 8], [1, 4, 6, 7, 8, 9, 10], [1, 2, 5, 7]]
    assert coded.left.tolist() == [0, 0, 0, 2, 1, 0, 0, 0, 3, 2, 1, 1, 0, 0, 0, 1]
    # the first of two codes of A leaves room for one more; the second comes after the first
    assert (coded.low[3], coded.high[3]) == (7, 9)
    assert (coded.low[4], coded.high[4]) == (8, 10)
    assert (coded.low[8], coded.high[8]) == (7, 8)  # three of three: there is no choice


def test_counts_on_paper(small: CodeMatrix) -> None:
    layout = Layout.of(small, binary=False)
    assert layout.levels.tolist() == [1, 2]
    np.testing.assert_allclose(layout.tally, [0, 6 / 7, 1 / 7])
    coded = layout.encode(small)
    # the first patient has A/3 twice and A/1 once, A/3 first
    assert coded.level.tolist() == [0, 0, 0, 1, 0, *[0] * 7, *[0] * 4]
    assert Layout.of(small).encode(small).level.max() == 0  # presence


def test_a_rare_count_shares_the_level_of_the_next_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 2)
    train = matrix_of(
        [[1, 0, 1, 0, 0, 0], [1, 0, 1, 0, 0, 0], [1, 0, 3, 3, 0, 0], [1, 0, 4, 0, 0, 0], [1, 0, 2, 0, 0, 0]]
    )
    layout = Layout.of(train, binary=False)
    assert layout.levels.tolist() == [1, 3]
    uniform = (np.arange(900) + 0.5) / 900
    drawn = layout.count_of(np.tile([0, 1, 1], 300), uniform)
    # once or twice as 2 to 1, three or four times as 2 to 1
    assert np.bincount(drawn[np.arange(900) % 3 == 0])[1:] == pytest.approx([200, 100], abs=2)
    assert np.bincount(drawn[np.arange(900) % 3 > 0])[3:] == pytest.approx([400, 200], abs=3)


def test_all_but_a_few_patients_stand_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "FEW", 1)
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 1)
    one, two, three = [1, 0, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0], [1, 0, 0, 1, 1, 0]
    # A/1 is commonest, then A/2, then A/3: of two codes the first stands at place 0 in three patients, at 1 in one
    layout = Layout.of(matrix_of([one, one, two, two, two, three]))
    assert layout.reach[0].tolist() == [2, 2, 0]
    assert Layout.of(matrix_of([one, one, two, two, three, three])).reach[0].tolist() == [2, 2, 1]  # the control


def test_a_rare_size_shares_the_token_of_the_next_smaller_and_is_drawn_as_often_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sequences, "MIN_PATIENTS", 2)
    one, two, three = [1, 0, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0], [1, 0, 1, 1, 1, 0]
    layout = Layout.of(matrix_of([one, one, one, two, three]))
    assert layout.classes[0].tolist() == [1]
    uniform = (np.arange(1_000) + 0.5) / 1_000
    drawn = layout.size_of(0, np.zeros(1_000, dtype=np.int64), uniform)
    assert np.bincount(drawn).tolist() == [0, 600, 200, 200]
    larger = Layout.of(matrix_of([one, one, two, two, three]))
    assert larger.classes[0].tolist() == [1, 2]
    drawn = larger.size_of(0, np.ones(1_000, dtype=np.int64), uniform)
    assert np.bincount(drawn)[2:] == pytest.approx([667, 333], abs=1)


def test_a_patient_without_a_group_is_refused(small: CodeMatrix) -> None:
    with pytest.raises(BadData, match="'sex'; 1 have none or several"):
        Layout.of(small).encode(matrix_of([[0, 0, 1, 0, 0, 0]]))


def test_a_layout_is_read_back(small: CodeMatrix) -> None:
    layout = Layout.of(small)
    again = Layout.from_arrays(small.vocabulary, layout.arrays())
    assert again.column.tolist() == layout.column.tolist()
    assert again.encode(small).token.tolist() == layout.encode(small).token.tolist()


@st.composite
def cohorts(draw: st.DrawFn) -> CodeMatrix:
    n = draw(st.integers(1, 12))
    free = draw(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=n, max_size=n))
    sex = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return matrix_of([[int(s), int(not s), *row] for s, row in zip(sex, free, strict=True)])


@given(train=cohorts(), other=cohorts())
def test_every_patient_is_coded_without_loss_and_within_what_may_stand_there(
    train: CodeMatrix, other: CodeMatrix
) -> None:
    layout = Layout.of(train)
    for matrix in (train, other):
        coded = layout.encode(matrix)
        columns = [layout.column[coded.token[a:b]] for a, b in zip(coded.indptr, coded.indptr[1:], strict=False)]
        rows = [
            matrix.counts.indices[a:b] for a, b in zip(matrix.counts.indptr, matrix.counts.indptr[1:], strict=False)
        ]
        assert [sorted(c[c >= 0].tolist()) for c in columns] == [row.tolist() for row in rows]
        assert ((coded.low <= coded.token) & (coded.token < coded.high)).all()


@given(train=cohorts(), size=st.integers(1, 5), seed=st.none() | st.integers(0, 9))
def test_a_pass_sees_every_patient_once(train: CodeMatrix, size: int, seed: int | None) -> None:
    coded = Layout.of(train).encode(train)
    batches = list(coded.batches(size, None if seed is None else np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(train)))
    for rows in batches:
        at, there = coded.padded(rows)
        assert there.sum() == np.diff(coded.indptr)[rows].sum()
        assert [coded.token[row[ok]].tolist() for row, ok in zip(at, there, strict=True)] == [
            coded.token[coded.indptr[k] : coded.indptr[k + 1]].tolist() for k in rows
        ]


def test_nobody_is_no_sequence(small: CodeMatrix) -> None:
    empty = Layout.of(small).encode(small.rows(np.empty(0, dtype=np.int64)))
    assert isinstance(empty, Sequences)
    assert len(empty) == 0
    assert list(empty.batches(5, None)) == []
