from pathlib import Path

import duckdb
import pytest

from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.errors import BadRequest
from synthehr.events.report import IngestReport
from synthehr.events.simulated.simulate import simulate_events
from synthehr.landing import read_manifest


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "events"
    simulate_events(out, n_patients=8_000, seed=3)
    return out


def count(landing: Path, sql: str) -> int:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW e AS SELECT * FROM read_parquet('{landing}/data/*.parquet')")
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate_events(tmp_path / name, n_patients=500, seed=seed)
        files.append(read_manifest(tmp_path / name).files)
    assert files[0] == files[1]
    assert files[0]["data/00000.parquet"] != files[2]["data/00000.parquet"]


def test_a_cohort_of_it_has_hundreds_of_codes_and_groups(landing: Path, tmp_path: Path) -> None:
    report = build_cohort(landing, tmp_path / "cohort")
    assert report.patients == IngestReport.read(landing).patients == 8_000
    assert report.codes > 400
    matrix = read_cohort(tmp_path / "cohort").matrix
    assert set(matrix.vocabulary.groups) == {"sex", "age", "race"}
    prevalence = matrix.prevalence()[matrix.vocabulary.free]
    assert prevalence.max() > 0.3
    assert (prevalence < 1e-3).sum() > 100
    assert 10 < matrix.codes_per_patient().mean() < 25


def test_nobody_is_prescribed_what_is_not_diagnosed_yet(landing: Path) -> None:
    early = """SELECT count(*) FROM (
      SELECT min(time) FILTER (code = 'DRUG/levothyroxine') < min(time) FILTER (code LIKE 'ICD9CM/244%') AS early
      FROM e GROUP BY subject_id) WHERE early"""
    assert count(landing, "SELECT count(*) FROM e WHERE code = 'DRUG/levothyroxine'") > 500
    assert count(landing, early) == 0
    # the control: a drug that anybody may take does come before the disease it also treats
    either = early.replace("levothyroxine", "aspirin").replace("244", "434")
    assert count(landing, either) > 0


def test_readmissions_are_what_the_admissions_say(landing: Path) -> None:
    gaps = """SELECT count(*) FROM (
      SELECT subject_id, visit_id, min(time) AS admitted, max(time) FILTER (code LIKE 'OUTCOME/%') AS discharged,
        max(code) FILTER (code LIKE 'OUTCOME/%') AS outcome, lead(min(time)) OVER w AS again
      FROM e WHERE visit_id IS NOT NULL GROUP BY subject_id, visit_id
      WINDOW w AS (PARTITION BY subject_id ORDER BY min(time))
    ) WHERE """
    assert count(landing, gaps + "(outcome IS NULL) <> (again IS NULL)") == 0
    soon = "date_diff('day', discharged::DATE, again::DATE) < 30"
    assert count(landing, gaps + f"(outcome LIKE '%within_30%') <> ({soon})") == 0
    assert count(landing, gaps + "outcome LIKE '%within_30%'") > 100


def test_a_visit_is_of_one_patient_and_static_facts_have_no_time(landing: Path) -> None:
    shared = "SELECT count(*) FROM (SELECT visit_id FROM e GROUP BY visit_id HAVING count(DISTINCT subject_id) > 1"
    assert count(landing, f"{shared} AND visit_id IS NOT NULL)") == 0
    assert count(landing, f"{shared})") == 1  # the control: facts outside any visit are of many patients
    assert count(landing, "SELECT count(*) FROM e WHERE (time IS NULL) <> regexp_matches(code, '^(SEX|RACE)/')") == 0


def test_nobody_at_all_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="Got 0"):
        simulate_events(tmp_path / "events", n_patients=0)
