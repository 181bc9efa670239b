import re
from collections.abc import Callable

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
    for fact in ("4,000 patients, 5 codes", "A made-up hospital", "`medgan`, seed 3", "c" * 64, "A contract", "FAIL"):
        assert fact in text.replace("(`medgan`), seed", "`medgan`, seed")
    assert text.count(ASK) >= 6


def test_small_cells_change_nothing(make_view: Callable[..., ReportView]) -> None:
    assert render_markdown(make_view(small=2)) == render_markdown(make_view(small=9))
