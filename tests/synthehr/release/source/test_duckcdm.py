"""ATLAS's own web interface over the written OMOP folder, served by duckcdm (pip install "duckcdm[server]")."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.synthehr.release.source.returned import Returned, go_back
from tests.synthehr.release.source.test_omop import PATIENTS, WOMAN

pytest.importorskip("duckcdm", reason='it serves ATLAS: pip install "duckcdm[server]"')
pytest.importorskip("uvicorn", reason='it serves ATLAS: pip install "duckcdm[server]"')
Ask = Callable[..., Any]
SECONDS = 60
# who was observed for a year before and after hypertension, or anything below the concept above it (disease)
COHORT = {
    "ConceptSets": [
        {
            "id": 0,
            "name": "disease",
            "expression": {"items": [{"concept": {"CONCEPT_ID": 100}, "includeDescendants": True}]},
        }
    ],
    "PrimaryCriteria": {
        "CriteriaList": [{"ConditionOccurrence": {"CodesetId": 0}}],
        "ObservationWindow": {"PriorDays": 365, "PostDays": 365},
        "PrimaryCriteriaLimit": {"Type": "First"},
    },
    "QualifiedLimit": {"Type": "First"},
    "ExpressionLimit": {"Type": "First"},
    "InclusionRules": [],
    "CensoringCriteria": [],
    "CollapseSettings": {"CollapseType": "ERA", "EraPad": 0},
}


@pytest.fixture(scope="module")
def ask(omop_events: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask the WebAPI that serves six patients like the first and two others."""
    folder = tmp_path_factory.mktemp("atlas")
    made: Returned = go_back(folder / "back", omop_events, [*[WOMAN] * 6, *PATIENTS[1:]])
    command = [sys.executable, "-c", "import sys; from duckcdm.cli import main; sys.exit(main())"]
    database = folder / "cdm.duckdb"
    subprocess.run(
        [*command, "views", str(made.folder / "omop"), str(database), "--materialize"], check=True, capture_output=True
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--achilles", "--port", str(port), "--threads", "1"]
    with subprocess.Popen(
        [*command, "serve", f"SYNTHETIC={database}", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            yield _asker(f"http://127.0.0.1:{port}/WebAPI", server)
        finally:
            server.terminate()


def _asker(base: str, server: "subprocess.Popen[bytes]") -> Ask:
    def ask(path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)

    last = time.monotonic() + SECONDS
    while time.monotonic() < last and server.poll() is None:
        try:
            ask("/info")
        except urllib.error.URLError:
            time.sleep(0.2)
        else:
            return ask
    pytest.fail("duckcdm did not start")


def test_the_source_is_there_and_its_vocabulary_is_found(ask: Ask) -> None:
    assert [source["sourceKey"] for source in ask("/source/sources")] == ["SYNTHETIC"]
    found = ask("/vocabulary/SYNTHETIC/search", {"QUERY": "hypert"})
    assert [(concept["CONCEPT_ID"], concept["CONCEPT_NAME"]) for concept in found] == [(320128, "Hypertension")]


def test_the_reports_of_the_data_source_count_the_synthetic_patients(ask: Ask) -> None:
    person = ask("/cdmresults/SYNTHETIC/person")
    assert {row["attributeName"]: row["attributeValue"] for row in person["summary"]} == {
        "Source name": "Synthetic patients",
        "Number of persons": "8",
    }
    # Achilles withholds five and fewer
    assert {row["conceptName"]: row["countValue"] for row in person["gender"]} == {"FEMALE": 6}
    (hypertension,) = [row for row in ask("/cdmresults/SYNTHETIC/condition") if row["conceptId"] == 320128]
    assert (hypertension["numPersons"], hypertension["recordsPerPerson"]) == (6, 3.0)
    assert ask("/cdmresults/SYNTHETIC/observationPeriod")["observationPeriodsPerPerson"][0]["countValue"] == 8


def test_a_cohort_that_wants_a_year_before_and_after_is_found_by_an_ancestor(ask: Ask) -> None:
    made = ask("/cohortdefinition", {"name": "disease", "expressionType": "SIMPLE_EXPRESSION", "expression": COHORT})
    ask(f"/cohortdefinition/{made['id']}/generate/SYNTHETIC")
    last = time.monotonic() + SECONDS
    while time.monotonic() < last:
        (said,) = ask(f"/cohortdefinition/{made['id']}/info")
        if said["status"] != "RUNNING":
            break
        time.sleep(0.2)
    assert (said["status"], said["personCount"]) == ("COMPLETE", 6)
