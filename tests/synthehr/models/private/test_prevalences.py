from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.noise import NoiseSource
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
from synthehr.models.private.records import private_records

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
    found = count_weights(np.array([-40.0, 10.0, 40.0, 4000.0]), 10.0, 1e6)
    assert found == pytest.approx([1, 1, 0.5, 0.05])


def test_weights_leave_room_for_patients_who_have_many_codes() -> None:
    # each of 90, 360 and 810 adds 90 to the sum of squared weights by patients: 270 over 100 patients is 2.7
    found = count_weights(np.array([90.0, 360.0, 810.0]), 9.0, 100.0)
    assert found == pytest.approx(np.array([1, 1 / 2, 1 / 3]) * (0.5 / 2.7) ** 0.5)


def test_common_codes_that_most_patients_have_are_not_counted_too_small() -> None:
    """Twelve codes that 30 to 60 % of patients have: unscaled weights would clip nearly everybody."""
    rng = np.random.default_rng(2)
    share = np.linspace(0.3, 0.6, 12)
    common = Vocabulary(
        ("SEX/female", "SEX/male", *(f"C/{j}" for j in range(12))), ("",) * 14, ("sex", "sex", *[None] * 12)
    )
    present = np.hstack([np.eye(2)[rng.integers(0, 2, 4_000)], rng.random((4_000, 12)) < share])
    people = CodeMatrix(sparse.csr_matrix(present.astype(np.uint16)), np.arange(4_000), common)
    curator = Curator(private_records(people).binary(), Ledger(), NoiseSource(bytes(32)))
    found = prevalences(curator, common, first_look(curator, common, 0.02), histograms=0.02, counts=0.02)
    assert found.share[2:14] == pytest.approx(people.prevalence()[2:], rel=0.04)


def test_rare_codes_are_counted_better_than_with_flat_weights(
    asking: Asking, vocabulary: Vocabulary, train: CodeMatrix
) -> None:
    found, _ = asked(asking, vocabulary, 4.0)
    rare = vocabulary.free[train.prevalence()[vocabulary.free] < 0.01]
    assert found.noise[rare].mean() < 0.6 * 4.0 * 12**0.5
