from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, special

from privacy.ledger import Ledger
from synthehr.cohort.cohort import SPLITS, Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models import rejection
from synthehr.models.medgan.model import Medgan
from synthehr.models.rejection import Rejection
from synthehr.models.transformer.model import Transformer

Draw = Callable[[int, np.random.Generator], sparse.csr_matrix]
CODES = 6


def draw_of(lift: float) -> Draw:
    """Six codes of prevalence .4; the first two come together `lift` times as often as independence says."""

    def draw(n: int, rng: np.random.Generator) -> sparse.csr_matrix:
        rows = (rng.random((n, CODES)) < 0.4).astype(np.int64)
        # P(second | first) = .4 lift and P(second | not first) = (.4 - .16 lift) / .6: its prevalence stays .4
        chance = np.where(rows[:, 0] == 1, 0.4 * lift, (0.4 - 0.16 * lift) / 0.6)
        rows[:, 1] = rng.random(n) < chance
        return canonical(sparse.csr_matrix(rows))

    return draw


def patients(lift: float, n: int, seed: int) -> CodeMatrix:
    vocabulary = Vocabulary(tuple(f"A/{k}" for k in range(CODES)), ("",) * CODES, (None,) * CODES)
    return CodeMatrix(draw_of(lift)(n, np.random.default_rng(seed)), np.arange(n), vocabulary)


def together(rows: sparse.csr_matrix) -> float:
    return float(rows[:, [0]].multiply(rows[:, [1]]).sum() / rows.shape[0])


def learned(lift: float, train: CodeMatrix, validation: CodeMatrix) -> Rejection | None:
    both = sparse.vstack([train.counts, validation.counts], format="csr")
    split = np.repeat([SPLITS.index("train"), SPLITS.index("validation")], [len(train), len(validation)])
    cohort = Cohort(CodeMatrix(both, np.arange(len(split)), train.vocabulary), split.astype(np.uint8))
    return Rejection.of(draw_of(lift), cohort, seed=2, ledger=Ledger())


def test_a_pair_that_comes_too_seldom_is_put_right() -> None:
    found = learned(1.0, patients(1.6, 8_000, 0), patients(1.6, 3_000, 1))
    assert found is not None
    made = found.sample(draw_of(1.0), 20_000, np.random.default_rng(3))
    assert made.shape == (20_000, CODES)
    before = together(draw_of(1.0)(20_000, np.random.default_rng(3)))
    assert before == pytest.approx(0.16, abs=0.01)
    # .4 x .4 x 1.6, less what the ridge penalty and the bound leave
    assert together(made) == pytest.approx(0.256, abs=0.012)
    np.testing.assert_allclose(np.asarray(made.mean(axis=0)).ravel(), 0.4, atol=0.015)
    third = float(made[:, [2]].multiply(made[:, [3]]).sum() / 20_000)
    assert third == pytest.approx(0.16, abs=0.012)  # the control: a pair that was right stays


def test_numbers_of_codes_are_put_right() -> None:
    """Real patients have all three codes or none, drawn ones each by a coin: no code and no pair alone says so much."""

    def coins(n: int, rng: np.random.Generator) -> sparse.csr_matrix:
        return canonical(sparse.csr_matrix((rng.random((n, 3)) < 0.5).astype(np.int64)))

    rng = np.random.default_rng(0)
    counts = canonical(sparse.csr_matrix(np.repeat(rng.random((9_000, 1)) < 0.5, 3, axis=1).astype(np.int64)))
    vocabulary = Vocabulary(("A/0", "A/1", "A/2"), ("",) * 3, (None,) * 3)
    split = np.repeat([SPLITS.index("train"), SPLITS.index("validation")], [6_000, 3_000]).astype(np.uint8)
    cohort = Cohort(CodeMatrix(counts, np.arange(9_000), vocabulary), split)
    found = Rejection.of(coins, cohort, seed=2, ledger=Ledger())
    assert found is not None
    some = [
        float(np.isin(np.diff(m.indptr), [1, 2]).mean()) for m in (coins(5_000, rng), found.sample(coins, 5_000, rng))
    ]
    assert some[0] == pytest.approx(0.75, abs=0.02)  # 1 and 2 of three coins; the control
    assert some[1] < 0.02


def test_a_small_difference_is_learned_too() -> None:
    """Real patients have a code at .0103, drawn ones, twice as many, at .0100; another one both at .2."""
    real, drawn = np.zeros((100_000, 2)), np.zeros((200_000, 2))
    real[:1_030, 0], drawn[:2_000, 0] = 1, 1
    real[::5, 1], drawn[::5, 1] = 1, 1
    label = np.arange(300_000) < 100_000
    table = sparse.csr_matrix(np.vstack([real, drawn]), dtype=np.float32)
    fit = rejection._fitted(table, label, 100.0)
    expected = special.logit(0.0103) - special.logit(0.01)  # all but unpenalised, the log odds ratio by hand
    assert fit.coef_[0, 0] == pytest.approx(expected, rel=0.05)
    assert fit.coef_[0, 1] == pytest.approx(0, abs=1e-3)
    assert fit.intercept_[0] == pytest.approx(0, abs=1e-3)  # both sides weigh the same


def test_where_draws_are_right_hardly_anything_is_turned_away() -> None:
    right = learned(1.2, patients(1.2, 8_000, 0), patients(1.2, 3_000, 1))
    wrong = learned(1.0, patients(1.6, 8_000, 0), patients(1.6, 3_000, 1))
    assert right is None or right.rate > 0.8
    assert wrong is not None
    assert wrong.rate < 0.8  # the control


def test_nothing_is_learned_that_validation_patients_do_not_confirm() -> None:
    one, other = patients(1.6, 4_000, 0), patients(1.0, 4_000, 1)
    assert learned(1.0, one, other) is None
    assert learned(1.0, one, patients(1.6, 4_000, 1)) is not None  # the control


def test_it_is_read_back_and_the_same_seed_gives_the_same_patients() -> None:
    found = learned(1.0, patients(1.6, 4_000, 0), patients(1.6, 2_000, 1))
    assert found is not None
    again = Rejection.from_arrays(found.arrays())
    assert again is not None
    one, same = (r.sample(draw_of(1.0), 500, np.random.default_rng(4)) for r in (found, again))
    assert (one != same).nnz == 0
    assert (one != found.sample(draw_of(1.0), 500, np.random.default_rng(5))).nnz > 0
    assert found.sample(draw_of(1.0), 0, np.random.default_rng(0)).shape == (0, CODES)
    assert Rejection.from_arrays({}) is None


@given(st.lists(st.lists(st.integers(0, 2), min_size=5, max_size=5), min_size=1, max_size=9), st.integers(0, 99))
def test_log_odds_are_those_of_the_features(rows: list[list[int]], seed: int) -> None:
    counts = canonical(sparse.csr_matrix(np.array(rows, dtype=np.int64)))
    columns = np.array([0, 1, 3])
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero([i < j for i in range(3) for j in range(3)])
    features = rejection._Features(3, columns, kept)
    coefficients = rng.normal(size=4 + 5 + len(kept))
    margin = Rejection(*features.weights(coefficients), 0.0, 1.0).margin(counts)
    np.testing.assert_allclose(margin, features.of_patients(counts) @ coefficients, atol=1e-6)
    # by hand: numbers of codes, of which 3 stands for 4 and 5 too, codes, then the pairs 01, 03, 13
    size, single, paired = coefficients[:4], coefficients[4:9], coefficients[9:]
    x = (np.array(rows) > 0).astype(float)
    together = np.stack([x[:, 0] * x[:, 1], x[:, 0] * x[:, 3], x[:, 1] * x[:, 3]], 1)
    by_hand = size[np.minimum(x.sum(axis=1).astype(int), 3)] + x @ single + together @ paired
    np.testing.assert_allclose(margin, by_hand, atol=1e-6)


def test_the_strongest_penalty_that_is_as_good_is_taken() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.5, 0.1, size=(2, 1_000))
    noise = rng.normal(0, 0.2, size=(2, 1_000))
    noise -= noise.mean(axis=1, keepdims=True)  # as good on average, and no better than chance says
    same, worse = (base[0] + noise[0] + 0.001, base[1] + noise[1]), (base[0] + 0.2, base[1] + 0.2)
    best = (base[0], base[1])
    assert rejection._strongest([worse, same, best]) == 1
    assert rejection._strongest([worse, best, same]) == 1
    hopeless = (np.full(10, 0.7), np.full(10, 0.7))  # log 2 is .693
    assert rejection._strongest([hopeless]) is None


def test_fewer_columns_are_paired_where_records_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    train = patients(1.0, 1_000, 0)
    assert len(rejection._paired(train)) == CODES
    monkeypatch.setattr(rejection, "MOST_PAIRS", 1_200)  # six codes of .4 have 2.4 pairs a patient, four have .96
    assert len(rejection._paired(train)) == 4
    assert special.comb(4, 2) * 0.16 * 1_000 < 1_200 < special.comb(5, 2) * 0.16 * 1_000


@pytest.mark.parametrize(
    "model", [Transformer(epochs=1, width=16, layers=1, heads=2, pool=1_000), Medgan(epochs=1, pool=1_000)]
)
def test_a_generator_saves_it_and_draws_by_it(model: Transformer | Medgan, cohort: Cohort, tmp_path: Path) -> None:
    model.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
    assert model.rejection is not None  # one pass has taught it next to nothing: there is much to turn away
    model.save(tmp_path)
    again = type(model).load(tmp_path, model.vocabulary)
    one, other = (m.sample(500, rng=np.random.default_rng(3)) for m in (model, again))
    assert (one != other).nnz == 0
    again.rejection = None
    assert (one != again.sample(500, rng=np.random.default_rng(3))).nnz > 0  # the control
