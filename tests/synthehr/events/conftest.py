import csv
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from synthehr.events.mapping_file import load_mapping

Row = Sequence[object]
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

MIMIC = {
    "PATIENTS": [["SUBJECT_ID", "GENDER", "DOB"], [1, "F", "2100-06-15 00:00:00"], [2, "M", "1830-01-01 00:00:00"]],
    "ADMISSIONS": [
        ["SUBJECT_ID", "HADM_ID", "ADMITTIME", "DISCHTIME", "ETHNICITY", "HOSPITAL_EXPIRE_FLAG"],
        [1, 10, "2150-06-14 08:00:00", "2150-06-20 12:00:00", "WHITE - RUSSIAN", 0],
        [1, 11, "2150-07-10 08:00:00", "2150-07-12 12:00:00", "WHITE", 0],
        [2, 20, "2130-01-02 08:00:00", "2130-01-03 12:00:00", "UNABLE TO OBTAIN", 1],
    ],
    "DIAGNOSES_ICD": [
        ["SUBJECT_ID", "HADM_ID", "ICD9_CODE"],
        [1, 10, "25000"],
        [1, 11, "E8490"],
        [2, 20, "V4581"],
        [2, 20, "0380"],
    ],
    "PROCEDURES_ICD": [["SUBJECT_ID", "HADM_ID", "ICD9_CODE"], [1, 10, "3605"]],
    "PRESCRIPTIONS": [
        ["SUBJECT_ID", "HADM_ID", "STARTDATE", "DRUG"],
        [1, 10, "2150-06-15 00:00:00", "Insulin  Human"],
        [1, 11, "", "Aspirin"],
    ],
    "D_ICD_DIAGNOSES": [["ICD9_CODE", "LONG_TITLE"], ["25000", "Diabetes, type II"]],
    "D_ICD_PROCEDURES": [["ICD9_CODE", "LONG_TITLE"], ["3605", "Multiple vessel PTCA"]],
}


def write_csv(path: Path, rows: Sequence[Row], *, packed: bool = False) -> Path:
    """A CSV of the rows, gzipped under `<path>.gz` if packed."""
    if packed:
        path = path.with_name(path.name + ".gz")
    with gzip.open(path, "wt", newline="") if packed else path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)
    return path


@pytest.fixture
def mimic(tmp_path: Path) -> Callable[..., Path]:
    """Write a MIMIC-III extract of two patients; tables given by name replace its own, None leaves one out."""

    def write(*, packed: bool = False, lower: bool = False, **tables: Sequence[Row] | None) -> Path:
        folder = tmp_path / "mimic"
        folder.mkdir()
        for name, rows in (MIMIC | tables).items():
            if rows is not None:
                head = [str(column).lower() if lower else column for column in rows[0]]
                write_csv(folder / f"{name}.csv", [head, *rows[1:]], packed=packed)
        return folder

    return write


@pytest.fixture
def diabetes(tmp_path: Path) -> Callable[..., Path]:
    """Write a Diabetes-130 extract; each row is given by the columns in which it differs from a plain one."""

    def write(*rows: dict[str, object], without: Sequence[str] = ()) -> Path:
        columns = [c for c in load_mapping("diabetes130").tables["encounters"].columns if c not in without]
        plain = dict.fromkeys(columns, "No") | {"race": "?", "gender": "Female", "age": "[70-80)", "readmitted": "NO"}
        plain |= dict.fromkeys(("diag_1", "diag_2", "diag_3"), "?")
        folder = tmp_path / "diabetes"
        folder.mkdir()
        whole = [plain | {"encounter_id": 100 + k, "patient_nbr": k + 1} | row for k, row in enumerate(rows)]
        write_csv(folder / "diabetic_data.csv", [columns, *([row[c] for c in columns] for row in whole)])
        return folder

    return write


@pytest.fixture
def shared() -> Path:
    """The folder of real data, or skip."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is absent: the tests on real data need it")
    return SHARED
