import json

import pytest

from privacy.audit.canaries import Audit
from privacy.audit.claim import ClaimAudit


def one(lower: float, claim: float = 3.0) -> Audit:
    return Audit(claim=claim, delta=1e-6, lower=lower, m=1_000, guesses=1_000, right=540, knowledge="all answers")


def finding(white: Audit, black: Audit) -> ClaimAudit:
    return ClaimAudit(model="private_copula", white=white, black=black, correct_gaussian=0.76, most=5.42, note="None.")


@pytest.mark.parametrize(
    ("white", "black", "verdict"),
    [(0.4, 0.1, "NOT REFUTED"), (3.1, 0.1, "FAIL"), (0.4, 3.1, "FAIL"), (3.0, 3.0, "NOT REFUTED")],
)
def test_one_bound_above_the_claim_refutes_it(white: float, black: float, verdict: str) -> None:
    assert finding(one(white), one(black)).verdict == verdict


def test_the_words_tell_the_larger_bound_beside_the_claim_and_what_a_correct_one_gives() -> None:
    words = finding(one(0.4), one(0.7)).words
    assert "at least 0.7 " in words
    assert "where 3 is claimed: not refuted" in words
    assert "gives 0.76 in half of all audits, and 5.42 is the most" in words
    assert "the claim is false" in finding(one(3.4), one(0.1)).words


@pytest.mark.parametrize("claim", [3.0, float("inf")])
def test_what_is_written_is_read_back(claim: float) -> None:
    found = finding(one(0.4, claim), one(0.1, claim))
    assert ClaimAudit.of_json(json.loads(json.dumps(found.as_json(), allow_nan=False))) == found
