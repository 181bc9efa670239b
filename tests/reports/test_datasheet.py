import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reports.datasheet import ASK, render_markdown
from reports.view import ReportView

SECTIONS = [
    "Motivation",
    "Composition",
    "Collection process",
    "Preprocessing, cleaning, labelling",
    "Uses",
    "Distribution",
    "Maintenance",
]


def test_the_seven_sections_of_the_paper(make_view: Callable[..., ReportView]) -> None:
    assert re.findall(r"^## (.+)$", render_markdown(make_view()), re.MULTILINE) == SECTIONS


def test_facts_are_filled_and_the_rest_is_asked_for(make_view: Callable[..., ReportView]) -> None:
    text = render_markdown(make_view(leak=0.1, override="A contract"))
    for fact in ("4,000 patients, 5 codes", "A made-up hospital", "`medgan`, seed 3", "5" * 64, "A contract", "FAIL"):
        assert fact in text.replace("(`medgan`), seed", "`medgan`, seed")
    assert text.count(ASK) >= 6
    assert "c" * 64 not in text  # a hash of real data stays with the steward


def test_small_cells_change_nothing(make_view: Callable[..., ReportView]) -> None:
    assert render_markdown(make_view(small=2)) == render_markdown(make_view(small=9))


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_who_gets_it_until_when_and_what_binds_them(make_view: Callable[..., ReportView]) -> None:
    view = make_view()
    policy = view.policy.model_copy(
        update={"recipients": "named researchers", "controls": "a contract", "sensitive": ("mental_health",)}
    )
    text = render_markdown(replace(view, policy=policy))
    told = section(text, "Distribution")
    assert "- **To whom?** named researchers." in told
    assert "- **Under what conditions?** a contract." in told
    assert "2026-03-01; to be decided anew by 2028-03-01." in told
    assert "The decision ends on 2028-03-01." in section(text, "Maintenance")
    assert "Declared as above all sensitive: mental health." in section(text, "Composition")
    # the control: what the policy does not declare is not made up
    plain = render_markdown(view)
    assert "- **To whom?** not declared." in plain
    assert "Declared as above all sensitive: none." in plain


@pytest.mark.parametrize(
    ("earlier", "words"), [(None, "not known, for no register was named"), ((), "0 in the steward")]
)
def test_other_releases_of_the_same_patients(
    make_view: Callable[..., ReportView], earlier: tuple[()] | None, words: str
) -> None:
    assert f"Other releases of them: {words}" in render_markdown(make_view(earlier=earlier))


# of the 57 questions of the paper those that are about this kind of data; a word that the answer's heading must have
ASKED = {
    "Motivation": ["purpose", "Who made it", "paid"],
    "Composition": [
        *["row", "How many", "sample", "labels", "missing", "related", "errors", "self-contained", "confidential"],
        *["sensitive", "subpopulations", "identify", "offend"],
    ],
    "Collection process": ["obtained", "Source", "Period", "Ethical review", "told", "consent", "withdraw", "analysed"],
    "Preprocessing, cleaning, labelling": ["Was any done", "raw data", "software"],
    "Uses": ["used already", "list of works", "Suited", "harm", "Not suited"],
    "Distribution": ["whom", "How", "When", "Licence", "third parties", "export"],
    "Maintenance": ["maintains", "errors reported", "erratum", "updated", "how long", "older versions", "extend"],
}


@pytest.mark.parametrize("heading", ASKED)
def test_every_question_that_applies_is_asked(make_view: Callable[..., ReportView], heading: str) -> None:
    asked = " ".join(re.findall(r"\*\*(.+?)\*\*", section(render_markdown(make_view()), heading), re.DOTALL))
    for word in ASKED[heading]:
        assert word in asked
