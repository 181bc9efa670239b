"""The datasheet: Gebru et al. (2021, arXiv:1803.09010), with what the software cannot know left to the steward."""

from collections.abc import Sequence

from privacy.hazards import hazards
from privacy.statement import statement
from reports.numbers import whole
from reports.page import environment
from reports.public_view import public_view
from reports.risk_report import outcome
from reports.view import ReportView
from synthehr.release.disclosure import SMALL_CELL

ASK = "*For the data steward to fill.*"


def render_markdown(view: ReportView) -> str:
    """The datasheet as Markdown, from what is public of the view; the same view gives the same bytes."""
    view = public_view(view)
    template = environment().get_template("datasheet.md.j2")
    return template.render(
        view=view,
        whole=whole,
        listed=_listed,
        outcome=outcome(view)["words"],
        ask=ASK,
        small_cell=SMALL_CELL,
        claim=statement(view.ledger),
        hazards=hazards(view.ledger),
        software=f"synthehr {view.versions['synthehr']}" if "synthehr" in view.versions else "synthehr",
        earlier=_earlier(view),
    )


def _listed(names: Sequence[str]) -> str:
    """Names of topics or groups in words, as the policy has them."""
    return ", ".join(name.replace("_", " ") for name in names) or "none"


def _earlier(view: ReportView) -> str:
    if view.earlier is None:
        return "not known, for no register was named"
    return f"{len(view.earlier)} in the steward's register"
