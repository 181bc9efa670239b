import numpy as np

from synthehr.fidelity.strata import MIN_CODES, strata_of


def test_bounds_belong_to_the_commoner_stratum() -> None:
    prevalence = np.repeat([0.05, 0.01, 0.001, 0.0009, 0.0], MIN_CODES)
    strata = strata_of(prevalence)
    assert [int(mask.sum()) for mask in strata.values()] == [20, 5, 5, 5, 5]  # the last five are nobody's
    assert list(strata) == ["all", ">=5%", "1-5%", "0.1-1%", "<0.1%"]
    assert strata[">=5%"][:5].all()
    assert not strata["<0.1%"][:15].any()
    assert not any(mask[-5:].any() for mask in strata.values())


def test_every_code_is_in_one_stratum_and_thin_strata_are_left_out() -> None:
    prevalence = np.random.default_rng(0).uniform(0, 0.1, 200) ** 2
    strata = strata_of(np.append(prevalence, [0.5]))
    parts = sum(mask.astype(int) for name, mask in strata.items() if name != "all")
    assert parts.max() == 1
    assert ">=5%" not in strata_of(np.append(np.full(50, 0.02), 0.5))
