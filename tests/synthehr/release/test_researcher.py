import re
from pathlib import Path

import duckdb

from synthehr.release.researcher import example_queries, queries


def test_the_queries_of_the_readme_run_as_they_stand(bundle: Path) -> None:
    blocks = re.findall(r"```sql\n(.*?)\n```", (bundle / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    with duckdb.connect(str(bundle / "cohort.duckdb"), read_only=True) as connection:
        commonest, together, by, beside, about = (connection.execute(block).fetchall() for block in blocks)
    # each of three codes has three of six patients
    assert [row[2] for row in commonest] == [0.5, 0.5, 0.5]
    # the first two by name are insulin (1, 3, 4) and 250 (1, 2, 4): both in 2 of 6; lift (1/3) / (1/4)
    assert [round(x, 6) for x in together[0]] == [round(1 / 3, 6), round(4 / 3, 6)]
    assert by == [
        ("female", "70-80", 1, 1.0),
        ("female", "[80-90)", 2, 1.0),
        ("male", "70-80", 2, 0.0),
        ("male", "[80-90)", 1, 0.0),
    ]
    assert beside == [("ICD9CM/250", "Diabetes mellitus", 2), ("ICD9CM/401", 'Essential "hypertension", benign', 1)]
    assert ("synthetic", "true") in about


def test_the_readme_says_synthetic_and_what_was_decided(bundle: Path) -> None:
    text = (bundle / "README.md").read_text(encoding="utf-8")
    assert "No row of these files is a real patient" in text
    assert "Verdict of the policy trial: PASS." in text
    for file in re.findall(r"^\| `([\w.]+)`", text, re.MULTILINE):
        assert (bundle / file).is_file()


def test_a_cohort_without_demographics_has_fewer_queries(bundle: Path) -> None:
    assert len(queries("A/1", "A/2", [])) == len(example_queries(bundle / "cohort.duckdb")) - 1
