import re
from pathlib import Path

import duckdb

from synthehr.release.macros import MACROS
from synthehr.release.researcher import FILES, write_readme

# written by others of this house, or only where there is something to write
ELSEWHERE = {"report.pdf", "fidelity.html", "fidelity.pdf", "fidelity.json", "SHA256SUMS.sig"}


def test_the_queries_of_the_readme_run_as_they_stand(public: Path) -> None:
    blocks = re.findall(r"```sql\n(.*?)\n```", (public / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    with duckdb.connect(str(public / "cohort.duckdb"), read_only=True) as connection:
        commonest, by, cohort, beside = (connection.execute(block).fetchall() for block in blocks)
    # each of three codes has three of six patients
    assert [row[3] for row in commonest] == [0.5, 0.5, 0.5]
    # 250, the first of two conditions, is of -1 and -4, women of 70-80 and 80-90, and -2, a man of 70-80
    assert [row[2:] for row in by] == [(1, 1.0), (2, 0.5), (2, 0.5), (1, 0.0)]
    assert cohort == [(1, 2.0, 2.0)]
    assert [row[0] for row in beside] == ["DRUG/insulin", "ICD9CM/401"]


def test_the_readme_says_synthetic_and_what_was_decided(public: Path) -> None:
    text = (public / "README.md").read_text(encoding="utf-8")
    assert "No row of these files is a real patient" in text
    assert "Verdict of the policy trial: PASS." in text
    calls = re.findall(r"^\| `((?:FROM|SELECT) .+?)` \|", text, re.MULTILINE)
    assert len(calls) == len(MACROS)
    with duckdb.connect(str(public / "cohort.duckdb"), read_only=True) as connection:
        for call in calls:
            connection.execute(call).fetchall()
    assert 'quoted: `"ICD9CM/250"`' in text


def test_every_file_that_is_named_is_there_and_every_file_is_named(public: Path) -> None:
    text = (public / "README.md").read_text(encoding="utf-8")
    named = [
        name
        for row in re.findall(r"^\| (`[\w./*-]+`(?:, `[\w./*-]+`)*) \|", text, re.MULTILINE)
        for name in re.findall(r"`(.+?)`", row)
    ]
    assert "queries/fitness.json" not in named  # this bundle has none
    for name in set(named) - ELSEWHERE:
        assert list(public.glob(name)), name
    listed = {file for name in named for place in public.glob(name) for file in (place, *place.rglob("*"))}
    assert {file for file in public.rglob("*") if file.is_file()} - listed == {public / "README.md"}


def test_what_stands_there_only_sometimes_is_named_where_it_does(database: Path, tmp_path: Path) -> None:
    write_readme(tmp_path / "README.md", database, name="x", verdict="PASS.")
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    (tmp_path / "source").mkdir()
    (tmp_path / "audit.json").touch()
    write_readme(tmp_path / "README.md", database, name="x", verdict="PASS.")
    fuller = (tmp_path / "README.md").read_text(encoding="utf-8")
    for place in ("source/", "audit.json"):
        assert f"`{place}`" not in text
        assert f"| `{place}` |" in fuller
    assert sum(not always for _, _, always in FILES) == 3
