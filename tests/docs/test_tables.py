"""The tables of the guide say what the code does now, and leave nothing unsaid."""

import ast
import re
from pathlib import Path

import pytest

from docs import tables
from docs.keys import Key, keys_of, words_of
from pipelines import sections
from pipelines.recipe import Recipe
from privacy.policy_file import Gate, Policy

PAGES = tables.ROOT / "docs" / "pages"
SNIPPET = re.compile(r'^ *--8<-- "(\w+)\.md"$', re.M)


@pytest.mark.parametrize("name", tables.WRITERS)
def test_a_table_is_as_the_code_would_write_it(name: str) -> None:
    said = (tables.GENERATED / f"{name}.md").read_text(encoding="utf-8")
    assert said == tables.BY_HAND + tables.WRITERS[name](), "stale: run python -m docs.tables"


def test_every_table_is_on_a_page_and_no_other_is() -> None:
    included = {name for page in PAGES.rglob("*.md") for name in SNIPPET.findall(page.read_text(encoding="utf-8"))}
    assert included == set(tables.WRITERS) == {file.stem for file in tables.GENERATED.glob("*.md")}


def test_every_key_of_a_recipe_and_a_policy_is_explained() -> None:
    keys = [key for cls in (Recipe, *tables.SECTIONS.values(), Policy, Gate) for key in keys_of(cls)]
    assert len(keys) > 40
    assert [key.name for key in keys if not key.words and key.default != "a section of its own"] == []


def test_a_key_has_the_words_of_its_docstring_its_type_and_its_default() -> None:
    found = {key.name: key for key in keys_of(sections.Train)}
    assert found["epsilon"] == Key("epsilon", "number, above 0", "none", found["delta"].words)
    assert found["delta"].default == "`1e-06`"
    assert found["options"].words == "what that generator understands, such as epochs or minutes"
    assert {key.name: key.type for key in keys_of(sections.Fidelity)}["rules"] == "list of lists of 2 texts"


def test_words_end_where_the_next_key_or_paragraph_begins() -> None:
    class Two:
        """All of them.

        one, two (of several): what both do; three: another. Four: is no key.

        The end, which is of none.
        """

    said = words_of(Two, ["one", "two", "three", "four"])
    assert said == {"one": "what both do", "two": "what both do", "three": "another. Four: is no key"}


def test_a_table_escapes_bars() -> None:
    assert tables.table(("a", "b"), [("x | y", "z")]) == "| a | b |\n|---|---|\n| x \\| y | z |\n"


def test_metrics_are_shown_as_they_are_written_not_as_patterns() -> None:
    shown = tables.attack_table()
    assert "`tpr_at_fpr_{rate}`" in shown
    assert "`identical_excess_distinctive[_records]`" in shown
    assert "(?P" not in shown


def test_the_ten_questions_are_those_of_the_report() -> None:
    source = ast.parse((tables.ROOT / "reports" / "questions.py").read_text(encoding="utf-8"))
    asked = [
        call.args[0].value
        for call in ast.walk(source)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Asked"
        if isinstance(call.args[0], ast.Constant)
    ]
    page = (PAGES / "quickstart" / "officer.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+\?) \|", page, re.M)
    assert len(asked) == 10
    assert rows == asked


def test_files_of_the_repository_that_the_guide_names_are_there() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES.rglob("*.md"))
    named = set(re.findall(r"`((?:pipelines|synthehr|privacy|benchmarks|docs)/[\w/.]+)`", text))
    assert len(named) >= 4
    assert [path for path in sorted(named) if not (Path(tables.ROOT) / path).exists()] == []
