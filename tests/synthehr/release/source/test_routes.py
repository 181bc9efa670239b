from pathlib import Path

from synthehr.release.source.routes import source_tables, tables_of

KNOWN = {"SNOMED/1": "conditions", "SNOMED/2": "conditions", "SNOMED/3": "procedures", "SNOMED/4": "nowhere"}


def test_a_code_goes_back_where_it_came_from() -> None:
    asked = ["SNOMED/3", "SNOMED/9", "SNOMED/4", "CCS/49", "LOINC/1", "SEX/male", "OUTCOME/died"]
    found = tables_of(
        asked, KNOWN, allowed=("conditions", "procedures", "labs"), otherwise={"LOINC/1": "labs"}, last="procedures"
    )
    assert found == {
        "SNOMED/3": "procedures",
        "SNOMED/9": "conditions",  # unseen: where two of the three others of its system are
        "SNOMED/4": "conditions",  # its table is none of those that are written
        "CCS/49": "procedures",  # nothing of its system was seen
        "LOINC/1": "labs",
    }


def test_where_a_code_was_comes_before_what_its_domain_says() -> None:
    asked = {"allowed": ("conditions", "labs"), "otherwise": {"SNOMED/1": "labs"}, "last": "labs"}
    assert tables_of(["SNOMED/1"], KNOWN, **asked) == {"SNOMED/1": "conditions"}
    assert tables_of(["SNOMED/1"], {}, **asked) == {"SNOMED/1": "labs"}


def test_an_old_landing_says_nothing(tmp_path: Path) -> None:
    assert source_tables(tmp_path) == {}
