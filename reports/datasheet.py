"""The datasheet: Gebru et al. (2021, arXiv:1803.09010), with what the software cannot know left to the steward."""

from privacy.hazards import hazards
from privacy.statement import statement
from reports.numbers import whole
from reports.page import environment
from reports.risk_report import outcome
from reports.view import ReportView
from synthehr.release.disclosure import SMALL_CELL

ASK = "*For the data steward to fill.*"


def render_markdown(view: ReportView) -> str:
    """The datasheet as Markdown; the same view gives the same bytes, and no real figure is of few patients."""
    template = environment().get_template("datasheet.md.j2")
    return template.render(
        view=view,
        whole=whole,
        outcome=outcome(view)["words"],
        ask=ASK,
        small_cell=SMALL_CELL,
        claim=statement(view.ledger),
        hazards=hazards(view.ledger),
    )
