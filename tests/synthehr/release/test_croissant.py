import fnmatch
import hashlib
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.release.croissant import describe


@pytest.fixture
def document(public: Path) -> dict[str, Any]:
    return json.loads((public / "croissant.json").read_text(encoding="utf-8"))


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from nodes(value)


def test_it_conforms_to_croissant_1_1_and_rai_1_0(document: dict[str, Any]) -> None:
    assert document["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    assert document["@type"] == "sc:Dataset"
    assert {"@context", "name", "description", "distribution", "recordSet"} <= set(document)
    assert "datePublished" not in document  # no time in it; the steward adds what only the steward knows


def describe_public(public: Path, **more: Any) -> dict[str, Any]:
    return describe(public, name="x", description="y", version="1.0.0", **more)


def test_what_the_steward_knows_is_told(public: Path) -> None:
    known = {"licence": "CC-BY-4.0", "url": "https://example.org", "creator": "A hospital", "published": "2026-03-01"}
    document = describe_public(public, responsible={"dataLimitations": "No times."}, **known)
    assert document["rai:dataLimitations"] == "No times."
    assert (document["license"], document["url"]) == ("CC-BY-4.0", "https://example.org")
    assert (document["creator"]["name"], document["datePublished"]) == ("A hospital", "2026-03-01")


def test_a_property_that_rai_does_not_have_is_refused(public: Path) -> None:
    with pytest.raises(ValueError, match=r"properties of RAI 1.0. Got \['dataLimitation'\]"):
        describe_public(public, responsible={"dataLimitation": "No times."})


def test_the_bundle_says_what_is_responsible(document: dict[str, Any]) -> None:
    for key in ("dataUseCases", "dataLimitations", "dataBiases", "personalSensitiveInformation", "dataSocialImpact"):
        assert document[f"rai:{key}"]
    assert "2028-03-01" in document["rai:dataReleaseMaintenancePlan"]


@pytest.fixture
def loaded(public: Path) -> Any:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed: pip install mlcroissant")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlcroissant.Dataset(public / "croissant.json")


def test_mlcroissant_finds_no_error(loaded: Any, public: Path, tmp_path: Path) -> None:
    import mlcroissant

    assert not loaded.metadata.ctx.issues.errors
    # what it recommends besides is the steward's to say
    wanted = sorted(re.findall(r"/(\w+)\" is recommended", str(loaded.metadata.ctx.issues.warnings)))
    assert wanted == ["citeAs", "datePublished", "license"]
    # the control: a field whose source is nowhere
    broken = (
        (public / "croissant.json").read_text(encoding="utf-8").replace('"@id": "matrix-files"\n', '"@id": "no"\n', 1)
    )
    (tmp_path / "croissant.json").write_text(broken, encoding="utf-8")
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(tmp_path / "croissant.json")


def test_mlcroissant_loads_every_record_set(loaded: Any, vocabulary: Vocabulary) -> None:
    patients = list(loaded.records("patients"))
    assert len(patients) == 6
    first = {key: np.asarray(value).tolist() for key, value in patients[0].items()}
    # 250 once, insulin twice, female, 70-80
    assert first == {"patients/synthetic_id": -1, "patients/codes": [0, 2, 3, 5], "patients/counts": [1, 2, 1, 1]}
    assert len(list(loaded.records("events"))) == 9 + 12
    codes = list(loaded.records("dictionary"))
    assert [row["dictionary/code"].decode() for row in codes] == list(vocabulary.code)
    assert codes[0]["dictionary/synthetic_prevalence"] == 0.5


def test_every_reference_has_a_definition_and_every_id_is_unique(document: dict[str, Any]) -> None:
    body = [node for key in ("distribution", "recordSet") for node in nodes(document[key])]
    defined = [node["@id"] for node in body if "@id" in node and len(node) > 1]
    referred = {node["@id"] for node in body if set(node) == {"@id"}}
    assert len(defined) == len(set(defined))
    assert referred
    assert referred <= set(defined)


def test_files_are_there_with_their_hash(document: dict[str, Any], public: Path) -> None:
    files = [node for node in document["distribution"] if node["@type"] == "cr:FileObject"]
    assert {node["contentUrl"] for node in files} >= {"cohort.duckdb", "dictionary.csv", "data/synthetic-00000.parquet"}
    for node in files:
        assert hashlib.sha256((public / node["contentUrl"]).read_bytes()).hexdigest() == node["sha256"]
    for node in document["distribution"]:
        if node["@type"] == "cr:FileSet":
            assert any(fnmatch.fnmatch(file["@id"], node["includes"]) for file in files)


def test_terms_used_are_defined_in_the_context(document: dict[str, Any]) -> None:
    schema_org = {"name", "description", "contentUrl", "contentSize", "encodingFormat", "sha256"}
    assert all(key.startswith("rai:") for key in document if ":" in key)
    used = {key for part in ("distribution", "recordSet") for node in nodes(document[part]) for key in node}
    assert {key for key in used if not key.startswith("@")} - schema_org <= set(document["@context"])
