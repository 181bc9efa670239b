import inspect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

import privacy.curator
from privacy.budget import Budget
from privacy.curator import PAIR_SENSITIVITY, Curator, bound
from privacy.ledger import Ledger, Unaccounted
from privacy.mechanisms import Gaussian, threshold
from privacy.noise import KEY_BYTES, NoiseSource

KEY = bytes(range(KEY_BYTES))
BUDGET = Budget(epsilon=1.0, delta=1e-6)
Floats = NDArray[np.float64]


def curator(records: Any, *, budget: Budget | None = None, source: NoiseSource | None = None) -> Curator:
    return Curator(sparse.csr_matrix(records), Ledger(budget=budget), source or NoiseSource(KEY))


def sums(records: Any, weights: Floats, clip: float) -> Floats:
    """Without noise: that of the same name under the same key is subtracted, which only a holder of the key can."""
    value = curator(records).sums("q", weights, clip=clip, noise_multiplier=1e-3).value
    drawn = NoiseSource(KEY).stream("q", bound(weights, clip, 1e-3)).normal(len(weights))
    return np.asarray(value - clip * 1e-3 * drawn)


def pairs(records: Any, weights: Floats) -> Floats:
    """Without noise, above the diagonal."""
    value = curator(records).pairs("q", weights, noise_multiplier=1e-3).value
    above = np.triu_indices(len(weights), 1)
    drawn = NoiseSource(KEY).stream("q", bound(weights, 1.0, 1e-3)).normal(len(above[0]))
    return np.asarray(value[above] - PAIR_SENSITIVITY * 1e-3 * drawn)


# sensitivity, by brute force


@dataclass(frozen=True)
class Case:
    records: NDArray[np.int64]
    weights: Floats


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Patients, from nobody with nothing to all with everything, and weights over twelve orders of magnitude."""
    n, d = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    rows = st.lists(st.lists(st.integers(0, 1), min_size=d, max_size=d), min_size=n, max_size=n)
    weight = st.one_of(st.just(0.0), st.just(1.0), st.floats(1e-6, 1e6))
    weights = draw(st.lists(weight, min_size=d, max_size=d))
    return Case(np.array(draw(rows)), np.array(weights))


def farthest(of_records: Any, records: NDArray[np.int64]) -> float:
    """The largest distance that leaving one patient out makes."""
    whole = of_records(records)
    left = [of_records(np.delete(records, i, axis=0)) for i in range(len(records))]
    return float(max(np.linalg.norm(whole - without) for without in left))


@given(cases(), st.floats(0.01, 100.0))
@settings(max_examples=60, deadline=None)
def test_one_patient_moves_the_sums_by_the_clip_at_most(case: Case, clip: float) -> None:
    moved = farthest(lambda records: sums(records, case.weights, clip), case.records)
    assert moved <= clip * (1 + 1e-9)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_one_patient_moves_the_pairs_by_the_root_of_a_half_at_most(case: Case) -> None:
    assert farthest(lambda records: pairs(records, case.weights), case.records) <= 0.5**0.5 * (1 + 1e-9)


def test_the_sums_do_reach_the_clip_and_without_it_one_patient_moves_them_farther() -> None:
    """The control: nine codes move a flat sum by 3; clipped to 2 by 2; the bound is met and not missed by far."""
    records = np.vstack([np.ones(9, dtype=int), np.eye(9, dtype=int)])
    assert farthest(lambda rows: sums(rows, np.ones(9), 2.0), records) == pytest.approx(2.0)
    assert farthest(lambda rows: sums(rows, np.ones(9), 100.0), records) == pytest.approx(3.0)
    assert farthest(lambda rows: rows.sum(axis=0), records) == pytest.approx(3.0)


@pytest.mark.parametrize("codes", [2, 3, 10, 40])
def test_unscaled_pairs_move_by_far_more(codes: int) -> None:
    """The control: L codes make L (L - 1) / 2 pairs of 1, and of 1 / L when scaled (METRICS.md)."""
    records = np.ones((2, codes), dtype=int)
    above = np.triu_indices(codes, 1)
    unscaled = farthest(lambda rows: (rows.T @ rows)[above], records)
    assert unscaled == pytest.approx(math.sqrt(codes * (codes - 1) / 2))
    assert unscaled > PAIR_SENSITIVITY
    scaled = farthest(lambda rows: pairs(rows, np.ones(codes)), records)
    assert scaled == pytest.approx(math.sqrt((1 - 1 / codes) / 2))
    assert scaled < PAIR_SENSITIVITY


def test_pairs_on_both_sides_of_the_diagonal_or_on_it_would_move_by_more() -> None:
    """The control of the symmetry: the whole matrix u u' has norm 1, its diagonal alone up to 1."""
    records = np.ones((2, 40), dtype=int)
    u = np.ones(40) / math.sqrt(40)
    assert np.linalg.norm(np.outer(u, u)) == pytest.approx(1.0)
    assert np.linalg.norm(pairs(records[:1], np.ones(40))) < PAIR_SENSITIVITY < 1.0


def test_a_place_that_is_listed_twice_is_refused() -> None:
    """Two ones in one place are a 2, which a check of each of them passes, and which moves a sum by 1.41 clips."""
    twice = sparse.csr_matrix((np.ones(2), np.array([0, 0]), np.array([0, 2])), shape=(1, 3))
    assert twice.toarray().tolist() == [[2, 0, 0]]
    with pytest.raises(ValueError, match="of 0 and 1"):
        Curator(twice, Ledger(), NoiseSource(KEY))


@pytest.mark.parametrize("value", [2.0, 0.5, -1.0, math.nan, math.inf, 1 + 1e-12])
def test_records_that_are_not_of_0_and_1_are_refused(value: float) -> None:
    records = np.array([[1.0, 0.0], [0.0, value]])
    with pytest.raises(ValueError, match="of 0 and 1"):
        curator(records)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int64, np.float32])
def test_records_of_0_and_1_may_be_of_any_kind(dtype: Any) -> None:
    assert sums(np.array([[1, 0], [1, 1]], dtype=dtype), np.ones(2), 10.0) == pytest.approx([2.0, 1.0])


def test_records_that_change_afterwards_change_no_answer() -> None:
    records = sparse.csr_matrix(np.eye(3))
    held = Curator(records, Ledger(), NoiseSource(KEY))
    records.data[:] = 1_000.0
    assert held.sums("q", np.ones(3), clip=1.0, noise_multiplier=1e-9).value == pytest.approx([1, 1, 1], abs=1e-6)


@pytest.mark.parametrize(
    "weights",
    [
        [1.0, -1.0, 1.0],
        [1.0, math.nan, 1.0],
        [1.0, math.inf, 1.0],
        [1.0, 1e-162, 1.0],
        [1.0, 1e200, 1.0],
        [1.0, 1.0],
        [[1.0, 1.0, 1.0]],
    ],
)
def test_weights_that_would_void_the_sensitivity_are_refused_and_nothing_is_answered(weights: Any) -> None:
    source = NoiseSource(KEY)
    held = curator(np.eye(3), source=source)
    with pytest.raises(ValueError, match="The weights must be 3 numbers"):
        held.sums("s", np.array(weights), clip=1.0, noise_multiplier=1.0)
    with pytest.raises(ValueError, match="The weights must be 3 numbers"):
        held.pairs("p", np.array(weights), noise_multiplier=1.0)
    source.stream("s")
    source.stream("p")  # the noise of neither was drawn


def test_squares_that_vanish_would_have_made_a_norm_too_short() -> None:
    """Why weights have a least value: the squares of 1.5e-162 are 0 or 4.9e-324, and a sum of them forgets some."""
    weights = np.array([2.2e-162, *[1.5e-162] * 50])
    assert np.linalg.norm(weights / np.sqrt(np.square(weights).sum())) > 4


# what is answered


@given(cases())
@settings(max_examples=30, deadline=None)
def test_sums_are_unbiased_where_nothing_is_clipped(case: Case) -> None:
    wide = 10 + float(np.linalg.norm(case.weights))
    expected = case.records.sum(axis=0) * case.weights
    assert sums(case.records, case.weights, wide) == pytest.approx(expected, rel=1e-6, abs=1e-9 * wide)


def test_the_mean_of_many_answers_is_the_true_sum() -> None:
    records = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 1]])
    held = curator(records)
    found = [held.sums(f"q{k}", np.ones(3), clip=2.0, noise_multiplier=1.5) for k in range(2_000)]
    assert {answer.noise for answer in found} == {3.0}
    values = np.array([answer.value for answer in found])
    assert np.all(np.abs(values.mean(axis=0) - [3, 1, 2]) < 5 * 3.0 / math.sqrt(2_000))
    assert np.all(np.abs(values.std(axis=0) / 3.0 - 1) < 5 / math.sqrt(4_000))
    # control: of sums that were clipped, it is not
    clipped = np.mean(
        [held.sums(f"c{k}", np.ones(3), clip=0.5, noise_multiplier=0.1).value for k in range(500)], axis=0
    )
    assert np.all(clipped < 0.6 * np.array([3, 1, 2]))


def test_sums_are_clipped_by_hand() -> None:
    # |W x| is 5 for the first (3, 4), scaled to 2 by .4; 3 for the second, by 2/3; none for the third
    records = np.array([[1, 1], [1, 0], [0, 0]])
    assert sums(records, np.array([3.0, 4.0]), 2.0) == pytest.approx([1.2 + 2.0, 1.6])


def test_pairs_are_worked_out_by_hand() -> None:
    # the first has u = (3, 4) / 5: .48; the second one code, no pair; the third no code; the fourth (4, 12) / 12.65
    records = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 1]])
    found = curator(records).pairs("q", np.array([3.0, 4.0, 12.0]), noise_multiplier=1e-9)
    expected = np.array([[0, 0.48, 0], [0.48, 0, 48 / 160], [0, 48 / 160, 0]])
    assert found.value == pytest.approx(expected, abs=1e-7)
    assert np.array_equal(found.value, found.value.T)
    assert np.all(np.diag(found.value) == 0)


def test_a_pair_carries_the_noise_that_is_told() -> None:
    d, c = 300, 2.0
    found = curator(np.zeros((1, d))).pairs("q", np.ones(d), noise_multiplier=c)
    noise = found.value[np.triu_indices(d, 1)]
    assert found.noise == pytest.approx(c * 0.5**0.5)
    assert abs(noise.std() / found.noise - 1) < 5 / math.sqrt(2 * len(noise))


@given(st.floats(1e-3, 1e3), cases())
@settings(max_examples=20, deadline=None)
def test_pairs_do_not_depend_on_the_unit_of_the_weights(unit: float, case: Case) -> None:
    assert pairs(case.records, case.weights * unit) == pytest.approx(pairs(case.records, case.weights), abs=1e-9)


def test_nobody_is_answered_like_everybody() -> None:
    """No patients, or patients with nothing: noise alone, and no error that would tell."""
    for records in (np.zeros((0, 3)), np.zeros((5, 3))):
        assert sums(records, np.ones(3), 1.0) == pytest.approx(np.zeros(3), abs=1e-12)
        assert pairs(records, np.ones(3)) == pytest.approx(np.zeros(3), abs=1e-12)
        told, _ = curator(records).frequent("q", clip=1.0, noise_multiplier=1.0, delta=1e-3, most=3)
        assert not told.any()


# which columns are frequent


def test_frequent_columns_are_those_above_the_threshold_and_of_others_nothing_is_told() -> None:
    records = np.zeros((400, 4), dtype=int)
    records[:, 0] = 1
    records[:200, 1] = 1
    records[0, 2] = 1
    told, found = curator(records).frequent("q", clip=2.0, noise_multiplier=2.0, delta=1e-6, most=4)
    assert told.tolist() == [True, True, False, False]
    assert found.noise == 4.0
    assert found.value[:2] == pytest.approx([400, 200], abs=5 * 4.0)
    assert np.isnan(found.value[2:]).all()


def test_a_column_of_one_patient_is_told_with_probability_delta_at_most() -> None:
    delta, c, times = 0.05, 2.0, 2_000
    held = curator([[1]])
    asked = [held.frequent(f"q{k}", clip=1.0, noise_multiplier=c, delta=delta, most=1)[0][0] for k in range(times)]
    slack = 5 * math.sqrt(delta * (1 - delta) / times)
    assert np.mean(asked) <= delta + slack
    # control: at the threshold of noise half as wide
    lower = threshold(noise=c / 2, clip=1.0, most=1, delta=delta)
    noisy = 1 + c * NoiseSource(KEY).stream("control").normal(times)
    assert np.mean(noisy > lower) > delta + slack


def test_a_column_that_nobody_fills_is_never_told_whatever_its_noise() -> None:
    """With a threshold far below the noise: half of the empty columns would be above it."""
    records = np.zeros((1, 200), dtype=int)
    told, _ = curator(records).frequent("q", clip=1.0, noise_multiplier=100.0, delta=0.9, most=1)
    assert not told.any()
    told, _ = curator(records + 1).frequent("q", clip=1.0, noise_multiplier=100.0, delta=0.9, most=200)
    assert told.any()


def test_who_fills_more_columns_than_the_threshold_allows_for_is_left_out() -> None:
    records = np.vstack([np.ones((50, 6), dtype=int), np.eye(6, dtype=int).repeat(40, axis=0)])
    held = curator(records)
    _, all_in = held.frequent("all", clip=3.0, noise_multiplier=1e-6, delta=1e-3, most=6)
    _, some = held.frequent("some", clip=3.0, noise_multiplier=1e-6, delta=1e-3, most=5)
    assert all_in.value == pytest.approx([90.0] * 6, abs=1e-3)
    assert some.value == pytest.approx([40.0] * 6, abs=1e-3)


def test_the_delta_of_the_threshold_is_entered_with_the_look() -> None:
    held = curator(np.eye(3), budget=BUDGET)
    held.frequent("which", clip=1.0, noise_multiplier=8.0, delta=1e-7, most=3)
    assert held.ledger.added_delta == 1e-7
    assert held.ledger.entries[0].mechanism == Gaussian(noise_multiplier=8.0)
    with pytest.raises(Unaccounted):
        held.frequent("again", clip=1.0, noise_multiplier=8.0, delta=1e-6, most=3)
    assert len(held.ledger.entries) == 1


# the ledger

ASKED = {
    "sums": lambda held, query, c: held.sums(query, np.ones(3), clip=2.0, noise_multiplier=c),
    "pairs": lambda held, query, c: held.pairs(query, np.ones(3), noise_multiplier=c),
    "frequent": lambda held, query, c: held.frequent(query, clip=2.0, noise_multiplier=c, delta=1e-7, most=3),
}
every_question = pytest.mark.parametrize("question", ASKED)


def test_every_public_method_of_a_curator_is_a_question_that_is_tested_here() -> None:
    public = {name for name, _ in inspect.getmembers(Curator, inspect.isfunction) if not name.startswith("_")}
    assert public == {*ASKED, "descent", "likelihood"}  # steps: gradients/test_descent.py and test_likelihood.py


@every_question
def test_a_question_is_in_the_ledger_before_it_is_answered(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held = curator(np.eye(3), budget=BUDGET)
    seen: list[int] = []

    def entered(self: Curator, weights: Floats) -> Floats:
        seen.append(len(self.ledger.entries))
        raise InterruptedError

    # the norms of patients are the first that is read of them; where they are not, the noise is drawn
    monkeypatch.setattr(Curator, "_norms", entered)
    monkeypatch.setattr(NoiseSource, "stream", lambda source, name, bound: entered(held, np.ones(1)))
    with pytest.raises(InterruptedError):
        ASKED[question](held, "q", 8.0)
    assert seen == [1]


@every_question
def test_the_entry_has_the_noise_and_the_sensitivity_of_the_answer(question: str) -> None:
    held = curator(np.eye(3), budget=BUDGET)
    ASKED[question](held, "q", 8.0)
    (entry,) = held.ledger.entries
    assert (entry.query, entry.mechanism, entry.covers) == ("q", Gaussian(noise_multiplier=8.0), "release")
    assert entry.sensitivity == pytest.approx(0.5**0.5 if question == "pairs" else 2.0)


@every_question
def test_what_the_budget_does_not_cover_is_neither_entered_nor_is_its_noise_used(question: str) -> None:
    source = NoiseSource(KEY)
    held = curator(np.eye(3), budget=BUDGET, source=source)
    with pytest.raises(Unaccounted, match="it was not read"):
        ASKED[question](held, "q", 1.0)
    assert held.ledger.entries == []
    # asked again with more noise it is answered, with the noise that was not used
    ASKED[question](held, "q", 8.0)
    with pytest.raises(ValueError, match="used already"):
        source.stream("q")


@every_question
def test_a_question_is_answered_once(question: str) -> None:
    held = curator(np.eye(3))
    ASKED[question](held, "q", 8.0)
    for again in ASKED.values():
        with pytest.raises(ValueError, match="used already"):
            again(held, "q", 8.0)
    assert len(held.ledger.entries) >= 1  # what was asked stays entered


@every_question
@pytest.mark.parametrize("noise_multiplier", [0.0, -1.0, math.nan, math.inf])
def test_without_noise_nothing_is_answered(question: str, noise_multiplier: float) -> None:
    held = curator(np.eye(3))
    with pytest.raises(ValueError, match="without noise nothing is protected"):
        ASKED[question](held, "q", noise_multiplier)
    assert held.ledger.entries == []


@pytest.mark.parametrize("clip", [0.0, -1.0, math.nan, math.inf])
def test_without_a_clip_nothing_is_answered(clip: float) -> None:
    held = curator(np.eye(3))
    with pytest.raises(ValueError, match="finite sensitivity above 0"):
        held.sums("q", np.ones(3), clip=clip, noise_multiplier=1.0)
    with pytest.raises(ValueError, match="finite sensitivity above 0"):
        held.frequent("q", clip=clip, noise_multiplier=1.0, delta=1e-7, most=3)
    assert held.ledger.entries == []


# the number of patients


@pytest.mark.parametrize("n", [1, 4_321])
def test_the_number_of_patients_is_nowhere_to_be_read(n: int) -> None:
    held = curator(np.ones((n, 3), dtype=int), budget=BUDGET)
    public = {name for name in dir(held) if not name.startswith("_")}
    assert public == {"ledger", "n_columns", "descent", "likelihood", *ASKED}
    assert held.n_columns == 3
    assert not hasattr(held, "__len__")
    assert "4321" not in repr(held)
    for question, ask in ASKED.items():
        ask(held, question, 20.0)
    assert "4321" not in str(held.ledger.as_json()) + repr(held.ledger)


def test_the_noise_of_an_answer_does_not_depend_on_the_number_of_patients() -> None:
    """The trap of METRICS.md (Opacus 571, 819): what is worked out from n gives two cohorts different noise."""
    for ask in ASKED.values():
        noises = {str(_noise_of(ask(curator(np.ones((n, 3), dtype=int)), "q", 8.0))) for n in (1_000, 1_001)}
        assert len(noises) == 1


def _noise_of(answer: Any) -> float:
    found = answer[1] if isinstance(answer, tuple) else answer
    return float(found.noise)


def test_the_module_has_no_other_way_to_patients() -> None:
    """Whoever adds one has to come by here: everything public in the module."""
    own = {
        name
        for name, value in vars(privacy.curator).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == "privacy.curator"
    }
    assert own == {"Curator", "WeightedPairs", "WeightedSum", "bound"}
