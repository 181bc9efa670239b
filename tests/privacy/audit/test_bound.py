import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from privacy.audit.bound import lower_bound, p_value


def test_the_figures_of_the_one_run_audit() -> None:
    # METRICS.md: m = 1,000 and delta 1e-5; all right gives 5.8, nine of ten 2.0
    assert lower_bound(m=1_000, guesses=1_000, right=1_000, delta=1e-5) == pytest.approx(5.8, abs=0.05)
    assert lower_bound(m=1_000, guesses=1_000, right=900, delta=1e-5) == pytest.approx(2.0, abs=0.05)


def test_the_example_of_the_paper() -> None:
    # appendix D of arXiv 2305.08846: 75 of 100 guesses right, 1,000 canaries, delta 1e-4
    assert lower_bound(m=1_000, guesses=100, right=75, delta=1e-4) == pytest.approx(0.673, abs=5e-4)


def test_the_term_of_delta_by_hand() -> None:
    # one guess, right: W >= 1 with probability q = 3/4 at epsilon ln 3; P[0 <= W < 1] / 1 = 1/4; 2 m delta = 0.4
    assert p_value(m=2, guesses=1, right=1, epsilon=math.log(3), delta=0.1) == pytest.approx(0.75 + 0.4 * 0.25)
    # two guesses, both right: q^2 = 9/16; P[W = 1] = 6/16 over 1 is more than P[W < 2] = 7/16 over 2
    assert p_value(m=2, guesses=2, right=2, epsilon=math.log(3), delta=0.1) == pytest.approx(9 / 16 + 0.4 * 6 / 16)


def test_without_delta_it_is_the_binomial_of_randomised_response() -> None:
    # all of n right: (e^epsilon / (1 + e^epsilon))^n = 0.05, so epsilon = logit(0.05^(1/n))
    share = 0.05 ** (1 / 100)
    assert lower_bound(m=100, guesses=100, right=100, delta=0.0) == pytest.approx(
        math.log(share / (1 - share)), abs=1e-6
    )
    tail = stats.binom.sf(69, 100, math.e / (1 + math.e))
    assert p_value(m=100, guesses=100, right=70, epsilon=1.0, delta=0.0) == pytest.approx(tail, rel=1e-9)


def test_guesses_no_better_than_a_coin_refute_nothing() -> None:
    assert lower_bound(m=1_000, guesses=1_000, right=510, delta=1e-5) == 0.0
    assert lower_bound(m=1_000, guesses=0, right=0, delta=1e-5) == 0.0


@given(st.integers(1, 300), st.data())
def test_more_right_guesses_and_less_delta_never_refute_less(guesses: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, guesses - 1))
    some, more = (lower_bound(m=300, guesses=guesses, right=r, delta=1e-5) for r in (right, right + 1))
    assert some <= more + 1e-9
    assert lower_bound(m=300, guesses=guesses, right=right, delta=1e-3) <= some + 1e-9


@pytest.mark.parametrize("wrong", [{"right": 11}, {"guesses": 21}, {"delta": -0.1}, {"right": -1}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"Needed|delta"):
        lower_bound(**({"m": 20, "guesses": 10, "right": 5, "delta": 1e-5} | wrong))  # type: ignore[arg-type]
