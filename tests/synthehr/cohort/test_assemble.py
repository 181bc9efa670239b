"""Counted files over the columns of a public vocabulary, and the matrix that they make."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.matrix import canonical
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadData, BadRequest

Event = tuple[int, str | None, str, int | None]
Events = Callable[..., Path]

ROWS: list[Event] = [
    (who, "2020-01-01", code, who) for who in range(80) for code in ("ICD9CM/250.00", "DRUG/insulin", f"AGE/{60 + who}")
]


def options(tmp_path: Path, codes: str) -> CohortOptions:
    (tmp_path / "codes.txt").write_text(codes)
    return CohortOptions(vocabulary=str(tmp_path / "codes.txt"))


@pytest.mark.parametrize("files", [1, 3])
def test_a_public_vocabulary_gives_the_columns_whoever_has_them(events: Events, tmp_path: Path, files: int) -> None:
    asked = options(tmp_path, "SEX/female\nAGE/90-100\nAGE/60\nICD9CM/250\nICD9CM/999\n")
    report = build_cohort(events(ROWS, files=files), tmp_path / "c", options=asked)
    matrix = read_cohort(tmp_path / "c").matrix
    # a listed age above 89 is the one category too; SEX, of which no event speaks, is unknown
    assert matrix.vocabulary.code == (
        "SEX/female",
        "SEX/unknown",
        "AGE/60",
        "AGE/90+",
        "AGE/unknown",
        "ICD9CM/250",
        "ICD9CM/999",
    )
    carriers = dict(zip(matrix.vocabulary.code, np.bincount(matrix.counts.indices, minlength=7).tolist(), strict=True))
    assert carriers == {
        "SEX/female": 0,
        "SEX/unknown": 80,
        "AGE/60": 1,
        "AGE/90+": 50,  # 90 to 139
        "AGE/unknown": 29,
        "ICD9CM/250": 80,
        "ICD9CM/999": 0,
    }
    assert matrix.vocabulary.description[5] == "Diabetes mellitus"
    assert report.unknown == {"sex": 80, "age": 29}
    assert (report.codes, report.codes_dropped, report.nnz) == (7, 1, 240)


def test_the_matrix_is_canonical(events: Events, tmp_path: Path) -> None:
    build_cohort(events(ROWS, files=3), tmp_path / "c")
    counts = read_cohort(tmp_path / "c").matrix.counts
    same = canonical(counts)
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(counts, name), getattr(same, name))


def test_a_public_list_with_an_identifier_is_refused(events: Events, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="Safe Harbor refuses") as raised:
        build_cohort(events(ROWS), tmp_path / "c", options=options(tmp_path, "ICD9CM/250\nZIP/02139\n"))
    assert "02139" not in str(raised.value)


def test_events_without_a_row_make_no_cohort(events: Events, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="holds no event"):
        build_cohort(events([]), tmp_path / "none")
    rows: list[Event] = [(1, None, "A/x", None)]
    with pytest.raises(BadData, match="none fell into train and validation and holdout"):
        build_cohort(events(rows), tmp_path / "c", options=CohortOptions(unit="encounter"))
