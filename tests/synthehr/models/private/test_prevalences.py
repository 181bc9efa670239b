from collections.abc import Callable

import numpy as np
import pytest

from privacy.curator import Curator
from privacy.ledger import Ledger
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.private.prevalences import (
    COUNTS,
    FIRST,
    HISTOGRAMS,
    Prevalences,
    count_weights,
    first_look,
    prevalences,
)

Asking = Callable[..., tuple[Curator, Ledger]]


def asked(asking: Asking, vocabulary: Vocabulary, noise: float) -> tuple[Prevalences, Ledger]:
    curator, ledger = asking(None)  # whatever it costs
    first = first_look(curator, vocabulary, noise)
    return prevalences(curator, vocabulary, first, histograms=noise, counts=noise), ledger


def test_with_hardly_any_noise_they_are_those_of_the_patients(
    asking: Asking, vocabulary: Vocabulary, train: CodeMatrix
) -> None:
    found, _ = asked(asking, vocabulary, 0.02)
    assert found.patients == pytest.approx(len(train), abs=2)
    # what is clipped is lost: a patient with several rare codes is scaled down, by no more than a few per cent in all
    assert found.share[: len(vocabulary)] == pytest.approx(train.prevalence(), rel=0.12, abs=2e-4)


def test_groups_and_sizes_are_partitions_and_sizes_add_up_to_the_codes(asking: Asking, vocabulary: Vocabulary) -> None:
    found, _ = asked(asking, vocabulary, 3.0)
    assert found.share[vocabulary.groups["sex"]].sum() == pytest.approx(1)
    (head,) = found.heads
    assert found.share[head.members].sum() == pytest.approx(1)
    assert found.share[head.codes].sum() == pytest.approx(float(found.share[head.members] @ head.values), rel=1e-6)


def test_three_questions_are_in_the_ledger(asking: Asking, vocabulary: Vocabulary) -> None:
    _, ledger = asked(asking, vocabulary, 3.0)
    assert [entry.query for entry in ledger.entries] == [FIRST, HISTOGRAMS, COUNTS]
    assert [entry.sensitivity for entry in ledger.entries] == [12**0.5, 2**0.5, 1.0]  # two partitions: sex and size


def test_weights_favour_the_rare() -> None:
    assert count_weights(np.array([-40.0, 10.0, 40.0, 4000.0]), 10.0) == pytest.approx([1, 1, 0.5, 0.05])


def test_rare_codes_are_counted_better_than_with_flat_weights(
    asking: Asking, vocabulary: Vocabulary, train: CodeMatrix
) -> None:
    found, _ = asked(asking, vocabulary, 4.0)
    rare = vocabulary.free[train.prevalence()[vocabulary.free] < 0.01]
    assert found.noise[rare].mean() < 0.6 * 4.0 * 12**0.5
