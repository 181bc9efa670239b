"""Which address shows what: a fixed table, made when the folder is opened. Anything else is not there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from pipelines.viewing.cells import as_csv
from pipelines.viewing.folder import FITNESS, Found, Half
from pipelines.viewing.pages import Pages
from pipelines.viewing.queries import CSV_ROWS, Database, Refused

HTML = "text/html; charset=utf-8"
TYPES = {
    ".html": HTML,
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
}
DOCUMENTS = {"/datasheet": ("datasheet.md", "Datasheet"), "/readme": ("README.md", "Read me")}
LONGEST_QUERY = 64_000  # bytes of the form

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Response:
    """What is sent back; the server adds the headers that all have."""

    status: int
    body: bytes
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)


class Site:
    """All that is served of one folder. `get` and `ask` answer whoever the server has let in."""

    def __init__(self, found: Found, database: Database) -> None:
        self.pages = Pages(found, database)
        self._database = database
        self._files = {
            f"/{half.name}/{name}": _file(name, body) for half in found.halves for name, body in half.files.items()
        }
        self._pages = self._page_table(found)

    def get(self, path: str, query: str) -> Response:
        """The page or file at `path`; `query`: what stands after the question mark."""
        if path in self._files:
            return self._files[path]
        if path in self._pages:
            return _page(self._pages[path](fields_of(query)))
        return self.refused(404, "Not here", "There is no such page. Go back to the home page.")

    def ask(self, path: str, form: str) -> Response:
        """Run the query that a form has sent."""
        if path != "/query":
            return self.refused(405, "Not possible", "Only a query can be sent, and only to the query page.")
        fields = fields_of(form)
        sql, to_file = fields.get("sql", ""), fields.get("as") == "csv"
        try:
            answer = self._database.ask(sql, limit=CSV_ROWS) if to_file else self._database.ask(sql)
        except Refused as error:
            return _page(self.pages.query(sql, refusal=str(error)))
        if not to_file:
            return _page(self.pages.query(sql, answer=answer))
        name = f"query-first-{CSV_ROWS}-rows.csv" if answer.more else "query.csv"
        return Response(200, as_csv(answer), TYPES[".csv"], {"Content-Disposition": f'attachment; filename="{name}"'})

    def refused(self, status: int, title: str, words: str) -> Response:
        """A plain page that tells nothing of what is served."""
        return Response(status, self.pages.refused(title, words).encode())

    def _page_table(self, found: Found) -> dict[str, Callable[[Fields], str]]:
        pages = self.pages
        table: dict[str, Callable[[Fields], str]] = {
            "/": lambda _: pages.home(),
            "/query": lambda fields: pages.query(self._example(fields.get("example", ""))),
            "/dictionary": lambda fields: pages.dictionary(fields.get("q", "")[:200]),
            "/ledger": lambda _: pages.ledger,
            "/checksums": lambda _: pages.checksums(),
        }
        for address, (name, title) in DOCUMENTS.items():
            if name in found.public.files:
                table[address] = _document(pages, name, address, title)
        for half, address in ((found.public, "/fitness"), (found.steward, "/steward/fitness")):
            if half is not None and FITNESS in half.files:
                table[address] = _fitness(pages, half, address)
        return table

    def _example(self, number: str) -> str:
        known = {str(place): str(example["sql"]) for place, example in enumerate(self.pages.examples, 1)}
        return known.get(number, "")


def fields_of(text: str) -> dict[str, str]:
    """Fields of a form or of an address, the last of each name; none of what is no form."""
    try:
        return {key: values[-1] for key, values in parse_qs(text, keep_blank_values=True, max_num_fields=8).items()}
    except ValueError:
        return {}


def _document(pages: Pages, name: str, address: str, title: str) -> Callable[[Fields], str]:
    return lambda _: pages.document(name, address, title)


def _fitness(pages: Pages, half: Half, address: str) -> Callable[[Fields], str]:
    return lambda _: pages.fitness(half, address)


def _page(html: str) -> Response:
    return Response(200, html.encode("utf-8", errors="replace"))


def _file(name: str, body: bytes) -> Response:
    """Reports open in the browser; everything else is downloaded under its own name."""
    ending = name[name.rfind(".") :]
    kind = TYPES.get(ending, "text/plain; charset=utf-8" if ending == ".md" else "application/octet-stream")
    own = {} if ending == ".html" else {"Content-Disposition": f'attachment; filename="{name.rsplit("/", 1)[-1]}"'}
    return Response(200, body, kind, own)
