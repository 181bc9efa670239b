import fnmatch
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def document(bundle: Path) -> dict[str, Any]:
    return json.loads((bundle / "croissant.json").read_text(encoding="utf-8"))


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from nodes(value)


def test_it_conforms_to_croissant_1_1(document: dict[str, Any]) -> None:
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert document["@type"] == "sc:Dataset"
    assert {"@context", "name", "description", "distribution", "recordSet"} <= set(document)
    assert "datePublished" not in document  # no time in it; the steward adds what only the steward knows


def test_every_reference_has_a_definition_and_every_id_is_unique(document: dict[str, Any]) -> None:
    body = [node for key in ("distribution", "recordSet") for node in nodes(document[key])]
    defined = [node["@id"] for node in body if "@id" in node and len(node) > 1]
    referred = {node["@id"] for node in body if set(node) == {"@id"}}
    assert len(defined) == len(set(defined))
    assert referred
    assert referred <= set(defined)


def test_files_are_there_with_their_hash(document: dict[str, Any], bundle: Path) -> None:
    files = [node for node in document["distribution"] if node["@type"] == "cr:FileObject"]
    assert {node["contentUrl"] for node in files} >= {"cohort.duckdb", "dictionary.csv", "data/synthetic-00000.parquet"}
    for node in files:
        assert hashlib.sha256((bundle / node["contentUrl"]).read_bytes()).hexdigest() == node["sha256"]
    for node in document["distribution"]:
        if node["@type"] == "cr:FileSet":
            assert any(fnmatch.fnmatch(file["@id"], node["includes"]) for file in files)


def test_terms_used_are_defined_in_the_context(document: dict[str, Any]) -> None:
    schema_org = {"name", "description", "contentUrl", "contentSize", "encodingFormat", "sha256"}
    used = {key for part in ("distribution", "recordSet") for node in nodes(document[part]) for key in node}
    assert {key for key in used if not key.startswith("@")} - schema_org <= set(document["@context"])
