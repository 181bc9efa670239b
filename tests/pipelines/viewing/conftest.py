"""A bundle of six synthetic patients in its two halves, made by hand, and a server that shows it."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from scipy import sparse

from pipelines.viewing.folder import open_folder
from pipelines.viewing.queries import Database
from pipelines.viewing.server import Server
from pipelines.viewing.site import Site
from privacy.budget import Budget
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian
from synthehr.cohort.matrix import CodeMatrix, canonical, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.release.checksums import write_checksums
from synthehr.release.database import write_database
from synthehr.release.dictionary import write_dictionary

VOCABULARY = Vocabulary(
    code=("ICD9CM/250", "ICD9CM/401", "DRUG/insulin", "SEX/female", "SEX/male"),
    description=("Diabetes mellitus", "Essential <hypertension>", "Insulin", "", ""),
    group=(None, None, None, "sex", "sex"),
)
COUNTS = [[1, 0, 2, 1, 0], [3, 1, 0, 0, 1], [0, 0, 1, 1, 0], [1, 1, 1, 1, 0], [0, 4, 0, 0, 1], [0, 0, 0, 0, 1]]
REPORT = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Risk report</title></head>'
    "<body><main><h1>Risk report</h1><p>Of a trial.</p></main></body></html>"
)
QUERIES = {
    "01-by-sex.sql": "-- Patients by sex.\n-- duckdb -readonly cohort.duckdb < queries/01-by-sex.sql\n"
    "SELECT sex, count(*) AS patients FROM patients GROUP BY sex ORDER BY sex;\n",
    "02-meds-events.sql": "-- From the Parquet files.\nFROM read_parquet('events/data/*.parquet');\n",
}
CARD = {
    "name": "by-sex",
    "title": "Patients by sex.",
    "sql": "SELECT 1;",
    "verdict": "as good as real",
    "reason": None,
    "rows": 2,
    "columns": [{"name": "patients", "verdict": "as good as real", "off": "under 5 %", "control": "5 to 10 %"}],
}


def write_public(half: Path) -> None:
    half.mkdir(parents=True)
    matrix = CodeMatrix(canonical(sparse.csr_matrix(np.array(COUNTS))), -np.arange(1, 7, dtype=np.int64), VOCABULARY)
    write_matrix(half / "shard.parquet", matrix, id_name="synthetic_id", metadata={"synthetic": "true"})
    VOCABULARY.write(half / "vocabulary.parquet")
    (half / ".scratch").mkdir()
    write_database(
        half / "cohort.duckdb",
        shards=[half / "shard.parquet"],
        vocabulary=half / "vocabulary.parquet",
        about={"name": "trial-cohort", "generator": "medgan", "expires": "2028-03-01"},
        scratch=half / ".scratch",
    )
    (half / ".scratch").rmdir()
    write_dictionary(half / "cohort.duckdb", half / "dictionary.csv")
    ledger = Ledger(budget=Budget(epsilon=3.0, delta=1e-6))
    ledger.spend(Entry(query="counts of codes", mechanism=Gaussian(noise_multiplier=8.0), sensitivity=1.0))
    ledger.look("the figures of the risk report", covers="report")
    ledger.write(half / "ledger.json")
    decision = {"policy": "trial", "verdict": "PASS", "override": None, "reasons": ["PASS: nothing was found."]}
    write_texts(half, {"report.html": REPORT, "decision.json": json.dumps(decision)})
    write_texts(half, {"datasheet.md": "# Datasheet\n\n| a | |\n|---|---|\n| 1 | <script>x</script> |\n"})
    (half / "report.pdf").write_bytes(b"%PDF-1.7 trial")
    (half / "queries").mkdir()
    write_texts(half / "queries", {**QUERIES, "fitness.json": json.dumps([CARD])})
    write_checksums(half)


def write_steward(half: Path) -> None:
    (half / "queries").mkdir(parents=True)
    column = {"name": "patients", "verdict": "as good as real", "off": 0.0123, "control": 0.05}
    write_texts(half / "queries", {"fitness.json": json.dumps([CARD | {"columns": [column]}])})
    write_texts(half, {"report.html": REPORT, "policy.json": "{}", "codes.csv": "code\n"})
    write_checksums(half)


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[[], Path]:
    """A bundle that the test may change."""

    def make() -> Path:
        write_public(tmp_path / "bundle" / "public")
        write_steward(tmp_path / "bundle" / "steward")
        return tmp_path / "bundle"

    return make


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for all tests that only read."""
    folder = tmp_path_factory.mktemp("viewed") / "bundle"
    write_public(folder / "public")
    write_steward(folder / "steward")
    return folder


@pytest.fixture(scope="session")
def database(bundle: Path) -> Iterator[Database]:
    opened = Database(bundle / "public" / "cohort.duckdb", seconds=2.0)
    yield opened
    opened.close()


@dataclass(frozen=True)
class Caller:
    """A client of the server; what it sends is what the test says."""

    server: Server

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": self.server.door.set_cookie.split(";")[0]}

    def call(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers (lower case) and body. Header names are given with `_` for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", errors="replace")
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def ask(self, sql: str, *, to_file: bool = False, **headers: str) -> tuple[int, dict[str, str], str]:
        """Send a query as the page's own form does, unless `headers` say otherwise."""
        form = urlencode({"sql": sql, "as": "csv" if to_file else "table"})
        own = {"Origin": self.server.door.origins[0], "Content_Type": "application/x-www-form-urlencoded"}
        return self.call("POST", "/query", form, **(self.cookie | own | headers))


@pytest.fixture(scope="session")
def caller(bundle: Path, database: Database) -> Iterator[Caller]:
    server = Server(Site(open_folder(bundle), database))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield Caller(server)
    server.shutdown()
    server.server_close()
    thread.join()
