"""The section on researchers' queries, from cards made by hand."""

from collections.abc import Callable

from reports import fidelity_report, risk_report
from reports.page import environment
from reports.view import ReportView
from synthehr.release.fitness.card import ColumnFit, QueryCard, public_cards


def card(verdict: str, *columns: ColumnFit, reason: str | None = None, title: str = "By <sex> & age") -> QueryCard:
    rows = 12.0 if columns else float("nan")
    return QueryCard(
        name="q",
        title=title,
        sql="SELECT count(*) FROM patients WHERE n_codes < 3\n",
        verdict=verdict,
        reason=reason,
        patients=9_317,
        parts=5,
        rows=rows,
        missing=rows,
        columns=columns,
    )


def column(verdict: str, off: float) -> ColumnFit:
    return ColumnFit(
        name="n",
        verdict=verdict,
        off=off,
        control=0.0312,
        spread=0.04,
        median=off,
        control_median=0.02,
        worst=0.61,
        control_worst=0.3,
        rank=float("nan"),
        control_rank=0.98,
    )


def render(*cards: QueryCard) -> str:
    return environment().get_template("queries.html.j2").render(cards=public_cards(cards))


def test_verdict_bands_and_the_query_are_shown() -> None:
    page = render(card("not fit", column("not fit", 0.3123)), card("not run", reason="outside", title="Other"))
    assert "By &lt;sex&gt; &amp; age" in page
    assert '<span class="verdict fail">✗ not fit</span>' in page
    assert "25 to 50 %" in page
    assert "under 5 %" in page
    assert "of about 9,300 each" in page
    assert "n_codes &lt; 3" in page
    assert "It reads or writes outside the database." in page
    assert page.count("<details>") == 2


def test_no_figure_of_the_full_card_is_shown() -> None:
    page = render(card("usable with care", column("usable with care", 0.3123)))
    for figure in ("0.31", "31.2", "3.12", "0.61", "9,317", "9317", "nan", "None"):
        assert figure not in page


def test_without_cards_there_is_no_section() -> None:
    assert render().strip() == ""


def test_the_cards_stand_in_the_fidelity_report_and_reach_no_public_risk_report(
    make_view: Callable[..., ReportView],
) -> None:
    view = make_view(cards=(card("not fit", column("not fit", 0.4321), title="Heart failure by age"),))
    page = fidelity_report.render_html(view)
    assert "Heart failure by age" in page
    assert "not fit" in page
    assert "0.4321" not in page  # in bands alone
    assert "Heart failure by age" not in risk_report.render_html(view, "public")
