import math
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from scipy.optimize import brentq
from scipy.stats import norm

from pipelines.viewing.folder import open_folder
from pipelines.viewing.queries import Database
from pipelines.viewing.site import Site

PAGES = ("/", "/query", "/dictionary", "/ledger", "/checksums", "/datasheet", "/fitness", "/steward/fitness")


class Links(HTMLParser):
    """Addresses that a page leads to, and elements that no page of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag in ("script", "iframe", "object") or any(name.startswith("on") for name, _ in attrs)
        self.targets += [value for name, value in attrs if name in ("href", "action", "src") and value]


def shown(caller, path: str) -> str:
    status, _, text = caller.call("GET", path, **caller.cookie)
    assert status == 200, path
    return text


def test_every_link_of_every_page_leads_somewhere_here(caller) -> None:
    for page in PAGES:
        links = Links()
        links.feed(shown(caller, page))
        assert links.scripts == 0
        for target in links.targets:
            path = target.split("#")[0]
            assert not path or path.startswith("/"), target  # nothing calls home
            assert not path or caller.call("GET", path, **caller.cookie)[0] == 200, target


def test_home_tells_the_verdict_and_what_is_there(caller) -> None:
    text = shown(caller, "/")
    assert "✓ PASS" in text
    assert "6 synthetic patients" in text
    assert "epsilon" in text
    assert "/public/report.pdf" in text
    assert "/public/fidelity.html" not in text  # this bundle has none
    assert "stay in the house" in text


def test_the_public_half_alone_shows_nothing_of_the_stewards(bundle: Path, database: Database) -> None:
    site = Site(open_folder(bundle / "public"), database)
    assert b"steward" not in site.get("/", "").body
    assert site.get("/steward/policy.json", "").status == site.get("/steward/fitness", "").status == 404


def test_a_changed_bundle_says_so(make_bundle: Callable[[], Path]) -> None:
    folder = make_bundle()
    (folder / "public" / "datasheet.md").write_text("another")
    database = Database(folder / "public" / "cohort.duckdb")
    site = Site(open_folder(folder), database)
    home, checksums = (site.get(path, "").body.decode() for path in ("/", "/checksums"))
    database.close()
    assert "Not as it was released" in home
    assert "<code>datasheet.md</code>" in checksums


def test_the_control_an_unchanged_bundle_does_not(caller) -> None:
    assert "Not as it was released" not in shown(caller, "/")
    assert "are as they were written" in shown(caller, "/checksums")


def test_override_and_refusal_are_not_dressed_up(make_bundle: Callable[[], Path]) -> None:
    folder = make_bundle()
    (folder / "public" / "decision.json").write_text(
        '{"policy": "trial", "verdict": "FAIL", "override": "because <b>I</b> say so", "reasons": []}'
    )
    database = Database(folder / "public" / "cohort.duckdb")
    text = Site(open_folder(folder), database).get("/", "").body.decode()
    database.close()
    assert "! OVERRIDE" in text
    assert "because &lt;b&gt;I&lt;/b&gt; say so" in text


def test_every_look_is_in_the_ledger_with_its_epsilon(caller) -> None:
    text = shown(caller, "/ledger")
    assert "counts of codes" in text
    assert "the figures of the risk report" in text
    # Balle and Wang 2018, theorem 8, of noise multiplier 8 at delta 1e-6: the epsilon of the one look
    c, delta = 8.0, 1e-6
    epsilon = brentq(lambda e: norm.cdf(0.5 / c - e * c) - math.exp(e) * norm.cdf(-0.5 / c - e * c) - delta, 1e-3, 5.0)
    told = float(text.split("the release: epsilon ")[1].split("<")[0])
    assert epsilon <= told < epsilon + 2e-3
    assert text.count("no bound") == 1  # of the look that went into the report


def test_a_ledger_that_was_changed_is_not_believed(make_bundle: Callable[[], Path]) -> None:
    folder = make_bundle()
    ledger = folder / "public" / "ledger.json"
    ledger.write_text(ledger.read_text().replace('"noise_multiplier": 8.0', '"noise_multiplier": 80.0'))
    database = Database(folder / "public" / "cohort.duckdb")
    text = Site(open_folder(folder), database).get("/ledger", "").body.decode()
    database.close()
    assert "does not add up" in text
    assert "epsilon of the release" not in text


def test_the_dictionary_is_searched_for_all_words(caller) -> None:
    assert "ICD9CM/250" in shown(caller, "/dictionary")
    both = shown(caller, "/dictionary?q=icd9cm+HYPER")
    assert "ICD9CM/401" in both
    assert "Essential &lt;hypertension&gt;" in both
    assert "ICD9CM/250" not in both
    assert "0 of 5 codes." in shown(caller, "/dictionary?q=icd9cm+insulin")
    assert "<script>" not in shown(caller, "/dictionary?q=%3Cscript%3E")


def test_examples_fill_the_form(caller) -> None:
    text = shown(caller, "/query?example=1")
    assert ">Patients by sex</a>" in text
    assert "SELECT sex, count(*) AS patients" in text
    assert "-readonly" not in text
    assert "From the Parquet files</a> <small>(reads files" in text
    assert all("SELECT sex" not in shown(caller, f"/query?example={odd}") for odd in ("0", "3", "-1", "x", "1.0"))


def test_markdown_is_shown_and_its_html_not_obeyed(caller) -> None:
    text = shown(caller, "/datasheet")
    assert "<h1>Datasheet</h1>" in text
    assert "&lt;script&gt;x&lt;/script&gt;" in text


def test_fitness_in_bands_for_everybody_in_figures_for_the_steward(caller) -> None:
    assert "under 5 %" in shown(caller, "/fitness")
    assert "1.23 %" not in shown(caller, "/fitness")
    assert "1.23 %" in shown(caller, "/steward/fitness")


def test_cells(caller) -> None:
    _, _, text = caller.ask(
        "SELECT NULL AS a, 0.123456789::DOUBLE AS b, 12345678.5::DOUBLE AS c, '<i>' AS d, [1, 2] AS e, true AS f"
    )
    cells = ('<span class="null">null</span>', ">0.123457<", ">12345678<", "&lt;i&gt;", "[1, 2]", ">True<")
    assert all(cell in text for cell in cells)
    _, _, text = caller.ask("SELECT " + ", ".join(f"{j} AS c{j}" for j in range(60)))
    assert "1 row. 50 of 60 columns." in text
    assert ">c49<" in text
    assert ">c50<" not in text
    _, _, text = caller.ask("FROM range(1001)")
    assert "The first 1,000 rows; there are more." in text
