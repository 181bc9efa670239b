import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.multiplicity import benjamini_hochberg, holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_holm_by_hand() -> None:
    # sorted .01 .02 .04 times 3, 2, 1: .03 .04 .04
    np.testing.assert_allclose(holm([0.04, 0.01, 0.02]), [0.04, 0.03, 0.04])
    # a later step may not undercut an earlier one: .02 * 2 = .04, then .021 * 1
    np.testing.assert_allclose(holm([0.02, 0.021]), [0.04, 0.04])


def test_benjamini_hochberg_by_hand() -> None:
    # sorted .01 .02 .04 times 3/1, 3/2, 3/3: .03 .03 .04
    np.testing.assert_allclose(benjamini_hochberg([0.04, 0.01, 0.02]), [0.04, 0.03, 0.03])


@given(P)
def test_one_finding_is_never_cheaper_for_having_company(p: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p)
        assert (adjusted >= np.asarray(p) - 1e-12).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()
    assert holm(p).min() == pytest.approx(min(1.0, len(p) * min(p)))


def test_holm_keeps_the_family_wise_level_where_one_by_one_testing_does_not() -> None:
    rng = np.random.default_rng(0)
    runs = rng.random((2_000, 12))
    assert np.mean([holm(run).min() <= 0.05 for run in runs]) < 0.062  # 3 standard errors above .05
    assert np.mean(runs.min(axis=1) <= 0.05) > 0.4


@pytest.mark.parametrize("p", [[0.5, 1.1], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(p: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            adjust(p)
