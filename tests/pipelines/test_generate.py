import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines import generate as stage
from pipelines.conditional import BLOCK
from pipelines.evaluate import read_synthetic
from pipelines.generate import generate
from privacy.ledger import Ledger
from synthehr.cohort.matrix import CodeMatrix
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.landing import read_manifest, source_hash
from synthehr.models.registry import load_run

Cli = Callable[..., tuple[int, str, str]]
FEMALE = "sex = 'female' and not age in ('0-10', '10-20')"


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


def satisfying(made: CodeMatrix) -> np.ndarray:
    """By the columns, not by what is tested."""
    index = made.vocabulary.index
    young = [index[code] for code in ("AGE/0-10", "AGE/10-20") if code in index]
    dense = made.counts.toarray() > 0
    return dense[:, index["SEX/female"]] & ~dense[:, young].any(axis=1)


@pytest.mark.usefixtures("small_shards")
def test_under_a_condition_all_satisfy_it_and_the_landing_says_how_many_did(spine: Path, tmp_path: Path) -> None:
    result = generate(spine / "run", tmp_path / "s", patients=900, seed=5, where=FEMALE)
    made = read_synthetic(tmp_path / "s")
    assert satisfying(made).all()
    assert not satisfying(read_synthetic(spine / "synthetic")).all()
    assert np.array_equal(made.ids, -np.arange(1, 901))
    config = read_manifest(tmp_path / "s", "synthetic").config
    assert (config["where"], config["block"]) == (FEMALE, BLOCK)
    assert json.loads((tmp_path / "s" / "condition.json").read_text()) == result["condition"]
    assert result["condition"]["drawn"] == 3 * BLOCK  # one block was enough for each shard
    share = satisfying(read_synthetic(spine / "synthetic")).mean()
    assert result["condition"]["low"] < result["condition"]["share"] < result["condition"]["high"]
    assert result["condition"]["share"] == pytest.approx(share, abs=0.07)
    assert pq.read_schema(tmp_path / "s" / "data" / "synthetic-00002.parquet").metadata[b"where"].decode() == FEMALE


@pytest.mark.usefixtures("small_shards")
def test_under_a_condition_too_bytes_do_not_depend_on_the_processes(spine: Path, tmp_path: Path) -> None:
    for name, seed, processes in (("one", 5, 1), ("two", 5, 2), ("other", 6, 1)):
        generate(spine / "run", tmp_path / name, patients=1_000, seed=seed, where=FEMALE, processes=processes)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    first = "data/synthetic-00000.parquet"
    assert contents(tmp_path / "one")[first] != contents(tmp_path / "other")[first]
    made = read_synthetic(tmp_path / "one")
    assert (made.counts[:400] != made.counts[400:800]).nnz > 0


def test_without_a_condition_all_is_as_it_was(spine: Path, tmp_path: Path) -> None:
    result = generate(spine / "run", tmp_path / "s", patients=300, seed=5)
    assert set(result) == {"synthetic", "patients", "shards", "seed"}
    assert set(read_manifest(tmp_path / "s").config) == {"model", "patients", "seed", "shard"}
    assert not (tmp_path / "s" / "condition.json").exists()
    drawn = load_run(spine / "run").sample(300, rng=np.random.default_rng([5, 0]))
    assert (read_synthetic(tmp_path / "s").counts != drawn).nnz == 0


def test_a_condition_that_nobody_meets_is_refused_and_nothing_is_left(spine: Path, tmp_path: Path, cli: Cli) -> None:
    impossible = "sex = 'female' and sex = 'male'"
    code, out, err = cli("generate", spine / "run", "--out", tmp_path / "s", "-n", "20", "--where", impossible)
    assert (code, out) == (2, "")
    assert "0 of 200,704 patients drawn" in err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_a_condition_that_cannot_be_read_is_refused_before_anything_is_drawn(
    spine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "load_run", lambda run: pytest.fail("a generator was loaded"))
    stage._generator.cache_clear()
    for text in ("sxe = 'male'", "", "AGE/70-80 and"):
        with pytest.raises(BadRequest, match="Condition, position"):
            generate(spine / "run", tmp_path / "s", patients=10, seed=0, where=text)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_the_share_in_a_line(spine: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, _ = cli("generate", spine / "run", "--out", tmp_path / "s", "-n", "20", "--where", "SEX/female")
    found = json.loads((tmp_path / "s" / "condition.json").read_text())
    assert code == 0
    share = f"{100 * found['share']:.3g} %"
    assert f"condition: {found['accepted']:,} of {BLOCK:,} patients drawn satisfy it, {share} (95 % interval" in out
    code, out, _ = cli("generate", spine / "run", "--out", tmp_path / "s", "-n", "20")
    assert (code, "condition" in out) == (0, False)
