"""`croissant.json`: the public half in Croissant 1.1 (MLCommons), JSON-LD that catalogues and loaders read.

With the properties of its vocabulary for responsible AI (Croissant RAI 1.0). What only the steward can know (licence,
url, creator, date of publication) is not made up: what is not given is to be added before the cohort is put into a
catalogue, and `datasheet.md` says so.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthehr.landing import file_hash

SPECIFICATIONS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
# http://mlcommons.org/croissant/RAI/1.0, without the prefix rai:
RESPONSIBLE = (
    *("annotationsPerItem", "annotatorDemographics", "dataAnnotationAnalysis", "dataAnnotationPlatform"),
    *("dataAnnotationProtocol", "dataBiases", "dataCollection", "dataCollectionMissingData", "dataCollectionRawData"),
    *("dataCollectionTimeframe", "dataCollectionType", "dataImputationProtocol", "dataLimitations"),
    *("dataManipulationProtocol", "dataPreprocessingProtocol", "dataReleaseMaintenancePlan", "dataSocialImpact"),
    *("dataUseCases", "machineAnnotationTools", "personalSensitiveInformation"),
)
# the recommended context of the specification, appendix 1, whether a term is used here or not: loaders compare it
TERMS = (
    *("arrayShape", "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty"),
    *("fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path"),
    *("recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField"),
    "transform",
)
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    **{term: f"cr:{term}" for term in TERMS},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
}
PARQUET, CSV, SQL = "application/x-parquet", "text/csv", "application/sql"
KINDS = {".parquet": PARQUET, ".csv": CSV, ".sql": SQL, ".ndjson": "application/x-ndjson", ".json": "application/json"}
FILES = {
    "cohort.duckdb": ("https://duckdb.org/docs/stable/internals/storage", "The whole cohort as a DuckDB database"),
    "vocabulary.parquet": (PARQUET, "The codes that are the columns of the code matrix"),
    "dictionary.csv": (CSV, "Every code, what it means and how often the synthetic cohort has it"),
}
SETS = {
    "matrix-files": ("data/synthetic-*.parquet", "The code matrix, one row a synthetic patient"),
    "event-files": ("events/data/synthetic-*.parquet", "The same as MEDS events; a code matrix has no times"),
}
OTHERS = {
    "data/*": "One shard of the code matrix",
    "events/data/*": "One shard of the events",
    "queries/*.sql": "A query on cohort.duckdb",
    "source/**/*": "The cohort in the schema of the source",
}
# record set -> its files (set or object), then column, type, whether a list, what it is
RECORDS: Mapping[str, tuple[str, str, tuple[tuple[str, str, bool, str], ...]]] = {
    "patients": (
        "fileSet",
        "matrix-files",
        (
            ("synthetic_id", "sc:Integer", False, "Id of a synthetic patient, always negative"),
            ("codes", "sc:Integer", True, "Positions in the vocabulary of the patient's codes, ascending"),
            ("counts", "sc:Integer", True, "How often the patient has the code at the same place of codes"),
        ),
    ),
    "events": (
        "fileSet",
        "event-files",
        (
            ("subject_id", "sc:Integer", False, "Id of a synthetic patient, always negative"),
            ("time", "sc:DateTime", False, "Always null"),
            ("code", "sc:Text", False, "SYSTEM/value"),
            ("numeric_value", "sc:Float", False, "How often the patient has the code"),
        ),
    ),
    "dictionary": (
        "fileObject",
        "dictionary.csv",
        (
            ("code", "sc:Text", False, "SYSTEM/value"),
            ("description", "sc:Text", False, "What the code means; may be empty"),
            ("system", "sc:Text", False, "Code system"),
            ("exclusive_group", "sc:Text", False, "Group of which each patient has exactly one member; may be empty"),
            ("synthetic_prevalence", "sc:Float", False, "Share of synthetic patients with the code, in [0, 1]"),
            ("n_synthetic_patients", "sc:Integer", False, "Number of synthetic patients with the code"),
            ("synthetic_mean_count", "sc:Float", False, "How often those have it on average; empty where nobody has"),
        ),
    ),
}
KEYS = {"patients": ("synthetic_id",), "events": ("subject_id", "code"), "dictionary": ("code",)}


def describe(
    folder: Path,
    *,
    name: str,
    description: str,
    version: str,
    responsible: Mapping[str, str],
    licence: str | None = None,
    url: str | None = None,
    creator: str | None = None,
    published: str | None = None,
) -> dict[str, Any]:
    """The Croissant document of the data files that stand in `folder`, with their SHA-256.

    responsible: property of Croissant RAI 1.0, such as `dataLimitations`, -> text. licence: its name or address.
    creator: an organisation. published: ISO date.

    Raises:
        ValueError: a property that the RAI vocabulary does not have.
    """
    strange = sorted(set(responsible) - set(RESPONSIBLE))
    if strange:
        raise ValueError(f"The 'responsible' parameter of describe must have properties of RAI 1.0. Got {strange}.")
    known = {
        "license": licence,
        "url": url,
        "creator": creator and {"@type": "sc:Organization", "name": creator},
        "datePublished": published,
    }
    return {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "name": name,
        "description": description,
        "conformsTo": list(SPECIFICATIONS),
        "version": version,
        "keywords": ["synthetic data", "electronic health records"],
        **{key: value for key, value in known.items() if value},
        **{f"rai:{key}": text for key, text in responsible.items()},
        "distribution": _distribution(folder),
        "recordSet": [_records(key, *parts) for key, parts in RECORDS.items()],
    }


def _distribution(folder: Path) -> list[dict[str, str]]:
    objects = [_file(folder, folder / path, kind, about) for path, (kind, about) in FILES.items()]
    for glob, about in OTHERS.items():
        files = sorted(file for file in folder.glob(glob) if file.suffix in KINDS)
        objects += [_file(folder, file, KINDS[file.suffix], about) for file in files]
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": key,
            "name": key,
            "description": about,
            "encodingFormat": PARQUET,
            "includes": glob,
        }
        for key, (glob, about) in SETS.items()
    ]
    return [*objects, *sets]


def _file(folder: Path, path: Path, kind: str, about: str) -> dict[str, str]:
    place = path.relative_to(folder).as_posix()
    return {
        "@type": "cr:FileObject",
        "@id": place,
        "name": path.name,
        "description": about,
        "contentUrl": place,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": kind,
        "sha256": file_hash(path),
    }


def _records(key: str, kind: str, source: str, fields: tuple[tuple[str, str, bool, str], ...]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": key,
        "name": key,
        "key": [{"@id": f"{key}/{column}"} for column in KEYS[key]],
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{key}/{column}",
                "name": column,
                "description": about,
                "dataType": data_type,
                **({"isArray": True, "arrayShape": "-1"} if is_list else {}),
                "source": {kind: {"@id": source}, "extract": {"column": column}},
            }
            for column, data_type, is_list, about in fields
        ],
    }
