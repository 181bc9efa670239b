"""Everything that can be wrong with an extract: refused, or set aside and counted; never a silent wrong answer."""

import csv
import errno
import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from synthehr.errors import BadData, BadRequest
from synthehr.events import write
from synthehr.events.engine import engine
from synthehr.events.ingest import ingest_events
from synthehr.events.simulated.simulate import simulate_events
from synthehr.events.sources import reading
from synthehr.landing import read_manifest

Extract = Callable[..., Path]
GOOD = 1_000
SECRET = "SECRET-17"


def long_table(path: Path, *bad: str, good: int = GOOD, columns: str = "subject_id,time,code,value") -> Path:
    """A long table of good rows, one patient each, with the bad lines after the 500th (so from row 502 on)."""
    rows = [f"{k},2020-01-01,ICD9CM/250,{k}" for k in range(1, good + 1)]
    path.write_text("\n".join([columns, *rows[:500], *bad, *rows[500:]]) + "\n", encoding="utf-8")
    return path


def rejected(landing: Path) -> list[dict[str, str]]:
    with (landing / "rejected" / "rows.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def nothing_is_left(out: Path) -> bool:
    return not out.exists() and not list(out.parent.glob(f".{out.name}*"))


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (f"{SECRET},2020-02-30,A/1,", "time", "time is no date"),
        (f"{SECRET},the 3rd,A/1,", "time", "time is no date"),
        (f"{SECRET},0001-01-01,A/1,", "time", "time is no plausible date"),
        (f"{SECRET},2020-01-01,,", "code", "code missing"),
        (f"{SECRET},2020-01-01,  ,", "code", "code missing"),
        (f"{SECRET},2020-01-01,250.00,", "code", "code malformed"),
        (f"{SECRET},2020-01-01,ICD9CM/,", "code", "code malformed"),
        (f",2020-01-01,A/{SECRET},", "subject_id", "subject missing"),
        (f"{SECRET},2020-01-01", "", "too few columns"),
        (f"{SECRET},2020-01-01,A/1,1,2,3", "", "too many columns"),
    ],
)
def test_a_few_bad_rows_are_set_aside_with_their_place(tmp_path: Path, line: str, column: str, reason: str) -> None:
    report = ingest_events(long_table(tmp_path / "x.csv", line), tmp_path / "events")
    assert rejected(tmp_path / "events") == [{"file": "x.csv", "row": "502", "column": column, "reason": reason}]
    assert (report.tables[0].rows, report.tables[0].rejected, report.tables[0].reasons) == (GOOD + 1, 1, {reason: 1})
    assert (report.patients, report.events) == (GOOD, GOOD)
    named = SECRET in line and column != "subject_id" and not reason.startswith("too")
    assert report.patients_without_events == int(named)
    for file in (tmp_path / "events").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


def test_rows_are_numbered_as_a_spreadsheet_does_even_after_broken_ones(tmp_path: Path) -> None:
    # rows 502 to 508, of which 503 and 506 are empty and 505 stands on two lines
    bad = ["1,2020-01-01", "", "1,never,A/1,", '1,2020-01-01,"A/1","two\nlines"', "", "1", "2,2020-01-01,,"]
    ingest_events(long_table(tmp_path / "x.csv", *bad), tmp_path / "events")
    places = [(int(r["row"]), r["reason"]) for r in rejected(tmp_path / "events")]
    assert places == [
        (502, "too few columns"),
        (504, "time is no date"),
        (507, "too few columns"),
        (508, "code missing"),
    ]


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    path = long_table(tmp_path / "x.csv", "1,never,A/1,", "", "2,2020-01-01")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    report = ingest_events(path, tmp_path / "events")
    assert [int(r["row"]) for r in rejected(tmp_path / "events")] == [502, 504]
    assert (report.events, report.codes) == (GOOD, 1)


def test_too_many_bad_rows_are_refused_with_places_and_remedy(tmp_path: Path) -> None:
    bad = [f"{SECRET},never,A/1,"] * 11
    with pytest.raises(BadData) as caught:
        ingest_events(long_table(tmp_path / "x.csv", *bad), tmp_path / "events")
    message = str(caught.value)
    assert "11 of 1011 rows of events were rejected, more than the 1.00%" in message
    assert "x.csv, row 502, column time: time is no date" in message
    assert "--format" in message
    assert SECRET not in message
    assert nothing_is_left(tmp_path / "events")


def test_the_limit_is_a_share_of_rows(tmp_path: Path) -> None:
    report = ingest_events(long_table(tmp_path / "x.csv", *["1,never,A/1,"] * 10), tmp_path / "events")
    assert report.tables[0].rejected == 10  # of 1,010: just under 1 %


def test_repeated_rows_count_once_and_are_reported(tmp_path: Path) -> None:
    again = ["1,2020-01-01,ICD9CM/250,1"] * 3
    report = ingest_events(long_table(tmp_path / "x.csv", *again), tmp_path / "events")
    assert (report.events, report.events_repeated) == (GOOD, 3)
    assert rejected(tmp_path / "events") == []


def test_a_repeated_encounter_is_dropped_and_a_contradicting_one_rejected(diabetes: Extract, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"diag_1": "250"} for _ in range(200)]
    rows += [rows[5] | {"encounter_id": 105, "patient_nbr": 6}]  # row 202: says what row 7 says
    rows += [rows[6] | {"encounter_id": 106, "patient_nbr": 7, "diag_1": "401"}]  # row 203: says other than row 8
    report = ingest_events(diabetes(*rows), tmp_path / "events")
    table = report.tables[0]
    assert (table.rows, table.repeated, table.rejected) == (202, 1, 1)
    assert rejected(tmp_path / "events") == [
        {
            "file": "diabetic_data.csv",
            "row": "203",
            "column": "encounter_id",
            "reason": "key repeated with other content",
        }
    ]
    codes = set(pq.read_table(tmp_path / "events" / "data").column("code").to_pylist())
    assert "ICD9CM/401" not in codes


def test_one_bad_entry_does_not_cost_the_rest_of_its_row(diabetes: Extract, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"diag_1": "250"} for _ in range(200)]
    rows[7] = {"diag_1": "250", "diag_2": "25O.00", "insulin": "Perhaps"}
    report = ingest_events(diabetes(*rows), tmp_path / "events")
    assert report.tables[0].rejected == 1
    assert report.tables[0].reasons == {"code malformed": 1, "value is none of those expected": 1}
    assert {(r["row"], r["column"]) for r in rejected(tmp_path / "events")} == {("9", "diag_2"), ("9", "insulin")}
    codes = pq.read_table(tmp_path / "events" / "data").column("code").to_pylist()
    assert codes.count("ICD9CM/250") == 200


def test_a_patient_number_that_is_none_is_rejected_not_renumbered(diabetes: Extract, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"diag_1": "250"} for _ in range(200)]
    rows[0] = {"patient_nbr": "12a", "diag_1": "250"}
    report = ingest_events(diabetes(*rows), tmp_path / "events")
    assert report.tables[0].reasons == {"subject is no plain whole number": 1}
    assert (report.patients, report.subject_ids) == (199, "as in the source")


def test_a_diagnosis_without_its_admission_is_rejected(mimic: Extract, tmp_path: Path) -> None:
    many = [[1, 10, "25000"]] * 200
    table = [["SUBJECT_ID", "HADM_ID", "ICD9_CODE"], *many, [1, 99, "4019"], [2, 10, "4019"], [1, 10, ""]]
    with pytest.raises(BadData, match=r"code missing \(1\), no row of admissions \(2\)"):
        ingest_events(mimic(DIAGNOSES_ICD=table), tmp_path / "events")


def test_patients_with_no_codes_are_kept_and_counted(mimic: Extract, tmp_path: Path) -> None:
    patients = [["SUBJECT_ID", "GENDER", "DOB"], [1, "F", "2100-06-15"], [2, "M", "1830-01-01"], [3, "F", "2100-01-01"]]
    silent = [4, "", "2100-01-01"]
    report = ingest_events(mimic(PATIENTS=[*patients, silent]), tmp_path / "events")
    assert (report.patients, report.patients_without_codes, report.patients_without_events) == (3, 1, 1)


def test_a_cut_gzip_leaves_nothing(mimic: Extract, tmp_path: Path) -> None:
    folder = mimic(packed=True)
    whole = gzip.compress((b"1,10,25000\n" * 100_000).join([b"SUBJECT_ID,HADM_ID,ICD9_CODE\n", b""]))
    (folder / "DIAGNOSES_ICD.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match=r"DIAGNOSES_ICD\.csv\.gz is cut short or damaged: copy it again"):
        ingest_events(folder, tmp_path / "events")
    assert nothing_is_left(tmp_path / "events")


@pytest.mark.parametrize("stray", ['9,2020-01-01,"A/1,', '9,2020-01-01,"A"1/1,'])
def test_a_stray_quotation_mark_is_refused_with_its_row(tmp_path: Path, stray: str) -> None:
    with pytest.raises(BadData, match=r"x\.csv, row 502: a quotation mark stands open or stray"):
        ingest_events(long_table(tmp_path / "x.csv", stray), tmp_path / "events")
    assert nothing_is_left(tmp_path / "events")


def test_text_that_is_not_utf8_is_set_aside(tmp_path: Path) -> None:
    path = long_table(tmp_path / "x.csv", "9,2020-01-01,A/1,xxx")
    path.write_bytes(path.read_bytes().replace(b"xxx", "é".encode("latin-1")))
    ingest_events(path, tmp_path / "events")
    assert [(r["row"], r["reason"]) for r in rejected(tmp_path / "events")] == [("502", "text is not UTF-8")]


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("subject_id,time,code\n")
    with pytest.raises(BadData, match="a header and no rows"):
        ingest_events(tmp_path / "x.csv", tmp_path / "events")


def test_rows_that_make_no_event_are_refused(diabetes: Extract, tmp_path: Path) -> None:
    plain = {"gender": "?", "age": "?"}
    with pytest.raises(BadData, match="found no event"):
        ingest_events(diabetes(plain, plain), tmp_path / "events")


def own_mapping(path: Path, code: str) -> Path:
    path.write_text(
        'name = "own"\ntitle = "Own"\n[[table]]\nname = "events"\nfiles = ["x.csv"]\nsubject = "subject_id"\n'
        f'columns = ["subject_id", "time", "code", "value"]\n[[event]]\ntable = "events"\ncode = "A/{{{code}}}"\n'
    )
    return path


def test_sql_of_a_mapping_that_does_not_fit_is_a_wrong_request(tmp_path: Path) -> None:
    mapping = own_mapping(tmp_path / "own.toml", "codee")
    with pytest.raises(BadRequest, match=r"mapping's SQL does not fit its tables.*codee"):
        ingest_events(long_table(tmp_path / "x.csv"), tmp_path / "events", mapping=mapping)


def test_what_duckdb_says_of_a_value_is_not_repeated(tmp_path: Path) -> None:
    mapping = own_mapping(tmp_path / "own.toml", "CAST(value AS INTEGER)")
    path = long_table(tmp_path / "x.csv", f"1,2020-01-01,A/1,{SECRET}")
    with pytest.raises(BadData, match="TRY_CAST") as caught:
        ingest_events(path, tmp_path / "events", mapping=mapping)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__  # a traceback would print it


def test_a_folder_that_is_somebodys_data_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "thesis.txt").write_text("mine")
    with pytest.raises(BadRequest, match="is left as it is"):
        ingest_events(long_table(tmp_path / "x.csv"), tmp_path / "events")
    assert (tmp_path / "events" / "thesis.txt").read_text() == "mine"


def full(*_args: object, **_kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["unpacking", "writing events"])
def test_a_full_disk_leaves_the_landing_before_it(
    mimic: Extract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    folder, out = mimic(packed=True), tmp_path / "events"
    ingest_events(folder, out)
    before = (out / "manifest.json").read_bytes()
    module, name = (reading.shutil, "copyfileobj") if where == "unpacking" else (write.pq, "write_table")
    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            ingest_events(folder, out)
    assert caught.value.errno == errno.ENOSPC
    assert (out / "manifest.json").read_bytes() == before
    ingest_events(folder, out)  # there is room again
    assert (out / "manifest.json").read_bytes() == before
    assert not list(tmp_path.glob(".events*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full, a disk that is always full, is of Linux")
def test_a_truly_full_disk_says_so_whoever_meets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "full"  # pyarrow removes what it could not write: a link, never the device
    link.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught, engine(tmp_path / "work") as connection:
        connection.execute(f"COPY (SELECT range FROM range(1000000)) TO '{link}' (FORMAT csv, USE_TMP_FILE false)")
    assert caught.value.errno == errno.ENOSPC

    link.unlink(missing_ok=True)
    link.symlink_to("/dev/full")
    real = write.pq.write_table
    monkeypatch.setattr(write.pq, "write_table", lambda table, _, **options: real(table, link, **options))
    with pytest.raises(OSError, match="No space left") as met:
        simulate_events(tmp_path / "events", n_patients=50)
    assert met.value.errno == errno.ENOSPC
    assert nothing_is_left(tmp_path / "events")


def test_an_interrupted_ingest_goes_on_with_what_was_not_done(mimic: Extract, tmp_path: Path) -> None:
    source, ran = mimic(), list[str]()

    def counted(function: Callable[..., object], tasks: Sequence[Any], /) -> Iterator[Any]:
        for task in tasks:
            if len(ran) == 3:
                ran.append("interrupted")
                raise KeyboardInterrupt
            ran.append(task.out.name)
            yield function(task)

    with pytest.raises(KeyboardInterrupt):
        ingest_events(source, tmp_path / "events", executor=counted)
    assert not (tmp_path / "events").exists()
    ingest_events(source, tmp_path / "events", executor=counted)
    # seven files and one partition of patients, each once
    assert len(ran) - 1 == len(set(ran)) - 1 == 8
    assert not list(tmp_path.glob(".events*"))
    ingest_events(source, tmp_path / "whole")
    assert read_manifest(tmp_path / "events").files == read_manifest(tmp_path / "whole").files


def test_work_on_another_extract_is_not_taken_up(mimic: Extract, tmp_path: Path) -> None:
    source = mimic()

    def stop(function: Callable[..., object], tasks: Sequence[Any], /) -> Iterator[Any]:
        yield from map(function, tasks)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_events(source, tmp_path / "events", executor=stop)
    (source / "PATIENTS.csv").write_text((source / "PATIENTS.csv").read_text() + "3,F,2100-01-01 00:00:00\n")
    assert ingest_events(source, tmp_path / "events").patients == 3
