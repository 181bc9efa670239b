"""A cohort and a synthetic cohort of 600 patients, made by hand: B comes with A in real ones alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from scipy import sparse

from pipelines import fitness as stage_module
from pipelines.fitness import fitness, measure_fitness
from pipelines.fitness_command import fitness as command
from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort, draw_splits, write_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.landing import check_landing, land, read_manifest, source_hash
from synthehr.release.fitness.card import public_cards, read_fitness

VOCABULARY = Vocabulary(("X/A", "X/B", "SEX/female", "SEX/male"), ("",) * 4, (None, None, "sex", "sex"))
REAL_ID = 71_518_424_242


def patients(ids: np.ndarray, *, together: bool) -> CodeMatrix:
    who = np.arange(len(ids))
    a = who // 2 % 2 == 0
    columns = [a, a if together else ~a, who % 2 == 0, who % 2 == 1]
    return CodeMatrix(canonical(sparse.csr_matrix(np.array(columns, dtype=np.uint16).T)), ids, VOCABULARY)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    ids = REAL_ID + np.arange(600, dtype=np.int64)
    with land(folder / "cohort", kind="cohort", config={}, made_from={}) as landing:
        write_cohort(landing, Cohort(patients(ids, together=True), draw_splits(ids, shares=(0.6, 0.1, 0.3), seed=1)))
    made_from = {"cohort": source_hash(folder / "cohort"), "run": "a" * 64}
    with land(folder / "synthetic", kind="synthetic", config={"model": "copula"}, made_from=made_from) as landing:
        (landing / "data").mkdir()
        VOCABULARY.write(landing / "vocabulary.parquet")
        Ledger().write(landing / "ledger.json")
        made = patients(-np.arange(1, 601, dtype=np.int64), together=False)
        write_matrix(landing / "data" / "synthetic-00000.parquet", made, id_name="synthetic_id")
    queries = folder / "queries"
    queries.mkdir()
    (queries / "1-a.sql").write_text("-- Patients with A\nSELECT count(*) AS patients FROM codes WHERE code = 'X/A'")
    (queries / "2-both.sql").write_text(
        '-- Patients with A and B\nSELECT count(*) AS patients FROM patients_wide WHERE "X/A" > 0 AND "X/B" > 0'
    )
    (queries / "3-write.sql").write_text("COPY patients TO 'patients.csv'")
    return folder


@pytest.fixture(scope="module")
def landed(house: Path) -> Path:
    fitness(house / "cohort", house / "synthetic", house / "queries", house / "fit", seed=5)
    return house / "fit"


def test_the_landing_holds_cards_and_queries_and_nothing_else(house: Path, landed: Path) -> None:
    manifest = check_landing(landed, "fitness")
    texts = ["queries/1-a.sql", "queries/2-both.sql", "queries/3-write.sql"]
    assert sorted(manifest.files) == ["cards.json", "public.json", *texts]
    assert list(landed.rglob(".*")) == []
    for name in ("cohort", "synthetic"):
        assert manifest.made_from[name] == source_hash(house / name)
    assert len(manifest.made_from) == 5
    assert (landed / texts[0]).read_text().startswith("-- Patients with A\n")


def test_what_the_cards_say(landed: Path) -> None:
    cards = read_fitness(landed)
    assert [(card.title, card.verdict) for card in cards] == [
        ("Patients with A", "as good as real"),
        ("Patients with A and B", "not fit"),
        ("3-write", "not run"),
    ]
    assert json.loads((landed / "public.json").read_text()) == public_cards(cards)
    text = "".join(file.read_text() for file in landed.rglob("*") if file.is_file())
    assert str(REAL_ID)[:7] not in text


def test_the_same_again_from_files_and_for_another_seed(house: Path, landed: Path, tmp_path: Path) -> None:
    files = sorted((house / "queries").glob("*.sql"))
    given = (house / "cohort", house / "synthetic", files)
    assert repr(measure_fitness(*given, seed=5, scratch=tmp_path)) == repr(read_fitness(landed))
    assert list(tmp_path.iterdir()) == []
    assert repr(measure_fitness(*given, seed=6, scratch=tmp_path)) != repr(read_fitness(landed))


def test_nothing_stands_after_an_error(house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, scratch: Path, **__: object) -> None:
        (scratch / "real.duckdb").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(stage_module, "measure", broken)
    with pytest.raises(KeyboardInterrupt):
        fitness(house / "cohort", house / "synthetic", house / "queries", tmp_path / "fit")
    assert list(tmp_path.iterdir()) == []


def test_another_cohort_and_no_queries_are_refused(house: Path, tmp_path: Path) -> None:
    people = patients(np.arange(600, dtype=np.int64), together=True)
    with land(tmp_path / "cohort", kind="cohort", config={}, made_from={}) as landing:
        write_cohort(landing, Cohort(people, np.zeros(600, dtype=np.uint8)))
    with pytest.raises(IncompleteLanding, match="another cohort"):
        fitness(tmp_path / "cohort", house / "synthetic", house / "queries", tmp_path / "fit")
    (tmp_path / "none").mkdir()
    with pytest.raises(BadRequest, match="there are none"):
        fitness(house / "cohort", house / "synthetic", tmp_path / "none", tmp_path / "fit")
    assert not (tmp_path / "fit").exists()


def test_the_command(house: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(command)
    query = house / "queries" / "3-write.sql"
    options = {"cohort": house / "cohort", "synthetic": house / "synthetic", "queries": query, "out": house / "one"}
    with pytest.raises(SystemExit) as end:
        app([part for name, value in options.items() for part in (f"--{name}", str(value))])
    assert not end.value.code
    said = capsys.readouterr().out
    assert "3-write" in said
    assert "not run" in said
    assert "It is not one SELECT statement" in said
    assert read_manifest(house / "one", "fitness").made_from["query 3-write"] == source_hash(query)
