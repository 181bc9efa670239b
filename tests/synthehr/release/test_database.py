import struct
from pathlib import Path

import duckdb
import pytest

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.release.database import wide_codes, write_database


def ask(database: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def build(make_release, tmp_path: Path, **cohort: object) -> Path:
    synthetic = make_release(**cohort).synthetic
    target = tmp_path / "cohort.duckdb"
    write_database(
        target,
        shards=sorted((synthetic / "data").glob("*.parquet")),
        vocabulary=synthetic / "vocabulary.parquet",
        about={"synthetic": "true"},
        scratch=tmp_path,
    )
    return target


def test_patients(bundle: Path) -> None:
    rows = ask(bundle / "cohort.duckdb", "SELECT synthetic_id, sex, age, n_codes FROM patients ORDER BY ALL DESC")
    assert rows == [
        (-1, "female", "70-80", 2),
        (-2, "male", "70-80", 2),
        (-3, "female", "[80-90)", 1),
        (-4, "female", "[80-90)", 3),
        (-5, "male", "70-80", 1),
        (-6, "male", "[80-90)", 0),
    ]


def test_long_and_wide_views_agree(bundle: Path) -> None:
    file = bundle / "cohort.duckdb"
    assert ask(file, "SELECT code, description, sum(count) FROM codes_long GROUP BY ALL ORDER BY code") == [
        ("DRUG/insulin", "It's insulin", 4),
        ("ICD9CM/250", "Diabetes mellitus", 5),
        ("ICD9CM/401", 'Essential "hypertension", benign', 6),
    ]
    assert ask(file, 'SELECT sum("DRUG/insulin"), sum("ICD9CM/250"), sum("ICD9CM/401") FROM patients_wide') == [
        (4, 5, 6)
    ]
    assert ask(file, "SELECT * FROM patients_wide WHERE synthetic_id = -6") == [(-6, "male", "[80-90)", 0, 0, 0, 0)]
    # differences of counts are signed
    assert ask(file, 'SELECT min("ICD9CM/250" - "ICD9CM/401") FROM patients_wide') == [(-4,)]


def test_views_work_under_another_name(bundle: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH '{str(bundle / 'cohort.duckdb').replace(chr(39), chr(39) * 2)}' AS other (READ_ONLY)"
        )
        assert connection.execute("SELECT count(*) FROM other.patients_wide").fetchall() == [(6,)]
        assert connection.execute("SELECT count(*) FROM other.codes_long").fetchall() == [(9,)]


def test_every_table_view_and_column_has_a_comment(bundle: Path) -> None:
    file = bundle / "cohort.duckdb"
    for kind in ("tables", "views"):
        found = ask(file, f"SELECT comment FROM duckdb_{kind}() WHERE NOT internal")
        assert found
        assert all(comment for (comment,) in found)
    columns = ask(
        file,
        "SELECT comment FROM duckdb_columns() WHERE table_name IN (SELECT table_name FROM duckdb_tables())",
    )
    assert len(columns) == 4 + 4 + 3 + 5 + 2
    assert all(comment for (comment,) in columns)


def test_storage_is_what_duckdb_1_reads(bundle: Path) -> None:
    # DuckDB storage format: checksum (8 bytes), magic bytes, then the storage version; 64 is v0.9 to v1.1
    head = (bundle / "cohort.duckdb").read_bytes()[:20]
    assert head[8:12] == b"DUCK"
    assert struct.unpack("<Q", head[12:20]) == (64,)


def test_about_says_synthetic(bundle: Path) -> None:
    about = dict(ask(bundle / "cohort.duckdb", "SELECT * FROM _about"))
    assert about["synthetic"] == "true"
    assert about["generator"] == "medgan"
    assert len(about["synthetic_manifest_sha256"]) == 64


@pytest.mark.parametrize("ids", [[-1, -2, -3, -4, -5, 6], [-1, -2, -3, -4, -5, 0], [-1, -2, -3, -4, -5, -5]])
def test_an_id_that_is_not_synthetic_is_refused(ids: list[int], make_release, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="negative ids, each once"):
        build(make_release, tmp_path, ids=ids)


@pytest.mark.parametrize("first", [[1, 0, 2, 1, 1, 1, 0], [1, 0, 2, 0, 0, 1, 0]])
def test_a_patient_of_two_sexes_or_none_is_refused(first: list[int], make_release, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="group sex; 1 have none or several"):
        build(make_release, tmp_path, counts=[first, [3, 1, 0, 0, 1, 1, 0]], ids=[-1, -2])


def test_codes_that_differ_in_case_alone_both_have_a_column(make_release, tmp_path: Path) -> None:
    names = Vocabulary(("DRUG/Insulin", "DRUG/insulin", 'X/a"b'), ("", "", ""), (None, None, None))
    file = build(make_release, tmp_path, counts=[[1, 2, 3]], ids=[-1], vocabulary=names)
    assert ask(file, 'SELECT "DRUG/Insulin", "DRUG/insulin [1]", "X/a""b" FROM patients_wide') == [(1, 2, 3)]


def test_the_wide_view_keeps_the_commonest(bundle: Path) -> None:
    with duckdb.connect(str(bundle / "cohort.duckdb"), read_only=True) as connection:
        # three patients each have 250, 401 and insulin: ties by position
        assert wide_codes(connection, limit=2) == [(0, "ICD9CM/250"), (1, "ICD9CM/401")]
        assert len(wide_codes(connection)) == 3
