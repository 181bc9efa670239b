import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from privacy.policy import decide
from privacy.policy_file import SHIPPED, Policy, load_policy
from reports.risk_report import FIRST_GATES, Copy, render_html
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
    assert len(page.all("svg")) == 2


def test_the_page_calls_nowhere(text: str) -> None:
    page = Page(text)
    links = [v for _, a in page.found for k, v in a.items() if k in ("src", "href", "xlink:href", "action") and v]
    assert {link for link in links if not link.startswith("#")} == {"../public/fidelity.html"}
    assert page.all("script") == page.all("link") == page.all("img") == []
    assert not re.search(r"@import|url\((?!#)", text)


def test_same_view_same_bytes(text: str, make_view: MakeView) -> None:
    assert render_html(make_view()) == text


@pytest.mark.parametrize("small", [0, 10])
def test_no_byte_of_the_page_depends_on_a_small_cell(small: int, text: str, make_view: MakeView) -> None:
    assert render_html(make_view(small=small)) == text


def test_the_page_does_depend_on_what_an_attack_found(text: str, make_view: MakeView) -> None:
    assert render_html(make_view(leak=0.002)) != text


@pytest.mark.parametrize("copy", ["public", "steward"])
def test_every_link_leads_somewhere(copy: Copy, make_view: MakeView) -> None:
    page = Page(render_html(make_view(earlier=()), copy))
    ids = {attributes["id"] for _, attributes in page.found if "id" in attributes}
    anchors = {(attributes["href"] or "").removeprefix("#") for attributes in page.all("a")}
    assert anchors - ids == {"../public/fidelity.html" if copy == "steward" else "fidelity.html"}


def test_what_was_refused_has_no_fidelity_page_beside_it(make_view: MakeView) -> None:
    assert "fidelity.html" not in render_html(make_view(leak=0.1))


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
        "4,000 patients",
        "0.011",
        "[0.007, 0.015]",
        "0.03",
        "Measured",
        "Declared",
        "Combined",
        "no differential privacy guarantee",
        "holds until 2028-03-01",
        "10. Until when does it hold?",
        "☐ Do not release",
        "Privacy officer",
        "Signature",
    ):
        assert words in first[0]


def test_no_more_gates_than_page_one_has_room_for(make_view: MakeView) -> None:
    plain = make_view()
    gate = plain.policy.gates[0]
    metrics = [f"tpr_at_fpr_0.{k:02}" for k in range(1, 16)]
    policy = plain.policy.model_copy(
        update={"gates": tuple(gate.model_copy(update={"metric": metric}) for metric in metrics)}
    )
    rate = plain.evaluation.risks[0]
    found = replace(plain.evaluation, risks=tuple(replace(rate, metric=metric) for metric in metrics))
    shown = render_html(make_view(policy=policy, evaluation=found, decision=decide(found.risks, plain.ledger, policy)))
    first = shown.split('id="questions"')[0]
    assert first.count("✓ PASS") == 1 + FIRST_GATES
    assert "4 more gates" in first


def test_a_gate_that_was_never_measured_is_on_page_one(make_view: MakeView, unmeasured_policy: Policy) -> None:
    text = render_html(make_view(policy=unmeasured_policy))
    assert "attribute_disclosure sensitivity_gain was not measured" in text.split('id="decision"')[0]


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
