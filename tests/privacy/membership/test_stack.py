import numpy as np
import pytest

from privacy.membership.stack import stack
from privacy.ranks import auc

SEED = np.random.SeedSequence


def noise(seed: int, n: int = 4_000) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 6)), rng.permutation(n) < n // 2, rng


def test_without_a_leak_the_stack_finds_nothing_although_it_was_shown_labels() -> None:
    lows = [auc(stack(*noise(seed)[:2], seed=SEED(0))).low for seed in range(40)]
    assert sum(low > 0.5 for low in lows) <= 4  # 2.5 % of 40, and chance


def test_two_weak_attacks_together_are_stronger_than_each() -> None:
    scores, is_member, _ = noise(0)
    scores[is_member, :2] += 0.4
    found = auc(stack(scores, is_member, seed=SEED(0)))
    # each alone: Phi(.4 / sqrt 2) = .611; the two together: Phi(.4) = .655
    assert found.value == pytest.approx(0.655, abs=0.025)


def test_an_attack_that_knows_a_few_patients_surely_is_believed_on_those() -> None:
    scores, is_member, _ = noise(1)
    scores[np.flatnonzero(is_member)[:100], 3] += 8
    judged = stack(scores, is_member, seed=SEED(0))
    top = np.sort(np.concatenate(judged))[-30:]
    assert np.isin(top, judged.members).mean() > 0.9


def test_nobody_is_judged_by_weights_that_were_learnt_on_him() -> None:
    scores, is_member, _ = noise(2, 100)
    judged = stack(scores, is_member, seed=SEED(0))
    assert (len(judged.members), len(judged.nonmembers)) == (25, 25)


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(ValueError, match="4 members and 4 non-members"):
        stack(np.zeros((7, 2)), np.arange(7) < 3, seed=SEED(0))
