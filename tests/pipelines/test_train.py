import logging
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from pipelines.sections import Train
from pipelines.train import train, within
from privacy.ledger import Ledger
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.landing import partial_path, read_manifest, source_hash

# the published model, because it has two phases to be interrupted in
TINY = Train(
    model="medgan_paper",
    options={"epochs": 4, "pretrain_epochs": 2, "batch_size": 200, "pool": 1000, "judge_every": 2, "device": "cpu"},
)


def stop_when(condition: Callable[[str, int], bool]) -> Callable[..., None]:
    def progress(task: str, done: int, total: int, unit: str, note: str = "") -> None:
        if condition(task, done):
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def whole(spine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    train(spine / "cohort", out, TINY, seed=3)
    return out


@pytest.mark.parametrize(("task", "at"), [("pre-train autoencoder", 1), ("train adversarial", 3)])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    spine: Path, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, task: str, at: int
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(spine / "cohort", out, TINY, seed=3, progress=stop_when(lambda name, done: (name, done) == (task, at)))
    assert not out.exists()
    with caplog.at_level(logging.INFO, "synthehr"):
        train(spine / "cohort", out, TINY, seed=3)
    assert "going on from where it stopped" in caplog.text
    assert source_hash(out) == source_hash(whole)
    assert list(tmp_path.iterdir()) == [out]


def test_another_request_is_never_mixed_with_what_was_interrupted(
    spine: Path, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "run"
    other = TINY.model_copy(update={"options": TINY.options | {"learning_rate": 0.01}})
    with pytest.raises(KeyboardInterrupt):
        train(spine / "cohort", out, other, seed=3, progress=stop_when(lambda name, _: name == "train adversarial"))
    assert any((partial_path(out) / "checkpoints").iterdir())
    with caplog.at_level(logging.INFO, "synthehr"):
        train(spine / "cohort", out, TINY, seed=3)
    assert "starting afresh" in caplog.text
    assert source_hash(out) == source_hash(whole)


def test_a_finished_run_holds_no_critic_and_no_checkpoint(whole: Path) -> None:
    assert sorted(file.name for file in whole.iterdir()) == [
        "history.parquet",
        "ledger.json",
        "manifest.json",
        "model.json",
        "vocabulary.parquet",
        "weights.safetensors",
    ]
    names = load_file(whole / "weights.safetensors").keys()
    assert any("embed" in name for name in names)  # the generator is there
    assert not any(word in name for name in names for word in ("discriminator", "critic", "encoder"))


def test_the_ledger_has_every_look(whole: Path) -> None:
    queries = " ".join(entry.query for entry in Ledger.read(whole / "ledger.json").entries)
    for look in ("vocabulary", "number of patients", "autoencoder", "adversarial", "marginals", "validation"):
        assert look in queries


def test_the_manifest_has_the_request(whole: Path, spine: Path) -> None:
    manifest = read_manifest(whole, "run")
    assert manifest.config == {"model": "medgan_paper", "options": TINY.options, "seed": 3}
    assert manifest.made_from == {"cohort": source_hash(spine / "cohort")}


def test_another_seed_gives_other_weights(spine: Path, whole: Path, tmp_path: Path) -> None:
    train(spine / "cohort", tmp_path / "run", TINY, seed=4)
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() != (whole / "weights.safetensors").read_bytes()
    assert pq.read_table(tmp_path / "run" / "history.parquet").num_rows > 0


def test_what_cannot_be_trained_is_said_before_a_cohort_is_read(spine: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="Did you mean 'medgan'"):
        train(spine / "cohort", tmp_path / "run", Train(model="medgn"), seed=0)
    with pytest.raises(BadRequest, match="epoch"):
        train(spine / "cohort", tmp_path / "run", Train(options={"epoch": 3}), seed=0)
    with pytest.raises(IncompleteLanding, match="it is a landing of kind events"):
        train(spine / "events", tmp_path / "run", TINY, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_a_budget_by_the_clock_is_shown_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("pipelines.train.time.monotonic", lambda: now[0])
    heard: list[tuple[object, ...]] = []
    progress = within(2.0, lambda *told: heard.append(told))
    now[0] = 130.0
    progress("train adversarial", 7, 2000, "pass", "distance 1")
    now[0] = 300.0
    progress("train adversarial", 9, 2000, "pass")
    assert heard == [
        ("train", 0, 120, "seconds"),
        ("train", 30, 120, "seconds", "train adversarial, pass 7, distance 1"),
        ("train", 120, 120, "seconds", "train adversarial, pass 9"),
    ]
