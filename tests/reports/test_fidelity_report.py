import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pandas as pd
import pytest

from privacy.budget import Budget
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian
from reports.fidelity_report import render_html
from reports.fidelity_words import GLOSSARY
from reports.view import ReportView
from synthehr.evaluation import Evaluation

MakeView = Callable[..., ReportView]
TAGS = """section header div h1 h2 h3 p ul li dl dt dd table caption thead tbody tr th td figure figcaption strong em
    small code span a details summary b main"""


@pytest.fixture(scope="module")
def plain(plain_view: ReportView) -> str:
    return render_html(plain_view)


def main_of(text: str) -> ElementTree.Element:
    found = re.search(r"<main.*</main>", text, re.DOTALL)
    assert found is not None
    return ElementTree.fromstring(found[0])


def test_the_page_is_well_formed_accessible_and_calls_nowhere(plain: str) -> None:
    root = main_of(plain)
    tags = {element.tag for element in root.iter() if not element.tag.startswith("{")}
    assert tags <= set(TAGS.split())
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert len(root.findall(".//h1")) == 1
    assert len(root.findall(".//table")) == len(root.findall(".//table/caption")) > 4
    assert all(th.get("scope") for th in root.iter("th"))
    assert all(svg.get("role") == "img" for svg in root.iter("{http://www.w3.org/2000/svg}svg"))
    assert not re.search(r"<script|<link|<img|@import|url\((?!#)", plain)
    links = re.findall(r'(?:href|src|action)="([^"]*)"', plain)
    assert all(link.startswith("#") for link in links)


def test_same_view_same_bytes(plain: str, make_view: MakeView) -> None:
    assert render_html(make_view()) == plain


@pytest.mark.parametrize("small", [0, 1, 10])
def test_no_byte_of_the_page_depends_on_a_small_cell(small: int, plain: str, make_view: MakeView) -> None:
    assert render_html(make_view(small=small)) == plain


@pytest.mark.parametrize("table", ["codes", "codes_per_patient", "correlations", "effects"])
def test_the_page_does_depend_on_a_large_cell_of_each_table(table: str, plain: str, make_view: MakeView) -> None:
    large = getattr(make_view(small=60).evaluation, table)
    found = make_view().evaluation
    assert render_html(make_view(evaluation=replace(found, **{table: large}))) != plain


def test_page_one_says_what_may_be_studied(plain: str) -> None:
    first = re.search(r'<section class="first".*?</section>', plain, re.DOTALL)
    assert first is not None
    for words in ("Anything with time", "The cohort has no times", "house defaults", "not measured", "✗ no"):
        assert words in first[0]


def test_every_answer_on_page_one_has_its_figure(make_view: MakeView) -> None:
    found = make_view().evaluation
    ks = replace(found.scores[1], name="codes_per_patient_ks", value=0.03, low=0.02, high=0.04, floor=0.3, ceiling=0.01)
    text = render_html(make_view(evaluation=replace(found, scores=(*found.scores, ks))))
    row = re.search(r'<th scope="row"><strong>Codes per patient.*?</tr>', text, re.DOTALL)
    assert row is not None
    for words in ("✓ yes", "0.030", "[0.020, 0.040]", "0.300", "0.010", "2,000 patients", "≤\N{NO-BREAK SPACE}0.05"):
        assert words in row[0]


def test_an_evaluation_without_the_tables_still_has_a_page(make_view: MakeView) -> None:
    found = make_view().evaluation
    bare = Evaluation(scores=(), risks=(), codes=found.codes, roc=found.roc, comparators=found.comparators.iloc[:0])
    text = render_html(make_view(evaluation=bare))
    assert text.count("Not measured, or of too few") == 5
    assert main_of(text) is not None


def test_the_training_is_drawn_where_its_history_is_known(plain: str, make_view: MakeView) -> None:
    assert "How the training went" not in plain
    history = pd.DataFrame({"epoch": [1, 2], "term": "held_out_nats", "value": [3.0, 2.5]})
    assert "How the training went" in render_html(make_view(history=history))


def test_a_budget_is_said(plain: str, make_view: MakeView) -> None:
    ledger = Ledger(budget=Budget(epsilon=3.0, delta=1e-6))
    ledger.spend(Entry(query="counts", mechanism=Gaussian(noise_multiplier=5.0), sensitivity=1.0))
    assert "Made under a privacy budget" in render_html(make_view(ledger=ledger, generator="private_copula"))
    assert "Made under a privacy budget" not in plain


def test_text_from_outside_is_escaped(make_view: MakeView, make_codes: Callable[..., pd.DataFrame]) -> None:
    codes = make_codes().assign(description='<script>alert("1")</script> & more')
    found = replace(make_view().evaluation, codes=codes)
    text = render_html(make_view(name="<script>x", source='"><img src=y>', evaluation=found))
    assert "<script" not in text
    assert "<img" not in text
    assert main_of(text) is not None


def test_no_hash_of_real_data_is_on_the_page(plain: str) -> None:
    assert "c" * 64 not in plain


def test_every_term_has_a_meaning() -> None:
    assert all(meaning.endswith(".") for meaning in GLOSSARY.values())
