import numpy as np
import pytest
from scipy import sparse, stats

from synthehr.cohort.constraints import column_pairs, learn_rules, site_rules
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest

NAMES = ("ICD9CM/000", "ICD9CM/001", "ICD9CM/002", "ICD9CM/003")


def with_sex(carriers: int, wrong: int, n: int = 100) -> CodeMatrix:
    """n patients, the first half of the first sex; code 0 in `wrong` of them and else in the second; code 1 in all."""
    rows = np.zeros((n, 4), dtype=int)
    rows[: n // 2, 2] = rows[n // 2 :, 3] = rows[:, 1] = 1
    rows[:wrong, 0] = rows[n // 2 : n // 2 + carriers - wrong, 0] = 1
    vocabulary = Vocabulary(NAMES, ("",) * 4, (None, None, "sex", "sex"))
    return CodeMatrix(canonical(sparse.csr_matrix(rows)), np.arange(n), vocabulary)


@pytest.mark.parametrize(("carriers", "found"), [(8, True), (7, True), (6, False)])
def test_the_fewest_carriers_of_a_rule_by_hand(carriers: int, found: bool) -> None:
    """4 pairs: .0125; none of 7 carriers in a half has (50 C 7)/(100 C 7) = .0062, none of 6 .0133."""
    assert (stats.hypergeom.pmf(0, 100, 50, carriers) < 0.05 / 4) == found
    rules = learn_rules(with_sex(carriers, wrong=0))
    assert rules.tolist() == ([[0, 2]] if found else [])


def test_both_rarity_and_significance_are_asked() -> None:
    one_in_fifty = with_sex(200, wrong=2, n=1000)  # 100 expected in the first sex
    assert learn_rules(one_in_fifty).tolist() == [[0, 2]]
    assert learn_rules(with_sex(200, wrong=3, n=1000)).tolist() == []
    assert learn_rules(with_sex(200, wrong=3, n=1000), tolerance=0.03).tolist() == [[0, 2]]
    assert learn_rules(one_in_fifty, level=0.0).tolist() == []


def test_no_declared_pair_is_an_empty_array() -> None:
    assert site_rules(with_sex(10, 0).vocabulary, ()).shape == (0, 2)


def test_refusals_say_what_was_expected() -> None:
    train = with_sex(10, 0)
    vocabulary = train.vocabulary
    for pair, message in {
        ("ICD9CM/000", "SEX/x"): "does not have: SEX/x",
        ("ICD9CM/002", "ICD9CM/003"): "not of one exclusive group",
        ("ICD9CM/000", "ICD9CM/000"): "must be two codes",
        ("ICD9CM/002", "ICD9CM/000"): "a code of no exclusive group and a member of one",
        ("ICD9CM/000", "ICD9CM/001"): "a code of no exclusive group and a member of one",
    }.items():
        with pytest.raises(BadRequest, match=message):
            site_rules(vocabulary, [pair])
    assert column_pairs(vocabulary, [("ICD9CM/000", "ICD9CM/001")]).tolist() == [[0, 1]]
    for change in ({"tolerance": 1.0}, {"level": -0.1}):
        with pytest.raises(ValueError, match=next(iter(change))):
            learn_rules(train, **change)
