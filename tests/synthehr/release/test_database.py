import struct
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.events.engine import literal
from synthehr.release.views import wide_codes


def ask(database: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_patients(database: Path) -> None:
    rows = ask(database, "SELECT synthetic_id, sex, age, n_codes FROM patients ORDER BY ALL DESC")
    assert rows == [
        (-1, "female", "70-80", 2),
        (-2, "male", "70-80", 2),
        (-3, "female", "[80-90)", 1),
        (-4, "female", "[80-90)", 3),
        (-5, "male", "70-80", 1),
        (-6, "male", "[80-90)", 0),
    ]


def test_long_and_wide_views_agree(database: Path) -> None:
    assert ask(database, "SELECT code, description, sum(count) FROM codes_long GROUP BY ALL ORDER BY code") == [
        ("DRUG/insulin", "It's insulin", 4),
        ("ICD9CM/250", "Diabetes mellitus", 5),
        ("ICD9CM/401", 'Essential "hypertension", benign', 6),
    ]
    assert ask(database, 'SELECT sum("DRUG/insulin"), sum("ICD9CM/250"), sum("ICD9CM/401") FROM patients_wide') == [
        (4, 5, 6)
    ]
    assert ask(database, "SELECT * FROM patients_wide WHERE synthetic_id = -6") == [(-6, "male", "[80-90)", 0, 0, 0, 0)]
    # differences of counts are signed
    assert ask(database, 'SELECT min("ICD9CM/250" - "ICD9CM/401") FROM patients_wide') == [(-4,)]


def test_views_work_under_another_name(database: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(str(database))} AS other (READ_ONLY)")
        assert connection.execute("SELECT count(*) FROM other.patients_wide").fetchall() == [(6,)]
        assert connection.execute("SELECT count(*) FROM other.codes_long").fetchall() == [(9,)]
        assert connection.execute("SELECT count(*) FROM other.code_counts").fetchall() == [(7,)]
        assert connection.execute("SELECT count(*) FROM other.omop.person").fetchall() == [(6,)]


def test_everything_has_a_comment(database: Path) -> None:
    for kind, number in {"tables": 5, "views": 3 + 7, "functions": 11}.items():
        found = ask(database, f"SELECT comment FROM duckdb_{kind}() WHERE NOT internal")
        assert len(found) == number
        assert all(comment for (comment,) in found)
    columns = ask(database, "SELECT table_name, comment FROM duckdb_columns() WHERE NOT internal")
    assert sum(table in ("patients", "codes", "matrix", "vocabulary", "_about") for table, _ in columns) == 19
    # synthetic_id, sex, age, n_codes and a column for each of three codes
    assert [comment for table, comment in columns if table == "patients_wide"][4:] == [
        "How often the patient has ICD9CM/250 (Diabetes mellitus), 0 if not",
        'How often the patient has ICD9CM/401 (Essential "hypertension", benign), 0 if not',
        "How often the patient has DRUG/insulin (It's insulin), 0 if not",
    ]
    assert all(comment for _, comment in columns)


def test_code_counts(database: Path) -> None:
    # 250 once, thrice and once in three of six patients; the seven codes in order
    counts = ask(database, "SELECT code, domain, n_patients, prevalence, mean_count FROM code_counts")
    assert counts[:4] == [
        ("ICD9CM/250", "Condition", 3, 0.5, pytest.approx(5 / 3)),
        ("ICD9CM/401", "Condition", 3, 0.5, 2.0),
        ("DRUG/insulin", "Drug", 3, 0.5, pytest.approx(4 / 3)),
        ("SEX/female", "Gender", 3, 0.5, 1.0),
    ]
    assert [row[1] for row in counts[4:]] == ["Gender", "Observation", "Observation"]


def test_storage_is_what_duckdb_1_reads(database: Path) -> None:
    # DuckDB storage format: checksum (8 bytes), magic bytes, then the storage version; 64 is v0.9 to v1.1
    head = database.read_bytes()[:20]
    assert head[8:12] == b"DUCK"
    assert struct.unpack("<Q", head[12:20]) == (64,)


def test_about_says_synthetic(public: Path) -> None:
    about = dict(ask(public / "cohort.duckdb", "SELECT * FROM _about"))
    assert about["synthetic"] == "true"
    assert about["generator"] == "medgan"
    assert len(about["synthetic_sha256"]) == 64


def test_the_content_follows_from_the_landing(build_cohort: Callable[..., Path]) -> None:
    first, second = (build_cohort() / "cohort.duckdb" for _ in range(2))
    places = "SELECT DISTINCT schema_name || '.' || table_name FROM duckdb_columns() WHERE NOT internal"
    for (place,) in ask(first, places):
        assert ask(first, f"FROM {place} ORDER BY ALL") == ask(second, f"FROM {place} ORDER BY ALL")
    defined = "SELECT function_name, macro_definition, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL"
    assert ask(first, defined) == ask(second, defined)


@pytest.mark.parametrize("ids", [[-1, -2, -3, -4, -5, 6], [-1, -2, -3, -4, -5, 0], [-1, -2, -3, -4, -5, -5]])
def test_an_id_that_is_not_synthetic_is_refused(ids: list[int], build_cohort: Callable[..., Path]) -> None:
    with pytest.raises(BadData, match="negative ids, each once"):
        build_cohort(ids=ids)


@pytest.mark.parametrize("first", [[1, 0, 2, 1, 1, 1, 0], [1, 0, 2, 0, 0, 1, 0]])
def test_a_patient_of_two_sexes_or_none_is_refused(first: list[int], build_cohort: Callable[..., Path]) -> None:
    with pytest.raises(BadData, match="group sex; 1 have none or several"):
        build_cohort(counts=[first, [3, 1, 0, 0, 1, 1, 0]], ids=[-1, -2])


def test_codes_that_differ_in_case_alone_both_have_a_column(build_cohort: Callable[..., Path]) -> None:
    names = Vocabulary(("DRUG/Insulin", "DRUG/insulin", 'X/a"b'), ("", "", ""), (None, None, None))
    file = build_cohort(counts=[[1, 2, 3]], ids=[-1], vocabulary=names) / "cohort.duckdb"
    assert ask(file, 'SELECT "DRUG/Insulin", "DRUG/insulin [1]", "X/a""b" FROM patients_wide') == [(1, 2, 3)]


def test_the_wide_view_keeps_the_commonest(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        # three patients each have 250, 401 and insulin: ties by position
        assert wide_codes(connection, limit=2) == [(0, "ICD9CM/250"), (1, "ICD9CM/401")]
        assert len(wide_codes(connection)) == 3
