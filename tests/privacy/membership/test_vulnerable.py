import numpy as np
from scipy import sparse

from privacy.membership.vulnerable import most_vulnerable, vulnerable
from privacy.ranks import Targets


def test_the_vulnerable_are_those_farthest_from_the_reference() -> None:
    rng = np.random.default_rng(0)
    common = (rng.random((5_000, 30)) < 0.1).astype(np.uint8)
    common[:50, 20:] = 1  # ten codes at once, as nobody else has
    chosen = most_vulnerable(sparse.csr_matrix(common), sparse.csr_matrix(common[2_000:]), np.ones(30))
    assert chosen.sum() == 50
    assert chosen[:50].sum() >= 45


def test_a_leak_of_the_vulnerable_alone_is_seen_there_and_nowhere_else() -> None:
    rng = np.random.default_rng(1)
    members, nonmembers = rng.normal(size=(2, 4_000))
    who = [(np.arange(4_000) < 40).astype(float)] * 2
    members[:40] += 2
    (found,) = vulnerable("attack", "knowledge", Targets(members, nonmembers), Targets(*who))
    assert (found.attack, found.n) == ("attack_vulnerable", 40)
    assert found.estimate.low > 0.7
    (other,) = vulnerable("attack", "k", Targets(members, nonmembers), Targets(*(1 - side for side in who)))
    assert other.estimate.low < 0.5


def test_nobody_vulnerable_on_one_side_is_no_figure() -> None:
    assert vulnerable("a", "k", Targets(np.ones(5), np.ones(5)), Targets(np.ones(5), np.zeros(5))) == []
