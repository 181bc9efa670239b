import numpy as np
import pytest

from privacy.budget import Budget
from privacy.ledger import Ledger
from privacy.noise import NoiseSource
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.models.private.selection import select_vocabulary

DELTA = 1e-7


def selected(train: CodeMatrix, noise: float, key: int = 1) -> tuple[Vocabulary, np.ndarray, Ledger]:
    ledger = Ledger(budget=Budget(epsilon=50.0, delta=1e-6))
    vocabulary, (counts, _) = select_vocabulary(
        train,
        ledger,
        NoiseSource(bytes([key] * 32)),
        exclusive={"SEX": "sex"},
        noise_multiplier=noise,
        delta=DELTA,
    )
    return vocabulary, counts, ledger


def test_common_codes_are_told_and_rare_ones_are_not(train: CodeMatrix) -> None:
    vocabulary, counts, ledger = selected(train, 4.0)
    # 4 x sqrt(12 + 1) = 14 patients of noise: the threshold is some five times that and more
    told = {int(code.split("/")[1]) - 100 for code in vocabulary.code if code.startswith("ICD9CM")}
    assert set(range(20)) <= told
    assert not told & set(range(35, 40))
    assert len(counts) == len(vocabulary.free)
    assert ledger.added_delta == DELTA


def test_a_code_of_one_patient_is_not_told_whatever_the_key(train: CodeMatrix) -> None:
    lone = train.counts.copy().tolil()
    lone[:, -1] = 0
    lone[7, -1] = 1
    with_lone = CodeMatrix(lone.tocsr(), train.ids, train.vocabulary)
    for key in range(1, 31):
        assert train.vocabulary.code[-1] not in selected(with_lone, 2.0, key)[0].code


def test_unknown_stands_in_for_members_that_are_not_told(train: CodeMatrix) -> None:
    vocabulary, _, _ = selected(train, 4.0)
    assert set(vocabulary.group) == {"sex", None}
    assert "SEX/unknown" in vocabulary.code
    moved = train.onto(vocabulary)
    assert (moved.counts[:, vocabulary.groups["sex"]].sum(axis=1) == 1).all()


def test_noise_that_hides_every_code_is_said(train: CodeMatrix) -> None:
    with pytest.raises(BadData, match="public list of codes"):
        selected(train, 5_000.0)
