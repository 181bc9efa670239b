"""The extracts in ../shared/data; every figure was counted in the files by other means (see the comments)."""

import gzip
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synthehr.codes.icd9 import categories
from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.events.ingest import ingest_events


def test_all_of_diabetes130(shared: Path, tmp_path: Path) -> None:
    report = ingest_events(shared / "diabetes130", tmp_path / "events")
    # shared/data/README.md: 101,766 encounters, 71,518 patients
    assert (report.mapping, report.patients, report.tables[0].rows) == ("diabetes130", 71_518, 101_766)
    assert (report.tables[0].rejected, report.tables[0].repeated, report.patients_without_events) == (0, 0, 0)
    cohort = build_cohort(tmp_path / "events", tmp_path / "cohort")
    matrix = read_cohort(tmp_path / "cohort").matrix
    systems = matrix.vocabulary.system
    assert (systems.count("AGE"), systems.count("OUTCOME")) == (10, 2)
    # README: all 881 three-character codes exist in ICD-9-CM v32; examide and citoglipton never occur (23 - 2). Those
    # that no training patient has are no column, and are counted
    assert systems.count("ICD9CM") + systems.count("DRUG") + cohort.codes_dropped == 881 + 21
    assert 0 < cohort.codes_dropped < 90
    assert read_cohort(tmp_path / "cohort").part("train").prevalence()[matrix.vocabulary.free].min() > 0
    assert all(code in categories() for code in matrix.vocabulary.code if code.startswith("ICD9CM/"))
    assert cohort.patients == len(matrix) == 71_518
    for columns in matrix.vocabulary.groups.values():
        assert (matrix.binary()[:, columns].sum(axis=1) == 1).all()
    # grep -c 'Steady\|Up\|Down' on the insulin column, and <30 on readmitted: encounters, so sums of counts
    insulin = matrix.counts[:, matrix.vocabulary.index["DRUG/insulin"]].sum()
    soon = matrix.counts[:, matrix.vocabulary.index["OUTCOME/readmitted_within_30_days"]].sum()
    assert (insulin, soon) == (54_383, 11_357)


@pytest.mark.parametrize("packing", ["csv.gz", "csv"])
def test_the_mimic3_demo(shared: Path, tmp_path: Path, packing: str) -> None:
    source = shared / "mimic3_demo"
    if packing == "csv":
        unpacked = tmp_path / "plain"
        unpacked.mkdir()
        for file in source.glob("*.csv.gz"):
            (unpacked / file.name.removesuffix(".gz")).write_bytes(gzip.decompress(file.read_bytes()))
        source = unpacked
    report = ingest_events(source, tmp_path / "events")
    # wc -l, less the header
    rows = {table.name: table.rows for table in report.tables}
    assert (rows["patients"], rows["admissions"], rows["prescriptions"]) == (100, 129, 10_398)
    assert (rows["diagnoses_icd"], rows["procedures_icd"]) == (1_761, 506)
    assert sum(table.rejected for table in report.tables) == 0
    codes = pq.read_table(tmp_path / "events" / "metadata" / "codes.parquet").to_pylist()
    words = {row["code"]: row["description"] for row in codes}
    diagnoses = [code for code in words if code.startswith("ICD9CM/") and "." in code]
    # comm -23 of the two lists of codes: 20 are in no dictionary, one of them (585) without a dot
    assert sum(words[code] is None for code in diagnoses) == 19
    found = pq.read_table(tmp_path / "events" / "data").column("code")
    # 8 patients have a date of birth before 1900, of whom one was admitted twice
    assert pc.sum(pc.equal(found, "AGE/90+")).as_py() == 9
