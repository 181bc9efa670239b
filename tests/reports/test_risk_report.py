import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from privacy.policy_file import SHIPPED, Policy, load_policy
from reports.risk_report import render_html
from reports.stories import ATTACKS, METRICS, attack_words, metric_words
from reports.view import ReportView
from synthehr.errors import BadRequest

MakeView = Callable[..., ReportView]
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements and attributes of a page; every element but the void ones must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_the_page_is_well_formed_and_accessible(text: str) -> None:
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all("scope" in attributes for attributes in page.all("th"))
    assert len(page.all("h1")) == 1
    assert page.all("html") == [{"lang": "en"}]
    assert all(attributes.get("role") == "img" for attributes in page.all("svg"))
    assert len(page.all("svg")) == 4


def test_the_page_calls_nowhere(text: str) -> None:
    page = Page(text)
    links = [v for _, a in page.found for k, v in a.items() if k in ("src", "href", "xlink:href", "action") and v]
    assert all(link.startswith("#") for link in links)
    assert page.all("script") == page.all("link") == page.all("img") == []
    assert not re.search(r"@import|url\((?!#)", text)


def test_same_view_same_bytes(text: str, make_view: MakeView) -> None:
    assert render_html(make_view()) == text


@pytest.mark.parametrize("small", [0, 10])
def test_no_byte_of_the_page_depends_on_a_small_cell(small: int, text: str, make_view: MakeView) -> None:
    assert render_html(make_view(small=small)) == text


def test_the_page_does_depend_on_a_large_cell(text: str, make_view: MakeView) -> None:
    assert render_html(make_view(small=60)) != text


@pytest.mark.parametrize(
    ("leak", "override", "words"),
    [
        (0.0, None, "May be released: every gate of the policy passes."),
        (0.1, None, "Not released: the policy gate refuses this cohort."),
        (0.1, "A contract binds the recipient", "Released by override, although the verdict is FAIL."),
    ],
)
def test_the_outcome_is_said_in_words(leak: float, override: str | None, words: str, make_view: MakeView) -> None:
    text = render_html(make_view(leak=leak, override=override))
    assert words in text
    assert ("A contract binds the recipient" in text) == (override is not None)
    assert ("✗ FAIL" in text) == (leak > 0)


def test_page_one_holds_what_an_officer_signs(text: str) -> None:
    first = re.search(r'<section class="first".*?</section>\s*</section>', text, re.DOTALL)
    assert first is not None
    for words in (
        "A made-up hospital",
        "medgan",
        "4,000 trained on",
        "0.011",
        "[0.007, 0.015]",
        "0.03",
        "house default",
        "no differential privacy guarantee",
        "Privacy officer",
        "Signature",
    ):
        assert words in first[0]


def test_a_gate_that_was_never_measured_is_on_page_one(make_view: MakeView, unmeasured_policy: Policy) -> None:
    text = render_html(make_view(policy=unmeasured_policy))
    assert "attribute_disclosure sensitivity_gain was not measured" in text.split("<h2>Decision</h2>")[0]


def test_text_from_outside_is_escaped(make_view: MakeView) -> None:
    text = render_html(make_view(name="<script>alert(1)</script>", purpose="a & b", source='"x"><img src=y>'))
    assert "<script" not in text
    assert "<img" not in text
    assert "a &amp; b" in text


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda f: f.stem)
def test_every_gate_that_is_shipped_has_words(file: object) -> None:
    for gate in load_policy(str(file)).gates:
        assert attack_words(gate.attack).story
        assert metric_words(gate.metric) != gate.metric.replace("_", " ")


def test_words_that_are_not_known_are_shown_as_they_are() -> None:
    assert attack_words("shadow_models").title == "Shadow models"
    assert metric_words("some_new_metric") == "some new metric"
    assert all(attack.story for attack in ATTACKS.values())
    assert len({pattern for pattern, _ in METRICS}) == len(METRICS)


@pytest.mark.parametrize("source", ["/srv/extracts/ehr.zip", "C:\\extracts\\ehr.zip"])
def test_a_path_is_no_name_of_a_source(source: str, make_view: MakeView) -> None:
    with pytest.raises(BadRequest, match="needs a source in words"):
        make_view(source=source)


def test_a_split_without_patients_is_refused(make_view: MakeView) -> None:
    with pytest.raises(BadRequest, match="holdout"):
        make_view(n_patients={"train": 10, "validation": 2})
