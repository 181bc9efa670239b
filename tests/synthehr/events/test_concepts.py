"""What an ingest keeps for the way back to the source's own schema."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from synthehr.events.concepts import COLUMNS, CONCEPTS, SOURCE_TABLES
from synthehr.events.ingest import ingest_events
from synthehr.events.mapping_file import load_mapping
from tests.synthehr.events.mappings.handmade_omop import extract


def metadata(landing: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(landing / "metadata" / name).set_index("code")


def test_each_code_has_the_table_in_which_it_mostly_stands(tmp_path: Path) -> None:
    (tmp_path / "extract").mkdir()
    source = extract(tmp_path / "extract")
    # celecoxib, an exposure once, is written twice among observations: on other days, so that none repeats another
    path = source / "observation.csv"
    path.write_text(path.read_text() + "".join(f"{k},1,1118084,2010-05-0{k}{',' * 17}\n" for k in (2, 3)))
    ingest_events(source, tmp_path / "events")
    found = metadata(tmp_path / "events", SOURCE_TABLES)["source_table"].to_dict()
    assert {code: table for code, table in found.items() if code.split("/")[0] not in ("SEX", "AGE", "RACE")} == {
        "SNOMED/59621000": "condition_occurrence",
        "SOURCE/K92.2": "condition_occurrence",
        "OMOP/999": "condition_occurrence",
        "CPT/71020": "procedure_occurrence",
        "RXNORM/140587": "observation",
        "LOINC/8480-6": "measurement",
        "SOURCE/smoker": "observation",
        "OUTCOME/died": "death",
    }


def test_concepts_are_those_of_the_codes_and_of_all_above_them(tmp_path: Path) -> None:
    (tmp_path / "extract").mkdir()
    source = extract(tmp_path / "extract")
    # a second concept with the code of hypertension comes before it, and is not standard; nobody has the third
    path = source / "concept.csv"
    rows = "7,Raised,Condition,SNOMED,Any,,59621000,,,D\n8,Unused,Condition,SNOMED,Any,S,12345678,,,\n"
    path.write_text(path.read_text() + rows)
    ingest_events(source, tmp_path / "events")
    found = metadata(tmp_path / "events", CONCEPTS)
    assert tuple(found.columns) == COLUMNS
    assert found["concept_id"].to_dict() == {
        "CPT/71020": 2211,
        "LOINC/8480-6": 3004249,
        "RXNORM/140587": 1118084,
        "SNOMED/59621000": 320128,
        "SNOMED/64572001": 100,  # above it
    }
    drug = found.loc["RXNORM/140587"].dropna().tolist()
    assert drug[:7] == [1118084, 'celecoxib 5" x', "Drug", "RxNorm", "Ingredient", "S", "140587"]
    assert [str(day) for day in drug[7:]] == ["2002-01-31", "2099-12-31"]  # written in two ways


def test_without_a_table_of_concepts_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "extract").mkdir()
    ingest_events(extract(tmp_path / "extract", without="concept concept_ancestor"), tmp_path / "events")
    assert not (tmp_path / "events" / "metadata" / CONCEPTS).exists()
    assert metadata(tmp_path / "events", SOURCE_TABLES)["source_table"]["OMOP/320128"] == "condition_occurrence"


def test_other_sources_are_as_they_were(mimic: Callable[..., Path], tmp_path: Path) -> None:
    ingest_events(mimic(), tmp_path / "events")
    assert sorted(path.name for path in (tmp_path / "events" / "metadata").iterdir()) == [
        "codes.parquet",
        "dataset.json",
    ]
    # what a mapping does not say does not count in its hash: landings of before stay current
    plain = load_mapping("mimic3")
    said = json.dumps(plain.model_dump(mode="json", exclude={"returns", "concept"}), sort_keys=True)
    assert plain.digest() == hashlib.sha256(said.encode()).hexdigest()
    assert plain.digest() != plain.model_copy(update={"returns": True}).digest()
