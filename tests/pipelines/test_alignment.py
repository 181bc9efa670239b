from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from pipelines.alignment import aligned
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import IncompleteLanding

SOMEWHERE = Path("synthetic")


def matrix(codes: tuple[str, ...], rows: list[list[int]], groups: dict[str, str]) -> CodeMatrix:
    vocabulary = Vocabulary(codes, ("",) * len(codes), tuple(groups.get(code) for code in codes))
    return CodeMatrix(sparse.csr_matrix(np.array(rows, dtype=np.uint16)), np.arange(len(rows)), vocabulary)


GROUPS = {"SEX/f": "sex", "SEX/m": "sex", "SEX/unknown": "sex"}
PEOPLE = Cohort(matrix(("SEX/f", "SEX/m", "A/1", "A/2"), [[1, 0, 1, 0], [0, 1, 0, 3]], GROUPS), np.zeros(2, np.uint8))


def test_the_same_vocabulary_is_left_alone() -> None:
    release = matrix(PEOPLE.matrix.vocabulary.code, [[1, 0, 1, 1]], GROUPS)
    cohort, (moved,) = aligned(PEOPLE, (SOMEWHERE, release))
    assert cohort is PEOPLE
    assert moved is release


def test_codes_that_a_release_does_not_have_are_nobodys_and_its_unknown_is_new() -> None:
    release = matrix(("SEX/unknown", "SEX/f", "A/2"), [[1, 0, 1], [0, 1, 0]], GROUPS)
    cohort, (moved,) = aligned(PEOPLE, (SOMEWHERE, release))
    assert cohort.matrix.vocabulary == moved.vocabulary
    assert moved.vocabulary.code == (*PEOPLE.matrix.vocabulary.code, "SEX/unknown")
    assert moved.counts.toarray().tolist() == [[0, 0, 0, 1, 1], [1, 0, 0, 0, 0]]
    assert cohort.matrix.counts.toarray().tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 3, 0]]


@pytest.mark.parametrize("codes", [("SEX/f", "A/9"), ("SEX/f", "B/unknown")])
def test_a_release_with_other_codes_is_refused(codes: tuple[str, ...]) -> None:
    with pytest.raises(IncompleteLanding, match="another vocabulary"):
        aligned(PEOPLE, (SOMEWHERE, matrix(codes, [[1, 1]], GROUPS)))


def test_a_code_in_another_group_is_refused() -> None:
    release = matrix(("SEX/f", "A/1"), [[1, 1]], {**GROUPS, "A/1": "a"})
    with pytest.raises(IncompleteLanding, match="another vocabulary"):
        aligned(PEOPLE, (SOMEWHERE, release))
