from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines import generate as stage
from pipelines.evaluate import read_synthetic
from pipelines.generate import generate
from privacy.ledger import Ledger
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.landing import read_manifest, source_hash


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "SHARD", 400)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.usefixtures("small_shards")
def test_the_bytes_are_the_same_for_one_process_and_two(spine: Path, tmp_path: Path) -> None:
    generate(spine / "run", tmp_path / "one", patients=1_000, seed=5, processes=1)
    generate(spine / "run", tmp_path / "two", patients=1_000, seed=5, processes=2)
    generate(spine / "run", tmp_path / "other", patients=1_000, seed=6, processes=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert sorted(file.name for file in (tmp_path / "one" / "data").iterdir()) == [
        f"synthetic-0000{k}.parquet" for k in range(3)
    ]
    first = "data/synthetic-00000.parquet"
    assert contents(tmp_path / "one")[first] != contents(tmp_path / "other")[first]


@pytest.mark.usefixtures("small_shards")
def test_shards_are_independent_draws_and_a_longer_cohort_begins_with_the_shorter(spine: Path, tmp_path: Path) -> None:
    generate(spine / "run", tmp_path / "short", patients=800, seed=5, processes=1)
    generate(spine / "run", tmp_path / "long", patients=1_200, seed=5, processes=1)
    short, long = read_synthetic(tmp_path / "short"), read_synthetic(tmp_path / "long")
    assert (short.counts != long.counts[:800]).nnz == 0
    assert (short.counts[:400] != short.counts[400:]).nnz > 0


@pytest.mark.usefixtures("small_shards")
def test_synthetic_patients_are_unmistakable(spine: Path, tmp_path: Path) -> None:
    generate(spine / "run", tmp_path / "s", patients=900, seed=5)
    made = read_synthetic(tmp_path / "s")
    assert np.array_equal(made.ids, -np.arange(1, 901))
    for file in (tmp_path / "s" / "data").iterdir():
        metadata = pq.read_schema(file).metadata
        assert metadata[b"synthetic"] == b"true"
        assert metadata[b"run"].decode() == source_hash(spine / "run")


def test_every_patient_has_one_member_of_each_group(spine: Path) -> None:
    made = read_synthetic(spine / "synthetic")
    assert set(made.vocabulary.groups) == {"sex", "age", "race"}
    for columns in made.vocabulary.groups.values():
        assert (made.binary()[:, columns].sum(axis=1) == 1).all()


def test_the_ledger_of_the_run_comes_along_with_its_lineage(spine: Path) -> None:
    assert Ledger.read(spine / "synthetic" / "ledger.json") == Ledger.read(spine / "run" / "ledger.json")
    made_from = read_manifest(spine / "synthetic", "synthetic").made_from
    assert made_from == {"run": source_hash(spine / "run"), "cohort": source_hash(spine / "cohort")}


def test_a_folder_of_another_kind_or_an_altered_run_is_refused(spine: Path, tmp_path: Path) -> None:
    with pytest.raises(IncompleteLanding, match="it is a landing of kind cohort"):
        generate(spine / "cohort", tmp_path / "s", patients=10, seed=0)
    for file in (spine / "run").iterdir():
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "run" / "weights.safetensors").open("ab") as weights:
        weights.write(b"\0")
    with pytest.raises(IncompleteLanding, match=r"weights\.safetensors changed"):
        generate(tmp_path / "run", tmp_path / "s", patients=10, seed=0)
    assert not (tmp_path / "s").exists()


def test_none_is_not_a_number_of_patients(spine: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="at least 1"):
        generate(spine / "run", tmp_path / "s", patients=0, seed=0)


def test_a_generator_that_breaks_its_promise_lands_nothing(
    spine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careless:
        name = "careless"

        def __init__(self, run: Path) -> None:
            kept = read_synthetic(spine / "synthetic")
            self.vocabulary = kept.vocabulary
            self.counts = kept.counts.tolil()
            self.counts[3, kept.vocabulary.groups["sex"]] = 1

        def sample(self, n: int, *, rng: np.random.Generator) -> object:
            return self.counts.tocsr()[:n]

    monkeypatch.setattr(stage, "load_run", Careless)
    stage._generator.cache_clear()
    with pytest.raises(AssertionError, match="careless broke its promise: sex"):
        generate(spine / "run", tmp_path / "s", patients=10, seed=0)
    stage._generator.cache_clear()
    assert list(tmp_path.iterdir()) == []
