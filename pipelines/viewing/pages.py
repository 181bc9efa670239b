"""The pages of `synthehr view`, made on the server as HTML that needs no script."""

import csv
import functools
import io
from collections.abc import Mapping
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from pipelines.viewing.cells import shown_answer
from pipelines.viewing.decision import decision_of, epsilon_of
from pipelines.viewing.entries import groups_of
from pipelines.viewing.fitness import read_cards
from pipelines.viewing.folder import FITNESS, PUBLIC, STEWARD, Found, Half
from pipelines.viewing.queries import CSV_ROWS, ROWS, Answer, Database, Refused
from privacy.ledger import BrokenLedger, Ledger, composed
from privacy.statement import rounded_up, statement
from reports.numbers import percent, shown, whole
from reports.page import environment
from reports.tables import look_rows
from synthehr.release.checksums import CHECKSUMS, SIGNATURE

CODES_SHOWN = 200
COLUMNS_TOLD = 12
ELSEWHERE = "-- duckdb "  # how a query is run without this page
TABLES = """
SELECT CASE schema_name WHEN 'main' THEN '' ELSE schema_name || '.' END || t.name, coalesce(t.comment, ''),
  list(c.column_name ORDER BY c.column_index)
FROM (SELECT schema_name, table_name AS name, comment FROM duckdb_tables() WHERE NOT internal
      UNION ALL SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal) t
JOIN duckdb_columns() c USING (schema_name) WHERE c.table_name = t.name AND NOT c.internal
GROUP BY schema_name, t.name, t.comment ORDER BY schema_name <> 'main', schema_name, t.name
"""
MACROS = """
SELECT DISTINCT function_name, coalesce(comment, '') FROM duckdb_functions()
WHERE NOT internal AND database_name = current_database() ORDER BY function_name
"""


class Pages:
    """Pages of one folder, each as HTML text; what does not change is computed once."""

    def __init__(self, found: Found, database: Database) -> None:
        self.found = found
        self.database = database
        self.about = {str(key): str(value) for key, value in self._rows("SELECT key, value FROM _about")}
        self.name = self.about.get("name", "synthetic cohort")
        self.examples = [_example(key, sql) for key, sql in found.public.queries.items()]
        self._environment = environment()

    def home(self) -> str:
        """What this is, the verdict, and the way to everything else."""
        return self._page(
            "home",
            "/",
            "What this folder holds",
            kind=self.found.kind,
            about=self.about,
            patients=self._count("patients"),
            decision=decision_of(self.found.public),
            halves=self.found.halves,
            facts=self._facts(),
            groups=groups_of(self.found),
        )

    @functools.cached_property
    def ledger(self) -> str:
        """Every look at patients' data."""
        try:
            ledger = Ledger.read(self.found.public.root / "ledger.json")
        except (BrokenLedger, OSError) as error:
            return self._page("ledger", "/ledger", "Ledger", trouble=str(error))
        looks = [row | {"epsilon": _alone(ledger, place)} for place, row in enumerate(look_rows(ledger))]
        told = shown(ledger.epsilon) if ledger.budget is None else rounded_up(ledger.epsilon)
        return self._page("ledger", "/ledger", "Ledger", trouble="", claim=statement(ledger), looks=looks, epsilon=told)

    def query(self, sql: str, *, answer: Answer | None = None, refusal: str = "") -> str:
        """The form, filled with `sql`, and what came of it."""
        return self._page(
            "query",
            "/query",
            "Query",
            sql=sql,
            seconds=f"{self.database.seconds:g}",
            row_limit=ROWS,
            csv_limit=CSV_ROWS,
            refusal=refusal,
            answer=None if answer is None else shown_answer(answer),
            examples=self.examples,
            tables=self._tables,
            macros=[{"name": name, "words": words, "columns": ""} for name, words in self._rows(MACROS)],
        )

    def dictionary(self, q: str) -> str:
        """Codes that have all words of `q` in any of their fields, case aside."""
        words = q.lower().split()
        matched = [row for row in self._codes if all(word in row["text"] for word in words)]
        n = len(matched)
        told = f"{n:,} of {len(self._codes):,} codes" if words else f"All {n:,} codes"
        told += f"; the first {CODES_SHOWN} are shown." if n > CODES_SHOWN else "."
        return self._page(
            "dictionary",
            "/dictionary",
            "Dictionary",
            q=q,
            total=len(self._codes),
            told=told,
            codes=matched[:CODES_SHOWN],
        )

    def document(self, name: str, here: str, title: str) -> str:
        """A Markdown file of the public half, as a page; HTML in it is shown, not obeyed."""
        markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        made = markdown.render(self.found.public.text(name))  # escaped there
        body = Markup(made.replace("<th></th>", "<td></td>"))  # a heading of nothing is read out as one
        return self._page("document", here, title, body=body, source=f"/{PUBLIC}/{name}")

    def fitness(self, half: Half, here: str) -> str:
        """The query fitness cards of one half."""
        of_steward = half.name == STEWARD
        title = "Query fitness, steward's copy" if of_steward else "Query fitness"
        cards = read_cards(half.text(FITNESS))
        return self._page("fitness", here, title, cards=cards, of_steward=of_steward, source=f"/{half.name}/{FITNESS}")

    def checksums(self) -> str:
        """Whether the files are as they were written."""
        halves = [
            {
                "name": half.name,
                "changed": None if half.changed is None else list(half.changed),
                "doubt": half.doubt,
                "listed": whole(len(half.text(CHECKSUMS).splitlines())),
                "signed": "A signature is there; `synthehr verify` checks it with the signer's public key."
                if SIGNATURE in half.files
                else "It is not signed.",
            }
            for half in self.found.halves
        ]
        return self._page("checksums", "/checksums", "Checksums", halves=halves)

    def refused(self, title: str, words: str) -> str:
        """A page for whoever is not let in or asks for what there is not: it tells nothing of the bundle."""
        return self._environment.get_template("view/refused.html.j2").render(title=title, words=words)

    def _page(self, template: str, here: str, title: str, **shows: Any) -> str:
        pages = [
            {"href": "/", "label": "Home"},
            {"href": "/query", "label": "Query"},
            {"href": "/dictionary", "label": "Dictionary"},
            {"href": "/ledger", "label": "Ledger"},
            {"href": "/checksums", "label": "Checksums"},
        ]
        made = self._environment.get_template(f"view/{template}.html.j2")
        return made.render(name=self.name, title=title, here=here, pages=pages, whole=whole, **shows)

    def _facts(self) -> list[tuple[str, str]]:
        codes = self._count("vocabulary")
        facts = [("Synthetic patients", self._count("patients")), ("Codes", codes)]
        facts += [
            ("Generator", self.about.get("generator", "")),
            ("Differential privacy", epsilon_of(self.found.public)),
        ]
        return [
            (word, fact) for word, fact in [*facts, ("Decision holds until", self.about.get("expires", ""))] if fact
        ]

    def _count(self, table: str) -> str:
        rows = self._rows(f"SELECT count(*) FROM {table}")
        return whole(int(rows[0][0])) if rows else ""

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a question of our own; none where a database of another make does not know the table."""
        try:
            return self.database.ask(sql).rows
        except Refused:
            return []

    @functools.cached_property
    def _tables(self) -> list[dict[str, str]]:
        return [
            {
                "name": name,
                "words": words,
                "columns": ", ".join(columns[:COLUMNS_TOLD])
                + (f" and {len(columns) - COLUMNS_TOLD:,} more" if len(columns) > COLUMNS_TOLD else ""),
            }
            for name, words, columns in self._rows(TABLES)
        ]

    @functools.cached_property
    def _codes(self) -> list[dict[str, str]]:
        return [_code(row) for row in csv.DictReader(io.StringIO(self.found.public.text("dictionary.csv")))]


def _code(row: Mapping[str, str]) -> dict[str, str]:
    found = {key: row.get(key) or "" for key in ("code", "description", "system", "exclusive_group")}
    patients, share = row.get("n_synthetic_patients") or "", row.get("synthetic_prevalence") or ""
    return {
        "code": found["code"],
        "description": found["description"],
        "group": found["exclusive_group"],
        "patients": whole(int(patients)) if patients.isdigit() else patients,
        "prevalence": percent(float(share)) if share.replace(".", "", 1).isdigit() else share,
        "text": " ".join(found.values()).lower(),
    }


def _alone(ledger: Ledger, place: int) -> str:
    entry = ledger.entries[place]
    if entry.mechanism is None or ledger.budget is None:
        return "no bound"
    return rounded_up(composed([entry], ledger.budget.delta))


def _example(name: str, sql: str) -> dict[str, Any]:
    """A query that comes along: its title is its first comment, else its file name without number and ending."""
    lines = [line for line in sql.strip().splitlines() if not line.startswith(ELSEWHERE)]
    named = name.removesuffix(".sql").lstrip("0123456789-_").replace("-", " ").replace("_", " ").capitalize()
    title = lines.pop(0).strip("- ").rstrip(":.") if lines and lines[0].startswith("--") else ""
    return {"title": title or named or name, "sql": "\n".join(lines), "reads_files": "read_parquet(" in sql.lower()}
