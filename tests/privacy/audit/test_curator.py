"""What a curator's answers say of canaries, and that faults in it are caught: the real methods answer throughout."""

import math

import numpy as np
import pytest
from scipy import sparse

from benchmarks.faults.curator import BUDGET, FAULTS, audit_of
from privacy.audit.canaries import coins
from privacy.audit.curator import ASKED, Answer, audit_curator, evidence, overheard, own_columns
from privacy.budget import Budget
from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.noise import NoiseSource

M = 300
WRONG = [name for name in FAULTS if name != "none"]


def key(number: int) -> bytes:
    return bytes([number] * 32)


def answer(kind: str, value: object, weights: object = (1.0, 1.0, 1.0), **given: float) -> Answer:
    told = {"clip": 1.0, "most": 3, "noise": 0.5} | given
    return Answer(kind, "q", np.asarray(weights, dtype=float), value=np.asarray(value, dtype=float), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", range(4))
def test_a_correct_curator_keeps_its_claim_and_the_bound_is_far_below(number: int) -> None:
    found = audit_of("none", M, key(number), key(100 + number))
    assert found.claim == pytest.approx(BUDGET.epsilon, abs=1e-3)
    assert found.verdict == "NOT REFUTED"
    assert found.lower < 0.8


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_in_the_curator_is_caught(fault: str) -> None:
    found = audit_of(fault, M, key(1), key(2))
    assert found.claim <= BUDGET.epsilon * (1 + 1e-9)  # the ledger knows nothing of it
    assert found.verdict == "FAIL"
    assert found.lower > 2.0


def test_evidence_of_sums_by_hand() -> None:
    # records (1, 1, 0) and (0, 1, 1) share the second column: the first speaks for one, the third for the other.
    # W x = (3, 4): norm 5, clipped to 2: parts 1.2 and 1.6; of (4, 3) likewise. Others add 2 to the first column.
    canaries, others = sparse.csr_matrix([[1, 1, 0], [0, 1, 1]]), sparse.csr_matrix([[1, 0, 0]])
    heard = answer("sums", [2.5, 9.0, -0.3], weights=[3.0, 4.0, 3.0], clip=2.0)
    expected = [1.2 * (0.5 - 0.6) / 0.25, 1.2 * (-0.3 - 0.6) / 0.25]
    assert evidence(heard, canaries, others) == pytest.approx(expected)


def test_evidence_of_pairs_by_hand() -> None:
    # u = (1, 1, 1) / sqrt(3): its three pairs are 1/3 each; the second canary has one code, and no pair
    canaries, others = sparse.csr_matrix([[1, 1, 1], [0, 0, 1]]), sparse.csr_matrix([[1, 1, 0]])
    value = np.array([[0, 0.7, 0.4], [0.7, 0, -0.1], [0.4, -0.1, 0]])
    expected = sum((y - 1 / 6) / 3 for y in (0.7 - 0.5, 0.4, -0.1)) / 0.25
    assert evidence(answer("pairs", value), canaries, others) == pytest.approx([expected, 0.0])


def test_evidence_of_columns_that_are_told_or_not() -> None:
    """A column that nobody else has is told only if the canary is in; of one that is not told, nothing is known."""
    canaries, others = sparse.identity(3, format="csr"), sparse.csr_matrix([[0, 0, 1]])
    found = evidence(answer("frequent", [5.0, np.nan, 2.5]), canaries, others)
    assert found == pytest.approx([np.inf, 0.0, (1.5 - 0.5) / 0.25])
    full = sparse.csr_matrix(np.ones((1, 3)))  # more columns than `most`: it is left out, and so is its evidence
    assert evidence(answer("frequent", [5.0, 5.0, 5.0], most=2), full, others[:0]).tolist() == [0.0]


def test_evidence_is_a_log_likelihood_ratio() -> None:
    """Of Gaussians mu apart it has mean and half the variance mu^2 / 2, in or out: here mu^2 = 1 + 3/4 x 2/3."""
    m, budget = 800, Budget(epsilon=20.0, delta=1e-5)
    canaries, drawn = own_columns(m, width=3), coins(m, NoiseSource(key(3)))
    others = sparse.csr_matrix(np.ones((5, 3 * m)))  # they share all columns, and the auditor knows them
    held = Curator(sparse.vstack([others, canaries[drawn]]), Ledger(budget=budget), NoiseSource(key(4)))
    with overheard() as heard:
        held.sums("s", np.full(3 * m, 2.0), clip=1.5, noise_multiplier=1.0)
        held.pairs("p", np.ones(3 * m), noise_multiplier=math.sqrt(4 / 3))
    found = sum(evidence(one, canaries, others) for one in heard)
    half = (1 + 3 / 4 * 2 / 3) / 2
    for side, sign in ((drawn, 1), (~drawn, -1)):
        assert np.mean(found[side]) == pytest.approx(sign * half, abs=5 * math.sqrt(2 * half / 400))
        assert np.var(found[side]) == pytest.approx(2 * half, rel=5 * math.sqrt(2 / 400))


def test_answers_are_overheard_as_they_were_given_and_methods_are_left_as_they_were() -> None:
    before = {name: getattr(Curator, name) for name in ASKED}
    held = Curator(sparse.csr_matrix(np.ones((90, 3))), Ledger(), NoiseSource(key(1)))
    weights = np.array([1.0, 2.0, 0.0])
    with overheard() as heard:
        sums = held.sums("s", weights, clip=2.0, noise_multiplier=0.5)
        weights[:] = 7.0  # who asked may change his array
        told, counts = held.frequent("f", clip=2.0, noise_multiplier=0.5, delta=1e-4, most=9)
        pairs = held.pairs("p", weights=np.ones(3), noise_multiplier=0.5)
    assert [(one.kind, one.query) for one in heard] == [("sums", "s"), ("frequent", "f"), ("pairs", "p")]
    assert heard[0].weights.tolist() == [1.0, 2.0, 0.0]
    assert np.array_equal(heard[0].value, sums.value)
    assert np.array_equal(np.isnan(heard[1].value), ~told)
    assert np.array_equal(heard[2].value, pairs.value)
    assert [one.noise for one in heard] == [1.0, counts.noise, pairs.noise]
    assert (heard[1].most, heard[0].clip) == (9, 2.0)
    assert {name: getattr(Curator, name) for name in ASKED} == before
    with pytest.raises(InterruptedError), overheard():
        raise InterruptedError
    assert {name: getattr(Curator, name) for name in ASKED} == before
    held.sums("unheard", np.ones(3), clip=2.0, noise_multiplier=0.5)
    assert len(heard) == 3


def test_an_audit_needs_a_claim() -> None:
    canaries = own_columns(20)
    with pytest.raises(ValueError, match="give the ledger a budget"):
        audit_curator(
            lambda held: None,
            canaries=canaries,
            others=canaries[:0],
            ledger=Ledger(),
            source=NoiseSource(key(1)),
            secret=NoiseSource(key(2)),
        )


def test_nothing_asked_is_nothing_known() -> None:
    canaries = own_columns(100)
    found = audit_curator(
        lambda held: None,
        canaries=canaries,
        others=canaries[:0],
        ledger=Ledger(budget=BUDGET),
        source=NoiseSource(key(1)),
        secret=NoiseSource(key(2)),
    )
    assert (found.claim, found.lower) == (0.0, 0.0)
