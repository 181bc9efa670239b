from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.release.queries import ExampleQuery, example_queries, write_queries

COHORTS: dict[str, dict[str, object]] = {
    "six patients": {},
    "no demographics": {
        "counts": [[1, 2, 0], [1, 0, 3]],
        "ids": [-1, -2],
        "vocabulary": Vocabulary(("ICD9CM/1", "CPT/2", "O'S/3"), ("", "", ""), (None, None, None)),
    },
    "one code": {"counts": [[1], [0]], "ids": [-1, -2], "vocabulary": Vocabulary(("LOINC/1",), ("",), (None,))},
    "one code and a sex": {
        "counts": [[1, 1], [0, 1]],
        "ids": [-1, -2],
        "vocabulary": Vocabulary(("RXNORM/1", "SEX/female"), ("", ""), (None, "sex")),
    },
    "demographics alone": {
        "counts": [[1, 0, 1], [0, 1, 1]],
        "ids": [-1, -2],
        "vocabulary": Vocabulary(("SEX/female", "SEX/male", "MY/group"), ("", "", ""), ("sex", "sex", "own group")),
    },
    "codes that never meet": {
        "counts": [[1, 0], [0, 1]],
        "ids": [-1, -2],
        "vocabulary": Vocabulary(('ICD9CM/1"', "ICD9CM/2*"), ("", ""), (None, None)),
    },
}


@pytest.fixture(scope="module")
def folders(build_cohort: Callable[..., Path]) -> dict[str, Path]:
    return {name: build_cohort(**cohort) for name, cohort in COHORTS.items()}


@pytest.fixture(scope="module")
def asked(folders: dict[str, Path]) -> dict[str, list[ExampleQuery]]:
    return {name: example_queries(folder / "cohort.duckdb") for name, folder in folders.items()}


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("cohort", COHORTS)
def test_every_query_returns_rows_of_every_cohort(
    folders: dict[str, Path],
    asked: dict[str, list[ExampleQuery]],
    cohort: str,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folders[cohort])
    with duckdb.connect("cohort.duckdb", read_only=True) as connection:
        assert connection.execute(asked[cohort][number].sql).fetchall()


def test_the_answers_of_the_six_patients(
    folders: dict[str, Path], asked: dict[str, list[ExampleQuery]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders["six patients"])
    with duckdb.connect("cohort.duckdb", read_only=True) as connection:
        found = {query.slug: connection.execute(query.sql).fetchall() for query in asked["six patients"]}
    # conditions come first: 250 (of -1 -2 -4) and 401 (of -2 -4 -5); insulin is of -1 -3 -4
    assert found["commonest-codes"][0][2:] == (3, 0.5, 1.33)  # DRUG/insulin, by name, 4 times in 3 patients
    assert found["codes-per-patient"] == [(0, 1, 0.1667), (1, 2, 0.5), (2, 2, 0.8333), (3, 1, 1.0)]
    assert found["prevalence-by-group"] == [
        ("female", "70-80", 1, 1.0),
        ("female", "[80-90)", 2, 0.5),
        ("male", "70-80", 2, 0.5),
        ("male", "[80-90)", 1, 0.0),
    ]
    assert found["cohort"] == [(1, 2.0, 2.0)]  # -1 has 250 and not 401, and insulin besides
    assert found["odds-ratio"][0][:4] == (2, 1, 1, 2)
    assert [row[0] for row in found["comorbidities"]] == ["DRUG/insulin", "ICD9CM/401"]
    assert found["condition-count"] == [(0, 1), (1, 2), (2, 2), (3, 1)]
    # -1 once and -4 once are women; -2 thrice is a man
    assert found["omop"] == [("female", 3, 2, 2), ("male", 3, 1, 3)]
    assert ("DRUG/insulin", 3, 4) in found["meds-events"]


def test_the_files(folders: dict[str, Path], tmp_path: Path) -> None:
    database = folders["six patients"] / "cohort.duckdb"
    write_queries(tmp_path, database)
    files = sorted(tmp_path.iterdir())
    assert [file.name[:3] for file in files] == [f"{number:02d}-" for number in range(1, 11)]
    for file, query in zip(files, example_queries(database), strict=True):
        assert file.name[3:] == f"{query.slug}.sql"
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0] == f"-- {query.title}."
        assert lines[1] == f"-- duckdb -readonly cohort.duckdb < queries/{file.name}"
        assert "\n".join(lines[2:]) == query.sql
        assert query.sql.count(";") - query.sql.startswith("--") == 1
