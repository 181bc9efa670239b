import json
import math
from pathlib import Path

import pytest

from privacy.ledger import Entry, Ledger


def test_one_unprotected_look_voids_the_guarantee_and_the_statement_says_so() -> None:
    ledger = Ledger([Entry(query="marginals", mechanism="Gaussian", epsilon=0.5)])
    assert "epsilon 0.500" in ledger.statement()
    ledger.look("autoencoder")
    assert math.isinf(ledger.epsilon)
    assert "no differential privacy guarantee: 1 of 2 looks" in ledger.statement()


def test_epsilons_add_up() -> None:
    ledger = Ledger([Entry(query=q, mechanism="Gaussian", epsilon=0.25) for q in "abc"])
    assert ledger.epsilon == 0.75


def test_an_empty_ledger_proves_nothing() -> None:
    assert Ledger().epsilon == 0
    assert "no differential privacy guarantee" in Ledger().statement()


@pytest.mark.parametrize("epsilon", [-1.0, math.nan, -math.inf])
def test_a_look_cannot_give_privacy_back(epsilon: float) -> None:
    with pytest.raises(ValueError, match="0 or more, or infinite"):
        Entry(query="q", mechanism="m", epsilon=epsilon)


def test_a_ledger_survives_the_disk_as_strict_json(tmp_path: Path) -> None:
    ledger = Ledger([Entry(query="marginals", mechanism="Gaussian", epsilon=0.5)])
    ledger.look("vocabulary")
    ledger.write(tmp_path / "ledger.json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    document = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert [entry["epsilon"] for entry in document["entries"]] == [0.5, "inf"]
    assert Ledger.read(tmp_path / "ledger.json") == ledger
