from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from privacy.budget import divided
from privacy.curator import Curator
from privacy.ledger import Ledger
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.models.generator import PrivateGenerator
from synthehr.models.held_out import correlations
from synthehr.models.private.copula import PrivateCopula
from synthehr.models.private.independent import PrivateIndependent
from synthehr.models.private.prevalences import first_look

Asking = Callable[..., tuple[Curator, Ledger]]
SMALL = {"pool": 8_000}


def fitted(
    kind: type[PrivateIndependent],
    asking: Asking,
    whole: Callable[[float], float],
    vocabulary: Vocabulary,
    epsilon: float,
    key: int = 1,
) -> tuple[PrivateIndependent, Ledger]:
    model, (curator, ledger) = kind(**SMALL), asking(epsilon, key)
    noise = divided(whole(epsilon), model.shares())
    model.fit(curator, vocabulary, first_look(curator, vocabulary, noise["first"]), noise, seed=0)
    return model, ledger


@pytest.fixture(scope="module")
def copula(asking: Asking, whole: Callable[[float], float], vocabulary: Vocabulary) -> PrivateIndependent:
    return fitted(PrivateCopula, asking, whole, vocabulary, 8.0)[0]


def among_the_ten(matrix: CodeMatrix, counts: object) -> float:
    """Mean correlation of the ten codes that come together."""
    found = correlations(matrix.binary()[:, 2:12] if counts is None else (counts > 0)[:, 2:12])  # type: ignore[index, operator]
    return float(found[np.triu_indices(10, 1)].mean())


@pytest.mark.parametrize("kind", [PrivateIndependent, PrivateCopula])
def test_it_spends_its_budget_and_no_more(
    kind: type[PrivateIndependent], asking: Asking, whole: Callable[[float], float], vocabulary: Vocabulary
) -> None:
    model, ledger = fitted(kind, asking, whole, vocabulary, 2.0)
    assert isinstance(model, PrivateGenerator)
    assert 1.999 < ledger.epsilon <= 2.0
    assert len(ledger.entries) == len(model.questions)


def test_codes_that_come_together_do_so_in_the_copula_and_not_in_the_independent_sampler(
    copula: PrivateIndependent,
    asking: Asking,
    whole: Callable[[float], float],
    vocabulary: Vocabulary,
    train: CodeMatrix,
) -> None:
    real = among_the_ten(train, None)
    floor, _ = fitted(PrivateIndependent, asking, whole, vocabulary, 8.0)
    drawn = [among_the_ten(train, model.sample(6_000, rng=np.random.default_rng(2))) for model in (copula, floor)]
    assert drawn[0] > 0.7 * real
    assert drawn[1] < 0.45 * real  # not 0: who has many codes has more of all


def test_prevalences_and_sizes_are_met(copula: PrivateIndependent, train: CodeMatrix) -> None:
    drawn = copula.sample(6_000, rng=np.random.default_rng(2))
    matrix = CodeMatrix(drawn, -np.arange(1, 6_001), train.vocabulary)
    assert np.corrcoef(matrix.prevalence(), train.prevalence())[0, 1] > 0.998
    assert matrix.codes_per_patient().mean() == pytest.approx(train.codes_per_patient().mean(), rel=0.03)
    assert (matrix.counts[:, :2].sum(axis=1) == 1).all()


def test_the_same_key_and_seed_give_the_same_bytes_and_another_key_does_not(
    copula: PrivateIndependent,
    asking: Asking,
    whole: Callable[[float], float],
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:
    same, other = (fitted(PrivateCopula, asking, whole, vocabulary, 8.0, key)[0] for key in (1, 2))
    written = []
    for name, model in {"one": copula, "same": same, "other": other}.items():
        (tmp_path / name).mkdir()
        model.save(tmp_path / name)
        written.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_what_was_saved_draws_the_same_patients(
    copula: PrivateIndependent, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    copula.save(tmp_path)
    again = PrivateCopula.load(tmp_path, vocabulary)
    one, other = (model.sample(500, rng=np.random.default_rng(3)) for model in (copula, again))
    assert (one != other).nnz == 0


def test_shares_follow_the_options_and_bad_ones_are_refused() -> None:
    shares = PrivateCopula(first=1.0, histograms=1.0, counts=2.0, pairs=4.0).shares()
    assert shares == {"first": 0.125, "histograms": 0.125, "counts": 0.25, "pairs": 0.5}
    assert PrivateIndependent(first=1.0, histograms=1.0, counts=2.0).shares()["counts"] == 0.5
    with pytest.raises(BadRequest, match="above 0"):
        PrivateCopula(pairs=0.0)
    with pytest.raises(BadRequest, match="does not know"):
        PrivateCopula(rank=3)
